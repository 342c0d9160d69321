/* What happens to a call when its object is freed, closed or canceled meanwhile: by others, by many at once, from inside
 * llmagg_queue_run, with a thousand operations in every state. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>

#include "functions.h"

#define SILENT "{\"default\":{\"steps\":[{\"delay_headers_s\":30}]},\"health\":{\"steps\":[{\"delay_headers_s\":30}]}}"

/* Waits until the server has seen this. */
static int seen(llmagg_wall *wall, const char *what) {
    llmagg_buf text = {NULL, 0};
    int there = 0;
    for (double until = seconds() + 10 * slow(); !there && seconds() < until; usleep(1000)) {
        if (llmagg_wall_seen(wall, &text, NULL) != LLMAGG_OK) return 0;
        there = has(text.ptr, what);
        llmagg_buf_free(&text);
    }
    return there;
}

/* A function of the table, blocked on a thread of its own. */
typedef struct blocked {
    const function *f;
    const world *w;
    outputs o;
    llmagg_status status;
    double took;
} blocked;

static void *block(void *argument) {
    blocked *b = argument;
    double begun = seconds();
    b->status = b->f->ask(b->w, handle_of(b->w, b->f->kind), &b->o, NULL);
    b->took = seconds() - begun;
    return NULL;
}

static void freeing_ends_what_blocks(void) {
    static const struct {
        const char *function;
        int freed;
    } rows[] = {
        {"llmagg_client_chat", CLIENT},        {"llmagg_routes_chat", CLIENT},         {"llmagg_aggregator_chat", AGGREGATOR},
        {"llmagg_aggregator_chat", MANAGER},   {"llmagg_manager_health", MANAGER},     {"llmagg_aggregator_health", AGGREGATOR},
        {"llmagg_queue_wait", QUEUE},          {"llmagg_queue_run", QUEUE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        static blocked b;
        world w;
        pthread_t thread;
        int on_queue = rows[i].freed == QUEUE;
        CHECK(make_world(&w));
        OK(llmagg_wall_script(w.wall, STR(SILENT), &err));
        memset(&b, 0, sizeof b);
        b.w = &w;
        for EACH(f) if (strcmp(f->name, rows[i].function) == 0 && f->kind != NONE) b.f = f;
        pthread_create(&thread, NULL, block, &b);
        if (on_queue) usleep(20000); /* nobody tells when it waits; if it does not yet, the handle is freed already */
        else CHECK(seen(w.wall, "\"in_flight\":1") || seen(w.wall, "health"));
        free_as(rows[i].freed, handle_of(&w, rows[i].freed));
        pthread_join(thread, NULL);
        if (b.status != LLMAGG_E_CLOSED) printf("# %s: %s\n", rows[i].function, llmagg_status_name(b.status));
        CHECK(b.status == LLMAGG_E_CLOSED || (on_queue && b.status == LLMAGG_E_INVALID_HANDLE));
        CHECK(b.took < 4 * slow());
        CHECK(b.o.text.ptr == NULL); /* nothing was written */
        free_world(&w);
    }
}

/* Every function of the table, from threads, while the handles that it gets are freed under it. */
static world *shared;
static int over;

static void *call_everything(void *mine) {
    outputs *o = mine;
    while (!__atomic_load_n(&over, __ATOMIC_ACQUIRE)) {
        for EACH(f) {
            world w = *__atomic_load_n(&shared, __ATOMIC_ACQUIRE);
            llmagg_error *err = NULL;
            memset(o, 0, sizeof *o);
            o->drain = (llmagg_drain){sizeof o->drain, sizeof o->event, &o->event, 1, o->bytes, sizeof o->bytes, 0, 0, 0, 0, 0};
            if (strcmp(f->name, "llmagg_queue_run") == 0 || strcmp(f->name, "llmagg_queue_wait") == 0) continue; /* nothing may come */
            if (strstr(f->name, "_default") != NULL) continue;
            llmagg_status status = f->ask(&w, handle_of(&w, f->kind), o, &err);
            if ((status == LLMAGG_OK) != (err == NULL) || status == LLMAGG_E_INTERNAL) {
                printf("# %s: %s\n", f->name, llmagg_error_message(err));
                check_failed_here = 1;
            }
            llmagg_error_free(err);
            llmagg_buf_free(&o->text);
            if (status == LLMAGG_OK && o->made.any != NULL) {
                for (int kind = NONE + 1; kind < KINDS; kind++) free_as(kind, o->made.any);
            }
        }
    }
    return NULL;
}

static void everything_is_freed_under_everything(void) {
    enum { WORLDS = 100, CALLERS = 4 };
    static world worlds[WORLDS + 1];
    static outputs room[CALLERS];
    pthread_t threads[CALLERS];
    int rounds = many(WORLDS);
    CHECK(make_world(&worlds[0]));
    shared = &worlds[0];
    for (int i = 0; i < CALLERS; i++) pthread_create(&threads[i], NULL, call_everything, &room[i]);
    for (int i = 1; i <= rounds; i++) {
        int made = make_world(&worlds[i]);
        __atomic_store_n(&shared, &worlds[i], __ATOMIC_RELEASE);
        free_world(&worlds[i - 1]);
        if (!made) check_failed_here = 1;
    }
    __atomic_store_n(&over, 1, __ATOMIC_RELEASE);
    for (int i = 0; i < CALLERS; i++) pthread_join(threads[i], NULL);
    free_world(&worlds[rounds]);
    llmagg_log_to_queue(0, NULL, NULL);
    llmagg_observe_to_queue(NULL, NULL);
    CHECK(!check_failed_here);
}

static void *free_shared(void *barrier) {
    pthread_barrier_wait(barrier);
    free_world(shared);
    return NULL;
}

static void freeing_from_many_threads_at_once(void) {
    for (int round = 0; round < many(50); round++) {
        pthread_t threads[4];
        pthread_barrier_t barrier;
        static world w;
        world later;
        CHECK(make_world(&w));
        shared = &w;
        pthread_barrier_init(&barrier, NULL, 5);
        for (int i = 0; i < 4; i++) pthread_create(&threads[i], NULL, free_shared, &barrier);
        pthread_barrier_wait(&barrier);
        int made = make_world(&later);
        for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
        CHECK(made && world_works(&later)); /* none of them hit what is new */
        free_world(&later);
        pthread_barrier_destroy(&barrier);
    }
}

/* ---- a thousand operations in every state */

enum { MANY = 1000 };

static int terminal[MANY], code[MANY];

/* Counts terminal events by tag until n have come and no more do. */
static int count_ends(llmagg_queue *queue, int n) {
    static received r;
    int total = 0;
    memset(terminal, 0, sizeof terminal);
    while (total < n && receive(queue, &r)) {
        if (r.event.type != LLMAGG_EVENT_DONE && r.event.type != LLMAGG_EVENT_ERROR) continue;
        if (r.event.tag >= MANY) return -1;
        terminal[r.event.tag]++;
        code[r.event.tag] = r.event.status;
        total++;
    }
    while (llmagg_queue_wait(queue, 0.1, NULL) == LLMAGG_OK && receive(queue, &r))
        total += r.event.type == LLMAGG_EVENT_DONE || r.event.type == LLMAGG_EVENT_ERROR;
    return total;
}

/* Operations that wait for headers, that stream without end, that stand in line, and that the application would answer. */
static int begin_many(llmagg_manager *manager, llmagg_aggregator *aggregator, llmagg_wall *wall, llmagg_queue *queue, uint64_t *ops, int n) {
    static const char *requests[] = {
        "{\"model\":\"silent\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}", "{\"model\":\"endless\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}",
        "{\"model\":\"narrow\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}", "{\"model\":\"own\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}"};
    char config[1024];
    llmagg_provider *provider = NULL;
    snprintf(config, sizeof config,
             "{\"w\":{\"models\":{\"silent\":{\"base_url\":\"%s\",\"max_concurrent_calls\":1000},\"endless\":{\"base_url\":\"%s\","
             "\"max_concurrent_calls\":1000},\"narrow\":{\"base_url\":\"%s\",\"model\":\"silent\",\"max_concurrent_calls\":2}}}}",
             wall_url(wall), wall_url(wall), wall_url(wall));
    if (llmagg_provider_new(STR(config), &provider, NULL) != LLMAGG_OK || llmagg_manager_register(manager, provider, NULL) != LLMAGG_OK) return 0;
    llmagg_provider_free(provider);
    if (llmagg_provider_new_custom(STR("{\"mine\":{\"models\":{\"own\":{\"max_concurrent_calls\":1000}}}}"), NULL, 0, &provider, NULL) != LLMAGG_OK ||
        llmagg_manager_register(manager, provider, NULL) != LLMAGG_OK)
        return 0;
    llmagg_provider_free(provider);
    for (int i = 0; i < n; i++) {
        if (llmagg_aggregator_chat_submit(aggregator, queue, STR(requests[i % 4]), STR("{\"window\":1}"), i % 4 == 1 || i % 8 > 4 ? LLMAGG_STREAM : 0,
                                          (uint64_t)i, &ops[i], NULL) != LLMAGG_OK)
            return 0;
    }
    return 1;
}

static void *cancel_many(void *ops) {
    for (int i = 0, n = many(MANY); i < n; i++) {
        uint64_t op = ((uint64_t *)ops)[n - 1 - i];
        if (llmagg_op_credit(op, 1, NULL) != LLMAGG_OK || llmagg_op_cancel(op, NULL) != LLMAGG_OK) check_failed_here = 1;
    }
    return NULL;
}

/* Closes by each door (4: no door, cancel alone; 5: cancel by three threads while the manager closes). */
static void one_terminal_event(int door) {
    static uint64_t ops[MANY];
    int n = many(MANY);
    llmagg_wall *wall = wall_with("{\"models\":{\"silent\":{\"steps\":[{\"delay_headers_s\":60}]},\"endless\":{\"steps\":[{\"forever\":true,\"delay_event_s\":0.01}]}}}");
    llmagg_manager *manager = NULL;
    llmagg_aggregator *aggregator = NULL;
    llmagg_queue *queue = new_queue();
    llmagg_buf text = {NULL, 0};
    pthread_t threads[3];
    memset(ops, 0, sizeof ops);
    OK(llmagg_manager_new(&manager, &err));
    OK(llmagg_aggregator_new(manager, NOTHING, &aggregator, &err));
    CHECK(begin_many(manager, aggregator, wall, queue, ops, n));
    CHECK(door != 0 || seen(wall, "\"in_flight\":")); /* some are under way */
    if (door >= 4) {
        for (int i = 0; i < 3; i++) pthread_create(&threads[i], NULL, cancel_many, ops);
    }
    double begun = seconds();
    if (door == 0) OK(llmagg_aggregator_close(aggregator, 20 * slow(), &err));
    if (door == 1 || door == 5) OK(llmagg_manager_close(manager, 20 * slow(), &err));
    if (door == 2) llmagg_aggregator_free(aggregator);
    if (door == 3) llmagg_manager_free(manager);
    CHECK(seconds() - begun < 15 * slow());
    int ended = count_ends(queue, n);
    if (ended != n) printf("# door %d: %d terminal events\n", door, ended);
    CHECK(ended == n);
    for (int i = 0; i < n; i++) {
        int good = terminal[i] == 1 && (code[i] == LLMAGG_E_CLOSED || (door >= 4 && code[i] == LLMAGG_E_CANCELED)) && (door != 4 || code[i] == LLMAGG_E_CANCELED);
        if (!good) printf("# door %d, operation %d: %d terminal events, %s\n", door, i, terminal[i], llmagg_status_name(code[i]));
        CHECK(good);
    }
    if (door >= 4) {
        for (int i = 0; i < 3; i++) pthread_join(threads[i], NULL);
        CHECK(!check_failed_here);
    }
    if (door == 4) OK(llmagg_manager_providers(manager, &text, &err)); /* nothing else was closed */
    llmagg_buf_free(&text);
    for (int i = 0; i < n; i++) OK(llmagg_op_cancel(ops[i], &err)); /* late: ignored */
    llmagg_aggregator_free(aggregator);
    llmagg_manager_free(manager);
    llmagg_queue_free(queue);
    llmagg_wall_free(wall);
}

static void closing_an_aggregator_with_a_thousand(void) { one_terminal_event(0); }
static void closing_a_manager_with_a_thousand(void) { one_terminal_event(1); }
static void freeing_an_aggregator_with_a_thousand(void) { one_terminal_event(2); }
static void freeing_a_manager_with_a_thousand(void) { one_terminal_event(3); }
static void canceling_a_thousand(void) { one_terminal_event(4); }
static void canceling_and_closing_at_once(void) { one_terminal_event(5); }

/* Freeing the queue ends them too; their events are dropped with it. */
static void freeing_the_queue_of_a_thousand(void) {
    static uint64_t ops[MANY];
    llmagg_wall *wall = wall_with("{\"models\":{\"silent\":{\"steps\":[{\"delay_headers_s\":60}]},\"endless\":{\"steps\":[{\"forever\":true,\"delay_event_s\":0.01}]}}}");
    llmagg_manager *manager = NULL;
    llmagg_aggregator *aggregator = NULL;
    llmagg_queue *queue = new_queue();
    OK(llmagg_manager_new(&manager, &err));
    OK(llmagg_aggregator_new(manager, NOTHING, &aggregator, &err));
    CHECK(begin_many(manager, aggregator, wall, queue, ops, many(MANY)));
    double begun = seconds();
    llmagg_queue_free(queue);
    OK(llmagg_aggregator_close(aggregator, 20 * slow(), &err)); /* waits for what is still ending */
    CHECK(seconds() - begun < 15 * slow());
    CHECK(seen(wall, "\"in_flight\":0"));
    llmagg_aggregator_free(aggregator);
    llmagg_manager_free(manager);
    llmagg_wall_free(wall);
}

int main(void) {
    RUN(freeing_ends_what_blocks);
    RUN(everything_is_freed_under_everything);
    RUN(freeing_from_many_threads_at_once);
    RUN(closing_an_aggregator_with_a_thousand);
    RUN(closing_a_manager_with_a_thousand);
    RUN(freeing_an_aggregator_with_a_thousand);
    RUN(freeing_a_manager_with_a_thousand);
    RUN(canceling_a_thousand);
    RUN(canceling_and_closing_at_once);
    RUN(freeing_the_queue_of_a_thousand);
    return RESULT();
}
