/* The descriptors that tell a reader that something waits: eventfds. The system calls are made without the C library's wrappers, so
 * that none of them is a point where a thread is cancelled: it may hold a queue's lock. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "shim.h"

int shim_wake_open(void) {
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd >= 0) shim_fd_note(fd, 0);
    return fd;
}

void shim_wake_close(int fd) {
    shim_fd_forget(fd);
    syscall(SYS_close, fd);
}

/* EAGAIN means that it is readable already. */
void shim_wake_set(int fd) {
    uint64_t one = 1;
    while (syscall(SYS_write, fd, &one, sizeof one) < 0 && errno == EINTR) {
    }
}

void shim_wake_clear(int fd) {
    uint64_t count;
    while (syscall(SYS_read, fd, &count, sizeof count) < 0 && errno == EINTR) {
    }
}

double shim_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int shim_wake_wait(int fd, double timeout) {
    double until = timeout > 0 ? shim_now() + timeout : 0;
    for (;;) {
        struct pollfd p = {fd, POLLIN, 0};
        struct timespec limit = {3600, 0}; /* so that a wait without end is not restarted behind a handler that forked */
        double left = timeout > 0 ? until - shim_now() : timeout;
        if (timeout >= 0 && left < 3600) {
            if (left < 0) left = 0;
            limit.tv_sec = (time_t)left;
            limit.tv_nsec = (long)((left - (double)limit.tv_sec) * 1e9);
        }
        long n = syscall(SYS_ppoll, &p, 1, &limit, NULL, _NSIG / 8);
        if (n > 0) return 1;
        if (n < 0 && errno != EINTR) return -1;
        if (shim_forked()) return -1;
        if (timeout >= 0 && (timeout <= 0 || shim_now() >= until)) return 0;
    }
}
