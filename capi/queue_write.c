/* How events come into a queue: their payloads are copied, chunks join in batches, and the end of an operation is never lost. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "queue.h"

enum {
    LARGE = 64 << 10, /* a payload of this size gets memory of its own, see shim_payload_map */
    MOST_BATCHED = 32 /* chunks in an event: half of the default window, so that the other half is on its way meanwhile */
};

/* Memory for a large payload. Not malloc's: it is one of Go's threads that asks, and the arena that C's allocator has for each of
 * them would keep as much for ever. */
char *shim_payload_map(size_t size) {
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    return at == MAP_FAILED ? NULL : at;
}

char *shim_payload_reserve(size_t size) {
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED) return NULL;
#ifdef MADV_HUGEPAGE
    (void)madvise(at, size, MADV_HUGEPAGE); /* a fault for each 2 MB instead of 4 KB */
#endif
    return at;
}

void shim_payload_unmap(char *payload, size_t size) { munmap(payload, size); }

void queue_unmap(const waiting *event) {
    if (event->mapped > 0 && !event->fixed) munmap(event->own, event->mapped);
}

/* ---- the lock is held */

/* What a push has to tell: whether the reader must be woken, and nobody was asked to do so yet. */
static int tell(shim_queue *q) {
    if (q->armed || q->asked || q->waking) return SHIM_PUSHED;
    q->asked = 1;
    return SHIM_WAKE;
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

int queue_add(shim_queue *q, waiting event, const char *before, const char *payload, size_t n) {
    size_t ahead = strlen(before);
    event.size = ahead + n;
    if (more_events(q, 1) != 0) return SHIM_NO_MEMORY;
    if (event.size >= LARGE) {
        if ((event.own = shim_payload_map(event.size)) == NULL) return SHIM_NO_MEMORY;
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
    return queue_add(q, event, "[", chunk, n);
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

static int push(shim_queue *q, enum shim_how how, waiting event, const char *payload, size_t n) {
    int done;
    switch (how) {
    case SHIM_BATCHED: return push_batched(q, event, payload, n);
    case SHIM_END:
        q->promised--;
        done = queue_add(q, event, "", payload, n);
        return done == SHIM_NO_MEMORY ? push_failure(q, event) : done;
    case SHIM_PAGES:
        q->promised--; /* there is room in events */
        event.own = (char *)(uintptr_t)payload;
        event.size = n;
        q->events[q->tail++] = event;
        return tell(q);
    case SHIM_DROPPABLE:
        if (q->droppable < SHIM_MOST_DROPPABLE && (done = queue_add(q, event, "", payload, n)) != SHIM_NO_MEMORY) {
            q->droppable++;
            return done;
        }
        q->dropped++;
        return SHIM_PUSHED;
    default: return queue_add(q, event, "", payload, n);
    }
}

int shim_queue_push(shim_queue *q, enum shim_how how, int32_t kind, int32_t status, uint64_t op, uint64_t tag, const char *payload,
                    size_t n, size_t mapped) {
    pthread_mutex_lock(&q->mu);
    int done = q->closed ? SHIM_CLOSED : push(q, how, (waiting){kind, status, op, tag, 0, NULL, 0, 0, mapped}, payload, n);
    pthread_mutex_unlock(&q->mu);
    return done;
}
