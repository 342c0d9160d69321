/* Operations: all are only noted by the call, through every form; what is wrong with them; their order among other calls. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sys/wait.h>

#include "functions.h"

static world w;

static llmagg_status post(int form, llmagg_queue *queue, void *h, const char *request, const char *options, uint32_t flags, uint64_t tag,
                          uint64_t *op, llmagg_error **err) {
    size_t n = options == NULL ? 0 : strlen(options);
    if (form == 0) return llmagg_client_chat_submit(h, queue, STR(request), options, n, flags, tag, op, err);
    if (form == 1) return llmagg_routes_chat_submit((llmagg_client *[]){w.client, h}, 2, queue, STR(request), options, n, flags, tag, op, err);
    return llmagg_aggregator_chat_submit(h, queue, STR(request), options, n, flags, tag, op, err);
}

enum { FORMS = 3 };

static void *target(int form) { return form == 2 ? (void *)w.aggregator : (void *)w.client; }

/* The request is the caller's again when the call returns. */
static void every_form_answers(void) {
    for (int form = 0; form < FORMS; form++) {
        for (uint32_t flags = 0; flags < 8; flags++) {
            char request[] = HELLO, options[] = "{\"timeout\":30}";
            int counts[16] = {0};
            uint64_t op = 0;
            received r;
            if ((flags & LLMAGG_BATCH) && !(flags & LLMAGG_STREAM)) continue;
            OK(post(form, w.queue, target(form), request, options, flags, 5, &op, &err));
            memset(request, '!', sizeof request);
            memset(options, '!', sizeof options);
            CHECK(op != 0 && receive_end(w.queue, op, &r, counts));
            CHECK(r.event.type == LLMAGG_EVENT_DONE && r.event.tag == 5 && has(r.payload, "Hello from m."));
            CHECK((counts[LLMAGG_EVENT_CHUNK] > 0) == ((flags & LLMAGG_STREAM) != 0));
        }
    }
}

/* The operation has one event, an ERROR with this code and these words. */
static int refused(uint64_t op, llmagg_status code, const char *words) {
    received r;
    int good = op != 0 && receive(w.queue, &r) && r.event.op == op && r.event.tag == 9 && r.event.type == LLMAGG_EVENT_ERROR && r.event.status == code &&
               has(r.payload, words) && has(r.payload, llmagg_status_name(code)) && !has(r.payload, "sk-secret");
    if (!good) printf("# %s: %.300s\n", llmagg_status_name(r.event.status), r.payload);
    return good;
}

static void what_is_wrong_is_the_only_event(void) {
    for (int form = 0; form < FORMS; form++) {
        uint64_t op = 0;
        OK(post(form, w.queue, target(form), "{\"messages\":[]}", NULL, 0, 9, &op, &err));
        CHECK(refused(op, LLMAGG_E_INVALID_ARGUMENT, "messages"));
        OK(post(form, w.queue, target(form), "{", NULL, 0, 9, &op, &err));
        CHECK(refused(op, LLMAGG_E_INVALID_ARGUMENT, "JSON"));
        OK(post(form, w.queue, target(form), HELLO, "{\"timeout\":\"long\"}", 0, 9, &op, &err));
        CHECK(refused(op, LLMAGG_E_INVALID_ARGUMENT, "timeout"));
    }
    CHECK(world_works(&w));
}

/* What C sees makes the call itself fail, which writes nothing. */
static void what_is_seen_at_once_fails_at_once(void) {
    llmagg_queue *freed = new_queue();
    llmagg_client *client = client_for(w.wall, "m", "");
    llmagg_client_free(client);
    llmagg_queue_free(freed);
    for (int form = 0; form < FORMS; form++) {
        uint64_t op = 77;
        CHECK_SAYS(LLMAGG_E_INVALID_HANDLE, "NULL", post(form, NULL, target(form), HELLO, NULL, 0, 9, &op, &err));
        CHECK_SAYS(LLMAGG_E_INVALID_HANDLE, "freed", post(form, freed, target(form), HELLO, NULL, 0, 9, &op, &err));
        CHECK_SAYS(LLMAGG_E_INVALID_HANDLE, "client", post(form, (llmagg_queue *)w.client, target(form), HELLO, NULL, 0, 9, &op, &err));
        CHECK_SAYS(LLMAGG_E_INVALID_HANDLE, "not a handle", post(form, (llmagg_queue *)&w, target(form), HELLO, NULL, 0, 9, &op, &err));
        CHECK_SAYS(LLMAGG_E_INVALID_ARGUMENT, "flags", post(form, w.queue, target(form), HELLO, NULL, 8, 9, &op, &err));
        CHECK_SAYS(LLMAGG_E_INVALID_ARGUMENT, "flags", post(form, w.queue, target(form), HELLO, NULL, LLMAGG_BATCH, 9, &op, &err));
        CHECK_SAYS(LLMAGG_E_INVALID_HANDLE, "freed", post(form, w.queue, form == 2 ? (void *)freed : (void *)client, HELLO, NULL, 0, 9, &op, &err));
        CHECK_SAYS(LLMAGG_E_INVALID_HANDLE, "queue", post(form, w.queue, w.queue, HELLO, NULL, 0, 9, &op, &err));
        CHECK_SAYS(LLMAGG_E_INVALID_HANDLE, "not a handle", post(form, w.queue, &w, HELLO, NULL, 0, 9, &op, &err));
        CHECK_SAYS(LLMAGG_E_INVALID_HANDLE, "NULL", post(form, w.queue, NULL, HELLO, NULL, 0, 9, &op, &err));
        CHECK_SAYS(LLMAGG_E_INVALID_ARGUMENT, "request is empty", post(form, w.queue, target(form), "", NULL, 0, 9, &op, &err));
        CHECK(op == 77);
        CHECK_SAYS(LLMAGG_E_INVALID_ARGUMENT, "op is NULL", post(form, w.queue, target(form), HELLO, NULL, 0, 9, NULL, &err));
    }
}

/* What a thread posted has begun when its next call does something. */
static void calls_take_effect_in_their_order(void) {
    llmagg_wall *silent = wall_with("{\"default\":{\"steps\":[{\"delay_headers_s\":30}]}}");
    received r;
    for (int round = 0; round < many(300); round++) {
        llmagg_client *client = client_for(silent, "m", "");
        uint64_t ended = 0, canceled = 0;
        OK(llmagg_client_chat_submit(client, w.queue, STR(HELLO), NOTHING, 0, 1, &canceled, &err));
        OK(llmagg_op_cancel(canceled, &err));
        CHECK(receive_end(w.queue, canceled, &r, NULL) && r.event.type == LLMAGG_EVENT_ERROR && r.event.status == LLMAGG_E_CANCELED);
        OK(llmagg_client_chat_submit(client, w.queue, STR(HELLO), NOTHING, 0, 1, &ended, &err));
        llmagg_client_free(client);
        CHECK(ended != canceled && receive_end(w.queue, ended, &r, NULL) && r.event.type == LLMAGG_EVENT_ERROR && r.event.status == LLMAGG_E_CLOSED);
    }
    llmagg_wall_free(silent);
}

static void credit_may_come_before_the_stream(void) {
    llmagg_wall *words = wall_with("{\"default\":{\"steps\":[{\"text_bytes\":3000,\"chunks\":50}]}}");
    llmagg_client *client = client_for(words, "m", "");
    uint64_t op = 0;
    received r;
    OK(llmagg_client_chat_submit(client, w.queue, STR(HELLO), STR("{\"window\":1}"), LLMAGG_STREAM, 1, &op, &err));
    OK(llmagg_op_credit(op, 1000, &err));
    CHECK(receive_end(w.queue, op, &r, NULL) && r.event.type == LLMAGG_EVENT_DONE);
    llmagg_client_free(client);
    llmagg_wall_free(words);
}

/* ---- from many threads */

enum { THREADS = 8, CALLS = 250 };

static void *post_many(void *queue) {
    for (int i = 0; i < many(CALLS); i++) {
        uint64_t op = 0;
        if (post(i % FORMS, queue, target(i % FORMS), i % 10 == 9 ? "[" : HELLO, NULL, i % 2 ? LLMAGG_STREAM : 0, 3, &op, NULL) != LLMAGG_OK) abort();
        if (i % 7 == 6) llmagg_op_cancel(op, NULL);
        llmagg_op_credit(op, 1, NULL);
    }
    return NULL;
}

static void each_of_many_threads_gets_its_one_end_a_call(void) {
    pthread_t threads[THREADS];
    llmagg_queue *queue = new_queue();
    int ends = 0;
    received r;
    for (int i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, post_many, queue);
    while (ends < THREADS * many(CALLS) && receive(queue, &r)) ends += r.event.type == LLMAGG_EVENT_DONE || r.event.type == LLMAGG_EVENT_ERROR;
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    CHECK(ends == THREADS * many(CALLS));
    CHECK_STATUS(LLMAGG_E_TIMEOUT, llmagg_queue_wait(queue, 0.2, &err)); /* and nothing more */
    llmagg_queue_free(queue);
}

static int operations(void) {
    llmagg_buf text = {NULL, 0};
    int n = -1;
    if (llmagg_stats(&text, NULL) == LLMAGG_OK) sscanf(strstr(text.ptr, "\"operations\":"), "\"operations\":%d", &n);
    llmagg_buf_free(&text);
    return n;
}

static void freeing_the_queue_ends_what_was_posted(void) {
    llmagg_wall *silent = wall_with("{\"default\":{\"steps\":[{\"delay_headers_s\":30}]}}");
    llmagg_client *client = client_for(silent, "m", "");
    for (int round = 0; round < many(100); round++) {
        llmagg_queue *queue = new_queue();
        uint64_t op = 0;
        for (int i = 0; i < 5; i++) OK(llmagg_client_chat_submit(client, queue, STR(HELLO), NOTHING, 0, 1, &op, &err));
        llmagg_queue_free(queue);
    }
    double until = seconds() + 10 * slow();
    while (operations() != 0 && seconds() < until) usleep(1000);
    CHECK(operations() == 0);
    llmagg_client_free(client);
    llmagg_wall_free(silent);
}

static void a_forked_child_cannot_post(void) {
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        uint64_t op = 0;
        int wrong = llmagg_op_credit(1, 1, NULL) != LLMAGG_E_FORKED;
        for (int form = 0; form < FORMS; form++) wrong += post(form, w.queue, target(form), HELLO, NULL, 0, 9, &op, NULL) != LLMAGG_E_FORKED;
        _exit(wrong);
    }
    waitpid(pid, &status, 0);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK(world_works(&w));
}

int main(void) {
    if (!make_world(&w)) return 1;
    RUN(every_form_answers);
    RUN(what_is_wrong_is_the_only_event);
    RUN(what_is_seen_at_once_fails_at_once);
    RUN(calls_take_effect_in_their_order);
    RUN(credit_may_come_before_the_stream);
    RUN(each_of_many_threads_gets_its_one_end_a_call);
    RUN(freeing_the_queue_ends_what_was_posted);
    RUN(a_forked_child_cannot_post);
    free_world(&w);
    return RESULT();
}
