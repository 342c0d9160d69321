/* Hosts that take signals in the ways of the textbooks: handlers without SA_ONSTACK under load, signals that are blocked everywhere and
 * waited for, a SIGURG of their own, small alternate stacks. */
#include "host.h"

#include <dirent.h>
#include <sys/select.h>
#include <sys/time.h>

static volatile sig_atomic_t handled;
static void count(int signal) {
    (void)signal;
    handled++;
}

static void handle(int signal, int flags) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = count;
    action.sa_flags = flags;
    MUST(sigaction(signal, &action, NULL) == 0);
}

static void block(int signal, sigset_t *before) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, signal);
    MUST(pthread_sigmask(SIG_BLOCK, &set, before) == 0);
}

/* A: the event loop with pselect and vfork. */
static void an_event_loop_with_children(void) {
    sigset_t before;
    load();
    llmagg_client *client = healthy_client();
    block(SIGCHLD, &before);
    handle(SIGCHLD, 0);
    four_threads_chat(client);
    for (double end = now() + storm(); now() < end;) {
        for (int i = 0; i < 4; i++) {
            if (vfork() == 0) _exit(0);
        }
        struct timespec ms = {0, 1000000};
        pselect(0, NULL, NULL, NULL, &ms, &before);
        while (waitpid(-1, NULL, WNOHANG) > 0) {
        }
    }
    MUST(handled > 10);
}

/* A: a profiler's timer; who burns the CPU takes the signal. */
static void a_profiling_timer(void) {
    struct itimerval timer = {{0, 1000}, {0, 1000}};
    load();
    llmagg_client *client = healthy_client();
    handle(SIGPROF, SA_RESTART);
    MUST(setitimer(ITIMER_PROF, &timer, NULL) == 0);
    four_threads_chat(client);
    for (double end = now() + storm(); now() < end;) {
        llmagg_buf stats = {NULL, 0};
        MUST(FN(llmagg_stats)(&stats, NULL) == LLMAGG_OK); /* a function that enters Go */
        FN(llmagg_buf_free)(&stats);
    }
    MUST(handled > 10);
}

/* A: a POSIX timer with a real-time signal, as fast as it comes, for each of the first three. */
static void timers_with_real_time_signals(void) {
    struct itimerspec every = {{0, 200000}, {0, 200000}};
    load();
    llmagg_client *client = healthy_client();
    for (int i = 0; i < 3; i++) {
        struct sigevent event;
        timer_t timer;
        memset(&event, 0, sizeof event);
        event.sigev_notify = SIGEV_SIGNAL;
        event.sigev_signo = SIGRTMIN + i;
        handle(SIGRTMIN + i, SA_RESTART);
        MUST(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0 && timer_settime(timer, 0, &every, NULL) == 0);
    }
    four_threads_chat(client);
    for (double end = now() + storm(); now() < end;) {
        llmagg_client *another = NULL;
        MUST(FN(llmagg_client_new)(STR("{\"provider\":\"p\",\"name\":\"m\",\"base_url\":\"http://127.0.0.1:9/v1\"}"), &another, NULL) == LLMAGG_OK);
        FN(llmagg_client_free)(another);
    }
    MUST(handled > 100);
}

static void *asks_for_stats(void *signal) {
    sigset_t mask, pending;
    llmagg_buf stats = {NULL, 0};
    if (signal != NULL) {
        pthread_kill(pthread_self(), *(int *)signal);
        MUST(sigpending(&pending) == 0 && sigismember(&pending, *(int *)signal));
    }
    MUST(FN(llmagg_stats)(&stats, NULL) == LLMAGG_OK);
    FN(llmagg_buf_free)(&stats);
    MUST(pthread_sigmask(SIG_BLOCK, NULL, &mask) == 0);
    for (int s = 1; s < NSIG; s++) {
        if (s == SIGKILL || s == SIGSTOP || s == 32 || s == 33) continue;
        if (!sigismember(&mask, s)) dprintf(results, "# signal %d is not blocked any longer\n", s);
        MUST(sigismember(&mask, s));
    }
    return NULL;
}

/* B, E: a thread that blocks everything, with signals that wait for it at its first call, has the same mask afterwards. */
static void masks_are_as_they_were(void) {
    static int pending[] = {SIGPROF, SIGCHLD, SIGUSR1, SIGURG, SIGTERM};
    pthread_t thread;
    sigset_t all;
    load();
    sigfillset(&all);
    MUST(pthread_sigmask(SIG_SETMASK, &all, NULL) == 0);
    MUST(pthread_create(&thread, NULL, asks_for_stats, NULL) == 0 && pthread_join(thread, NULL) == 0);
    for (size_t i = 0; i < sizeof pending / sizeof *pending; i++)
        MUST(pthread_create(&thread, NULL, asks_for_stats, &pending[i]) == 0 && pthread_join(thread, NULL) == 0);
    int real_time = SIGRTMIN;
    MUST(pthread_create(&thread, NULL, asks_for_stats, &real_time) == 0 && pthread_join(thread, NULL) == 0);
}

/* B, E: what every thread of the host blocks waits until one asks for it, each signal that can. */
static void blocked_signals_wait_for_their_taker(void) {
    sigset_t set;
    struct timespec second = {5, 0};
    sigfillset(&set);
    sigdelset(&set, SIGALRM); /* the limit of the test */
    MUST(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0); /* before any thread */
    load();
    llmagg_client *client = healthy_client();
    four_threads_chat(client);
    for (int s = 1; s < NSIG; s++) {
        sigset_t one;
        if (s == SIGKILL || s == SIGSTOP || s == SIGALRM || s == 32 || s == 33) continue;
        /* Faults, which a thread of the host's leaves open while it is in Go (kept_waiting in capi/signals.c). */
        if (s == SIGILL || s == SIGTRAP || s == SIGBUS || s == SIGFPE || s == SIGSEGV || s == SIGSYS) continue;
        sigemptyset(&one);
        sigaddset(&one, s);
        for (int i = 0; i < 20; i++) {
            kill(getpid(), s);
            int got = sigtimedwait(&one, NULL, &second);
            if (got != s) dprintf(results, "# signal %d was not there\n", s);
            MUST(got == s);
        }
    }
}

/* B: no thread of the library leaves open what is no fault. */
static void its_threads_block_all_but_faults(void) {
    struct dirent *entry;
    int threads = 0;
    load();
    llmagg_client *client = healthy_client();
    chat(client);
    DIR *tasks = opendir("/proc/self/task");
    MUST(tasks != NULL);
    while ((entry = readdir(tasks)) != NULL) {
        char path[300], line[256];
        unsigned long long blocked = 0;
        if (entry->d_name[0] == '.' || atoi(entry->d_name) == getpid()) continue;
        snprintf(path, sizeof path, "/proc/self/task/%s/status", entry->d_name);
        FILE *status = fopen(path, "r");
        while (status != NULL && fgets(line, sizeof line, status) != NULL) sscanf(line, "SigBlk: %llx", &blocked);
        if (status == NULL) continue; /* it has ended */
        fclose(status);
        threads++;
        for (int s = 1; s < NSIG; s++) {
            if (s == SIGKILL || s == SIGSTOP || s == 32 || s == 33) continue; /* the C library's two */
            if (s == SIGILL || s == SIGTRAP || s == SIGBUS || s == SIGFPE || s == SIGSEGV || s == SIGSYS) continue;
            if (!(blocked >> (s - 1) & 1)) dprintf(results, "# thread %s does not block signal %d\n", entry->d_name, s);
            MUST(blocked >> (s - 1) & 1);
        }
    }
    closedir(tasks);
    MUST(threads > 2);
}

/* F: a handler for out-of-band data, from before and from after. */
static void sigurg_is_the_hosts(void) {
    struct sigaction action;
    handle(SIGURG, 0);
    load();
    llmagg_client *client = healthy_client();
    chat(client);
    int before = handled;
    for (int i = 0; i < 1000; i++) raise(SIGURG);
    MUST(handled - before == 1000);
    MUST(sigaction(SIGURG, NULL, &action) == 0 && action.sa_handler == count);
    handle(SIGURG, SA_RESTART);
    four_threads_chat(client);
    before = handled;
    for (int i = 0; i < 1000; i++) raise(SIGURG);
    usleep(300000); /* calls go on; nothing but the host sends the signal */
    MUST(handled - before == 1000);
}

/* F: nothing but faults and SIGPIPE gets a handler. */
static void no_other_handler_is_installed(void) {
    struct sigaction before[NSIG], after;
    for (int s = 1; s < NSIG; s++) sigaction(s, NULL, &before[s]);
    load();
    chat(healthy_client());
    for (int s = 1; s < NSIG; s++) {
        if (s == SIGSEGV || s == SIGBUS || s == SIGFPE || s == SIGPIPE) continue;
        if (sigaction(s, NULL, &after) != 0) continue;
        if (after.sa_handler != before[s].sa_handler) dprintf(results, "# signal %d has a handler\n", s);
        MUST(after.sa_handler == before[s].sa_handler);
    }
}

static const char *catalog;
static void *resolves_on_a_small_stack(void *size) {
    stack_t small = {.ss_size = *(size_t *)size};
    small.ss_sp = malloc(small.ss_size);
    MUST(sigaltstack(&small, NULL) == 0);
    for (int i = 0; i < 3; i++) {
        llmagg_buf out = {NULL, 0};
        MUST(FN(llmagg_resolve)(STR(catalog), STR("[]"), &out, NULL) == LLMAGG_OK);
        FN(llmagg_buf_free)(&out);
    }
    small.ss_flags = SS_DISABLE;
    sigaltstack(&small, NULL);
    free(small.ss_sp);
    return NULL;
}

/* L: alternate stacks as small as the kernel takes them, in calls that compute for long while Go collects garbage. */
static void small_alternate_stacks(void) {
    static char text[2000 * 64];
    size_t size = (size_t)sysconf(_SC_MINSIGSTKSZ), at = 1;
    pthread_t threads[4];
    text[0] = '[';
    for (int i = 0; i < 2000; i++)
        at += (size_t)sprintf(text + at, "%s{\"provider\":\"p%d\",\"name\":\"m%d\",\"model\":\"m\"}", i > 0 ? "," : "", i % 7, i);
    strcpy(text + at, "]");
    catalog = text;
    if (size < 4656) size = 4656;
    load();
    for (int i = 0; i < 4; i++) MUST(pthread_create(&threads[i], NULL, resolves_on_a_small_stack, &size) == 0);
    for (int i = 0; i < 4; i++) MUST(pthread_join(threads[i], NULL) == 0);
}

/* setuid() sends a signal to every thread, with glibc's handler on whatever stack it has. */
static void setuid_reaches_every_thread(void) {
    load(); /* the process has made no thread before, so glibc has no such handler yet */
    llmagg_client *client = healthy_client();
    four_threads_chat(client);
    for (double end = now() + storm(); now() < end;) MUST(setuid(getuid()) == 0);
}

static void *asks_on(void *unused) {
    for (;;) {
        llmagg_buf stats = {NULL, 0};
        if (FN(llmagg_stats)(&stats, NULL) == LLMAGG_OK) FN(llmagg_buf_free)(&stats);
        pthread_testcancel();
    }
    return unused;
}

/* A thread that is cancelled while it is inside of Go ends behind the call. */
static void a_thread_is_cancelled_in_a_call(void) {
    load();
    llmagg_client *client = healthy_client();
    for (double end = now() + storm(); now() < end;) {
        pthread_t thread;
        MUST(pthread_create(&thread, NULL, asks_on, NULL) == 0);
        usleep(500);
        MUST(pthread_cancel(thread) == 0 && pthread_join(thread, NULL) == 0);
    }
    chat(client);
}

static volatile sig_atomic_t rang;
static void note(int signal) {
    (void)signal;
    rang = 1;
}

/* The wall's answers that are held under this name come when the handler has run. */
typedef struct {
    llmagg_wall *wall;
    char name;
} held;
static void *releases(void *of) {
    held *answers = of;
    while (!rang) usleep(1000);
    MUST(FN(llmagg_wall_release)(answers->wall, &answers->name, 1, NULL) == LLMAGG_OK);
    return NULL;
}

/* A handler runs while a function waits, not behind it: a host that is asked to stop hears it. Would it run behind, no call came back. */
static void handlers_run_while_a_call_waits(void) {
    llmagg_wall *wall = NULL;
    llmagg_manager *manager = NULL;
    llmagg_provider *provider = NULL;
    llmagg_client *client = NULL;
    llmagg_aggregator *aggregator = NULL;
    llmagg_queue *queue = NULL;
    llmagg_buf url = {NULL, 0}, out = {NULL, 0};
    uint64_t op = 0;
    char config[512], script[128];
    load();
    MUST(FN(llmagg_wall_start)(NULL, 0, &wall, NULL) == LLMAGG_OK && FN(llmagg_wall_url)(wall, &url, NULL) == LLMAGG_OK);
    snprintf(config, sizeof config, "{\"p\":{\"models\":{\"m\":{\"base_url\":\"%s\"}}}}", url.ptr);
    MUST(FN(llmagg_manager_new)(&manager, NULL) == LLMAGG_OK && FN(llmagg_provider_new)(STR(config), &provider, NULL) == LLMAGG_OK);
    MUST(FN(llmagg_provider_initialize)(provider, NULL) == LLMAGG_OK);
    MUST(FN(llmagg_manager_register)(manager, provider, NULL) == LLMAGG_OK);
    MUST(FN(llmagg_aggregator_new)(manager, NULL, 0, &aggregator, NULL) == LLMAGG_OK);
    MUST(FN(llmagg_manager_client)(manager, STR("p"), STR("m"), &client, NULL) == LLMAGG_OK);
    MUST(FN(llmagg_queue_new)(&queue, NULL) == LLMAGG_OK);
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = note;
    MUST(sigaction(SIGVTALRM, &action, NULL) == 0);
    for (int function = 0; function < 5; function++) {
        held answers = {wall, (char)('0' + function)};
        pthread_t other;
        sigset_t before;
        snprintf(script, sizeof script, "{\"default\":{\"steps\":[{\"hold\":\"%c\"}]},\"health\":{\"steps\":[{\"hold\":\"%c\"}]}}", answers.name, answers.name);
        MUST(FN(llmagg_wall_script)(wall, STR(script), NULL) == LLMAGG_OK);
        rang = 0;
        block(SIGVTALRM, &before); /* the other thread does not take it */
        MUST(pthread_create(&other, NULL, releases, &answers) == 0 && pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
        struct sigevent event;
        struct itimerspec once = {{0, 0}, {0, 100000000}};
        timer_t timer;
        memset(&event, 0, sizeof event);
        event.sigev_notify = SIGEV_SIGNAL;
        event.sigev_signo = SIGVTALRM;
        MUST(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0 && timer_settime(timer, 0, &once, NULL) == 0);
        switch (function) {
        case 0: FN(llmagg_client_chat)(client, STR(HELLO), NULL, 0, &out, NULL); break;
        case 1: FN(llmagg_aggregator_chat)(aggregator, STR(HELLO), NULL, 0, &out, NULL); break;
        case 2: FN(llmagg_manager_health)(manager, &out, NULL); break;
        case 3: FN(llmagg_aggregator_health)(aggregator, &out, NULL); break;
        default:
            MUST(FN(llmagg_client_chat_submit)(client, queue, STR(HELLO), NULL, 0, 0, 0, &op, NULL) == LLMAGG_OK);
            FN(llmagg_queue_wait)(queue, -1, NULL);
        }
        MUST(rang && pthread_join(other, NULL) == 0);
        FN(llmagg_buf_free)(&out);
    }
}

int main(void) {
    results_apart();
    RUN(an_event_loop_with_children);
    RUN(a_profiling_timer);
    RUN(timers_with_real_time_signals);
    RUN(masks_are_as_they_were);
    RUN(blocked_signals_wait_for_their_taker);
    RUN(its_threads_block_all_but_faults);
    RUN(sigurg_is_the_hosts);
    RUN(no_other_handler_is_installed);
    RUN(small_alternate_stacks);
    RUN(setuid_reaches_every_thread);
    RUN(a_thread_is_cancelled_in_a_call);
    RUN(handlers_run_while_a_call_waits);
    return failures != 0;
}
