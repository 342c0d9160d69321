/* Hosts with few means: little memory that may be written, few descriptors, small or large stacks, no files, no signals that can be queued,
 * rights that are dropped between calls, filters that kill for what such a program never needs, or let
 * it answer itself, an allocator of another make. */
#include "host.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <ucontext.h>

NO_LEAK_CHECK

static llmagg_client *client;

static void limit(__typeof__(RLIMIT_DATA) what, rlim_t soft) {
    struct rlimit was;
    MUST(getrlimit(what, &was) == 0);
    if (was.rlim_max != RLIM_INFINITY && soft > was.rlim_max) soft = was.rlim_max;
    was.rlim_cur = soft;
    MUST(setrlimit(what, &was) == 0);
}

/* Calls of each form, on this thread and on others. */
static void lives(void) {
    load();
    client = healthy_client();
    four_threads_chat(client);
    for (int i = 0; i < 20; i++) chat(client);
    llmagg_queue *queue = NULL;
    uint64_t op = 0;
    MUST(FN(llmagg_queue_new)(&queue, NULL) == LLMAGG_OK);
    MUST(FN(llmagg_client_chat_submit)(client, queue, STR(HELLO), NULL, 0, LLMAGG_STREAM, 7, &op, NULL) == LLMAGG_OK);
    MUST(FN(llmagg_queue_wait)(queue, 10, NULL) == LLMAGG_OK);
    FN(llmagg_queue_free)(queue);
}

/* ulimit -d: what Go asks for at the load would have ended the host with 128 MiB. */
static void without_memory_for_data_calls_say_so(void) {
    if (SANITIZED) return;
    llmagg_manager *manager = NULL;
    llmagg_error *error = NULL;
    limit(RLIMIT_STACK, 8 << 20);
    limit(RLIMIT_DATA, 128 << 20);
    load();
    MUST(FN(llmagg_manager_new)(&manager, &error) == LLMAGG_E_INTERNAL && manager == NULL);
    MUST(strstr(FN(llmagg_error_message)(error), "RLIMIT_DATA") != NULL);
    FN(llmagg_error_free)(error);
    MUST(dlclose(library) == 0);
}

static void with_256_mib_of_data(void) {
    if (SANITIZED) return;
    limit(RLIMIT_STACK, 8 << 20);
    limit(RLIMIT_DATA, 256 << 20);
    lives();
}

static void with_20_descriptors(void) {
    llmagg_queue *queues[20] = {NULL};
    llmagg_error *error = NULL;
    llmagg_status status = LLMAGG_OK;
    int n = 0;
    limit(RLIMIT_NOFILE, 20);
    load();
    client = healthy_client(); /* and the server, in this process */
    for (int i = 0; i < 20; i++) chat(client);
    while (n < 20 && (status = FN(llmagg_queue_new)(&queues[n], &error)) == LLMAGG_OK) n++;
    MUST(n >= 2 && status == LLMAGG_E_UNAVAILABLE && strstr(FN(llmagg_error_message)(error), "descriptor") != NULL);
    FN(llmagg_error_free)(error);
    chat(client); /* over the connection that it has */
    while (n > 0) FN(llmagg_queue_free)(queues[--n]);
    MUST(FN(llmagg_client_rest)(client, NULL) == LLMAGG_OK);
    chat(client);
}

static void with_stacks_of_256_kib(void) {
    limit(RLIMIT_STACK, STACK(256 << 10)); /* of threads that name no size, the library's among them */
    lives();
}

static void with_stacks_without_a_limit(void) {
    struct rlimit none = {RLIM_INFINITY, RLIM_INFINITY};
    if (setrlimit(RLIMIT_STACK, &none) != 0) return;
    lives();
}

/* As some supervisors start what they do not trust. */
static void without_files_signals_and_locks(void) {
    limit(RLIMIT_FSIZE, 0);
    limit(RLIMIT_SIGPENDING, 0);
    limit(RLIMIT_MEMLOCK, 0);
    limit(RLIMIT_MSGQUEUE, 0);
    limit(RLIMIT_CORE, 0);
    umask(0777);
    lives();
}

/* A daemon that needs its rights at the beginning only, and can see nothing of itself in /proc afterwards. */
static void rights_are_dropped_between_calls(void) {
    load();
    client = healthy_client();
    four_threads_chat(client);
    chat(client);
    if (getuid() == 0) {
        MUST(setgid(65534) == 0 && setuid(65534) == 0);
        MUST(setuid(0) != 0);
    }
    MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0);
    for (int i = 0; i < 20; i++) chat(client);
    client = healthy_client();
    chat(client);
}

/* A host that lets others go first, and is put off for long again and again. */
static void at_idle_priority(void) {
    struct sched_param none = {0};
    (void)sched_setscheduler(0, SCHED_IDLE, &none);
    lives();
}

static void broken_pipes(int blocked) {
    sigset_t its;
    MUST(sigemptyset(&its) == 0 && sigaddset(&its, SIGPIPE) == 0);
    if (blocked) MUST(pthread_sigmask(SIG_BLOCK, &its, NULL) == 0);
    else MUST(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
    load();
    client = client_of("{\"default\":{\"steps\":[{\"cut\":{\"how\":\"reset\"}}]}}", ",\"max_retries\":2,\"retry\":{\"backoff_s\":0.01}");
    for (int i = 0; i < 5; i++) {
        llmagg_buf answer = {NULL, 0};
        MUST(FN(llmagg_client_chat)(client, STR(HELLO), NULL, 0, &answer, NULL) != LLMAGG_OK);
    }
    int out[2];
    MUST(pipe(out) == 0 && close(out[0]) == 0);
    MUST(write(out[1], "x", 1) == -1 && errno == EPIPE); /* the host's own pipe, as it wants it */
    if (blocked) MUST(sigpending(&its) == 0 && sigismember(&its, SIGPIPE) == 1);
    else MUST(signal(SIGPIPE, SIG_IGN) == SIG_IGN); /* programs that the host executes inherit that */
}

static void sigpipe_is_ignored(void) { broken_pipes(0); }
static void sigpipe_is_blocked(void) { broken_pipes(1); }

#if defined(__x86_64__) || defined(__aarch64__)
#define KILLS(number) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (number), 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS)

/* What service managers take from a service, by the groups that they name: clocks, debuggers, keys, modules, mounts, raw input and output,
 * reboots, swap, namespaces. */
static void killed_for_unusual_system_calls(void) {
    if (SANITIZED) return;
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        KILLS(SYS_settimeofday), KILLS(SYS_clock_settime), KILLS(SYS_adjtimex), KILLS(SYS_clock_adjtime),
        KILLS(SYS_ptrace), KILLS(SYS_perf_event_open), KILLS(SYS_process_vm_readv), KILLS(SYS_process_vm_writev), KILLS(SYS_kcmp),
        KILLS(SYS_add_key), KILLS(SYS_keyctl), KILLS(SYS_request_key), KILLS(SYS_bpf), KILLS(SYS_userfaultfd), KILLS(SYS_fanotify_init),
        KILLS(SYS_init_module), KILLS(SYS_finit_module), KILLS(SYS_delete_module), KILLS(SYS_kexec_load),
        KILLS(SYS_mount), KILLS(SYS_umount2), KILLS(SYS_pivot_root), KILLS(SYS_chroot), KILLS(SYS_unshare), KILLS(SYS_setns),
        KILLS(SYS_reboot), KILLS(SYS_swapon), KILLS(SYS_swapoff), KILLS(SYS_acct), KILLS(SYS_quotactl), KILLS(SYS_syslog), KILLS(SYS_vhangup),
        KILLS(SYS_personality), KILLS(SYS_sethostname), KILLS(SYS_setdomainname), KILLS(SYS_open_by_handle_at), KILLS(SYS_move_pages),
        KILLS(SYS_migrate_pages), KILLS(SYS_set_mempolicy), KILLS(SYS_mbind), KILLS(SYS_ioprio_set), KILLS(SYS_setpriority),
        KILLS(SYS_sched_setscheduler), KILLS(SYS_sched_setparam), KILLS(SYS_sched_setaffinity), KILLS(SYS_mlock), KILLS(SYS_mlockall),
        KILLS(SYS_setuid), KILLS(SYS_setgid), KILLS(SYS_setgroups), KILLS(SYS_capset), KILLS(SYS_fchownat),
        KILLS(SYS_execve), KILLS(SYS_execveat), KILLS(SYS_memfd_create), KILLS(SYS_shmget), KILLS(SYS_msgget), KILLS(SYS_semget),
        KILLS(425 /* io_uring_setup */), KILLS(SYS_setrlimit), KILLS(SYS_timer_create), KILLS(SYS_setitimer), KILLS(SYS_inotify_init1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
    MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) != 0) return; /* a kernel without */
    lives();
}

static int trapped;

/* Says that the call has succeeded, in the place of the kernel. */
static void answers_a_call(int signal, siginfo_t *info, void *context) {
    ucontext_t *at = context;
    (void)signal, (void)info;
#if defined(__x86_64__)
    at->uc_mcontext.gregs[REG_RAX] = 0;
#else
    at->uc_mcontext.regs[0] = 0;
#endif
    __atomic_add_fetch(&trapped, 1, __ATOMIC_RELAXED);
}

/* A sandbox that answers some system calls itself, on the thread that makes them: also on the library's. */
static void answer_calls(int flags) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = answers_a_call;
    action.sa_flags = SA_SIGINFO | SA_NODEFER | flags;
    MUST(sigaction(SIGSYS, &action, NULL) == 0);
}

/* False where the kernel has no filters for all threads of a process. */
static int filters_all_threads(void) {
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_setsockopt, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
    MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) == 0;
}

static void system_calls_that_the_host_answers(void) {
    if (SANITIZED) return; /* they need these calls */
    answer_calls(0); /* from before the load, it gets SA_ONSTACK */
    if (!filters_all_threads()) return;
    lives();
    MUST(trapped > 0);
}

static void system_calls_answered_from_after_the_load(void) {
    if (SANITIZED) return;
    load();
    answer_calls(SA_ONSTACK);
    if (!filters_all_threads()) return;
    lives();
    MUST(trapped > 0);
}
#else
static void killed_for_unusual_system_calls(void) {}
static void system_calls_that_the_host_answers(void) {}
static void system_calls_answered_from_after_the_load(void) {}
#endif

/* An allocator that is loaded before everything else, where the machine has one. */
static void with_another_allocator(void) {
    static const char *const known[] = {"/usr/lib/x86_64-linux-gnu/libjemalloc.so.2", "/usr/lib/aarch64-linux-gnu/libjemalloc.so.2",
                                        "/usr/lib64/libjemalloc.so.2", "/usr/lib/x86_64-linux-gnu/libtcmalloc_minimal.so.4"};
    static char itself[4096], option[] = "--lives", *arguments[] = {itself, option, NULL};
    if (SANITIZED) return; /* they are allocators themselves */
    MUST(readlink("/proc/self/exe", itself, sizeof itself - 1) > 0);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (access(known[i], R_OK) != 0) continue;
        MUST(setenv("LD_PRELOAD", known[i], 1) == 0 && execv(itself, arguments) == 0);
    }
}

int main(int count, char **arguments) {
    results_apart();
    if (count == 2 && strcmp(arguments[1], "--lives") == 0) {
        MUST(dlsym(RTLD_DEFAULT, "mallocx") != NULL || dlsym(RTLD_DEFAULT, "tc_malloc") != NULL);
        alarm(60);
        lives();
        _exit(0);
    }
    RUN(without_memory_for_data_calls_say_so);
    RUN(with_256_mib_of_data);
    RUN(with_20_descriptors);
    RUN(with_stacks_of_256_kib);
    RUN(with_stacks_without_a_limit);
    RUN(without_files_signals_and_locks);
    RUN(rights_are_dropped_between_calls);
    RUN(at_idle_priority);
    RUN(sigpipe_is_ignored);
    RUN(sigpipe_is_blocked);
    RUN(killed_for_unusual_system_calls);
    RUN(system_calls_that_the_host_answers);
    RUN(system_calls_answered_from_after_the_load);
    RUN(with_another_allocator);
    return failures != 0;
}
