/* What the C tests share: checks, a runner, and short ways to servers, clients and events. */
#ifndef CHECK_H
#define CHECK_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "llmagg.h"

/* Results go to the descriptor that run.sh names, so that it can tell what the library prints: nothing. */
__attribute__((constructor)) static void results_apart(void) {
    const char *fd = getenv("CHECK_RESULTS");
    FILE *results = fd == NULL ? NULL : fdopen(atoi(fd), "w");
    if (results != NULL) stdout = results;
}

static int check_failed_here; /* in the test that runs */
static int check_failures;    /* tests that failed */

/* A failed check ends its test. */
#define CHECK(condition)                                                                                                       \
    do {                                                                                                                       \
        if (!(condition)) {                                                                                                    \
            printf("# %s:%d: %s\n", __FILE__, __LINE__, #condition);                                                           \
            check_failed_here = 1;                                                                                             \
            return;                                                                                                            \
        }                                                                                                                      \
    } while (0)

/* The call gives this status, and an error that says so. */
#define CHECK_STATUS(expected, call)                                                                                           \
    do {                                                                                                                       \
        llmagg_error *err = NULL;                                                                                              \
        llmagg_status status = (call);                                                                                         \
        if (status != (expected) || (err == NULL) != ((expected) == LLMAGG_OK) ||                                              \
            (err != NULL && llmagg_error_code(err) != (expected))) {                                                           \
            printf("# %s:%d: %s: %s, expected %s: %s\n", __FILE__, __LINE__, #call, llmagg_status_name(status),                \
                   llmagg_status_name(expected), llmagg_error_message(err));                                                   \
            check_failed_here = 1;                                                                                             \
            llmagg_error_free(err);                                                                                            \
            return;                                                                                                            \
        }                                                                                                                      \
        llmagg_error_free(err);                                                                                                \
    } while (0)

#define OK(call) CHECK_STATUS(LLMAGG_OK, call)

/* The call gives this status, and a message with this text in it. */
#define CHECK_SAYS(expected, words, call)                                                                                      \
    do {                                                                                                                       \
        llmagg_error *err = NULL;                                                                                              \
        llmagg_status status = (call);                                                                                         \
        if (status != (expected) || strstr(llmagg_error_message(err), words) == NULL ||                                        \
            strstr(llmagg_error_json(err, NULL), llmagg_status_name(expected)) == NULL) {                                      \
            printf("# %s:%d: %s: %s, expected %s with \"%s\": %s\n", __FILE__, __LINE__, #call, llmagg_status_name(status),    \
                   llmagg_status_name(expected), words, llmagg_error_message(err));                                            \
            check_failed_here = 1;                                                                                             \
            llmagg_error_free(err);                                                                                            \
            return;                                                                                                            \
        }                                                                                                                      \
        llmagg_error_free(err);                                                                                                \
    } while (0)

#define RUN(test)                                                                                                              \
    do {                                                                                                                       \
        check_failed_here = 0;                                                                                                 \
        test();                                                                                                                \
        printf("%s %s\n", check_failed_here ? "not ok" : "ok", #test);                                                         \
        fflush(stdout);                                                                                                        \
        check_failures += check_failed_here;                                                                                   \
    } while (0)

#define RESULT() (check_failures != 0)

/* How often to do what is done many times: as often as that, or a part of it where CHECK_SLOW divides, under tools that are slow. */
static inline int slow(void) {
    const char *text = getenv("CHECK_SLOW");
    int by = text == NULL ? 1 : atoi(text);
    return by < 1 ? 1 : by;
}

static inline int many(int n) { return n / slow() < 1 ? 1 : n / slow(); }

/* The same for requests of megabytes, of which Go reads every byte through AddressSanitizer. */
#ifdef __SANITIZE_ADDRESS__
static inline int many_large(int n) { return many(n / 25); }
#else
static inline int many_large(int n) { return many(n); }
#endif

#define STR(text) (text), strlen(text)
#define NOTHING NULL, 0
#define HELLO "{\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]}"
#define RERANK "{\"query\":\"one\",\"documents\":[\"two\",\"one\"]}"
#define EMBED "{\"input\":[\"one\",\"two\"]}"

static inline double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static inline int has(const char *text, const char *part) { return text != NULL && strstr(text, part) != NULL; }

static inline int count(const char *text, const char *part) {
    int n = 0;
    while ((text = strstr(text, part)) != NULL) n++, text += strlen(part);
    return n;
}

/* A server that follows this script; NULL on failure, which the test's next check finds. */
static inline llmagg_wall *wall_with(const char *script) {
    llmagg_wall *wall = NULL;
    llmagg_error *err = NULL;
    if (llmagg_wall_start(script, strlen(script), &wall, &err) != LLMAGG_OK) printf("# %s\n", llmagg_error_message(err));
    llmagg_error_free(err);
    return wall;
}

static inline const char *wall_url(llmagg_wall *wall) {
    static char url[256];
    llmagg_buf buf = {NULL, 0};
    url[0] = '\0';
    if (llmagg_wall_url(wall, &buf, NULL) == LLMAGG_OK) snprintf(url, sizeof url, "%s", buf.ptr);
    llmagg_buf_free(&buf);
    return url;
}

/* {"p": {"models": {name: {...}}}} for a server; extra is more of the model's JSON, as ",\"timeout\":1". */
static inline const char *config_for(llmagg_wall *wall, const char *provider, const char *model, const char *extra) {
    static char config[1024];
    snprintf(config, sizeof config, "{\"%s\":{\"models\":{\"%s\":{\"api_key\":\"sk-secret\",\"base_url\":\"%s\"%s}}}}", provider, model,
             wall_url(wall), extra);
    return config;
}

/* A single client of a model at a server. */
static inline llmagg_client *client_for(llmagg_wall *wall, const char *model, const char *extra) {
    char config[1024];
    llmagg_client *client = NULL;
    llmagg_error *err = NULL;
    snprintf(config, sizeof config, "{\"provider\":\"openai\",\"name\":\"%s\",\"api_key\":\"sk-secret\",\"base_url\":\"%s\"%s}", model,
             wall_url(wall), extra);
    if (llmagg_client_new(config, strlen(config), &client, &err) != LLMAGG_OK) printf("# %s\n", llmagg_error_message(err));
    llmagg_error_free(err);
    return client;
}

static inline llmagg_queue *new_queue(void) {
    llmagg_queue *queue = NULL;
    llmagg_queue_new(&queue, NULL);
    return queue;
}

/* One event with its payload, copied. */
typedef struct received {
    llmagg_event event;
    char payload[32768];
} received;

/* Waits up to 10 s (more under slow tools) for the next event. 0 when there was none. */
static inline int receive(llmagg_queue *queue, received *to) {
    llmagg_drain drain = {sizeof drain, sizeof to->event, &to->event, 1, to->payload, sizeof to->payload, 0, 0, 0, 0, 0};
    double until = seconds() + 10 * slow();
    while (seconds() < until) {
        if (llmagg_queue_drain(queue, &drain, NULL) != LLMAGG_OK) return 0;
        if (drain.count == 1) return 1;
        if (drain.needed > 0) {
            printf("# an event of %zu bytes is too large for receive()\n", drain.needed);
            return 0;
        }
        llmagg_queue_wait(queue, until - seconds(), NULL);
    }
    printf("# no event in time\n");
    return 0;
}

/* Receives until the terminal event of an operation; other events of it are counted by type in counts[16] (may be NULL). */
static inline int receive_end(llmagg_queue *queue, uint64_t op, received *to, int *counts) {
    while (receive(queue, to)) {
        if (counts != NULL) counts[to->event.type & 15]++;
        if (to->event.op == op && (to->event.type == LLMAGG_EVENT_DONE || to->event.type == LLMAGG_EVENT_ERROR)) return 1;
    }
    return 0;
}

#endif
