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
 * RULES FOR EVERY FUNCTION
 *
 * Status.   A function that can fail returns llmagg_status: LLMAGG_OK (0) or a negative LLMAGG_E_ code. Every function may
 *           return LLMAGG_E_INVALID_ARGUMENT (an argument is NULL or malformed), LLMAGG_E_INVALID_HANDLE (a handle is NULL,
 *           freed, foreign, or of another kind), LLMAGG_E_INTERNAL (a fault in the library, which continues to work) and
 *           LLMAGG_E_FORKED. "Codes" at a function lists only the other codes.
 * Errors.   The last parameter, llmagg_error **err, may be NULL. On failure *err is set to an error that the caller owns and
 *           frees with llmagg_error_free. On success *err is not changed. There is no thread-local state.
 * Inputs.   The library borrows them during the call. Text is UTF-8, given as pointer and length; it needs no NUL at the end.
 *           JSON is RFC 8259. The longest text is 1 GiB. A length of 0 beside a text is refused (INVALID_ARGUMENT); what may be
 *           left out is left out by NULL and 0.
 * Outputs.  Written only on success. The caller owns a llmagg_buf and frees it with llmagg_buf_free. A NUL follows its last
 *           byte; the length does not count it. So the text can be printed.
 * Handles.  Opaque 64-bit values, not addresses: never dereference or tag them. Free each handle once; freeing NULL, a freed
 *           handle, or a handle of another kind does nothing. The value of a freed handle is never used again.
 * Threads.  Every function may be called from every thread at every time, even while another thread uses or frees the same
 *           handle. A queue should have one reader. A signal handler must not call any function. No function is a cancellation
 *           point: a thread that is cancelled (pthread_cancel) ends after its call.
 * Fork.     In a child made by fork(), _Fork() or clone() without exec (not vfork), every function with a status returns
 *           LLMAGG_E_FORKED at once, and functions that free a handle do nothing. Functions that need no state
 *           (llmagg_version, llmagg_abi_version, llmagg_status_name, llmagg_error_..., llmagg_buf_free) work. The library's
 *           sockets and queue descriptors are closed in the child: at fork(), or by the first call after _Fork() or clone().
 *           A program that becomes a daemon by fork() loads the library afterwards, by dlopen.
 * Output.   The library never writes to stdout or stderr, with one exception: see Limits.
 * Signals.  The library installs handlers for SIGSEGV, SIGBUS, SIGFPE and SIGPIPE when it is loaded. They pass every signal
 *           that does not come from the library to the handler that was installed before. A SIGPIPE that is ignored stays so.
 *           - All other signals belong to the host, also SIGURG, SIGCHLD, SIGPROF and SIGRTMIN. Their disposition does not
 *             change, except that a handler installed before the load may get the flag SA_ONSTACK.
 *           - The library's threads block the host's signals: handlers run on the host's threads only, and sigwait and
 *             signalfd work. These threads leave unblocked: SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV, SIGSYS, and signal 33,
 *             which belongs to the C library.
 *           - A host thread takes no signal while it runs Go code. It takes a pending signal when it leaves Go, with the mask
 *             that it had. That is after microseconds; functions that wait do so outside Go, and take signals at once.
 *             Therefore the host's handlers need no SA_ONSTACK.
 *           - A handler for SIGSEGV, SIGBUS, SIGFPE or SIGPIPE that the host installs after the load replaces the library's,
 *             and needs SA_ONSTACK. So does a handler for SIGSYS that is installed after the load: it gets the system calls of
 *             the library's threads, too, that a filter (seccomp) of the host's traps. The filter must not trap the calls by
 *             which threads begin: clone, clone3, madvise, prlimit64, rseq, sched_getaffinity, set_robust_list, sigaltstack.
 *           - A host whose handler for SIGSEGV makes memory accessible (write barriers), and that gives such memory to
 *             functions, installs the handler after the load.
 *           - An alternate signal stack may be as small as sysconf(_SC_MINSIGSTKSZ). Only a fault or a SIGPIPE inside Go needs
 *             more: 16 KiB. A thread without an alternate stack gets one of 32 KiB at its first call.
 * Exit.     The library's threads end with the process, not before. A process whose own threads have all returned, or called
 *           pthread_exit, goes on without them, also if main did: the last thread calls exit().
 * Process.  The library does not change the limit of open files (RLIMIT_NOFILE), the rounding mode and the traps of floating
 *           point, the working directory or the environment. GODEBUG does not make the Go runtime print.
 * Limits.   The Go runtime does not start if, when the library is loaded, less than 1.5 GiB of address space are free
 *           (RLIMIT_AS), or less data memory than 96 MiB and eight thread stacks (RLIMIT_DATA; RLIMIT_STACK is the size of a
 *           stack), or no thread can be made. Then every call returns INTERNAL, and the error says what to raise. If the runtime
 *           gets no memory or no thread later, it ends the process with a message on stderr. To prevent this:
 *           - have 2 GiB of address space free where several threads call: the C library reserves 64 MiB for each of them. When
 *             answers of megabytes arrive, allow ten bytes for each byte of the answers that arrive at the same time. In a container
 *             with little memory, set the environment's GOMEMLIMIT to half of it: then seven bytes were enough;
 *           - allow 16 threads, and one more for each processor (RLIMIT_NPROC, a container's limit of processes). The library
 *             waits up to 10 s for a thread.
 *           It also ends the process so if a descriptor of the library's is closed (close those of others, as by closefrom,
 *           before the first call), or if Go code meets a fault in memory that the host gave to a function: see Signals.
 *           If no file descriptor is available, the call fails with UNAVAILABLE. If C has no memory for an answer or an event,
 *           it fails with INTERNAL.
 * Time.     Seconds, as double.
 * Growth.   Codes, event types and flags are never renumbered. Structs that begin with struct_size grow only at their end; set
 *           struct_size to sizeof(the struct). JSON documents may gain fields; readers must ignore fields that they do not know.
 *
 * REQUESTS, RESPONSES, CHUNKS are JSON in the shape of OpenAI's chat completions, for every vendor. Unknown fields pass through
 * in both directions. In llmagg_aggregator_..., a request's "model" selects the routes of that name instead of the aggregator's
 * list; the server receives the route's upstream name. A response has "attempts" beside OpenAI's fields, one object for each HTTP
 * exchange: {"route", "provider", "model", "server_address", "server_port": host and port that were asked, "start": seconds since
 * the epoch, "duration", "first_token": seconds, "outcome": name of the code, "code", "error_owner": as in llmagg_error_json,
 * "status", "message", "wait": seconds before the attempt, "waited_for": "backoff", "retry-after", "concurrency limit", "rate" or
 * "half-open trial", "bytes", "skipped_events", "usage", "left_out", "adapted", "key": how the key ends, if the route has
 * several, "stream", "forced": a last-resort probe, "hedge": bools}; empty fields are omitted.
 * An answer and an attempt have a "cost": {"amount", "currency", "source": where the amount comes from, "date": of the table,
 * "unknown": further attempts that may have cost something}. The source is "provider" (the answer says it), "price" (the usage
 * times the configured prices), "table" (the usage times the prices in the file that the variable LLMAGG_PRICES names, such as
 * share/llmagg/prices.json), "cache" (the amount is 0) or "mixed". "cost" is missing where it is not known. The cost of an answer
 * covers all attempts of its call. An answer and an error have "id_of_call": the number of the call in this process; observations
 * carry it as "call". An answer from a cache has "cache": "hit", or "joined" if it is the answer to an equal call that ran at the
 * same time; it has no attempts.
 * A usage has OpenAI's names for every vendor: "completion_tokens", "total_tokens", "prompt_tokens" with what caches gave and
 * took, "prompt_tokens_details": {"cached_tokens", "cache_write_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens", "audio_tokens"},
 * "completion_tokens_details": {"reasoning_tokens", "audio_tokens"}. A number that the vendor did not send is null or missing.
 * An answer's message has "parts" where OpenAI's shape alone would lose something: its pieces in order, each {"type": "text",
 * "thinking", "redacted_thinking", "tool_call", "image" or "other", "bytes": of a text or a thought, "id": of a call, "owner":
 * "vendor/model", "raw": what only the owner can read}. Append the message as it is: its parts go back to their owner only.
 * A parameter that the vendor cannot do is left out or changed, and "adapted" says how: ["seed: left out", "temperature: 1.5 to 1"].
 * One that gives the answer its shape ("n", "logprobs", "audio", tools, a schema) fails the attempt with UNSUPPORTED instead, and
 * the next route is asked. A request with a misspelt field, a call option or a configuration key is refused. "extra_body", an
 * object, takes fields of any name; they are merged into the request. "stream" does not say how an answer arrives: the flag
 * LLMAGG_STREAM does. In a call for a whole answer, true asks the server for a stream, and the answer is returned whole.
 *
 * EMBEDDINGS: the request of llmagg_..._embed is {"input": a text or an array of texts, "model", "dimensions": n (shorter vectors,
 * where the model can), "input_type": "query", "document", "similarity", "classification" or "clustering"}. The texts are split as
 * the vendor takes them, and the requests are made at the same time; each has the retries, breakers and failover of a chat. Only
 * routes of one model are asked: those of the first route's model whose vendor offers embeddings. The result is a llmagg_vectors.
 *
 * RANKINGS: the request of llmagg_..._rerank is {"query", "documents": array of texts, "model", "top_n": the best ones only}; the result
 * is {"results": [{"index": of the document, "relevance_score"}, ...], the best first, "model", "usage", "cost", "meta": billed units
 * and the like, "id_of_call", "attempts"}. The routes are asked one after the other, as in a chat.
 *
 * OPTIONS of a call (a JSON object, or NULL and 0 for the defaults); the list is made by `make reference`:
 *     "max_retries": integer; default: the route's. Attempts on one route; 0 and 1 mean one attempt
 *     "deadline": seconds; default: none. Time limit for the whole call: all attempts, waits and routes
 *     "timeout": seconds; default: the route's. Time limit for one attempt, or for a stream's first token
 *     "on_interrupt": "error" or "restart"; default: "error" for streams. When a stream breaks after its first token: "error"
 *         ends it with the partial text, "restart" starts the answer again on another route
 *     "hedge_after": seconds; default: off. Streams: also asks a second route if the first has sent no token after this time
 *     "failover_bad_request": bool; default: true. Tries the next route after BAD_REQUEST
 *     "failover_content_filter": bool; default: false. Tries the next route after CONTENT_FILTER
 *     "unsupported": "adapt" or "error"; default: the route's. What a vendor cannot do: "adapt" leaves it out or changes it,
 *         or asks the next route where it gives the answer its shape; "error" ends the call with UNSUPPORTED
 *     "failover_on": list; default: by the table of errors. Failures that go to the next route: names of codes, HTTP statuses
 *         (503, "5xx"), a vendor's codes; "!" before a failure means that the failure ends the call. The first rule that matches
 *         decides
 *     "retry_on": list; default: by the table of errors. Failures after which the same route is asked again, as failover_on;
 *         max_retries and the waits stay as they are
 *     "accept": "nonempty" or "ask"; default: every answer. Which answers count; any other answer is a failed attempt
 *         (BAD_RESPONSE), and the call goes on: "nonempty" refuses answers with nothing but thoughts, "ask" (C) asks the
 *         application; in Python and Go a function
 *     "max_cost": number or object; default: none. No attempt begins after the call's known cost has reached this sum;
 *         {"amount", "hard": true}: nor does an attempt that could pass the sum by its price, its size and max_tokens (such a
 *         route fails with QUOTA and is not asked)
 *     "budgets": list of names; default: none. Budgets that the call shares with others: no attempt begins after their known
 *         cost has reached one of them
 *     "strategy": text; default: "order". The order of an aggregator's routes: "order" as listed, "weighted" at random by
 *         their "weight", "latency" the fastest route first, "least_busy" the route with the most free slots, "cost" the cheapest
 *         route, "usage" the route with the most room left in its rate
 *     "session": text; default: none. Calls with the same text ask the same route first, as long as it is usable, under every
 *         strategy but "order"
 *     "cache": "use", "refresh" or "off"; default: "use" if the aggregator has a cache. "use" takes the answer of an equal
 *         request from the aggregator's cache, if there is one, "refresh" asks the server and replaces the kept answer, "off"
 *         neither reads nor keeps; of an aggregator also true, or {"size", "ttl_s"}: it has a cache
 *     "include_usage": bool; default: true for aggregators, false for single clients. Asks for usage in streams where the
 *         vendor supports it
 *     "bulk": bool; default: true for rows of llmagg.bulk, false for other calls. The call is one of many: while such calls
 *         are under way on a route without a max_concurrent_calls of its own, its max_concurrent_calls is "auto"
 *     "headers": object of texts; default: none. HTTP headers for this call; they replace configured headers of the same name
 *     "extra_body": object; default: none. Server-specific request fields; they are merged into the request and replace
 *         fields of the same name; model, messages, stream and n belong in the request itself
 *     "headers_only": bool; default: false. Sends this call's headers only, without the key and the configured headers
 *     "bare": bool; default: false. One attempt without concurrency limit, breaker or retry (single clients only)
 *     "groups": list of integers; default: one group. Over explicit routes: the sizes of consecutive groups, each of which
 *         the strategy orders
 *     "order": list of integers; default: by the strategy. Over explicit routes: the places of the routes in the order in
 *         which they are asked; the others follow
 *     "cache_name": text; default: none. Over explicit routes: the cache that llmagg_cache_set has made
 *     "window": integer; default: 64. With LLMAGG_STREAM: chunks that may be outstanding before llmagg_op_credit; 0 means no
 *         limit
 *
 * CONFIGURATION is {provider: {"models": {name: {keys}}, keys}}. Keys beside "models" are defaults for these models.
 * The keys, a list made by `make reference`:
 *     "api_key": text; default: the vendor's environment variable. Sent to the origin of base_url and nowhere else
 *     "api_keys": list of texts; default: none. Several keys instead of api_key, used in turns: a key that is refused, or
 *         whose quota is spent, is tried again after breaker.block_s, then after twice as long each time, at most after ten
 *         minutes; a key that is limited rests until its reset
 *     "base_url": text; default: the vendor's. The API's root, such as https://api.openai.com/v1
 *     "model": text; default: the name. The model's name at the provider
 *     "type": text; default: by the provider's name. The wire format: openai, azure, deepseek, anthropic, gemini, bedrock,
 *         bedrock-openai, vertex, vertex-anthropic, ollama, responses (OpenAI's Responses API) or openai-compatible
 *     "like": text; default: the provider's name. The vendor whose address, format, quirks and key variables hold
 *         (docs/vendors.md)
 *     "site": text; default: the vendor's first. Where the vendor is asked, if it has several sites: cn, intl, us
 *     "api_version": text. Azure's api-version, such as 2024-10-21; the /openai/v1 address needs none
 *     "deployment": text; default: model. Azure's name of the model
 *     "organization": text. The OpenAI-Organization header
 *     "headers": object of texts. Added to each request; a header Host is the name that the request gives the server, the
 *         connection goes to base_url
 *     "proxy": text; default: the environment's. The URL of a proxy
 *     "ca_file": text; default: the system's roots. A PEM file with root certificates
 *     "timeout": seconds; default: 30 s. Time limit for one attempt, or for a stream's first token
 *     "connect_timeout": seconds; default: 5 s. Time limit for DNS, TCP and TLS together
 *     "idle_timeout": seconds; default: timeout. Longest silence inside a stream
 *     "reader_timeout": seconds; default: 300 s. How long a stream waits for its reader
 *     "max_retries": integer; default: 3. Attempts on this route (at most two while another route is available); 0 and 1 mean
 *         one attempt
 *     "max_concurrent_calls": integer, "auto" or {"min", "max", "start"}; default: 10. Attempts in flight on this route;
 *         "auto" finds how many the server takes, between "min" (1) and "max" (200), beginning with "start" (10)
 *     "context_window": integer; default: not known. How many tokens of prompt and answer the model takes: a request that is
 *         too long goes to a route with a larger window, before it is sent where its size says so
 *     "weight": number; default: 1. This route's share of the calls under the strategy "weighted"
 *     "unsupported": "adapt" or "error"; default: "adapt". What the vendor cannot do: "adapt" leaves it out or changes it, or
 *         asks the next route where it gives the answer its shape; "error" ends the call with UNSUPPORTED
 *     "project": text; default: GOOGLE_CLOUD_PROJECT, or that of the credentials. Vertex AI's project
 *     "location": text; default: GOOGLE_CLOUD_LOCATION. Vertex AI's location, such as us-central1 or global
 *     "region": text; default: AWS_REGION, AWS_DEFAULT_REGION or the profile's. The region of a cloud's service, such as
 *         us-east-1
 *     "auth": object. A credential instead of "api_key"; what is missing is looked for where the cloud's SDKs look
 *         "type": text; default: the vendor's. The sort of a credential that is no fixed key: aws, google, entra or function
 *             (of the application)
 *         "access_key_id": text; default: where AWS's SDKs look. AWS's key
 *         "secret_access_key": text. The secret of access_key_id
 *         "session_token": text. The session token of temporary keys
 *         "profile": text; default: AWS_PROFILE or default. A profile in AWS's shared files
 *         "credentials": text; default: GOOGLE_APPLICATION_CREDENTIALS, gcloud's file, the metadata server. The path of the
 *             file of Google's service account or user, or the JSON in it
 *         "tenant_id": text; default: AZURE_TENANT_ID. Entra's tenant
 *         "client_id": text; default: AZURE_CLIENT_ID. Entra's client: an application or a managed identity
 *         "client_secret": text; default: AZURE_CLIENT_SECRET. The secret of client_id
 *         "token_file": text; default: AZURE_FEDERATED_TOKEN_FILE. The file with the token of a workload's identity, instead
 *             of client_secret
 *         "name": text. The name by which the application's function is asked for the token
 *         "scope": text; default: the models'. What Google's and Entra's tokens are for
 *     "price": object. What tokens cost: a response's "cost" is by what the provider says, else by this
 *         "input": number. The price of the prompt's tokens, for "per" tokens
 *         "output": number. The price of the answer's tokens, thoughts among them
 *         "cached_input": number; default: input. The price of the prompt's tokens that a cache gave
 *         "cache_write": number; default: input. The price of the prompt's tokens that a cache took
 *         "cache_write_1h": number; default: cache_write. The price of the prompt's tokens that a cache keeps for an hour
 *         "input_audio": number. The price of the prompt's tokens of sound; without a price their cost is not known
 *         "output_audio": number. The price of the answer's tokens of sound
 *         "above": list of objects; default: none. What all tokens of a request cost if its prompt has more than input_tokens
 *             tokens (cached tokens included), as [{"input_tokens": 200000, "input": 2.5, "output": 15}]; a price that an entry
 *             lacks is that of shorter prompts; the prices of an entry without any price are not known
 *         "service_tiers": object; default: {"batch": 0.5}. How many times the price answers of another service tier cost, as
 *             {"flex": 0.5, "priority": 2}; the cost of a tier that is not listed is not known
 *         "request": number; default: none. The price of each request, in addition to its tokens
 *         "per": number; default: 1000000. For how many tokens the prices are
 *         "currency": text; default: USD. The currency's three letters
 *     "breaker": object. The circuit breaker of the route
 *         "open_s": seconds; default: 10 s. How long the circuit breaker stays open
 *         "block_s": seconds; default: 60 s. How long a wrong key or a spent quota blocks the route
 *         "window_s": seconds; default: 30 s. The window in which outcomes are counted
 *         "failures": integer; default: 5. Consecutive failures that open the breaker
 *         "ratio": number; default: 0.5. Share of failures in the window that opens the breaker, at most 1
 *         "min_requests": integer; default: 10. Requests in the window before the ratio counts
 *     "retry": object. Waits between attempts, and how many retries there may be
 *         "backoff_s": seconds; default: 0.5 s. Pause before the second attempt; doubles with each further attempt
 *         "backoff_max_s": seconds; default: 8 s. The longest backoff
 *         "wait_s": seconds; default: 3 s. The longest Retry-After that a call waits for on the same route
 *         "budget_ratio": number; default: 0.2. Share of requests that may be retried
 *         "budget_per_s": number; default: 3. Retries per second, in addition to budget_ratio
 *     "rate": object. Requests and tokens a minute that this route is asked for
 *         "rpm": number; default: as learned. Requests a minute
 *         "tpm": number; default: as learned. Tokens a minute, of requests and answers together
 *         "burst_s": seconds; default: 1 s. How much of the rate may be used at once
 *         "learn": bool; default: true. Learn limits, and how much of them is left, from the headers of answers
 *     "limits": object. The largest sizes of an answer, in bytes
 *         "response_bytes": bytes; default: 64 MiB. Largest response body
 *         "event_bytes": bytes; default: 16 MiB. Largest event of a stream
 *         "stream_bytes": bytes; default: 256 MiB. Largest stream in total
 *         "header_bytes": bytes; default: 1 MiB. Largest response headers
 *     "fleet": object. What processes that share the route tell each other, through a store that they share
 *         "url": text; default: none: alone. Beside the providers: the store by which processes with the same routes share
 *             what they find out: valkey://host:6379, redis://, with TLS valkeys://, rediss://; several hosts by comma are a
 *             cluster; ?sentinel=NAME
 *         "name": text; default: "default". The fleet's name: processes with the same name share
 *         "agree": integer; default: 2. How many processes must have an open breaker before others skip a route; with 1, one
 *             process is enough
 *         "processes": integer; default: 1. How many processes there are, until the store reports it: a process that has not
 *             reached the store yet keeps each rate at that share of the limit
 *         "share": list of texts; default: ["waits", "breakers", "rates"]. What is shared
 *         "username": text. The user of the store
 *         "password": text. The password of the store
 *         "ca_file": text; default: the system's roots. A PEM file with root certificates of the store
 *     "bulk": object. What jobs of many rows (llmagg.bulk, core/bulk in Go) do where they do not say otherwise
 *         "max_cost": number; default: none. Beside the providers: the cost at which a job of many rows ends
 *         "ledger": text; default: beside the output. Sqlite (not in Go), jsonl, or the path of the ledger
 *         "errors": "rows" or "stop"; default: "rows". What a failed row is: a row with an error, or the end of the job
 *         "stop_after_errors": number; default: none. The failed rows, or below 1 the share of them, at which a job ends
 *         "batch_api": "never", "auto" or "always"; default: "never". Whether rows are sent as batches to vendors that have
 *             them (not in Go)
 * In a string, "${NAME}" stands for the environment variable NAME, which is read when the configuration is read; "${NAME:-text}"
 * stands for text if NAME is not set or empty. A model that needs a variable that is not set is skipped if other models can be
 * used: the log has a warning, and a call that names the model says why it is missing. The provider's name ("openai",
 * "anthropic", "gemini", "deepseek", "qwen", …: docs/vendors.md) selects the wire format and the base URL. Any other name needs
 * "like" or a "base_url", and the server must speak OpenAI's format.
 * An unknown key is refused; the message suggests the nearest known key.
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

enum { /* made by `make reference` */
    LLMAGG_OK = 0,
    LLMAGG_E_INVALID_ARGUMENT = -1,    /* an argument, JSON text or configuration that cannot be used */
    LLMAGG_E_INVALID_HANDLE = -2,      /* a NULL, freed, foreign or wrong-kind handle */
    LLMAGG_E_CLOSED = -3,              /* the object is closed, or was closed while the call ran */
    LLMAGG_E_INTERNAL = -4,            /* a fault in the library, which continues to work */
    LLMAGG_E_FORKED = -5,              /* a forked child used the library of its parent */
    LLMAGG_E_NOT_INITIALIZED = -6,     /* the aggregator has no routes yet */
    LLMAGG_E_PROVIDER_NOT_FOUND = -10, /* no provider of that name is registered */
    LLMAGG_E_MODEL_NOT_FOUND = -11,    /* no such model here, or the server answered 404 */
    LLMAGG_E_AUTHENTICATION = -20,     /* the server refused the key */
    LLMAGG_E_QUOTA = -21,              /* the account has no credit left, or the call would pass its max_cost */
    LLMAGG_E_RATE_LIMIT = -22,         /* the server asked to slow down */
    LLMAGG_E_BAD_REQUEST = -23,        /* the server refused the request */
    LLMAGG_E_CONTEXT_LENGTH = -24,     /* the prompt is too long for the model */
    LLMAGG_E_CONTENT_FILTER = -25,     /* the prompt or the answer was blocked by the vendor */
    LLMAGG_E_TIMEOUT = -26,            /* a deadline passed */
    LLMAGG_E_UNAVAILABLE = -27,        /* network failure, a proxy's 407, 408, 409, 421, 424, 425, 498, 499, or 5xx */
    LLMAGG_E_BAD_RESPONSE = -28,       /* the answer is not a completion, or exceeds a limit */
    LLMAGG_E_STREAM_INTERRUPTED = -29, /* the stream broke off; the error has the partial text */
    LLMAGG_E_CIRCUIT_OPEN = -30,       /* the route's circuit breaker is open */
    LLMAGG_E_OVERLOADED = -31,         /* the route stayed at its concurrency limit, or its rate has no room */
    LLMAGG_E_ALL_FAILED = -32,         /* every route failed; the error has all attempts */
    LLMAGG_E_UNSUPPORTED = -33,        /* the vendor cannot do what the request asks for */
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

/*
 * The result of llmagg_..._embed begins with this struct. At offset stand count * dimensions numbers of type float, in the byte
 * order of the machine: one vector after the other, in the order of the texts. JSON follows the numbers: {"model", "usage",
 * "cost", "id_of_call", "attempts": of all requests}. A llmagg_buf is aligned for the numbers. A payload in a buffer of
 * llmagg_queue_drain is not: copy it with memcpy. Offsets count bytes from the beginning of the result. Later versions may add
 * fields at the end of the struct.
 */
typedef struct llmagg_vectors {
    uint64_t count;       /* vectors, one for each text */
    uint32_t dimensions;  /* numbers in each vector */
    uint32_t offset;      /* of the first number */
    uint64_t json_offset; /* of the JSON; a NUL follows the JSON */
    uint64_t json_len;
} llmagg_vectors;

/* Values of llmagg_event.type. Each operation gets exactly one terminal event: DONE or ERROR. */
enum {
    LLMAGG_EVENT_CHUNK = 1,         /* payload: a chunk of a stream */
    LLMAGG_EVENT_RESTART = 2,       /* payload: {"from": route, "to": route, "reason": error}; discard all earlier chunks */
    LLMAGG_EVENT_DONE = 3,          /* terminal. payload: the whole response with "attempts"; for a health operation: its result */
    LLMAGG_EVENT_ERROR = 4,         /* terminal. status: the code, payload: the error as JSON (see llmagg_error_json): "text" is for people */
    LLMAGG_EVENT_CALL_CUSTOM = 5,   /* a custom provider is called. op: the custom call, tag: the provider's,
                                       payload: {"parent": the operation that caused it or 0, "parent_tag": its tag,
                                       "provider", "name", "model", "stream": bool, "request": {...}} */
    LLMAGG_EVENT_CANCEL_CUSTOM = 6, /* the caller of custom call op has left; chunks and answers for op are ignored. tag as above */
    LLMAGG_EVENT_RESUME_CUSTOM = 7, /* custom call op may emit again (see llmagg_custom_emit). tag as above */
    LLMAGG_EVENT_LOG = 8,           /* payload: {"level": n, "time": seconds, "message": text, "attrs": {...}} */
    LLMAGG_EVENT_OBSERVE = 9,       /* payload: {"event": text, ...}: an attempt, a retry, a failover, a breaker that changed, ... */
    LLMAGG_EVENT_DROPPED = 10,      /* payload: {"count": n}: LOG and OBSERVE events dropped since the last DROPPED event */
    LLMAGG_EVENT_TOKEN = 11,        /* a token is needed. op: the question, payload: {"name"}: the configuration's name of the token;
                                       answer with llmagg_token_answer */
    LLMAGG_EVENT_ACCEPT = 12,       /* with "accept": "ask": may this answer be given? op: the question, tag: the operation's, payload:
                                       the response as DONE has it, without attempts; answer with llmagg_accept_answer */
    LLMAGG_EVENT_CACHE_GET = 13,    /* of a cache with "store": "ask": is there a value? op: the question, tag: the operation's, payload:
                                       {"cache": its name, "key": text}; answer with llmagg_cache_answer */
    LLMAGG_EVENT_CACHE_PUT = 14     /* the same: keep this value. payload: {"cache", "key", "ttl_s": omitted for ever}, a line feed,
                                       and the value, which is JSON without a line feed */
};

/*
 * One event. op is 0 if the event belongs to no operation. tag is the value that the caller gave with the operation or the
 * provider. payload is JSON of payload_len bytes, followed by a NUL; it is never NULL, but may be empty. 40 bytes on 64-bit
 * machines.
 */
typedef struct llmagg_event {
    int32_t type;
    llmagg_status status; /* the code of an ERROR; otherwise 0 */
    uint64_t op;
    uint64_t tag;
    const char *payload; /* points into the buffer that was given to llmagg_queue_drain */
    size_t payload_len;
} llmagg_event;

/*
 * The parameters of llmagg_queue_drain. The caller sets the fields marked "in" (once is enough) and owns the memory.
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
    size_t pending;       /* out: the events that remain in the queue */
    size_t needed;        /* out: 0, or the buffer_size that the next event needs, if buffer_size is too small.
                             No event is lost: give a larger buffer and drain again */
    size_t is_mapping;    /* in: 1 if buffer is a mapping (mmap) of the caller: private, anonymous, writable, and unmapped as a
                             whole. The library may then move the pages of a large payload into it (mremap) instead of
                             copying them. 0 for any other memory. Since: 0.1.0 */
} llmagg_drain;

/* Called by llmagg_queue_run for each event, which is valid during the call. A result other than 0 ends llmagg_queue_run. */
typedef int (*llmagg_event_fn)(const llmagg_event *event, void *user);

/*
 * Flags of the ..._chat_submit functions. A loop that reads a stream:
 *
 *     llmagg_event events[16];
 *     char buffer[65536];
 *     llmagg_drain drain = {sizeof drain, sizeof events[0], events, 16, buffer, sizeof buffer, 0, 0, 0, 0, 0};
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
    LLMAGG_STREAM = 1, /* stream: CHUNK events, perhaps RESTART, then DONE. Without the flag: one DONE with the response. After
                          "window" chunks (64) the stream waits for llmagg_op_credit: give one credit for each chunk read.
                          A stream that gets no credit for reader_timeout (300 s) ends with CANCELED. "window": 0 in the
                          options switches credit off. */
    LLMAGG_BATCH = 2,  /* with LLMAGG_STREAM only: the payload of a CHUNK is an array of chunks. Chunks that arrive while the
                          stream's last event is still in the queue are added to it, at most 32. No chunk is delayed. Each
                          chunk takes one credit. A drain takes no more than 32 chunks, and leaves the rest for the next. */
    LLMAGG_GATHER = 4, /* for readers that decode into fixed types. The response, its choices, messages, deltas and usage have
                          only the fields of OpenAI's reference and "reasoning_content". All other fields of such an object
                          move to its object "extra", which is omitted if empty. Every message and delta has a "role"
                          ("assistant" by default) and a "content" (by default null in a message, "" in a delta). */
    LLMAGG_BRIEF = 8   /* with LLMAGG_BATCH and LLMAGG_GATHER only: if only the text of a chunk is new, the chunk is a JSON string,
                          the text, instead of an object. The text is the "content" of its delta. All other fields are as
                          in the stream's last chunk that is an object. */
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

/* The release of the loaded library, such as "0.1.0". Static text. Never fails; works in a forked child. Since: 0.1.0 */
LLMAGG_API const char *llmagg_version(void);

/* The name of a code without its prefix: "RATE_LIMIT", "OK", ..., or "UNKNOWN". Static text. Never fails; works in a forked child.
 * Since: 0.1.0 */
LLMAGG_API const char *llmagg_status_name(llmagg_status status);

/* ----------------------------------------------------------------------------------------------------------- error, buf -- */

/* The code of an error; LLMAGG_OK for NULL. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_error_code(const llmagg_error *error);

/* The message for people, without the name of the code: one line, and one more line for each attempt. NUL-terminated. Owned by
 * the error; "" for NULL. Since: 0.1.0 */
LLMAGG_API const char *llmagg_error_message(const llmagg_error *error);

/* The whole error as JSON, NUL-terminated; *len gets its length unless len is NULL. {"code", "name", "message": one line, "text":
 * what llmagg_error_message gives, "error_owner", "provider", "model", "status", "provider_message", "type", "provider_code",
 * "request_id", "retry_after", "body", "partial", "id_of_call", "attempts", "cause"}; unknown fields are omitted. "error_owner"
 * says who can remove the cause: "caller" (this process and its configuration), "policy" (a rate, quota, moderation, breaker or
 * budget), "provider" or "network". The JSON never contains credentials. Owned by the error; "{}" for NULL. Since: 0.1.0 */
LLMAGG_API const char *llmagg_error_json(const llmagg_error *error, size_t *len);

/* Frees an error; NULL is ignored. An error is not a handle: freeing it twice is undefined, as with free(). Since: 0.1.0 */
LLMAGG_API void llmagg_error_free(llmagg_error *error);

/* Frees the bytes and empties the struct. NULL and an empty struct are ignored, so a second call is harmless. Since: 0.1.0 */
LLMAGG_API void llmagg_buf_free(llmagg_buf *buf);

/* --------------------------------------------------------------------------------------------------------------- manager -- */

/* Makes an empty registry. *out is owned: llmagg_manager_free. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_manager_new(llmagg_manager **out, llmagg_error **err);

/* The process-wide registry, made at the first call. Returns the same handle until it is closed, then a new handle.
 * *out is borrowed: llmagg_manager_free on it does nothing. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_manager_default(llmagg_manager **out, llmagg_error **err);

/* Registers a provider under its name. It replaces a provider of the same name; the replaced provider closes when its last call
 * has ended. The manager keeps the provider alive: the caller may free the handle. Codes: CLOSED. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_manager_register(llmagg_manager *manager, llmagg_provider *provider, llmagg_error **err);

/* Removes a provider. The provider stays open while it has a handle; otherwise it closes when its last call has ended.
 * Codes: PROVIDER_NOT_FOUND, CLOSED. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_manager_unregister(llmagg_manager *manager, const char *name, size_t name_len,
                                                   llmagg_error **err);

/* A new handle to the route of a model (the configured name, or the upstream name) at a provider. *out is owned:
 * llmagg_client_free. Codes: PROVIDER_NOT_FOUND, MODEL_NOT_FOUND, CLOSED. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_manager_client(llmagg_manager *manager, const char *provider, size_t provider_len,
                                               const char *model, size_t model_len, llmagg_client **out, llmagg_error **err);

/* As llmagg_manager_client, at the first provider, in order of registration, that has the model. *out is owned. Codes:
 * MODEL_NOT_FOUND, CLOSED. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_manager_client_by_model(llmagg_manager *manager, const char *model, size_t model_len,
                                                        llmagg_client **out, llmagg_error **err);

/* The names of the providers in order of registration: ["openai", ...]. *out is owned. Codes: CLOSED. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_manager_providers(llmagg_manager *manager, llmagg_buf *out, llmagg_error **err);

/* The models of each provider: {"openai": ["gpt-4o", ...], ...}. *out is owned. Codes: CLOSED. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_manager_models(llmagg_manager *manager, llmagg_buf *out, llmagg_error **err);

/* Asks every route at the same time whether it is alive, within 5 s: {"openai": {"gpt-4o": true, ...}, ...}. Spends no tokens.
 * Blocks. *out is owned. Codes: CLOSED. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_manager_health(llmagg_manager *manager, llmagg_buf *out, llmagg_error **err);

/* llmagg_manager_health as an operation: the payload of DONE is the object. Returns at once, as llmagg_client_chat_submit does.
 * Codes: UNAVAILABLE. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_manager_health_submit(llmagg_manager *manager, llmagg_queue *queue, uint64_t tag, uint64_t *op,
                                                      llmagg_error **err);

/* The state of every route: [{"provider", "model", "available": the application's switch, "usable", "circuit": "closed", "open"
 * or "half_open", "blocked_for", "reopens_in": seconds, "in_flight", "waiting", "limit": calls that may be in flight,
 * "rate_used": the share of the route's rate that was used lately, "binding": the limit that calls wait for ("rpm", "tpm" or
 * "max_concurrent_calls"), "keys": if the route has several, [{"key": at most its last four characters, "retired": whether the
 * key was refused or its quota is spent, "ready_in": seconds until the key is used or tried again}], "last_error": as
 * llmagg_error_json, "last_error_at", "last_success": seconds since the epoch, "latency": seconds, "totals": {"since",
 * "attempts": {outcome: number}, "retries", "failovers": calls that left it for another route, "hedges", "cache": calls
 * with a cache and this first route by result ("hit", "joined", "miss"), if there are any, "tokens": {"input", "output",
 * "cached_input", "reasoning", "unpriced": tokens of unknown cost}, "cost": {"amount", "currency"}, omitted while no cost is
 * known, "duration": of attempts that answered, {"sum": seconds, "buckets": [14 counts: up to 0.02 s, 0.04 s, and so on up to
 * 81.92 s, and longer]}, "first_token": the same}}, ...]; times of events that have not happened are omitted. "prices_of" is the
 * date of the table that has the route's prices. Totals count from the route's first report; if the route was registered after a
 * report of its manager, from the registration. Sends no request. *out is owned. Codes: CLOSED. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_manager_report(llmagg_manager *manager, llmagg_buf *out, llmagg_error **err);

/* The report as a page of Prometheus's text format 0.0.4, to be served as "text/plain; version=0.0.4": counters, gauges and
 * histograms named llmagg_..., at most 60 series for a route, and 3 more with a cache. The labels "provider" and "model" have
 * the configured names; the other labels are "outcome", "type", "currency", "result" and "le". Totals count as in
 * llmagg_manager_report. *out is owned. Codes: CLOSED. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_manager_metrics(llmagg_manager *manager, llmagg_buf *out, llmagg_error **err);

/* Makes the manager's routes members of a fleet: processes that use the same routes tell each other of waits, blocks, breakers
 * and used rates. config is the object of the configuration's key "fleet": {"url": "valkey://host:6379", "name", "agree",
 * "processes", "share", "username", "password", "ca_file"}; llmagg_aggregator_initialize joins in the same way. Routes of
 * llmagg_client_new and llmagg_client_new_custom belong to the fleet of the default manager. Connects in the background: a store
 * that cannot be reached is no error. Joining the same fleet again changes nothing; joining another fleet leaves the first; a
 * NULL config leaves the fleet. Codes: INVALID_ARGUMENT (also if the library was built without fleets), CLOSED. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_manager_join(llmagg_manager *manager, const char *config, size_t config_len, llmagg_error **err);

/* The membership, or null without a fleet: {"name", "process": the name of this process in the fleet, "connected": whether the
 * store is in reach, "processes": how many are alive, "lag_ms": how long the last change of this process took to come back from
 * the store, "told", "heard": how many changes of routes this process sent and received, "unknown": at most 16 kinds of changes
 * that others sent and this version ignores, "routes": changes that others sent and that still hold, each {"route": its name in
 * the fleet, "names": its names in this process, "what": "opened", "wait" or "block", "for_ns": nanoseconds from now, "process":
 * the sender}, "degraded_since": since when the store is out of reach, in seconds since the epoch, or null, "rate_share": the
 * share of each shared rate that this process uses while the store is out of reach, or null, "error": why the store is out of
 * reach}. *out is owned. Codes: CLOSED. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_manager_fleet_report(llmagg_manager *manager, llmagg_buf *out, llmagg_error **err);

/* Closes the manager and its providers: calls in flight end with LLMAGG_E_CLOSED, each with its event; later uses return CLOSED.
 * Blocks until these calls have ended, at most deadline seconds (0 or less: does not block). A second close waits in the same way.
 * Codes: TIMEOUT (some calls have not ended yet; they will end later). Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_manager_close(llmagg_manager *manager, double deadline, llmagg_error **err);

/* Closes without waiting, unless already closed, and frees the handle. Ignores NULL, freed and foreign handles, and the handle of
 * llmagg_manager_default. Since: 0.1.0 */
LLMAGG_API void llmagg_manager_free(llmagg_manager *manager);

/* -------------------------------------------------------------------------------------------------------------- provider -- */

/* Makes a provider from a configuration with exactly one provider: {"openai": {"models": {...}}}, and the clients of its models.
 * Nothing is connected yet. *out is owned: llmagg_provider_free. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_provider_new(const char *config, size_t config_len, llmagg_provider **out, llmagg_error **err);

/*
 * Makes a provider that the application implements. config as for llmagg_provider_new; keys, URLs and headers are not needed.
 * Each attempt arrives as a CALL_CUSTOM event with this tag and is answered by llmagg_custom_emit, _finish and _fail. The library
 * does failover, retries, breakers and limits. queue receives the events and is borrowed until the provider is closed. If
 * queue is NULL, the events go to the queue of the operation that caused the attempt, and blocking calls return
 * LLMAGG_E_INVALID_ARGUMENT. A thread that waits in a blocking call cannot read the queue: another thread must. *out is owned:
 * llmagg_provider_free. Since: 0.1.0
 */
LLMAGG_API llmagg_status llmagg_provider_new_custom(const char *config, size_t config_len, llmagg_queue *queue, uint64_t tag,
                                                    llmagg_provider **out, llmagg_error **err);

/* Makes clients for the models that have no client yet, as llmagg_provider_new does. Call it again when the cause of a failure is
 * gone. Codes: CLOSED. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_provider_initialize(llmagg_provider *provider, llmagg_error **err);

/* The names of the provider's models: ["gpt-4o", ...]. *out is owned. Codes: CLOSED. Since: 0.1.0 */
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

/* Makes a single route without provider or manager, with a breaker and limits of its own. config is one model's configuration
 * with both names: {"provider": "openai", "name": "gpt-4o", "api_key": ..., ...}. *out is owned: llmagg_client_free.
 * Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_client_new(const char *config, size_t config_len, llmagg_client **out, llmagg_error **err);

/* As llmagg_client_new, for a route that the application implements; queue and tag as in llmagg_provider_new_custom.
 * Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_client_new_custom(const char *config, size_t config_len, llmagg_queue *queue, uint64_t tag,
                                                  llmagg_client **out, llmagg_error **err);

/* {"provider", "name", "model", "available", "custom": whether the application answers, "config": {...}, "key_header": {"name",
 * "prefix": the text before the key}, "tells_cost": whether answers may have a cost, from a configured price or from the vendor}.
 * It has no credentials: keys in a "base_url" are written as ***. "key_header" is omitted if no HTTP header holds the key. *out is
 * owned. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_client_info(llmagg_client *client, llmagg_buf *out, llmagg_error **err);

/* The state of the route, as one element of llmagg_manager_report. *out is owned. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_client_report(llmagg_client *client, llmagg_buf *out, llmagg_error **err);

/* One call on this route; blocks until it is answered. The request's "model" is ignored: the server receives the route's model.
 * *out is owned: the response. Codes: all. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_client_chat(llmagg_client *client, const char *request, size_t request_len, const char *options,
                                            size_t options_len, llmagg_buf *out, llmagg_error **err);

/*
 * One call on this route as an operation: its events arrive on queue, with this tag, and end with exactly one DONE or ERROR.
 * flags: 0 or a sum of the flags above. The function notes the operation and returns at once, without waiting for the library's
 * threads. It fails for a bad handle, bad flags, a NULL, a text that is empty or too long, for lack of memory (INTERNAL) and, at a
 * process's first operation, for lack of a file descriptor (UNAVAILABLE). Every other error is the operation's ERROR event. Later
 * calls of the same thread find the operation begun. *op is written before the function returns, but another thread may read
 * the first event even earlier; use tag to recognize it. Codes: UNAVAILABLE. Since: 0.1.0
 */
LLMAGG_API llmagg_status llmagg_client_chat_submit(llmagg_client *client, llmagg_queue *queue, const char *request,
                                                   size_t request_len, const char *options, size_t options_len, uint32_t flags,
                                                   uint64_t tag, uint64_t *op, llmagg_error **err);

/* Switches the route on or off, for all its handles. While the route is off (available is 0), calls return
 * LLMAGG_E_CIRCUIT_OPEN; an aggregator uses the next route. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_client_set_available(llmagg_client *client, int available, llmagg_error **err);

/* Closes idle connections of the route that no other active client uses. The state of the route (breaker, limits) stays; the next
 * call makes a new connection. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_client_rest(llmagg_client *client, llmagg_error **err);

/* Frees the handle. Calls that were begun through it end with LLMAGG_E_CLOSED. The route stays in its provider; a route made by
 * llmagg_client_new or llmagg_client_new_custom is closed. Since: 0.1.0 */
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

/* The vectors of texts, by the routes among these that have the first route's model; blocks. *out is owned: a llmagg_vectors.
 * Codes: all. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_routes_embed(llmagg_client *const *clients, size_t count, const char *request, size_t request_len,
                                             const char *options, size_t options_len, llmagg_buf *out, llmagg_error **err);

/* The same as an operation: the payload of DONE is the llmagg_vectors; see llmagg_client_chat_submit. Codes: UNAVAILABLE.
 * Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_routes_embed_submit(llmagg_client *const *clients, size_t count, llmagg_queue *queue,
                                                    const char *request, size_t request_len, const char *options,
                                                    size_t options_len, uint64_t tag, uint64_t *op, llmagg_error **err);

/* Ranks documents over these routes; blocks. *out is owned: see RANKINGS. Codes: all. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_routes_rerank(llmagg_client *const *clients, size_t count, const char *request, size_t request_len,
                                              const char *options, size_t options_len, llmagg_buf *out, llmagg_error **err);

/* The same as an operation; see llmagg_client_chat_submit. Codes: UNAVAILABLE. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_routes_rerank_submit(llmagg_client *const *clients, size_t count, llmagg_queue *queue,
                                                     const char *request, size_t request_len, const char *options,
                                                     size_t options_len, uint64_t tag, uint64_t *op, llmagg_error **err);

/* Asks these routes whether they are alive, as an operation; the payload of DONE is an array of bools in the same order. See
 * llmagg_client_chat_submit. Codes: UNAVAILABLE. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_routes_health_submit(llmagg_client *const *clients, size_t count, llmagg_queue *queue,
                                                     uint64_t tag, uint64_t *op, llmagg_error **err);

/* Applies the rules for names in a list of models. catalog: [{"provider", "name", "model"}, ...] in order of registration;
 * models: ["name" or "provider/name", ...], [] for all. *out is owned: indexes into catalog, in order of trial.
 * Codes: MODEL_NOT_FOUND, PROVIDER_NOT_FOUND, NOT_INITIALIZED (the catalog is empty). Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_resolve(const char *catalog, size_t catalog_len, const char *models, size_t models_len,
                                        llmagg_buf *out, llmagg_error **err);

/* ------------------------------------------------------------------------------------------------------------ aggregator -- */

/* Makes an aggregator over a manager, which the caller still owns. options: NULL, or {"models": [names in order of trial; default:
 * all registered models; a list among the names is a group, [["a", "b"], "c"], which "strategy" orders], and call options as defaults for its calls}. *out is owned: llmagg_aggregator_free.
 * Codes: CLOSED. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_aggregator_new(llmagg_manager *manager, const char *options, size_t options_len,
                                               llmagg_aggregator **out, llmagg_error **err);

/* Makes the providers of a configuration and registers them with the manager, in their order; they replace providers of the same
 * name. If a provider cannot be made, or no provider has a model listed in the aggregator's "models", none is registered.
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

/* The vectors of texts; blocks until all are there. *out is owned: a llmagg_vectors. See EMBEDDINGS. Codes: all. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_aggregator_embed(llmagg_aggregator *aggregator, const char *request, size_t request_len,
                                                 const char *options, size_t options_len, llmagg_buf *out, llmagg_error **err);

/* The same as an operation: the payload of DONE is the llmagg_vectors; see llmagg_client_chat_submit. Codes: UNAVAILABLE.
 * Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_aggregator_embed_submit(llmagg_aggregator *aggregator, llmagg_queue *queue, const char *request,
                                                        size_t request_len, const char *options, size_t options_len,
                                                        uint64_t tag, uint64_t *op, llmagg_error **err);

/* Ranks documents by how well they fit a query; blocks. *out is owned: see RANKINGS. Codes: all. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_aggregator_rerank(llmagg_aggregator *aggregator, const char *request, size_t request_len,
                                                  const char *options, size_t options_len, llmagg_buf *out, llmagg_error **err);

/* The same as an operation; see llmagg_client_chat_submit. Codes: UNAVAILABLE. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_aggregator_rerank_submit(llmagg_aggregator *aggregator, llmagg_queue *queue, const char *request,
                                                         size_t request_len, const char *options, size_t options_len,
                                                         uint64_t tag, uint64_t *op, llmagg_error **err);

/* The names of the models that calls use, in order of trial: ["gpt-4o", ...]. *out is owned. Codes: CLOSED. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_aggregator_models(llmagg_aggregator *aggregator, llmagg_buf *out, llmagg_error **err);

/* As llmagg_manager_health; blocks. *out is owned. Codes: CLOSED, NOT_INITIALIZED. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_aggregator_health(llmagg_aggregator *aggregator, llmagg_buf *out, llmagg_error **err);

/* The same as an operation: the payload of DONE is the object; see llmagg_client_chat_submit. Codes: UNAVAILABLE. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_aggregator_health_submit(llmagg_aggregator *aggregator, llmagg_queue *queue, uint64_t tag,
                                                         uint64_t *op, llmagg_error **err);

/* As llmagg_manager_close, for the calls of this aggregator. The manager stays open. Blocks. Codes: TIMEOUT. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_aggregator_close(llmagg_aggregator *aggregator, double deadline, llmagg_error **err);

/* Closes without waiting, unless already closed, and frees the handle. Since: 0.1.0 */
LLMAGG_API void llmagg_aggregator_free(llmagg_aggregator *aggregator);

/* ----------------------------------------------------------------------------------------------------------------- queue -- */

/* Makes a queue. *out is owned: llmagg_queue_free. Codes: UNAVAILABLE (no file descriptor is available). Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_queue_new(llmagg_queue **out, llmagg_error **err);

/* A file descriptor that is readable while the queue has events; for poll, select, epoll. The library owns it: do not read, write
 * or close it, and stop polling it before llmagg_queue_free. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_queue_fd(llmagg_queue *queue, int *fd, llmagg_error **err);

/* Waits until the queue has an event, or timeout seconds have passed (0: does not wait; negative: waits for ever). A signal (EINTR)
 * does not end the wait. Codes: TIMEOUT, CLOSED (the queue was freed meanwhile). Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_queue_wait(llmagg_queue *queue, double timeout, llmagg_error **err);

/* Moves as many events as fit into the caller's memory. Never waits; count is 0 if there are none. See llmagg_drain. Events of
 * one operation keep their order. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_queue_drain(llmagg_queue *queue, llmagg_drain *drain, llmagg_error **err);

/*
 * Calls fn(event, user) for each event, on the calling thread, until fn returns a value other than 0 or llmagg_queue_stop
 * is called. Events not yet given to fn stay in the queue. fn may call the library, also for this queue. If fn frees the queue, the
 * function returns CLOSED after fn has returned. fn may also be left by an exception, a longjmp or the end of its thread: the queue
 * stays usable, and at most the memory of one payload is lost. Codes: CLOSED (freed meanwhile). Since: 0.1.0
 */
LLMAGG_API llmagg_status llmagg_queue_run(llmagg_queue *queue, llmagg_event_fn fn, void *user, llmagg_error **err);

/* Ends the running llmagg_queue_run before its next event. If none is running, the next one ends when it starts. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_queue_stop(llmagg_queue *queue, llmagg_error **err);

/* Cancels the operations that use the queue, drops its events, closes its descriptor and frees the handle. Custom calls whose
 * CALL_CUSTOM went to the queue fail. Since: 0.1.0 */
LLMAGG_API void llmagg_queue_free(llmagg_queue *queue);

/* ------------------------------------------------------------------------------------------------------------ operations -- */

/* Cancels an operation. Its connection closes at once, and its terminal event is an ERROR with LLMAGG_E_CANCELED, unless it has
 * already ended. Unknown and ended operations are ignored. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_op_cancel(uint64_t op, llmagg_error **err);

/* Lets a stream send that many more CHUNK events ("window" in the options is the number at its beginning). A stream without credit
 * stops reading from its server; after "reader_timeout" without credit it ends with CANCELED. Other events need no credit.
 * Unknown and ended operations are ignored. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_op_credit(uint64_t op, uint32_t chunks, llmagg_error **err);

/* ---------------------------------------------------------------------------------------------------------------- custom -- */

/*
 * Sends one chunk of a custom call whose event has "stream": true; "id", "object", "created" and "model" may be omitted. pause
 * may be NULL. *pause becomes 1 if the reader is behind: wait for RESUME_CUSTOM before the next chunk. Otherwise it becomes 0.
 * Codes: CANCELED (the call has ended: stop), OVERLOADED (the stream exceeds its limit of bytes, and has failed). Since: 0.1.0
 */
LLMAGG_API llmagg_status llmagg_custom_emit(uint64_t op, const char *chunk, size_t chunk_len, int *pause, llmagg_error **err);

/* Ends a custom call successfully. response: the whole response if "stream" is false; NULL and 0 after a stream. A response
 * that is not a completion is BAD_RESPONSE for the route, not an error of this function. Codes: CANCELED (the call has ended).
 * Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_custom_finish(uint64_t op, const char *response, size_t response_len, llmagg_error **err);

/* Ends a custom call with an error: {"code": -22 or "name": "RATE_LIMIT", "message", "status", "retry_after", ...} (see
 * llmagg_error_json); without code and name it is UNAVAILABLE. NULL and 0 mean UNAVAILABLE without a message.
 * Codes: CANCELED (the call has ended). Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_custom_fail(uint64_t op, const char *error, size_t error_len, llmagg_error **err);

/* ---------------------------------------------------------------------------------------------------------------- accept -- */

/* Answers an ACCEPT event: {"accept": true}, or {"accept": false, "reason": text}, which makes the answer a failed attempt
 * (LLMAGG_E_BAD_RESPONSE): the call goes on with a retry or with the next route. A stream is asked for when it is complete; refused,
 * it is interrupted ("on_interrupt"). The call waits for the word, as long as its "deadline" and its operation last.
 * Codes: CANCELED (nothing waits for it any more). Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_accept_answer(uint64_t op, const char *answer, size_t answer_len, llmagg_error **err);

/* ------------------------------------------------------------------------------------------------------------------- log -- */

/* Sends log records of this level and above to a queue as LOG events, for the whole process. It replaces the queue set before;
 * NULL switches the log off, as at the start. If 1000 LOG events wait, further ones are dropped and counted (DROPPED).
 * Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_log_to_queue(int32_t level, llmagg_queue *queue, llmagg_error **err);

/* The same for OBSERVE events: attempts, retries, failovers, restarts, hedges, breaker and health changes of every route in the
 * process, including routes of llmagg_client_new and llmagg_client_new_custom. They cost nothing while there is no queue.
 * Payload: {"event": "attempt_started", "attempt_ended", "retry_scheduled", "failover", "restart", "hedge", "breaker_changed",
 * "health_changed", "cached": a kept answer for a call with this first route, "fleet_joined", "fleet_lost" or "fleet_heard",
 * "time": seconds since the epoch, "call": number of the call, "provider", "model", "to": "provider/model", "from" and "state": of
 * a breaker or a health check; "hit" or "joined" of a kept answer, "wait": seconds, "code": name of the reason, "error_owner": as in
 * llmagg_error_json, "message", "attempt": {...}}; empty fields are omitted. When the function returns, all earlier observations
 * are in the queue that was set before; a call with the same queue does only that. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_observe_to_queue(llmagg_queue *queue, llmagg_error **err);

/* ----------------------------------------------------------------------------------------------------------------- token -- */

/*
 * Sends TOKEN events to a queue, for the whole process: questions for the tokens of models whose "auth" is {"type": "function",
 * "name": ...}. The queue replaces the queue set before; NULL: nobody answers, as at the start, and the attempts of these models
 * fail with AUTHENTICATION. A token is asked for once for all calls and all models of its name, again before it ends, beside the
 * calls, and once more after a server has refused it (401, 403). A thread that waits in a blocking call cannot read the queue:
 * another thread must. Since: 0.1.0
 */
LLMAGG_API llmagg_status llmagg_token_to_queue(llmagg_queue *queue, llmagg_error **err);

/* Answers a TOKEN event, within 30 s: {"token": text, "expires": seconds since the epoch; omitted: it does not end}, which is sent
 * as "Authorization: Bearer ...", or {"error": text}, which fails the attempts that wait for the token with UNAVAILABLE.
 * Codes: CANCELED (nothing waits for it any more). Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_token_answer(uint64_t op, const char *answer, size_t answer_len, llmagg_error **err);

/* ---------------------------------------------------------------------------------------------------------------- budget -- */

/*
 * Makes a budget, or gives it another limit: what all calls of the process that name it in "budgets" may cost together. limit is JSON:
 * an amount greater than 0, or {"amount", "hard": true}; NULL and 0 remove the budget. name NULL and 0: the budget of the process,
 * which every call has. No attempt begins after the known cost of these calls has reached the amount: the call ends with
 * LLMAGG_E_QUOTA. A hard one also keeps calls from routes where an attempt could pass it, as a hard "max_cost" does; attempts under
 * way are counted in. Where the cost of an attempt is not known, a hard budget counts what it could cost. llmagg_stats has what is
 * spent. Since: 0.1.0
 */
LLMAGG_API llmagg_status llmagg_budget_set(const char *name, size_t name_len, const char *limit, size_t limit_len,
                                           llmagg_error **err);

/* ----------------------------------------------------------------------------------------------------------------- cache -- */

/*
 * Makes a cache for calls over explicit routes that name it in "cache_name", or empties it and gives it other limits. (An aggregator
 * has a cache of its own by its option "cache".) limits is JSON: true, or {"size": bytes, or a text such as "64MB", the default,
 * "ttl_s": seconds that an answer is kept; by default as long as there is room}; NULL and 0 remove the cache. A request that equals an
 * earlier request gets that request's answer: the routes, all fields of the request that may change an answer, the call's
 * "headers" and "unsupported" must be equal. Kept are whole answers that ended by themselves or at their length, of chats and of
 * streams that were complete; a stream is answered in chunks. Of equal chats at the same time one chat asks, the others wait
 * for its answer, each until its own deadline; if that chat fails, each of the others asks for itself. llmagg_stats has the counts.
 * With "store": "ask" in limits, the application keeps the answers: the queue of an operation is asked for a value by CACHE_GET, which
 * must be answered within 5 s, and told a value by CACHE_PUT. Blocking calls have no queue, and so no cache then. Since: 0.1.0
 */
LLMAGG_API llmagg_status llmagg_cache_set(const char *name, size_t name_len, const char *limits, size_t limits_len,
                                          llmagg_error **err);

/* Answers a CACHE_GET event with the value that a CACHE_PUT of the same key told; NULL and 0: there is none, or it is too old.
 * Codes: CANCELED (nothing waits for it any more). Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_cache_answer(uint64_t op, const char *value, size_t value_len, llmagg_error **err);

/* ---------------------------------------------------------------------------------------------------------------- config -- */

/* Flags of llmagg_config_check. */
enum {
    LLMAGG_CONFIG_LENIENT = 1,  /* an unknown key that is not similar to a known key is a warning, not an error */
    LLMAGG_CONFIG_SKIP = 2,     /* "" counts as not set; a model whose vendor needs a key is skipped without it, if others can be used */
    LLMAGG_CONFIG_ADDRESSES = 4 /* "base_url" is what calls use: keys may stand in it, so it is shown nowhere */
};

/*
 * Checks a configuration as llmagg_aggregator_initialize does (flags 0), without using it. *out is owned: {"models":
 * [{"provider", "name", "model", "base_url"}, ...], "left_out": [{"provider", "name", "reason"}, ...], "warnings": [text, ...],
 * "holds_secret", "bulk": omitted if it has none}. A "base_url" has *** for the keys in it without LLMAGG_CONFIG_ADDRESSES. "left_out"
 * lists models that cannot be used because an environment variable is not set. "holds_secret" says whether the text itself contains a
 * credential. "bulk" is that key of the configuration, as it was read. Since: 0.1.0
 */
LLMAGG_API llmagg_status llmagg_config_check(const char *config, size_t config_len, uint32_t flags, llmagg_buf *out,
                                             llmagg_error **err);

/* The tables of known names, as JSON: {"options": [...], "configuration": [...], "request": [...], "vendors": [...], "misspelt":
 * [...]}. "options", "configuration" and "request" hold {"name", "type", "default", "meaning", "group": "breaker", "retry", "rate" or
 * "limits" for a key inside it, "internal": true if it is for bindings}. "vendors" holds {"name", "base_url": omitted if it has none,
 * "hosts": [of its own origin; "*" stands for any text]}. "misspelt" holds the environment variables that nothing reads: {"name",
 * "near": the variable of the library that was probably meant}. *out is owned. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_settings(llmagg_buf *out, llmagg_error **err);

/* ----------------------------------------------------------------------------------------------------------------- stats -- */

/*
 * What the library holds in this process, as JSON, for monitoring and to find leaks. Reading it stops nothing.
 *     "handles"         object: kind ("client", "queue", ...) to the number of handles not yet freed; no zeros
 *     "operations"      operations whose terminal event is not sent yet
 *     "custom_calls"    custom calls that wait for the application's answer
 *     "sockets"         connections to providers, open (also idle) or being opened
 *     "goroutines"      goroutines of the Go runtime: a few for each connection, operation and blocking call
 *     "heap_bytes"      bytes in objects of the Go heap, also garbage not yet collected
 *     "runtime_bytes"   bytes that the Go runtime has from the system
 *     "budgets"         object: name to {"amount", "hard", "spent", "reserved": by attempts under way, "unknown": attempts whose
 *                       cost is not known, "currency"}; omitted while there is none
 *     "caches"          object: name to {"hits", "joined", "misses", "kept": answers that were put into it, "failed": failures of its
 *                       store, "entries", "bytes", "size"}, of llmagg_cache_set; omitted while there is none
 * *out is owned. Since: 0.1.0
 */
LLMAGG_API llmagg_status llmagg_stats(llmagg_buf *out, llmagg_error **err);

/* ------------------------------------------------------------------------------------------------------------------ wall -- */

/* Starts a scripted OpenAI-compatible server on a loopback port, for tests of programs that use the library; see
 * core/faultwall/SCRIPT.md. script NULL and 0: every call succeeds. *out is owned: llmagg_wall_free. Codes: UNAVAILABLE (no port).
 * Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_wall_start(const char *script, size_t script_len, llmagg_wall **out, llmagg_error **err);

/* Its base URL, as "http://127.0.0.1:40001/v1". *out is owned. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_wall_url(llmagg_wall *wall, llmagg_buf *out, llmagg_error **err);

/* The requests that the server has seen, as JSON: {"uptime_s", "totals": {"requests", "in_flight", "max_simultaneous",
 * "health", "disconnects", "stale", "malformed", "tls_failures", "connections_opened", "connections_open"}, "models": {name:
 * {"requests", "in_flight", "max_simultaneous", "disconnects", "stale", ...}}, "requests": [{"number", "kind", "model",
 * "method", "path", "headers", "body", ...}], "connections": [...]}; the rest is in core/faultwall/SCRIPT.md. *out is owned.
 * Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_wall_seen(llmagg_wall *wall, llmagg_buf *out, llmagg_error **err);

/* Replaces the script of a running server; answers in progress continue with the old script. Since: 0.1.0 */
LLMAGG_API llmagg_status llmagg_wall_script(llmagg_wall *wall, const char *script, size_t script_len, llmagg_error **err);

/* Releases every answer that waits, or will wait, at a "hold" of this name in the script. Since: 0.1.0 */
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
