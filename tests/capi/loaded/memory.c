/* What answers cost in memory at the default limits: a refused body at most 1.25 times its limit, a stream at most 2.5 times its bytes,
 * and what the runtime takes by itself. The server is a process of its own. */
#include "host.h"

#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>

#define MIB (1024.0 * 1024)
#define REFUSED (1.25 * 64)
#define STREAMED (2.5 * 40e6 / MIB)
#if defined(__SANITIZE_ADDRESS__)
#define SLACK 600.0 /* it keeps what was freed, and a shadow of everything */
#else
#define SLACK 16.0 /* MiB: Go's runtime, its first connection, and pages that its collector has not given back yet */
#endif
#define WHOLE "{\"choices\":[{\"index\":0,\"message\":{\"content\":\""
#define END "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n"

/* ---- the server; a write fails when the client has left */

static int put(int to, const char *bytes, size_t n) {
    while (n > 0) {
        ssize_t written = write(to, bytes, n);
        if (written <= 0) return -1;
        bytes += written;
        n -= (size_t)written;
    }
    return 0;
}

static void put_plain(int to) {
    static char block[1 << 20];
    memset(block, 'x', sizeof block);
    if (put(to, STR(WHOLE)) != 0) return;
    for (size_t sent = 0; sent < 300000000 && put(to, block, sizeof block) == 0; sent += sizeof block) {
    }
}

/* The same in 1.9 MB: a stored block with the beginning and the first x, and then "258 bytes from one byte ago" again and again. */
static void put_gzip(int to) {
    static char out[4 << 20];
    const char head[] = {'\x1f', '\x8b', 8, 0, 0, 0, 0, 0, 0, '\xff', 0}, begin[] = WHOLE "x", again[] = "1100010100000";
    uint16_t n = sizeof begin - 1, not_n = (uint16_t)~n;
    size_t bit = 0;
    if (put(to, head, sizeof head) != 0 || put(to, (char *)&n, 2) != 0 || put(to, (char *)&not_n, 2) != 0 || put(to, begin, n) != 0) return;
    out[0] = 2; /* not the last block, fixed codes */
    bit = 3;
    for (int i = 0; i < 300000000 / 258; i++) {
        for (const char *b = again; *b != 0; b++, bit++) out[bit / 8] = (char)(out[bit / 8] | (*b - '0') << bit % 8);
    }
    put(to, out, bit / 8);
}

static void put_stream(int to, size_t piece) {
    static char block[200000], event[20000], text[20000];
    memset(text, 'x', piece);
    int n = snprintf(event, sizeof event, "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"%.*s\"}}]}\n\n", (int)piece, text);
    size_t size = 0;
    for (; size + (size_t)n < sizeof block; size += (size_t)n) memcpy(block + size, event, (size_t)n);
    for (size_t sent = 0; sent < 40000000; sent += size) {
        if (put(to, block, size) != 0) return;
    }
    put(to, STR(END));
}

/* Reads a request, whose body is short, and answers as its path asks. */
static void answer(int to) {
    static char request[1 << 16];
    size_t size = 0;
    char *body = NULL;
    while (body == NULL || strchr(body, '}') == NULL || strstr(body, "hello") == NULL) {
        ssize_t n = read(to, request + size, sizeof request - 1 - size);
        if (n <= 0) return;
        size += (size_t)n;
        request[size] = 0;
        body = strstr(request, "\r\n\r\n");
    }
    int gzip = strstr(request, "/gzip/") != NULL;
    put(to, STR("HTTP/1.1 200 OK\r\nConnection: close\r\n"));
    put(to, STR(gzip ? "Content-Encoding: gzip\r\n\r\n" : "\r\n"));
    if (strstr(request, "/warm/") != NULL) put(to, STR(WHOLE "x\"},\"finish_reason\":\"stop\"}]}"));
    else if (gzip) put_gzip(to);
    else if (strstr(request, "/plain/") != NULL) put_plain(to);
    else if (strstr(request, "/large/") != NULL) put_stream(to, 10000);
    else put_stream(to, 100);
}

/* Starts the server; it ends with this process's pipe. */
static int serve(void) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof at;
    int listening = socket(AF_INET, SOCK_STREAM, 0);
    MUST(bind(listening, (struct sockaddr *)&at, sizeof at) == 0 && listen(listening, 8) == 0);
    MUST(getsockname(listening, (struct sockaddr *)&at, &size) == 0);
    pid_t pid = fork();
    MUST(pid >= 0);
    if (pid == 0) {
        signal(SIGPIPE, SIG_IGN);
        alarm(60);
        for (int i = 0; i < 2; i++) { /* the warm one, and the one that counts; a third would be refused, and seen as that */
            int to = accept(listening, NULL, NULL);
            answer(to);
            shutdown(to, SHUT_WR);
            close(to);
        }
        _exit(0);
    }
    close(listening);
    return ntohs(at.sin_port);
}

/* ---- the host */

/* The most memory that the process has had, in MiB; 0 where it cannot be known. */
static double peak(void) {
    char line[256];
    double kib = 0;
    FILE *status = fopen("/proc/self/status", "r");
    while (status != NULL && fgets(line, sizeof line, status) != NULL) {
        if (strncmp(line, "VmHWM:", 6) == 0) kib = atof(line + 6);
    }
    if (status != NULL) fclose(status);
    return kib / 1024;
}

static llmagg_client *client_for(int port, const char *kind) {
    llmagg_client *client = NULL;
    char config[256];
    snprintf(config, sizeof config, "{\"provider\":\"p\",\"name\":\"m\",\"base_url\":\"http://127.0.0.1:%d/%s\",\"max_retries\":3}", port, kind);
    MUST(FN(llmagg_client_new)(STR(config), &client, NULL) == LLMAGG_OK);
    return client;
}

static void costs_at_most(const char *what, double grown, double most) {
    dprintf(results, "# %s: grown by %.0f MiB, at most %.0f + %.0f\n", what, grown, most, SLACK);
    MUST(grown < most + SLACK);
}

static void is_refused(const char *kind) {
    llmagg_buf answer = {NULL, 0};
    llmagg_error *err = NULL;
    int port = serve();
    load();
    chat(client_for(port, "warm"));
    llmagg_client *client = client_for(port, kind);
    double before = peak();
    MUST(FN(llmagg_client_chat)(client, STR(HELLO), NULL, 0, &answer, &err) == LLMAGG_E_BAD_RESPONSE);
    MUST(strstr(FN(llmagg_error_message)(err), "response_bytes") != NULL);
    costs_at_most(kind, peak() - before, REFUSED);
}

/* Reads a stream to its end, and gives the bytes of the last event. */
static size_t read_stream(llmagg_client *client) {
    llmagg_event events[32];
    size_t size = 64 << 10, chunks = 0;
    char *bytes = malloc(size);
    llmagg_queue *queue = NULL;
    uint64_t op = 0;
    MUST(FN(llmagg_queue_new)(&queue, NULL) == LLMAGG_OK);
    MUST(FN(llmagg_client_chat_submit)(client, queue, STR(HELLO), NULL, 0, LLMAGG_STREAM, 0, &op, NULL) == LLMAGG_OK);
    for (;;) {
        llmagg_drain drain = {sizeof drain, sizeof events[0], events, 32, bytes, size, 0, 0, 0, 0, 0};
        MUST(FN(llmagg_queue_wait)(queue, 30, NULL) == LLMAGG_OK && FN(llmagg_queue_drain)(queue, &drain, NULL) == LLMAGG_OK);
        if (drain.count == 0 && drain.needed > size) {
            free(bytes);
            bytes = malloc(size = drain.needed);
            MUST(bytes != NULL);
        }
        for (size_t i = 0; i < drain.count; i++) {
            MUST(events[i].type == LLMAGG_EVENT_CHUNK || events[i].type == LLMAGG_EVENT_DONE);
            if (events[i].type == LLMAGG_EVENT_DONE) return events[i].payload_len;
            chunks++;
        }
        if (chunks >= 32) {
            MUST(FN(llmagg_op_credit)(op, (uint32_t)chunks, NULL) == LLMAGG_OK);
            chunks = 0;
        }
    }
}

static void is_streamed(const char *kind, size_t at_least) {
    int port = serve();
    load();
    chat(client_for(port, "warm"));
    llmagg_client *client = client_for(port, kind);
    double before = peak();
    MUST(read_stream(client) >= at_least);
    costs_at_most(kind, peak() - before, STREAMED);
}

static void a_body_over_the_limit(void) { is_refused("plain"); }
static void a_body_that_expands_over_the_limit(void) { is_refused("gzip"); }
static void a_stream_of_large_pieces(void) { is_streamed("large", 39000000); }
static void a_stream_of_small_pieces(void) { is_streamed("small", 20000000); }

int main(void) {
    results_apart();
    RUN(a_body_over_the_limit);
    RUN(a_body_that_expands_over_the_limit);
    RUN(a_stream_of_large_pieces);
    RUN(a_stream_of_small_pieces);
    return failures != 0;
}
