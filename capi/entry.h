/* The checks at the beginning of every public function, before Go is entered. Each returns from the function on failure. */
#ifndef LLMAGG_ENTRY_H
#define LLMAGG_ENTRY_H

#include "shim.h"

/* Enough where Go is not entered. */
#define CHECK_FORK(err)                                                                                                        \
    do {                                                                                                                       \
        if (shim_forked()) return shim_fail_forked(err);                                                                       \
    } while (0)

#define HANDLE(h, err)                                                                                                         \
    do {                                                                                                                       \
        if ((h) == NULL) return shim_fail(LLMAGG_E_INVALID_HANDLE, "argument " #h " is a NULL handle", (err));                 \
    } while (0)

static inline void give_back(shim_entry **held) {
    if (*held != NULL) shim_release(*held);
}

/* Holds what a handle stands for until the function returns. */
#define HOLD(kind, h, err)                                                                                                     \
    HANDLE(h, err);                                                                                                            \
    HOLD_OPTIONAL(kind, h, err)

/* The same for a handle that may be NULL. */
#define HOLD_OPTIONAL(kind, h, err)                                                                                            \
    __attribute__((cleanup(give_back))) shim_entry *h##_held = (h) == NULL ? NULL : shim_hold(H(h), (kind));                   \
    if ((h) != NULL && h##_held == NULL) return shim_fail_handle(#h, H(h), (err))

/* How Go is told of it. */
#define GO(h) (h##_held == NULL ? NULL : h##_held->go)

#define OUT(p, err)                                                                                                            \
    do {                                                                                                                       \
        if ((p) == NULL) return shim_fail(LLMAGG_E_INVALID_ARGUMENT, "argument " #p " is NULL", (err));                        \
    } while (0)

/* Text that must be there. */
#define TEXT(p, err) CHECK_TEXT(p, 0, err)

/* Text that may be left out, as NULL with the length 0. A length of 0 beside a text is a mistake here, too: what the caller wrote
 * would be passed over in silence. */
#define OPTIONAL(p, err) CHECK_TEXT(p, 1, err)

#define CHECK_TEXT(p, optional, err)                                                                                           \
    do {                                                                                                                       \
        llmagg_status wrong = shim_check_text(#p, (p) != NULL, p##_len, (optional), (err));                                    \
        if (wrong != LLMAGG_OK) return wrong;                                                                                  \
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

/* A handle as a number: a pointer of the caller's invention must never lie on a Go stack. */
#define H(h) ((uintptr_t)(h))
/* Where Go writes the number of a new one. */
#define NEW(out) ((uintptr_t *)(void *)(out))
/* cgo's prototypes know no const; Go only reads these. */
#define IN(p) ((char *)(uintptr_t)(p)), p##_len
/* Handles, as numbers. */
#define LIST(handles) ((const uintptr_t *)(const void *)(handles))

/* A chat or another call to ask for. */
#define CHAT(which, its_flags, its_tag)                                                                                        \
    ((shim_post){.kind = (which), .flags = (its_flags), .tag = (its_tag), .request = request, .request_len = request_len,      \
                 .options = options, .options_len = options_len})

#define HEALTH(which, its_tag) ((shim_post){.kind = (which), .tag = (its_tag)})

/* Returns what an export of Go gives. */
#define RETURN_GO(call)                                                                                                        \
    IN_GO;                                                                                                                     \
    return call

/* Closes what Go tells the end of later: waits for that, and returns. */
#define CLOSE(go, deadline, err)                                                                                               \
    shim_answer answer = {0, LLMAGG_OK, {NULL, 0}, NULL};                                                                      \
    {                                                                                                                          \
        IN_GO;                                                                                                                 \
        goClose(go, deadline, &answer);                                                                                        \
    }                                                                                                                          \
    return shim_answer_wait(&answer, NULL, err)

/* Ends a handle, and what it stands for. What is no handle of this kind is ignored. */
#define FREE(kind, h)                                                                                                          \
    __attribute__((cleanup(give_back))) shim_entry *held = (h) == NULL || shim_forked() ? NULL : shim_hold(H(h), (kind));      \
    if (held == NULL) return;                                                                                                  \
    IN_GO;                                                                                                                     \
    goFree(held)

#endif
