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

/* Adds a copy of *asked to the list. */
static llmagg_status add(const shim_post *asked, llmagg_error **err) {
    size_t handles = asked->count * sizeof *asked->handles;
    if (!__atomic_load_n(&begun, __ATOMIC_ACQUIRE)) {
        IN_GO;
        llmagg_status status = goPostsBegin(err);
        if (status != LLMAGG_OK) return status;
        __atomic_store_n(&begun, 1, __ATOMIC_RELEASE);
    }
    shim_post *p = malloc(sizeof *p + handles + asked->request_len + asked->options_len);
    if (p == NULL) return shim_fail(LLMAGG_E_INTERNAL, "out of memory for a request", err);
    char *behind = (char *)(p + 1);
    *p = *asked;
    p->handles = appended(&behind, asked->handles, handles);
    p->request = appended(&behind, asked->request, asked->request_len);
    p->options = appended(&behind, asked->options, asked->options_len);
    shim_post *last = __atomic_load_n(&shim_posted_last, __ATOMIC_RELAXED);
    do p->next = last;
    while (!__atomic_compare_exchange_n(&shim_posted_last, &last, p, 1, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED));
    if (last == NULL) shim_wake_set(posted_fd); /* else who put the first there has. p may be gone by now */
    return LLMAGG_OK;
}

llmagg_status shim_post_chat(enum shim_posted kind, const uintptr_t *handles, size_t count, uintptr_t queue, const char *request,
                             size_t request_len, const char *options, size_t options_len, uint32_t flags, uint64_t tag,
                             uint64_t *op, llmagg_error **err) {
    shim_post asked = {NULL, kind, flags, shim_next_id(), tag, queue, NULL, handles, count, request, options, request_len, options_len};
    shim_queue *q = shim_queue_find(queue);
    if (q == NULL) return shim_queue_not_found(queue, err); /* there is nobody to tell it later */
    shim_queue_release(q);
    llmagg_status status = add(&asked, err);
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

llmagg_status shim_chat(enum shim_posted kind, const uintptr_t *handles, size_t count, const char *request, size_t request_len,
                        const char *options, size_t options_len, llmagg_buf *out, llmagg_error **err) {
    shim_answer a = {0, LLMAGG_OK, {NULL, 0}, NULL};
    shim_post asked = {NULL, kind, 0, shim_next_id(), 0, 0, &a, handles, count, request, options, request_len, options_len};
    llmagg_status status = add(&asked, err);
    if (status != LLMAGG_OK) return status;
    return shim_answer_wait(&a, out, err);
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

llmagg_status shim_post_credit(uint64_t op, uint32_t chunks, llmagg_error **err) {
    shim_post asked = {.kind = SHIM_POSTED_CREDIT, .op = op, .flags = chunks};
    return add(&asked, err);
}

llmagg_status shim_queue_not_found(uintptr_t handle, llmagg_error **err) {
    IN_GO;
    return goQueueNotFound(handle, err);
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
        free(first);
        first = next;
    }
}
