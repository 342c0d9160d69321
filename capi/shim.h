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

/* A new error; the texts are copied. NULL when memory is out. */
SHIM_HIDDEN llmagg_error *shim_error_new(llmagg_status code, const char *message, size_t message_len, const char *json,
                                         size_t json_len);
/* Sets *err, where err is not NULL, to an error with this plain message (ASCII without quotes and backslashes), and returns code. */
SHIM_HIDDEN llmagg_status shim_fail(llmagg_status code, const char *message, llmagg_error **err);
/* The same for what every function answers in a forked child. */
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

/* ---- queue.c: events on their way to their reader. Every function may be called by any thread of Go or of the host. */

enum { SHIM_MOST_DROPPABLE = 1000 }; /* LOG and OBSERVE events that wait in a queue at most */

typedef struct shim_queue shim_queue;

/* With one reference, or NULL with errno. */
SHIM_HIDDEN shim_queue *shim_queue_new(void);
/* Lets shim_queue_find find it, until it is closed. Once only. */
SHIM_HIDDEN void shim_queue_name(shim_queue *q, uintptr_t handle);
/* The open queue of a handle with one reference more, NULL if there is none. */
SHIM_HIDDEN shim_queue *shim_queue_find(uintptr_t handle);
/* What is wrong with a handle that shim_queue_find does not know. */
SHIM_HIDDEN llmagg_status shim_queue_not_found(uintptr_t handle, llmagg_error **err);
/* Drops what waits; what comes later is dropped too. The descriptor is closed as soon as no thread waits on it. */
SHIM_HIDDEN void shim_queue_close(shim_queue *q);
/* Gives one reference back. */
SHIM_HIDDEN void shim_queue_release(shim_queue *q);
/* What a push tells: nothing is to be done; the reader is to be woken, soon and once; the queue is closed (shim_queue_offer only). */
enum { SHIM_PUSHED, SHIM_WAKE, SHIM_CLOSED, SHIM_NO_MEMORY /* the event is lost */ };
/* Keeps room for the DONE or ERROR event of one operation, which is therefore never lost: without memory for its payload it becomes an
 * ERROR with INTERNAL. SHIM_PUSHED or SHIM_NO_MEMORY. */
SHIM_HIDDEN int shim_queue_promise(shim_queue *q);
/* Adds the event that was promised. */
SHIM_HIDDEN int shim_queue_push_end(shim_queue *q, int32_t kind, int32_t status, uint64_t op, uint64_t tag, const char *payload, size_t n);
/* The same for a payload in pages of shim_payload_map, mapped bytes of them, which become the queue's. The event is no error. */
SHIM_HIDDEN int shim_queue_give_end(shim_queue *q, int32_t kind, uint64_t op, uint64_t tag, char *payload, size_t n, size_t mapped);
/* Pages for a payload, NULL where there is no memory, and giving them back. */
SHIM_HIDDEN char *shim_payload_map(size_t size);
SHIM_HIDDEN void shim_payload_unmap(char *payload, size_t size);
/* Adds an event, its payload copied. To a closed queue nothing is added, which is SHIM_PUSHED. */
SHIM_HIDDEN int shim_queue_push(shim_queue *q, int32_t kind, int32_t status, uint64_t op, uint64_t tag, const char *payload, size_t n);
/* The same for a chunk of a batch (LLMAGG_BATCH), which may join the operation's last event while that waits. */
SHIM_HIDDEN int shim_queue_push_batched(shim_queue *q, uint64_t op, uint64_t tag, const char *chunk, size_t n);
/* Adds a LOG or OBSERVE event, or counts it as dropped where too many wait. */
SHIM_HIDDEN int shim_queue_offer(shim_queue *q, int32_t kind, const char *payload, size_t n);
/* Begin to wake the reader: the descriptor to write, as shim_wake_set does, before end_wake is called, which gives back the reference
 * that this takes; or -1, and nothing is to be done. The caller writes, since Go can do so without giving its processor away. */
SHIM_HIDDEN int shim_queue_begin_wake(shim_queue *q);
SHIM_HIDDEN void shim_queue_end_wake(shim_queue *q);
/* Counts events that were lost before they came here. */
SHIM_HIDDEN void shim_queue_note_dropped(shim_queue *q, uint64_t n);
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

/* ---- post.c: what the host asks for without entering Go */

enum shim_posted { SHIM_POSTED_CLIENT, SHIM_POSTED_ROUTES, SHIM_POSTED_AGGREGATOR, SHIM_POSTED_CREDIT };

/* What a thread waits for that blocks in a chat or another function that takes long. */
typedef struct shim_answer {
    int32_t done; /* only atomic access; a futex, for whoever gives the answer to wake */
    llmagg_status status;
    llmagg_buf data;
    llmagg_error *error;
} shim_answer;

/* One thing asked for. Handles and texts lie in the same block of memory. */
typedef struct shim_post {
    struct shim_post *next;
    enum shim_posted kind;
    uint32_t flags; /* of a chat; chunks for a credit */
    uint64_t op, tag;
    uintptr_t queue;
    shim_answer *answer; /* NULL: the answer goes to the queue */
    const uintptr_t *handles;
    size_t count;
    const char *request, *options; /* NULL: none */
    size_t request_len, options_len;
} shim_post;

/* The next number of an operation or a custom call; never used again, and never 0. */
SHIM_HIDDEN uint64_t shim_next_id(void);
/* Asks for a chat. All is copied; *op becomes the chat's number. What is wrong with the request is told to the queue. */
SHIM_HIDDEN llmagg_status shim_post_chat(enum shim_posted kind, const uintptr_t *handles, size_t count, uintptr_t queue,
                                         const char *request, size_t request_len, const char *options, size_t options_len,
                                         uint32_t flags, uint64_t tag, uint64_t *op, llmagg_error **err);
/* Asks for a chat and waits for its end. */
SHIM_HIDDEN llmagg_status shim_chat(enum shim_posted kind, const uintptr_t *handles, size_t count, const char *request,
                                    size_t request_len, const char *options, size_t options_len, llmagg_buf *out,
                                    llmagg_error **err);
/* Waits for an answer that Go gives. Its data becomes *out; out is NULL where there is none. */
SHIM_HIDDEN llmagg_status shim_answer_wait(shim_answer *a, llmagg_buf *out, llmagg_error **err);
/* End such a chat: a must not be used after that, but for a FUTEX_WAKE at its done, which the caller has to do, since Go can do so
 * without giving its processor away. The answer is copied; the error is a's from now on, and may be NULL. */
SHIM_HIDDEN void shim_answer_give(shim_answer *a, const char *data, size_t n);
SHIM_HIDDEN void shim_answer_fail(shim_answer *a, llmagg_status status, llmagg_error *error);
/* Lets an operation send more chunks. */
SHIM_HIDDEN llmagg_status shim_post_credit(uint64_t op, uint32_t chunks, llmagg_error **err);
/* The last one of what was posted and not yet taken; NULL: none. Only atomic access. */
SHIM_HIDDEN extern shim_post *shim_posted_last;
/* What was posted since it was taken last, in order; to be given to shim_posts_free. */
SHIM_HIDDEN shim_post *shim_posts_take(void);
SHIM_HIDDEN void shim_posts_free(shim_post *first);
/* Makes the descriptor that is readable after something was posted; -1 with errno. Once only, and it is never closed. */
SHIM_HIDDEN int shim_posts_open(void);

/* ---- other */

/* C's getenv, which sees what the host changed since the library was loaded; Go's copy does not. */
SHIM_HIDDEN const char *shim_getenv(const char *name);

#endif
