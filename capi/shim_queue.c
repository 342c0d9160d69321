/* The public functions about queues, operations, custom calls, logging, stats and the wall. */
#include <stdlib.h>

#include "_cgo_export.h"
#include "entry.h"

/* queue */

llmagg_status llmagg_queue_new(llmagg_queue **out, llmagg_error **err) {
    CHECK_FORK(err);
    OUT(out, err);
    IN_GO;
    return goQueueNew(NEW(out), err);
}

/* Says what a status of the shim_queue functions means. */
static llmagg_status told(llmagg_status status, llmagg_error **err) {
    return status == LLMAGG_OK ? status : shim_fail(status, "the queue is closed", err);
}

llmagg_status llmagg_queue_fd(llmagg_queue *queue, int *fd, llmagg_error **err) {
    int found;
    CHECK_FORK(err);
    HOLD(SHIM_QUEUE, queue, err);
    OUT(fd, err);
    shim_queue *q = queue_held->queue;
    llmagg_status status = shim_queue_begin_wait(q, &found);
    if (status == LLMAGG_OK) status = shim_queue_end_wait(q);
    if (status == LLMAGG_OK) *fd = found;
    return told(status, err);
}

/* Between begin and end the descriptor stays open. It may be readable for a moment after somebody has drained, so what counts is the
 * queue. */
llmagg_status llmagg_queue_wait(llmagg_queue *queue, double timeout, llmagg_error **err) {
    int fd = -1, ready = 1, has = 0;
    double until = shim_now() + timeout, left = timeout;
    CHECK_FORK(err);
    HOLD(SHIM_QUEUE, queue, err);
    if (timeout != timeout) return shim_fail(LLMAGG_E_INVALID_ARGUMENT, "argument timeout is not a number", err);
    shim_queue *q = queue_held->queue;
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

llmagg_status llmagg_queue_drain(llmagg_queue *queue, llmagg_drain *drain, llmagg_error **err) {
    CHECK_FORK(err);
    HOLD(SHIM_QUEUE, queue, err);
    OUT(drain, err);
    if (drain->struct_size < sizeof(llmagg_drain))
        return shim_fail(LLMAGG_E_INVALID_ARGUMENT, "drain.struct_size is smaller than this version's sizeof(llmagg_drain)", err);
    if (drain->event_size < sizeof(llmagg_event) || drain->event_size % sizeof(void *) != 0)
        return shim_fail(LLMAGG_E_INVALID_ARGUMENT, "drain.event_size is not sizeof(llmagg_event)", err);
    if (drain->events == NULL || drain->max_events == 0)
        return shim_fail(LLMAGG_E_INVALID_ARGUMENT, "drain.events has no room for an event", err);
    if (drain->buffer == NULL && drain->buffer_size != 0)
        return shim_fail(LLMAGG_E_INVALID_ARGUMENT, "drain.buffer is NULL, but drain.buffer_size is not 0", err);
    shim_queue *q = queue_held->queue;
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
llmagg_status llmagg_queue_run(llmagg_queue *queue, llmagg_event_fn fn, void *user, llmagg_error **err) {
    int fd = -1, stop = 0;
    llmagg_event event;
    llmagg_drain drain = {sizeof drain, sizeof event, &event, 1, NULL, 0, 0, 0, 0, 0};
    const char *failed = NULL;
    CHECK_FORK(err);
    HOLD(SHIM_QUEUE, queue, err);
    if (fn == NULL) return shim_fail(LLMAGG_E_INVALID_ARGUMENT, "argument fn is NULL", err);
    shim_queue *q = queue_held->queue;
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

llmagg_status llmagg_queue_stop(llmagg_queue *queue, llmagg_error **err) {
    CHECK_FORK(err);
    HOLD(SHIM_QUEUE, queue, err);
    shim_queue *q = queue_held->queue;
    return told(shim_queue_stop(q), err);
}

void llmagg_queue_free(llmagg_queue *queue) { FREE(SHIM_QUEUE, queue, goQueueFree); }

/* operations */

llmagg_status llmagg_op_cancel(uint64_t op, llmagg_error **err) {
    CHECK_FORK(err);
    IN_GO;
    return goOpCancel(op, err);
}

llmagg_status llmagg_op_credit(uint64_t op, uint32_t chunks, llmagg_error **err) {
    CHECK_FORK(err);
    return shim_post_credit(op, chunks, err);
}

/* custom */

llmagg_status llmagg_custom_emit(uint64_t op, const char *chunk, size_t chunk_len, int *pause, llmagg_error **err) {
    CHECK_FORK(err);
    TEXT(chunk, err);
    IN_GO;
    return goCustomEmit(op, IN(chunk), pause, err);
}

llmagg_status llmagg_custom_finish(uint64_t op, const char *response, size_t response_len, llmagg_error **err) {
    CHECK_FORK(err);
    OPTIONAL(response, err);
    IN_GO;
    return goCustomFinish(op, IN(response), err);
}

llmagg_status llmagg_custom_fail(uint64_t op, const char *error, size_t error_len, llmagg_error **err) {
    CHECK_FORK(err);
    OPTIONAL(error, err);
    IN_GO;
    return goCustomFail(op, IN(error), err);
}

/* log */

llmagg_status llmagg_log_to_queue(int32_t level, llmagg_queue *queue, llmagg_error **err) {
    CHECK_FORK(err);
    HOLD_OPTIONAL(SHIM_QUEUE, queue, err);
    IN_GO;
    return goLogToQueue(level, GO(queue), err);
}

llmagg_status llmagg_observe_to_queue(llmagg_queue *queue, llmagg_error **err) {
    CHECK_FORK(err);
    HOLD_OPTIONAL(SHIM_QUEUE, queue, err);
    IN_GO;
    return goObserveToQueue(GO(queue), err);
}

/* stats */

llmagg_status llmagg_stats(llmagg_buf *out, llmagg_error **err) {
    CHECK_FORK(err);
    OUT(out, err);
    IN_GO;
    return goStats(out, err);
}

/* config */

llmagg_status llmagg_config_check(const char *config, size_t config_len, uint32_t flags, llmagg_buf *out, llmagg_error **err) {
    CHECK_FORK(err);
    TEXT(config, err);
    OUT(out, err);
    IN_GO;
    return goConfigCheck(IN(config), flags, out, err);
}

llmagg_status llmagg_settings(llmagg_buf *out, llmagg_error **err) {
    CHECK_FORK(err);
    OUT(out, err);
    IN_GO;
    return goSettings(out, err);
}

/* wall */

llmagg_status llmagg_wall_start(const char *script, size_t script_len, llmagg_wall **out, llmagg_error **err) {
    CHECK_FORK(err);
    OPTIONAL(script, err);
    OUT(out, err);
    IN_GO;
    return goWallStart(IN(script), NEW(out), err);
}

llmagg_status llmagg_wall_url(llmagg_wall *wall, llmagg_buf *out, llmagg_error **err) {
    CHECK_FORK(err);
    HOLD(SHIM_WALL, wall, err);
    OUT(out, err);
    IN_GO;
    return goWallUrl(GO(wall), out, err);
}

llmagg_status llmagg_wall_seen(llmagg_wall *wall, llmagg_buf *out, llmagg_error **err) {
    CHECK_FORK(err);
    HOLD(SHIM_WALL, wall, err);
    OUT(out, err);
    IN_GO;
    return goWallSeen(GO(wall), out, err);
}

llmagg_status llmagg_wall_script(llmagg_wall *wall, const char *script, size_t script_len, llmagg_error **err) {
    CHECK_FORK(err);
    HOLD(SHIM_WALL, wall, err);
    TEXT(script, err);
    IN_GO;
    return goWallScript(GO(wall), IN(script), err);
}

llmagg_status llmagg_wall_release(llmagg_wall *wall, const char *name, size_t name_len, llmagg_error **err) {
    CHECK_FORK(err);
    HOLD(SHIM_WALL, wall, err);
    TEXT(name, err);
    IN_GO;
    return goWallRelease(GO(wall), IN(name), err);
}

llmagg_status llmagg_wall_kill(llmagg_wall *wall, llmagg_error **err) {
    CHECK_FORK(err);
    HOLD(SHIM_WALL, wall, err);
    IN_GO;
    return goWallKill(GO(wall), err);
}

llmagg_status llmagg_wall_revive(llmagg_wall *wall, llmagg_error **err) {
    CHECK_FORK(err);
    HOLD(SHIM_WALL, wall, err);
    IN_GO;
    return goWallRevive(GO(wall), err);
}

void llmagg_wall_free(llmagg_wall *wall) { FREE(SHIM_WALL, wall, goWallFree); }

/* what the register needs of Go */

void shim_release(shim_entry *e) {
    void *gone = shim_forked() ? NULL : shim_drop(e);
    if (gone == NULL) return;
    IN_GO;
    goUnref(gone);
}
