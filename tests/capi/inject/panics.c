/* Panics in every export and in every goroutine that the library starts: the answer is INTERNAL, the log says where, and the host
 * lives. Needs a library built with the tag llmagg_inject, which panics where LLMAGG_INJECT_PANIC says. */
#include "functions.h"

static world live;

static void inject(const char *name) {
    if (name == NULL) unsetenv("LLMAGG_INJECT_PANIC");
    else setenv("LLMAGG_INJECT_PANIC", name, 1);
}

/* These never enter Go. */
static int is_all_c(const char *name) {
    static const char *all_c[] = {"llmagg_queue_fd", "llmagg_queue_wait", "llmagg_queue_drain", "llmagg_queue_run", "llmagg_queue_stop", "llmagg_op_credit"};
    for (size_t i = 0; i < sizeof all_c / sizeof *all_c; i++) {
        if (strcmp(name, all_c[i]) == 0) return 1;
    }
    return strstr(name, "_submit") != NULL;
}

static void in_every_export(void) {
    static outputs o;
    for EACH(f) {
        if (is_all_c(f->name)) continue;
        llmagg_error *err = NULL;
        untouched(&o);
        inject(f->name);
        llmagg_status status = f->ask(&live, handle_of(&live, f->kind), &o, &err), without = f->ask(&live, handle_of(&live, f->kind), &o, NULL);
        inject(NULL);
        int good = status == LLMAGG_E_INTERNAL && without == status && llmagg_error_code(err) == status && is_untouched(&o) &&
                   has(llmagg_error_message(err), f->name);
        if (!good) printf("# %s: %s, %s: %s\n", f->name, llmagg_status_name(status), llmagg_status_name(without), llmagg_error_message(err));
        llmagg_error_free(err);
        CHECK(good);
    }
    CHECK(world_works(&live));
}

/* What frees a handle has no status: nothing happens, and the next free works. */
static void in_every_free(void) {
    static const char *names[] = {"",  "llmagg_manager_free", "llmagg_provider_free", "llmagg_client_free", "llmagg_aggregator_free", "llmagg_queue_free",
                                  "llmagg_wall_free"};
    world w;
    CHECK(make_world(&w));
    for (int kind = NONE + 1; kind < KINDS; kind++) {
        inject(names[kind]);
        free_as(kind, handle_of(&w, kind));
        inject(NULL);
        CHECK(world_works(&w));
    }
    free_world(&w);
    for (int kind = NONE + 1; kind < KINDS; kind++) {
        static outputs o;
        untouched(&o);
        for EACH(f) if (f->kind == kind) CHECK(f->ask(&live, handle_of(&w, kind), &o, NULL) == LLMAGG_E_INVALID_HANDLE);
    }
}

/* The operation ends with INTERNAL, and with nothing else. */
static int ends_once_with(llmagg_queue *queue, uint64_t op, llmagg_status code) {
    received r;
    int more = 0, good = receive_end(queue, op, &r, NULL) && r.event.type == LLMAGG_EVENT_ERROR && r.event.status == code &&
                         has(r.payload, "INTERNAL") && has(r.payload, "injected");
    if (!good) printf("# %s: %.300s\n", llmagg_status_name(r.event.status), r.payload);
    while (llmagg_queue_wait(queue, 0.05, NULL) == LLMAGG_OK && receive(queue, &r)) more += r.event.op == op;
    return good && more == 0;
}

static void in_the_goroutine_of_an_operation(void) {
    uint64_t op = 0;
    for (unsigned flags = 0; flags <= LLMAGG_STREAM; flags++) {
        inject("client");
        OK(llmagg_client_chat_submit(live.client, live.queue, STR(HELLO), NOTHING, flags, 0, &op, &err));
        CHECK(ends_once_with(live.queue, op, LLMAGG_E_INTERNAL));
        inject("aggregator");
        OK(llmagg_aggregator_chat_submit(live.aggregator, live.queue, STR(HELLO), NOTHING, flags, 0, &op, &err));
        CHECK(ends_once_with(live.queue, op, LLMAGG_E_INTERNAL));
        inject("routes");
        OK(llmagg_routes_chat_submit(&live.client, 1, live.queue, STR(HELLO), NOTHING, flags, 0, &op, &err));
        CHECK(ends_once_with(live.queue, op, LLMAGG_E_INTERNAL));
    }
    inject("embed");
    OK(llmagg_aggregator_embed_submit(live.aggregator, live.queue, STR(EMBED), NOTHING, 0, &op, &err));
    CHECK(ends_once_with(live.queue, op, LLMAGG_E_INTERNAL));
    inject("rerank");
    OK(llmagg_aggregator_rerank_submit(live.aggregator, live.queue, STR(RERANK), NOTHING, 0, &op, &err));
    CHECK(ends_once_with(live.queue, op, LLMAGG_E_INTERNAL));
    inject("health");
    OK(llmagg_manager_health_submit(live.manager, live.queue, 0, &op, &err));
    CHECK(ends_once_with(live.queue, op, LLMAGG_E_INTERNAL));
    inject(NULL);
    CHECK(world_works(&live));
}

static void while_a_posted_chat_begins(void) {
    uint64_t op = 0;
    inject("post");
    OK(llmagg_client_chat_submit(live.client, live.queue, STR(HELLO), NOTHING, 0, 0, &op, &err));
    CHECK(ends_once_with(live.queue, op, LLMAGG_E_INTERNAL));
    inject("an operation that is posted"); /* only the first post of a process enters Go */
    OK(llmagg_client_chat_submit(live.client, live.queue, STR(HELLO), NOTHING, 0, 0, &op, &err));
    inject(NULL);
    received r;
    CHECK(receive_end(live.queue, op, &r, NULL) && r.event.type == LLMAGG_EVENT_DONE);
    CHECK(world_works(&live));
}

static void in_a_health_check(void) {
    llmagg_buf out = {NULL, 0};
    uint64_t op = 0;
    received r;
    inject("health check");
    OK(llmagg_manager_health(live.manager, &out, &err));
    CHECK(strcmp(out.ptr, "{\"openai\":{\"m\":false}}") == 0);
    llmagg_buf_free(&out);
    OK(llmagg_routes_health_submit(&live.client, 1, live.queue, 0, &op, &err));
    CHECK(receive_end(live.queue, op, &r, NULL) && strcmp(r.payload, "[false]") == 0);
    inject(NULL);
    OK(llmagg_manager_health(live.manager, &out, &err));
    CHECK(strcmp(out.ptr, "{\"openai\":{\"m\":true}}") == 0);
    llmagg_buf_free(&out);
}

static void in_a_hedge(void) {
    uint64_t op = 0;
    inject("hedge");
    OK(llmagg_routes_chat_submit((llmagg_client *[]){live.client, live.client}, 2, live.queue, STR(HELLO), STR("{\"hedge_after\":5}"), LLMAGG_STREAM,
                                 0, &op, &err));
    CHECK(ends_once_with(live.queue, op, LLMAGG_E_ALL_FAILED));
    inject(NULL);
    CHECK(world_works(&live));
}

/* The library's own clock ends a stream that nobody reads; a fault there ends it too. */
static void at_the_end_of_a_stream(void) {
    llmagg_wall *wall = wall_with("{\"default\":{\"steps\":[{\"forever\":true,\"delay_event_s\":0.001}]}}");
    llmagg_client *client = client_for(wall, "m", ",\"reader_timeout\":0.2,\"max_concurrent_calls\":1");
    uint64_t op = 0;
    inject("end of a stream");
    OK(llmagg_client_chat_submit(client, live.queue, STR(HELLO), STR("{\"window\":1}"), LLMAGG_STREAM, 0, &op, &err));
    CHECK(ends_once_with(live.queue, op, LLMAGG_E_INTERNAL));
    inject(NULL);
    llmagg_client_free(client);
    llmagg_wall_free(wall);
    CHECK(world_works(&live));
}

static void while_a_provider_closes(void) {
    world w;
    CHECK(make_world(&w));
    inject("close");
    CHECK_STATUS(LLMAGG_E_INTERNAL, llmagg_manager_close(w.manager, 1, &err));
    inject(NULL);
    OK(llmagg_manager_close(w.manager, 1, &err));
    free_world(&w);
}

static void in_what_observes(void) {
    received r;
    llmagg_queue *queue = new_queue();
    int seen = 0;
    inject("observe");
    OK(llmagg_observe_to_queue(queue, &err));
    CHECK(world_works(&live));
    inject(NULL);
    CHECK(world_works(&live));
    OK(llmagg_observe_to_queue(NULL, &err));
    while (llmagg_queue_wait(queue, 0, NULL) == LLMAGG_OK && receive(queue, &r)) seen += r.event.type == LLMAGG_EVENT_OBSERVE;
    CHECK(seen > 0);
    llmagg_queue_free(queue);
}

static void the_log_says_where(void) {
    static const char *places[] = {"llmagg_client_info", "health check"};
    llmagg_queue *queue = new_queue();
    llmagg_buf out = {NULL, 0};
    received r;
    OK(llmagg_log_to_queue(LLMAGG_LOG_ERROR, queue, &err));
    for (size_t i = 0; i < 2; i++) {
        inject(places[i]);
        llmagg_client_info(live.client, &out, NULL);
        llmagg_buf_free(&out);
        llmagg_manager_health(live.manager, &out, NULL);
        llmagg_buf_free(&out);
        CHECK(receive(queue, &r) && r.event.type == LLMAGG_EVENT_LOG);
        CHECK(has(r.payload, places[i]) && has(r.payload, "injected into") && has(r.payload, "\"stack\":\""));
    }
    inject(NULL);
    OK(llmagg_log_to_queue(0, NULL, &err));
    llmagg_queue_free(queue);
}

int main(void) {
    if (!make_world(&live)) return 1;
    RUN(in_every_export);
    RUN(in_every_free);
    RUN(in_the_goroutine_of_an_operation);
    RUN(while_a_posted_chat_begins);
    RUN(in_a_health_check);
    RUN(in_a_hedge);
    RUN(at_the_end_of_a_stream);
    RUN(while_a_provider_closes);
    RUN(in_what_observes);
    RUN(the_log_says_where);
    free_world(&live);
    return RESULT();
}
