/* What the library does to the process that hosts it: nothing on stdout and stderr, no signal taken, few threads. */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"


static void signals_are_as_the_host_set_them(void) {
    static const int ours[] = {SIGINT, SIGTERM, SIGHUP, SIGCHLD, SIGPROF, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM, SIGWINCH};
    llmagg_manager *manager = NULL;
    struct sigaction now;
    OK(llmagg_manager_new(&manager, &err));
    llmagg_manager_free(manager);
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++) {
        CHECK(sigaction(ours[i], NULL, &now) == 0);
        CHECK(now.sa_handler == SIG_DFL);
    }
}

static void nothing_is_printed(void) {
    char path[] = "/tmp/llmagg-host-XXXXXX";
    int file = mkstemp(path), out = dup(1), errors = dup(2);
    struct stat st;
    CHECK(file >= 0);
    fflush(stdout);
    dup2(file, 1);
    dup2(file, 2);
    llmagg_wall *wall = wall_with("{\"default\":{\"steps\":[{\"status\":500},{\"cut\":{\"how\":\"reset\"}},{\"raw\":\"garbage\"},"
                                  "{\"raw\":\"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\n{}HTTP/1.1 200 OK\\r\\n\\r\\n\",\"keep_alive\":true}]}}");
    llmagg_client *client = client_for(wall, "m", ",\"max_retries\":1");
    llmagg_buf buf = {NULL, 0};
    for (int i = 0; i < 6; i++) {
        llmagg_client_chat(client, HELLO, strlen(HELLO), NULL, 0, &buf, NULL);
        llmagg_buf_free(&buf);
    }
    llmagg_client_free(client);
    llmagg_wall_free(wall);
    fflush(stdout);
    dup2(out, 1);
    dup2(errors, 2);
    close(out);
    close(errors);
    CHECK(fstat(file, &st) == 0 && st.st_size == 0);
    close(file);
    unlink(path);
}

static int threads(void) {
    char line[256];
    int n = -1;
    FILE *f = fopen("/proc/self/status", "r");
    while (f != NULL && fgets(line, sizeof line, f) != NULL) sscanf(line, "Threads: %d", &n);
    if (f != NULL) fclose(f);
    return n;
}

static void two_thousand_calls_need_few_threads(void) {
    llmagg_wall *wall = wall_with("{\"default\":{\"steps\":[{\"delay_headers_s\":1.5}]}}");
    llmagg_client *client = client_for(wall, "m", ",\"max_concurrent_calls\":2000");
    llmagg_queue *queue = new_queue();
    uint64_t op = 0;
    int most = 0, done = 0, calls = many(2000);
    received r;
    for (int i = 0; i < calls; i++) OK(llmagg_client_chat_submit(client, queue, STR(HELLO), NOTHING, 0, 0, &op, &err));
    while (done < calls && receive(queue, &r)) {
        int n = threads();
        if (n > most) most = n;
        CHECK(r.event.type == LLMAGG_EVENT_DONE);
        done++;
    }
    CHECK(done == calls);
    if (most >= 24) printf("# %d threads\n", most);
    CHECK(most < 24);
    llmagg_queue_free(queue);
    llmagg_client_free(client);
    llmagg_wall_free(wall);
}

static void closed_standard_streams_kill_nothing(void) {
    int out = dup(1), errors = dup(2);
    fflush(stdout);
    close(1);
    close(2);
    llmagg_wall *wall = wall_with("{}");
    llmagg_client *client = client_for(wall, "m", "");
    llmagg_buf buf = {NULL, 0};
    llmagg_status status = llmagg_client_chat(client, HELLO, strlen(HELLO), NULL, 0, &buf, NULL);
    llmagg_buf_free(&buf);
    llmagg_client_free(client);
    llmagg_wall_free(wall);
    dup2(out, 1);
    dup2(errors, 2);
    close(out);
    close(errors);
    CHECK(status == LLMAGG_OK);
}

/* The number behind "name": in what llmagg_stats tells; -1 without. */
static long stat_of(const char *name) {
    llmagg_buf buf = {NULL, 0};
    char wanted[64];
    long n = -1;
    if (llmagg_stats(&buf, NULL) != LLMAGG_OK) return -2;
    snprintf(wanted, sizeof wanted, "\"%s\":", name);
    const char *at = strstr(buf.ptr, wanted);
    if (at != NULL) n = strtol(at + strlen(wanted), NULL, 10);
    llmagg_buf_free(&buf);
    return n;
}

static void stats_count_what_there_is(void) {
    long goroutines = stat_of("goroutines");
    CHECK(goroutines > 0 && stat_of("queue") == -1 && stat_of("sockets") == 0 && stat_of("operations") == 0);
    CHECK(stat_of("heap_bytes") > 10000 && stat_of("runtime_bytes") > stat_of("heap_bytes"));
    llmagg_wall *wall = wall_with("{\"default\":{\"steps\":[{\"hold\":\"h\"}]}}");
    llmagg_client *client = client_for(wall, "m", "");
    llmagg_queue *queue = new_queue();
    llmagg_buf seen = {NULL, 0};
    uint64_t op = 0;
    received r;
    OK(llmagg_client_chat_submit(client, queue, STR(HELLO), NOTHING, 0, 0, &op, &err));
    do {
        llmagg_buf_free(&seen);
        OK(llmagg_wall_seen(wall, &seen, &err));
    } while (!has(seen.ptr, "\"in_flight\":1"));
    llmagg_buf_free(&seen);
    CHECK(stat_of("queue") == 1 && stat_of("client") == 1 && stat_of("wall") == 1 && stat_of("manager") == -1);
    CHECK(stat_of("operations") == 1 && stat_of("sockets") == 1 && stat_of("goroutines") > goroutines);
    OK(llmagg_wall_release(wall, STR("h"), &err));
    CHECK(receive_end(queue, op, &r, NULL));
    llmagg_queue_free(queue);
    llmagg_client_free(client);
    llmagg_wall_free(wall);
    for (double until = seconds() + 5; seconds() < until && stat_of("goroutines") > goroutines;) usleep(1000);
    CHECK(stat_of("queue") == -1 && stat_of("client") == -1 && stat_of("wall") == -1);
    CHECK(stat_of("operations") == 0 && stat_of("sockets") == 0 && stat_of("goroutines") <= goroutines);
}

int main(void) {
    RUN(signals_are_as_the_host_set_them);
    RUN(nothing_is_printed);
    RUN(two_thousand_calls_need_few_threads);
    RUN(closed_standard_streams_kill_nothing);
    RUN(stats_count_what_there_is);
    return RESULT();
}
