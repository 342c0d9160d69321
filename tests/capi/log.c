/* Logging and observing through queues: off at first, bounded, without keys. */
#include "check.h"

static void nothing_is_logged_at_first(void) {
    llmagg_wall *wall = wall_with("{\"default\":{\"steps\":[{\"status\":500}]}}");
    llmagg_client *client = client_for(wall, "m", ",\"max_retries\":1");
    llmagg_queue *queue = new_queue();
    llmagg_buf out = {NULL, 0};
    received r;
    CHECK_STATUS(LLMAGG_E_UNAVAILABLE, llmagg_client_chat(client, STR(HELLO), NOTHING, &out, &err));
    CHECK_STATUS(LLMAGG_E_TIMEOUT, llmagg_queue_wait(queue, 0, &err));
    OK(llmagg_log_to_queue(LLMAGG_LOG_DEBUG, queue, &err));
    OK(llmagg_observe_to_queue(queue, &err));
    CHECK_STATUS(LLMAGG_E_UNAVAILABLE, llmagg_client_chat(client, STR(HELLO), NOTHING, &out, &err));
    int started = 0, ended = 0;
    while (!ended && receive(queue, &r)) {
        CHECK(r.event.op == 0 && r.event.tag == 0 && !has(r.payload, "sk-secret"));
        if (r.event.type == LLMAGG_EVENT_OBSERVE) {
            started += has(r.payload, "\"event\":\"attempt_started\"");
            ended += has(r.payload, "\"event\":\"attempt_ended\"");
        } else {
            CHECK(r.event.type == LLMAGG_EVENT_LOG && has(r.payload, "\"level\":") && has(r.payload, "\"message\":"));
        }
    }
    CHECK(started == 1 && ended == 1);
    OK(llmagg_log_to_queue(0, NULL, &err));
    OK(llmagg_observe_to_queue(NULL, &err));
    while (llmagg_queue_wait(queue, 0, NULL) == LLMAGG_OK) CHECK(receive(queue, &r));
    CHECK_STATUS(LLMAGG_E_UNAVAILABLE, llmagg_client_chat(client, STR(HELLO), NOTHING, &out, &err));
    CHECK_STATUS(LLMAGG_E_TIMEOUT, llmagg_queue_wait(queue, 0.05, &err));
    llmagg_queue_free(queue);
    llmagg_client_free(client);
    llmagg_wall_free(wall);
}

static void misspelt_variables_are_told_once(void) {
    llmagg_manager *manager = NULL;
    llmagg_aggregator *aggregator = NULL;
    llmagg_queue *queue = new_queue();
    llmagg_buf out = {NULL, 0};
    const char config[] = "{\"p\":{\"models\":{\"m\":{\"base_url\":\"http://127.0.0.1:9/v1\",\"api_key\":\"none\"}}}}";
    received r;
    int told = 0;
    CHECK(setenv("LLMAGG_CONFG", "x", 1) == 0);
    OK(llmagg_settings(&out, &err));
    CHECK(has(out.ptr, "\"misspelt\":[{\"name\":\"LLMAGG_CONFG\",\"near\":\"LLMAGG_CONFIG\"}]"));
    llmagg_buf_free(&out);
    OK(llmagg_log_to_queue(LLMAGG_LOG_WARN, queue, &err));
    OK(llmagg_manager_new(&manager, &err));
    for (int i = 0; i < 2; i++) {
        OK(llmagg_aggregator_new(manager, NULL, 0, &aggregator, &err));
        OK(llmagg_aggregator_initialize(aggregator, STR(config), &err));
        llmagg_aggregator_free(aggregator);
    }
    OK(llmagg_log_to_queue(0, NULL, &err));
    while (llmagg_queue_wait(queue, 0, NULL) == LLMAGG_OK && receive(queue, &r))
        told += has(r.payload, "nothing reads the environment variable LLMAGG_CONFG; did you mean LLMAGG_CONFIG?");
    CHECK(told == 1);
    CHECK(unsetenv("LLMAGG_CONFG") == 0);
    llmagg_manager_free(manager);
    llmagg_queue_free(queue);
}

static void what_is_too_much_is_dropped_and_counted(void) {
    llmagg_wall *wall = wall_with("{}");
    llmagg_client *client = client_for(wall, "m", "");
    llmagg_queue *queue = new_queue();
    llmagg_buf out = {NULL, 0};
    received r;
    int observed = 0, dropped = 0;
    OK(llmagg_observe_to_queue(queue, &err));
    for (int i = 0; i < 1500; i++) { /* two observations each, and nobody reads */
        OK(llmagg_client_chat(client, STR(HELLO), NOTHING, &out, &err));
        llmagg_buf_free(&out);
    }
    while (llmagg_queue_wait(queue, 0.2, NULL) == LLMAGG_OK && receive(queue, &r)) {
        if (r.event.type == LLMAGG_EVENT_OBSERVE) observed++;
        if (r.event.type == LLMAGG_EVENT_DROPPED) {
            int n = 0;
            CHECK(sscanf(r.payload, "{\"count\":%d}", &n) == 1);
            dropped += n;
        }
    }
    CHECK(observed >= 1000 && dropped > 0 && observed + dropped >= 3000);
    OK(llmagg_observe_to_queue(NULL, &err));
    llmagg_queue_free(queue);
    llmagg_client_free(client);
    llmagg_wall_free(wall);
}

static void what_was_observed_is_there_after_the_same_queue_was_given_again(void) {
    llmagg_wall *wall = wall_with("{}");
    llmagg_client *client = client_for(wall, "m", "");
    llmagg_queue *queue = new_queue();
    llmagg_buf out = {NULL, 0};
    received r;
    OK(llmagg_observe_to_queue(queue, &err));
    for (int i = 0; i < 200; i++) {
        OK(llmagg_client_chat(client, STR(HELLO), NOTHING, &out, &err));
        llmagg_buf_free(&out);
        OK(llmagg_observe_to_queue(i % 10 == 9 ? NULL : queue, &err)); /* ending it does the same */
        int ended = 0;
        while (llmagg_queue_wait(queue, 0, NULL) == LLMAGG_OK && receive(queue, &r)) ended += has(r.payload, "\"attempt_ended\"");
        CHECK(ended == 1);
        OK(llmagg_observe_to_queue(queue, &err));
    }
    OK(llmagg_observe_to_queue(NULL, &err));
    llmagg_queue_free(queue);
    llmagg_client_free(client);
    llmagg_wall_free(wall);
}

static void a_freed_queue_ends_it(void) {
    llmagg_wall *wall = wall_with("{\"default\":{\"steps\":[{\"status\":500}]}}");
    llmagg_client *client = client_for(wall, "m", ",\"max_retries\":1");
    llmagg_queue *queue = new_queue();
    llmagg_buf out = {NULL, 0};
    OK(llmagg_log_to_queue(LLMAGG_LOG_DEBUG, queue, &err));
    OK(llmagg_observe_to_queue(queue, &err));
    llmagg_queue_free(queue);
    for (int i = 0; i < 3; i++) CHECK_STATUS(LLMAGG_E_UNAVAILABLE, llmagg_client_chat(client, STR(HELLO), NOTHING, &out, &err));
    CHECK_STATUS(LLMAGG_E_INVALID_HANDLE, llmagg_log_to_queue(0, queue, &err));
    CHECK_STATUS(LLMAGG_E_INVALID_HANDLE, llmagg_observe_to_queue(queue, &err));
    llmagg_client_free(client);
    llmagg_wall_free(wall);
}

int main(void) {
    RUN(nothing_is_logged_at_first);
    RUN(what_is_too_much_is_dropped_and_counted);
    RUN(what_was_observed_is_there_after_the_same_queue_was_given_again);
    RUN(a_freed_queue_ends_it);
    RUN(misspelt_variables_are_told_once);
    return RESULT();
}
