/* The queue by itself: descriptor, drain, run, stop, wait, free, and what happens at their edges. */
#define _GNU_SOURCE
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include "check.h"

static llmagg_wall *wall;
static llmagg_client *client;

static int readable(int fd) {
    struct pollfd p = {fd, POLLIN, 0};
    return poll(&p, 1, 0) == 1;
}

static void the_descriptor_is_readable_while_events_wait(void) {
    llmagg_queue *queue = new_queue();
    uint64_t op = 0;
    int fd = -1;
    received r;
    OK(llmagg_queue_fd(queue, &fd, &err));
    CHECK(fd >= 0 && !readable(fd));
    for (int round = 0; round < 3; round++) {
        OK(llmagg_client_chat_submit(client, queue, STR(HELLO), NOTHING, 0, 42, &op, &err));
        OK(llmagg_queue_wait(queue, 10, &err));
        CHECK(readable(fd));
        CHECK(receive(queue, &r));
        CHECK(r.event.type == LLMAGG_EVENT_DONE && r.event.op == op && r.event.tag == 42 && r.event.status == 0);
        CHECK(strlen(r.payload) == r.event.payload_len && r.event.payload == r.payload && has(r.payload, "Hello from m."));
        CHECK(!readable(fd));
    }
    llmagg_queue_free(queue);
}

static void waiting_has_its_limits(void) {
    llmagg_queue *queue = new_queue();
    double begun = seconds();
    CHECK_STATUS(LLMAGG_E_TIMEOUT, llmagg_queue_wait(queue, 0, &err));
    CHECK_STATUS(LLMAGG_E_TIMEOUT, llmagg_queue_wait(queue, 0.05, &err));
    CHECK(seconds() - begun >= 0.05 && seconds() - begun < 2 * slow());
    CHECK_STATUS(LLMAGG_E_INVALID_ARGUMENT, llmagg_queue_wait(queue, 0.0 / 0.0, &err));
    llmagg_queue_free(queue);
}

static void a_batch_and_a_small_buffer(void) {
    llmagg_queue *queue = new_queue();
    llmagg_event events[8];
    char buffer[4096];
    llmagg_drain drain = {sizeof drain, sizeof *events, events, 8, buffer, 64, 0, 0, 0, 0, 0};
    uint64_t ops[5], seen = 0;
    for (int i = 0; i < 5; i++) OK(llmagg_client_chat_submit(client, queue, STR(HELLO), NOTHING, 0, (uint64_t)i, &ops[i], &err));
    double until = seconds() + 10 * slow();
    do { /* until all five wait */
        OK(llmagg_queue_wait(queue, 10, &err));
        OK(llmagg_queue_drain(queue, &drain, &err));
        usleep(1000);
    } while (drain.pending < 5 && seconds() < until);
    CHECK(drain.count == 0 && drain.pending == 5 && drain.needed > 64); /* none fits, and none is lost */
    drain.buffer_size = drain.needed;
    OK(llmagg_queue_drain(queue, &drain, &err));
    CHECK(drain.count == 1 && drain.used <= drain.needed + drain.buffer_size && drain.pending == 4);
    seen |= 1u << events[0].tag;
    drain.buffer_size = sizeof buffer;
    OK(llmagg_queue_drain(queue, &drain, &err));
    CHECK(drain.count == 4 && drain.pending == 0 && drain.needed == 0);
    for (int i = 0; i < 4; i++) {
        CHECK(events[i].payload >= buffer && events[i].payload + events[i].payload_len < buffer + drain.used);
        CHECK(events[i].payload[events[i].payload_len] == '\0');
        seen |= 1u << events[i].tag;
    }
    CHECK(seen == 31);
    OK(llmagg_queue_drain(queue, &drain, &err));
    CHECK(drain.count == 0 && drain.used == 0);
    llmagg_queue_free(queue);
}

static void sizes_of_structs_are_checked(void) {
    llmagg_queue *queue = new_queue();
    struct {
        llmagg_event event;
        void *of_a_later_version[2];
    } events[4];
    struct {
        llmagg_drain drain;
        size_t of_a_later_version[3];
    } large = {{sizeof large, sizeof *events, &events[0].event, 4, NULL, 0, 0, 0, 0, 0, 0}, {7, 7, 7}};
    char buffer[8192];
    llmagg_drain drain = {8, sizeof(llmagg_event), &events[0].event, 4, buffer, sizeof buffer, 0, 0, 0, 0, 0};
    uint64_t op = 0;
    CHECK_SAYS(LLMAGG_E_INVALID_ARGUMENT, "struct_size", llmagg_queue_drain(queue, &drain, &err));
    drain.struct_size = sizeof drain;
    drain.event_size = 16;
    CHECK_SAYS(LLMAGG_E_INVALID_ARGUMENT, "event_size", llmagg_queue_drain(queue, &drain, &err));
    drain.event_size = sizeof(llmagg_event);
    drain.max_events = 0;
    CHECK_SAYS(LLMAGG_E_INVALID_ARGUMENT, "events", llmagg_queue_drain(queue, &drain, &err));
    drain.max_events = 4;
    drain.buffer = NULL;
    CHECK_SAYS(LLMAGG_E_INVALID_ARGUMENT, "buffer", llmagg_queue_drain(queue, &drain, &err));

    /* A program compiled against a later header, with longer structs, runs with this library. */
    for (int i = 0; i < 2; i++) OK(llmagg_client_chat_submit(client, queue, STR(HELLO), NOTHING, 0, (uint64_t)i, &op, &err));
    large.drain.buffer = buffer;
    large.drain.buffer_size = sizeof buffer;
    memset(events, 0x55, sizeof events);
    double until = seconds() + 10 * slow();
    int got = 0;
    while (got < 2 && seconds() < until) {
        OK(llmagg_queue_wait(queue, 10, &err));
        OK(llmagg_queue_drain(queue, &large.drain, &err));
        for (size_t i = 0; i < large.drain.count; i++) {
            CHECK(events[i].event.type == LLMAGG_EVENT_DONE && events[i].event.tag < 2);
            CHECK((uintptr_t)events[i].of_a_later_version[0] == (uintptr_t)UINT64_C(0x5555555555555555));
            got++;
        }
    }
    CHECK(got == 2 && large.of_a_later_version[0] == 7);
    llmagg_queue_free(queue);
}

/* Makes more calls from inside the function, then stops. */
static int calls_from_inside(const llmagg_event *event, void *user) {
    int *left = user;
    llmagg_buf out = {NULL, 0};
    uint64_t op = 0;
    if (event->type != LLMAGG_EVENT_DONE || !has(event->payload, "Hello")) return 2;
    if (llmagg_client_chat(client, STR(HELLO), NOTHING, &out, NULL) != LLMAGG_OK) return 3;
    llmagg_buf_free(&out);
    if (--*left == 0) return 1;
    if (llmagg_client_chat_submit(client, (llmagg_queue *)(uintptr_t)event->tag, STR(HELLO), NOTHING, 0, event->tag, &op, NULL) != LLMAGG_OK)
        return 4;
    return 0;
}

static void the_library_works_from_inside_run(void) {
    llmagg_queue *queue = new_queue();
    uint64_t op = 0;
    int left = 5;
    OK(llmagg_client_chat_submit(client, queue, STR(HELLO), NOTHING, 0, (uintptr_t)queue, &op, &err));
    OK(llmagg_queue_run(queue, calls_from_inside, &left, &err));
    CHECK(left == 0);
    llmagg_queue_free(queue);
}

static int free_it(const llmagg_event *event, void *user) {
    llmagg_queue_free(user);
    return event->payload[0] == '{' ? 0 : 1; /* the event is still readable */
}

static void the_queue_may_be_freed_from_inside_run(void) {
    llmagg_queue *queue = new_queue();
    uint64_t op = 0;
    OK(llmagg_client_chat_submit(client, queue, STR(HELLO), NOTHING, 0, 0, &op, &err));
    CHECK_STATUS(LLMAGG_E_CLOSED, llmagg_queue_run(queue, free_it, queue, &err));
    CHECK_STATUS(LLMAGG_E_INVALID_HANDLE, llmagg_queue_run(queue, free_it, queue, &err));
}

static int count_one(const llmagg_event *event, void *user) {
    (void)event;
    ++*(int *)user;
    return 1;
}

static void events_after_the_last_one_stay(void) {
    llmagg_queue *queue = new_queue();
    uint64_t op = 0;
    int seen = 0;
    for (int i = 0; i < 3; i++) OK(llmagg_client_chat_submit(client, queue, STR(HELLO), NOTHING, 0, 0, &op, &err));
    for (int i = 0; i < 3; i++) OK(llmagg_queue_run(queue, count_one, &seen, &err));
    CHECK(seen == 3);
    CHECK_STATUS(LLMAGG_E_TIMEOUT, llmagg_queue_wait(queue, 0, &err));
    llmagg_queue_free(queue);
}

static void *stop_it(void *queue) {
    usleep(20000);
    llmagg_queue_stop(queue, NULL);
    return NULL;
}

static void *free_later(void *queue) {
    usleep(20000);
    llmagg_queue_free(queue);
    return NULL;
}

static void stopping_and_freeing_from_another_thread(void) {
    llmagg_queue *queue = new_queue();
    pthread_t thread;
    int seen = 0;
    pthread_create(&thread, NULL, stop_it, queue);
    OK(llmagg_queue_run(queue, count_one, &seen, &err));
    pthread_join(thread, NULL);
    OK(llmagg_queue_stop(queue, &err)); /* remembered */
    OK(llmagg_queue_run(queue, count_one, &seen, &err));
    CHECK(seen == 0);
    CHECK_STATUS(LLMAGG_E_TIMEOUT, llmagg_queue_wait(queue, 0, &err)); /* and forgotten then */
    pthread_create(&thread, NULL, free_later, queue);
    CHECK_STATUS(LLMAGG_E_CLOSED, llmagg_queue_run(queue, count_one, &seen, &err));
    pthread_join(thread, NULL);
    queue = new_queue();
    pthread_create(&thread, NULL, free_later, queue);
    CHECK_STATUS(LLMAGG_E_CLOSED, llmagg_queue_wait(queue, -1, &err));
    pthread_join(thread, NULL);
}

static void freeing_a_queue_ends_what_reports_to_it(void) {
    llmagg_wall *silent = wall_with("{\"default\":{\"steps\":[{\"delay_headers_s\":20}]}}");
    llmagg_client *waiting = client_for(silent, "m", "");
    llmagg_queue *queue = new_queue();
    llmagg_buf out = {NULL, 0};
    uint64_t op = 0;
    double begun = seconds();
    OK(llmagg_client_chat_submit(waiting, queue, STR(HELLO), NOTHING, 0, 0, &op, &err));
    do OK(llmagg_wall_seen(silent, &out, &err));
    while (!has(out.ptr, "\"in_flight\":1") && (llmagg_buf_free(&out), usleep(1000), seconds() < begun + 5 * slow()));
    llmagg_buf_free(&out);
    llmagg_queue_free(queue);
    do OK(llmagg_wall_seen(silent, &out, &err));
    while (!has(out.ptr, "\"disconnects\":1") && (llmagg_buf_free(&out), usleep(1000), seconds() < begun + 5 * slow()));
    CHECK(has(out.ptr, "\"disconnects\":1"));
    llmagg_buf_free(&out);
    OK(llmagg_op_cancel(op, &err)); /* late: ignored */
    llmagg_client_free(waiting);
    llmagg_wall_free(silent);
}

static void no_descriptor_is_left_behind(void) {
    int before = dup(0), after;
    close(before);
    for (int i = 0; i < 2000; i++) {
        llmagg_queue *queue = new_queue();
        CHECK(queue != NULL);
        llmagg_queue_free(queue);
        CHECK_STATUS(LLMAGG_E_INVALID_HANDLE, llmagg_queue_stop(queue, &err));
    }
    after = dup(0);
    close(after);
    CHECK(after == before);
}

int main(void) {
    wall = wall_with("{}");
    client = client_for(wall, "m", "");
    RUN(the_descriptor_is_readable_while_events_wait);
    RUN(waiting_has_its_limits);
    RUN(a_batch_and_a_small_buffer);
    RUN(sizes_of_structs_are_checked);
    RUN(the_library_works_from_inside_run);
    RUN(the_queue_may_be_freed_from_inside_run);
    RUN(events_after_the_last_one_stay);
    RUN(stopping_and_freeing_from_another_thread);
    RUN(freeing_a_queue_ends_what_reports_to_it);
    RUN(no_descriptor_is_left_behind);
    llmagg_client_free(client);
    llmagg_wall_free(wall);
    return RESULT();
}
