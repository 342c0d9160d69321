/* Hosts that end: while calls run, from atexit functions and destructors, in either order with the library's own, by exec; and hosts that
 * were never given standard streams, or may make few system calls. */
#include "host.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

NO_LEAK_CHECK

static llmagg_client *client;

/* Hosts that end well: with status 7, and without a word. */
static void ends(const char *how, void (*host)(void)) {
    for (int i = 0; i < 5; i++) {
        int status = -1;
        pid_t pid = fork();
        if (pid == 0) {
            alarm(10);
            host();
            exit(7);
        }
        MUST(pid > 0 && waitpid(pid, &status, 0) == pid);
        if (WIFSIGNALED(status)) dprintf(results, "# %s: killed by %s\n", how, strsignal(WTERMSIG(status)));
        else if (WEXITSTATUS(status) != 7) dprintf(results, "# %s: status %d\n", how, WEXITSTATUS(status));
        MUST(WIFEXITED(status) && WEXITSTATUS(status) == 7);
    }
}

static int asked, calls_at_end; /* destructors of this process call */

static void call_at_the_end(void) {
    chat(client);
    calls_at_end++;
    llmagg_queue *queue = NULL;
    MUST(FN(llmagg_queue_new)(&queue, NULL) == LLMAGG_OK);
    FN(llmagg_queue_free)(queue);
}

/* What a static object of C++ does in its destructor. */
__attribute__((destructor)) static void at_unload(void) {
    if (!asked) return;
    call_at_the_end();
    _exit(calls_at_end == 3 ? 7 : 3);
}

static void calls_run(void) {
    load();
    client = healthy_client();
    four_threads_chat(client);
    for (int i = 0; i < 10; i++) chat(client);
}

static void while_calls_run(void) { calls_run(); }

static void and_at_exit_calls(void) {
    asked = 1;
    MUST(atexit(call_at_the_end) == 0); /* runs behind what the library has registered */
    calls_run();
    MUST(atexit(call_at_the_end) == 0); /* runs before it */
    exit(4);
}

static void and_frees_everything(void) {
    llmagg_manager *manager = NULL;
    calls_run();
    MUST(FN(llmagg_manager_new)(&manager, NULL) == LLMAGG_OK);
    FN(llmagg_manager_free)(manager);
    MUST(dlclose(library) == 0);
}

static void *exits(void *unused) {
    chat(client);
    exit(7);
    return unused;
}

static void from_another_thread(void) {
    pthread_t thread;
    calls_run();
    MUST(pthread_create(&thread, NULL, exits, NULL) == 0);
    for (;;) chat(client);
}

static void call_and_end(void) {
    call_at_the_end();
    _exit(7);
}

static void quickly(void) {
    calls_run();
    MUST(at_quick_exit(call_and_end) == 0);
    quick_exit(3);
}

static void by_exec(void) {
    calls_run();
    execl("/bin/sh", "sh", "-c", "exit 7", NULL);
}

static void ended_while_calls_run(void) { ends("exit", while_calls_run); }
static void at_exit_and_destructors_call(void) { ends("atexit", and_at_exit_calls); }
static void freed_and_unloaded_while_calls_run(void) { ends("freed", and_frees_everything); }
static void ended_by_another_thread(void) { ends("another thread", from_another_thread); }
static void ended_by_quick_exit(void) { ends("quick_exit", quickly); }
static void replaced_by_exec(void) { ends("exec", by_exec); }

/* Descriptors 0 to 2 are free, as a daemon's may be; what the library opens may get these numbers. The program's own come back. */
static void without_standard_streams(void) {
    results = fcntl(results, F_DUPFD, 10);
    for (int fd = 0; fd < 3; fd++) close(fd);
    load();
    client = healthy_client();
    for (int i = 0; i < 10; i++) chat(client);
    MUST(FN(llmagg_client_rest)(client, NULL) == LLMAGG_OK);
    chat(client);
}

/* A daemon that closes what it has inherited does not know what the libraries have opened: none has, before the first call. */
static void descriptors_closed_behind_the_load(void) {
    load();
    for (int fd = 3; fd < 100; fd++) {
        if (fd != results) close(fd);
    }
    client = healthy_client();
    four_threads_chat(client);
    for (int i = 0; i < 10; i++) chat(client);
}

#if defined(__x86_64__) || defined(__aarch64__)
#define REFUSED(number, as)                                                                                                    \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (number), 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (as))

/* As in containers of some years ago: new calls are unknown, and what a program seldom needs is not permitted. */
static void with_few_system_calls(void) {
    if (SANITIZED) return; /* they need some of these */
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        REFUSED(SYS_clone3, ENOSYS), /* glibc knows an older one */
        REFUSED(SYS_execve, EPERM),
        REFUSED(SYS_memfd_create, EPERM),
        REFUSED(SYS_membarrier, EPERM),
        REFUSED(SYS_pidfd_open, EPERM),
        REFUSED(SYS_pidfd_send_signal, EPERM),
        REFUSED(SYS_waitid, EPERM),
        REFUSED(SYS_prlimit64, EPERM),
        REFUSED(SYS_sched_getaffinity, EPERM),
        REFUSED(SYS_madvise, EPERM),
        REFUSED(SYS_getrandom, ENOSYS),
        REFUSED(SYS_prctl, EPERM),
        REFUSED(SYS_splice, EPERM),
        REFUSED(SYS_copy_file_range, EPERM),
        REFUSED(SYS_sendfile, EPERM),
        REFUSED(SYS_uname, EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
    MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) != 0) return; /* a kernel without */
    load();
    client = healthy_client();
    four_threads_chat(client);
    for (int i = 0; i < 20; i++) chat(client);
}
#else
static void with_few_system_calls(void) {}
#endif

int main(void) {
    results_apart();
    RUN(ended_while_calls_run);
    RUN(at_exit_and_destructors_call);
    RUN(freed_and_unloaded_while_calls_run);
    RUN(ended_by_another_thread);
    RUN(ended_by_quick_exit);
    RUN(replaced_by_exec);
    RUN(without_standard_streams);
    RUN(descriptors_closed_behind_the_load);
    RUN(with_few_system_calls);
    return failures != 0;
}
