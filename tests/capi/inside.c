/* What llmagg_queue_run's function may do: everything. And what the caller's memory is to the library: borrowed. */
#define _GNU_SOURCE
#include <pthread.h>

#include "functions.h"

static world w;

/* ---- calls from inside the function */

static outputs inner;
static int asked, refused;

/* Asks every function of the table, also for the queue that runs. */
static int ask_everything(const llmagg_event *event, void *user) {
    (void)user;
    if (event->op != inner.op) return 0; /* an event of one of the calls made here */
    for EACH(f) {
        world target = w;
        llmagg_error *err = NULL;
        if (strstr(f->name, "_close") != NULL || strstr(f->name, "_kill") != NULL || strstr(f->name, "_revive") != NULL ||
            strstr(f->name, "_unregister") != NULL || strcmp(f->name, "llmagg_queue_wait") == 0 || strcmp(f->name, "llmagg_queue_run") == 0)
            continue; /* below */
        memset(&inner.made, 0, sizeof inner.made);
        inner.text = (llmagg_buf){NULL, 0};
        llmagg_status status = f->ask(&target, handle_of(&target, f->kind), &inner, &err);
        asked++;
        if (status != LLMAGG_OK && !answers_a_question(f->name))
            refused++, printf("# %s: %s\n", f->name, llmagg_error_message(err));
        llmagg_error_free(err);
        llmagg_buf_free(&inner.text);
        for (int kind = NONE + 1; inner.made.any != NULL && kind < KINDS; kind++) free_as(kind, inner.made.any);
    }
    return 1;
}

static void every_function_works_from_inside_run(void) {
    inner.drain = (llmagg_drain){sizeof inner.drain, sizeof inner.event, &inner.event, 1, inner.bytes, sizeof inner.bytes, 0, 0, 0, 0, 0};
    OK(llmagg_client_chat_submit(w.client, w.queue, STR(HELLO), NOTHING, 0, 0, &inner.op, &err));
    OK(llmagg_queue_run(w.queue, ask_everything, NULL, &err));
    CHECK(asked > 40 && refused == 0);
    llmagg_log_to_queue(0, NULL, NULL);
    llmagg_observe_to_queue(NULL, NULL);
    llmagg_token_to_queue(NULL, NULL);
    llmagg_queue_free(w.queue); /* with what the calls left in it */
    w.queue = new_queue();
    CHECK(world_works(&w));
}

typedef struct nesting {
    llmagg_queue *queue;
    int depth, deepest;
    char payload[32768];
} nesting;

/* Runs the same queue once more for the next event; the event of the outer run stays as it is. */
static int run_inside(const llmagg_event *event, void *user) {
    nesting *n = user;
    char before[4096];
    snprintf(before, sizeof before, "%s", event->payload);
    if (++n->depth > n->deepest) n->deepest = n->depth;
    llmagg_status status = n->depth < 5 ? llmagg_queue_run(n->queue, run_inside, n, NULL) : LLMAGG_OK;
    n->depth--;
    return status == LLMAGG_OK && strncmp(before, event->payload, sizeof before - 1) == 0 ? 1 : -1;
}

static void a_run_inside_a_run(void) {
    static nesting n;
    uint64_t op = 0;
    n.queue = w.queue;
    for (int i = 0; i < 5; i++) OK(llmagg_client_chat_submit(w.client, w.queue, STR(HELLO), NOTHING, 0, 0, &op, &err));
    OK(llmagg_queue_run(w.queue, run_inside, &n, &err));
    CHECK(n.deepest == 5);
    CHECK_STATUS(LLMAGG_E_TIMEOUT, llmagg_queue_wait(w.queue, 0, &err)); /* each event went to one of them */
}

static int close_all(const llmagg_event *event, void *user) {
    world *mine = user;
    (void)event;
    if (llmagg_aggregator_close(mine->aggregator, 5, NULL) != LLMAGG_OK || llmagg_manager_close(mine->manager, 5, NULL) != LLMAGG_OK ||
        llmagg_provider_close(mine->provider, 5, NULL) != LLMAGG_OK)
        return 2;
    llmagg_client_free(mine->client);
    return 1;
}

/* The function closes what its own queue still has calls of: that does not wait for the reader. */
static void closing_and_freeing_from_inside_run(void) {
    world mine;
    uint64_t op = 0;
    int ended = 0;
    received r;
    CHECK(make_world(&mine));
    OK(llmagg_wall_script(mine.wall, STR("{\"default\":{\"steps\":[{},{\"delay_headers_s\":30}]}}"), &err));
    OK(llmagg_client_chat_submit(mine.client, mine.queue, STR(HELLO), NOTHING, 0, 0, &op, &err));
    OK(llmagg_queue_wait(mine.queue, 10, &err)); /* the first is answered */
    for (int i = 0; i < 8; i++) {
        OK(llmagg_aggregator_chat_submit(mine.aggregator, mine.queue, STR(HELLO), NOTHING, i % 2, 1, &op, &err));
        OK(llmagg_client_chat_submit(mine.client, mine.queue, STR(HELLO), NOTHING, i % 2, 1, &op, &err));
    }
    double begun = seconds();
    OK(llmagg_queue_run(mine.queue, close_all, &mine, &err));
    CHECK(seconds() - begun < 5 * slow());
    for (int i = 0; i < 16; i++) CHECK(receive(mine.queue, &r) && r.event.tag == 1 && r.event.status == LLMAGG_E_CLOSED && ++ended);
    CHECK(ended == 16);
    free_world(&mine);
}

static int answer_inside(const llmagg_event *event, void *user) {
    static const char answer[] = "{\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"from inside\"},\"finish_reason\":\"stop\"}]}";
    if (event->type == LLMAGG_EVENT_CALL_CUSTOM) return llmagg_custom_finish(event->op, STR(answer), NULL);
    *(int *)user = event->type == LLMAGG_EVENT_DONE && has(event->payload, "from inside");
    return 1;
}

static void a_custom_call_is_answered_from_inside_run(void) {
    llmagg_client *own = NULL;
    uint64_t op = 0;
    int answered = 0;
    OK(llmagg_client_new_custom(STR("{\"provider\":\"mine\",\"name\":\"m\"}"), NULL, 0, &own, &err));
    OK(llmagg_client_chat_submit(own, w.queue, STR(HELLO), NOTHING, 0, 0, &op, &err));
    OK(llmagg_queue_run(w.queue, answer_inside, &answered, &err));
    CHECK(answered);
    llmagg_client_free(own);
}

/* ---- the caller's memory */

/* A copy of a text of exactly its length, with no NUL behind it. */
static char *exact(const char *text) { return memcpy(malloc(strlen(text)), text, strlen(text)); }

/* Inputs are read while the call lasts, and not a moment longer, nor a byte beyond their length. */
static void inputs_are_borrowed_for_the_call(void) {
    const char *text = "{\"messages\":[{\"role\":\"user\",\"content\":\"remember me\"}],\"stop\":[\"never\"]}", *options = "{\"headers\":{\"X-Note\":\"kept\"}}";
    llmagg_wall *wall = wall_with("{\"default\":{\"steps\":[{\"hold\":\"gate\"}]}}");
    char config[512], *texts[4];
    llmagg_client *client = NULL, **list = malloc(sizeof *list);
    llmagg_buf seen = {NULL, 0};
    uint64_t op = 0;
    received r;
    snprintf(config, sizeof config, "{\"provider\":\"openai\",\"name\":\"m\",\"api_key\":\"sk-secret\",\"base_url\":\"%s\"}", wall_url(wall));
    texts[0] = exact(config);
    OK(llmagg_client_new(texts[0], strlen(config), &client, &err));
    memset(texts[0], 'x', strlen(config));
    free(texts[0]);
    for (int round = 0; round < 2; round++) { /* once by the client, once by a list of routes */
        texts[1] = exact(text);
        texts[2] = exact(options);
        *list = client;
        if (round == 0) OK(llmagg_client_chat_submit(client, w.queue, texts[1], strlen(text), texts[2], strlen(options), LLMAGG_STREAM, 0, &op, &err));
        if (round == 1) OK(llmagg_routes_chat_submit(list, 1, w.queue, texts[1], strlen(text), texts[2], strlen(options), LLMAGG_STREAM, 0, &op, &err));
        memset(texts[1], 'x', strlen(text)); /* before the server has answered */
        memset(texts[2], 'x', strlen(options));
        *list = (llmagg_client *)1;
        free(texts[1]);
        free(texts[2]);
        texts[3] = exact("gate");
        OK(llmagg_wall_release(wall, texts[3], 4, &err));
        free(texts[3]);
        CHECK(receive_end(w.queue, op, &r, NULL) && r.event.type == LLMAGG_EVENT_DONE);
    }
    free(list);
    OK(llmagg_wall_seen(wall, &seen, &err));
    CHECK(count(seen.ptr, "remember me") == 2 && count(seen.ptr, "\"x-note\":\"kept\"") == 2);
    llmagg_buf_free(&seen);
    llmagg_client_free(client);
    llmagg_wall_free(wall);
}

/* An answer outlives everything that made it; events lie in the caller's memory. */
static void outputs_belong_to_the_caller(void) {
    world mine;
    llmagg_buf out = {NULL, 0};
    llmagg_error *error = NULL;
    uint64_t op = 0;
    static received r;
    CHECK(make_world(&mine));
    OK(llmagg_client_chat(mine.client, STR(HELLO), NOTHING, &out, &err));
    CHECK(llmagg_client_chat(mine.client, STR("{}"), NOTHING, &out, &error) == LLMAGG_E_INVALID_ARGUMENT);
    OK(llmagg_client_chat_submit(mine.client, mine.queue, STR(HELLO), NOTHING, 0, 0, &op, &err));
    CHECK(receive_end(mine.queue, op, &r, NULL));
    free_world(&mine);
    CHECK(has(out.ptr, "Hello from m.") && out.ptr[out.len] == '\0' && strlen(out.ptr) == out.len);
    CHECK(has(llmagg_error_message(error), "messages") && has(r.event.payload, "Hello from m.") && r.event.payload == r.payload);
    out.ptr[0] = 'x'; /* it is the caller's to change */
    llmagg_buf_free(&out);
    llmagg_error_free(error);
}

/* There is no state of the thread's: each call has its own error, whatever others do. */
static int mixed_up;

static void *fail_my_way(void *which) {
    for (int i = 0; i < many(500); i++) {
        char name[64];
        llmagg_client *none = NULL;
        llmagg_error *first = NULL, *second = NULL;
        snprintf(name, sizeof name, "nobody-%d-%d", (int)(intptr_t)which, i);
        llmagg_manager_client_by_model(w.manager, STR(name), &none, &first);
        llmagg_client_chat(w.client, STR("{}"), NOTHING, &(llmagg_buf){NULL, 0}, &second);
        if (!has(llmagg_error_message(first), name) || llmagg_error_code(first) != LLMAGG_E_MODEL_NOT_FOUND || llmagg_error_code(second) != LLMAGG_E_INVALID_ARGUMENT)
            __atomic_fetch_add(&mixed_up, 1, __ATOMIC_SEQ_CST);
        llmagg_error_free(first);
        llmagg_error_free(second);
    }
    return NULL;
}

static void errors_of_threads_are_apart(void) {
    pthread_t threads[8];
    for (intptr_t i = 0; i < 8; i++) pthread_create(&threads[i], NULL, fail_my_way, (void *)i);
    for (int i = 0; i < 8; i++) pthread_join(threads[i], NULL);
    CHECK(mixed_up == 0);
}

/* The counter behind a queue's descriptor, which Linux tells; -1 elsewhere. */
static long written(int fd) {
    char path[64], line[128];
    long n = -1;
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
    FILE *f = fopen(path, "r");
    while (f != NULL && fgets(line, sizeof line, f) != NULL) sscanf(line, "eventfd-count: %lx", (unsigned long *)&n);
    if (f != NULL) fclose(f);
    return n;
}

/* However many events come, the descriptor is written once until they are read. */
static void the_descriptor_is_written_once(void) {
    llmagg_queue *queue = new_queue();
    llmagg_drain drain = {sizeof drain, sizeof(llmagg_event), &(llmagg_event){0, 0, 0, 0, NULL, 0}, 1, NULL, 0, 0, 0, 0, 0, 0};
    uint64_t op = 0;
    int fd = -1;
    OK(llmagg_queue_fd(queue, &fd, &err));
    CHECK(written(fd) == 0);
    for (int i = 0; i < 50; i++) OK(llmagg_client_chat_submit(w.client, queue, STR(HELLO), NOTHING, 0, 0, &op, &err));
    for (double until = seconds() + 10 * slow(); drain.pending < 50 && seconds() < until; usleep(1000)) OK(llmagg_queue_drain(queue, &drain, &err));
    CHECK(drain.pending == 50);
    CHECK(written(fd) == 1);
    llmagg_queue_free(queue);
}

int main(void) {
    if (!make_world(&w)) return 1;
    RUN(every_function_works_from_inside_run);
    RUN(a_run_inside_a_run);
    RUN(closing_and_freeing_from_inside_run);
    RUN(a_custom_call_is_answered_from_inside_run);
    RUN(inputs_are_borrowed_for_the_call);
    RUN(outputs_belong_to_the_caller);
    RUN(errors_of_threads_are_apart);
    RUN(the_descriptor_is_written_once);
    free_world(&w);
    return RESULT();
}
