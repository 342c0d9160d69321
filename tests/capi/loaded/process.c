/* Hosts with a limit of descriptors, a rounding mode, children made past fork(), and little memory: all of it stays theirs. */
#include "host.h"

#include <fenv.h>
#include <math.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>

static void soft_limit(rlim_t soft) {
    struct rlimit limit;
    MUST(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = soft;
    MUST(setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

static rlim_t limit_now(void) {
    struct rlimit limit;
    MUST(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    return limit.rlim_cur;
}

/* D: neither the limit from before the load nor one that is set right behind it, and not in children. */
static void the_limit_of_descriptors_stays(void) {
    llmagg_manager *manager = NULL;
    int status = -1;
    soft_limit(256);
    load();
    MUST(limit_now() == 256);
    soft_limit(200);
    MUST(FN(llmagg_manager_new)(&manager, NULL) == LLMAGG_OK);
    chat(healthy_client());
    MUST(limit_now() == 200);
    pid_t pid = fork();
    if (pid == 0) _exit(limit_now() == 200 ? 0 : 3);
    MUST(waitpid(pid, &status, 0) == pid && status == 0);
}

/* D: what a call finds no descriptor for is an error. */
static void a_call_without_a_descriptor_is_an_error(void) {
    llmagg_buf answer = {NULL, 0};
    llmagg_error *error = NULL;
    load();
    llmagg_client *client = healthy_client();
    MUST(FN(llmagg_client_rest)(client, NULL) == LLMAGG_OK);
    soft_limit(3);
    MUST(FN(llmagg_client_chat)(client, STR(HELLO), STR("{\"max_retries\":0}"), &answer, &error) != LLMAGG_OK);
    MUST(strstr(FN(llmagg_error_message)(error), "too many open files") != NULL);
    soft_limit(200);
    chat(client);
}

static void in_such_a_child(llmagg_client *client, const char *how) {
    llmagg_buf answer = {NULL, 0};
    llmagg_error *error = NULL;
    llmagg_status status;
    alarm(10);
    status = FN(llmagg_client_chat)(client, STR(HELLO), STR("{\"deadline\":1}"), &answer, &error);
    if (status != LLMAGG_E_FORKED || FN(llmagg_error_code)(error) != LLMAGG_E_FORKED) {
        dprintf(results, "# %s: status %d\n", how, (int)status);
        _exit(3);
    }
    if (FN(llmagg_stats)(&answer, NULL) != LLMAGG_E_FORKED) _exit(4);
    FN(llmagg_client_free)(client);
    _exit(0);
}

static void ended_well(pid_t pid) {
    int status = -1;
    MUST(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
}

#if defined(__GLIBC__) && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 34)
extern pid_t _Fork(void);
#else
#define _Fork fork
#endif

/* I: children of which no atfork handler knows: each call says so at once. */
static void children_past_fork_are_told(void) {
    load();
    llmagg_client *client = healthy_client();
    chat(client);
    pid_t pid = _Fork();
    if (pid == 0) in_such_a_child(client, "_Fork");
    ended_well(pid);
    pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (pid == 0) in_such_a_child(client, "clone");
    ended_well(pid);
    chat(client);
}

static int sockets_open(void) {
    char link[64], target[64];
    int n = 0;
    for (int fd = 3; fd < 200; fd++) {
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        ssize_t size = readlink(link, target, sizeof target - 1);
        if (size > 0) target[size] = '\0', n += strncmp(target, "socket:", 7) == 0;
    }
    return n;
}

/* I: the connections of the parent are closed in such a child, at its first call. */
static void children_past_fork_close_the_parents_connections(void) {
    load();
    llmagg_client *client = healthy_client();
    chat(client);
    pid_t pid = _Fork();
    if (pid == 0) {
        llmagg_buf stats = {NULL, 0};
        int before = sockets_open();
        if (FN(llmagg_stats)(&stats, NULL) != LLMAGG_E_FORKED) _exit(3);
        _exit(sockets_open() < before ? 0 : 4);
    }
    ended_well(pid);
    chat(client);
}

static void has_timeout(llmagg_client *client) {
    llmagg_buf info = {NULL, 0};
    MUST(FN(llmagg_client_info)(client, &info, NULL) == LLMAGG_OK);
    if (strstr(info.ptr, "\"timeout\":0.7,") == NULL) dprintf(results, "# %s\n", info.ptr);
    MUST(strstr(info.ptr, "\"timeout\":0.7,") != NULL);
    FN(llmagg_buf_free)(&info);
}

static void date_of(char *text, size_t size, int seconds) {
    time_t at = time(NULL) + seconds;
    struct tm parts;
    MUST(strftime(text, size, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&at, &parts)) > 0);
}

/* Answers one request; a Retry-After is a second behind the Date of the server's own clock. */
static void answer_by_clock(int to, const char *status, int ahead) {
    static const char body[] = "{\"choices\":[{\"index\":0,\"message\":{\"content\":\"x\"},\"finish_reason\":\"stop\"}]}";
    char text[4096], date[64], after[64];
    size_t size = 0;
    ssize_t n = 1;
    text[0] = 0;
    while (n > 0 && strstr(text, "hello") == NULL) {
        n = read(to, text + size, sizeof text - 1 - size);
        size += n > 0 ? (size_t)n : 0;
        text[size] = 0;
    }
    date_of(date, sizeof date, ahead);
    date_of(after, sizeof after, ahead + 1);
    n = snprintf(text, sizeof text, "HTTP/1.1 %s\r\nDate: %s\r\nRetry-After: %s\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n%s",
                 status, date, after, sizeof body - 1, body);
    MUST(write(to, text, (size_t)n) == n && close(to) == 0);
}

static void waits_a_second_by_a_clock(int ahead) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof at;
    llmagg_client *client = NULL;
    llmagg_buf answer = {NULL, 0};
    char config[128];
    double wait = 0;
    int listening = socket(AF_INET, SOCK_STREAM, 0);
    MUST(bind(listening, (struct sockaddr *)&at, sizeof at) == 0 && listen(listening, 8) == 0);
    MUST(getsockname(listening, (struct sockaddr *)&at, &size) == 0);
    pid_t server = fork(); /* a program of its own, which knows nothing of the library */
    if (server == 0) {
        alarm(30);
        answer_by_clock(accept(listening, NULL, NULL), "429 Too Many Requests", ahead);
        answer_by_clock(accept(listening, NULL, NULL), "200 OK", ahead);
        _exit(0);
    }
    snprintf(config, sizeof config, "{\"provider\":\"p\",\"name\":\"m\",\"base_url\":\"http://127.0.0.1:%d\"}", ntohs(at.sin_port));
    MUST(FN(llmagg_client_new)(STR(config), &client, NULL) == LLMAGG_OK);
    MUST(FN(llmagg_client_chat)(client, STR(HELLO), NULL, 0, &answer, NULL) == LLMAGG_OK);
    for (const char *each = answer.ptr; (each = strstr(each, "\"wait\":")) != NULL;) wait += atof(each += strlen("\"wait\":"));
    if (wait < 0.99 || wait > 2.1) dprintf(results, "# a clock of %d s: waited for %f s\n", ahead, wait); /* dates are of whole seconds */
    MUST(wait >= 0.99 && wait <= 2.1);
    ended_well(server);
}

/* J: a wait that a server gives as a date counts by the server's clock, not by the host's. */
static void dates_count_by_the_servers_clock(void) {
    load();
    waits_a_second_by_a_clock(-3600);
    waits_a_second_by_a_clock(3600);
    waits_a_second_by_a_clock(0);
}

/* K: a host that rounds upwards, before and after the load. */
static void rounding_is_the_hosts(void) {
    volatile double one = 1, three = 3;
    MUST(fesetround(FE_UPWARD) == 0);
    double third = one / three;
    load();
    llmagg_client *client = healthy_client();
    has_timeout(client);
    chat(client);
    MUST(fegetround() == FE_UPWARD && one / three == third);
    MUST(fesetround(FE_TOWARDZERO) == 0);
    client = healthy_client();
    has_timeout(client);
    MUST(fegetround() == FE_TOWARDZERO);
}

/* K: a host for which an inexact or undefined result is a trap. */
static void floating_point_traps_are_the_hosts(void) {
#if defined(__x86_64__)
    MUST(feenableexcept(FE_INVALID | FE_DIVBYZERO | FE_OVERFLOW | FE_INEXACT) >= 0);
    load();
    llmagg_client *client = healthy_client();
    has_timeout(client);
    chat(client);
    MUST(fegetexcept() == (FE_INVALID | FE_DIVBYZERO | FE_OVERFLOW | FE_INEXACT));
    MUST(fetestexcept(FE_ALL_EXCEPT) == 0);
#endif
}

/* What GODEBUG asks of Go's runtime would be printed. main has seen to it that it stands in the environment of the program. */
static void the_environment_makes_nothing_print(void) {
    int out[2];
    char text[256] = "";
    MUST(pipe(out) == 0 && getenv("GODEBUG") != NULL && dup2(out[1], 2) == 2 && close(out[1]) == 0);
    load();
    llmagg_client *client = healthy_client();
    for (double end = now() + 0.3; now() < end;) chat(client);
    close(2);
    MUST(read(out[0], text, sizeof text - 1) == 0);
}

static void *raises_the_limit(void *limit) {
    if (limit != NULL) usleep(1000000);
    if (limit != NULL) MUST(setrlimit(RLIMIT_NPROC, limit) == 0);
    return NULL;
}

/* H: a container's limit of threads is reached, but somebody else ends soon. */
static void no_thread_for_a_moment_is_waited_for(void) {
    enum { STREAMS = 2000 };
    static llmagg_event events[64];
    static char bytes[1 << 20];
    struct rlimit limit, none;
    pthread_t thread;
    llmagg_queue *queue = NULL;
    uint64_t op = 0;
    int ended = 0;
    load();
    llmagg_client *client = client_of("{\"default\":{\"steps\":[{\"delay_headers_s\":0.5}]}}", ",\"max_concurrent_calls\":10000");
    MUST(FN(llmagg_queue_new)(&queue, NULL) == LLMAGG_OK);
    if (getuid() == 0) MUST(setuid(54321) == 0); /* root has no such limit */
    MUST(getrlimit(RLIMIT_NPROC, &limit) == 0);
    MUST(pthread_create(&thread, NULL, raises_the_limit, &limit) == 0);
    none = limit;
    none.rlim_cur = 1;
    MUST(setrlimit(RLIMIT_NPROC, &none) == 0);
    for (int i = 0; i < STREAMS; i++) {
        MUST(FN(llmagg_client_chat_submit)(client, queue, STR(HELLO), STR("{\"deadline\":20}"), LLMAGG_STREAM, 0, &op, NULL) == LLMAGG_OK);
    }
    while (ended < STREAMS) {
        llmagg_drain drain = {sizeof drain, sizeof(llmagg_event), events, 64, bytes, sizeof bytes, 0, 0, 0, 0, 0};
        MUST(FN(llmagg_queue_wait)(queue, 30, NULL) == LLMAGG_OK && FN(llmagg_queue_drain)(queue, &drain, NULL) == LLMAGG_OK);
        for (size_t i = 0; i < drain.count; i++)
            ended += events[i].type == LLMAGG_EVENT_DONE || events[i].type == LLMAGG_EVENT_ERROR;
    }
}

/* H: a host with little address space loads the library, lives, and is told by each call. Sanitizers need more themselves. */
static void without_address_space_calls_say_so(void) {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    const struct rlimit little = {400 << 20, 400 << 20};
    llmagg_manager *manager = NULL;
    llmagg_error *error = NULL;
    llmagg_buf stats = {NULL, 0};
    pthread_t thread;
    MUST(setrlimit(RLIMIT_AS, &little) == 0);
    load();
    MUST(FN(llmagg_manager_new)(&manager, &error) == LLMAGG_E_INTERNAL && manager == NULL);
    MUST(strstr(FN(llmagg_error_message)(error), "1.5 GiB of address space") != NULL);
    MUST(strstr(FN(llmagg_error_json)(error, NULL), "RLIMIT_AS") != NULL);
    FN(llmagg_error_free)(error);
    MUST(FN(llmagg_stats)(&stats, NULL) == LLMAGG_E_INTERNAL);
    MUST(pthread_create(&thread, NULL, raises_the_limit, NULL) == 0 && pthread_join(thread, NULL) == 0);
    MUST(dlclose(library) == 0);
#endif
}

/* M: queues that were freed leave nothing behind for a leak checker, which is asked at the end of the program. */
static void freed_queues_are_freed(void) {
    load();
    for (int i = 0; i < 200; i++) {
        llmagg_queue *queue = NULL;
        MUST(FN(llmagg_queue_new)(&queue, NULL) == LLMAGG_OK);
        FN(llmagg_queue_free)(queue);
    }
    int (*leaks)(void) = (int (*)(void))(uintptr_t)dlsym(RTLD_DEFAULT, "__lsan_do_recoverable_leak_check");
    if (leaks != NULL) MUST(leaks() == 0);
}

/* N: what stands in a configuration in a place that is not for it may be a secret. */
static void refusals_show_no_password(void) {
    static const char *const places[] = {
        "\"base_url\":\"user:hunter2pass@host:1\"", "\"base_url\":\"http://user:hunter2pass@ho st\"",
        "\"base_url\":\"http//user:hunter2pass@host\"", "\"base_url\":\"ftp://user:hunter2pass@host\"",
        "\"proxy\":\"user:hunter2pass@host:1\"", "\"proxy\":\"gopher://user:hunter2pass@host:1\"",
        "\"api_key\":\"hunter2pass \\n\"", "\"api_key\":{\"hunter2pass\":1}", "\"api_key\":[\"hunter2pass\",7]",
        "\"headers\":{\"authorization\":\"hunter2pass\\u0001\"}", "\"headers\":\"x-api-key: hunter2pass\"",
        "\"ca_file\":\"http://user:hunter2pass@host/ca\"", "\"timeout\":\"http://user:hunter2pass@host\"",
    };
    load();
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        llmagg_client *client = NULL;
        llmagg_error *error = NULL;
        char config[256];
        snprintf(config, sizeof config, "{\"provider\":\"p\",\"name\":\"m\",%s}", places[i]);
        MUST(FN(llmagg_client_new)(STR(config), &client, &error) == LLMAGG_E_INVALID_ARGUMENT && client == NULL);
        const char *texts[] = {FN(llmagg_error_message)(error), FN(llmagg_error_json)(error, NULL)};
        for (int t = 0; t < 2; t++) {
            if (strstr(texts[t], "hunter2") != NULL) dprintf(results, "# %s: %s\n", places[i], texts[t]);
            MUST(strstr(texts[t], "hunter2") == NULL);
        }
        FN(llmagg_error_free)(error);
    }
}

int main(int count, char **arguments) {
    if (getenv("GODEBUG") == NULL) {
        setenv("GODEBUG", "gctrace=1,schedtrace=50,inittrace=1", 1);
        setenv("GOMEMLIMIT", "half of it", 1); /* it ended the process when the library was loaded */
        setenv("GOMAXPROCS", "1000000", 1); /* it hung */
        execv(arguments[0], arguments);
    }
    (void)count;
    results_apart();
    RUN(the_limit_of_descriptors_stays);
    RUN(a_call_without_a_descriptor_is_an_error);
    RUN(children_past_fork_are_told);
    RUN(children_past_fork_close_the_parents_connections);
    RUN(rounding_is_the_hosts);
    RUN(floating_point_traps_are_the_hosts);
    RUN(the_environment_makes_nothing_print);
    RUN(no_thread_for_a_moment_is_waited_for);
    RUN(without_address_space_calls_say_so);
    RUN(freed_queues_are_freed);
    RUN(dates_count_by_the_servers_clock);
    RUN(refusals_show_no_password);
    return failures != 0;
}
