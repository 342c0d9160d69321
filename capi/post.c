/* What the host asks for without entering Go: a list to which any thread adds, and a descriptor that wakes the goroutine which
 * takes all of it. Entering Go would make the thread wait for one of Go's processors, and Go for the thread; a thread that waited
 * there for an answer would be bound to its goroutine, which costs more changes of threads each time. */
#define _GNU_SOURCE
#include <linux/futex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "_cgo_export.h"
#include "shim.h"

shim_post *shim_posted_last; /* the list, the last first; only atomic access */
int32_t shim_posts_looked_for;
static int posted_fd;        /* of wake.c; set by shim_posts_open, before begun */
static int begun;            /* somebody takes what is posted; only atomic access */
static uint64_t last_id;     /* only atomic access */

uint64_t shim_next_id(void) { return __atomic_add_fetch(&last_id, 1, __ATOMIC_RELAXED); }

int shim_posts_open(void) { return posted_fd = shim_wake_open(); }

static void *appended(char **to, const void *from, size_t n) {
    char *at = *to;
    if (from == NULL) return NULL;
    memcpy(at, from, n);
    *to += n;
    return at;
}

/* Whoever begins what is posted, started before the first post. */
static llmagg_status begin(llmagg_error **err) {
    if (__atomic_load_n(&begun, __ATOMIC_ACQUIRE)) return LLMAGG_OK;
    IN_GO;
    llmagg_status status = goPostsBegin(err);
    if (status == LLMAGG_OK) __atomic_store_n(&begun, 1, __ATOMIC_RELEASE);
    return status;
}

static void release(shim_post *p) {
    for (size_t i = 0; i < p->count; i++) shim_release(p->through[i]);
    if (p->queue != NULL) shim_release(p->queue);
    free(p);
}

/* What is asked of which objects, and the name of the argument. */
static const struct {
    int kind;
    const char *argument;
} about[SHIM_POSTED] = {
    [SHIM_CLIENT_CHAT] = {SHIM_CLIENT, "client"},
    [SHIM_ROUTES_CHAT] = {SHIM_CLIENT, "clients"},
    [SHIM_AGGREGATOR_CHAT] = {SHIM_AGGREGATOR, "aggregator"},
    [SHIM_ROUTES_EMBED] = {SHIM_CLIENT, "clients"},
    [SHIM_AGGREGATOR_EMBED] = {SHIM_AGGREGATOR, "aggregator"},
    [SHIM_ROUTES_RERANK] = {SHIM_CLIENT, "clients"},
    [SHIM_AGGREGATOR_RERANK] = {SHIM_AGGREGATOR, "aggregator"},
    [SHIM_MANAGER_HEALTH] = {SHIM_MANAGER, "manager"},
    [SHIM_ROUTES_HEALTH] = {SHIM_CLIENT, "clients"},
    [SHIM_AGGREGATOR_HEALTH] = {SHIM_AGGREGATOR, "aggregator"},
};

/* Holds what a post is about. */
static llmagg_status hold_all(shim_post *p, const uintptr_t *handles, size_t count, llmagg_error **err) {
    for (; p->count < count; p->count++) {
        uintptr_t handle = handles[p->count];
        if ((p->through[p->count] = shim_hold(handle, about[p->kind].kind)) == NULL)
            return shim_fail_handle(about[p->kind].argument, handle, err);
    }
    return LLMAGG_OK;
}

/* Adds a copy of *asked, about these handles, to the list. A reference to its queue becomes the copy's, or is given back. */
static llmagg_status add(const shim_post *asked, const uintptr_t *handles, size_t count, llmagg_error **err) {
    size_t room = count * sizeof *asked->through;
    llmagg_status status = begin(err);
    shim_post *p = status == LLMAGG_OK ? malloc(sizeof *p + room + asked->request_len + asked->options_len) : NULL;
    if (p == NULL) {
        if (asked->queue != NULL) shim_release(asked->queue);
        return status != LLMAGG_OK ? status : shim_fail(LLMAGG_E_INTERNAL, "out of memory for a request", err);
    }
    char *behind = (char *)(p + 1) + room;
    *p = *asked;
    p->through = (shim_entry **)(p + 1);
    status = hold_all(p, handles, count, err);
    if (status != LLMAGG_OK) {
        release(p);
        return status;
    }
    p->request = appended(&behind, asked->request, asked->request_len);
    p->options = appended(&behind, asked->options, asked->options_len);
    shim_post *last = __atomic_load_n(&shim_posted_last, __ATOMIC_RELAXED);
    do p->next = last;
    while (!__atomic_compare_exchange_n(&shim_posted_last, &last, p, 1, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
    /* Else who put the first there has, or a goroutine takes it anyhow. p may be gone by now. */
    if (last == NULL && __atomic_load_n(&shim_posts_looked_for, __ATOMIC_SEQ_CST) == 0) shim_wake_set(posted_fd);
    return LLMAGG_OK;
}

llmagg_status shim_submit(shim_post asked, const uintptr_t *handles, size_t count, uintptr_t queue, uint64_t *op, llmagg_error **err) {
    uint32_t batched = LLMAGG_STREAM | LLMAGG_BATCH, brief = batched | LLMAGG_GATHER | LLMAGG_BRIEF;
    if ((asked.flags & ~brief) != 0 || (asked.flags & batched) == LLMAGG_BATCH ||
        ((asked.flags & LLMAGG_BRIEF) != 0 && asked.flags != brief))
        return shim_fail(LLMAGG_E_INVALID_ARGUMENT,
                         "argument flags is not a sum of LLMAGG_STREAM, LLMAGG_BATCH (only with LLMAGG_STREAM), "
                         "LLMAGG_GATHER and LLMAGG_BRIEF (only with the other three)", err);
    if ((asked.queue = shim_hold(queue, SHIM_QUEUE)) == NULL) return shim_fail_handle("queue", queue, err);
    asked.op = shim_next_id();
    llmagg_status status = add(&asked, handles, count, err);
    if (status == LLMAGG_OK) *op = asked.op;
    return status;
}

llmagg_status shim_answer_wait(shim_answer *a, llmagg_buf *out, llmagg_error **err) {
    while (!__atomic_load_n(&a->done, __ATOMIC_ACQUIRE)) {
        /* With a limit the kernel does not wait again behind a signal's handler: that may have forked, and this be the child. */
        struct timespec limit = {3600, 0};
        if (shim_forked()) return shim_fail_forked(err);
        syscall(SYS_futex, &a->done, FUTEX_WAIT_PRIVATE, 0, &limit, NULL, 0);
    }
    if (a->status == LLMAGG_OK && out != NULL) *out = a->data;
    else free(a->data.ptr);
    if (a->error != NULL && err != NULL) *err = a->error;
    else llmagg_error_free(a->error);
    return a->status;
}

llmagg_status shim_ask(shim_post asked, const uintptr_t *handles, size_t count, llmagg_buf *out, llmagg_error **err) {
    shim_answer a = {0, LLMAGG_OK, {NULL, 0}, NULL};
    asked.op = shim_next_id();
    asked.answer = &a;
    llmagg_status status = add(&asked, handles, count, err);
    return status == LLMAGG_OK ? shim_answer_wait(&a, out, err) : status;
}

static void end(shim_answer *a, llmagg_status status, llmagg_buf data, llmagg_error *error) {
    a->status = status;
    a->data = data;
    a->error = error;
    __atomic_store_n(&a->done, 1, __ATOMIC_RELEASE);
}

void shim_answer_give(shim_answer *a, const char *data, size_t n) {
    llmagg_buf copy = {malloc(n + 1), n};
    llmagg_error *error = NULL;
    if (copy.ptr == NULL) {
        copy.len = 0;
        end(a, shim_fail(LLMAGG_E_INTERNAL, "out of memory for an answer", &error), copy, error);
        return;
    }
    if (n > 0) memcpy(copy.ptr, data, n);
    copy.ptr[n] = '\0';
    end(a, LLMAGG_OK, copy, NULL);
}

void shim_answer_fail(shim_answer *a, llmagg_status status, llmagg_error *error) {
    llmagg_buf none = {NULL, 0};
    end(a, status, none, error);
}

llmagg_status call_op_credit(uint64_t op, uint32_t chunks, llmagg_error **err) {
    shim_post asked = {.kind = SHIM_CREDIT, .op = op, .flags = chunks};
    return add(&asked, NULL, 0, err);
}

shim_post *shim_posts_take(void) {
    shim_post *last = __atomic_exchange_n(&shim_posted_last, NULL, __ATOMIC_ACQ_REL), *first = NULL;
    while (last != NULL) {
        shim_post *before = last->next;
        last->next = first;
        first = last;
        last = before;
    }
    return first;
}

void shim_posts_free(shim_post *first) {
    while (first != NULL) {
        shim_post *next = first->next;
        release(first);
        first = next;
    }
}
