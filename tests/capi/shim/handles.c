/* The register of capi/register.c by itself: numbers are never given twice, and what a call holds stays until it is given back, from
 * many threads. Built under each sanitizer. What stands for Go here is a block of memory, which Unref frees. */
#define _GNU_SOURCE
#include <pthread.h>

#include "check.h"
#include "shim.h"

enum { THREADS = 8, ROUNDS = 2000, MANY = 10000 };

static int unrefs;

void shim_release(shim_entry *e) {
    void *gone = shim_drop(e);
    if (gone == NULL) return;
    memset(gone, 0, sizeof(int)); /* whoever held it too long finds it so, or a sanitizer does */
    free(gone);
    __atomic_fetch_add(&unrefs, 1, __ATOMIC_SEQ_CST);
}

static uintptr_t made(int kind) {
    int *object = malloc(sizeof *object);
    *object = kind;
    return shim_handle_new(kind, object, NULL);
}

/* 1 where this call has freed it. */
static int freed(uintptr_t handle, int kind) {
    shim_entry *e = shim_hold(handle, kind);
    int mine = e != NULL && shim_handle_end(e);
    if (e != NULL) shim_release(e);
    return mine;
}

static const char *says(uintptr_t handle) {
    static char text[200];
    llmagg_error *err = NULL;
    if (shim_fail_handle("x", handle, &err) != LLMAGG_E_INVALID_HANDLE) return "another code";
    snprintf(text, sizeof text, "%s", llmagg_error_message(err));
    llmagg_error_free(err);
    return text;
}

static int by_number(const void *a, const void *b) {
    uintptr_t x = *(const uintptr_t *)a, y = *(const uintptr_t *)b;
    return (x > y) - (x < y);
}

static void numbers_are_never_given_twice(void) {
    static uintptr_t given[MANY];
    int before = unrefs, twice = 0, wrong = 0;
    for (int i = 0; i < MANY; i++) {
        given[i] = made(SHIM_CLIENT);
        shim_entry *e = shim_hold(given[i], SHIM_CLIENT);
        wrong += e == NULL || *(int *)e->go != SHIM_CLIENT || given[i] % 2 == 0;
        if (e != NULL) shim_release(e);
        if (i % 3 == 0) continue; /* these stay for a while */
        wrong += !freed(given[i], SHIM_CLIENT) + freed(given[i], SHIM_CLIENT);
    }
    for (int i = 0; i < MANY; i += 3) wrong += !freed(given[i], SHIM_CLIENT);
    for (int i = 0; i < MANY; i++) wrong += shim_hold(given[i], SHIM_CLIENT) != NULL || strcmp(says(given[i]), "argument x is a handle that was freed") != 0;
    qsort(given, MANY, sizeof *given, by_number);
    for (int i = 1; i < MANY; i++) twice += given[i] == given[i - 1];
    CHECK(twice == 0 && wrong == 0 && unrefs - before == MANY && shim_handle_count(SHIM_CLIENT) == 0);
}

static void what_is_no_handle(void) {
    uintptr_t h = made(SHIM_WALL);
    uintptr_t none[] = {0, 1, h + 1, h - 1, h & 0xffffffffffff, h | (uintptr_t)1 << 62, ~(uintptr_t)0, h ^ (uintptr_t)1 << 24 /* a place far behind */,
                        h ^ (uintptr_t)1 << 47 /* later uses of its place */};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        CHECK(shim_hold(none[i], SHIM_WALL) == NULL);
        CHECK(strcmp(says(none[i]), "argument x is not a handle of this library") == 0);
    }
    CHECK(shim_hold(h, SHIM_QUEUE) == NULL && !freed(h, SHIM_QUEUE));
    CHECK(strcmp(says(h), "argument x is the handle of a wall") == 0);
    uintptr_t aggregator = made(SHIM_AGGREGATOR);
    CHECK(strcmp(says(aggregator), "argument x is the handle of an aggregator") == 0 && freed(aggregator, SHIM_AGGREGATOR));
    CHECK(freed(h, SHIM_WALL));
}

/* From the last number of all to the first. */
static void numbers_go_round(void) {
    uintptr_t h[3];
    shim_register_start(~UINT64_C(0));
    for (int i = 0; i < 3; i++) h[i] = made(SHIM_MANAGER);
    for (int i = 0; i < 3; i++) {
        CHECK(h[i] >> 48 == 0xA660 && h[i] % 2 == 1 && freed(h[i], SHIM_MANAGER));
        CHECK(strcmp(says(h[i]), "argument x is a handle that was freed") == 0);
    }
    shim_register_start(4711);
}

static void a_place_is_given_up_after_its_last_number(void) {
    uintptr_t h = made(SHIM_CLIENT);
    shim_entry *e = shim_hold(h, SHIM_CLIENT);
    uint32_t place = e->place;
    e->state |= ((UINT64_C(1) << 23) - 1) << 33; /* as after 8 million uses */
    CHECK(shim_handle_end(e));
    shim_release(e);
    for (int i = 0; i < 100; i++) {
        h = made(SHIM_CLIENT);
        e = shim_hold(h, SHIM_CLIENT);
        CHECK(e->place != place);
        shim_release(e);
    }
    for (uint32_t from = 0; (e = shim_handle_next(SHIM_CLIENT, &from)) != NULL;) {
        CHECK(shim_handle_end(e));
        shim_release(e);
    }
}

static void copies_of_the_library_differ(void) {
    uintptr_t h = made(SHIM_CLIENT);
    shim_register_start(UINT64_C(0x123456789abcdef));
    CHECK(shim_hold(h, SHIM_CLIENT) == NULL && has(says(h), "not a handle of this library"));
    shim_register_start(4711);
    CHECK(freed(h, SHIM_CLIENT));
}

static void a_held_object_outlives_its_handle(void) {
    int before = unrefs;
    shim_queue *q = shim_queue_new();
    int *object = malloc(sizeof *object);
    *object = SHIM_QUEUE;
    uintptr_t h = shim_handle_new(SHIM_QUEUE, object, q);
    shim_queue_release(q); /* the entry has a reference of its own */
    shim_entry *e = shim_hold(h, SHIM_QUEUE), *also = shim_hold(h, SHIM_QUEUE);
    CHECK(freed(h, SHIM_QUEUE) && !freed(h, SHIM_QUEUE) && !shim_handle_end(e) && shim_hold(h, SHIM_QUEUE) == NULL);
    CHECK(has(says(h), "freed") && unrefs == before);
    uintptr_t next = made(SHIM_QUEUE);
    CHECK(*(int *)e->go == SHIM_QUEUE && e->queue == q && !shim_queue_has_events(e->queue));
    shim_queue_close(e->queue);
    shim_release(e);
    CHECK(unrefs == before);
    shim_release(also);
    CHECK(unrefs == before + 1 && freed(next, SHIM_QUEUE));
}

static void a_borrowed_handle_is_not_freed(void) {
    uintptr_t h = made(SHIM_MANAGER);
    shim_handle_lend(h, SHIM_MANAGER, 1);
    CHECK(!freed(h, SHIM_MANAGER));
    shim_handle_lend(h, SHIM_MANAGER, 0);
    CHECK(freed(h, SHIM_MANAGER));
    shim_handle_lend(h, SHIM_MANAGER, 1); /* ignored */
}

static void each_kind_is_counted_and_listed(void) {
    static const char *names[] = {"", "manager", "provider", "client", "aggregator", "queue", "wall"};
    uintptr_t h[SHIM_KINDS][5];
    for (int i = 0; i < 5; i++) {
        for (int kind = 1; kind < SHIM_KINDS; kind++) h[kind][i] = made(kind);
    }
    for (int kind = 1; kind < SHIM_KINDS; kind++) {
        int found = 0;
        CHECK(strcmp(shim_kind_name(kind), names[kind]) == 0 && shim_handle_count(kind) == 5 && freed(h[kind][2], kind) && shim_handle_count(kind) == 4);
        uint32_t from = 0;
        for (shim_entry *e; (e = shim_handle_next(kind, &from)) != NULL; found++) {
            CHECK(*(int *)e->go == kind);
            shim_release(e);
        }
        CHECK(found == 4);
    }
    for (int kind = 1; kind < SHIM_KINDS; kind++) {
        for (int i = 0; i < 5; i++) CHECK(freed(h[kind][i], kind) == (i != 2));
    }
}

/* ---- from many threads */

static uintptr_t shared;
static int ended, wrong;
static pthread_barrier_t together;

static void in_threads(void *(*body)(void *)) {
    pthread_t threads[THREADS];
    pthread_barrier_init(&together, NULL, THREADS);
    for (intptr_t i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, body, (void *)i);
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&together);
}

static void *free_it(void *which) {
    for (int i = 0; i < ROUNDS; i++) {
        if ((intptr_t)which == 0) __atomic_store_n(&shared, made(SHIM_CLIENT), __ATOMIC_SEQ_CST);
        pthread_barrier_wait(&together);
        if (freed(__atomic_load_n(&shared, __ATOMIC_SEQ_CST), SHIM_CLIENT)) __atomic_fetch_add(&ended, 1, __ATOMIC_SEQ_CST);
        pthread_barrier_wait(&together);
    }
    return NULL;
}

static void one_of_many_threads_frees_it(void) {
    int before = unrefs;
    ended = 0;
    in_threads(free_it);
    CHECK(ended == ROUNDS && unrefs - before == ROUNDS && shim_handle_count(SHIM_CLIENT) == 0);
}

/* Numbers that some make and free, and others hold, at old places and at new ones. */
static uintptr_t board[16];

static void *hold_and_free(void *which) {
    unsigned state = (unsigned)(intptr_t)which + 1;
    for (int i = 0; i < ROUNDS * 10; i++) {
        state = state * 1664525u + 1013904223u;
        uintptr_t *at = &board[(state >> 8) % 16];
        int kind = at - board < 8 ? SHIM_CLIENT : SHIM_QUEUE;
        if (state >> 28 == 0) {
            uintptr_t old = __atomic_exchange_n(at, made(kind), __ATOMIC_SEQ_CST);
            if (old != 0 && !freed(old, kind)) __atomic_fetch_add(&wrong, 1, __ATOMIC_SEQ_CST);
            continue;
        }
        shim_entry *e = shim_hold(__atomic_load_n(at, __ATOMIC_SEQ_CST), kind);
        if (e == NULL) continue;
        if (*(int *)e->go != kind) __atomic_fetch_add(&wrong, 1, __ATOMIC_SEQ_CST);
        shim_release(e);
    }
    return NULL;
}

static void held_and_freed_by_many_threads(void) {
    in_threads(hold_and_free);
    for (int i = 0; i < 16; i++) {
        int kind = i < 8 ? SHIM_CLIENT : SHIM_QUEUE;
        if (board[i] != 0) wrong += !freed(board[i], kind);
    }
    CHECK(wrong == 0 && shim_handle_count(SHIM_CLIENT) == 0 && shim_handle_count(SHIM_QUEUE) == 0);
}

int main(void) {
    shim_register_start(4711);
    RUN(what_is_no_handle);
    RUN(numbers_are_never_given_twice);
    RUN(numbers_go_round);
    RUN(a_place_is_given_up_after_its_last_number);
    RUN(copies_of_the_library_differ);
    RUN(a_held_object_outlives_its_handle);
    RUN(a_borrowed_handle_is_not_freed);
    RUN(each_kind_is_counted_and_listed);
    RUN(one_of_many_threads_frees_it);
    RUN(held_and_freed_by_many_threads);
    return RESULT();
}
