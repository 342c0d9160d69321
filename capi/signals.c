/* The host's signals stay the host's. A thread of Go that took one would run the host's handler on a stack of a few KiB where the
 * handler lacks SA_ONSTACK, would die by a signal for which another thread waits in sigwait, and would turn a broken connection
 * into a SIGPIPE. Go starts its threads with the mask of the thread that loads the library, less what Go itself needs (faults,
 * SIGURG, SIGCHLD, SIGPROF); so everything is blocked while Go's initializer runs. */
#include <pthread.h>
#include <signal.h>

#include "shim.h"

#include "_cgo_export.h"

static sigset_t host_mask; /* written and read by the thread that loads the library, between the two constructors */

/* Constructors with a priority run before those without, among them Go's initializer. */
__attribute__((constructor(101))) static void block_all(void) {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &host_mask);
}

/* Runs after Go's initializer, whose object is linked first. Would it run before, Go's threads would just take signals. */
__attribute__((constructor)) static void restore(void) { pthread_sigmask(SIG_SETMASK, &host_mask, NULL); }

static __thread int greeted; /* Go knows this thread */

/* At its first call of a thread Go unblocks there, for good, the signals that it does without: SIGCHLD and SIGPROF are given back.
 * Those of faults and SIGURG are what it cannot do without. */
void shim_greet_thread(void) {
    static const int given_back[] = {SIGCHLD, SIGPROF};
    sigset_t before, after;
    if (greeted) return;
    greeted = 1;
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    goGreet();
    sigemptyset(&after);
    for (int i = 0; i < 2; i++) {
        if (sigismember(&before, given_back[i])) sigaddset(&after, given_back[i]);
    }
    pthread_sigmask(SIG_BLOCK, &after, NULL);
}
