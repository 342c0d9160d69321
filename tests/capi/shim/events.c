/* The queue of capi/queue.c by itself: what waits keeps its order and its bytes, chunks join in batches, memory is given back; and
 * writers, readers, waiters and whoever closes it may be different threads. Built under each sanitizer. */
#define _GNU_SOURCE
#include <pthread.h>

#include "events.h"

enum { WRITERS = 4, TURNS = 3000 };

static char *filler; /* LARGE + 200 bytes of 'x' */

static void what_waits_keeps_its_order_and_bytes(void) {
    shim_queue *q = opened();
    uint64_t pushed = 0, read = 0;
    for (int step = 0; step < 20000; step++) {
        if (below(100) < 55) {
            CHECK(push_numbered(q, pushed++));
            continue;
        }
        size_t size = below(10) == 0 ? 64 : BUFFER, before = (size_t)(pushed - read);
        take(q, 1 + below(4), size);
        CHECK(taken.drain.pending == before - taken.drain.count && taken.drain.used <= size);
        for (size_t i = 0; i < taken.drain.count; i++) CHECK(is_numbered(&taken.events[i], read++));
        if (before > 0 && taken.drain.count == 0) CHECK(taken.drain.needed == size_of(read) + 1 && size < taken.drain.needed);
        else CHECK(taken.drain.needed == 0 || taken.drain.needed > size);
    }
    while (read < pushed) {
        take(q, MOST, BUFFER);
        CHECK(taken.drain.count > 0);
        for (size_t i = 0; i < taken.drain.count; i++) CHECK(is_numbered(&taken.events[i], read++));
    }
    done_with(q);
}

static void a_room_that_is_only_full_needs_nothing(void) {
    shim_queue *q = opened();
    for (int i = 0; i < 3; i++) CHECK(told(q, push(q, LLMAGG_EVENT_DONE, 0, 1, 2, "1234567", 7)));
    take(q, MOST, 20);
    CHECK(taken.drain.count == 2 && taken.drain.used == 16 && taken.drain.pending == 1 && taken.drain.needed == 0);
    done_with(q);
}

static void an_empty_payload_is_an_empty_text(void) {
    shim_queue *q = opened();
    CHECK(told(q, push(q, LLMAGG_EVENT_RESUME_CUSTOM, 0, 1, 2, NULL, 0)));
    take(q, MOST, BUFFER);
    CHECK(taken.drain.count == 1 && taken.events[0].payload_len == 0 && strcmp(taken.events[0].payload, "") == 0);
    done_with(q);
}

/* Chunks of a stream that nobody reads meanwhile: at most 32 an event. */
static void chunks_join_in_batches(void) {
    shim_queue *q = opened();
    uint64_t wrote[2] = {0, 0}, read[2] = {0, 0};
    for (int step = 0; step < 20000; step++) {
        uint64_t op = below(8) / 6;
        char chunk[400];
        int n = snprintf(chunk, sizeof chunk, "%llu%.*s", (unsigned long long)wrote[op]++, (int)below(3) * 100, "                    ");
        CHECK(told(q, push_batched(q, op, 5, chunk, (size_t)n)));
        if (below(30) != 0) continue;
        for (;;) {
            take(q, MOST, BUFFER);
            for (size_t i = 0; i < taken.drain.count; i++) {
                const llmagg_event *e = &taken.events[i];
                char *at = (char *)(uintptr_t)e->payload;
                int members = 0;
                CHECK(e->type == LLMAGG_EVENT_CHUNK && *at == '[' && e->payload[e->payload_len - 1] == ']');
                do CHECK(strtoull(at + 1, &at, 10) == read[e->op]++ && ++members <= 32);
                while ((at += strspn(at, " "), *at) == ',');
                CHECK(at == e->payload + e->payload_len - 1);
            }
            if (taken.drain.pending == 0) break;
        }
        CHECK(read[0] == wrote[0] && read[1] == wrote[1]);
    }
    done_with(q);
}

static void a_batch_ends_at_another_event_and_at_64_kib(void) {
    shim_queue *q = opened();
    CHECK(told(q, push_batched(q, 1, 0, "1", 1)));
    CHECK(told(q, push(q, LLMAGG_EVENT_RESTART, 0, 1, 0, "{}", 2)));
    CHECK(told(q, push_batched(q, 1, 0, "2", 1)));
    CHECK(told(q, push_batched(q, 1, 0, filler, LARGE - 5)));
    CHECK(told(q, push_batched(q, 1, 0, "3", 1)));
    CHECK(told(q, push_batched(q, 1, 0, filler, LARGE + 7)));
    CHECK(told(q, push_batched(q, 1, 0, "4", 1)));
    take(q, MOST, BUFFER);
    static const size_t sizes[] = {3, 2, LARGE + 1, LARGE + 9, 3}; /* the third: "2", the filler, "3" */
    CHECK(taken.drain.count == 5 && taken.drain.pending == 0);
    for (int i = 0; i < 5; i++) CHECK(taken.events[i].payload_len == sizes[i]);
    done_with(q);
}

static void log_events_are_bounded_and_counted(void) {
    shim_queue *q = opened();
    for (int i = 0; i < SHIM_MOST_DROPPABLE + 5; i++) CHECK(told(q, offer(q, LLMAGG_EVENT_LOG, "{}", 2)));
    drop(q, 3);
    int logs = 0, dropped = 0;
    do {
        take(q, MOST, BUFFER);
        for (size_t i = 0; i < taken.drain.count; i++) {
            logs += taken.events[i].type == LLMAGG_EVENT_LOG;
            dropped += taken.events[i].type == LLMAGG_EVENT_DROPPED && strcmp(taken.events[i].payload, "{\"count\":8}") == 0;
        }
    } while (taken.drain.pending > 0);
    CHECK(logs == SHIM_MOST_DROPPABLE && dropped == 1);
    CHECK(told(q, offer(q, LLMAGG_EVENT_LOG, "{}", 2))); /* there is room again */
    take(q, MOST, BUFFER);
    CHECK(taken.drain.count == 1);
    shim_queue_close(q);
    CHECK(offer(q, LLMAGG_EVENT_LOG, "{}", 2) == SHIM_CLOSED);
    shim_queue_release(q);
}

/* One wake-up is asked for, however much comes before it; it wakes nobody when all has been taken, and is asked for again after that. */
static void a_wake_up_is_asked_for_once(void) {
    shim_queue *q = opened();
    int fd = -1;
    CHECK(shim_queue_begin_wait(q, &fd) == LLMAGG_OK);
    for (int round = 0; round < 3; round++) {
        CHECK(push(q, LLMAGG_EVENT_DONE, 0, 1, 2, "{}", 2) == SHIM_WAKE);
        CHECK(push(q, LLMAGG_EVENT_DONE, 0, 1, 2, "{}", 2) == SHIM_PUSHED);
        CHECK(push_batched(q, 1, 2, "{}", 2) == SHIM_PUSHED);
        CHECK(shim_wake_wait(fd, 0) == 0 && shim_queue_has_events(q));
        if (round == 1) take(q, MOST, BUFFER); /* taken by a reader who did not wait */
        wake(q);
        CHECK(shim_wake_wait(fd, 0) == (round != 1));
        CHECK(round == 1 || push(q, LLMAGG_EVENT_DONE, 0, 1, 2, "{}", 2) == SHIM_PUSHED);
        take(q, 1, BUFFER);
        CHECK(shim_wake_wait(fd, 0) == (round != 1)); /* readable while something waits */
        take(q, MOST, BUFFER);
        CHECK(shim_wake_wait(fd, 0) == 0);
    }
    wake(q); /* nobody asked */
    CHECK(shim_wake_wait(fd, 0) == 0 && shim_queue_end_wait(q) == LLMAGG_OK);
    done_with(q);
}

/* The reader comes between the two halves of a wake-up, before the descriptor is written and after that. */
static void a_reader_comes_during_a_wake_up(void) {
    uint64_t one = 1;
    for (int order = 0; order < 4; order++) { /* 1: the reader comes before the write; 2: something is pushed after the reader has come */
        shim_queue *q = opened();
        int fd = -1;
        CHECK(shim_queue_begin_wait(q, &fd) == LLMAGG_OK);
        CHECK(push(q, LLMAGG_EVENT_DONE, 0, 1, 2, "{}", 2) == SHIM_WAKE);
        int to = shim_queue_begin_wake(q);
        CHECK(to >= 0);
        if (order & 1) take(q, MOST, BUFFER);
        CHECK(write(to, &one, sizeof one) == sizeof one);
        if (!(order & 1)) take(q, MOST, BUFFER);
        CHECK(taken.drain.count == 1);
        if (order & 2) CHECK(push(q, LLMAGG_EVENT_DONE, 0, 1, 2, "{}", 2) == SHIM_PUSHED);
        shim_queue_end_wake(q);
        CHECK(shim_wake_wait(fd, 0) == (order >= 2));
        take(q, MOST, BUFFER);
        CHECK(taken.drain.count == (order >= 2 ? 1 : 0) && shim_wake_wait(fd, 0) == 0);
        CHECK(push(q, LLMAGG_EVENT_DONE, 0, 1, 2, "{}", 2) == SHIM_WAKE);
        to = shim_queue_begin_wake(q);
        shim_queue_close(q); /* meanwhile: the descriptor stays until the wake-up has ended */
        CHECK(write(to, &one, sizeof one) == sizeof one);
        shim_queue_end_wake(q);
        CHECK(shim_queue_end_wait(q) == LLMAGG_E_CLOSED);
        shim_queue_release(q);
    }
}

/* What was dropped is told by one event at a time, and the reader is woken after that as before. */
static void dropped_events_are_told_once(void) {
    shim_queue *q = opened();
    drop(q, 3);
    take(q, MOST, BUFFER); /* by a reader who was not woken */
    CHECK(taken.drain.count == 1 && strcmp(taken.events[0].payload, "{\"count\":3}") == 0);
    CHECK(push(q, LLMAGG_EVENT_DONE, 0, 1, 2, "{}", 2) == SHIM_WAKE);
    wake(q);
    for (int i = 1; i <= 3; i++) {
        drop(q, 1);
        take(q, MOST, 1); /* no room for any */
        CHECK(taken.drain.pending == 2);
    }
    take(q, MOST, BUFFER);
    CHECK(taken.drain.count == 2 && taken.drain.pending == 0 && strcmp(taken.events[1].payload, "{\"count\":1}") == 0);
    take(q, MOST, BUFFER);
    CHECK(taken.drain.count == 1 && strcmp(taken.events[0].payload, "{\"count\":2}") == 0);
    done_with(q);
}

/* Without a run that would take it, a stop leaves nothing that wakes a reader again and again. */
static void a_stop_without_a_run_wakes_once(void) {
    shim_queue *q = opened();
    int fd = -1, stop = 0;
    CHECK(shim_queue_begin_wait(q, &fd) == LLMAGG_OK && shim_queue_stop(q) == LLMAGG_OK);
    CHECK(shim_wake_wait(fd, 0) == 1);
    take(q, MOST, BUFFER);
    CHECK(taken.drain.count == 0 && shim_wake_wait(fd, 0) == 0);
    CHECK(shim_queue_run_next(q, &taken.drain, &stop) == LLMAGG_OK && stop == 1);
    CHECK(shim_queue_end_wait(q) == LLMAGG_OK);
    done_with(q);
}

static void a_stop_is_seen_during_a_wake_up(void) {
    shim_queue *q = opened();
    int fd = -1, stop = 0;
    CHECK(shim_queue_begin_wait(q, &fd) == LLMAGG_OK);
    CHECK(push(q, LLMAGG_EVENT_DONE, 0, 1, 2, "{}", 2) == SHIM_WAKE);
    CHECK(shim_queue_begin_wake(q) >= 0);
    take(q, MOST, BUFFER);
    CHECK(shim_queue_stop(q) == LLMAGG_OK);
    shim_queue_end_wake(q);
    CHECK(shim_wake_wait(fd, 0) == 1);
    CHECK(shim_queue_run_next(q, &taken.drain, &stop) == LLMAGG_OK && stop == 1);
    CHECK(shim_wake_wait(fd, 0) == 0 && shim_queue_end_wait(q) == LLMAGG_OK);
    done_with(q);
}

static void a_closed_queue_takes_nothing(void) {
    shim_queue *q = opened();
    shim_queue_keep(q);
    shim_queue_close(q);
    CHECK(push(q, LLMAGG_EVENT_DONE, 0, 1, 2, "{}", 2) == SHIM_CLOSED); /* lost */
    CHECK(shim_queue_drain(q, &taken.drain) == LLMAGG_E_CLOSED && shim_queue_stop(q) == LLMAGG_E_CLOSED);
    shim_queue_release(q);
    shim_queue_release(q);
}

/* ---- from several threads */

static shim_queue *shared;
static int writing;

static void *write_numbers(void *which) {
    for (int i = 0; i < TURNS; i++) {
        if (!told(shared, push_batched(shared, (uintptr_t)which, 0, "[]", 2))) abort();
        if (i % 16 == 0 && !push_numbered(shared, 1000 + (uint64_t)i)) abort();
        if (i % 64 == 0 && !told(shared, offer(shared, LLMAGG_EVENT_OBSERVE, "{}", 2))) abort();
    }
    __atomic_sub_fetch(&writing, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

static void writers_and_a_reader_lose_nothing(void) {
    pthread_t writers[WRITERS];
    int fd = -1, chunks = 0, numbered = 0, observed = 0;
    shared = opened();
    CHECK(shim_queue_begin_wait(shared, &fd) == LLMAGG_OK);
    writing = WRITERS;
    for (uintptr_t i = 0; i < WRITERS; i++) pthread_create(&writers[i], NULL, write_numbers, (void *)(i + 1));
    do {
        CHECK(shim_wake_wait(fd, 0.05) >= 0);
        take(shared, MOST, BUFFER);
        for (size_t i = 0; i < taken.drain.count; i++) {
            const llmagg_event *e = &taken.events[i];
            if (e->type == LLMAGG_EVENT_CHUNK) chunks += count(e->payload, "[]");
            else if (e->type == LLMAGG_EVENT_OBSERVE) observed++;
            else numbered += is_numbered(e, e->op);
        }
    } while (taken.drain.pending > 0 || __atomic_load_n(&writing, __ATOMIC_SEQ_CST) > 0 || shim_wake_wait(fd, 0) == 1);
    for (int i = 0; i < WRITERS; i++) pthread_join(writers[i], NULL);
    CHECK(chunks == WRITERS * TURNS && numbered == WRITERS * ((TURNS + 15) / 16) && observed == WRITERS * ((TURNS + 63) / 64));
    CHECK(shim_queue_end_wait(shared) == LLMAGG_OK);
    done_with(shared);
}

static void *wait_for_it(void *queue) {
    shim_queue *q = queue;
    int fd = -1;
    llmagg_status status = shim_queue_begin_wait(q, &fd);
    if (status == LLMAGG_OK) {
        shim_wake_wait(fd, 20);
        status = shim_queue_end_wait(q);
    }
    shim_queue_release(q);
    return status == LLMAGG_E_CLOSED ? "closed" : "still open";
}

static void closing_ends_the_waiting(void) {
    for (int round = 0; round < 200; round++) {
        pthread_t waiters[2];
        void *said[2];
        shared = opened();
        for (int i = 0; i < 2; i++) {
            shim_queue_keep(shared);
            pthread_create(&waiters[i], NULL, wait_for_it, shared);
        }
        done_with(shared);
        for (int i = 0; i < 2; i++) {
            pthread_join(waiters[i], &said[i]);
            CHECK(has(said[i], "closed"));
        }
    }
}

/* A payload that no memory can hold: the event is refused, and the end of an operation is told in its promised place. */
static void without_memory_an_operation_still_ends(void) {
    shim_queue *q = opened();
    size_t absurd = (size_t)1 << 47;
    CHECK(shim_queue_promise(q) == SHIM_PUSHED && shim_queue_promise(q) == SHIM_PUSHED);
    CHECK(push(q, LLMAGG_EVENT_CHUNK, 0, 7, 70, "x", absurd) == SHIM_NO_MEMORY);
    CHECK(push_batched(q, 7, 70, "x", absurd) == SHIM_NO_MEMORY);
    CHECK(told(q, push_end(q, LLMAGG_EVENT_DONE, 0, 7, 70, "x", absurd)));
    CHECK(told(q, push_end(q, LLMAGG_EVENT_DONE, 0, 8, 80, "{}", 2)));
    take(q, MOST, BUFFER);
    CHECK(taken.drain.count == 2);
    CHECK(taken.events[0].type == LLMAGG_EVENT_ERROR && taken.events[0].status == LLMAGG_E_INTERNAL);
    CHECK(taken.events[0].op == 7 && taken.events[0].tag == 70 && has(taken.events[0].payload, "\"name\":\"INTERNAL\""));
    CHECK(taken.events[1].type == LLMAGG_EVENT_DONE && strcmp(taken.events[1].payload, "{}") == 0);
    done_with(q);
}

int main(void) {
    filler = malloc(LARGE + 200);
    memset(filler, 'x', LARGE + 200);
    RUN(what_waits_keeps_its_order_and_bytes);
    RUN(a_room_that_is_only_full_needs_nothing);
    RUN(an_empty_payload_is_an_empty_text);
    RUN(chunks_join_in_batches);
    RUN(a_batch_ends_at_another_event_and_at_64_kib);
    RUN(log_events_are_bounded_and_counted);
    RUN(a_wake_up_is_asked_for_once);
    RUN(a_reader_comes_during_a_wake_up);
    RUN(dropped_events_are_told_once);
    RUN(a_stop_without_a_run_wakes_once);
    RUN(a_stop_is_seen_during_a_wake_up);
    RUN(a_closed_queue_takes_nothing);
    RUN(writers_and_a_reader_lose_nothing);
    RUN(closing_ends_the_waiting);
    RUN(without_memory_an_operation_still_ends);
    free(filler);
    return RESULT();
}
