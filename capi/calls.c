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

/* Makes room for the event that did not fit. */
static int grow(llmagg_drain *drain) {
    char *larger = realloc(drain->buffer, drain->needed);
    if (larger == NULL) return -1;
    drain->buffer = larger;
    drain->buffer_size = drain->needed;
    return 0;
}

/* Takes one event at a time: what fn did not see stays in the queue, and fn may free the queue, since the event lies here. */
llmagg_status call_queue_run(shim_queue *q, llmagg_event_fn fn, void *user, llmagg_error **err) {
    int fd = -1, stop = 0;
    llmagg_event event;
    llmagg_drain drain = {sizeof drain, sizeof event, &event, 1, NULL, 0, 0, 0, 0, 0, 0};
    const char *failed = NULL;
    llmagg_status status = shim_queue_begin_wait(q, &fd);
    if (status != LLMAGG_OK) return told(status, err);
    while (!stop) {
        status = shim_queue_run_next(q, &drain, &stop);
        if (status != LLMAGG_OK || stop) break;
        if (drain.needed > 0) {
            if (grow(&drain) != 0) failed = "out of memory for an event";
        } else if (drain.count > 0) {
            stop = fn(&event, user) != 0;
        } else if (shim_wake_wait(fd, -1) < 0) {
            failed = "poll failed";
        }
        if (failed != NULL || shim_forked()) break; /* forked: fn forked, and this is the child */
    }
    free(drain.buffer);
    CHECK_FORK(err);
    llmagg_status ended = shim_queue_end_wait(q); /* CLOSED also where fn has freed it */
    status = told(status != LLMAGG_OK ? status : ended, err);
    return failed == NULL ? status : shim_fail(LLMAGG_E_INTERNAL, failed, err);
}

llmagg_status call_queue_stop(shim_queue *q, llmagg_error **err) {
    return told(shim_queue_stop(q), err);
}
