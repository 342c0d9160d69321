/* Events on their way to their reader. All of it is C's: a thread of the host that waits for events or takes them never enters Go,
 * so it does not wait for Go's scheduler, nor Go for it. Each queue has its own lock, held while memory is copied and no longer. */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "shim.h"

enum {
    LARGE = 64 << 10,   /* a payload of this size gets memory of its own, see map */
    KEPT = 1 << 20,     /* how much memory an empty queue keeps */
    MOST_BATCHED = 32   /* chunks in an event: half of the default window, so that the other half is on its way meanwhile */
};

/* An event that waits. Its payload lies in the queue's bytes, behind those of the events before it, or is own. */
typedef struct {
    int32_t kind, status;
    uint64_t op, tag;
    size_t size;
    char *own;
    int fixed;      /* own is a text of the program, and not unmapped */
    uint32_t batch; /* chunks in the payload, an array whose "]" is not written yet; 0: the payload is as it is */
    size_t mapped;  /* of own */
} waiting;

struct shim_queue {
    int references;   /* atomic */

    pthread_mutex_t mu; /* guards what follows */
    int fd; /* of wake.c */
    waiting *events; /* from head to tail wait */
    size_t head, tail, room;
    char *bytes; /* from start to end wait */
    size_t start, end, size;
    size_t promised;  /* ends of operations, for each of which there is room in events */
    size_t droppable; /* LOG and OBSERVE events that wait */
    uint64_t dropped; /* of these, since the last DROPPED event */
    int dropped_told; /* a DROPPED event waits */
    int armed;        /* the descriptor is readable for good reason */
    int asked;        /* somebody is to wake the reader soon */
    int waking;       /* somebody is about to write the descriptor: between begin_wake and end_wake */
    int cleared;      /* the reader has taken everything since begin_wake */
    int waiters;      /* threads that may poll the descriptor now */
    int stopped;      /* shim_queue_stop was called */
    int closed;
};

shim_queue *shim_queue_new(void) {
    shim_queue *q = calloc(1, sizeof *q);
    if (q == NULL) return NULL;
    if ((q->fd = shim_wake_open()) < 0) {
        int why = errno;
        free(q);
        errno = why;
        return NULL;
    }
    pthread_mutex_init(&q->mu, NULL);
    q->references = 1;
    return q;
}

void shim_queue_keep(shim_queue *q) { __atomic_fetch_add(&q->references, 1, __ATOMIC_RELAXED); }

/* Memory for a large payload. Not malloc's: it is one of Go's threads that asks, and the arena that C's allocator has for each of
 * them would keep as much for ever. */
static char *map(size_t size) {
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    return at == MAP_FAILED ? NULL : at;
}

char *shim_payload_map(size_t size) { return map(size); }

void shim_payload_unmap(char *payload, size_t size) { munmap(payload, size); }

static void unmap(const waiting *event) {
    if (event->own != NULL && !event->fixed) munmap(event->own, event->mapped);
}

static void forget_events(shim_queue *q) {
    for (size_t i = q->head; i < q->tail; i++) unmap(&q->events[i]);
    free(q->events);
    free(q->bytes);
    q->events = NULL;
    q->bytes = NULL;
    q->head = q->tail = q->room = q->start = q->end = q->size = 0;
}

void shim_queue_close(shim_queue *q) {
    pthread_mutex_lock(&q->mu);
    if (!q->closed) {
        q->closed = 1;
        forget_events(q);
        if (q->waiters == 0) shim_wake_close(q->fd);
        else shim_wake_set(q->fd);
    }
    pthread_mutex_unlock(&q->mu);
}

void shim_queue_release(shim_queue *q) {
    if (__atomic_sub_fetch(&q->references, 1, __ATOMIC_ACQ_REL) != 0) return;
    pthread_mutex_destroy(&q->mu);
    free(q);
}

/* ---- writing; q->mu is held */

static int is_idle(const shim_queue *q) { return q->head == q->tail && !q->stopped; }

static void arm(shim_queue *q) {
    if (q->armed) return;
    q->armed = 1;
    shim_wake_set(q->fd);
}

static void disarm(shim_queue *q) {
    if (q->head < q->tail || (!q->armed && !q->waking)) return;
    q->armed = 0;
    q->cleared = 1;
    shim_wake_clear(q->fd);
}

/* What a push has to tell: whether the reader must be woken, and nobody was asked to do so yet. */
static int tell(shim_queue *q) {
    if (q->armed || q->asked || q->waking) return SHIM_PUSHED;
    q->asked = 1;
    return SHIM_WAKE;
}

int shim_queue_begin_wake(shim_queue *q) {
    int fd = -1;
    pthread_mutex_lock(&q->mu);
    q->asked = 0;
    if (!q->closed && !q->armed && !is_idle(q)) {
        q->waking = 1;
        q->cleared = 0;
        q->waiters++; /* keeps the descriptor open */
        shim_queue_keep(q);
        fd = q->fd;
    }
    pthread_mutex_unlock(&q->mu);
    return fd;
}

/* One thread fewer needs the descriptor: the last one closes it where the queue is closed. */
static void let_go(shim_queue *q) {
    q->waiters--;
    if (q->closed && q->waiters == 0) shim_wake_close(q->fd);
}

/* The reader may have come before the write, and after it; so what the descriptor says is put right. */
void shim_queue_end_wake(shim_queue *q) {
    pthread_mutex_lock(&q->mu);
    q->waking = 0;
    let_go(q);
    if (!q->closed && is_idle(q)) {
        q->armed = 0;
        shim_wake_clear(q->fd);
    } else if (!q->closed) {
        q->armed = 1;
        if (q->cleared) shim_wake_set(q->fd);
    }
    pthread_mutex_unlock(&q->mu);
    shim_queue_release(q);
}

/* Moves what waits to the front where what was read takes up more, so that a queue that never becomes empty does not grow. */
static void compact(shim_queue *q) {
    if (q->head > 64 && q->head > q->tail / 2) {
        memmove(q->events, q->events + q->head, (q->tail - q->head) * sizeof *q->events);
        q->tail -= q->head;
        q->head = 0;
    }
    if (q->start > 4096 && q->start > q->end / 2) {
        memmove(q->bytes, q->bytes + q->start, q->end - q->start);
        q->end -= q->start;
        q->start = 0;
    }
}

/* Makes room for n events beyond what is promised. */
static int more_events(shim_queue *q, size_t n) {
    size_t needed = q->tail + q->promised + n, room = q->room == 0 ? 16 : q->room;
    if (needed <= q->room) return 0;
    while (room < needed) room *= 2;
    waiting *events = realloc(q->events, room * sizeof *events);
    if (events == NULL) return -1;
    q->events = events;
    q->room = room;
    return 0;
}

static int more_bytes(shim_queue *q, size_t n) {
    if (n <= q->size - q->end) return 0;
    size_t size = q->size == 0 ? 4096 : q->size;
    while (size - q->end < n) size *= 2;
    char *bytes = realloc(q->bytes, size);
    if (bytes == NULL) return -1;
    q->bytes = bytes;
    q->size = size;
    return 0;
}

static void append(shim_queue *q, const char *text, size_t n) {
    if (n == 0) return;
    memcpy(q->bytes + q->end, text, n);
    q->end += n;
}

/* Adds an event whose payload is before and then payload. */
static int push(shim_queue *q, waiting event, const char *before, const char *payload, size_t n) {
    size_t ahead = strlen(before);
    event.size = ahead + n;
    if (more_events(q, 1) != 0) return SHIM_NO_MEMORY;
    if (event.size >= LARGE) {
        if ((event.own = map(event.size)) == NULL) return SHIM_NO_MEMORY;
        event.mapped = event.size;
        memcpy(event.own, before, ahead);
        memcpy(event.own + ahead, payload, n);
    } else {
        if (more_bytes(q, event.size) != 0) return SHIM_NO_MEMORY;
        append(q, before, ahead);
        append(q, payload, n);
    }
    q->events[q->tail++] = event;
    return tell(q);
}

/* Adds a chunk to the last event, where that is a batch of the same operation, or begins one. */
static int push_batched(shim_queue *q, waiting event, const char *chunk, size_t n) {
    if (q->head < q->tail) {
        waiting *last = &q->events[q->tail - 1];
        if (last->op == event.op && last->batch > 0 && last->batch < MOST_BATCHED && last->own == NULL && last->size + n < LARGE) {
            if (more_bytes(q, 1 + n) != 0) return SHIM_NO_MEMORY;
            append(q, ",", 1);
            append(q, chunk, n);
            last->size += 1 + n;
            last->batch++;
            return tell(q);
        }
    }
    event.batch = 1;
    return push(q, event, "[", chunk, n);
}

/* The end of an operation for which there is no memory: its place was promised, and the text is there. */
static int push_failure(shim_queue *q, waiting event) {
    static char text[] = "{\"code\":-4,\"name\":\"INTERNAL\",\"message\":\"out of memory for the event that ends the operation\"}";
    event.kind = LLMAGG_EVENT_ERROR;
    event.status = LLMAGG_E_INTERNAL;
    event.own = text;
    event.fixed = 1;
    event.size = sizeof text - 1;
    q->events[q->tail++] = event;
    return tell(q);
}

int shim_queue_promise(shim_queue *q) {
    pthread_mutex_lock(&q->mu);
    int done = q->closed || more_events(q, 1) == 0 ? SHIM_PUSHED : SHIM_NO_MEMORY;
    if (done == SHIM_PUSHED && !q->closed) q->promised++;
    pthread_mutex_unlock(&q->mu);
    return done;
}

static int push_one(shim_queue *q, waiting event, const char *payload, size_t n, int promised) {
    int done = SHIM_PUSHED;
    pthread_mutex_lock(&q->mu);
    if (!q->closed) {
        q->promised -= (size_t)promised;
        done = push(q, event, "", payload, n);
        if (done == SHIM_NO_MEMORY && promised) done = push_failure(q, event);
    }
    pthread_mutex_unlock(&q->mu);
    return done;
}

int shim_queue_push(shim_queue *q, int32_t kind, int32_t status, uint64_t op, uint64_t tag, const char *payload, size_t n) {
    return push_one(q, (waiting){kind, status, op, tag, 0, NULL, 0, 0, 0}, payload, n, 0);
}

int shim_queue_push_end(shim_queue *q, int32_t kind, int32_t status, uint64_t op, uint64_t tag, const char *payload, size_t n) {
    return push_one(q, (waiting){kind, status, op, tag, 0, NULL, 0, 0, 0}, payload, n, 1);
}

int shim_queue_give_end(shim_queue *q, int32_t kind, uint64_t op, uint64_t tag, char *payload, size_t n, size_t mapped) {
    int done = SHIM_PUSHED;
    pthread_mutex_lock(&q->mu);
    if (q->closed) {
        munmap(payload, mapped);
    } else {
        q->promised--; /* there is room in events */
        q->events[q->tail++] = (waiting){kind, LLMAGG_OK, op, tag, n, payload, 0, 0, mapped};
        done = tell(q);
    }
    pthread_mutex_unlock(&q->mu);
    return done;
}

int shim_queue_push_batched(shim_queue *q, uint64_t op, uint64_t tag, const char *chunk, size_t n) {
    waiting event = {LLMAGG_EVENT_CHUNK, LLMAGG_OK, op, tag, 0, NULL, 0, 0, 0};
    pthread_mutex_lock(&q->mu);
    int done = q->closed ? SHIM_PUSHED : push_batched(q, event, chunk, n);
    pthread_mutex_unlock(&q->mu);
    return done;
}

int shim_queue_offer(shim_queue *q, int32_t kind, const char *payload, size_t n) {
    waiting event = {kind, LLMAGG_OK, 0, 0, 0, NULL, 0, 0, 0};
    int done = SHIM_PUSHED;
    pthread_mutex_lock(&q->mu);
    if (q->closed) {
        done = SHIM_CLOSED;
    } else if (q->droppable == SHIM_MOST_DROPPABLE || (done = push(q, event, "", payload, n)) == SHIM_NO_MEMORY) {
        q->dropped++;
        done = SHIM_PUSHED;
    } else {
        q->droppable++;
    }
    pthread_mutex_unlock(&q->mu);
    return done;
}

void shim_queue_note_dropped(shim_queue *q, uint64_t n) {
    pthread_mutex_lock(&q->mu);
    q->dropped += n;
    pthread_mutex_unlock(&q->mu);
}

/* ---- reading */

static void tell_dropped(shim_queue *q) {
    waiting event = {LLMAGG_EVENT_DROPPED, LLMAGG_OK, 0, 0, 0, NULL, 0, 0, 0};
    char text[48];
    if (q->dropped == 0 || q->dropped_told) return;
    int n = snprintf(text, sizeof text, "{\"count\":%" PRIu64 "}", q->dropped);
    arm(q); /* it may not fit into this reader's memory */
    if (push(q, event, "", text, (size_t)n) == SHIM_NO_MEMORY) return;
    q->dropped = 0;
    q->dropped_told = 1;
}

/* Drops the first event, whose payload was copied. */
static void pop(shim_queue *q) {
    waiting *event = &q->events[q->head++];
    if (event->own == NULL) q->start += event->size;
    unmap(event);
    if (event->kind == LLMAGG_EVENT_LOG || event->kind == LLMAGG_EVENT_OBSERVE) q->droppable--;
    if (event->kind == LLMAGG_EVENT_DROPPED) q->dropped_told = 0;
    if (q->head < q->tail) return;
    q->head = q->tail = q->start = q->end = 0;
    if (q->size > KEPT) {
        free(q->bytes);
        q->bytes = NULL;
        q->size = 0;
    }
    if (q->room > KEPT / sizeof *q->events && q->promised == 0) {
        free(q->events);
        q->events = NULL;
        q->room = 0;
    }
}

/* Copies the first event into d's memory. 0 where it does not fit. */
static int give(shim_queue *q, llmagg_drain *d) {
    const waiting *from = &q->events[q->head];
    size_t tail = from->batch > 0, need = from->size + tail + 1;
    if (need > d->buffer_size - d->used) {
        if (need > d->buffer_size) d->needed = need;
        return 0;
    }
    char *to = d->buffer + d->used;
    if (from->size > 0) memcpy(to, from->own != NULL ? from->own : q->bytes + q->start, from->size);
    if (tail) to[from->size] = ']';
    to[need - 1] = 0;
    llmagg_event *event = (llmagg_event *)(void *)((char *)d->events + d->count * d->event_size);
    event->type = from->kind;
    event->status = from->status;
    event->op = from->op;
    event->tag = from->tag;
    event->payload = to;
    event->payload_len = need - 1;
    d->used += need;
    d->count++;
    return 1;
}

static llmagg_status drain_locked(shim_queue *q, llmagg_drain *d) {
    if (q->closed) return LLMAGG_E_CLOSED;
    d->count = d->used = d->needed = 0;
    tell_dropped(q);
    while (d->count < d->max_events && q->head < q->tail && give(q, d)) pop(q);
    compact(q);
    d->pending = q->tail - q->head;
    disarm(q);
    return LLMAGG_OK;
}

llmagg_status shim_queue_drain(shim_queue *q, llmagg_drain *d) {
    pthread_mutex_lock(&q->mu);
    llmagg_status status = drain_locked(q, d);
    pthread_mutex_unlock(&q->mu);
    return status;
}

llmagg_status shim_queue_run_next(shim_queue *q, llmagg_drain *d, int *stop) {
    llmagg_status status = LLMAGG_OK;
    pthread_mutex_lock(&q->mu);
    *stop = q->stopped;
    q->stopped = 0;
    if (!*stop) status = drain_locked(q, d);
    else if (!q->closed) disarm(q);
    pthread_mutex_unlock(&q->mu);
    return status;
}

llmagg_status shim_queue_stop(shim_queue *q) {
    pthread_mutex_lock(&q->mu);
    llmagg_status status = q->closed ? LLMAGG_E_CLOSED : LLMAGG_OK;
    if (!q->closed) {
        q->stopped = 1;
        arm(q);
    }
    pthread_mutex_unlock(&q->mu);
    return status;
}

llmagg_status shim_queue_begin_wait(shim_queue *q, int *fd) {
    pthread_mutex_lock(&q->mu);
    llmagg_status status = q->closed ? LLMAGG_E_CLOSED : LLMAGG_OK;
    if (!q->closed) {
        q->waiters++;
        *fd = q->fd;
    }
    pthread_mutex_unlock(&q->mu);
    return status;
}

int shim_queue_is_closed(shim_queue *q) {
    pthread_mutex_lock(&q->mu);
    int closed = q->closed;
    pthread_mutex_unlock(&q->mu);
    return closed;
}

int shim_queue_has_events(shim_queue *q) {
    pthread_mutex_lock(&q->mu);
    int has = q->head < q->tail || q->dropped > 0;
    if (!q->closed && has) arm(q); /* who waits is told first; the wake-up may be under way still */
    else if (!q->closed) disarm(q);
    pthread_mutex_unlock(&q->mu);
    return has;
}

llmagg_status shim_queue_end_wait(shim_queue *q) {
    pthread_mutex_lock(&q->mu);
    llmagg_status status = q->closed ? LLMAGG_E_CLOSED : LLMAGG_OK;
    let_go(q);
    pthread_mutex_unlock(&q->mu);
    return status;
}
