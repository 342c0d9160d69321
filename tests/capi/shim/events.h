/* How the tests of the queue push events, as Go does, and take them. */
#ifndef EVENTS_H
#define EVENTS_H

#include <errno.h>
#include <pthread.h>

#include "check.h"
#include "queue.h"

enum { MOST = 64, BUFFER = 1 << 20, LARGE = 64 << 10 };

static struct taken {
    llmagg_event events[MOST];
    char bytes[BUFFER];
    llmagg_drain drain;
} taken;

static void take(shim_queue *q, size_t most, size_t size) {
    taken.drain = (llmagg_drain){sizeof taken.drain, sizeof(llmagg_event), taken.events, most, taken.bytes, size, 9, 9, 9, 9, 0};
    if (shim_queue_drain(q, &taken.drain) != LLMAGG_OK) printf("# closed\n");
}

static shim_queue *opened(void) {
    shim_queue *q = shim_queue_new();
    if (q == NULL) printf("# no queue\n");
    return q;
}

static void done_with(shim_queue *q) {
    shim_queue_close(q);
    shim_queue_release(q);
}

/* As Go does it. */
static void wake(shim_queue *q) {
    uint64_t one = 1;
    int fd = shim_queue_begin_wake(q);
    if (fd < 0) return;
    if (write(fd, &one, sizeof one) < 0 && errno != EAGAIN) abort();
    shim_queue_end_wake(q);
}

/* Does what a push asks for, as Go does. 0 where it failed. */
static int told(shim_queue *q, int what) {
    if (what == SHIM_WAKE) wake(q);
    return what == SHIM_PUSHED || what == SHIM_WAKE;
}

static int push(shim_queue *q, int32_t kind, int32_t status, uint64_t op, uint64_t tag, const char *payload, size_t n) {
    return shim_queue_push(q, SHIM_EVENT, kind, status, op, tag, payload, n, 0);
}

static int push_batched(shim_queue *q, uint64_t op, uint64_t tag, const char *chunk, size_t n) {
    return shim_queue_push(q, SHIM_BATCHED, LLMAGG_EVENT_CHUNK, LLMAGG_OK, op, tag, chunk, n, 0);
}

static int push_end(shim_queue *q, int32_t kind, int32_t status, uint64_t op, uint64_t tag, const char *payload, size_t n) {
    return shim_queue_push(q, SHIM_END, kind, status, op, tag, payload, n, 0);
}

static int offer(shim_queue *q, int32_t kind, const char *payload, size_t n) {
    return shim_queue_push(q, SHIM_DROPPABLE, kind, LLMAGG_OK, 0, 0, payload, n, 0);
}

/* As if so many events more had come than wait. */
static void drop(shim_queue *q, uint64_t n) {
    pthread_mutex_lock(&q->mu);
    q->dropped += n;
    pthread_mutex_unlock(&q->mu);
}

static unsigned state = 1;
static unsigned below(unsigned n) {
    state = state * 1664525u + 1013904223u;
    return (state >> 8) % n;
}

/* A payload that its number tells: its length and its first bytes. */
static size_t size_of(uint64_t number) { return number % 401 == 7 ? LARGE + number % 100 : 20 + number % 280; }

static int push_numbered(shim_queue *q, uint64_t number) {
    char *text = malloc(size_of(number));
    memset(text, 'a' + (int)(number % 26), size_of(number));
    int done = told(q, push(q, LLMAGG_EVENT_DONE, (int32_t)-number, number, number + 1, text, size_of(number)));
    free(text);
    return done;
}

static int is_numbered(const llmagg_event *e, uint64_t number) {
    return e->type == LLMAGG_EVENT_DONE && e->status == (int32_t)-number && e->op == number && e->tag == number + 1 && e->payload_len == size_of(number) &&
           e->payload[0] == 'a' + (int)(number % 26) && e->payload[e->payload_len - 1] == e->payload[0] && e->payload[e->payload_len] == '\0';
}

#endif
