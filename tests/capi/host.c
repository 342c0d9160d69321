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

static void many_calls_need_few_threads(void) {
    llmagg_wall *wall = wall_with("{\"default\":{\"steps\":[{\"delay_headers_s\":0.5}]}}");
    llmagg_client *client = client_for(wall, "m", ",\"max_concurrent_calls\":2000");
    llmagg_queue *queue = new_queue();
    uint64_t op = 0;
    int most = 0, done = 0;
    received r;
    for (int i = 0; i < 400; i++) OK(llmagg_client_chat_submit(client, queue, STR(HELLO), NOTHING, 0, 0, &op, &err));
    while (done < 400 && receive(queue, &r)) {
        int n = threads();
        if (n > most) most = n;
        CHECK(r.event.type == LLMAGG_EVENT_DONE);
        done++;
    }
    CHECK(done == 400);
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

int main(void) {
    RUN(signals_are_as_the_host_set_them);
    RUN(nothing_is_printed);
    RUN(many_calls_need_few_threads);
    RUN(closed_standard_streams_kill_nothing);
    return RESULT();
}
