/* What the C files of this folder share with each other and with the Go files. Nothing of it is exported. */
#ifndef LLMAGG_SHIM_H
#define LLMAGG_SHIM_H

#include <stddef.h>
#include <stdint.h>

#include "llmagg.h"

#define SHIM_HIDDEN __attribute__((visibility("hidden")))

/* ---- fork.c: the forked child */

/* 1 in a child made by fork() after the library was loaded, else 0. */
SHIM_HIDDEN int shim_forked(void);
/* A descriptor that a forked child must not keep open; counted is 1 for a connection to a provider. One that is no socket must be
 * forgotten before it is closed, since its number is used again. */
SHIM_HIDDEN void shim_fd_note(int fd, int counted);
SHIM_HIDDEN void shim_fd_forget(int fd);
/* How many connections to providers are open. */
SHIM_HIDDEN int shim_fd_sockets(void);

/* ---- signals.c */

/* To be called before Go is entered: at the first call of a thread it sees to it that Go leaves the thread's mask alone. */
SHIM_HIDDEN void shim_greet_thread(void);

/* ---- error.c */

/* A new error; the texts are copied. NULL when memory is out. */
SHIM_HIDDEN llmagg_error *shim_error_new(llmagg_status code, const char *message, size_t message_len, const char *json,
                                         size_t json_len);
/* Sets *err, where err is not NULL, to an error with this plain message (ASCII without quotes and backslashes), and returns code. */
SHIM_HIDDEN llmagg_status shim_fail(llmagg_status code, const char *message, llmagg_error **err);

/* ---- wake.c: the descriptor of a queue. An eventfd, or a pipe where there is none. */

typedef struct shim_wake {
    int read_fd;
    int write_fd; /* the same one for an eventfd */
} shim_wake;

/* 0, or -1 with errno. Both ends are noted for forked children. */
SHIM_HIDDEN int shim_wake_open(shim_wake *wake);
SHIM_HIDDEN void shim_wake_close(shim_wake wake);
SHIM_HIDDEN void shim_wake_set(shim_wake wake);   /* makes it readable */
SHIM_HIDDEN void shim_wake_clear(shim_wake wake); /* makes it unreadable */
/* 1 readable, 0 not within timeout seconds (negative: for ever), -1 with errno. */
SHIM_HIDDEN int shim_wake_wait(int read_fd, double timeout);

/* ---- other */

/* C's getenv, which sees what the host changed since the library was loaded; Go's copy does not. */
SHIM_HIDDEN const char *shim_getenv(const char *name);

#endif
