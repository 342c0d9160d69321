/* Programs that know nothing of the library until they load it, as they run, with dlopen. Each test is a child that loads it for itself,
 * so that what the program has set before is in force then, and whatever dies is only that child. */
#ifndef LOADED_HOST_H
#define LOADED_HOST_H

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "llmagg.h"

#define HELLO "{\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]}"
#define STR(text) (text), strlen(text)

/* Leaves the test with a status that names the place. */
#define MUST(condition)                                                                                                        \
    do {                                                                                                                       \
        if (!(condition)) {                                                                                                    \
            dprintf(results, "# %s:%d: %s (errno %d)\n", __FILE__, __LINE__, #condition, errno);                               \
            _exit(1);                                                                                                          \
        }                                                                                                                      \
    } while (0)

/* Sanitizers need more of the stack, and find leaks only where a process ends of itself: hosts of some kinds end in other ways. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#define STACK(size) ((size_t)(size) * 16)
#else
#define SANITIZED 0
#define STACK(size) ((size_t)(size))
#endif
#define NO_LEAK_CHECK int __lsan_is_turned_off(void); int __lsan_is_turned_off(void) { return 1; }

static int results = 1, failures;
static void *library;

static inline void load(void) {
    library = dlopen(LIBRARY, RTLD_NOW);
    if (library == NULL) dprintf(results, "# %s\n", dlerror());
    MUST(library != NULL);
}

/* A function of the library, with the header's type. */
#define FN(name) ((__typeof__(&name))(uintptr_t)dlsym(library, #name))

static inline double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* A client of a server that follows this script. extra is more of its JSON. */
static inline llmagg_client *client_of(const char *script, const char *extra) {
    llmagg_wall *wall = NULL;
    llmagg_client *client = NULL;
    llmagg_buf url = {NULL, 0};
    char config[512];
    MUST(FN(llmagg_wall_start)(STR(script), &wall, NULL) == LLMAGG_OK && FN(llmagg_wall_url)(wall, &url, NULL) == LLMAGG_OK);
    snprintf(config, sizeof config, "{\"provider\":\"p\",\"name\":\"m\",\"base_url\":\"%s\"%s}", url.ptr, extra);
    FN(llmagg_buf_free)(&url);
    MUST(FN(llmagg_client_new)(STR(config), &client, NULL) == LLMAGG_OK);
    return client;
}

/* A client of a server that answers well. */
static inline llmagg_client *healthy_client(void) { return client_of("{}", ",\"timeout\":0.7"); }

static inline void chat(llmagg_client *client) {
    llmagg_buf answer = {NULL, 0};
    MUST(FN(llmagg_client_chat)(client, STR(HELLO), NULL, 0, &answer, NULL) == LLMAGG_OK);
    FN(llmagg_buf_free)(&answer);
}

static inline void *chats(void *client) {
    for (;;) chat(client);
    return NULL;
}

static inline void four_threads_chat(llmagg_client *client) {
    for (int i = 0; i < 4; i++) {
        pthread_t thread;
        MUST(pthread_create(&thread, NULL, chats, client) == 0);
        pthread_detach(thread);
    }
}

/* Runs a test in a child. The limit is for a child that hangs. */
static inline void run(const char *name, void (*test)(void)) {
    int status = -1;
    pid_t pid = fork();
    if (pid == 0) {
        alarm(60);
        test();
        _exit(0);
    }
    waitpid(pid, &status, 0);
    if (WIFSIGNALED(status)) dprintf(results, "# %s: killed by %s\n", name, strsignal(WTERMSIG(status)));
    dprintf(results, "%s %s\n", status == 0 ? "ok" : "not ok", name);
    failures += status != 0;
}
#define RUN(test) run(#test, test)

static inline void results_apart(void) {
    const char *fd = getenv("CHECK_RESULTS");
    if (fd != NULL) results = atoi(fd);
}

/* How long a storm of signals goes on. */
static inline double storm(void) {
    const char *slow = getenv("CHECK_STORM");
    return slow == NULL ? 1.5 : atof(slow);
}

#endif
