/* The host's signals stay the host's, in both kinds of threads.
 *
 * The library's own threads block every signal but those of faults: a handler would run there on a stack of a few KiB, sigwait and
 * signalfd in other threads would miss what they wait for, and a broken connection would be a SIGPIPE. Go starts its threads with the
 * mask of the thread that loads the library, less what its own table says (packaging/goruntime.sh leaves the faults there); so everything
 * is blocked while Go's initializer runs.
 *
 * A thread of the host's that enters Go runs on such a stack, too. It keeps what reaches it for the moment afterwards, and leaves with
 * the mask it came with; what takes long waits in C instead (post.c). The same for its floating-point unit: Go computes with the
 * rounding and the exceptions that it was compiled for. */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shim.h"

#define BIT(signal) (UINT64_C(1) << ((signal) - 1))

enum { OF_THREADS = 33 }; /* by which glibc lets every thread take part in setuid(); each has to answer at once */

/* What a thread itself causes cannot wait: blocked, it would end the process. */
static const uint64_t kept_waiting = ~(BIT(SIGILL) | BIT(SIGTRAP) | BIT(SIGBUS) | BIT(SIGFPE) | BIT(SIGSEGV) | BIT(SIGSYS) | BIT(OF_THREADS));

/* ---- the floating-point unit */

#if defined(__x86_64__)
static uint32_t float_state(void) {
    uint32_t state;
    __asm__ volatile("stmxcsr %0" : "=m"(state));
    return state;
}
static void set_float_state(uint32_t state) { __asm__ volatile("ldmxcsr %0" : : "m"(state)); }
enum { FLOAT_DEFAULT = 0x1F80, FLOAT_STICKY = 0x3F };
#elif defined(__aarch64__)
static uint32_t float_state(void) {
    uint64_t state;
    __asm__ volatile("mrs %0, fpcr" : "=r"(state));
    return (uint32_t)state;
}
static void set_float_state(uint32_t state) { __asm__ volatile("msr fpcr, %0" : : "r"((uint64_t)state)); }
enum { FLOAT_DEFAULT = 0, FLOAT_STICKY = 0 };
#else
#error "capi/signals.c does not know the floating-point control register of this architecture"
#endif

/* ---- threads of the host's */

void shim_enter_go(shim_host *host) {
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &kept_waiting, &host->mask, sizeof host->mask); /* pthread_sigmask lets cancellation through */
    host->float_state = float_state();
    if ((host->float_state & ~(uint32_t)FLOAT_STICKY) != FLOAT_DEFAULT) set_float_state(FLOAT_DEFAULT);
}

void shim_leave_go(const shim_host *host) {
    if (float_state() != host->float_state) set_float_state(host->float_state);
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &host->mask, NULL, sizeof host->mask);
}

/* ---- loading */

static shim_host loader; /* of the thread that loads the library, between the two constructors */

static void *nothing(void *unused) { return unused; }

/* Constructors with a priority run before those without, among them Go's initializer. The first thread that a process makes is when
 * glibc installs its handler of signal 33; Go gives that SA_ONSTACK, where it finds it. */
__attribute__((constructor(101))) static void before_go(void) {
    static const uint64_t all = ~(BIT(SIGSYS) | BIT(OF_THREADS)); /* a filter of the host's traps calls of every thread */
    pthread_t thread;
    shim_enter_go(&loader);
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, sizeof all);
    if (pthread_create(&thread, NULL, nothing, NULL) == 0) pthread_join(thread, NULL);
}

/* Runs after Go's initializer, whose object is linked first. Would it run before, Go's threads would just take signals. */
__attribute__((constructor)) static void after_go(void) { shim_leave_go(&loader); }
