/* The table of functions.def, and a world of live handles to ask them with. */
#ifndef FUNCTIONS_H
#define FUNCTIONS_H

#include "check.h"

enum { NONE, MANAGER, PROVIDER, CLIENT, AGGREGATOR, QUEUE, WALL, KINDS, MAYBE_QUEUE };

typedef struct world {
    llmagg_manager *manager;
    llmagg_provider *provider;
    llmagg_client *client;
    llmagg_aggregator *aggregator;
    llmagg_queue *queue;
    llmagg_wall *wall;
    char config[1024], client_config[1024];
} world;

/* Where functions write to. */
typedef struct outputs {
    union {
        void *any;
        llmagg_manager *manager;
        llmagg_provider *provider;
        llmagg_client *client;
        llmagg_aggregator *aggregator;
        llmagg_queue *queue;
        llmagg_wall *wall;
    } made;
    llmagg_buf text;
    uint64_t op;
    int fd;
    llmagg_event event;
    char bytes[32768];
    llmagg_drain drain;
} outputs;

typedef llmagg_status (*asking)(const world *w, void *h, outputs *o, llmagg_error **err);

typedef struct function {
    const char *name;
    int kind;
    asking ask;
} function;

static int stop_at_once(const llmagg_event *event, void *user) { return event != NULL || user != NULL; }

#define MAYBE(output) output
#define PASTE(a, b) a##b
#define NAMED(line) PASTE(ask_, line)
#define ROW(kind, name, arguments)                                                                                             \
    static llmagg_status NAMED(__LINE__)(const world *w, void *h, outputs *o, llmagg_error **err) {                            \
        (void)w, (void)h, (void)o;                                                                                             \
        return name arguments;                                                                                                 \
    }
#include "functions.def"
#undef ROW

static const function functions[] = {
#define ROW(kind, name, arguments) {#name, kind, NAMED(__LINE__)},
#include "functions.def"
#undef ROW
};

#define EACH(f) (const function *f = functions; f < functions + sizeof functions / sizeof *functions; f++)

/* The handle of a kind in a world; NULL for NONE. */
static inline void *handle_of(const world *w, int kind) {
    void *all[] = {NULL, w->manager, w->provider, w->client, w->aggregator, w->queue, w->wall};
    return kind == MAYBE_QUEUE ? w->queue : all[kind];
}

/* Frees whatever it is, as its kind. */
static inline void free_as(int kind, void *h) {
    switch (kind) {
    case MANAGER: llmagg_manager_free(h); break;
    case PROVIDER: llmagg_provider_free(h); break;
    case CLIENT: llmagg_client_free(h); break;
    case AGGREGATOR: llmagg_aggregator_free(h); break;
    case QUEUE: llmagg_queue_free(h); break;
    case WALL: llmagg_wall_free(h); break;
    }
}

/* One live object of each kind, with a route that answers. 0 when something failed. */
static inline int make_world(world *w) {
    memset(w, 0, sizeof *w);
    w->wall = wall_with("{}");
    w->queue = new_queue();
    w->client = client_for(w->wall, "m", "");
    snprintf(w->config, sizeof w->config, "%s", config_for(w->wall, "openai", "m", ""));
    snprintf(w->client_config, sizeof w->client_config, "{\"provider\":\"openai\",\"name\":\"m\",\"api_key\":\"sk-secret\",\"base_url\":\"%s\"}",
             wall_url(w->wall));
    return llmagg_manager_new(&w->manager, NULL) == LLMAGG_OK &&
           llmagg_provider_new(STR(w->config), &w->provider, NULL) == LLMAGG_OK &&
           llmagg_manager_register(w->manager, w->provider, NULL) == LLMAGG_OK &&
           llmagg_aggregator_new(w->manager, NULL, 0, &w->aggregator, NULL) == LLMAGG_OK && w->client != NULL && w->queue != NULL;
}

static inline void free_world(world *w) {
    for (int kind = NONE + 1; kind < KINDS; kind++) free_as(kind, handle_of(w, kind));
}

/* Every object of the world still does its work. */
static inline int world_works(const world *w) {
    llmagg_buf text = {NULL, 0};
    uint64_t op = 0;
    received r;
    int good = llmagg_aggregator_chat(w->aggregator, STR(HELLO), NULL, 0, &text, NULL) == LLMAGG_OK && has(text.ptr, "Hello from m.");
    llmagg_buf_free(&text);
    good = good && llmagg_client_chat_submit(w->client, w->queue, STR(HELLO), NULL, 0, 0, 77, &op, NULL) == LLMAGG_OK;
    good = good && receive_end(w->queue, op, &r, NULL) && r.event.type == LLMAGG_EVENT_DONE && r.event.tag == 77;
    good = good && llmagg_provider_models(w->provider, &text, NULL) == LLMAGG_OK;
    llmagg_buf_free(&text);
    return good;
}

/* Outputs as they are before a call: what is not written stays recognizable. */
static inline void untouched(outputs *o) {
    memset(o, 0x5a, sizeof *o - sizeof o->drain);
    o->drain = (llmagg_drain){sizeof o->drain, sizeof o->event, &o->event, 1, o->bytes, sizeof o->bytes, 71, 72, 73, 74, 0};
}

static inline int is_untouched(const outputs *o) {
    const unsigned char *bytes = (const unsigned char *)o;
    for (size_t i = 0; i < sizeof *o - sizeof o->drain; i++) {
        if (bytes[i] != 0x5a) return 0;
    }
    return o->drain.count == 71 && o->drain.used == 72 && o->drain.pending == 73 && o->drain.needed == 74;
}

/* Whether a function answers a question of the library: the tables ask it with a number that no question has. */
static inline int answers_a_question(const char *name) {
    return strncmp(name, "llmagg_custom_", 14) == 0 || strcmp(name, "llmagg_token_answer") == 0 ||
           strcmp(name, "llmagg_accept_answer") == 0 || strcmp(name, "llmagg_cache_answer") == 0;
}

#endif
