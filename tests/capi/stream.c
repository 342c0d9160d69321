/* Streams as operations: order, credit, restart, interruption, cancel. */
#include "check.h"

#define LONG "{\"default\":{\"steps\":[{\"text_bytes\":400,\"chunks\":40}]}}"

static void chunks_and_then_the_whole(void) {
    llmagg_wall *wall = wall_with(LONG);
    llmagg_client *client = client_for(wall, "m", "");
    llmagg_queue *queue = new_queue();
    uint64_t op = 0;
    int counts[16] = {0};
    received r;
    OK(llmagg_client_chat_submit(client, queue, STR(HELLO), NOTHING, LLMAGG_STREAM, 7, &op, &err));
    CHECK(receive_end(queue, op, &r, counts));
    CHECK(r.event.type == LLMAGG_EVENT_DONE && r.event.tag == 7 && counts[LLMAGG_EVENT_CHUNK] >= 40);
    CHECK(has(r.payload, "\"finish_reason\":\"stop\"") && has(r.payload, "\"attempts\":[") && has(r.payload, "\"first_token\""));
    llmagg_queue_free(queue);
    llmagg_client_free(client);
    llmagg_wall_free(wall);
}

static void credit_bounds_what_is_under_way(void) {
    llmagg_wall *wall = wall_with(LONG);
    llmagg_client *client = client_for(wall, "m", "");
    llmagg_queue *queue = new_queue();
    uint64_t op = 0;
    int chunks = 0, end = 0;
    received r;
    OK(llmagg_client_chat_submit(client, queue, STR(HELLO), STR("{\"window\":3}"), LLMAGG_STREAM, 0, &op, &err));
    for (int i = 0; i < 3; i++) CHECK(receive(queue, &r) && r.event.type == LLMAGG_EVENT_CHUNK);
    CHECK_STATUS(LLMAGG_E_TIMEOUT, llmagg_queue_wait(queue, 0.2, &err)); /* no fourth one without credit */
    for (chunks = 3; !end;) {
        OK(llmagg_op_credit(op, 2, &err));
        for (int i = 0; i < 2 && !end; i++) {
            CHECK(receive(queue, &r));
            if (r.event.type == LLMAGG_EVENT_CHUNK) chunks++;
            else end = r.event.type;
        }
    }
    CHECK(end == LLMAGG_EVENT_DONE && chunks >= 40);
    OK(llmagg_op_credit(op, 1, &err)); /* late: ignored */
    OK(llmagg_op_credit(0, 1, &err));
    llmagg_queue_free(queue);
    llmagg_client_free(client);
    llmagg_wall_free(wall);
}

static void a_window_of_zero_is_no_bound(void) {
    llmagg_wall *wall = wall_with("{\"default\":{\"steps\":[{\"text_bytes\":3000,\"chunks\":300}]}}");
    llmagg_client *client = client_for(wall, "m", "");
    llmagg_queue *queue = new_queue();
    uint64_t op = 0;
    int counts[16] = {0};
    received r;
    OK(llmagg_client_chat_submit(client, queue, STR(HELLO), STR("{\"window\":0}"), LLMAGG_STREAM, 0, &op, &err));
    CHECK(receive_end(queue, op, &r, counts));
    CHECK(r.event.type == LLMAGG_EVENT_DONE && counts[LLMAGG_EVENT_CHUNK] >= 300);
    llmagg_queue_free(queue);
    llmagg_client_free(client);
    llmagg_wall_free(wall);
}

/* Chunks come in arrays of at most 32, each chunk takes a credit, and none is lost. */
static void chunks_come_in_batches(void) {
    llmagg_wall *wall = wall_with("{\"default\":{\"steps\":[{\"text_bytes\":3000,\"chunks\":300}]}}");
    llmagg_client *client = client_for(wall, "m", "");
    llmagg_queue *queue = new_queue();
    uint64_t op = 0;
    int events = 0, chunks = 0;
    received r;
    OK(llmagg_client_chat_submit(client, queue, STR(HELLO), STR("{\"window\":40}"), LLMAGG_STREAM | LLMAGG_BATCH | LLMAGG_GATHER, 0,
                                 &op, &err));
    for (;;) {
        int here = 0;
        CHECK(receive(queue, &r));
        if (r.event.type != LLMAGG_EVENT_CHUNK) break;
        CHECK(r.payload[0] == '[' && r.payload[r.event.payload_len - 1] == ']' && strlen(r.payload) == r.event.payload_len);
        for (const char *at = r.payload; (at = strstr(at, "\"choices\":")) != NULL; at++) here++;
        CHECK(here >= 1 && here <= 32 && has(r.payload, "\"role\":\"assistant\""));
        OK(llmagg_op_credit(op, (uint32_t)here, &err));
        chunks += here;
        events++;
    }
    CHECK(r.event.type == LLMAGG_EVENT_DONE && chunks >= 300 && events <= chunks);
    CHECK_STATUS(LLMAGG_E_INVALID_ARGUMENT, llmagg_client_chat_submit(client, queue, STR(HELLO), NOTHING, 16, 0, &op, &err));
    llmagg_queue_free(queue);
    llmagg_client_free(client);
    llmagg_wall_free(wall);
}

/* How many strings stand by themselves in an array; they have no quotes in them. */
static int strings_in(const char *array) {
    int n = 0;
    for (const char *at = array; *at != '\0'; at++)
        if ((*at == '[' || *at == ',') && at[1] == '"') n += strchr(",]", strchr(at + 2, '"')[1]) != NULL;
    return n;
}

static void a_chunk_of_new_text_is_that_text(void) {
    llmagg_wall *wall = wall_with("{\"default\":{\"steps\":[{\"text_bytes\":3000,\"chunks\":300}]}}");
    llmagg_client *client = client_for(wall, "m", "");
    llmagg_queue *queue = new_queue();
    uint64_t op = 0;
    int objects = 0, texts = 0;
    received r;
    OK(llmagg_client_chat_submit(client, queue, STR(HELLO), STR("{\"window\":0}"),
                                 LLMAGG_STREAM | LLMAGG_BATCH | LLMAGG_GATHER | LLMAGG_BRIEF, 0, &op, &err));
    for (;;) {
        CHECK(receive(queue, &r));
        if (r.event.type != LLMAGG_EVENT_CHUNK) break;
        CHECK(objects > 0 || r.payload[1] == '{');
        for (const char *at = r.payload; (at = strstr(at, "\"choices\":")) != NULL; at++) objects++;
        texts += strings_in(r.payload);
    }
    CHECK(r.event.type == LLMAGG_EVENT_DONE && objects >= 2 && objects < 10 && texts >= 290);
    CHECK_STATUS(LLMAGG_E_INVALID_ARGUMENT,
                 llmagg_client_chat_submit(client, queue, STR(HELLO), NOTHING, LLMAGG_STREAM | LLMAGG_BATCH | LLMAGG_BRIEF, 0, &op, &err));
    llmagg_queue_free(queue);
    llmagg_client_free(client);
    llmagg_wall_free(wall);
}

static void a_broken_stream_is_an_error_with_the_partial_text(void) {
    llmagg_wall *wall = wall_with("{\"default\":{\"steps\":[{\"text\":\"one two three four\",\"cut\":{\"how\":\"reset\",\"after_events\":3}}]}}");
    llmagg_client *client = client_for(wall, "m", "");
    llmagg_queue *queue = new_queue();
    uint64_t op = 0;
    int counts[16] = {0};
    received r;
    OK(llmagg_client_chat_submit(client, queue, STR(HELLO), NOTHING, LLMAGG_STREAM, 0, &op, &err));
    CHECK(receive_end(queue, op, &r, counts));
    CHECK(r.event.type == LLMAGG_EVENT_ERROR && r.event.status == LLMAGG_E_STREAM_INTERRUPTED && counts[LLMAGG_EVENT_CHUNK] > 0);
    CHECK(has(r.payload, "\"partial\":\"one ") && has(r.payload, "\"name\":\"STREAM_INTERRUPTED\""));
    llmagg_queue_free(queue);
    llmagg_client_free(client);
    llmagg_wall_free(wall);
}

static void a_restart_is_told(void) {
    llmagg_wall *wall = wall_with("{\"models\":{\"a\":{\"steps\":[{\"text\":\"one two three four\",\"cut\":{\"how\":\"reset\",\"after_events\":3}}]},"
                                  "\"b\":{\"steps\":[{\"text\":\"from b\"}]}}}");
    llmagg_client *routes[2] = {client_for(wall, "a", ""), client_for(wall, "b", "")};
    llmagg_queue *queue = new_queue();
    uint64_t op = 0;
    int counts[16] = {0};
    received r;
    OK(llmagg_routes_chat_submit(routes, 2, queue, STR(HELLO), STR("{\"on_interrupt\":\"restart\"}"), LLMAGG_STREAM, 0, &op, &err));
    while (receive(queue, &r) && r.event.type != LLMAGG_EVENT_RESTART) CHECK(r.event.type == LLMAGG_EVENT_CHUNK);
    CHECK(has(r.payload, "\"from\":\"openai/a\"") && has(r.payload, "\"to\":\"openai/b\"") && has(r.payload, "\"reason\":{"));
    CHECK(receive_end(queue, op, &r, counts));
    CHECK(r.event.type == LLMAGG_EVENT_DONE && has(r.payload, "\"from b\"") && !has(r.payload, "one two"));
    llmagg_queue_free(queue);
    llmagg_client_free(routes[0]);
    llmagg_client_free(routes[1]);
    llmagg_wall_free(wall);
}

static void canceling_closes_the_connection(void) {
    llmagg_wall *wall = wall_with("{\"default\":{\"steps\":[{\"forever\":true,\"delay_event_s\":0.01}]}}");
    llmagg_client *client = client_for(wall, "m", "");
    llmagg_queue *queue = new_queue();
    llmagg_buf seen = {NULL, 0};
    uint64_t op = 0;
    int terminal = 0;
    received r;
    OK(llmagg_client_chat_submit(client, queue, STR(HELLO), NOTHING, LLMAGG_STREAM, 0, &op, &err));
    CHECK(receive(queue, &r) && r.event.type == LLMAGG_EVENT_CHUNK);
    double begun = seconds();
    OK(llmagg_op_cancel(op, &err));
    OK(llmagg_op_cancel(op, &err)); /* again: ignored */
    CHECK(receive_end(queue, op, &r, NULL));
    CHECK(r.event.type == LLMAGG_EVENT_ERROR && r.event.status == LLMAGG_E_CANCELED && seconds() - begun < 1 * slow());
    do OK(llmagg_wall_seen(wall, &seen, &err));
    while (!has(seen.ptr, "\"disconnects\":1") && (llmagg_buf_free(&seen), usleep(1000), seconds() < begun + 5 * slow()));
    CHECK(has(seen.ptr, "\"disconnects\":1"));
    llmagg_buf_free(&seen);
    OK(llmagg_op_cancel(op, &err));
    OK(llmagg_op_cancel(UINT64_MAX, &err));
    while (llmagg_queue_wait(queue, 0.1, NULL) == LLMAGG_OK && receive(queue, &r)) terminal += r.event.op == op;
    CHECK(terminal == 0); /* exactly one terminal event, and nothing after it */
    llmagg_queue_free(queue);
    llmagg_client_free(client);
    llmagg_wall_free(wall);
}

static void canceling_without_credit(void) {
    llmagg_wall *wall = wall_with("{\"default\":{\"steps\":[{\"forever\":true,\"delay_event_s\":0.001}]}}");
    llmagg_client *client = client_for(wall, "m", "");
    llmagg_queue *queue = new_queue();
    uint64_t op = 0;
    received r;
    OK(llmagg_client_chat_submit(client, queue, STR(HELLO), STR("{\"window\":1}"), LLMAGG_STREAM, 0, &op, &err));
    CHECK(receive(queue, &r));
    CHECK_STATUS(LLMAGG_E_TIMEOUT, llmagg_queue_wait(queue, 0.1, &err));
    OK(llmagg_op_cancel(op, &err));
    CHECK(receive_end(queue, op, &r, NULL) && r.event.status == LLMAGG_E_CANCELED);
    llmagg_queue_free(queue);
    llmagg_client_free(client);
    llmagg_wall_free(wall);
}

static void a_reader_that_takes_nothing_loses_its_stream(void) {
    llmagg_wall *wall = wall_with("{\"default\":{\"steps\":[{\"forever\":true,\"delay_event_s\":0.001}]}}");
    llmagg_client *client = client_for(wall, "m", ",\"reader_timeout\":0.2");
    llmagg_queue *queue = new_queue();
    uint64_t op = 0;
    received r;
    OK(llmagg_client_chat_submit(client, queue, STR(HELLO), STR("{\"window\":1}"), LLMAGG_STREAM, 0, &op, &err));
    CHECK(receive_end(queue, op, &r, NULL));
    CHECK(r.event.status == LLMAGG_E_CANCELED && has(r.payload, "reader_timeout"));
    llmagg_queue_free(queue);
    llmagg_client_free(client);
    llmagg_wall_free(wall);
}

int main(void) {
    RUN(chunks_and_then_the_whole);
    RUN(credit_bounds_what_is_under_way);
    RUN(chunks_come_in_batches);
    RUN(a_chunk_of_new_text_is_that_text);
    RUN(a_window_of_zero_is_no_bound);
    RUN(a_broken_stream_is_an_error_with_the_partial_text);
    RUN(a_restart_is_told);
    RUN(canceling_closes_the_connection);
    RUN(canceling_without_credit);
    RUN(a_reader_that_takes_nothing_loses_its_stream);
    return RESULT();
}
