/* What threads of a C program cost each other: contend KIND [--threads N] [--calls N]. It needs no server. Each thread makes the same
 * calls, in a loop:
 *
 *     drain     of a queue of its own: nothing but finding the handle and taking the queue's lock
 *     credit    for an operation that has ended: what is posted, without an answer
 *     switch    llmagg_client_set_available of a client that all share: enters Go
 *     refused   a blocking chat with the client that all share, whose request is no JSON: posted, begun, answered, woken
 *     custom    a blocking chat that a custom provider answers at once from another thread
 *
 * Prints one line of JSON: nanoseconds of CPU and of time for a call, calls a second, and how often a thread gave its core away, waiting
 * (voluntary) or not, for a call. */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "llmagg.h"

#define TEXT(s) (s), strlen(s)

static const char *kind = "";
static long calls;
static llmagg_client *client;
static llmagg_queue *answers;
static pthread_barrier_t together;

static void check(llmagg_status status, llmagg_error *error) {
    if (status == LLMAGG_OK) return;
    fprintf(stderr, "contend: %s\n", llmagg_error_message(error));
    exit(1);
}

/* All threads are there; then the measurement begins. */
static void begin(void) {
    pthread_barrier_wait(&together);
    pthread_barrier_wait(&together);
}

static void drains(void) {
    static const llmagg_drain empty = {sizeof empty, sizeof(llmagg_event), NULL, 4, NULL, 0, 0, 0, 0, 0};
    llmagg_error *error = NULL;
    llmagg_queue *queue = NULL;
    llmagg_event events[4];
    llmagg_drain drain = empty;
    drain.events = events;
    check(llmagg_queue_new(&queue, &error), error);
    begin();
    for (long i = 0; i < calls; i++) check(llmagg_queue_drain(queue, &drain, &error), error);
    pthread_barrier_wait(&together);
    llmagg_queue_free(queue);
}

static void *thread(void *unused) {
    llmagg_error *error = NULL;
    llmagg_buf out = {NULL, 0};
    if (strcmp(kind, "drain") == 0) {
        drains();
        return unused;
    }
    begin();
    for (long i = 0; i < calls; i++) {
        if (strcmp(kind, "credit") == 0) {
            check(llmagg_op_credit(1, 1, &error), error);
        } else if (strcmp(kind, "switch") == 0) {
            check(llmagg_client_set_available(client, 1, &error), error);
        } else if (strcmp(kind, "refused") == 0) {
            if (llmagg_client_chat(client, TEXT("{"), NULL, 0, &out, NULL) != LLMAGG_E_INVALID_ARGUMENT) exit(1);
        } else {
            check(llmagg_client_chat(client, TEXT("{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}"), NULL, 0, &out, &error), error);
            llmagg_buf_free(&out);
        }
    }
    pthread_barrier_wait(&together);
    return unused;
}

static int answer(const llmagg_event *event, void *error) {
    static const char text[] = "{\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"y\"},\"finish_reason\":\"stop\"}]}";
    if (event->type == LLMAGG_EVENT_CALL_CUSTOM) check(llmagg_custom_finish(event->op, text, sizeof text - 1, error), *(llmagg_error **)error);
    return 0;
}

static void *answering(void *unused) {
    llmagg_error *error = NULL;
    check(llmagg_queue_run(answers, answer, &error, &error), error);
    return unused;
}

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double cpu(const struct rusage *u) {
    return (double)(u->ru_utime.tv_sec + u->ru_stime.tv_sec) + (double)(u->ru_utime.tv_usec + u->ru_stime.tv_usec) / 1e6;
}

static long flag(int argc, char **argv, const char *name, long otherwise) {
    for (int i = 2; i + 1 < argc; i += 2)
        if (strcmp(argv[i], name) == 0) return atol(argv[i + 1]);
    return otherwise;
}

int main(int argc, char **argv) {
    static const char config[] = "{\"provider\":\"p\",\"name\":\"m\",\"max_concurrent_calls\":100000}";
    llmagg_error *error = NULL;
    struct rusage before, after;
    pthread_t reader, threads[1024];
    kind = argc > 1 ? argv[1] : "";
    long n = flag(argc, argv, "--threads", 64);
    calls = flag(argc, argv, "--calls", strcmp(kind, "drain") == 0 ? 50000 : 1000);
    if (strstr(" drain credit switch refused custom ", kind) == NULL || n < 1 || n > 1024) {
        fprintf(stderr, "contend: expected drain, credit, switch, refused or custom, [--threads N] [--calls N]\n");
        return 2;
    }
    check(llmagg_queue_new(&answers, &error), error);
    check(llmagg_client_new_custom(TEXT(config), answers, 0, &client, &error), error);
    pthread_create(&reader, NULL, answering, NULL);
    pthread_barrier_init(&together, NULL, (unsigned)n + 1);
    for (long i = 0; i < n; i++) pthread_create(&threads[i], NULL, thread, NULL);
    pthread_barrier_wait(&together);
    getrusage(RUSAGE_SELF, &before);
    double begun = seconds();
    pthread_barrier_wait(&together);
    pthread_barrier_wait(&together);
    double took = seconds() - begun, all = (double)(calls * n);
    getrusage(RUSAGE_SELF, &after);
    printf("{\"threads\":%ld,\"cpu_ns\":%.0f,\"wall_ns\":%.0f,\"calls_per_s\":%.0f,\"waits\":%.3f,\"preemptions\":%.3f}\n", n, (cpu(&after) - cpu(&before)) / all * 1e9,
           took / all * 1e9, all / took, (double)(after.ru_nvcsw - before.ru_nvcsw) / all, (double)(after.ru_nivcsw - before.ru_nivcsw) / all);
    for (long i = 0; i < n; i++) pthread_join(threads[i], NULL);
    check(llmagg_queue_stop(answers, &error), error);
    pthread_join(reader, NULL);
    llmagg_client_free(client);
    llmagg_queue_free(answers);
    return 0;
}
