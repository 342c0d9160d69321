/* What the host asks for without entering Go: a list to which any thread adds, and a descriptor that wakes the goroutine which
 * takes all of it. Entering Go would make the thread wait for one of Go's processors, and Go for the thread. */
#include <stdlib.h>
#include <string.h>

#include "_cgo_export.h"
#include "shim.h"

shim_post *shim_posted_last;   /* the list, the last first; only atomic access */
static shim_wake posted;       /* set by shim_posts_open, before begun */
static int begun;              /* somebody takes what is posted; only atomic access */
static uint64_t last_id;       /* only atomic access */

uint64_t shim_next_id(void) { return __atomic_add_fetch(&last_id, 1, __ATOMIC_RELAXED); }

int shim_posts_open(void) { return shim_wake_open(&posted) == 0 ? posted.read_fd : -1; }

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
        shim_greet_thread();
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
    if (last == NULL) shim_wake_set(posted); /* else who put the first there has. p may be gone by now */
    return LLMAGG_OK;
}

llmagg_status shim_post_chat(enum shim_posted kind, const uintptr_t *handles, size_t count, uintptr_t queue, const char *request,
                             size_t request_len, const char *options, size_t options_len, uint32_t flags, uint64_t tag,
                             uint64_t *op, llmagg_error **err) {
    shim_post asked = {NULL, kind, flags, shim_next_id(), tag, queue, handles, count, request, options, request_len, options_len};
    shim_queue *q = shim_queue_find(queue);
    if (q == NULL) return shim_queue_not_found(queue, err); /* there is nobody to tell it later */
    shim_queue_release(q);
    llmagg_status status = add(&asked, err);
    if (status == LLMAGG_OK) *op = asked.op;
    return status;
}

llmagg_status shim_post_credit(uint64_t op, uint32_t chunks, llmagg_error **err) {
    shim_post asked = {.kind = SHIM_POSTED_CREDIT, .op = op, .flags = chunks};
    return add(&asked, err);
}

llmagg_status shim_queue_not_found(uintptr_t handle, llmagg_error **err) {
    shim_greet_thread();
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
