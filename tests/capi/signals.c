/* Signals belong to the host: what it blocks stays blocked, what it waits for arrives, a handler of its own runs on its own
 * threads, and a broken connection is no SIGPIPE. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

static llmagg_wall *wall;
static llmagg_client *client;

static void chat(void) {
    llmagg_buf answer = {NULL, 0};
    llmagg_client_chat(client, STR(HELLO), NOTHING, &answer, NULL);
    llmagg_buf_free(&answer);
}

/* A thread that blocks everything calls the library. Its result is the mask afterwards. */
static void *blocks_everything(void *mask) {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    chat();
    pthread_sigmask(SIG_SETMASK, NULL, mask);
    return NULL;
}

static void what_a_thread_blocks_stays_blocked(void) {
    static const int asynchronous[] = {SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGALRM, SIGTERM, SIGCHLD, SIGUSR1, SIGUSR2, SIGPROF, SIGWINCH};
    pthread_t thread;
    sigset_t mask;
    CHECK(pthread_create(&thread, NULL, blocks_everything, &mask) == 0 && pthread_join(thread, NULL) == 0);
    for (size_t i = 0; i < sizeof asynchronous / sizeof *asynchronous; i++) {
        if (!sigismember(&mask, asynchronous[i])) printf("# %s is not blocked any longer\n", strsignal(asynchronous[i]));
        CHECK(sigismember(&mask, asynchronous[i]));
    }
}

/* The classical way of servers: block in every thread, wait in one. Run in a child of its own, which a stray signal would kill;
 * the library is not used before the fork. */
static int waits_for_signals(void) {
    static const int waited[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGALRM};
    sigset_t set;
    int got = 0;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof waited / sizeof *waited; i++) sigaddset(&set, waited[i]);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    for (int round = 0; round < 20; round++) {
        int signal = waited[round % 5];
        kill(getpid(), signal);
        if (sigwait(&set, &got) != 0 || got != signal) return 1;
    }
    return 0;
}

static pthread_t host_thread;
static int strangers; /* handlers that ran on a thread that is not the host's */
static int handled;

static void handler(int unused) {
    volatile char stack[32768]; /* more than a goroutine has; on a thread of Go this would overwrite memory */
    stack[0] = (char)unused;
    stack[sizeof stack - 1] = stack[0];
    handled++;
    strangers += !pthread_equal(pthread_self(), host_thread);
}

/* A handler without SA_ONSTACK, as old programs have them, under a fast timer, while the library is busy. The host's thread blocks
 * the signal while it is inside a call, as the header asks of such a host: then only threads of the library could take it. */
static int handles_a_timer(void) {
    struct sigaction action = {0};
    struct itimerval timer = {{0, 200}, {0, 200}};
    llmagg_queue *queue = new_queue();
    uint64_t op = 0;
    received *r = malloc(sizeof *r);
    sigset_t alarm;
    sigemptyset(&alarm);
    sigaddset(&alarm, SIGALRM);
    host_thread = pthread_self();
    action.sa_handler = handler;
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &timer, NULL);
    for (int i = 0; i < 300; i++) {
        pthread_sigmask(SIG_UNBLOCK, &alarm, NULL);
        pthread_sigmask(SIG_BLOCK, &alarm, NULL);
        if (llmagg_client_chat_submit(client, queue, STR(HELLO), NOTHING, LLMAGG_STREAM, 0, &op, NULL) != LLMAGG_OK) return 2;
        if (!receive_end(queue, op, r, NULL) || r->event.type != LLMAGG_EVENT_DONE) return 5;
    }
    memset(&timer, 0, sizeof timer);
    setitimer(ITIMER_REAL, &timer, NULL);
    llmagg_queue_free(queue);
    free(r);
    return handled < 10 ? 3 : strangers > 0 ? 4 : 0;
}

/* Takes connections, reads a little, and closes: what is still being sent meets a broken pipe. */
static void *breaks_connections(void *listener) {
    char some[100];
    for (;;) {
        int fd = accept(*(int *)listener, NULL, NULL);
        if (fd < 0) return NULL;
        if (read(fd, some, sizeof some) >= 0) close(fd);
    }
}

/* Programs that shall die when their output is not read any longer, as by `| head`, have SIGPIPE at its default. */
static int survives_broken_connections(void) {
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof addr;
    int listener = socket(AF_INET, SOCK_STREAM, 0), failed = 0;
    pthread_t server;
    if (bind(listener, (struct sockaddr *)&addr, length) != 0 || listen(listener, 16) != 0) return 2;
    getsockname(listener, (struct sockaddr *)&addr, &length);
    pthread_create(&server, NULL, breaks_connections, &listener);
    char config[256], *request = malloc((4 << 20) + 256);
    snprintf(config, sizeof config, "{\"provider\":\"p\",\"name\":\"m\",\"base_url\":\"http://127.0.0.1:%d/v1\",\"max_retries\":1,"
             "\"breaker\":{\"failures\":1000,\"min_requests\":1000}}", ntohs(addr.sin_port));
    llmagg_client *talker = NULL;
    signal(SIGPIPE, SIG_DFL);
    if (llmagg_client_new(STR(config), &talker, NULL) != LLMAGG_OK) return 3;
    size_t size = (size_t)sprintf(request, "{\"messages\":[{\"role\":\"user\",\"content\":\"%0*d\"}]}", 4 << 20, 0);
    int times = many_large(100);
    for (int i = 0; i < times; i++) {
        llmagg_buf answer = {NULL, 0};
        failed += llmagg_client_chat(talker, request, size, NOTHING, &answer, NULL) != LLMAGG_OK;
        llmagg_buf_free(&answer);
    }
    llmagg_client_free(talker);
    free(request);
    return failed == times ? 0 : 6;
}

/* Runs this program again with an argument, so that whatever kills it kills only that. */
static char *self;
static void passes(const char *what) {
    int status = -1;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        execl(self, self, what, (char *)NULL);
        _exit(127);
    }
    waitpid(pid, &status, 0);
    if (status != 0)
        printf("# %s: %s %d\n", what, WIFSIGNALED(status) ? "killed by" : "status",
               WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    CHECK(status == 0);
}

static void signals_that_the_host_waits_for_arrive(void) { passes("wait"); }
static void handlers_run_on_the_hosts_threads(void) { passes("timer"); }
static void a_broken_connection_is_no_sigpipe(void) { passes("pipe"); }

/* The library is loaded with this program, before main; no thread of Go may take what is meant for the host. */
static void threads_of_go_block_the_hosts_signals(void) {
    struct dirent *entry;
    DIR *tasks = opendir("/proc/self/task");
    int others = 0, open = 0;
    chat();
    while ((entry = readdir(tasks)) != NULL) {
        char path[300], line[256];
        unsigned long long blocked = 0;
        if (entry->d_name[0] == '.' || atoi(entry->d_name) == getpid()) continue;
        snprintf(path, sizeof path, "/proc/self/task/%s/status", entry->d_name);
        FILE *f = fopen(path, "r");
        while (f != NULL && fgets(line, sizeof line, f) != NULL) sscanf(line, "SigBlk: %llx", &blocked);
        if (f != NULL) fclose(f);
        others++;
        for (int s = 1; s < 32; s++) {
            if (s == SIGKILL || s == SIGSTOP || s == SIGURG || s == SIGCHLD || s == SIGPROF) continue;
            if (s == SIGSEGV || s == SIGBUS || s == SIGFPE || s == SIGILL || s == SIGTRAP || s == SIGSYS || s == SIGSTKFLT) continue;
            if (!(blocked >> (s - 1) & 1)) open++, printf("# thread %s does not block %s\n", entry->d_name, strsignal(s));
        }
    }
    closedir(tasks);
    CHECK(others > 2);
    CHECK(open == 0);
}

static void the_loading_thread_keeps_its_mask(void) {
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    for (int s = 1; s < 32; s++) CHECK(!sigismember(&mask, s));
}

int main(int count, char **arguments) {
    self = arguments[0];
    wall = wall_with("{}");
    client = client_for(wall, "m", "");
    if (count == 2) {
        chat();
        if (strcmp(arguments[1], "wait") == 0) return waits_for_signals();
        if (strcmp(arguments[1], "timer") == 0) return handles_a_timer();
        return survives_broken_connections();
    }
    RUN(the_loading_thread_keeps_its_mask);
    RUN(what_a_thread_blocks_stays_blocked);
    RUN(threads_of_go_block_the_hosts_signals);
    RUN(signals_that_the_host_waits_for_arrive);
    RUN(handlers_run_on_the_hosts_threads);
    RUN(a_broken_connection_is_no_sigpipe);
    llmagg_client_free(client);
    llmagg_wall_free(wall);
    return RESULT();
}
