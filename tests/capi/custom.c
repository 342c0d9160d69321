/* Providers that the application implements. */
#define _GNU_SOURCE
#include <pthread.h>

#include "check.h"

#define CUSTOM "{\"mine\":{\"models\":{\"m\":{\"model\":\"up\",\"max_retries\":2,\"retry\":{\"backoff_s\":0.01}}}}}"
#define CHUNK "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x\"}}]}"
#define ANSWER "{\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"by hand\"},\"finish_reason\":\"stop\"}]}"

static llmagg_provider *provider;
static llmagg_client *client;
static llmagg_queue *queue;

/* A provider whose calls arrive on the queue of their cause, or on own. */
static int set_up(int own) {
    queue = new_queue();
    return llmagg_provider_new_custom(STR(CUSTOM), own ? queue : NULL, 99, &provider, NULL) == LLMAGG_OK &&
           llmagg_provider_client(provider, STR("m"), &client, NULL) == LLMAGG_OK;
}

static void take_down(void) {
    llmagg_client_free(client);
    llmagg_provider_free(provider);
    llmagg_queue_free(queue);
}

static void a_whole_answer(void) {
    uint64_t op = 0;
    received r;
    CHECK(set_up(0));
    OK(llmagg_client_chat_submit(client, queue, STR(HELLO), NOTHING, 0, 5, &op, &err));
    CHECK(receive(queue, &r) && r.event.type == LLMAGG_EVENT_CALL_CUSTOM && r.event.tag == 99 && r.event.op != op);
    CHECK(has(r.payload, "\"provider\":\"mine\"") && has(r.payload, "\"name\":\"m\"") && has(r.payload, "\"model\":\"up\""));
    CHECK(has(r.payload, "\"stream\":false") && has(r.payload, "\"parent_tag\":5") && has(r.payload, "\"content\":\"hello\""));
    CHECK_SAYS(LLMAGG_E_INVALID_ARGUMENT, "finish", llmagg_custom_emit(r.event.op, STR(CHUNK), NULL, &err));
    CHECK_SAYS(LLMAGG_E_INVALID_ARGUMENT, "JSON", llmagg_custom_finish(r.event.op, STR("{\"choices\""), &err));
    CHECK_SAYS(LLMAGG_E_INVALID_ARGUMENT, "UTF-8", llmagg_custom_finish(r.event.op, STR("{\"a\":\"\xff\"}"), &err));
    OK(llmagg_custom_finish(r.event.op, STR(ANSWER), &err));
    CHECK_STATUS(LLMAGG_E_CANCELED, llmagg_custom_finish(r.event.op, STR(ANSWER), &err)); /* once only */
    CHECK(receive_end(queue, op, &r, NULL) && r.event.type == LLMAGG_EVENT_DONE && r.event.tag == 5);
    CHECK(has(r.payload, "by hand") && has(r.payload, "\"route\":\"mine/m\""));
    take_down();
}

static void a_stream_with_pauses(void) {
    uint64_t op = 0, call = 0;
    int pause = 0, chunks = 0, resumed = 0, emitted = 0;
    received r;
    CHECK(set_up(0));
    OK(llmagg_client_chat_submit(client, queue, STR(HELLO), STR("{\"window\":4}"), LLMAGG_STREAM, 0, &op, &err));
    CHECK(receive(queue, &r) && r.event.type == LLMAGG_EVENT_CALL_CUSTOM && has(r.payload, "\"stream\":true"));
    call = r.event.op;
    while (!pause && emitted < 1000) {
        OK(llmagg_custom_emit(call, STR(CHUNK), &pause, &err));
        emitted++;
    }
    CHECK(pause && emitted >= 64 && emitted < 100); /* the reader is behind: it has no credit */
    while (receive(queue, &r)) {
        if (r.event.type == LLMAGG_EVENT_RESUME_CUSTOM) {
            CHECK(r.event.op == call && r.event.tag == 99);
            resumed++;
            OK(llmagg_custom_finish(call, NOTHING, &err));
        } else if (r.event.type == LLMAGG_EVENT_CHUNK) {
            chunks++;
            OK(llmagg_op_credit(op, 1, &err));
        } else {
            break;
        }
    }
    CHECK(r.event.type == LLMAGG_EVENT_DONE && r.event.op == op && chunks == emitted && resumed == 1);
    take_down();
}

static void failures_are_retried_and_classified(void) {
    uint64_t op = 0;
    received r;
    CHECK(set_up(0));
    OK(llmagg_client_chat_submit(client, queue, STR(HELLO), NOTHING, 0, 0, &op, &err));
    CHECK(receive(queue, &r) && r.event.type == LLMAGG_EVENT_CALL_CUSTOM);
    CHECK_SAYS(LLMAGG_E_INVALID_ARGUMENT, "JSON", llmagg_custom_fail(r.event.op, STR("oops"), &err));
    OK(llmagg_custom_fail(r.event.op, STR("{\"message\":\"it broke\"}"), &err)); /* UNAVAILABLE: tried again */
    CHECK(receive(queue, &r) && r.event.type == LLMAGG_EVENT_CALL_CUSTOM);
    OK(llmagg_custom_fail(r.event.op, STR("{\"name\":\"AUTHENTICATION\",\"message\":\"who are you\",\"status\":401}"), &err));
    CHECK(receive_end(queue, op, &r, NULL) && r.event.status == LLMAGG_E_AUTHENTICATION);
    CHECK(has(r.payload, "who are you") && has(r.payload, "it broke") && has(r.payload, "\"status\":401"));
    take_down();
}

static void an_answer_that_is_none(void) {
    uint64_t op = 0;
    received r;
    CHECK(set_up(0));
    OK(llmagg_client_chat_submit(client, queue, STR(HELLO), STR("{\"max_retries\":1}"), 0, 0, &op, &err));
    CHECK(receive(queue, &r) && r.event.type == LLMAGG_EVENT_CALL_CUSTOM);
    OK(llmagg_custom_finish(r.event.op, NOTHING, &err));
    CHECK(receive_end(queue, op, &r, NULL) && r.event.status == LLMAGG_E_BAD_RESPONSE);
    take_down();
}

static void canceling_tells_the_provider(void) {
    uint64_t op = 0, call = 0;
    int told = 0, ended = 0;
    received r;
    CHECK(set_up(0));
    OK(llmagg_client_chat_submit(client, queue, STR(HELLO), NOTHING, LLMAGG_STREAM, 0, &op, &err));
    CHECK(receive(queue, &r) && r.event.type == LLMAGG_EVENT_CALL_CUSTOM);
    call = r.event.op;
    OK(llmagg_custom_emit(call, STR(CHUNK), NULL, &err));
    OK(llmagg_op_cancel(op, &err));
    while (!(told && ended) && receive(queue, &r)) {
        told += r.event.type == LLMAGG_EVENT_CANCEL_CUSTOM && r.event.op == call && r.event.tag == 99;
        ended += r.event.type == LLMAGG_EVENT_ERROR && r.event.op == op && r.event.status == LLMAGG_E_CANCELED;
    }
    CHECK(told == 1 && ended == 1);
    CHECK_STATUS(LLMAGG_E_CANCELED, llmagg_custom_emit(call, STR(CHUNK), NULL, &err));
    CHECK_STATUS(LLMAGG_E_CANCELED, llmagg_custom_finish(call, NOTHING, &err));
    CHECK_STATUS(LLMAGG_E_CANCELED, llmagg_custom_fail(12345678901, NOTHING, &err));
    take_down();
}

static void blocking_calls_need_a_queue_of_the_provider(void) {
    llmagg_buf out = {NULL, 0};
    CHECK(set_up(0));
    CHECK_SAYS(LLMAGG_E_INVALID_ARGUMENT, "queue", llmagg_client_chat(client, STR(HELLO), NOTHING, &out, &err));
    take_down();
}

static int answer_all(const llmagg_event *event, void *user) {
    (void)user;
    if (event->type == LLMAGG_EVENT_CALL_CUSTOM) llmagg_custom_finish(event->op, STR(ANSWER), NULL);
    return 0;
}

static void *serve(void *served) {
    llmagg_queue_run(served, answer_all, NULL, NULL);
    return NULL;
}

static void a_queue_of_its_own_serves_blocking_calls(void) {
    llmagg_buf out = {NULL, 0};
    pthread_t thread;
    CHECK(set_up(1));
    pthread_create(&thread, NULL, serve, queue);
    for (int i = 0; i < 100; i++) {
        OK(llmagg_client_chat(client, STR(HELLO), NOTHING, &out, &err));
        CHECK(has(out.ptr, "by hand"));
        llmagg_buf_free(&out);
    }
    llmagg_queue_stop(queue, NULL);
    pthread_join(thread, NULL);
    take_down();
}

static void failover_from_a_custom_client_to_a_server(void) {
    llmagg_wall *wall = wall_with("{}");
    llmagg_client *routes[2] = {NULL, client_for(wall, "real", "")};
    uint64_t op = 0;
    received r;
    queue = new_queue();
    OK(llmagg_client_new_custom(STR("{\"provider\":\"mine\",\"name\":\"m\",\"max_retries\":1}"), queue, 3, &routes[0], &err));
    OK(llmagg_routes_chat_submit(routes, 2, queue, STR(HELLO), NOTHING, 0, 0, &op, &err));
    CHECK(receive(queue, &r) && r.event.type == LLMAGG_EVENT_CALL_CUSTOM && r.event.tag == 3);
    OK(llmagg_custom_fail(r.event.op, NOTHING, &err));
    CHECK(receive_end(queue, op, &r, NULL) && has(r.payload, "Hello from real.") && has(r.payload, "\"route\":\"mine/m\""));
    OK(llmagg_routes_health_submit(routes, 2, queue, 0, &op, &err));
    CHECK(receive_end(queue, op, &r, NULL) && strcmp(r.payload, "[true,true]") == 0);
    llmagg_client_free(routes[0]);
    llmagg_client_free(routes[1]);
    llmagg_queue_free(queue);
    llmagg_wall_free(wall);
}

static void freeing_the_provider_queue_fails_its_calls(void) {
    llmagg_queue *results = new_queue();
    uint64_t op = 0;
    received r;
    CHECK(set_up(1));
    OK(llmagg_client_chat_submit(client, results, STR(HELLO), STR("{\"max_retries\":1}"), 0, 0, &op, &err));
    CHECK(receive(queue, &r) && r.event.type == LLMAGG_EVENT_CALL_CUSTOM);
    llmagg_queue_free(queue);
    CHECK(receive_end(results, op, &r, NULL) && r.event.status == LLMAGG_E_UNAVAILABLE && has(r.payload, "queue"));
    llmagg_queue_free(results);
    llmagg_client_free(client);
    llmagg_provider_free(provider);
}

static void a_stream_over_its_limit_fails(void) {
    const char *config = "{\"provider\":\"mine\",\"name\":\"m\",\"max_retries\":1,\"limits\":{\"stream_bytes\":200}}";
    uint64_t op = 0;
    received r;
    queue = new_queue();
    OK(llmagg_client_new_custom(STR(config), NULL, 0, &client, &err));
    OK(llmagg_client_chat_submit(client, queue, STR(HELLO), NOTHING, LLMAGG_STREAM, 0, &op, &err));
    CHECK(receive(queue, &r));
    llmagg_status status = LLMAGG_OK;
    for (int i = 0; i < 10 && status == LLMAGG_OK; i++) status = llmagg_custom_emit(r.event.op, STR(CHUNK), NULL, NULL);
    CHECK(status == LLMAGG_E_OVERLOADED);
    CHECK(receive_end(queue, op, &r, NULL) && r.event.type == LLMAGG_EVENT_ERROR && has(r.payload, "stream_bytes"));
    llmagg_client_free(client);
    llmagg_queue_free(queue);
}

int main(void) {
    RUN(a_whole_answer);
    RUN(a_stream_with_pauses);
    RUN(failures_are_retried_and_classified);
    RUN(an_answer_that_is_none);
    RUN(canceling_tells_the_provider);
    RUN(blocking_calls_need_a_queue_of_the_provider);
    RUN(a_queue_of_its_own_serves_blocking_calls);
    RUN(failover_from_a_custom_client_to_a_server);
    RUN(freeing_the_provider_queue_fails_its_calls);
    RUN(a_stream_over_its_limit_fails);
    return RESULT();
}
