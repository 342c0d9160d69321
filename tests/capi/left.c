/* Functions of llmagg_queue_run that never come back: they jump, or their thread ends. The queue and its descriptor are not lost with them. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>

#include "check.h"

static llmagg_client *client;
static llmagg_queue *queue;
static int before; /* descriptors, without a queue */

/* Of queues, and a few of the library's own that stay. */
static int descriptors(void) {
    int n = 0;
    char link[64], target[64];
    for (int fd = 0; fd < 256; fd++) {
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        ssize_t size = readlink(link, target, sizeof target - 1);
        target[size < 0 ? 0 : size] = '\0';
        n += has(target, "[eventfd]");
    }
    return n;
}

/* A thread of the library may hold one for a moment, to wake its reader. */
static int are_descriptors(int wanted) {
    for (double until = seconds() + 10; descriptors() != wanted && seconds() < until;) sched_yield();
    if (descriptors() != wanted) printf("# %d descriptors instead of %d\n", descriptors(), wanted);
    return descriptors() == wanted;
}

static int ask(void) {
    uint64_t op = 0;
    return llmagg_client_chat_submit(client, queue, STR(HELLO), NOTHING, 0, 0, &op, NULL) == LLMAGG_OK;
}

static jmp_buf back;
static int jumps(const llmagg_event *event, void *user) {
    (void)event, (void)user;
    longjmp(back, 1);
}

static int ends_its_thread(const llmagg_event *event, void *user) {
    (void)event, (void)user;
    pthread_exit(user);
}

static int waits_for_its_end(const llmagg_event *event, void *user) {
    (void)event;
    pthread_cancel(pthread_self());
    pthread_testcancel();
    return user == NULL;
}

static void *runs(void *fn) {
    llmagg_event_fn *each = fn;
    llmagg_queue_run(queue, *each, &queue, NULL);
    return NULL;
}

static int ends(const llmagg_event *event, void *user) {
    *(int *)user += event->type == LLMAGG_EVENT_DONE;
    return 1;
}

/* It still works; and it is gone when it is freed, with its descriptor. */
static void the_queue_works_and_can_be_freed(void) {
    int done = 0;
    CHECK(ask());
    OK(llmagg_queue_run(queue, ends, &done, &err));
    CHECK(done == 1);
    llmagg_queue_free(queue);
    CHECK(are_descriptors(before));
}

static void left_by_a_jump(void) {
    static volatile int jumped;
    queue = new_queue();
    jumped = 0;
    if (setjmp(back) != 0) jumped++;
    if (jumped < many(100)) {
        CHECK(ask());
        OK(llmagg_queue_run(queue, jumps, NULL, &err));
        CHECK(!"it came back");
    }
    the_queue_works_and_can_be_freed();
}

static void left_by_the_end_of_its_thread(void) {
    llmagg_event_fn ways[] = {ends_its_thread, waits_for_its_end};
    queue = new_queue();
    for (int i = 0; i < many(50); i++) {
        pthread_t thread;
        CHECK(ask());
        CHECK(pthread_create(&thread, NULL, runs, &ways[i % 2]) == 0 && pthread_join(thread, NULL) == 0);
    }
    the_queue_works_and_can_be_freed();
}

static int frees_and_jumps(const llmagg_event *event, void *user) {
    (void)event;
    llmagg_queue_free(user);
    longjmp(back, 1);
}

static void left_behind_the_end_of_the_queue(void) {
    queue = new_queue();
    CHECK(ask());
    if (setjmp(back) == 0) {
        OK(llmagg_queue_run(queue, frees_and_jumps, queue, &err));
        CHECK(!"it came back");
    }
    CHECK_STATUS(LLMAGG_E_INVALID_HANDLE, llmagg_queue_stop(queue, &err));
    CHECK(are_descriptors(before));
}

int main(void) {
    llmagg_wall *wall = wall_with("{}");
    llmagg_buf answer = {NULL, 0};
    client = client_for(wall, "m", "");
    if (llmagg_client_chat(client, STR(HELLO), NOTHING, &answer, NULL) != LLMAGG_OK) return 2; /* the connection is there */
    llmagg_buf_free(&answer);
    queue = new_queue();
    if (!ask() || llmagg_queue_wait(queue, 10, NULL) != LLMAGG_OK) return 2;
    before = descriptors() - 1;
    llmagg_queue_free(queue);
    if (!are_descriptors(before)) return 2;
    RUN(left_by_a_jump);
    RUN(left_by_the_end_of_its_thread);
    RUN(left_behind_the_end_of_the_queue);
    llmagg_client_free(client);
    llmagg_wall_free(wall);
    return RESULT();
}
