/* Hosts of unusual kinds: small stacks, fibres, jumps out of handlers, floating-point modes, timers, threads that come and go, several
 * loads, children, locales. The whole program runs with a malloc that fills what is new and what is freed. */
#include "host.h"

#include <fcntl.h>
#include <limits.h>
#include <locale.h>
#include <sched.h>
#include <setjmp.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <ucontext.h>
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

NO_LEAK_CHECK

static llmagg_client *client;

static void *chats_once(void *unused) {
    chat(client);
    return unused;
}

static void on_threads(size_t count, size_t stack, void *(*start)(void *), void *argument) {
    pthread_t threads[50];
    pthread_attr_t attr;
    MUST(pthread_attr_init(&attr) == 0 && pthread_attr_setstacksize(&attr, STACK(stack)) == 0);
    for (size_t left = count, n; left > 0; left -= n) {
        n = left < 50 ? left : 50;
        for (size_t i = 0; i < n; i++) MUST(pthread_create(&threads[i], &attr, start, argument) == 0);
        for (size_t i = 0; i < n; i++) MUST(pthread_join(threads[i], NULL) == 0);
    }
}

static int threads_now(void) {
    struct stat task;
    MUST(stat("/proc/self/task", &task) == 0);
    return (int)task.st_nlink - 2;
}

static void has_timeout(void) {
    llmagg_buf info = {NULL, 0};
    MUST(FN(llmagg_client_info)(client, &info, NULL) == LLMAGG_OK);
    MUST(strstr(info.ptr, "\"timeout\":0.7,") != NULL);
    FN(llmagg_buf_free)(&info);
}

/* Calls, blocking and posted, and an error. */
static void *uses_much(void *unused) {
    llmagg_queue *queue = NULL;
    llmagg_buf stats = {NULL, 0};
    llmagg_error *error = NULL;
    uint64_t op = 0;
    chat(client);
    MUST(FN(llmagg_queue_new)(&queue, NULL) == LLMAGG_OK);
    MUST(FN(llmagg_client_chat_submit)(client, queue, STR(HELLO), NULL, 0, LLMAGG_STREAM, 7, &op, NULL) == LLMAGG_OK);
    MUST(FN(llmagg_queue_wait)(queue, 10, NULL) == LLMAGG_OK);
    FN(llmagg_queue_free)(queue);
    MUST(FN(llmagg_client_chat)(client, STR("{\"messages\":[{\"role\":7}]}"), NULL, 0, &stats, &error) == LLMAGG_E_INVALID_ARGUMENT);
    FN(llmagg_error_free)(error);
    MUST(FN(llmagg_stats)(&stats, NULL) == LLMAGG_OK);
    FN(llmagg_buf_free)(&stats);
    return unused;
}

static void threads_with_stacks_of_16_kib(void) {
    long least = sysconf(_SC_THREAD_STACK_MIN); /* with AVX-512 it may be more than 16 KiB */
    load();
    client = healthy_client();
    on_threads(20, least > 16384 ? (size_t)least : 16384, uses_much, NULL);
}

enum { FIBRES = 4, ROUNDS = 10 };
static ucontext_t fibres[FIBRES], home;
static int running;

static void fibre(void) {
    for (int i = 0; i < ROUNDS; i++) {
        uses_much(NULL);
        MUST(swapcontext(&fibres[running], &home) == 0);
    }
}

/* Resumes each fibre once, on whichever thread this is. */
static void *resumes(void *unused) {
    for (running = 0; running < FIBRES; running++) MUST(swapcontext(&home, &fibres[running]) == 0);
    return unused;
}

static void fibres_that_change_their_thread(void) {
    if (SANITIZED) return; /* they must be told of fibres */
    load();
    client = healthy_client();
    for (int i = 0; i < FIBRES; i++) {
        MUST(getcontext(&fibres[i]) == 0);
        fibres[i].uc_stack.ss_size = 65536;
        fibres[i].uc_stack.ss_sp = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        MUST(fibres[i].uc_stack.ss_sp != MAP_FAILED);
        fibres[i].uc_link = &home;
        makecontext(&fibres[i], fibre, 0);
    }
    for (int i = 0; i < ROUNDS; i++) {
        if (i % 2 == 0) resumes(NULL);
        else on_threads(1, 262144, resumes, NULL);
    }
}

static sigjmp_buf back;
static void jump(int signal) {
    (void)signal;
    siglongjmp(back, 1);
}

static void jumps_out_of_a_handler_while_others_call(void) {
    struct itimerval timer = {{0, 500}, {0, 500}}, none = {{0, 0}, {0, 0}};
    static volatile int jumped;
    sigset_t its;
    load();
    client = healthy_client();
    MUST(sigemptyset(&its) == 0 && sigaddset(&its, SIGVTALRM) == 0 && signal(SIGVTALRM, jump) != SIG_ERR);
    MUST(pthread_sigmask(SIG_BLOCK, &its, NULL) == 0);
    four_threads_chat(client); /* which never take it */
    MUST(pthread_sigmask(SIG_UNBLOCK, &its, NULL) == 0);
    if (sigsetjmp(back, 1) != 0) jumped++;
    while (jumped < 100) {
        MUST(setitimer(ITIMER_VIRTUAL, &timer, NULL) == 0);
        for (volatile int i = 0; i < 1000000; i++) {
        }
    }
    MUST(setitimer(ITIMER_VIRTUAL, &none, NULL) == 0);
    for (int i = 0; i < 10; i++) chat(client);
}

static void flushing_to_zero_and_x87_precision(void) {
#if defined(__x86_64__)
    unsigned short single = 0x007F, after = 0;
    _mm_setcsr(_mm_getcsr() | 0x8040); /* FTZ and DAZ */
    unsigned int mode = _mm_getcsr();
    __asm__ volatile("fldcw %0" : : "m"(single));
    load();
    client = healthy_client();
    for (int i = 0; i < 10; i++) chat(client);
    has_timeout();
    __asm__ volatile("fnstcw %0" : "=m"(after));
    MUST(after == single && (_mm_getcsr() & ~0x3FU) == (mode & ~0x3FU));
    on_threads(1, 262144, chats_once, NULL); /* it inherits both */
#endif
}

static volatile sig_atomic_t handled;
static void count(int signal) {
    (void)signal;
    handled++;
}

static void timers_of_100_us(void) {
    struct itimerval interval = {{0, 100}, {0, 100}};
    struct itimerspec spec = {{0, 100000}, {0, 100000}};
    struct sigevent event;
    struct sigaction action;
    timer_t timer;
    load();
    client = healthy_client();
    memset(&event, 0, sizeof event);
    memset(&action, 0, sizeof action);
    action.sa_handler = count; /* no SA_RESTART, no SA_ONSTACK */
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = SIGRTMIN + 1;
    MUST(sigaction(SIGALRM, &action, NULL) == 0 && sigaction(SIGRTMIN + 1, &action, NULL) == 0);
    MUST(setitimer(ITIMER_REAL, &interval, NULL) == 0);
    MUST(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0 && timer_settime(timer, 0, &spec, NULL) == 0);
    four_threads_chat(client);
    for (double end = now() + storm() / 2; now() < end;) chat(client);
    MUST(handled > 100);
}

/* ---- threads that come and go */

static void a_thousand_short_threads(void) {
    load();
    client = healthy_client();
    chat(client);
    on_threads(1000, 65536, chats_once, NULL);
    MUST(threads_now() < 30);
}

static pthread_key_t key;
static int last_calls;
static void calls_at_the_end(void *round) {
    chat(client);
    __atomic_add_fetch(&last_calls, 1, __ATOMIC_SEQ_CST);
    if ((uintptr_t)round < PTHREAD_DESTRUCTOR_ITERATIONS) pthread_setspecific(key, (void *)((uintptr_t)round + 1));
}
static void *leaves_a_value(void *calls_before) {
    if (calls_before != NULL) chat(client);
    MUST(pthread_setspecific(key, (void *)1) == 0);
    return NULL;
}

/* In each round of destructors: the runtime's own for the thread has run between them. */
static void destructors_of_threads_call(void) {
    MUST(pthread_key_create(&key, calls_at_the_end) == 0);
    load();
    client = healthy_client();
    on_threads(20, 65536, leaves_a_value, NULL);
    on_threads(20, 65536, leaves_a_value, "calls before");
    MUST(last_calls == 40 * PTHREAD_DESTRUCTOR_ITERATIONS);
}

/* ---- loading */

static void loaded_and_unloaded_again_and_again(void) {
    load();
    client = healthy_client();
    void *first = library;
    for (int i = 0; i < 300; i++) {
        load();
        MUST(library == first && dlclose(library) == 0);
        if (i % 30 == 0) chat(client);
    }
    MUST(dlclose(first) == 0); /* it stays: threads of its own run in it */
    load();
    chat(client);
}

/* A second copy, in a namespace of its own. Both copies work. */
static void a_copy_in_another_namespace(void) {
    if (SANITIZED) return; /* they have one namespace */
    load();
    client = healthy_client();
    chat(client);
    void *first = library;
    llmagg_client *of_first = client;
    library = dlmopen(LM_ID_NEWLM, LIBRARY, RTLD_NOW);
    if (library == NULL) dprintf(results, "# %s\n", dlerror());
    MUST(library != NULL && library != first);
    client = healthy_client();
    for (int i = 0; i < 10; i++) chat(client);
    library = first;
    client = of_first;
    on_threads(4, 262144, chats_once, NULL);
}

/* ---- children */

/* How many descriptors a program finds that is started: its status. */
static int descriptors_of_a_program(int by_vfork) {
    extern char **environ;
    static char script[] = "n=0; for fd in /proc/self/fd/*; do n=$((n+1)); done; exit $n", shell[] = "/bin/sh", option[] = "-c";
    char *const arguments[] = {shell, option, script, NULL};
    int status = -1;
    pid_t pid = -1;
    if (!by_vfork) MUST(posix_spawn(&pid, shell, NULL, NULL, arguments, environ) == 0);
    else if ((pid = vfork()) == 0) execv(shell, arguments), _exit(127);
    MUST(pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void programs_started_while_calls_run(void) {
    int before = descriptors_of_a_program(0);
    load();
    client = healthy_client();
    four_threads_chat(client);
    for (int i = 0; i < 20; i++) MUST(descriptors_of_a_program(i % 2) == before);
}

static void children_that_go_on_without_exec(void) {
    load();
    client = healthy_client();
    four_threads_chat(client);
    for (int i = 0; i < 20; i++) {
        int status = -1;
        pid_t pid = fork();
        if (pid == 0) {
            llmagg_buf answer = {NULL, 0};
            alarm(5);
            free(malloc(1000));
            setlocale(LC_ALL, "C");
            if (FN(llmagg_client_chat)(client, STR(HELLO), NULL, 0, &answer, NULL) != LLMAGG_E_FORKED) _exit(3);
            exit(0); /* with its atexit functions and destructors */
        }
        MUST(waitpid(pid, &status, 0) == pid);
        MUST(status == 0);
    }
}

static void reaps_all(int signal) {
    int host_errno = errno;
    (void)signal;
    while (waitpid(-1, NULL, WNOHANG) > 0) {
    }
    errno = host_errno;
}

/* A client whose keys a program prints. */
static llmagg_client *client_with_a_program(void) {
    static const char file[] = "[default]\ncredential_process = printf '%s' '{\"Version\":1,\"AccessKeyId\":\"AKIAWALL\",\"SecretAccessKey\":\"wall-secret\"}'\n";
    char path[] = "/tmp/llmagg-aws-XXXXXX";
    int fd = mkstemp(path);
    MUST(fd >= 0 && write(fd, file, sizeof file - 1) == (ssize_t)sizeof file - 1 && close(fd) == 0);
    MUST(setenv("AWS_CONFIG_FILE", path, 1) == 0 && setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere", 1) == 0);
    client = client_of("{}", ",\"type\":\"bedrock\",\"region\":\"eu-west-1\",\"auth\":{\"type\":\"aws\",\"profile\":\"default\"}");
    chat(client);
    unlink(path);
    return client;
}

/* Whoever waits for all children takes ours, too: what the program has printed counts. */
static void a_handler_that_waits_for_every_child(void) {
    load();
    MUST(signal(SIGCHLD, reaps_all) != SIG_ERR);
    for (int i = 0; i < 10; i++) FN(llmagg_client_free)(client_with_a_program());
}

static void children_that_nobody_waits_for(void) {
    load();
    MUST(signal(SIGCHLD, SIG_IGN) != SIG_ERR);
    for (int i = 0; i < 3; i++) FN(llmagg_client_free)(client_with_a_program());
}

/* ---- the process's surroundings */

static void another_root_and_a_folder_that_is_gone(void) {
    char folder[] = "/tmp/llmagg-root-XXXXXX";
    load();
    client = healthy_client();
    MUST(mkdtemp(folder) != NULL && chdir(folder) == 0 && rmdir(folder) == 0);
    chat(client);
    client = healthy_client();
    if (getuid() != 0) return;
    memcpy(folder + sizeof folder - 7, "XXXXXX", 6);
    MUST(mkdtemp(folder) != NULL && chroot(folder) == 0 && chdir("/") == 0);
    chat(client);
    client = healthy_client(); /* no certificates, no /etc, no /proc */
    chat(client);
}

/* A locale with a comma, where the machine has one; and one of the thread's own. */
static void numbers_in_other_locales(void) {
    static const char *const known[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "tr_TR.UTF-8", "C.UTF-8"};
    for (size_t i = 0; i < sizeof known / sizeof *known && setlocale(LC_ALL, known[i]) == NULL; i++) {
    }
    load();
    client = healthy_client();
    has_timeout();
    locale_t own = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    MUST(own != (locale_t)0 && uselocale(own) != (locale_t)0);
    has_timeout();
    chat(client);
    MUST(uselocale((locale_t)0) == own);
}

static void one_processor_and_locked_memory(void) {
    cpu_set_t one;
    CPU_ZERO(&one);
    MUST(sched_getaffinity(0, sizeof one, &one) == 0);
    for (int cpu = 0, kept = 0; cpu < CPU_SETSIZE; cpu++) {
        if (CPU_ISSET(cpu, &one) && kept++ > 0) CPU_CLR(cpu, &one);
    }
    MUST(sched_setaffinity(0, sizeof one, &one) == 0);
#ifdef MCL_ONFAULT
    (void)mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT); /* as hosts with real-time threads do; not everybody may */
#endif
    load();
    client = healthy_client();
    four_threads_chat(client);
    for (int i = 0; i < 50; i++) chat(client);
}

int main(int argc, char **arguments) {
    if (getenv("MALLOC_PERTURB_") == NULL) {
        setenv("MALLOC_PERTURB_", "165", 1);
        setenv("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0:glibc.malloc.arena_max=1:glibc.pthread.rseq=0", 1);
        execv(arguments[0], arguments);
    }
    (void)argc;
    results_apart();
    RUN(threads_with_stacks_of_16_kib);
    RUN(fibres_that_change_their_thread);
    RUN(jumps_out_of_a_handler_while_others_call);
    RUN(flushing_to_zero_and_x87_precision);
    RUN(timers_of_100_us);
    RUN(a_thousand_short_threads);
    RUN(destructors_of_threads_call);
    RUN(loaded_and_unloaded_again_and_again);
    RUN(a_copy_in_another_namespace);
    RUN(programs_started_while_calls_run);
    RUN(children_that_go_on_without_exec);
    RUN(a_handler_that_waits_for_every_child);
    RUN(children_that_nobody_waits_for);
    RUN(another_root_and_a_folder_that_is_gone);
    RUN(numbers_in_other_locales);
    RUN(one_processor_and_locked_memory);
    return failures != 0;
}
