/* The descriptor that tells a queue's reader that events wait. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/eventfd.h>
#endif

#include "shim.h"

int shim_wake_open(shim_wake *wake) {
#ifdef __linux__
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0) return -1;
    wake->read_fd = wake->write_fd = fd;
#else
    int fds[2];
    if (pipe(fds) != 0) return -1;
    for (int i = 0; i < 2; i++) {
        fcntl(fds[i], F_SETFD, FD_CLOEXEC);
        fcntl(fds[i], F_SETFL, O_NONBLOCK);
    }
    wake->read_fd = fds[0];
    wake->write_fd = fds[1];
    shim_fd_note(wake->write_fd, 0);
#endif
    shim_fd_note(wake->read_fd, 0);
    return 0;
}

void shim_wake_close(shim_wake wake) {
    shim_fd_forget(wake.read_fd);
    if (wake.write_fd != wake.read_fd) {
        shim_fd_forget(wake.write_fd);
        close(wake.write_fd);
    }
    close(wake.read_fd);
}

/* EAGAIN means that it is readable already; the eight bytes are what an eventfd takes, and do no harm in a pipe. */
void shim_wake_set(shim_wake wake) {
    uint64_t one = 1;
    while (write(wake.write_fd, &one, sizeof one) < 0 && errno == EINTR) {
    }
}

void shim_wake_clear(shim_wake wake) {
    char bytes[64];
    ssize_t n;
    do {
        n = read(wake.read_fd, bytes, sizeof bytes);
    } while ((n < 0 && errno == EINTR) || n == (ssize_t)sizeof bytes);
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int shim_wake_wait(int read_fd, double timeout) {
    double until = timeout > 0 ? now() + timeout : 0;
    for (;;) {
        struct pollfd p = {read_fd, POLLIN, 0};
        int ms = -1;
        double left = timeout > 0 ? until - now() : timeout;
        if (timeout >= 0) {
            if (left < 0) left = 0;
            ms = left > 3600 ? 3600 * 1000 : (int)(left * 1000 + 0.999);
        }
        int n = poll(&p, 1, ms);
        if (n > 0) return 1;
        if (n < 0 && errno != EINTR) return -1;
        if (timeout >= 0 && (timeout <= 0 || now() >= until)) return 0;
    }
}
