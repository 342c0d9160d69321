/* What the public functions do that never enter Go, behind the checks of shim_queue.c; and the one thing that the register needs of Go. */
#include <stdlib.h>

#include "_cgo_export.h"
#include "entry.h"

void shim_release(shim_entry *e) {
    void *gone = shim_forked() ? NULL : shim_drop(e);
    if (gone == NULL) return;
    IN_GO;
    goUnref(gone);
}

/* Says what a status of the shim_queue functions means. */
static llmagg_status told(llmagg_status status, llmagg_error **err) {
    return status == LLMAGG_OK ? status : shim_fail(status, "the queue is closed", err);
}

llmagg_status call_queue_fd(shim_queue *q, int *fd, llmagg_error **err) {
    int found;
    llmagg_status status = shim_queue_begin_wait(q, &found);
    if (status == LLMAGG_OK) status = shim_queue_end_wait(q);
    if (status == LLMAGG_OK) *fd = found;
    return told(status, err);
}

/* Between begin and end the descriptor stays open. It may be readable for a moment after somebody has drained, so what counts is the
 * queue. */
llmagg_status call_queue_wait(shim_queue *q, double timeout, llmagg_error **err) {
    int fd = -1, ready = 1, has = 0;
    double until = shim_now() + timeout, left = timeout;
    if (timeout != timeout) return shim_fail(LLMAGG_E_INVALID_ARGUMENT, "argument timeout is not a number", err);
    llmagg_status status = shim_queue_begin_wait(q, &fd);
    if (status != LLMAGG_OK) return told(status, err);
    while (!(has = shim_queue_has_events(q)) && ready > 0 && !shim_queue_is_closed(q)) {
        ready = shim_wake_wait(fd, left);
        if (timeout > 0) left = until - shim_now() > 0 ? until - shim_now() : 0;
        CHECK_FORK(err); /* a signal handler forked, and this is the child */
    }
    status = told(shim_queue_end_wait(q), err);
    if (status != LLMAGG_OK) return status;
    if (ready < 0) return shim_fail(LLMAGG_E_INTERNAL, "poll failed", err);
    return has ? LLMAGG_OK : shim_fail(LLMAGG_E_TIMEOUT, "no event within the given time", err);
}

llmagg_status call_queue_drain(shim_queue *q, llmagg_drain *drain, llmagg_error **err) {
    if (drain->struct_size < offsetof(llmagg_drain, is_mapping))
        return shim_fail(LLMAGG_E_INVALID_ARGUMENT, "drain.struct_size is smaller than sizeof(llmagg_drain)", err);
    if (drain->event_size < sizeof(llmagg_event) || drain->event_size % sizeof(void *) != 0)
        return shim_fail(LLMAGG_E_INVALID_ARGUMENT, "drain.event_size is not sizeof(llmagg_event)", err);
    if (drain->events == NULL || drain->max_events == 0)
        return shim_fail(LLMAGG_E_INVALID_ARGUMENT, "drain.events has no room for an event", err);
    if (drain->buffer == NULL && drain->buffer_size != 0)
        return shim_fail(LLMAGG_E_INVALID_ARGUMENT, "drain.buffer is NULL, but drain.buffer_size is not 0", err);
    return told(shim_queue_drain(q, drain), err);
}

/* ---- llmagg_queue_run */

enum { NEAR_BYTES = 2048 };

/* A run, on its thread's stack. Nothing of the queue's is held while the host's function runs: that may be left by an exception, a longjmp or
 * the end of its thread, and all that is lost then is the memory of a payload that did not fit here. */
typedef struct {
    llmagg_drain drain;
    llmagg_event event;
    llmagg_status status;
    const char *failed; /* why it ends, or NULL */
    char bytes[NEAR_BYTES];
} one_run;

/* Makes room for the event that did not fit. */
static int grow(one_run *run) {
    char *larger = realloc(run->drain.buffer == run->bytes ? NULL : run->drain.buffer, run->drain.needed);
    if (larger == NULL) return -1;
    run->drain.buffer = larger;
    run->drain.buffer_size = run->drain.needed;
    return 0;
}

/* Waits for the next event, and takes it; 0 where there is none and the run ends. */
static int take(shim_queue *q, one_run *run) {
    int fd = -1, stop = 0;
    run->drain.count = 0;
    while ((run->status = shim_queue_run_next(q, &run->drain, &stop)) == LLMAGG_OK && !stop && run->drain.count == 0) {
        if (run->drain.needed > 0) {
            if (grow(run) != 0) run->failed = "out of memory for an event";
        } else if (fd < 0 && (run->status = shim_queue_begin_wait(q, &fd)) != LLMAGG_OK) {
            return 0;
        } else if (shim_wake_wait(fd, -1) < 0) {
            run->failed = "poll failed";
        }
        if (shim_forked()) return 0; /* a signal handler forked, and this is the child */
        if (run->failed != NULL) break;
    }
    llmagg_status ended = fd < 0 ? LLMAGG_OK : shim_queue_end_wait(q);
    if (run->status == LLMAGG_OK && run->drain.count > 0) return 1; /* what was taken is given, even if the queue was freed meanwhile */
    if (run->status == LLMAGG_OK) run->status = ended;
    return 0;
}

static int next_event(uintptr_t queue, one_run *run) {
    shim_entry *held = shim_hold(queue, SHIM_QUEUE);
    run->status = LLMAGG_E_CLOSED;
    if (held == NULL) return 0;
    int taken = take(held->queue, run);
    shim_release(held);
    return taken;
}

static llmagg_status is_open(uintptr_t queue) {
    shim_entry *held = shim_hold(queue, SHIM_QUEUE);
    if (held == NULL) return LLMAGG_E_CLOSED;
    shim_release(held);
    return LLMAGG_OK;
}

/* Takes one event at a time: what fn did not see stays in the queue, and fn may free the queue, since the event lies here. */
llmagg_status call_queue_run(uintptr_t queue, llmagg_event_fn fn, void *user, llmagg_error **err) {
    one_run run;
    run.drain = (llmagg_drain){sizeof run.drain, sizeof run.event, &run.event, 1, run.bytes, sizeof run.bytes, 0, 0, 0, 0, 0};
    run.failed = NULL;
    if (is_open(queue) != LLMAGG_OK) return shim_fail_handle("queue", queue, err);
    while (next_event(queue, &run)) {
        int stop = fn(&run.event, user) != 0;
        if (shim_forked()) break; /* fn forked, and this is the child */
        if (!stop) continue;
        run.status = is_open(queue);
        break;
    }
    if (run.drain.buffer != run.bytes) free(run.drain.buffer);
    CHECK_FORK(err);
    return run.failed == NULL ? told(run.status, err) : shim_fail(LLMAGG_E_INTERNAL, run.failed, err);
}

llmagg_status call_queue_stop(shim_queue *q, llmagg_error **err) {
    return told(shim_queue_stop(q), err);
}
