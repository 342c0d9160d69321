/* The C files behind the library that need no Go, by themselves and from many threads: the table of descriptors that a forked
 * child closes, the descriptor of a queue, errors. Built under ThreadSanitizer. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sys/wait.h>

#include "check.h"
#include "shim.h"

enum { THREADS = 8, TURNS = 2000 };

static int go_on;

static void in_threads(void *(*body)(void *), void *(*also)(void *)) {
    pthread_t threads[THREADS], other;
    __atomic_store_n(&go_on, 1, __ATOMIC_SEQ_CST);
    for (intptr_t i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, body, (void *)i);
    if (also != NULL) pthread_create(&other, NULL, also, NULL);
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    __atomic_store_n(&go_on, 0, __ATOMIC_SEQ_CST);
    if (also != NULL) pthread_join(other, NULL);
}

static int wakes[THREADS];
static int wrong;

/* Numbers that are no descriptors here, in words of the table that the threads share. */
static void *note_and_forget(void *which) {
    for (int i = 0; i < TURNS; i++) {
        int fd = 100000 + (i % 64) * THREADS + (int)(intptr_t)which;
        shim_fd_note(fd, 1);
        shim_fd_forget(fd);
    }
    return NULL;
}

static int forks;

static void *fork_meanwhile(void *unused) {
    do { /* at least once, however late it starts */
        int status = 0;
        pid_t pid = fork();
        if (pid == 0) _exit(shim_forked() ? 0 : 1);
        waitpid(pid, &status, 0);
        if (shim_fd_sockets() != 0) status = 1; /* none of those numbers is a descriptor */
        if (status != 0) __atomic_fetch_add(&wrong, 1, __ATOMIC_SEQ_CST);
        forks++;
    } while (__atomic_load_n(&go_on, __ATOMIC_SEQ_CST) && forks < 20);
    return unused;
}

static void descriptors_are_noted_while_others_fork(void) {
    int status = 0, open = dup(0), forgotten = dup(0);
    in_threads(note_and_forget, fork_meanwhile);
    CHECK(wrong == 0 && forks > 0 && !shim_forked());
    shim_fd_note(100000, 1); /* closed before it could be noted: no connection */
    CHECK(shim_fd_sockets() == 0);
    shim_fd_forget(100000);
    shim_fd_note(open, 1);
    CHECK(shim_fd_sockets() == 1);
    shim_fd_note(forgotten, 1);
    shim_fd_forget(forgotten);
    shim_fd_note(-1, 1); /* ignored, as are those beyond the table */
    shim_fd_note(1 << 20, 1);
    shim_fd_forget(1 << 20);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) _exit((fcntl(open, F_GETFD) == -1 ? 0 : 1) + (fcntl(forgotten, F_GETFD) == -1 ? 2 : 0));
    waitpid(pid, &status, 0);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    close(open);
    close(forgotten);
}

static void *wake_up(void *which) {
    for (int i = 0; i < TURNS; i++) shim_wake_set(wakes[(intptr_t)which % 2]);
    return NULL;
}

static void *take_notice(void *unused) {
    while (__atomic_load_n(&go_on, __ATOMIC_SEQ_CST)) {
        for (int i = 0; i < 2; i++) {
            if (shim_wake_wait(wakes[i], 0.001) == 1) shim_wake_clear(wakes[i]);
        }
    }
    return unused;
}

static void wakes_are_set_cleared_and_waited_for(void) {
    for (int i = 0; i < 2; i++) CHECK((wakes[i] = shim_wake_open()) >= 0);
    in_threads(wake_up, take_notice);
    for (int i = 0; i < 2; i++) {
        shim_wake_clear(wakes[i]);
        CHECK(shim_wake_wait(wakes[i], 0) == 0);
        shim_wake_set(wakes[i]);
        shim_wake_set(wakes[i]);
        CHECK(shim_wake_wait(wakes[i], -1) == 1);
        shim_wake_clear(wakes[i]); /* both at once */
        CHECK(shim_wake_wait(wakes[i], 0.01) == 0);
        shim_wake_close(wakes[i]);
    }
}

static void *make_errors(void *which) {
    for (int i = 0; i < TURNS; i++) {
        llmagg_error *err = NULL;
        char expected[64];
        snprintf(expected, sizeof expected, "number %d of %d", i, (int)(intptr_t)which);
        if (shim_fail(LLMAGG_E_TIMEOUT, expected, &err) != LLMAGG_E_TIMEOUT || strcmp(llmagg_error_message(err), expected) != 0)
            __atomic_fetch_add(&wrong, 1, __ATOMIC_SEQ_CST);
        llmagg_error_free(err);
    }
    return NULL;
}

static void each_thread_has_its_own_errors(void) {
    in_threads(make_errors, NULL);
    CHECK(wrong == 0);
}

int main(void) {
    RUN(descriptors_are_noted_while_others_fork);
    RUN(wakes_are_set_cleared_and_waited_for);
    RUN(each_thread_has_its_own_errors);
    return RESULT();
}
