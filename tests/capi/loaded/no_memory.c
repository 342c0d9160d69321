/* A host with an allocator of its own, which has no memory now and then: each place where a function of the library asks for some is tried.
 * The function says so or succeeds, and the host lives. What the library gave is freed where it came from. */
#include "host.h"

NO_LEAK_CHECK

#if SANITIZED || !defined(__GLIBC__)
int main(void) {
    results_apart();
    dprintf(results, "ok sanitizers have allocators of their own\n");
    return 0;
}
#else

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *at, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *at);

static __thread int counted; /* this thread's requests, while it wants them counted */
static __thread int fails;   /* which of them fails; 0: none */
static __thread int failed;

static int is_out(void) {
    if (fails == 0 || ++counted != fails) return 0;
    failed = 1;
    errno = ENOMEM;
    return 1;
}

/* The program's own malloc is everybody's. */
void *malloc(size_t size) { return is_out() ? NULL : __libc_malloc(size); }
void *calloc(size_t n, size_t size) { return is_out() ? NULL : __libc_calloc(n, size); }
void *realloc(void *at, size_t size) { return is_out() ? NULL : __libc_realloc(at, size); }
int posix_memalign(void **at, size_t alignment, size_t size) {
    void *made = is_out() ? NULL : __libc_memalign(alignment, size);
    if (made == NULL) return ENOMEM;
    *at = made;
    return 0;
}
void free(void *at) { __libc_free(at); }

static llmagg_client *client;
static llmagg_queue *queue;
static llmagg_buf out;
static llmagg_error *error;
static uint64_t op;
static char bytes[65536];

static llmagg_status stats(void) { return FN(llmagg_stats)(&out, &error); }
static llmagg_status info(void) { return FN(llmagg_client_info)(client, &out, &error); }
static llmagg_status settings(void) { return FN(llmagg_settings)(&out, &error); }
static llmagg_status asks(void) { return FN(llmagg_client_chat)(client, STR(HELLO), NULL, 0, &out, &error); }
static llmagg_status is_refused(void) { return FN(llmagg_client_chat)(client, STR("{"), NULL, 0, &out, &error); }
static llmagg_status submits(void) { return FN(llmagg_client_chat_submit)(client, queue, STR(HELLO), NULL, 0, LLMAGG_STREAM, 1, &op, &error); }
static llmagg_status drains(void) {
    llmagg_event events[16];
    llmagg_drain drain = {sizeof drain, sizeof events[0], events, 16, bytes, sizeof bytes, 0, 0, 0, 0, 0};
    return FN(llmagg_queue_drain)(queue, &drain, &error);
}
static int once(const llmagg_event *event, void *user) {
    (void)user;
    return event->type == LLMAGG_EVENT_DONE || event->type == LLMAGG_EVENT_ERROR;
}
static llmagg_status runs(void) {
    int at = fails;
    llmagg_queue *own = NULL;
    fails = 0; /* only what run itself asks for */
    MUST(FN(llmagg_queue_new)(&own, NULL) == LLMAGG_OK);
    MUST(FN(llmagg_client_chat_submit)(client, own, STR(HELLO), NULL, 0, 0, 1, &op, NULL) == LLMAGG_OK);
    fails = at;
    llmagg_status status = FN(llmagg_queue_run)(own, once, NULL, &error);
    fails = 0;
    FN(llmagg_queue_free)(own);
    return status;
}

static void each_place(const char *name, llmagg_status (*function)(void), llmagg_status good) {
    int place = 0, refusals = 0;
    do {
        out = (llmagg_buf){NULL, 0};
        error = NULL;
        counted = failed = 0;
        fails = ++place;
        llmagg_status status = function();
        fails = 0;
        if (status != good && status != LLMAGG_E_INTERNAL)
            dprintf(results, "# %s, request %d: status %d, %s\n", name, place, (int)status, FN(llmagg_error_message)(error));
        MUST(status == good || status == LLMAGG_E_INTERNAL);
        MUST(status == LLMAGG_OK || out.ptr == NULL);
        MUST(failed || status == good);
        refusals += status == LLMAGG_E_INTERNAL;
        FN(llmagg_error_free)(error);
        FN(llmagg_buf_free)(&out);
    } while (failed && place < 1000);
    MUST(!failed);
    if (getenv("CHECK_VERBOSE") != NULL) dprintf(results, "# %s: %d requests, %d refusals\n", name, place - 1, refusals);
    chat(client);
}

static void no_memory_at_each_place(void) {
    load();
    client = client_of("{\"default\":{\"steps\":[{\"text_bytes\":5000}]}}", ""); /* more than lies on a stack */
    MUST(FN(llmagg_queue_new)(&queue, NULL) == LLMAGG_OK);
    for (int i = 0; i < 50; i++) chat(client);
    each_place("stats", stats, LLMAGG_OK);
    each_place("info", info, LLMAGG_OK);
    each_place("settings", settings, LLMAGG_OK);
    each_place("chat", asks, LLMAGG_OK);
    each_place("a refusal", is_refused, LLMAGG_E_INVALID_ARGUMENT);
    each_place("submit", submits, LLMAGG_OK);
    each_place("drain", drains, LLMAGG_OK);
    each_place("run", runs, LLMAGG_OK);
}

int main(void) {
    results_apart();
    RUN(no_memory_at_each_place);
    return failures != 0;
}
#endif
