/* In a forked child the Go runtime is dead: its threads were not copied. So that no call hangs there, every entry asks
 * shim_forked first; and so that the parent's connections can end, the child closes its copies of their sockets. fork() tells us; of
 * children made by _Fork() or clone() we know by a page that the kernel empties in each child. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shim.h"

#ifndef MADV_WIPEONFORK /* glibc 2.27 */
#define MADV_WIPEONFORK 18
#endif

static const uint64_t COUNTED = UINT64_C(1) << 63;
enum { DESCRIPTORS = 1 << 20 }; /* Linux's usual ceiling; the pages are touched only when used */

/* By descriptor: the inode that it stood for when it was noted, plus 1, with COUNTED; 0 is none. A socket that never connected is closed by
 * Go without a word, so an entry may be stale: the inode says whether the number is somebody else's by now. Only atomic access. */
static uint64_t noted[DESCRIPTORS];
static int highest = -1; /* only atomic access, grows */
static int alive_here = 1; /* where the kernel cannot empty a page (before Linux 4.14), it is this that becomes 0 */
static int *alive = &alive_here; /* set before any thread can ask; what it points to becomes 0 in a child, and is read without a lock */
static int emptied;        /* the child has closed what it has to; only atomic access */

static const char *absent; /* why there is no runtime in this process; set while the library is loaded, read without a lock */

static void in_child(void);

int shim_forked(void) {
    if (__builtin_expect(__atomic_load_n(alive, __ATOMIC_RELAXED), 1)) return 0;
    in_child(); /* of _Fork() or clone(): at the first call */
    return 1;
}

/* Async-signal-safe. */
static uint64_t identity(int fd) {
    struct stat st;
    return fstat(fd, &st) == 0 ? (uint64_t)st.st_ino + 1 : 0;
}

void shim_fd_note(int fd, int counted) {
    if (fd < 0 || fd >= DESCRIPTORS) return;
    __atomic_store_n(&noted[fd], identity(fd) | (counted ? COUNTED : 0), __ATOMIC_SEQ_CST);
    int seen = __atomic_load_n(&highest, __ATOMIC_RELAXED);
    while (seen < fd && !__atomic_compare_exchange_n(&highest, &seen, fd, 0, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)) {
    }
}

void shim_fd_forget(int fd) {
    if (fd < 0 || fd >= DESCRIPTORS) return;
    __atomic_store_n(&noted[fd], 0, __ATOMIC_SEQ_CST);
}

int shim_fd_sockets(void) {
    int n = 0, last = __atomic_load_n(&highest, __ATOMIC_SEQ_CST);
    for (int fd = 0; fd <= last; fd++) {
        uint64_t entry = __atomic_load_n(&noted[fd], __ATOMIC_RELAXED);
        if ((entry & COUNTED) == 0 || entry == COUNTED) continue; /* none, or closed before it was noted */
        n += (entry & ~COUNTED) == identity(fd);
    }
    return n;
}

/* Runs in the child, inside fork() or at the first call: nothing but async-signal-safe calls. The table is emptied, so that a
 * grandchild does not close descriptors that got these numbers later. */
static void in_child(void) {
    int host_errno = errno;
    __atomic_store_n(alive, 0, __ATOMIC_SEQ_CST);
    if (__atomic_exchange_n(&emptied, 1, __ATOMIC_SEQ_CST)) return;
    int last = __atomic_load_n(&highest, __ATOMIC_SEQ_CST);
    for (int fd = 0; fd <= last; fd++) {
        if (__atomic_load_n(&noted[fd], __ATOMIC_RELAXED) == 0) continue; /* reading does not touch a page */
        if ((__atomic_exchange_n(&noted[fd], 0, __ATOMIC_SEQ_CST) & ~COUNTED) == identity(fd)) close(fd);
    }
    __atomic_store_n(&highest, -1, __ATOMIC_SEQ_CST);
    errno = host_errno;
}

/* Every entry asks shim_forked first, which says yes from now on. */
static void stay_out(const char *why) {
    absent = why;
    alive_here = 0;
    alive = &alive_here;
}

/* Whether that much can be mapped. */
static int is_room(size_t size, int protection) {
    void *tried = mmap(NULL, size, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return tried != MAP_FAILED && munmap(tried, size) == 0;
}

/* Go's runtime asks before it starts. Where it would find no room, or no thread, it would end the process: then it stays out, and each call
 * says so. Its first reservations take 850 MiB, and each thread that allocates 64 MiB for the C library; with less than 1.2 GiB the first
 * calls ended the process. Of memory that may be written it asks for 80 MiB and the stacks of seven threads. */
int shim_may_start(void) {
    pthread_attr_t attr;
    size_t stack = (size_t)8 << 20;
    if (pthread_attr_init(&attr) == 0) {
        (void)pthread_attr_getstacksize(&attr, &stack); /* RLIMIT_STACK */
        (void)pthread_attr_destroy(&attr);
    }
    if (!is_room((size_t)1536 << 20, PROT_NONE))
        stay_out("when the library was loaded, less than 1.5 GiB of address space were free, and its runtime did not start; raise the limit (RLIMIT_AS, ulimit -v), or load it before it is set");
    else if (!is_room(((size_t)96 << 20) + 8 * stack, PROT_READ | PROT_WRITE))
        stay_out("when the library was loaded, less than 96 MiB of data and 8 stacks of threads (of RLIMIT_STACK each) were free, and its runtime did not start; raise the limit (RLIMIT_DATA, ulimit -d), or lower that of stacks");
    return absent == NULL;
}

/* Go's runtime has got no thread to start in. */
void shim_has_not_started(void) {
    stay_out("when the library was loaded, no thread could be made for 10 s, and its runtime did not start; raise the limit of processes (RLIMIT_NPROC, the container's) by 16 or more");
}

const char *shim_absent(void) { return absent; }

__attribute__((constructor)) static void install(void) {
    if (absent != NULL) return;
    size_t size = (size_t)sysconf(_SC_PAGESIZE);
    int *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page != MAP_FAILED && madvise(page, size, MADV_WIPEONFORK) == 0) {
        *page = 1;
        alive = page;
    } else if (page != MAP_FAILED) {
        munmap(page, size);
    }
    pthread_atfork(NULL, NULL, in_child);
}

const char *shim_getenv(const char *name) { return getenv(name); }

extern char **environ;

const char *shim_environment(size_t *i) {
    static const char own[] = "LLMAG";
    while (environ != NULL && environ[*i] != NULL) {
        const char *entry = environ[(*i)++];
        if (strncmp(entry, own, sizeof own - 1) == 0) return entry;
    }
    return NULL;
}
