/* The checks at the beginning of every public function, before Go is entered. Each returns from the function on failure. */
#ifndef LLMAGG_ENTRY_H
#define LLMAGG_ENTRY_H

#include "shim.h"

#define MAX_TEXT ((size_t)1 << 30)

/* Enough where Go is not entered. */
#define CHECK_FORK(err)                                                                                                        \
    do {                                                                                                                       \
        if (shim_forked()) return shim_fail_forked(err);                                                                       \
    } while (0)

#define ENTER(err)                                                                                                             \
    CHECK_FORK(err);                                                                                                           \
    IN_GO

#define HANDLE(h, err)                                                                                                         \
    do {                                                                                                                       \
        if ((h) == NULL) return shim_fail(LLMAGG_E_INVALID_HANDLE, "argument " #h " is a NULL handle", (err));                 \
    } while (0)

#define OUT(p, err)                                                                                                            \
    do {                                                                                                                       \
        if ((p) == NULL) return shim_fail(LLMAGG_E_INVALID_ARGUMENT, "argument " #p " is NULL", (err));                        \
    } while (0)

/* Text that must be there. */
#define TEXT(p, err)                                                                                                           \
    do {                                                                                                                       \
        if ((p) == NULL) return shim_fail(LLMAGG_E_INVALID_ARGUMENT, "argument " #p " is NULL", (err));                        \
        if (p##_len == 0) return shim_fail(LLMAGG_E_INVALID_ARGUMENT, "argument " #p " is empty", (err));                      \
        if (p##_len > MAX_TEXT)                                                                                                \
            return shim_fail(LLMAGG_E_INVALID_ARGUMENT, "argument " #p " is longer than 1 GiB", (err));                        \
    } while (0)

/* Text that may be left out. An empty one becomes NULL: languages give empty slices addresses that are none, and Go's stack must
 * not hold such. */
#define OPTIONAL(p, err)                                                                                                       \
    do {                                                                                                                       \
        if (p##_len == 0) p = NULL;                                                                                            \
        if ((p) == NULL && p##_len != 0)                                                                                       \
            return shim_fail(LLMAGG_E_INVALID_ARGUMENT, "argument " #p " is NULL, but its length is not 0", (err));            \
        if (p##_len > MAX_TEXT)                                                                                                \
            return shim_fail(LLMAGG_E_INVALID_ARGUMENT, "argument " #p " is longer than 1 GiB", (err));                        \
    } while (0)

#define ROUTES(err)                                                                                                            \
    do {                                                                                                                       \
        OUT(clients, err);                                                                                                     \
        if (count == 0 || count > 1000)                                                                                        \
            return shim_fail(LLMAGG_E_INVALID_ARGUMENT, "argument count is not between 1 and 1000", (err));                    \
        for (size_t i = 0; i < count; i++) {                                                                                   \
            if (clients[i] == NULL)                                                                                            \
                return shim_fail(LLMAGG_E_INVALID_HANDLE, "argument clients holds a NULL handle", (err));                      \
        }                                                                                                                      \
    } while (0)

/* Handles enter Go as numbers: a pointer of the caller's invention must never lie on a Go stack. */
#define H(h) ((uintptr_t)(h))
/* Where Go writes the number of a new one. */
#define NEW(out) ((uintptr_t *)(void *)(out))
/* cgo's prototypes know no const; Go only reads these. */
#define IN(p) ((char *)(uintptr_t)(p)), p##_len
#define ROUTE_LIST LIST(clients), count
/* Handles, as numbers. */
#define LIST(handles) ((uintptr_t *)(uintptr_t)(handles))

/* A chat with LLMAGG_POST: returns. Any other one may enter Go from here on. */
#define POSTED_CHAT(kind, handles, count, err)                                                                                 \
    if ((flags & LLMAGG_POST) != 0)                                                                                            \
        return shim_post_chat((kind), LIST(handles), (count), H(queue), IN(request), IN(options),                              \
                              flags & ~(uint32_t)LLMAGG_POST, tag, op, (err));                                                 \
    IN_GO

/* A call of Go that gives its answer later: waits for it, and returns. */
#define WAIT_OUTSIDE(call, out, err)                                                                                           \
    do {                                                                                                                       \
        shim_answer answer = {0, LLMAGG_OK, {NULL, 0}, NULL};                                                                  \
        {                                                                                                                      \
            IN_GO;                                                                                                             \
            call;                                                                                                              \
        }                                                                                                                      \
        return shim_answer_wait(&answer, (out), (err));                                                                        \
    } while (0)

#endif
