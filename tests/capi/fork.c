/* A forked child: every entry answers FORKED at once, nothing hangs, and the parent is unharmed. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

static llmagg_wall *wall;
static llmagg_client *client;
static llmagg_queue *queue;

static int never(const llmagg_event *event, void *user) { return event != NULL && user != NULL; }

/* What the child does; its exit status counts what was wrong. Every function is asked, with handles that live in the parent. */
static int in_child(int fd) {
    llmagg_manager *manager = (llmagg_manager *)client;
    llmagg_provider *provider = (llmagg_provider *)client;
    llmagg_aggregator *aggregator = (llmagg_aggregator *)client;
    llmagg_client *routes[1] = {client};
    llmagg_event event;
    llmagg_drain drain = {sizeof drain, sizeof event, &event, 1, NULL, 0, 0, 0, 0, 0, 0};
    llmagg_buf out = {NULL, 0};
    llmagg_error *error = NULL;
    uint64_t op = 0;
    int wrong = 0, n = 0;
    double begun = seconds();
#define FORKED(call)                                                                                                           \
    do {                                                                                                                       \
        llmagg_error **err = &error;                                                                                           \
        n++;                                                                                                                   \
        if ((call) != LLMAGG_E_FORKED || llmagg_error_code(error) != LLMAGG_E_FORKED ||                                        \
            !has(llmagg_error_json(error, NULL), "\"name\":\"FORKED\""))                                                       \
            wrong++, printf("# not FORKED: %s\n", #call);                                                                      \
        llmagg_error_free(error);                                                                                              \
        error = NULL;                                                                                                          \
    } while (0)
    FORKED(llmagg_manager_new(&manager, err));
    FORKED(llmagg_manager_default(&manager, err));
    FORKED(llmagg_manager_register(manager, provider, err));
    FORKED(llmagg_manager_unregister(manager, STR("x"), err));
    FORKED(llmagg_manager_client(manager, STR("x"), STR("x"), &client, err));
    FORKED(llmagg_manager_client_by_model(manager, STR("x"), &client, err));
    FORKED(llmagg_manager_providers(manager, &out, err));
    FORKED(llmagg_manager_models(manager, &out, err));
    FORKED(llmagg_manager_health(manager, &out, err));
    FORKED(llmagg_manager_health_submit(manager, queue, 0, &op, err));
    FORKED(llmagg_manager_report(manager, &out, err));
    FORKED(llmagg_manager_metrics(manager, &out, err));
    FORKED(llmagg_manager_join(manager, STR("{}"), err));
    FORKED(llmagg_manager_fleet_report(manager, &out, err));
    FORKED(llmagg_manager_close(manager, 1, err));
    FORKED(llmagg_provider_new(STR("{}"), &provider, err));
    FORKED(llmagg_provider_new_custom(STR("{}"), queue, 0, &provider, err));
    FORKED(llmagg_provider_initialize(provider, err));
    FORKED(llmagg_provider_models(provider, &out, err));
    FORKED(llmagg_provider_client(provider, STR("x"), &client, err));
    FORKED(llmagg_provider_close(provider, 1, err));
    FORKED(llmagg_client_new(STR("{}"), &client, err));
    FORKED(llmagg_client_new_custom(STR("{}"), queue, 0, &client, err));
    FORKED(llmagg_client_info(client, &out, err));
    FORKED(llmagg_client_report(client, &out, err));
    FORKED(llmagg_client_chat(client, STR(HELLO), NOTHING, &out, err));
    FORKED(llmagg_client_chat_submit(client, queue, STR(HELLO), NOTHING, 0, 0, &op, err));
    FORKED(llmagg_client_set_available(client, 0, err));
    FORKED(llmagg_client_rest(client, err));
    FORKED(llmagg_routes_chat(routes, 1, STR(HELLO), NOTHING, &out, err));
    FORKED(llmagg_routes_chat_submit(routes, 1, queue, STR(HELLO), NOTHING, 0, 0, &op, err));
    FORKED(llmagg_routes_embed(routes, 1, STR(EMBED), NOTHING, &out, err));
    FORKED(llmagg_routes_rerank(routes, 1, STR(RERANK), NOTHING, &out, err));
    FORKED(llmagg_routes_embed_submit(routes, 1, queue, STR(EMBED), NOTHING, 0, &op, err));
    FORKED(llmagg_routes_rerank_submit(routes, 1, queue, STR(RERANK), NOTHING, 0, &op, err));
    FORKED(llmagg_routes_health_submit(routes, 1, queue, 0, &op, err));
    FORKED(llmagg_resolve(STR("[]"), STR("[]"), &out, err));
    FORKED(llmagg_aggregator_new(manager, NOTHING, &aggregator, err));
    FORKED(llmagg_aggregator_initialize(aggregator, STR("{}"), err));
    FORKED(llmagg_aggregator_chat(aggregator, STR(HELLO), NOTHING, &out, err));
    FORKED(llmagg_aggregator_chat_submit(aggregator, queue, STR(HELLO), NOTHING, 0, 0, &op, err));
    FORKED(llmagg_aggregator_embed(aggregator, STR(EMBED), NOTHING, &out, err));
    FORKED(llmagg_aggregator_rerank(aggregator, STR(RERANK), NOTHING, &out, err));
    FORKED(llmagg_aggregator_embed_submit(aggregator, queue, STR(EMBED), NOTHING, 0, &op, err));
    FORKED(llmagg_aggregator_rerank_submit(aggregator, queue, STR(RERANK), NOTHING, 0, &op, err));
    FORKED(llmagg_aggregator_models(aggregator, &out, err));
    FORKED(llmagg_aggregator_health(aggregator, &out, err));
    FORKED(llmagg_aggregator_health_submit(aggregator, queue, 0, &op, err));
    FORKED(llmagg_aggregator_close(aggregator, 1, err));
    FORKED(llmagg_queue_new(&queue, err));
    FORKED(llmagg_queue_fd(queue, &n, err));
    FORKED(llmagg_queue_wait(queue, -1, err));
    FORKED(llmagg_queue_drain(queue, &drain, err));
    FORKED(llmagg_queue_run(queue, never, NULL, err));
    FORKED(llmagg_queue_stop(queue, err));
    FORKED(llmagg_op_cancel(1, err));
    FORKED(llmagg_op_credit(1, 1, err));
    FORKED(llmagg_custom_emit(1, STR("{}"), NULL, err));
    FORKED(llmagg_custom_finish(1, NOTHING, err));
    FORKED(llmagg_custom_fail(1, NOTHING, err));
    FORKED(llmagg_log_to_queue(0, queue, err));
    FORKED(llmagg_token_to_queue(queue, err));
    FORKED(llmagg_token_answer(1, STR("{}"), err));
    FORKED(llmagg_accept_answer(1, STR("{}"), err));
    FORKED(llmagg_observe_to_queue(queue, err));
    FORKED(llmagg_config_check(STR("{}"), 0, &out, err));
    FORKED(llmagg_settings(&out, err));
    FORKED(llmagg_budget_set(NOTHING, STR("1"), err));
    FORKED(llmagg_cache_set(STR("c"), STR("true"), err));
    FORKED(llmagg_cache_answer(1, NOTHING, err));
    FORKED(llmagg_stats(&out, err));
    FORKED(llmagg_wall_start(NOTHING, &wall, err));
    FORKED(llmagg_wall_url(wall, &out, err));
    FORKED(llmagg_wall_seen(wall, &out, err));
    FORKED(llmagg_wall_script(wall, STR("{}"), err));
    FORKED(llmagg_wall_release(wall, STR("x"), err));
    FORKED(llmagg_wall_kill(wall, err));
    FORKED(llmagg_wall_revive(wall, err));
    llmagg_client_free(client); /* nothing happens */
    llmagg_provider_free(provider);
    llmagg_aggregator_free(aggregator);
    llmagg_manager_free(manager);
    llmagg_queue_free(queue);
    llmagg_wall_free(wall);
    llmagg_buf_free(&out);
    if (llmagg_abi_version() != LLMAGG_ABI_VERSION || strcmp(llmagg_status_name(-5), "FORKED") != 0) wrong++;
    if (fcntl(fd, F_GETFD) != -1) wrong++, printf("# the queue's descriptor is open in the child\n");
    if (seconds() - begun > 1) wrong++, printf("# the child took %.1f s\n", seconds() - begun);
    fflush(stdout);
    return wrong;
}

/* The exit status of a child that runs f; -1 when it did not end within 10 s. */
static int child(int (*f)(int), int argument) {
    int status = 0;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) _exit(f(argument));
    for (double until = seconds() + 10; seconds() < until; usleep(1000)) {
        if (waitpid(pid, &status, WNOHANG) == pid) return WIFEXITED(status) ? WEXITSTATUS(status) : -2;
    }
    kill(pid, 9);
    waitpid(pid, &status, 0);
    return -1;
}

static void every_entry_says_forked(void) {
    uint64_t op = 0;
    int fd = -1;
    received r;
    queue = new_queue();
    OK(llmagg_queue_fd(queue, &fd, &err));
    OK(llmagg_client_chat_submit(client, queue, STR(HELLO), NOTHING, 0, 0, &op, &err));
    CHECK(receive_end(queue, op, &r, NULL));
    CHECK(child(in_child, fd) == 0);
    OK(llmagg_client_chat_submit(client, queue, STR(HELLO), NOTHING, LLMAGG_STREAM, 0, &op, &err));
    CHECK(receive_end(queue, op, &r, NULL) && r.event.type == LLMAGG_EVENT_DONE);
    llmagg_queue_free(queue);
}

static int fork_here(const llmagg_event *event, void *user) {
    (void)event;
    *(pid_t *)user = fork();
    return *(pid_t *)user != 0; /* the parent ends its run, the child would go on */
}

static void forking_from_inside_run(void) {
    uint64_t op = 0;
    pid_t pid = -1;
    int code = -1;
    llmagg_status status;
    queue = new_queue();
    OK(llmagg_client_chat_submit(client, queue, STR(HELLO), NOTHING, 0, 0, &op, &err));
    fflush(stdout);
    status = llmagg_queue_run(queue, fork_here, &pid, NULL);
    if (pid == 0) _exit(status == LLMAGG_E_FORKED ? 0 : 1);
    CHECK(status == LLMAGG_OK && waitpid(pid, &code, 0) == pid && code == 0);
    llmagg_queue_free(queue);
}

static void a_child_keeps_no_connection_open(void) {
    llmagg_wall *server = wall_with("{}");
    llmagg_client *talker = client_for(server, "m", "");
    llmagg_buf seen = {NULL, 0};
    OK(llmagg_client_chat(talker, STR(HELLO), NOTHING, &seen, &err));
    llmagg_buf_free(&seen);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) _exit(pause()); /* until it is killed */
    llmagg_client_free(talker); /* closes the idle connection; the child must not hold it */
    double begun = seconds();
    do OK(llmagg_wall_seen(server, &seen, &err));
    while (!has(seen.ptr, "\"connections_open\":0") && (llmagg_buf_free(&seen), seconds() < begun + 10 * slow()));
    kill(pid, 9);
    waitpid(pid, NULL, 0);
    CHECK(has(seen.ptr, "\"connections_open\":0"));
    llmagg_buf_free(&seen);
    llmagg_wall_free(server);
}

static int fork_again(int fd) { return child(in_child, fd); }

static void three_generations(void) {
    int fd = -1;
    queue = new_queue();
    OK(llmagg_queue_fd(queue, &fd, &err));
    CHECK(child(fork_again, fd) == 0);
    llmagg_queue_free(queue);
}

/* A grandchild must not close descriptors that its parent opened under numbers that the library once had. */
static int reuse_and_fork(int fd) {
    int fds[64], n = 0, lost = 0;
    for (int i = 0; i < 64; i++) fds[n++] = dup(1);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        for (int i = 0; i < n; i++) lost += fcntl(fds[i], F_GETFD) == -1;
        _exit(lost);
    }
    waitpid(pid, &lost, 0);
    return WEXITSTATUS(lost) + (fd < 0);
}

static void reused_numbers_are_left_alone(void) {
    int fd = -1;
    queue = new_queue();
    OK(llmagg_queue_fd(queue, &fd, &err));
    CHECK(child(reuse_and_fork, fd) == 0);
    llmagg_queue_free(queue);
}

static pid_t forked_in_handler;

static void fork_in_handler(int unused) { forked_in_handler = fork() + 0 * unused; }

/* A signal's handler forks while the thread waits in a blocking call: the call ends in the child, and goes on in the parent. */
static void a_handler_forks_inside_a_blocking_call(void) {
    llmagg_wall *slow_wall = wall_with("{\"default\":{\"steps\":[{\"delay_headers_s\":1}]}}");
    llmagg_client *waiting = client_for(slow_wall, "m", "");
    struct sigaction action = {0}, before;
    struct itimerval timer = {{0, 0}, {0, 300000}};
    llmagg_buf out = {NULL, 0};
    int status = -1;
    queue = new_queue();
    action.sa_handler = fork_in_handler;
    action.sa_flags = SA_RESTART;
    sigaction(SIGALRM, &action, &before);
    for (int how = 0; how < 2; how++) {
        forked_in_handler = -1;
        fflush(stdout);
        setitimer(ITIMER_REAL, &timer, NULL);
        llmagg_status said = how == 0 ? llmagg_client_chat(waiting, STR(HELLO), NOTHING, &out, NULL) : llmagg_queue_wait(queue, 1, NULL);
        if (forked_in_handler == 0) _exit(said == LLMAGG_E_FORKED ? 0 : 1);
        llmagg_buf_free(&out);
        CHECK(said == (how == 0 ? LLMAGG_OK : LLMAGG_E_TIMEOUT) && forked_in_handler > 0);
        for (double until = seconds() + 10; waitpid(forked_in_handler, &status, WNOHANG) == 0 && seconds() < until;) usleep(1000);
        if (status == -1) kill(forked_in_handler, SIGKILL);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    sigaction(SIGALRM, &before, NULL);
    llmagg_queue_free(queue);
    llmagg_client_free(waiting);
    llmagg_wall_free(slow_wall);
}

int main(void) {
    wall = wall_with("{}");
    client = client_for(wall, "m", "");
    RUN(every_entry_says_forked);
    RUN(forking_from_inside_run);
    RUN(a_child_keeps_no_connection_open);
    RUN(three_generations);
    RUN(a_handler_forks_inside_a_blocking_call);
    RUN(reused_numbers_are_left_alone);
    llmagg_client_free(client);
    llmagg_wall_free(wall);
    return RESULT();
}
