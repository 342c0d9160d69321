/* Closing and freeing while calls run: each operation gets exactly one terminal event, and nothing hangs. */
#define _GNU_SOURCE
#include <pthread.h>
#include <unistd.h>

#include "check.h"

enum { MANY = 1000 };

static int ended[MANY], with_code[MANY];

/* Collects terminal events until n operations have ended; tags are 0..n-1. Returns how many ended. */
static int collect(llmagg_queue *queue, int n) {
    int total = 0;
    received r;
    memset(ended, 0, sizeof ended);
    while (total < n && receive(queue, &r)) {
        if (r.event.type != LLMAGG_EVENT_DONE && r.event.type != LLMAGG_EVENT_ERROR) continue;
        if (r.event.tag >= MANY) return -1;
        ended[r.event.tag]++;
        with_code[r.event.tag] = r.event.status;
        total++;
    }
    /* And none of them a second time. */
    while (llmagg_queue_wait(queue, 0.05, NULL) == LLMAGG_OK && receive(queue, &r)) total++;
    return total;
}

static int all_once(int n, llmagg_status code) {
    for (int i = 0; i < n; i++) {
        if (ended[i] != 1 || with_code[i] != code) {
            printf("# operation %d: %d terminal events, the last with %s\n", i, ended[i], llmagg_status_name(with_code[i]));
            return 0;
        }
    }
    return 1;
}

static llmagg_wall *silent(void) { return wall_with("{\"default\":{\"steps\":[{\"delay_headers_s\":30}]}}"); }

static void freeing_a_client_ends_its_calls(void) {
    llmagg_wall *wall = silent();
    llmagg_client *client = client_for(wall, "m", ",\"max_concurrent_calls\":2000");
    llmagg_queue *queue = new_queue();
    uint64_t op = 0, last = 0;
    int n = many(MANY);
    for (int i = 0; i < n; i++) {
        OK(llmagg_client_chat_submit(client, queue, STR(HELLO), NOTHING, i % 2 ? LLMAGG_STREAM : 0, (uint64_t)i, &op, &err));
        CHECK(op > last); /* never used twice */
        last = op;
    }
    double begun = seconds();
    llmagg_client_free(client);
    CHECK(collect(queue, n) == n);
    CHECK(all_once(n, LLMAGG_E_CLOSED) && seconds() - begun < 10 * slow());
    CHECK_STATUS(LLMAGG_E_INVALID_HANDLE, llmagg_client_chat_submit(client, queue, STR(HELLO), NOTHING, 0, 0, &op, &err));
    llmagg_queue_free(queue);
    llmagg_wall_free(wall);
}

static void closing_each_layer_ends_its_calls(void) {
    for (int layer = 0; layer < 3; layer++) {
        llmagg_wall *wall = silent();
        llmagg_manager *manager = NULL;
        llmagg_provider *provider = NULL;
        llmagg_aggregator *aggregator = NULL;
        llmagg_queue *queue = new_queue();
        llmagg_buf out = {NULL, 0};
        uint64_t op = 0;
        received r;
        OK(llmagg_manager_new(&manager, &err));
        OK(llmagg_provider_new(STR(config_for(wall, "openai", "m", ",\"max_concurrent_calls\":10")), &provider, &err));
        OK(llmagg_manager_register(manager, provider, &err));
        OK(llmagg_aggregator_new(manager, NOTHING, &aggregator, &err));
        for (int i = 0; i < 30; i++) /* ten in flight, the others in line */
            OK(llmagg_aggregator_chat_submit(aggregator, queue, STR(HELLO), NOTHING, i % 2 ? LLMAGG_STREAM : 0, (uint64_t)i, &op, &err));
        double begun = seconds();
        for (int again = 0; again < 2; again++) { /* closing twice is fine */
            if (layer == 0) OK(llmagg_aggregator_close(aggregator, 5, &err));
            if (layer == 1) OK(llmagg_manager_close(manager, 5, &err));
            if (layer == 2) OK(llmagg_provider_close(provider, 5, &err));
        }
        CHECK(seconds() - begun < 5 * slow());
        CHECK(collect(queue, 30) == 30);
        CHECK(all_once(30, LLMAGG_E_CLOSED));
        if (layer == 0) CHECK_STATUS(LLMAGG_E_CLOSED, llmagg_aggregator_chat(aggregator, STR(HELLO), NOTHING, &out, &err));
        if (layer == 0) {
            OK(llmagg_aggregator_chat_submit(aggregator, queue, STR(HELLO), NOTHING, 0, 0, &op, &err));
            CHECK(receive_end(queue, op, &r, NULL) && r.event.status == LLMAGG_E_CLOSED);
        }
        if (layer == 0) CHECK_STATUS(LLMAGG_E_CLOSED, llmagg_aggregator_models(aggregator, &out, &err));
        if (layer == 1) CHECK_STATUS(LLMAGG_E_CLOSED, llmagg_manager_models(manager, &out, &err));
        if (layer == 1) CHECK_STATUS(LLMAGG_E_CLOSED, llmagg_manager_health(manager, &out, &err));
        if (layer == 1) CHECK_STATUS(LLMAGG_E_CLOSED, llmagg_manager_register(manager, provider, &err));
        if (layer == 1) CHECK(llmagg_aggregator_chat(aggregator, STR(HELLO), NOTHING, &out, NULL) == LLMAGG_E_CLOSED);
        if (layer == 2) CHECK_STATUS(LLMAGG_E_CLOSED, llmagg_provider_models(provider, &out, &err));
        llmagg_aggregator_free(aggregator);
        llmagg_provider_free(provider);
        llmagg_manager_free(manager);
        llmagg_queue_free(queue);
        llmagg_wall_free(wall);
    }
}

static void freeing_everything_at_once(void) {
    llmagg_wall *wall = silent();
    llmagg_manager *manager = NULL;
    llmagg_aggregator *aggregator = NULL;
    llmagg_queue *queue = new_queue();
    uint64_t op = 0;
    OK(llmagg_manager_new(&manager, &err));
    OK(llmagg_aggregator_new(manager, NOTHING, &aggregator, &err));
    OK(llmagg_aggregator_initialize(aggregator, STR(config_for(wall, "openai", "m", "")), &err));
    for (int i = 0; i < 30; i++)
        OK(llmagg_aggregator_chat_submit(aggregator, queue, STR(HELLO), NOTHING, 0, (uint64_t)i, &op, &err));
    llmagg_manager_free(manager);
    llmagg_aggregator_free(aggregator);
    CHECK(collect(queue, 30) == 30);
    CHECK(all_once(30, LLMAGG_E_CLOSED));
    llmagg_queue_free(queue);
    llmagg_wall_free(wall);
}

static llmagg_client *blocked;
static llmagg_status blocked_status;

static void *block(void *unused) {
    llmagg_buf out = {NULL, 0};
    blocked_status = llmagg_client_chat(blocked, STR(HELLO), NOTHING, &out, NULL);
    return unused;
}

static void freeing_ends_a_blocking_call(void) {
    llmagg_wall *wall = silent();
    llmagg_buf seen = {NULL, 0};
    pthread_t thread;
    double begun = seconds();
    blocked = client_for(wall, "m", "");
    pthread_create(&thread, NULL, block, NULL);
    do OK(llmagg_wall_seen(wall, &seen, &err));
    while (!has(seen.ptr, "\"in_flight\":1") && (llmagg_buf_free(&seen), usleep(1000), seconds() < begun + 5 * slow()));
    llmagg_buf_free(&seen);
    llmagg_client_free(blocked);
    pthread_join(thread, NULL);
    CHECK(blocked_status == LLMAGG_E_CLOSED && seconds() - begun < 5 * slow());
    llmagg_wall_free(wall);
}

static llmagg_queue *race_queue;
static uint64_t race_ops[MANY];
static int race_count;

static void *cancel_all(void *unused) {
    for (int i = 0; i < many(MANY); i++) {
        while (__atomic_load_n(&race_count, __ATOMIC_ACQUIRE) <= i) usleep(10);
        llmagg_op_cancel(race_ops[i], NULL);
    }
    return unused;
}

static void canceling_races_with_answers(void) {
    llmagg_wall *wall = wall_with("{}");
    llmagg_client *client = client_for(wall, "m", ",\"max_concurrent_calls\":50");
    pthread_t thread;
    race_queue = new_queue();
    pthread_create(&thread, NULL, cancel_all, NULL);
    for (int i = 0; i < many(MANY); i++) {
        OK(llmagg_client_chat_submit(client, race_queue, STR(HELLO), NOTHING, i % 2 ? LLMAGG_STREAM : 0, (uint64_t)i, &race_ops[i], &err));
        __atomic_store_n(&race_count, i + 1, __ATOMIC_RELEASE);
    }
    CHECK(collect(race_queue, many(MANY)) == many(MANY));
    for (int i = 0; i < many(MANY); i++) CHECK(ended[i] == 1 && (with_code[i] == LLMAGG_OK || with_code[i] == LLMAGG_E_CANCELED));
    pthread_join(thread, NULL);
    llmagg_queue_free(race_queue);
    llmagg_client_free(client);
    llmagg_wall_free(wall);
}

static llmagg_client *churn_client;
static int churn_stop;

static void *churn(void *unused) {
    while (!__atomic_load_n(&churn_stop, __ATOMIC_ACQUIRE)) {
        llmagg_buf out = {NULL, 0};
        llmagg_status status = llmagg_client_chat(__atomic_load_n(&churn_client, __ATOMIC_ACQUIRE), STR(HELLO), NOTHING, &out, NULL);
        if (status != LLMAGG_OK && status != LLMAGG_E_CLOSED && status != LLMAGG_E_INVALID_HANDLE) printf("# %s\n", llmagg_status_name(status));
        llmagg_buf_free(&out);
    }
    return unused;
}

static void freeing_while_others_call(void) {
    llmagg_wall *wall = wall_with("{}");
    pthread_t threads[4];
    churn_client = client_for(wall, "m", "");
    for (int i = 0; i < 4; i++) pthread_create(&threads[i], NULL, churn, NULL);
    for (int i = 0; i < many(100); i++) {
        llmagg_client *old = churn_client;
        __atomic_store_n(&churn_client, client_for(wall, "m", ""), __ATOMIC_RELEASE);
        usleep(1000);
        llmagg_client_free(old);
    }
    __atomic_store_n(&churn_stop, 1, __ATOMIC_RELEASE);
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    llmagg_client_free(churn_client);
    llmagg_wall_free(wall);
}

static void deadlines_must_be_numbers(void) {
    llmagg_manager *manager = NULL;
    OK(llmagg_manager_new(&manager, &err));
    CHECK_STATUS(LLMAGG_E_INVALID_ARGUMENT, llmagg_manager_close(manager, 0.0 / 0.0, &err));
    OK(llmagg_manager_close(manager, -1, &err));
    llmagg_manager_free(manager);
}

int main(void) {
    RUN(freeing_a_client_ends_its_calls);
    RUN(closing_each_layer_ends_its_calls);
    RUN(freeing_everything_at_once);
    RUN(freeing_ends_a_blocking_call);
    RUN(canceling_races_with_answers);
    RUN(freeing_while_others_call);
    RUN(deadlines_must_be_numbers);
    return RESULT();
}
