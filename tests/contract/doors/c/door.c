/*
 * The C door of the contract cases: calls the library and tells what came back. Commands come on standard input, events go to
 * standard output; ../../door_process.go describes both. JSON is passed on, never read.
 *
 * One thread reads commands, one reads the queue; blocking calls and pauses have threads of their own.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "door.h"

#define MAX_CALLS 4096 /* calls under way at a time */

/* A submitted call. Guarded by lock. */
typedef struct call {
    unsigned long long id;
    uint64_t op;
    llmagg_client *client; /* freed when the call has ended, since freeing it ends the call; NULL: the aggregator */
    long chunks, leave_after, pause_after;
    double pause_s;
    int used, left, vectors; /* vectors: its result is a llmagg_vectors */
} call;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;   /* guards calls and threads */
static pthread_cond_t idle = PTHREAD_COND_INITIALIZER;     /* threads became 0 */
static call calls[MAX_CALLS];
static int threads;
llmagg_queue *queue;

/* ------------------------------------------------------------------------------------------------------------------ threads -- */

void begin_thread(void *(*run)(void *), void *argument_of_run) {
    pthread_t thread;
    pthread_mutex_lock(&lock);
    threads++;
    pthread_mutex_unlock(&lock);
    if (pthread_create(&thread, NULL, run, argument_of_run) != 0)
        die("no thread");
    pthread_detach(thread);
}

void *end_thread(void) {
    pthread_mutex_lock(&lock);
    if (--threads == 0)
        pthread_cond_signal(&idle);
    pthread_mutex_unlock(&lock);
    return NULL;
}

typedef struct blocking_call {
    command c;
    llmagg_client *client; /* NULL: the aggregator */
    llmagg_aggregator *aggregator;
} blocking_call;

static void *run_blocking(void *user) {
    blocking_call *b = user;
    llmagg_buf out = {NULL, 0};
    llmagg_error *err = NULL;
    llmagg_status status;
    if (strcmp(b->c.verb, "health") == 0)
        status = llmagg_aggregator_health(b->aggregator, &out, &err);
    else if (strcmp(b->c.verb, "embed") == 0)
        status = llmagg_aggregator_embed(b->aggregator, b->c.first, b->c.first_len, b->c.second, b->c.second_len, &out, &err);
    else if (strcmp(b->c.verb, "rerank") == 0)
        status = llmagg_aggregator_rerank(b->aggregator, b->c.first, b->c.first_len, b->c.second, b->c.second_len, &out, &err);
    else if (b->client != NULL)
        status = llmagg_client_chat(b->client, b->c.first, b->c.first_len, b->c.second, b->c.second_len, &out, &err);
    else
        status = llmagg_aggregator_chat(b->aggregator, b->c.first, b->c.first_len, b->c.second, b->c.second_len, &out, &err);
    llmagg_client_free(b->client);
    if (status == LLMAGG_OK && strcmp(b->c.verb, "embed") == 0) {
        tell_vectors(b->c.id, out.ptr);
        llmagg_buf_free(&out);
    } else {
        tell_result(b->c.id, status, &out, err);
    }
    free_texts(&b->c);
    free(b);
    return end_thread();
}

typedef struct pause_of {
    uint64_t op;
    double seconds;
} pause_of;

/* A reader that takes nothing for a while: it gives no credit until then. */
static void *run_pause(void *user) {
    pause_of *p = user;
    sleep_s(p->seconds);
    llmagg_op_credit(p->op, 1000000, NULL);
    free(p);
    return end_thread();
}

/* ------------------------------------------------------------------------------------------------------------------- events -- */

static call *find_call(unsigned long long id) {
    int i;
    for (i = 0; i < MAX_CALLS; i++)
        if (calls[i].used && calls[i].id == id)
            return &calls[i];
    return NULL;
}

/* What a chunk changes for its call: the loop is left, the reader pauses, or it takes one more. 0: its call was left. */
static int on_chunk(const llmagg_event *e) {
    uint64_t cancel = 0, credit = 0;
    pause_of *pause = NULL;
    int told = 1;
    call *k;
    pthread_mutex_lock(&lock);
    if ((k = find_call(e->tag)) == NULL)
        die("a chunk of no call");
    if (k->left) {
        told = 0;
    } else if (++k->chunks == k->leave_after) {
        k->left = 1;
        cancel = e->op;
    } else if (k->chunks == k->pause_after) {
        if ((pause = malloc(sizeof *pause)) == NULL)
            die("no memory");
        pause->op = e->op;
        pause->seconds = k->pause_s;
    } else if (k->pause_after == 0) {
        credit = e->op;
    }
    pthread_mutex_unlock(&lock);
    if (told)
        tell(e->tag, "chunk", e->payload, e->payload_len);
    if (cancel != 0)
        llmagg_op_cancel(cancel, NULL);
    if (credit != 0)
        llmagg_op_credit(credit, 1, NULL);
    if (pause != NULL)
        begin_thread(run_pause, pause);
    return told;
}

static int on_event(const llmagg_event *e, void *user) {
    const char *kind = e->type == LLMAGG_EVENT_DONE ? "done" : "error";
    llmagg_client *client = NULL;
    call *k;
    int vectors = 0;
    (void)user;
    switch (e->type) {
    case LLMAGG_EVENT_CHUNK:
        on_chunk(e);
        return 0;
    case LLMAGG_EVENT_RESTART:
        tell(e->tag, "restart", e->payload, e->payload_len);
        return 0;
    case LLMAGG_EVENT_CALL_CUSTOM:
    case LLMAGG_EVENT_CANCEL_CUSTOM:
    case LLMAGG_EVENT_RESUME_CUSTOM:
        on_custom(e);
        return 0;
    case LLMAGG_EVENT_ACCEPT:
        judge_answer(e);
        return 0;
    case LLMAGG_EVENT_TOKEN:
        on_token(e);
        return 0;
    case LLMAGG_EVENT_DONE:
    case LLMAGG_EVENT_ERROR:
        break;
    default:
        die("an event of an unexpected type");
    }
    if ((e->type == LLMAGG_EVENT_ERROR) != (e->status != LLMAGG_OK))
        die("status and type of an event contradict each other");
    pthread_mutex_lock(&lock);
    if ((k = find_call(e->tag)) != NULL) {
        if (k->left && e->status == LLMAGG_E_CANCELED)
            kind = "left";
        client = k->client;
        vectors = k->vectors && e->status == LLMAGG_OK;
        k->used = 0;
    }
    pthread_mutex_unlock(&lock);
    llmagg_client_free(client);
    if (vectors)
        tell_vectors(e->tag, e->payload);
    else
        tell(e->tag, kind, e->payload, e->payload_len);
    return 0;
}

static void *run_queue(void *user) {
    (void)user;
    if (llmagg_queue_run(queue, on_event, NULL, NULL) != LLMAGG_OK)
        die("llmagg_queue_run failed");
    return end_thread();
}

/* ----------------------------------------------------------------------------------------------------------------- commands -- */

static void cancel_call(command *c) {
    uint64_t op = 0;
    call *k;
    pthread_mutex_lock(&lock);
    if ((k = find_call((unsigned long long)number(c, "of"))) != NULL)
        op = k->op;
    pthread_mutex_unlock(&lock);
    tell_result(c->id, llmagg_op_cancel(op, NULL), NULL, NULL);
}

static void switch_route(command *c, session *s) {
    char route[256];
    llmagg_error *err = NULL;
    llmagg_client *client;
    llmagg_status status;
    if (!argument(c, "route", route, sizeof route))
        die("available without a route");
    client = route_of(s, route, &err);
    status = client == NULL ? llmagg_error_code(err) : llmagg_client_set_available(client, number(c, "on") != 0, &err);
    llmagg_client_free(client);
    tell_result(c->id, status, NULL, err);
}

/* Begins a call. 1: the texts are somebody else's now. */
static int begin_call(command *c, session *s) {
    char route[256], blocking[8];
    llmagg_error *err = NULL;
    llmagg_client *client = NULL;
    llmagg_status status;
    uint32_t flags = strcmp(c->verb, "stream") == 0 ? LLMAGG_STREAM : 0;
    uint64_t op = 0;
    call *k;
    int i;
    if (argument(c, "route", route, sizeof route) && (client = route_of(s, route, &err)) == NULL) {
        tell_result(c->id, llmagg_error_code(err), NULL, err);
        return 0;
    }
    if (flags == 0 && argument(c, "blocking", blocking, sizeof blocking)) {
        blocking_call *b = malloc(sizeof *b);
        if (b == NULL)
            die("no memory");
        b->c = *c;
        b->client = client;
        b->aggregator = s->aggregator;
        begin_thread(run_blocking, b);
        return 1;
    }
    pthread_mutex_lock(&lock); /* held over submit: no event of the call is looked at before its op is known */
    for (i = 0; i < MAX_CALLS && calls[i].used; i++) {
    }
    if (i == MAX_CALLS)
        die("too many calls");
    k = &calls[i];
    memset(k, 0, sizeof *k);
    k->used = 1;
    k->id = c->id;
    k->leave_after = (long)number(c, "leave_after");
    k->pause_after = (long)number(c, "pause_after");
    k->pause_s = number(c, "pause_s");
    k->client = client;
    k->vectors = strcmp(c->verb, "embed") == 0;
    if (k->vectors)
        status = llmagg_aggregator_embed_submit(s->aggregator, queue, c->first, c->first_len, c->second, c->second_len, c->id, &op, &err);
    else if (strcmp(c->verb, "rerank") == 0)
        status = llmagg_aggregator_rerank_submit(s->aggregator, queue, c->first, c->first_len, c->second, c->second_len, c->id, &op, &err);
    else if (client != NULL)
        status = llmagg_client_chat_submit(client, queue, c->first, c->first_len, c->second, c->second_len, flags, c->id, &op, &err);
    else
        status = llmagg_aggregator_chat_submit(s->aggregator, queue, c->first, c->first_len, c->second, c->second_len, flags, c->id,
                                               &op, &err);
    k->op = op;
    if (status != LLMAGG_OK)
        k->used = 0;
    pthread_mutex_unlock(&lock);
    if (status != LLMAGG_OK) {
        llmagg_client_free(client);
        tell_result(c->id, status, NULL, err);
    }
    return 0;
}

static void ask(command *c, session *s) {
    llmagg_buf out = {NULL, 0};
    llmagg_error *err = NULL;
    llmagg_status status;
    if (strcmp(c->verb, "report") == 0)
        status = llmagg_manager_report(s->manager, &out, &err);
    else if (strcmp(c->verb, "fleet") == 0)
        status = llmagg_manager_fleet_report(s->manager, &out, &err);
    else
        status = llmagg_aggregator_models(s->aggregator, &out, &err);
    tell_result(c->id, status, &out, err);
}

static void ask_health(command *c, session *s) {
    llmagg_error *err = NULL;
    uint64_t op = 0;
    llmagg_status status = llmagg_aggregator_health_submit(s->aggregator, queue, c->id, &op, &err);
    if (status != LLMAGG_OK)
        tell_result(c->id, status, NULL, err);
}

static void perform(command *c) {
    int taken = 0;
    if (strcmp(c->verb, "provide") == 0)
        provide(c, make_session(c->session));
    else if (strcmp(c->verb, "asked") == 0)
        tell_asked(c, find_session(c->session));
    else if (strcmp(c->verb, "observe") == 0)
        observe(c);
    else if (strcmp(c->verb, "observed") == 0)
        tell_observed(c);
    else if (strcmp(c->verb, "misuse") == 0)
        misuse(c, find_session(c->session));
    else if (strcmp(c->verb, "fork") == 0)
        use_in_child(c, find_session(c->session));
    else if (strcmp(c->verb, "open") == 0)
        open_session(c);
    else if (strcmp(c->verb, "close") == 0)
        close_session(c);
    else if (strcmp(c->verb, "cancel") == 0)
        cancel_call(c);
    else if (strcmp(c->verb, "available") == 0)
        switch_route(c, find_session(c->session));
    else if (strcmp(c->verb, "setenv") == 0)
        set_variable(c);
    else if (strcmp(c->verb, "budget") == 0)
        set_budget(c);
    else if (strcmp(c->verb, "chat") == 0 || strcmp(c->verb, "stream") == 0 || strcmp(c->verb, "embed") == 0 || strcmp(c->verb, "rerank") == 0)
        taken = begin_call(c, find_session(c->session));
    else if (strcmp(c->verb, "health") == 0)
        ask_health(c, find_session(c->session));
    else if (strcmp(c->verb, "report") == 0 || strcmp(c->verb, "fleet") == 0 || strcmp(c->verb, "models") == 0)
        ask(c, find_session(c->session));
    else
        die("an unknown verb");
    if (!taken)
        free_texts(c);
}

int main(void) {
    command c;
    if (llmagg_abi_version() != LLMAGG_ABI_VERSION)
        die("the library has another ABI version");
    if (llmagg_queue_new(&queue, NULL) != LLMAGG_OK)
        die("no queue");
    if (llmagg_token_to_queue(queue, NULL) != LLMAGG_OK)
        die("no tokens");
    begin_thread(run_queue, NULL);
    while (read_command(&c))
        perform(&c);
    if (any_session())
        die("a session is left open");
    llmagg_queue_stop(queue, NULL);
    pthread_mutex_lock(&lock);
    while (threads > 0)
        pthread_cond_wait(&idle, &lock);
    pthread_mutex_unlock(&lock);
    llmagg_queue_free(queue);
    forget_functions();
    return 0;
}
