/*
 * llmagg.h - the C interface of llmagg: one API for many LLM providers.
 *
 * This header is the manual. Link with -lllmagg (SONAME libllmagg.so.1) or with libllmagg.a.
 *
 * A first call, without error checks:
 *
 *     llmagg_manager *manager = NULL;
 *     llmagg_aggregator *agg = NULL;
 *     llmagg_buf answer = {NULL, 0};
 *     llmagg_manager_new(&manager, NULL);
 *     llmagg_aggregator_new(manager, NULL, 0, &agg, NULL);
 *     llmagg_aggregator_initialize(agg, config, strlen(config), NULL);
 *     llmagg_aggregator_chat(agg, request, strlen(request), NULL, 0, &answer, NULL);
 *     puts(answer.ptr);
 *     llmagg_buf_free(&answer);
 *     llmagg_aggregator_free(agg);
 *     llmagg_manager_free(manager);
 *
 * with   config  = {"openai": {"models": {"gpt-4o": {"api_key": "${OPENAI_API_KEY}"}}}}
 * and    request = {"messages": [{"role": "user", "content": "Hello"}]}
 *
 * RULES THAT HOLD FOR EVERY FUNCTION
 *
 * Status.   A function that can fail returns llmagg_status: LLMAGG_OK (0) or one of the negative LLMAGG_E_ codes. Any function
 *           may return LLMAGG_E_INVALID_ARGUMENT (a NULL or malformed argument), LLMAGG_E_INVALID_HANDLE (a NULL, freed,
 *           foreign or wrong-kind handle), LLMAGG_E_INTERNAL (a fault in the library, which goes on working) and
 *           LLMAGG_E_FORKED; the lists under "Codes" name only other codes.
 * Errors.   The last parameter, llmagg_error **err, may be NULL. On failure *err is set to an error that the caller owns and
 *           frees with llmagg_error_free; on success *err is not changed. There is no thread-local state.
 * Inputs.   Borrowed during the call. Text is UTF-8, given as pointer and length; it needs no NUL at the end.
 *           JSON is RFC 8259. A length above 1 GiB is refused.
 * Outputs.  Written only on success. A llmagg_buf is owned by the caller and freed with llmagg_buf_free; its
 *           last byte is followed by a NUL that its length does not count, so it can be printed.
 * Handles.  Opaque pointers. Each is freed exactly once; a second free, NULL, and a handle of another kind are ignored.
 *           A handle that was freed is never valid again, and never becomes another object. Handle values are opaque odd
 *           64-bit numbers, not addresses: never dereference them or tag their bits.
 * Threads.  Every function may be called from any thread at any time, also for one handle from several threads at once, also
 *           while another thread frees that handle. A queue should have one reader. A signal handler must not call any function.
 * Fork.     In a child made by fork(), _Fork() or clone() without exec (not vfork), every function with a status returns
 *           LLMAGG_E_FORKED at once, and those that free a handle do nothing. The functions that need no state (llmagg_version,
 *           llmagg_abi_version, llmagg_status_name, llmagg_error_..., llmagg_buf_free) work there. The library's sockets and
 *           queue descriptors are closed in the child; after _Fork() and clone(), by its first call.
 * Output.   The library never writes to stdout or stderr (for the one exception see Limits).
 * Signals.  The library handles SIGSEGV, SIGBUS, SIGFPE and SIGPIPE, and passes what is not its own on to the handlers that were
 *           there when it was loaded. Every other signal is the host's, SIGURG, SIGCHLD, SIGPROF and SIGRTMIN too: its
 *           disposition stays as it is (a handler from before the load may get the flag SA_ONSTACK), and the library's threads
 *           block it, so that handlers run on the host's threads only, and sigwait and signalfd get what they wait for. Open
 *           in the library's threads are the faults (SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV), and signal 33, which is
 *           the C library's. No handler needs SA_ONSTACK for our sake: a thread of the host's takes no signal while it is inside of
 *           Go, but when it is out again, with the mask that it came with, which is after microseconds or, in functions that
 *           wait, at once: they wait outside. Handlers installed after the load for SIGSEGV, SIGBUS, SIGFPE or
 *           SIGPIPE replace the library's, and need SA_ONSTACK. A thread may bring an alternate stack of the kernel's least size
 *           (sysconf(_SC_MINSIGSTKSZ)); only a fault inside of Go, or a SIGPIPE there, needs more: 16 KiB. A thread without one has
 *           32 KiB of the library's after its first call.
 * Process.  The limit of descriptors (RLIMIT_NOFILE), the rounding and the traps of floating point, the working directory and the
 *           environment are as the host set them. GODEBUG does not make the Go runtime print.
 * Limits.   The Go runtime ends the process, with a message on stderr, where it gets no memory or no thread. What the host has to
 *           leave it: 1 GiB of address space (RLIMIT_AS) before the library is loaded, and of that ten bytes for each byte of the
 *           answers of megabytes that are under way at a time; 16 threads, and one more for each processor (RLIMIT_NPROC, a
 *           container's pids); for a thread it waits up to 10 s first. A descriptor that is missing is an error of the call
 *           (UNAVAILABLE), as is C's memory for an answer or an event (INTERNAL).
 * Time.     Seconds as double.
 * Growth.   Codes, event types and flags are never renumbered. Structs that begin with struct_size grow only at their end;
 *           set it to sizeof(the struct) as compiled. JSON documents may gain fields; readers must ignore fields that they do not know.
 *
 * REQUESTS, RESPONSES, CHUNKS are JSON in the shape of OpenAI's chat completions, whatever the vendor's format; unknown
 * fields pass through in both directions. A request's "model" chooses, with llmagg_aggregator_..., the routes of that
 * name instead of the aggregator's list; the route's own upstream name is what is sent. A response carries
 * "attempts" beside OpenAI's fields: an array with one object for each HTTP exchange: {"route", "provider", "model", "start": seconds
 * since the epoch, "duration", "first_token": seconds, "outcome": name of the code, "code", "status", "message", "wait": seconds
 * before it, "waited_for", "bytes", "skipped_events", "usage", "left_out"}; what does not apply is left out. A request with a
 * misspelt field, an option of the call or a key of the configuration is refused; "extra_body", an object, takes fields of any name
 * and is merged into the request.
 *
 * OPTIONS of a call (JSON object, or NULL and 0 for the defaults):
 *     "max_retries": n             attempts on one route (default: the route's configuration)
 *     "deadline": s                over everything: attempts, waits, routes (default: none)
 *     "timeout": s                 one attempt (default: the route's configuration)
 *     "on_interrupt": "error"      a stream that breaks after its first token ends with LLMAGG_E_STREAM_INTERRUPTED (default
 *                     "restart"    for LLMAGG_STREAM); or a RESTART event is sent and another route answers from the beginning
 *     "hedge_after": s             ask a second route when the first sent no token by then (default: off)
 *     "failover_bad_request": b    go on to the next route after LLMAGG_E_BAD_REQUEST (default: true)
 *     "failover_content_filter": b go on to the next route after LLMAGG_E_CONTENT_FILTER (default: false)
 *     "include_usage": b           ask for usage in streams where the vendor supports it (default: false for single clients)
 *     "extra_body": {name: value}  fields for the server that the library does not know; they replace fields of the same name. "model",
 *                                  "messages", "stream" and "n" belong into the request itself
 *     "headers": {name: value}     HTTP headers for this call; they replace configured headers of the same name
 *     "headers_only": b            "headers" are the whole set: no key and no configured header beside them (default: false)
 *     "bare": b                    one attempt without place, breaker or retry (for bindings; single clients only; default: false)
 *     "window": n                  LLMAGG_STREAM: chunks that may be under way before llmagg_op_credit (default: 64; 0: no bound)
 *
 * CONFIGURATION (JSON object): {provider: {"models": {name: {keys}}, keys}}; keys beside "models" are defaults of these models:
 *     "api_key", "base_url", "model": its upstream name, "type": "openai", "deepseek", "gemini" or "openai-compatible",
 *     "organization", "headers": {name: text}, "proxy", "ca_file",
 *     "timeout" (30 s), "connect_timeout" (5), "idle_timeout" (= timeout), "reader_timeout" (300), "max_retries" (3),
 *     "max_concurrent_calls" (10),
 *     "breaker": {"open_s" (10), "block_s" (60), "window_s" (30), "failures" (5), "ratio" (0.5), "min_requests" (10)},
 *     "retry": {"backoff_s" (0.5), "backoff_max_s" (8), "wait_s" (3), "budget_ratio" (0.2), "budget_per_s" (3)},
 *     "limits": {"response_bytes" (64 MiB), "event_bytes" (16 MiB), "stream_bytes" (256 MiB), "header_bytes" (1 MiB)}
 * "${NAME}" in a text stands for the environment variable NAME, read through getenv() at that moment, "${NAME:-text}" for text where
 * it is not set or empty. A model whose variable is not set is left out while others can be used: the log warns, and a call that
 * names it says why. The provider's name ("openai", "deepseek", "gemini") chooses the wire format and the base URL; any other name needs
 * a "base_url" and is spoken to as OpenAI. An unknown key is refused with a message that suggests the nearest known one.
 */
#ifndef LLMAGG_H
#define LLMAGG_H

#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32)
#define LLMAGG_API
#elif defined(__GNUC__)
#define LLMAGG_API __attribute__((visibility("default")))
#else
#define LLMAGG_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---------------------------------------------------------------------------------------------------------------- status -- */

/* 0 or one of the negative codes below. */
typedef int32_t llmagg_status;

enum {
    LLMAGG_OK = 0,
    LLMAGG_E_INVALID_ARGUMENT = -1,    /* an argument, JSON text or configuration that cannot be used */
    LLMAGG_E_INVALID_HANDLE = -2,      /* a NULL, freed, foreign or wrong-kind handle */
    LLMAGG_E_CLOSED = -3,              /* the object is closed, or was closed while the call ran */
    LLMAGG_E_INTERNAL = -4,            /* a fault in the library was caught; it goes on working */
    LLMAGG_E_FORKED = -5,              /* a forked child used the library of its parent */
    LLMAGG_E_NOT_INITIALIZED = -6,     /* an aggregator was used before it has routes */
    LLMAGG_E_PROVIDER_NOT_FOUND = -10, /* no provider of that name is registered */
    LLMAGG_E_MODEL_NOT_FOUND = -11,    /* no such model here, or the server answered 404 */
    LLMAGG_E_AUTHENTICATION = -20,     /* the server refused the key */
    LLMAGG_E_QUOTA = -21,              /* the account has no credit left */
    LLMAGG_E_RATE_LIMIT = -22,         /* the server asked to slow down */
    LLMAGG_E_BAD_REQUEST = -23,        /* the server refused the request */
    LLMAGG_E_CONTEXT_LENGTH = -24,     /* the prompt is too long for the model */
    LLMAGG_E_CONTENT_FILTER = -25,     /* the prompt or the answer was blocked by the vendor */
    LLMAGG_E_TIMEOUT = -26,            /* a deadline passed */
    LLMAGG_E_UNAVAILABLE = -27,        /* network failure, 408, 409, or 5xx */
    LLMAGG_E_BAD_RESPONSE = -28,       /* the answer is no completion, or is over a limit */
    LLMAGG_E_STREAM_INTERRUPTED = -29, /* the stream broke off; the error carries the partial text */
    LLMAGG_E_CIRCUIT_OPEN = -30,       /* the route's circuit breaker lets no call in */
    LLMAGG_E_OVERLOADED = -31,         /* no slot on the route became free in time */
    LLMAGG_E_ALL_FAILED = -32,         /* every route failed; the error carries every attempt */
    LLMAGG_E_CANCELED = -40            /* the caller canceled */
};

/* ----------------------------------------------------------------------------------------------------------------- types -- */

typedef struct llmagg_error llmagg_error;           /* what went wrong; owned by the caller that received it */
typedef struct llmagg_manager llmagg_manager;       /* the registry of providers */
typedef struct llmagg_provider llmagg_provider;     /* one vendor and its models */
typedef struct llmagg_client llmagg_client;         /* one route: a model at a provider */
typedef struct llmagg_aggregator llmagg_aggregator; /* makes calls with failover over many routes */
typedef struct llmagg_queue llmagg_queue;           /* holds events until they are read */
typedef struct llmagg_wall llmagg_wall;             /* a scripted server, for tests */

/* Bytes that the caller owns. ptr[len] is NUL. {NULL, 0} before use and after llmagg_buf_free. */
typedef struct llmagg_buf {
    char *ptr;
    size_t len;
} llmagg_buf;

/* Values of llmagg_event.type. Each operation gets exactly one terminal event: DONE or ERROR. */
enum {
    LLMAGG_EVENT_CHUNK = 1,         /* payload: a chunk of a stream */
    LLMAGG_EVENT_RESTART = 2,       /* payload: {"from": route, "to": route, "reason": error}; forget what was accumulated */
    LLMAGG_EVENT_DONE = 3,          /* terminal. payload: the whole response with "attempts"; of a health operation: its result */
    LLMAGG_EVENT_ERROR = 4,         /* terminal. status: the code, payload: the error as JSON (see llmagg_error_json) */
    LLMAGG_EVENT_CALL_CUSTOM = 5,   /* a custom provider is called. op: the custom call, tag: the provider's,
                                       payload: {"parent": the operation that caused it or 0, "parent_tag": its tag,
                                       "provider", "name", "model", "stream": bool, "request": {...}} */
    LLMAGG_EVENT_CANCEL_CUSTOM = 6, /* the caller of custom call op has gone; chunks and answers for op are ignored. tag as above */
    LLMAGG_EVENT_RESUME_CUSTOM = 7, /* custom call op may emit again (see llmagg_custom_emit). tag as above */
    LLMAGG_EVENT_LOG = 8,           /* payload: {"level": n, "time": seconds, "message": text, "attrs": {...}} */
    LLMAGG_EVENT_OBSERVE = 9,       /* payload: {"event": text, ...}: an attempt, a retry, a failover, a breaker that changed, ... */
    LLMAGG_EVENT_DROPPED = 10       /* payload: {"count": n}: the number of LOG and OBSERVE events dropped since the last DROPPED event */
};

/*
 * One event. op is 0 where no operation is concerned; tag is what the caller gave with the operation or the provider.
 * payload is JSON of payload_len bytes and followed by a NUL; it is never NULL, but may be empty. 40 bytes on 64-bit machines.
 */
typedef struct llmagg_event {
    int32_t type;
    llmagg_status status; /* of ERROR; else 0 */
    uint64_t op;
    uint64_t tag;
    const char *payload; /* points into the buffer that was given to llmagg_queue_drain */
    size_t payload_len;
} llmagg_event;

/*
 * What llmagg_queue_drain reads and writes. The caller sets the fields marked "in" (once is enough) and keeps the memory.
 */
typedef struct llmagg_drain {
    size_t struct_size;   /* in: sizeof(llmagg_drain) */
    size_t event_size;    /* in: sizeof(llmagg_event); the distance between two elements of events */
    llmagg_event *events; /* in: room for max_events events */
    size_t max_events;    /* in: at least 1 */
    char *buffer;         /* in: room for the payloads, each followed by a NUL; NULL when buffer_size is 0 */
    size_t buffer_size;   /* in */
    size_t count;         /* out: the events written */
    size_t used;          /* out: the bytes of buffer written */
    size_t pending;       /* out: the events that still wait */
    size_t needed;        /* out: 0, or the buffer_size that the next event needs, when that is more than buffer_size.
                             Nothing is lost: give a larger buffer and drain again */
} llmagg_drain;

/* Called by llmagg_queue_run for each event, which is valid during the call. Anything but 0 ends llmagg_queue_run. */
typedef int (*llmagg_event_fn)(const llmagg_event *event, void *user);

/*
 * Flags of the ..._chat_submit functions. A loop that reads a stream:
 *
 *     llmagg_event events[16];
 *     char buffer[65536];
 *     llmagg_drain drain = {sizeof drain, sizeof events[0], events, 16, buffer, sizeof buffer, 0, 0, 0, 0};
 *     for (int ended = 0; !ended;) {
 *         if (llmagg_queue_wait(queue, -1, NULL) != LLMAGG_OK || llmagg_queue_drain(queue, &drain, NULL) != LLMAGG_OK) break;
 *         for (size_t i = 0; i < drain.count; i++) {
 *             if (events[i].type == LLMAGG_EVENT_CHUNK) {
 *                 puts(events[i].payload);
 *                 llmagg_op_credit(events[i].op, 1, NULL);
 *             }
 *             ended |= events[i].type == LLMAGG_EVENT_DONE || events[i].type == LLMAGG_EVENT_ERROR;
 *         }
 *         if (drain.needed > sizeof buffer) break; (a larger buffer is needed)
 *     }
 *
 * With epoll, wait for llmagg_queue_fd to be readable instead of llmagg_queue_wait, and drain until count is 0.
 */
enum {
    LLMAGG_STREAM = 1, /* stream: CHUNK events, perhaps RESTART, then DONE. Without it: one DONE with the response. After "window"
                          chunks (64) it waits for llmagg_op_credit: give one for each chunk that was read, or the stream stops
                          and ends with CANCELED after reader_timeout (300 s); or set "window": 0 in the options. */
    LLMAGG_BATCH = 2,  /* with LLMAGG_STREAM only: the payload of a CHUNK is an array of chunks. Those of this stream that came
                          while its last event still waited join it, at most 32. Nothing waits for company. Each chunk takes
                          a credit. */
    LLMAGG_GATHER = 4  /* for readers that decode into fixed types. In responses and chunks, the fields of the response, its
                          choices, messages, deltas and usage that OpenAI's reference does not know (it knows
                          "reasoning_content" here) are gathered in an object "extra" of their object, which is left out when
                          empty; and every message and delta has its "role" ("assistant" if none came) and "content" (null in
                          a message without one, "" in a delta without one). */
};

/* Levels of llmagg_log_to_queue. */
enum { LLMAGG_LOG_DEBUG = -4, LLMAGG_LOG_INFO = 0, LLMAGG_LOG_WARN = 4, LLMAGG_LOG_ERROR = 8 };

/* --------------------------------------------------------------------------------------------------------------- version -- */

/* The version that this header was written for. */
#define LLMAGG_VERSION "0.1.0"
#define LLMAGG_ABI_VERSION 1

/* The ABI version of the loaded library; programs compiled against another LLMAGG_ABI_VERSION must not use it.
 * Never fails; works in a forked child. Since: 0.1.0 */
LLMAGG_API uint32_t llmagg_abi_version(void);

/* The release of the loaded library, as "0.1.0". Static text. Never fails; works in a forked child. Since: 0.1.0 */
LLMAGG_API const char *llmagg_version(void);

/* The name of a code without its prefix, as "RATE_LIMIT", "OK", or "UNKNOWN". Static text. Never fails; works in a forked child.
 * Since: 0.1.0 */
LLMAGG_API const char *llmagg_status_name(llmagg_status status);

/* ----------------------------------------------------------------------------------------------------------- error, buf -- */

/* The code of an error; LLMAGG_OK for NULL. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_error_code(const llmagg_error *error);

/* The message for people, without the name of the code: one line, and one more line for each attempt. NUL-terminated. Owned by
 * the error; "" for NULL. Since: 0.1.0 */
LLMAGG_API const char *llmagg_error_message(const llmagg_error *error);

/* All that is known, as JSON, NUL-terminated; its length into *len where len is not NULL. {"code", "name", "message", "provider",
 * "model", "status", "provider_message", "type", "provider_code", "request_id", "retry_after", "body", "partial", "attempts",
 * "cause"}; what is unknown is left out. Keys (credentials) never occur in it. Owned by the error; "{}" for NULL. Since: 0.1.0 */
LLMAGG_API const char *llmagg_error_json(const llmagg_error *error, size_t *len);

/* Frees an error; NULL is ignored. An error is no handle: a second free of one is undefined, as with free(). Since: 0.1.0 */
LLMAGG_API void llmagg_error_free(llmagg_error *error);

/* Frees the bytes and empties the struct; NULL and empty ones are ignored, so a second call is harmless. Since: 0.1.0 */
LLMAGG_API void llmagg_buf_free(llmagg_buf *buf);

/* --------------------------------------------------------------------------------------------------------------- manager -- */

/* Makes an empty registry. *out is owned: llmagg_manager_free. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_manager_new(llmagg_manager **out, llmagg_error **err);

/* The process-wide registry, made at the first call; the same handle each time until it is closed, a new one after that.
 * *out is borrowed: llmagg_manager_free on it does nothing. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_manager_default(llmagg_manager **out, llmagg_error **err);

/* Registers a provider under its name, and replaces one of the same name, which closes when its last call has ended. The manager
 * keeps the provider alive; its handle may be freed. Codes: CLOSED. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_manager_register(llmagg_manager *manager, llmagg_provider *provider, llmagg_error **err);

/* Takes a provider out. It stays open while a handle of it exists; otherwise it closes when its last call has ended.
 * Codes: PROVIDER_NOT_FOUND, CLOSED. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_manager_unregister(llmagg_manager *manager, const char *name, size_t name_len,
                                                   llmagg_error **err);

/* A new handle to the route of a model (the configured name, or the upstream name) at a provider. *out is owned:
 * llmagg_client_free. Codes: PROVIDER_NOT_FOUND, MODEL_NOT_FOUND, CLOSED. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_manager_client(llmagg_manager *manager, const char *provider, size_t provider_len,
                                               const char *model, size_t model_len, llmagg_client **out, llmagg_error **err);

/* The same for the first provider, in order of registration, that has the model. *out is owned. Codes: MODEL_NOT_FOUND, CLOSED.
 * Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_manager_client_by_model(llmagg_manager *manager, const char *model, size_t model_len,
                                                        llmagg_client **out, llmagg_error **err);

/* The names of the providers in order of registration: ["openai", ...]. *out is owned. Codes: CLOSED. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_manager_providers(llmagg_manager *manager, llmagg_buf *out, llmagg_error **err);

/* The models of each provider: {"openai": ["gpt-4o", ...], ...}. *out is owned. Codes: CLOSED. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_manager_models(llmagg_manager *manager, llmagg_buf *out, llmagg_error **err);

/* Asks every route at the same time whether it is alive, within 5 s: {"openai": {"gpt-4o": true, ...}, ...}. Spends no tokens.
 * Blocks. *out is owned. Codes: CLOSED. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_manager_health(llmagg_manager *manager, llmagg_buf *out, llmagg_error **err);

/* The same as an operation: DONE carries the object. It returns at once, as llmagg_client_chat_submit does.
 * Codes: UNAVAILABLE. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_manager_health_submit(llmagg_manager *manager, llmagg_queue *queue, uint64_t tag, uint64_t *op,
                                                      llmagg_error **err);

/* The state of every route: [{"provider", "model", "available": the application's switch, "usable", "circuit": "closed", "open" or
 * "half_open", "blocked_for", "reopens_in": seconds, "in_flight", "waiting", "last_error": as llmagg_error_json, "last_error_at",
 * "last_success": seconds since the epoch, "latency": seconds}, ...]; times of events that have not happened are left out. Sends no request. *out is owned. Codes: CLOSED. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_manager_report(llmagg_manager *manager, llmagg_buf *out, llmagg_error **err);

/* Closes the manager and its providers: calls in flight end with LLMAGG_E_CLOSED, each with its event, and later uses give CLOSED.
 * Blocks until they have ended, at most deadline seconds (0 or less: not at all). Closing again waits likewise.
 * Codes: TIMEOUT (some had not ended by then; they will). Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_manager_close(llmagg_manager *manager, double deadline, llmagg_error **err);

/* Closes without waiting, if that was not done, and frees the handle. Ignored: NULL, freed and foreign handles, and that of
 * llmagg_manager_default. Since: 0.1.0 */
LLMAGG_API void llmagg_manager_free(llmagg_manager *manager);

/* -------------------------------------------------------------------------------------------------------------- provider -- */

/* Makes a provider from a configuration with exactly one provider: {"openai": {"models": {...}}}, and the clients of its models.
 * Nothing is connected yet. *out is owned: llmagg_provider_free. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_provider_new(const char *config, size_t config_len, llmagg_provider **out, llmagg_error **err);

/*
 * Makes a provider that the application implements. config as for llmagg_provider_new; keys, URLs and headers are not needed.
 * Each attempt arrives as a CALL_CUSTOM event with this tag and is answered by llmagg_custom_emit, _finish and _fail; failover,
 * retries, breakers and limits are the library's. queue: where the events go, borrowed until the provider is closed; or NULL: on
 * the queue of the operation that caused the attempt, and then blocking calls give LLMAGG_E_INVALID_ARGUMENT. The queue must be
 * read by another thread than the one that waits in a blocking call. *out is owned: llmagg_provider_free. Since: 0.1.0
 */
LLMAGG_API llmagg_status llmagg_provider_new_custom(const char *config, size_t config_len, llmagg_queue *queue, uint64_t tag,
                                                    llmagg_provider **out, llmagg_error **err);

/* Makes the clients of models that have none yet. llmagg_provider_new does so too; call this function to try again
 * after a failure whose cause is gone. Codes: CLOSED. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_provider_initialize(llmagg_provider *provider, llmagg_error **err);

/* The names of its models: ["gpt-4o", ...]. *out is owned. Codes: CLOSED. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_provider_models(llmagg_provider *provider, llmagg_buf *out, llmagg_error **err);

/* A new handle to the route of a model. *out is owned: llmagg_client_free. Codes: MODEL_NOT_FOUND, CLOSED. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_provider_client(llmagg_provider *provider, const char *model, size_t model_len,
                                                llmagg_client **out, llmagg_error **err);

/* As llmagg_manager_close, for one provider. Blocks. Codes: TIMEOUT. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_provider_close(llmagg_provider *provider, double deadline, llmagg_error **err);

/* Frees the handle. A provider that is registered with a manager lives on there; any other is closed without waiting.
 * Since: 0.1.0 */
LLMAGG_API void llmagg_provider_free(llmagg_provider *provider);

/* ---------------------------------------------------------------------------------------------------------------- client -- */

/* Makes a single route without provider or manager, with a breaker and limits of its own. config is that of one model with the
 * names in it: {"provider": "openai", "name": "gpt-4o", "api_key": ..., ...}. *out is owned: llmagg_client_free. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_client_new(const char *config, size_t config_len, llmagg_client **out, llmagg_error **err);

/* The same for a route that the application implements; queue and tag as in llmagg_provider_new_custom. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_client_new_custom(const char *config, size_t config_len, llmagg_queue *queue, uint64_t tag,
                                                  llmagg_client **out, llmagg_error **err);

/* {"provider", "name", "model", "available", "config": {...}}; credentials are not in it. *out is owned.
 * Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_client_info(llmagg_client *client, llmagg_buf *out, llmagg_error **err);

/* The state of the route, as one element of llmagg_manager_report. *out is owned. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_client_report(llmagg_client *client, llmagg_buf *out, llmagg_error **err);

/* One call on this route; blocks until it is answered. *out is owned: the response. Codes: all. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_client_chat(llmagg_client *client, const char *request, size_t request_len, const char *options,
                                            size_t options_len, llmagg_buf *out, llmagg_error **err);

/*
 * One call on this route as an operation: its events arrive on queue, with this tag, and end with exactly one DONE or ERROR.
 * flags: 0 or a sum of those above. It notes what is asked for and returns at once, without waiting for the library's threads. It
 * fails for bad handles, flags, a NULL, a text that is empty or too long, and where there is no memory (INTERNAL) or, at a process's
 * first operation, no descriptor (UNAVAILABLE). Whatever else is wrong with the request or the options, or happens later, is the
 * operation's ERROR event. Later calls of the same thread find the operation begun. *op is written before the function returns,
 * but another thread may read the first event even earlier; tag tells. Codes: UNAVAILABLE. Since: 0.1.0
 */
LLMAGG_API llmagg_status llmagg_client_chat_submit(llmagg_client *client, llmagg_queue *queue, const char *request,
                                                   size_t request_len, const char *options, size_t options_len, uint32_t flags,
                                                   uint64_t tag, uint64_t *op, llmagg_error **err);

/* The application's own switch, for every handle of the route: while it is off (available is 0) calls get LLMAGG_E_CIRCUIT_OPEN
 * or, through an aggregator, the next route. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_client_set_available(llmagg_client *client, int available, llmagg_error **err);

/* Closes idle connections of the route that no other active client uses. What is known about the route (breaker, limits) stays, and the next call connects anew. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_client_rest(llmagg_client *client, llmagg_error **err);

/* Frees the handle and ends the calls that were begun through it with LLMAGG_E_CLOSED. The route itself lives on in its provider;
 * one made by llmagg_client_new or _new_custom is closed. Since: 0.1.0 */
LLMAGG_API void llmagg_client_free(llmagg_client *client);

/* ---------------------------------------------------------------------------------------------------------------- routes -- */

/* One call over these routes in this order, with the failover of an aggregator; blocks. For bindings that keep their own lists.
 * clients are borrowed for the call; 1 to 1000 of them. *out is owned: the response. Codes: all. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_routes_chat(llmagg_client *const *clients, size_t count, const char *request, size_t request_len,
                                            const char *options, size_t options_len, llmagg_buf *out, llmagg_error **err);

/* The same as an operation; see llmagg_client_chat_submit. Freeing one of the handles ends the operation.
 * Codes: UNAVAILABLE. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_routes_chat_submit(llmagg_client *const *clients, size_t count, llmagg_queue *queue,
                                                   const char *request, size_t request_len, const char *options,
                                                   size_t options_len, uint32_t flags, uint64_t tag, uint64_t *op,
                                                   llmagg_error **err);

/* Asks these routes whether they are alive, as an operation; DONE carries an array of bools in their order. See
 * llmagg_client_chat_submit. Codes: UNAVAILABLE. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_routes_health_submit(llmagg_client *const *clients, size_t count, llmagg_queue *queue,
                                                     uint64_t tag, uint64_t *op, llmagg_error **err);

/* Applies the rules for names in a list of models. catalog: [{"provider", "name", "model"}, ...] in order of registration;
 * models: ["name" or "provider/name", ...], [] for all. *out is owned: indexes into catalog, in order of trial.
 * Codes: MODEL_NOT_FOUND, PROVIDER_NOT_FOUND, NOT_INITIALIZED (the catalog is empty). Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_resolve(const char *catalog, size_t catalog_len, const char *models, size_t models_len,
                                        llmagg_buf *out, llmagg_error **err);

/* ------------------------------------------------------------------------------------------------------------ aggregator -- */

/* Makes an aggregator over a manager, which stays the caller's. options: NULL, or {"models": [names in order of trial; default:
 * all that are registered], and options of a call as defaults for its calls}. *out is owned: llmagg_aggregator_free.
 * Codes: CLOSED. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_aggregator_new(llmagg_manager *manager, const char *options, size_t options_len,
                                               llmagg_aggregator **out, llmagg_error **err);

/* Makes the providers of a configuration and registers them with the manager, in its order, replacing those of the same names.
 * Nothing is registered when one of them cannot be made, or when no provider has a model of "models" in the aggregator's options.
 * Codes: CLOSED, MODEL_NOT_FOUND, PROVIDER_NOT_FOUND. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_aggregator_initialize(llmagg_aggregator *aggregator, const char *config, size_t config_len,
                                                      llmagg_error **err);

/* One call over the routes; blocks until it is answered. *out is owned: the response. Codes: all. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_aggregator_chat(llmagg_aggregator *aggregator, const char *request, size_t request_len,
                                                const char *options, size_t options_len, llmagg_buf *out, llmagg_error **err);

/* The same as an operation; see llmagg_client_chat_submit. Codes: UNAVAILABLE. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_aggregator_chat_submit(llmagg_aggregator *aggregator, llmagg_queue *queue, const char *request,
                                                       size_t request_len, const char *options, size_t options_len,
                                                       uint32_t flags, uint64_t tag, uint64_t *op, llmagg_error **err);

/* The names of the models that calls try, in order: ["gpt-4o", ...]. *out is owned. Codes: CLOSED. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_aggregator_models(llmagg_aggregator *aggregator, llmagg_buf *out, llmagg_error **err);

/* As llmagg_manager_health; blocks. *out is owned. Codes: CLOSED, NOT_INITIALIZED. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_aggregator_health(llmagg_aggregator *aggregator, llmagg_buf *out, llmagg_error **err);

/* The same as an operation: DONE carries the object; see llmagg_client_chat_submit. Codes: UNAVAILABLE. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_aggregator_health_submit(llmagg_aggregator *aggregator, llmagg_queue *queue, uint64_t tag,
                                                         uint64_t *op, llmagg_error **err);

/* As llmagg_manager_close, for the calls of this aggregator. The manager stays open. Blocks. Codes: TIMEOUT. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_aggregator_close(llmagg_aggregator *aggregator, double deadline, llmagg_error **err);

/* Closes without waiting, if that was not done, and frees the handle. Since: 0.1.0 */
LLMAGG_API void llmagg_aggregator_free(llmagg_aggregator *aggregator);

/* ----------------------------------------------------------------------------------------------------------------- queue -- */

/* Makes a queue. *out is owned: llmagg_queue_free. Codes: UNAVAILABLE (no descriptor left). Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_queue_new(llmagg_queue **out, llmagg_error **err);

/* A descriptor that is readable while events wait; for poll, select, epoll. It stays the library's: do not read, write or close
 * it, and forget it before llmagg_queue_free. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_queue_fd(llmagg_queue *queue, int *fd, llmagg_error **err);

/* Waits until an event is there or timeout seconds have passed (0: does not wait; negative: waits for ever). Codes: TIMEOUT, CLOSED (the
 * queue was freed meanwhile). EINTR does not end it. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_queue_wait(llmagg_queue *queue, double timeout, llmagg_error **err);

/* Moves as many events as fit into the caller's memory; never waits; count is 0 when there are none. See llmagg_drain. Events of
 * one operation keep their order. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_queue_drain(llmagg_queue *queue, llmagg_drain *drain, llmagg_error **err);

/*
 * Calls fn(event, user) for each event, on the calling thread, until fn returns something else than 0 or llmagg_queue_stop is
 * called; events that were not handed to fn stay in the queue. fn may call the library, also for this queue; when it frees the
 * queue, run ends with CLOSED after fn's return. Codes: CLOSED (freed meanwhile). Since: 0.1.0
 */
LLMAGG_API llmagg_status llmagg_queue_run(llmagg_queue *queue, llmagg_event_fn fn, void *user, llmagg_error **err);

/* Ends the llmagg_queue_run under way before its next event, or else the next one at its beginning. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_queue_stop(llmagg_queue *queue, llmagg_error **err);

/* Cancels the operations that report to the queue, drops what waits in it, closes its descriptor and frees the handle. Custom
 * calls that wait on it for their answer fail. Since: 0.1.0 */
LLMAGG_API void llmagg_queue_free(llmagg_queue *queue);

/* ------------------------------------------------------------------------------------------------------------ operations -- */

/* Cancels an operation; its connection closes at once and its terminal event is an ERROR with LLMAGG_E_CANCELED, unless it had
 * ended before. Unknown and ended operations are ignored. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_op_cancel(uint64_t op, llmagg_error **err);

/* Lets a stream send chunks more CHUNK events beyond those of its window ("window" in the options). A stream without credit
 * stops reading from its server; one whose reader gives none for "reader_timeout" ends with CANCELED. Other events need no credit.
 * Unknown and ended operations are ignored. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_op_credit(uint64_t op, uint32_t chunks, llmagg_error **err);

/* ---------------------------------------------------------------------------------------------------------------- custom -- */

/*
 * Sends one chunk of a custom call that was asked with "stream": true; "id", "object", "created" and "model" may be left out.
 * *pause (may be NULL) becomes 1 when the reader is behind, and the next chunk should wait for RESUME_CUSTOM; else 0.
 * Codes: CANCELED (the call has ended: stop), OVERLOADED (the stream is over its limit of bytes, and has failed). Since: 0.1.0
 */
LLMAGG_API llmagg_status llmagg_custom_emit(uint64_t op, const char *chunk, size_t chunk_len, int *pause, llmagg_error **err);

/* Ends a custom call successfully. response: the whole response where "stream" was false; NULL and 0 after a stream. A response that is
 * no completion is BAD_RESPONSE for the route, not for this function. Codes: CANCELED (the call has ended). Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_custom_finish(uint64_t op, const char *response, size_t response_len, llmagg_error **err);

/* Ends a custom call with an error: {"code": -22 or "name": "RATE_LIMIT", "message", "status", "retry_after", ...} (see
 * llmagg_error_json); without code and name it is UNAVAILABLE. NULL and 0: UNAVAILABLE without a message.
 * Codes: CANCELED (the call has ended). Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_custom_fail(uint64_t op, const char *error, size_t error_len, llmagg_error **err);

/* ------------------------------------------------------------------------------------------------------------------- log -- */

/* Sends what the library logs from this level on to a queue as LOG events, instead of where it went before; queue NULL: nowhere,
 * which is the state at the start. For the whole process. When 1000 such events wait, more are dropped and counted (DROPPED).
 * Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_log_to_queue(int32_t level, llmagg_queue *queue, llmagg_error **err);

/* The same for what observers see: OBSERVE events about attempts, retries, failovers, restarts, hedges, breakers and health, of
 * every route in the process, those of llmagg_client_new and llmagg_client_new_custom too. While nobody observes they cost nothing.
 * Payload: {"event": "attempt_started", "attempt_ended", "retry_scheduled", "failover", "restart", "hedge", "breaker_changed" or
 * "health_changed", "time": seconds since the epoch, "call": number of the call, "provider", "model", "to": "provider/model",
 * "from" and "state": of a breaker or a health check, "wait": seconds, "code": name, "message", "attempt": {...}}; what does not
 * apply is left out. When it returns, all that was observed before is in the queue that it goes to; giving the same queue once
 * more does only that. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_observe_to_queue(llmagg_queue *queue, llmagg_error **err);

/* ---------------------------------------------------------------------------------------------------------------- config -- */

/* Flags of llmagg_config_check. */
enum {
    LLMAGG_CONFIG_LENIENT = 1, /* an unknown key that is near to no known one is a warning instead of an error */
    LLMAGG_CONFIG_SKIP = 2     /* "" counts as left out; a model of a vendor without a key is left out while others can be used */
};

/*
 * Checks a configuration as llmagg_aggregator_initialize does (flags 0), without using it. *out is owned: {"models": [{"provider", "name", "model", "base_url"}, ...], "left_out": [{"provider", "name", "reason"},
 * ...], "warnings": [text, ...], "holds_secret"}. "left_out" has the models that cannot be used: their variable is not set.
 * "holds_secret" tells whether a key, or what stands for one, is in the text itself. Since: 0.1.0
 */
LLMAGG_API llmagg_status llmagg_config_check(const char *config, size_t config_len, uint32_t flags, llmagg_buf *out,
                                             llmagg_error **err);

/* The tables by which names are checked, as JSON: {"options": [...], "configuration": [...], "request": [...]}, each element
 * {"name", "type", "default", "meaning", "group": of a key in "breaker", "retry" or "limits", "internal": true where it is for
 * bindings}. *out is owned. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_settings(llmagg_buf *out, llmagg_error **err);

/* ----------------------------------------------------------------------------------------------------------------- stats -- */

/*
 * What the library holds in this process, as JSON; to watch for leaks and for monitoring. Nothing is stopped or asked for it.
 *     "handles"         object: kind ("client", "queue", ...) to the number that were not freed; kinds without any are left out
 *     "operations"      begun, and their terminal event is not sent
 *     "custom_calls"    calls of custom providers that wait for the application's answer
 *     "sockets"         connections to providers that are open, idle ones included, or being made
 *     "goroutines"      of the Go runtime; a few for each connection, operation and blocking call
 *     "heap_bytes"      in objects of the Go heap, those included that the collector has not found yet
 *     "runtime_bytes"   that the Go runtime has from the system
 * *out is owned. Since: 0.1.0
 */
LLMAGG_API llmagg_status llmagg_stats(llmagg_buf *out, llmagg_error **err);

/* ------------------------------------------------------------------------------------------------------------------ wall -- */

/* Starts a scripted OpenAI-compatible server on a loopback port, for tests of programs that use the library; docs in
 * core/faultwall. script NULL and 0: every call succeeds. *out is owned: llmagg_wall_free. Codes: UNAVAILABLE (no port).
 * Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_wall_start(const char *script, size_t script_len, llmagg_wall **out, llmagg_error **err);

/* Its base URL, as "http://127.0.0.1:40001/v1". *out is owned. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_wall_url(llmagg_wall *wall, llmagg_buf *out, llmagg_error **err);

/* The requests that the server has seen, as JSON: {"uptime_s", "totals": {"requests", "in_flight", "max_simultaneous", "health", "disconnects", "stale",
 * "malformed", "tls_failures", "connections_opened", "connections_open"}, "models": {name: {"requests", "in_flight",
 * "max_simultaneous", "disconnects", "stale", ...}}, "requests": [{"number", "kind", "model", "method", "path", "headers", "body",
 * ...}], "connections": [...]}; core/faultwall/SCRIPT.md has the rest. *out is owned. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_wall_seen(llmagg_wall *wall, llmagg_buf *out, llmagg_error **err);

/* Replaces the script while it runs; answers under way go on by the old one. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_wall_script(llmagg_wall *wall, const char *script, size_t script_len, llmagg_error **err);

/* Lets through everything that waits, or will wait, at a "hold" of this name in the script. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_wall_release(llmagg_wall *wall, const char *name, size_t name_len, llmagg_error **err);

/* Stops listening and resets all connections, as if the server had died; blocks until that is done. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_wall_kill(llmagg_wall *wall, llmagg_error **err);

/* Listens again on the same port after llmagg_wall_kill. Codes: UNAVAILABLE (the port is taken). Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_wall_revive(llmagg_wall *wall, llmagg_error **err);

/* Stops the server, cuts its connections, and frees the handle. Since: 0.1.0 */
LLMAGG_API void llmagg_wall_free(llmagg_wall *wall);

#ifdef __cplusplus
}
#endif

#endif /* LLMAGG_H */
