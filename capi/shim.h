/* What the C files of this folder share with each other and with the Go files. Nothing of it is exported. */
#ifndef LLMAGG_SHIM_H
#define LLMAGG_SHIM_H

#include <stddef.h>
#include <stdint.h>

#include "llmagg.h"

#define SHIM_HIDDEN __attribute__((visibility("hidden")))

/* ---- fork.c: the forked child */

/* 1 in a child that was forked after the library was loaded, by whatever means, else 0. */
SHIM_HIDDEN int shim_forked(void);
/* Why Go's runtime did not start, or NULL. shim_forked says yes then. */
SHIM_HIDDEN const char *shim_absent(void);
/* What Go's runtime asks, and tells, before it starts (packaging/goruntime.sh). */
SHIM_HIDDEN int shim_may_start(void);
SHIM_HIDDEN void shim_has_not_started(void);
/* A descriptor that a forked child must not keep open; counted is 1 for a connection to a provider. One that is no socket must be
 * forgotten before it is closed, since its number is used again. */
SHIM_HIDDEN void shim_fd_note(int fd, int counted);
SHIM_HIDDEN void shim_fd_forget(int fd);
/* How many connections to providers are open. */
SHIM_HIDDEN int shim_fd_sockets(void);

/* ---- signals.c */

/* What a thread of the host's gets back when it leaves Go. */
typedef struct shim_host {
    uint64_t mask;        /* as the kernel has it */
    uint32_t float_state; /* its control register */
} shim_host;
SHIM_HIDDEN void shim_enter_go(shim_host *host);
SHIM_HIDDEN void shim_leave_go(const shim_host *host);
/* From here to the end of the block the thread may enter Go. */
#define IN_GO                                                                                                                  \
    __attribute__((cleanup(shim_leave_go))) shim_host host_;                                                                   \
    shim_enter_go(&host_)

/* ---- error.c */

/* malloc, or NULL: where there is no memory, Go's C.malloc ends the process. */
SHIM_HIDDEN char *shim_bytes(size_t size);
/* A new error; the texts are copied. NULL when memory is out. */
SHIM_HIDDEN llmagg_error *shim_error_new(llmagg_status code, const char *message, size_t message_len, const char *json,
                                         size_t json_len);
/* Sets *err, where err is not NULL, to an error with this plain message (ASCII without quotes and backslashes), and returns code. */
SHIM_HIDDEN llmagg_status shim_fail(llmagg_status code, const char *message, llmagg_error **err);
/* INVALID_ARGUMENT, and an error that says why, if a text with this length is none; given: its pointer is not NULL. */
SHIM_HIDDEN llmagg_status shim_check_text(const char *what, int given, size_t len, int optional, llmagg_error **err);
/* The same as shim_fail for what every function answers in a forked child, and where Go's runtime did not start. */
SHIM_HIDDEN llmagg_status shim_fail_forked(llmagg_error **err);

/* ---- wake.c: descriptors that tell a reader that something waits */

/* A descriptor that is not readable yet, noted for forked children; or -1 with errno. */
SHIM_HIDDEN int shim_wake_open(void);
SHIM_HIDDEN void shim_wake_close(int fd);
/* Make it readable, and unreadable. capi/wake.go does the same from Go. */
SHIM_HIDDEN void shim_wake_set(int fd);
SHIM_HIDDEN void shim_wake_clear(int fd);
/* 1 readable, 0 not within timeout seconds (negative: for ever), -1 with errno or in a forked child. */
SHIM_HIDDEN int shim_wake_wait(int fd, double timeout);
/* Seconds of a clock that only goes forward. */
SHIM_HIDDEN double shim_now(void);

/* ---- register.c: what handles stand for. Every function may be called by any thread. */

typedef struct shim_queue shim_queue;

enum { SHIM_MANAGER = 1, SHIM_PROVIDER, SHIM_CLIENT, SHIM_AGGREGATOR, SHIM_QUEUE, SHIM_WALL, SHIM_KINDS };

/* An object that a handle stands for. Who holds a reference may read kind, go and queue. 64 bytes, so that no two share a line of a
 * processor's cache. */
typedef struct shim_entry {
    uint64_t state; /* see register.c; only atomic access */
    void *go;       /* go-pointer's pointer to the object in Go; nothing that a host sees */
    shim_queue *queue; /* of a queue, with a reference; else NULL */
    struct shim_entry *next; /* of those that are not used */
    uint32_t place;
    int kind;
    int borrowed; /* freeing it does nothing; only atomic access */
    char fill[64 - 4 * sizeof(void *) - 3 * sizeof(int)];
} shim_entry;

/* The number that handles count from; once, before the first. By chance, since a forked child may load another copy of the library,
 * for which the parent's handles must be foreign. */
SHIM_HIDDEN void shim_register_start(uint64_t number);
/* The name of a kind for messages, as "client". */
SHIM_HIDDEN const char *shim_kind_name(int kind);
/* A new handle for what go refers to; 0 when memory is out. queue, where it is not NULL, gets one reference more. */
SHIM_HIDDEN uintptr_t shim_handle_new(int kind, void *go, shim_queue *queue);
/* The entry of a handle of this kind, with a reference; NULL where there is none: shim_fail_handle says why. */
SHIM_HIDDEN shim_entry *shim_hold(uintptr_t handle, int kind);
/* Sets *err to what is wrong with a handle that shim_hold does not know; what names the argument. Gives INVALID_HANDLE. */
SHIM_HIDDEN llmagg_status shim_fail_handle(const char *what, uintptr_t handle, llmagg_error **err);
/* Gives a reference back. What it returns, where that was the last reference to a freed handle, is to be given to go-pointer's Unref. */
SHIM_HIDDEN void *shim_drop(shim_entry *e);
/* The same, and calls Unref. Does nothing in a forked child. */
SHIM_HIDDEN void shim_release(shim_entry *e);
/* Ends the handle of an entry that the caller holds. 1 for one caller; 0 where it was freed meanwhile, or is borrowed. */
SHIM_HIDDEN int shim_handle_end(shim_entry *e);
/* Makes a handle borrowed, or not. */
SHIM_HIDDEN void shim_handle_lend(uintptr_t handle, int kind, int borrowed);
/* The next entry of this kind, with a reference, looking from place *from on, which becomes the place behind it; NULL: no more. */
SHIM_HIDDEN shim_entry *shim_handle_next(int kind, uint32_t *from);
/* How many handles of this kind were not freed. */
SHIM_HIDDEN size_t shim_handle_count(int kind);

/* ---- queue.c: events on their way to their reader. Every function may be called by any thread of Go or of the host. */

enum { SHIM_MOST_DROPPABLE = 1000 }; /* LOG and OBSERVE events that wait in a queue at most */

/* With one reference, or NULL with errno. */
SHIM_HIDDEN shim_queue *shim_queue_new(void);
/* Takes one more reference. */
SHIM_HIDDEN void shim_queue_keep(shim_queue *q);
/* Drops what waits; what comes later is dropped too. The descriptor is closed as soon as no thread waits on it. */
SHIM_HIDDEN void shim_queue_close(shim_queue *q);
/* Gives one reference back. */
SHIM_HIDDEN void shim_queue_release(shim_queue *q);
/* What a push tells: nothing is to be done; the reader is to be woken, soon and once; the queue is closed, and nothing was added; the
 * event is lost. */
enum { SHIM_PUSHED, SHIM_WAKE, SHIM_CLOSED, SHIM_NO_MEMORY };
/* How an event is pushed. */
enum shim_how {
    SHIM_EVENT,     /* its payload is copied */
    SHIM_BATCHED,   /* a chunk of a batch (LLMAGG_BATCH), which may join the operation's last event while that waits */
    SHIM_DROPPABLE, /* a LOG or OBSERVE event, which is counted as dropped where too many wait */
    SHIM_END,       /* the end of an operation, which was promised */
    SHIM_PAGES      /* the same, its payload in pages of shim_payload_map, mapped bytes of them, which become the queue's */
};
/* Keeps room for the DONE or ERROR event of one operation, which is therefore never lost: without memory for its payload it becomes an
 * ERROR with INTERNAL. SHIM_PUSHED or SHIM_NO_MEMORY. */
SHIM_HIDDEN int shim_queue_promise(shim_queue *q);
SHIM_HIDDEN int shim_queue_push(shim_queue *q, enum shim_how how, int32_t kind, int32_t status, uint64_t op, uint64_t tag,
                                const char *payload, size_t n, size_t mapped);
/* Pages for a payload, NULL where there is no memory, and giving them back. */
SHIM_HIDDEN char *shim_payload_map(size_t size);
/* The same, but a page is taken when it is written to. */
SHIM_HIDDEN char *shim_payload_reserve(size_t size);
SHIM_HIDDEN void shim_payload_unmap(char *payload, size_t size);
/* Begin to wake the reader: the descriptor to write, as shim_wake_set does, before end_wake is called, which gives back the reference
 * that this takes; or -1, and nothing is to be done. The caller writes, since Go can do so without giving its processor away. */
SHIM_HIDDEN int shim_queue_begin_wake(shim_queue *q);
SHIM_HIDDEN void shim_queue_end_wake(shim_queue *q);
/* Those that follow give LLMAGG_OK, or LLMAGG_E_CLOSED and nothing else. */
SHIM_HIDDEN llmagg_status shim_queue_drain(shim_queue *q, llmagg_drain *d);
/* shim_queue_drain, unless shim_queue_stop was called: then *stop becomes 1, once for each call. */
SHIM_HIDDEN llmagg_status shim_queue_run_next(shim_queue *q, llmagg_drain *d, int *stop);
SHIM_HIDDEN llmagg_status shim_queue_stop(shim_queue *q);
/* Keeps the descriptor open until shim_queue_end_wait, which gives LLMAGG_E_CLOSED where the queue was closed meanwhile. */
SHIM_HIDDEN llmagg_status shim_queue_begin_wait(shim_queue *q, int *fd);
SHIM_HIDDEN llmagg_status shim_queue_end_wait(shim_queue *q);
/* Whether something can be drained, also where the reader's wake-up is still under way. If so, the descriptor is readable from
 * now on; if not, it is not any longer. */
SHIM_HIDDEN int shim_queue_has_events(shim_queue *q);
SHIM_HIDDEN int shim_queue_is_closed(shim_queue *q);

/* ---- calls.c: the functions of a queue's reader. They do what the public functions of their names do. */

SHIM_HIDDEN llmagg_status call_queue_fd(shim_queue *q, int *fd, llmagg_error **err);
SHIM_HIDDEN llmagg_status call_queue_wait(shim_queue *q, double timeout, llmagg_error **err);
SHIM_HIDDEN llmagg_status call_queue_drain(shim_queue *q, llmagg_drain *drain, llmagg_error **err);
SHIM_HIDDEN llmagg_status call_queue_run(uintptr_t queue, llmagg_event_fn fn, void *user, llmagg_error **err);
SHIM_HIDDEN llmagg_status call_queue_stop(shim_queue *q, llmagg_error **err);

/* ---- post.c: what the host asks for without entering Go */

enum shim_posted {
    SHIM_CLIENT_CHAT,
    SHIM_ROUTES_CHAT,
    SHIM_AGGREGATOR_CHAT,
    SHIM_ROUTES_EMBED,
    SHIM_AGGREGATOR_EMBED,
    SHIM_ROUTES_RERANK,
    SHIM_AGGREGATOR_RERANK,
    SHIM_MANAGER_HEALTH,
    SHIM_ROUTES_HEALTH,
    SHIM_AGGREGATOR_HEALTH,
    SHIM_CREDIT,
    SHIM_POSTED
};

/* What a thread waits for that blocks in a function that takes long. */
typedef struct shim_answer {
    int32_t done; /* only atomic access; a futex, for whoever gives the answer to wake */
    llmagg_status status;
    llmagg_buf data;
    llmagg_error *error;
} shim_answer;

/* One thing asked for. Texts and references lie in the same block of memory. */
typedef struct shim_post {
    struct shim_post *next;
    enum shim_posted kind;
    uint32_t flags; /* of a chat; chunks for a credit */
    uint64_t op, tag;
    shim_entry *queue;    /* with a reference; NULL: there is an answer */
    shim_answer *answer;  /* NULL: the answer goes to the queue */
    shim_entry **through; /* what was asked: a client, an aggregator or routes, each with a reference */
    size_t count;
    const char *request, *options; /* NULL: none */
    size_t request_len, options_len;
} shim_post;

/* The next number of an operation or a custom call; never used again, and never 0. */
SHIM_HIDDEN uint64_t shim_next_id(void);
/* Asks for an operation: asked has its kind, flags, tag and texts, which are copied. *op becomes its number. What is wrong with the
 * texts is told to the queue. */
SHIM_HIDDEN llmagg_status shim_submit(shim_post asked, const uintptr_t *handles, size_t count, uintptr_t queue, uint64_t *op,
                                      llmagg_error **err);
/* Asks for one and waits for its end. */
SHIM_HIDDEN llmagg_status shim_ask(shim_post asked, const uintptr_t *handles, size_t count, llmagg_buf *out, llmagg_error **err);
/* Waits for an answer that Go gives. Its data becomes *out; out is NULL where there is none. */
SHIM_HIDDEN llmagg_status shim_answer_wait(shim_answer *a, llmagg_buf *out, llmagg_error **err);
/* End such a wait: a must not be used after that, but for a FUTEX_WAKE at its done, which the caller has to do, since Go can do so
 * without giving its processor away. The answer is copied; the error is a's from now on, and may be NULL. */
SHIM_HIDDEN void shim_answer_give(shim_answer *a, const char *data, size_t n);
SHIM_HIDDEN void shim_answer_fail(shim_answer *a, llmagg_status status, llmagg_error *error);
/* Lets an operation send more chunks. */
SHIM_HIDDEN llmagg_status call_op_credit(uint64_t op, uint32_t chunks, llmagg_error **err);
/* The last one of what was posted and not yet taken; NULL: none. Only atomic access. */
SHIM_HIDDEN extern shim_post *shim_posted_last;
/* How many goroutines will take what is posted, without being woken. Only atomic access. */
SHIM_HIDDEN extern int32_t shim_posts_looked_for;
/* What was posted since it was taken last, in order; to be given to shim_posts_free. */
SHIM_HIDDEN shim_post *shim_posts_take(void);
SHIM_HIDDEN void shim_posts_free(shim_post *first);
/* Makes the descriptor that is readable after something was posted; -1 with errno. Once only, and it is never closed. */
SHIM_HIDDEN int shim_posts_open(void);

/* ---- other */

/* C's getenv, which sees what the host changed since the library was loaded; Go's copy does not. */
SHIM_HIDDEN const char *shim_getenv(const char *name);
/* The next entry of C's environment, from the one at *i on, that begins with LLMAG; NULL after the last. *i is then the place behind it. */
SHIM_HIDDEN const char *shim_environment(size_t *i);

#endif
