/* Events on their way to their reader. All of it is C's: a thread of the host that waits for events or takes them never enters Go,
 * so it does not wait for Go's scheduler, nor Go for it. Each queue has its own lock, held while memory is copied and no longer. */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "queue.h"

enum {
    KEPT = 1 << 20,  /* how much memory an empty queue keeps */
    MOST_CHUNKS = 32 /* of batches in one drain: the reader works on each of them before it looks at anything else */
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

static void forget_events(shim_queue *q) {
    for (size_t i = q->head; i < q->tail; i++) queue_unmap(&q->events[i]);
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

/* ---- waking the reader; q->mu is held by the static functions */

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

/* ---- reading */

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

static void tell_dropped(shim_queue *q) {
    waiting event = {LLMAGG_EVENT_DROPPED, LLMAGG_OK, 0, 0, 0, NULL, 0, 0, 0};
    char text[48];
    if (q->dropped == 0 || q->dropped_told) return;
    int n = snprintf(text, sizeof text, "{\"count\":%" PRIu64 "}", q->dropped);
    arm(q); /* it may not fit into this reader's memory */
    if (queue_add(q, event, "", text, (size_t)n) == SHIM_NO_MEMORY) return;
    q->dropped = 0;
    q->dropped_told = 1;
}

/* Drops the first event, whose payload was copied. */
static void pop(shim_queue *q) {
    waiting *event = &q->events[q->head++];
    if (event->own == NULL) q->start += event->size;
    queue_unmap(event);
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

/* Puts the pages of a payload into the place of those at d's buffer; 0 where it has to be copied. Vectors of 61 MB cost a fifth
 * less CPU so, and half of the memory. */
static int move(waiting *from, const llmagg_drain *d, size_t need) {
#ifdef MREMAP_FIXED
    if (d->struct_size < sizeof *d || !d->is_mapping || d->used > 0 || from->own == NULL || from->fixed || need < KEPT) return 0;
    size_t page = (size_t)sysconf(_SC_PAGESIZE), length = (need + page - 1) / page * page;
    if (need > from->mapped || (uintptr_t)d->buffer % page != 0) return 0;
    if (mremap(from->own, length, length, MREMAP_MAYMOVE | MREMAP_FIXED, d->buffer) == MAP_FAILED) {
        /* Linux may have unmapped what was there. */
        (void)mmap(d->buffer, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        return 0;
    }
    from->own += length;
    from->mapped = from->mapped > length ? from->mapped - length : 0;
    return 1;
#else
    (void)from, (void)d, (void)need;
    return 0;
#endif
}

/* Copies the first event into d's memory. 0 where it does not fit. */
static int give(shim_queue *q, llmagg_drain *d) {
    waiting *from = &q->events[q->head];
    size_t tail = from->batch > 0, need = from->size + tail + 1;
    if (need > d->buffer_size - d->used) {
        if (need > d->buffer_size) d->needed = need;
        return 0;
    }
    char *to = d->buffer + d->used;
    if (from->size > 0 && !move(from, d, need)) memcpy(to, from->own != NULL ? from->own : q->bytes + q->start, from->size);
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
    for (int chunks = 0; d->count < d->max_events && q->head < q->tail; pop(q)) {
        chunks += q->events[q->head].batch;
        if ((d->count > 0 && chunks > MOST_CHUNKS) || !give(q, d)) break;
    }
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
