/* Providers as an application would write them; they do what the case says. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "door.h"

#define MAX_CUSTOM 256 /* custom calls under way at a time */

typedef struct custom {
    const session *session;
    char name[64], does[256];
    int calls, running, most, cancelled;
    struct custom *next;
} custom;

/* A custom call under way. */
typedef struct custom_call {
    uint64_t op; /* 0: this place is free */
    custom *of;
    char deed[32], model[64];
    double takes;
    int stream;
} custom_call;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards what follows */
static custom *customs;
static custom_call under_way[MAX_CUSTOM];

void provide(const command *c, session *s) {
    custom *p = calloc(1, sizeof *p);
    llmagg_provider *provider = NULL;
    llmagg_error *err = NULL;
    llmagg_status status;
    if (p == NULL || !argument(c, "provider", p->name, sizeof p->name) || !argument(c, "does", p->does, sizeof p->does))
        die("provide lacks something");
    p->session = s;
    pthread_mutex_lock(&lock);
    p->next = customs;
    customs = p;
    pthread_mutex_unlock(&lock);
    status = llmagg_provider_new_custom(c->first, c->first_len, queue, (uint64_t)(uintptr_t)p, &provider, &err);
    if (status == LLMAGG_OK)
        status = llmagg_manager_register(s->manager, provider, &err);
    llmagg_provider_free(provider);
    tell_result(c->id, status, NULL, err);
}

void tell_asked(const command *c, const session *s) {
    char name[64], text[128];
    custom *p;
    int n = 0;
    if (!argument(c, "route", name, sizeof name))
        die("asked without a route");
    pthread_mutex_lock(&lock);
    for (p = customs; p != NULL; p = p->next)
        if (p->session == s && strcmp(p->name, name) == 0)
            n = snprintf(text, sizeof text, "{\"calls\":%d,\"at_once\":%d,\"cancelled\":%d}", p->calls, p->most, p->cancelled);
    pthread_mutex_unlock(&lock);
    if (n == 0)
        die("no such custom provider");
    tell(c->id, "done", text, (size_t)n);
}

/* The structs live on, since events of the closed session may still be on their way; they only lose their session. */
void forget_custom(const session *s) {
    custom *p;
    pthread_mutex_lock(&lock);
    for (p = customs; p != NULL; p = p->next)
        if (p->session == s)
            p->session = NULL;
    pthread_mutex_unlock(&lock);
}

/* What the application does for a custom call is over. It says so before the library hears of it, which may begin the next one at once. */
static void end(uint64_t op, int cancelled) {
    int i;
    pthread_mutex_lock(&lock);
    for (i = 0; i < MAX_CUSTOM; i++)
        if (under_way[i].op == op) {
            under_way[i].of->running--;
            under_way[i].of->cancelled += cancelled;
            under_way[i].op = 0;
        }
    pthread_mutex_unlock(&lock);
}

static void emit(const custom_call *k, const char *delta, const char *finish) {
    char text[256];
    int n = snprintf(text, sizeof text, "{\"choices\":[{\"index\":0,\"delta\":{%s}%s}]}", delta, finish);
    llmagg_custom_emit(k->op, text, (size_t)n, NULL, NULL);
}

static void fail(const custom_call *k, const char *error) {
    end(k->op, 0);
    llmagg_custom_fail(k->op, error, error == NULL ? 0 : strlen(error), NULL);
}

static void finish(const custom_call *k, const char *response) {
    end(k->op, 0);
    llmagg_custom_finish(k->op, response, response == NULL ? 0 : strlen(response), NULL);
}

/* Streams one word a chunk. */
static void stream(const custom_call *k) {
    char last[128];
    if (strcmp(k->deed, "garbage") == 0) { /* what is no chunk is refused, and the stream is still the application's to end */
        if (llmagg_custom_emit(k->op, "42", 2, NULL, NULL) != LLMAGG_E_INVALID_ARGUMENT)
            die("a chunk that is none was taken");
        fail(k, "{\"name\":\"BAD_RESPONSE\",\"message\":\"that was no chunk\"}");
        return;
    }
    if (strcmp(k->deed, "empty") == 0) {
        emit(k, "\"role\":\"assistant\",\"reasoning_content\":\"hm\"", "");
        finish(k, NULL);
        return;
    }
    emit(k, "\"content\":\"Hello\"", "");
    emit(k, "\"content\":\" from\"", "");
    if (strcmp(k->deed, "stall") == 0)
        return;
    if (strcmp(k->deed, "break") == 0) {
        fail(k, "{\"message\":\"the application's own failure\"}");
        return;
    }
    snprintf(last, sizeof last, "\"content\":\" %s.\"", k->model);
    emit(k, last, "");
    if (strcmp(k->deed, "no_finish") != 0)
        emit(k, "", ",\"finish_reason\":\"stop\"");
    finish(k, NULL);
}

/* Answers a custom call, unless it is never to be answered. */
static void answer(const custom_call *k) {
    char text[256];
    if (strcmp(k->deed, "hang") == 0)
        return;
    if (strcmp(k->deed, "foreign") == 0)
        fail(k, NULL);
    else if (strcmp(k->deed, "api_error") == 0)
        fail(k, "{\"message\":\"the application's own failure\"}");
    else if (strcmp(k->deed, "timeout") == 0)
        fail(k, "{\"name\":\"TIMEOUT\",\"message\":\"the application's own patience\"}");
    else if (strcmp(k->deed, "rate_limit") == 0)
        fail(k, "{\"name\":\"RATE_LIMIT\",\"message\":\"slow down\",\"status\":429}");
    else if (strcmp(k->deed, "internal") == 0)
        fail(k, "{\"name\":\"INTERNAL\",\"message\":\"the application's own bug\"}");
    else if (k->stream)
        stream(k);
    else if (strcmp(k->deed, "garbage") == 0)
        finish(k, "{\"answer\":42}");
    else if (strcmp(k->deed, "empty") == 0)
        finish(k, "{\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"\"}}]}");
    else {
        snprintf(text, sizeof text,
                 "{\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"Hello from %s.\"},"
                 "\"finish_reason\":\"stop\"}]}",
                 k->model);
        finish(k, text);
    }
}

static void *run_answer(void *user) {
    custom_call *k = user;
    sleep_s(k->takes);
    answer(k);
    free(k);
    return end_thread();
}

/* What the next call of a provider is to do. The caller holds lock. */
static void choose(custom_call *k, custom *p) {
    const char *at = p->does, *comma;
    char *colon;
    int n = p->calls++;
    size_t len;
    while (n-- > 0 && (comma = strchr(at, ',')) != NULL)
        at = comma + 1;
    len = strcspn(at, ",");
    snprintf(k->deed, sizeof k->deed, "%.*s", (int)len, at);
    if ((colon = strchr(k->deed, ':')) != NULL) {
        *colon = '\0';
        k->takes = strtod(colon + 1, NULL);
    }
}

/* Begins a custom call. The names in its payload come before the request. */
static void begin(const llmagg_event *e) {
    custom *p = (custom *)(uintptr_t)e->tag;
    const char *model = strstr(e->payload, "\"model\":\""), *streaming = strstr(e->payload, "\"stream\":");
    custom_call k, *later;
    int i;
    memset(&k, 0, sizeof k);
    if (model == NULL || streaming == NULL)
        die("a custom call without its names");
    k.op = e->op;
    k.of = p;
    k.stream = strncmp(streaming, "\"stream\":true", 13) == 0;
    snprintf(k.model, sizeof k.model, "%.*s", (int)strcspn(model + 9, "\""), model + 9);
    pthread_mutex_lock(&lock);
    choose(&k, p);
    if (++p->running > p->most)
        p->most = p->running;
    for (i = 0; i < MAX_CUSTOM && under_way[i].op != 0; i++) {
    }
    if (i == MAX_CUSTOM)
        die("too many custom calls");
    under_way[i] = k;
    pthread_mutex_unlock(&lock);
    if (k.takes > 0) {
        if ((later = malloc(sizeof *later)) == NULL)
            die("no memory");
        *later = k;
        begin_thread(run_answer, later);
    } else {
        answer(&k);
    }
}

void on_custom(const llmagg_event *e) {
    if (e->type == LLMAGG_EVENT_CALL_CUSTOM)
        begin(e);
    else if (e->type == LLMAGG_EVENT_CANCEL_CUSTOM)
        end(e->op, 1);
}
