/* The register of handles: which object each number stands for. A host holds numbers; an entry here holds the object, by a pointer of
 * go-pointer's (register.go). A call finds its entry, and holds it, without a lock and without entering Go.
 *
 * A number is made of an entry's place and of how often the place was used before, so it is never given twice, and a freed handle
 * costs nothing. It is no address: its high bits are those of none on x86-64 and aarch64, and it is odd. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shim.h"

enum { PLACE_BITS = 24, USE_BITS = 23, FIRST_CHUNK_BITS = 6, CHUNKS = PLACE_BITS - FIRST_CHUNK_BITS };

static const uint64_t mark = UINT64_C(0xA660) << 48;
static const uint64_t number_mask = (UINT64_C(1) << (PLACE_BITS + USE_BITS)) - 1;

/* An entry's state: references, two flags, and how often its place was used before. An entry that is LIVE has a reference of the
 * register's. One that was freed is DYING until its last reference is dropped. */
static const uint64_t REFERENCES = (UINT64_C(1) << 31) - 1, LIVE = UINT64_C(1) << 31, DYING = UINT64_C(1) << 32, USE = UINT64_C(1) << 33;

static shim_entry *chunks[CHUNKS]; /* each twice as large as the one before; only atomic access, set once */
static uint32_t places;            /* how many were used; only atomic access, grows under mu */
static uint64_t first_number;      /* only atomic access */
static size_t counts[SHIM_KINDS];  /* of handles that were not freed; only atomic access */

static pthread_mutex_t mu = PTHREAD_MUTEX_INITIALIZER; /* guards what follows */
static shim_entry *unused;

static const char *const names[SHIM_KINDS] = {"", "manager", "provider", "client", "aggregator", "queue", "wall"};

const char *shim_kind_name(int kind) { return names[kind]; }

void shim_register_start(uint64_t number) { __atomic_store_n(&first_number, number & number_mask, __ATOMIC_RELEASE); }

static uint64_t use_of(uint64_t state) { return state / USE; }

/* ---- places */

/* Chunk c has the places from (1 << c) - 1 times 64 on. */
static int chunk_of(uint32_t place) { return 63 - FIRST_CHUNK_BITS - __builtin_clzll(place + (UINT64_C(1) << FIRST_CHUNK_BITS)); }

static size_t chunk_size(int chunk) { return (size_t)1 << (FIRST_CHUNK_BITS + chunk); }

static size_t in_chunk(uint32_t place, int chunk) { return place + ((size_t)1 << FIRST_CHUNK_BITS) - chunk_size(chunk); }

/* NULL where there was never a handle. */
static shim_entry *entry_at(uint32_t place) {
    if (place >= __atomic_load_n(&places, __ATOMIC_ACQUIRE)) return NULL;
    int chunk = chunk_of(place);
    return __atomic_load_n(&chunks[chunk], __ATOMIC_ACQUIRE) + in_chunk(place, chunk);
}

/* A place that was never used; mu is held. */
static shim_entry *next_place(void) {
    uint32_t place = places;
    if (place >> PLACE_BITS != 0 || place >= (UINT32_C(1) << PLACE_BITS) - (UINT32_C(1) << FIRST_CHUNK_BITS)) return NULL;
    int chunk = chunk_of(place);
    if (chunks[chunk] == NULL) {
        void *made = NULL;
        if (posix_memalign(&made, sizeof(shim_entry), chunk_size(chunk) * sizeof(shim_entry)) != 0) return NULL;
        memset(made, 0, chunk_size(chunk) * sizeof(shim_entry));
        __atomic_store_n(&chunks[chunk], made, __ATOMIC_RELEASE);
    }
    shim_entry *e = chunks[chunk] + in_chunk(place, chunk);
    e->place = place;
    __atomic_store_n(&places, place + 1, __ATOMIC_RELEASE);
    return e;
}

/* ---- numbers */

static uintptr_t number_of(const shim_entry *e) {
    uint64_t number = use_of(__atomic_load_n(&e->state, __ATOMIC_RELAXED)) << PLACE_BITS | e->place;
    return mark | ((number + __atomic_load_n(&first_number, __ATOMIC_ACQUIRE)) & number_mask) << 1 | 1;
}

/* The entry of a number, and how often its place was used before it was given; NULL for what was never a handle. */
static shim_entry *entry_of(uintptr_t handle, uint64_t *use) {
    if (handle >> 48 != mark >> 48 || handle % 2 == 0) return NULL;
    uint64_t number = (((handle & ~mark) >> 1) - __atomic_load_n(&first_number, __ATOMIC_ACQUIRE)) & number_mask;
    *use = number >> PLACE_BITS;
    return entry_at((uint32_t)(number & ((UINT32_C(1) << PLACE_BITS) - 1)));
}

static int stands_for(uint64_t state, uint64_t use) { return (state & LIVE) != 0 && use_of(state) == use; }

/* ---- references */

/* A reference that comes too late, to an entry that was freed or used again meanwhile, is given back: it may be the last one then. */
static shim_entry *hold(shim_entry *e, uint64_t use) {
    if (!stands_for(__atomic_load_n(&e->state, __ATOMIC_RELAXED), use)) return NULL;
    if (stands_for(__atomic_fetch_add(&e->state, 1, __ATOMIC_ACQ_REL), use)) return e;
    shim_release(e);
    return NULL;
}

shim_entry *shim_hold(uintptr_t handle, int kind) {
    uint64_t use = 0;
    shim_entry *e = entry_of(handle, &use);
    if (e == NULL || (e = hold(e, use)) == NULL) return NULL;
    if (e->kind == kind) return e;
    shim_release(e);
    return NULL;
}

void *shim_drop(shim_entry *e) {
    uint64_t now = __atomic_sub_fetch(&e->state, 1, __ATOMIC_ACQ_REL);
    if ((now & REFERENCES) != 0 || (now & DYING) == 0) return NULL;
    if (!__atomic_compare_exchange_n(&e->state, &now, (now & ~DYING) + USE, 0, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) return NULL;
    void *go = e->go; /* nobody else has the entry now */
    if (e->queue != NULL) shim_queue_release(e->queue);
    if ((use_of(now) + 1) >> USE_BITS != 0) return go; /* no number is left for this place */
    pthread_mutex_lock(&mu);
    e->next = unused;
    unused = e;
    pthread_mutex_unlock(&mu);
    return go;
}

/* ---- handles */

uintptr_t shim_handle_new(int kind, void *go, shim_queue *queue) {
    pthread_mutex_lock(&mu);
    shim_entry *e = unused;
    if (e != NULL) unused = e->next;
    else e = next_place();
    pthread_mutex_unlock(&mu);
    if (e == NULL) return 0;
    e->kind = kind;
    e->borrowed = 0;
    e->go = go;
    e->queue = queue;
    if (queue != NULL) shim_queue_keep(queue);
    uintptr_t handle = number_of(e);
    __atomic_fetch_add(&counts[kind], 1, __ATOMIC_RELAXED);
    __atomic_fetch_add(&e->state, LIVE + 1, __ATOMIC_RELEASE);
    return handle;
}

int shim_handle_end(shim_entry *e) {
    uint64_t state = __atomic_load_n(&e->state, __ATOMIC_RELAXED);
    if (__atomic_load_n(&e->borrowed, __ATOMIC_ACQUIRE)) return 0;
    do {
        if ((state & LIVE) == 0) return 0;
    } while (!__atomic_compare_exchange_n(&e->state, &state, state - LIVE + DYING - 1, 1, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED));
    __atomic_fetch_sub(&counts[e->kind], 1, __ATOMIC_RELAXED);
    return 1;
}

void shim_handle_lend(uintptr_t handle, int kind, int borrowed) {
    shim_entry *e = shim_hold(handle, kind);
    if (e == NULL) return;
    __atomic_store_n(&e->borrowed, borrowed, __ATOMIC_RELEASE);
    shim_release(e);
}

shim_entry *shim_handle_next(int kind, uint32_t *from) {
    for (shim_entry *e; (e = entry_at(*from)) != NULL;) {
        ++*from;
        e = hold(e, use_of(__atomic_load_n(&e->state, __ATOMIC_RELAXED)));
        if (e != NULL && e->kind == kind) return e;
        if (e != NULL) shim_release(e);
    }
    return NULL;
}

size_t shim_handle_count(int kind) { return __atomic_load_n(&counts[kind], __ATOMIC_RELAXED); }

/* ---- what is no handle */

static const char *fault(uintptr_t handle, int *other) {
    uint64_t use = 0;
    shim_entry *e = entry_of(handle, &use);
    if (e == NULL) return "not a handle of this library";
    if (hold(e, use) != NULL) {
        *other = e->kind;
        shim_release(e);
        return names[e->kind][0] == 'a' ? "the handle of an " : "the handle of a ";
    }
    uint64_t state = __atomic_load_n(&e->state, __ATOMIC_ACQUIRE);
    return use < use_of(state) || (use == use_of(state) && (state & DYING) != 0) ? "a handle that was freed" : "not a handle of this library";
}

llmagg_status shim_fail_handle(const char *what, uintptr_t handle, llmagg_error **err) {
    char text[160];
    int other = 0;
    const char *is = fault(handle, &other);
    snprintf(text, sizeof text, "argument %s is %s%s", what, is, names[other]);
    return shim_fail(LLMAGG_E_INVALID_HANDLE, text, err);
}
