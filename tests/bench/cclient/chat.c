/* llmagg_aggregator_chat in a loop: cclient llmagg chat --concurrency 1 --url URL --calls N [--warmup N]. Prints one line of JSON, as
 * the clients in Go and Python do: what a call cost in the window after the warm-up. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "llmagg.h"

/* User and system time of the process, in microseconds. */
static double cpu_us(void) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e6 + (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
}

static double now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void check(llmagg_status status, llmagg_error *error) {
    if (status == LLMAGG_OK) return;
    fprintf(stderr, "cclient: %s\n", llmagg_error_message(error));
    exit(1);
}

static void chats(llmagg_aggregator *agg, long calls) {
    const char *request =
        "{\"messages\":[{\"role\":\"system\",\"content\":\"You are a concise assistant.\"},{\"role\":\"user\",\"content\":"
        "\"Explain in a few sentences what a circuit breaker does for a service that calls others.\"}]}";
    llmagg_error *error = NULL;
    for (long i = 0; i < calls; i++) {
        llmagg_buf answer = {NULL, 0};
        check(llmagg_aggregator_chat(agg, request, strlen(request), NULL, 0, &answer, &error), error);
        if (strstr(answer.ptr, "one that is back is noticed.") == NULL) {
            fprintf(stderr, "cclient: not the server's answer: %s\n", answer.ptr);
            exit(1);
        }
        llmagg_buf_free(&answer);
    }
}

static const char *flag(int argc, char **argv, const char *name, const char *otherwise) {
    for (int i = 3; i + 1 < argc; i += 2)
        if (strcmp(argv[i], name) == 0) return argv[i + 1];
    return otherwise;
}

int main(int argc, char **argv) {
    char config[1024];
    llmagg_manager *manager = NULL;
    llmagg_aggregator *agg = NULL;
    llmagg_error *error = NULL;
    const char *url = flag(argc, argv, "--url", "http://127.0.0.1:18080/v1");
    long calls = atol(flag(argc, argv, "--calls", "1000")), warmup = atol(flag(argc, argv, "--warmup", "200"));
    if (argc < 3 || strcmp(argv[1], "llmagg") != 0 || strcmp(argv[2], "chat") != 0 || strcmp(flag(argc, argv, "--concurrency", "1"), "1") != 0) {
        fprintf(stderr, "cclient: expected llmagg chat --concurrency 1 --url URL --calls N\n");
        return 2;
    }
    const char *route = "\"models\":{\"bench-1\":{\"api_key\":\"bench-key\",\"base_url\"";
    snprintf(config, sizeof config, "{\"first\":{%s:\"%s\"}}},\"second\":{%s:\"%s\"}}}}", route, url, route, url);
    check(llmagg_manager_new(&manager, &error), error);
    check(llmagg_aggregator_new(manager, NULL, 0, &agg, &error), error);
    check(llmagg_aggregator_initialize(agg, config, strlen(config), &error), error);
    chats(agg, warmup);
    double cpu = cpu_us(), wall = now_us();
    chats(agg, calls);
    cpu = cpu_us() - cpu;
    wall = now_us() - wall;
    printf("{\"calls\":%ld,\"cpu_us\":%.3f,\"wall_us\":%.3f}\n", calls, cpu / (double)calls, wall / (double)calls);
    llmagg_aggregator_free(agg);
    llmagg_manager_free(manager);
    return 0;
}
