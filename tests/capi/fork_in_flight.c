/* A fork while the library is at work: connections being made, calls in other threads. The parent is unharmed, the child holds
 * nothing of it open. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

enum { ROUNDS = 20, CALLERS = 4 };

static int readable_within(int fd, double limit) {
    struct pollfd p = {fd, POLLIN, 0};
    return poll(&p, 1, (int)(limit * 1000)) == 1;
}

/* A listener whose line of waiting connections is full, so that the next one hangs in connect() until somebody accepts. */
static int full_listener(struct sockaddr_in *addr, int fillers[], int count) {
    socklen_t size = sizeof *addr;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    memset(addr, 0, sizeof *addr);
    addr->sin_family = AF_INET;
    addr->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(fd, (struct sockaddr *)addr, size) != 0 || listen(fd, 0) != 0) return -1;
    getsockname(fd, (struct sockaddr *)addr, &size);
    for (int i = 0; i < count; i++) {
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        connect(fillers[i], (struct sockaddr *)addr, size);
    }
    return fd;
}

/* Waits until a socket of this process connects to the port. */
static int connecting_to(unsigned port) {
    char line[512], wanted[32];
    snprintf(wanted, sizeof wanted, "0100007F:%04X 02", port);
    for (double until = seconds() + 5; seconds() < until; usleep(2000)) {
        int found = 0;
        FILE *f = fopen("/proc/net/tcp", "r");
        while (f != NULL && fgets(line, sizeof line, f) != NULL) found += has(line, wanted);
        if (f != NULL) fclose(f);
        if (found >= 2) return 1; /* a filler, and the library's */
    }
    return 0;
}

/* Takes connections until one sends a request, and answers it. Its socket, 0 without. */
static int serve_one(int listener) {
    static const char body[] = "{\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"hi\"},"
                               "\"finish_reason\":\"stop\"}]}";
    char answer[512];
    int size = snprintf(answer, sizeof answer, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                        sizeof body - 1, body);
    char buffer[4096];
    for (double until = seconds() + 8; seconds() < until;) {
        if (!readable_within(listener, 1)) continue;
        int fd = accept(listener, NULL, NULL);
        if (!readable_within(fd, 0.3) || read(fd, buffer, sizeof buffer) <= 0) continue; /* a filler: left open */
        if (write(fd, answer, (size_t)size) < 0) return 0;
        return fd;
    }
    return 0;
}

/* Whether the other side closes the connection; what it sent before is read and ignored. */
static int ends_within(int fd, double limit) {
    char buffer[4096];
    double until = seconds() + limit;
    while (readable_within(fd, until > seconds() ? until - seconds() : 0)) {
        if (read(fd, buffer, sizeof buffer) <= 0) return 1;
    }
    return 0;
}

/* How many sockets this process has open. */
static int sockets(void) {
    struct stat st;
    int n = 0;
    for (int fd = 0; fd < 1024; fd++) n += fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
    return n;
}

static void a_connection_that_was_being_made_is_not_held(void) {
    struct sockaddr_in addr;
    int fillers[2], listener = full_listener(&addr, fillers, 2), served;
    llmagg_client *client = NULL;
    llmagg_queue *queue = new_queue();
    uint64_t op = 0;
    char config[256], held = -1;
    int told[2];
    received r;
    CHECK(listener >= 0);
    snprintf(config, sizeof config, "{\"provider\":\"openai\",\"name\":\"m\",\"api_key\":\"k\",\"base_url\":\"http://127.0.0.1:%u/v1\"}",
             ntohs(addr.sin_port));
    OK(llmagg_client_new(STR(config), &client, &err));
    OK(llmagg_client_chat_submit(client, queue, STR(HELLO), NOTHING, 0, 0, &op, &err));
    CHECK(connecting_to(ntohs(addr.sin_port)));
    fflush(stdout);
    CHECK(pipe(told) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        held = (char)sockets();
        if (write(told[1], &held, 1) == 1)
            for (;;) pause();
    }
    CHECK(read(told[0], &held, 1) == 1);
    served = serve_one(listener);
    int answered = served > 0 && receive_end(queue, op, &r, NULL);
    llmagg_client_free(client); /* closes the connection */
    int ended = served > 0 && ends_within(served, 2);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    CHECK(answered);
    if (r.event.type != LLMAGG_EVENT_DONE) printf("# %s\n", r.payload);
    CHECK(r.event.type == LLMAGG_EVENT_DONE);
    CHECK(ended);
    CHECK(held == 3); /* the listener and the fillers */
    close(told[0]);
    close(told[1]);
    llmagg_queue_free(queue);
    close(listener);
    close(served);
    close(fillers[0]);
    close(fillers[1]);
}

static llmagg_client *shared;
static int stop_calling; /* atomic */

/* Blocking calls until told to stop; gives how many did not end well. */
static void *call_until_told(void *unused) {
    long bad = 0;
    (void)unused;
    while (!__atomic_load_n(&stop_calling, __ATOMIC_RELAXED)) {
        llmagg_buf answer = {NULL, 0};
        bad += llmagg_client_chat(shared, STR(HELLO), NOTHING, &answer, NULL) != LLMAGG_OK;
        llmagg_buf_free(&answer);
    }
    return (void *)bad;
}

/* In the child, where other threads were inside of the library: every door answers at once. */
static int refused(llmagg_queue *queue) {
    llmagg_buf out = {NULL, 0};
    llmagg_error *err = NULL;
    int bad = llmagg_client_chat(shared, STR(HELLO), NOTHING, &out, &err) != LLMAGG_E_FORKED;
    llmagg_error_free(err);
    bad += llmagg_queue_wait(queue, -1, NULL) != LLMAGG_E_FORKED;
    llmagg_client_free(shared);
    llmagg_queue_free(queue);
    return bad;
}

static void forks_beside_calls_of_other_threads(void) {
    llmagg_wall *wall = wall_with("{\"default\":{\"steps\":[{\"keep_alive\":false},{}],\"after\":\"loop\"}}");
    llmagg_queue *queue = new_queue();
    pthread_t callers[CALLERS];
    void *bad = NULL;
    int wrong = 0;
    shared = client_for(wall, "m", "");
    for (int i = 0; i < CALLERS; i++) CHECK(pthread_create(&callers[i], NULL, call_until_told, NULL) == 0);
    fflush(stdout);
    for (int i = 0; i < ROUNDS; i++) {
        int status = -1;
        usleep(3000);
        pid_t pid = fork();
        if (pid == 0) {
            alarm(5); /* a hang ends as a death by SIGALRM */
            _exit(refused(queue));
        }
        wrong += waitpid(pid, &status, 0) != pid || status != 0;
    }
    __atomic_store_n(&stop_calling, 1, __ATOMIC_RELAXED);
    for (int i = 0; i < CALLERS; i++) {
        pthread_join(callers[i], &bad);
        wrong += bad != NULL;
    }
    CHECK(wrong == 0);
    llmagg_queue_free(queue);
    llmagg_client_free(shared);
    llmagg_wall_free(wall);
}

int main(void) {
    RUN(a_connection_that_was_being_made_is_not_held);
    RUN(forks_beside_calls_of_other_threads);
    return RESULT();
}
