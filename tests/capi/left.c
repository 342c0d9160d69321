/* Functions of llmagg_queue_run that never come back: they jump, or their thread ends. The queue and its descriptor are not lost with them. */
#define _GNU_SOURCE
#include <dirent.h>
#include <pthread.h>
#include <setjmp.h>

#include "check.h"

static llmagg_client *client;
static llmagg_queue *queue;

static int descriptors(void) {
    int n = 0;
    DIR *folder = opendir("/proc/self/fd");
    if (folder == NULL) return -1;
    while (readdir(folder) != NULL) n++;
    closedir(folder);
    return n;
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
static void the_queue_works_and_can_be_freed(int before) {
    int done = 0;
    CHECK(ask());
    OK(llmagg_queue_run(queue, ends, &done, &err));
    CHECK(done == 1);
    llmagg_queue_free(queue);
    if (before != descriptors()) printf("# %d descriptors, then %d\n", before, descriptors());
    CHECK(before == descriptors());
}

static void left_by_a_jump(void) {
    static volatile int jumped;
    int before = descriptors();
    queue = new_queue();
    jumped = 0;
    if (setjmp(back) != 0) jumped++;
    if (jumped < many(100)) {
        CHECK(ask());
        OK(llmagg_queue_run(queue, jumps, NULL, &err));
        CHECK(!"it came back");
    }
    the_queue_works_and_can_be_freed(before);
}

static void left_by_the_end_of_its_thread(void) {
    llmagg_event_fn ways[] = {ends_its_thread, waits_for_its_end};
    int before = descriptors();
    queue = new_queue();
    for (int i = 0; i < many(50); i++) {
        pthread_t thread;
        CHECK(ask());
        CHECK(pthread_create(&thread, NULL, runs, &ways[i % 2]) == 0 && pthread_join(thread, NULL) == 0);
    }
    the_queue_works_and_can_be_freed(before);
}

static int frees_and_jumps(const llmagg_event *event, void *user) {
    (void)event;
    llmagg_queue_free(user);
    longjmp(back, 1);
}

static void left_behind_the_end_of_the_queue(void) {
    int before = descriptors();
    queue = new_queue();
    CHECK(ask());
    if (setjmp(back) == 0) {
        OK(llmagg_queue_run(queue, frees_and_jumps, queue, &err));
        CHECK(!"it came back");
    }
    CHECK_STATUS(LLMAGG_E_INVALID_HANDLE, llmagg_queue_stop(queue, &err));
    CHECK(before == descriptors());
}

int main(void) {
    llmagg_wall *wall = wall_with("{}");
    llmagg_buf answer = {NULL, 0};
    client = client_for(wall, "m", "");
    if (llmagg_client_chat(client, STR(HELLO), NOTHING, &answer, NULL) != LLMAGG_OK) return 2; /* the connection is there */
    llmagg_buf_free(&answer);
    queue = new_queue();
    if (!ask() || llmagg_queue_wait(queue, 10, NULL) != LLMAGG_OK) return 2;
    llmagg_queue_free(queue);
    RUN(left_by_a_jump);
    RUN(left_by_the_end_of_its_thread);
    RUN(left_behind_the_end_of_the_queue);
    llmagg_client_free(client);
    llmagg_wall_free(wall);
    return RESULT();
}
