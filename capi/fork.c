/* In a forked child the Go runtime is dead: its threads were not copied. So that no call hangs there, every entry asks
 * shim_forked first; and so that the parent's connections can end, the child closes its copies of their sockets. */
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "shim.h"

enum { WORD_BITS = 64, WORDS = 1 << 14 }; /* descriptors below 2^20, Linux's usual ceiling; the pages are touched only when used */

static uint64_t noted[WORDS]; /* one bit a descriptor; only atomic access */
static int highest_word = -1; /* only atomic access, grows */
static int forked;            /* set in the child before any other code of the host runs there */

int shim_forked(void) { return __atomic_load_n(&forked, __ATOMIC_RELAXED); }

void shim_fd_note(int fd) {
    if (fd < 0 || fd >= WORD_BITS * WORDS) return;
    int word = fd / WORD_BITS;
    __atomic_fetch_or(&noted[word], UINT64_C(1) << (fd % WORD_BITS), __ATOMIC_SEQ_CST);
    int seen = __atomic_load_n(&highest_word, __ATOMIC_RELAXED);
    while (seen < word && !__atomic_compare_exchange_n(&highest_word, &seen, word, 0, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)) {
    }
}

void shim_fd_forget(int fd) {
    if (fd < 0 || fd >= WORD_BITS * WORDS) return;
    __atomic_fetch_and(&noted[fd / WORD_BITS], ~(UINT64_C(1) << (fd % WORD_BITS)), __ATOMIC_SEQ_CST);
}

/* Runs in the child, inside fork(): nothing but async-signal-safe calls. The table is emptied, so that a grandchild does not
 * close descriptors that got these numbers later. */
static void in_child(void) {
    __atomic_store_n(&forked, 1, __ATOMIC_SEQ_CST);
    int last = __atomic_load_n(&highest_word, __ATOMIC_SEQ_CST);
    for (int word = 0; word <= last; word++) {
        uint64_t bits = __atomic_exchange_n(&noted[word], 0, __ATOMIC_SEQ_CST);
        for (int bit = 0; bits != 0; bit++, bits >>= 1) {
            if (bits & 1) close(word * WORD_BITS + bit);
        }
    }
    __atomic_store_n(&highest_word, -1, __ATOMIC_SEQ_CST);
}

__attribute__((constructor)) static void install(void) { pthread_atfork(NULL, NULL, in_child); }

const char *shim_getenv(const char *name) { return getenv(name); }
