/* Every function of the header, one after the other: NULL everywhere, NULL for outputs, bad handles of every sort, good calls.
 * The table in functions.def names them all; what is missing there fails here. */
#include "functions.h"

static world live;

/* A call with NULL and 0 for everything, and what it must give. */
typedef struct nothing_at_all {
    const char *name;
    llmagg_status expected, status;
} nothing_at_all;

#define A LLMAGG_E_INVALID_ARGUMENT
#define H LLMAGG_E_INVALID_HANDLE
#define GIVES(expected, name, arguments) {#name, expected, name arguments}
/* Functions that cannot fail are called, and must come back. */
#define RETURNS(name, arguments) {#name, LLMAGG_OK, (name arguments, LLMAGG_OK)}

static void null_everywhere(void) {
    /* clang-format off */
    const nothing_at_all rows[] = {
        RETURNS(llmagg_abi_version, ()), RETURNS(llmagg_version, ()), RETURNS(llmagg_status_name, (0)),
        RETURNS(llmagg_error_code, (NULL)), RETURNS(llmagg_error_message, (NULL)), RETURNS(llmagg_error_json, (NULL, NULL)),
        RETURNS(llmagg_error_free, (NULL)), RETURNS(llmagg_buf_free, (NULL)),
        GIVES(A, llmagg_manager_new, (NULL, NULL)), GIVES(A, llmagg_manager_default, (NULL, NULL)),
        GIVES(H, llmagg_manager_register, (NULL, NULL, NULL)), GIVES(H, llmagg_manager_unregister, (NULL, NULL, 0, NULL)),
        GIVES(H, llmagg_manager_client, (NULL, NULL, 0, NULL, 0, NULL, NULL)),
        GIVES(H, llmagg_manager_client_by_model, (NULL, NULL, 0, NULL, NULL)),
        GIVES(H, llmagg_manager_providers, (NULL, NULL, NULL)), GIVES(H, llmagg_manager_models, (NULL, NULL, NULL)),
        GIVES(H, llmagg_manager_health, (NULL, NULL, NULL)), GIVES(H, llmagg_manager_health_submit, (NULL, NULL, 0, NULL, NULL)),
        GIVES(H, llmagg_manager_report, (NULL, NULL, NULL)), GIVES(H, llmagg_manager_metrics, (NULL, NULL, NULL)),
        GIVES(H, llmagg_manager_join, (NULL, NULL, 0, NULL)), GIVES(H, llmagg_manager_fleet_report, (NULL, NULL, NULL)),
        GIVES(H, llmagg_manager_close, (NULL, 0, NULL)),
        RETURNS(llmagg_manager_free, (NULL)),
        GIVES(A, llmagg_provider_new, (NULL, 0, NULL, NULL)), GIVES(A, llmagg_provider_new_custom, (NULL, 0, NULL, 0, NULL, NULL)),
        GIVES(H, llmagg_provider_initialize, (NULL, NULL)), GIVES(H, llmagg_provider_models, (NULL, NULL, NULL)),
        GIVES(H, llmagg_provider_client, (NULL, NULL, 0, NULL, NULL)), GIVES(H, llmagg_provider_close, (NULL, 0, NULL)),
        RETURNS(llmagg_provider_free, (NULL)),
        GIVES(A, llmagg_client_new, (NULL, 0, NULL, NULL)), GIVES(A, llmagg_client_new_custom, (NULL, 0, NULL, 0, NULL, NULL)),
        GIVES(H, llmagg_client_info, (NULL, NULL, NULL)), GIVES(H, llmagg_client_report, (NULL, NULL, NULL)),
        GIVES(H, llmagg_client_chat, (NULL, NULL, 0, NULL, 0, NULL, NULL)),
        GIVES(H, llmagg_client_chat_submit, (NULL, NULL, NULL, 0, NULL, 0, 0, 0, NULL, NULL)),
        GIVES(H, llmagg_client_set_available, (NULL, 0, NULL)), GIVES(H, llmagg_client_rest, (NULL, NULL)),
        RETURNS(llmagg_client_free, (NULL)),
        GIVES(A, llmagg_routes_chat, (NULL, 0, NULL, 0, NULL, 0, NULL, NULL)),
        GIVES(A, llmagg_routes_chat_submit, (NULL, 0, NULL, NULL, 0, NULL, 0, 0, 0, NULL, NULL)),
        GIVES(A, llmagg_routes_embed, (NULL, 0, NULL, 0, NULL, 0, NULL, NULL)),
        GIVES(A, llmagg_routes_rerank, (NULL, 0, NULL, 0, NULL, 0, NULL, NULL)),
        GIVES(A, llmagg_routes_embed_submit, (NULL, 0, NULL, NULL, 0, NULL, 0, 0, NULL, NULL)),
        GIVES(A, llmagg_routes_rerank_submit, (NULL, 0, NULL, NULL, 0, NULL, 0, 0, NULL, NULL)),
        GIVES(A, llmagg_routes_health_submit, (NULL, 0, NULL, 0, NULL, NULL)),
        GIVES(A, llmagg_resolve, (NULL, 0, NULL, 0, NULL, NULL)),
        GIVES(H, llmagg_aggregator_new, (NULL, NULL, 0, NULL, NULL)), GIVES(H, llmagg_aggregator_initialize, (NULL, NULL, 0, NULL)),
        GIVES(H, llmagg_aggregator_chat, (NULL, NULL, 0, NULL, 0, NULL, NULL)),
        GIVES(H, llmagg_aggregator_chat_submit, (NULL, NULL, NULL, 0, NULL, 0, 0, 0, NULL, NULL)),
        GIVES(H, llmagg_aggregator_embed, (NULL, NULL, 0, NULL, 0, NULL, NULL)),
        GIVES(H, llmagg_aggregator_rerank, (NULL, NULL, 0, NULL, 0, NULL, NULL)),
        GIVES(H, llmagg_aggregator_embed_submit, (NULL, NULL, NULL, 0, NULL, 0, 0, NULL, NULL)),
        GIVES(H, llmagg_aggregator_rerank_submit, (NULL, NULL, NULL, 0, NULL, 0, 0, NULL, NULL)),
        GIVES(H, llmagg_aggregator_models, (NULL, NULL, NULL)), GIVES(H, llmagg_aggregator_health, (NULL, NULL, NULL)),
        GIVES(H, llmagg_aggregator_health_submit, (NULL, NULL, 0, NULL, NULL)), GIVES(H, llmagg_aggregator_close, (NULL, 0, NULL)),
        RETURNS(llmagg_aggregator_free, (NULL)),
        GIVES(A, llmagg_queue_new, (NULL, NULL)), GIVES(H, llmagg_queue_fd, (NULL, NULL, NULL)),
        GIVES(H, llmagg_queue_wait, (NULL, 0, NULL)), GIVES(H, llmagg_queue_drain, (NULL, NULL, NULL)),
        GIVES(H, llmagg_queue_run, (NULL, NULL, NULL, NULL)), GIVES(H, llmagg_queue_stop, (NULL, NULL)),
        RETURNS(llmagg_queue_free, (NULL)),
        GIVES(LLMAGG_OK, llmagg_op_cancel, (0, NULL)), GIVES(LLMAGG_OK, llmagg_op_credit, (0, 0, NULL)),
        GIVES(A, llmagg_custom_emit, (0, NULL, 0, NULL, NULL)), GIVES(LLMAGG_E_CANCELED, llmagg_custom_finish, (0, NULL, 0, NULL)),
        GIVES(LLMAGG_E_CANCELED, llmagg_custom_fail, (0, NULL, 0, NULL)),
        GIVES(LLMAGG_OK, llmagg_log_to_queue, (0, NULL, NULL)), GIVES(LLMAGG_OK, llmagg_observe_to_queue, (NULL, NULL)),
        GIVES(LLMAGG_OK, llmagg_token_to_queue, (NULL, NULL)), GIVES(A, llmagg_token_answer, (0, NULL, 0, NULL)),
        GIVES(A, llmagg_accept_answer, (0, NULL, 0, NULL)), GIVES(LLMAGG_OK, llmagg_budget_set, (NULL, 0, NULL, 0, NULL)),
        GIVES(A, llmagg_cache_set, (NULL, 0, NULL, 0, NULL)), GIVES(LLMAGG_E_CANCELED, llmagg_cache_answer, (0, NULL, 0, NULL)),
        GIVES(A, llmagg_config_check, (NULL, 0, 0, NULL, NULL)), GIVES(A, llmagg_settings, (NULL, NULL)),
        GIVES(A, llmagg_stats, (NULL, NULL)), GIVES(A, llmagg_wall_start, (NULL, 0, NULL, NULL)), GIVES(H, llmagg_wall_url, (NULL, NULL, NULL)),
        GIVES(H, llmagg_wall_seen, (NULL, NULL, NULL)), GIVES(H, llmagg_wall_script, (NULL, NULL, 0, NULL)),
        GIVES(H, llmagg_wall_release, (NULL, NULL, 0, NULL)), GIVES(H, llmagg_wall_kill, (NULL, NULL)),
        GIVES(H, llmagg_wall_revive, (NULL, NULL)), RETURNS(llmagg_wall_free, (NULL)),
    };
    /* clang-format on */
    char line[128];
    int missing = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (rows[i].status != rows[i].expected) printf("# %s: %s\n", rows[i].name, llmagg_status_name(rows[i].status));
        CHECK(rows[i].status == rows[i].expected);
    }
    FILE *golden = fopen("tests/capi/symbols.golden", "r");
    CHECK(golden != NULL);
    while (fgets(line, sizeof line, golden) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        int here = 0, in_table = 0;
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) here += strcmp(rows[i].name, line) == 0;
        for EACH(f) in_table += strcmp(f->name, line) == 0;
        int can_fail = strcmp(line + strlen(line) - 5, "_free") != 0 && strncmp(line, "llmagg_error_", 13) != 0 &&
                       strcmp(line, "llmagg_abi_version") != 0 && strcmp(line, "llmagg_version") != 0 && strcmp(line, "llmagg_status_name") != 0;
        if (here != 1 || (in_table > 0) != can_fail) missing++, printf("# %s is missing here or in functions.def\n", line);
    }
    fclose(golden);
    CHECK(missing == 0);
}

/* Every function with this handle where its own belongs. */
static void each_refuses(int kind, void *h, const char *words) {
    static outputs o;
    for EACH(f) {
        if (kind != KINDS && f->kind != kind) continue;
        if (f->kind == NONE || (f->kind == MAYBE_QUEUE && h == NULL)) continue;
        llmagg_error *err = NULL;
        untouched(&o);
        llmagg_status status = f->ask(&live, h, &o, &err), without = f->ask(&live, h, &o, NULL);
        int good = status == LLMAGG_E_INVALID_HANDLE && without == status && llmagg_error_code(err) == status &&
                   has(llmagg_error_message(err), words) && is_untouched(&o);
        if (!good) printf("# %s with %p: %s, %s, %s\n", f->name, h, llmagg_status_name(status), llmagg_status_name(without), llmagg_error_message(err));
        llmagg_error_free(err);
        CHECK(good);
    }
    if (kind == KINDS) {
        for (int k = NONE + 1; k < KINDS; k++) free_as(k, h);
    } else {
        free_as(kind, h);
    }
}

static void null_handles(void) {
    each_refuses(KINDS, NULL, "NULL handle");
    CHECK(world_works(&live));
}

/* Small numbers, addresses in Go's heap, odd ones, memory of the host's, addresses beside real handles: none is ever read. */
static void foreign_handles(void) {
    int here = 0;
    void *block = malloc(64);
    void *foreign[] = {(void *)1,      (void *)4095, (void *)0xc000000000, (void *)0xc000000008, (void *)(uintptr_t)-1, (void *)(uintptr_t)-4096, &here,
                       block, stdout, &live, (char *)live.client + 1, (char *)live.queue - 1};
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) each_refuses(KINDS, foreign[i], "not a handle of this library");
    free(block);
    CHECK(world_works(&live));
}

static void wrong_kinds(void) {
    static const char *names[] = {"", "manager", "provider", "client", "aggregator", "queue", "wall"};
    world other;
    CHECK(make_world(&other));
    for (int kind = NONE + 1; kind < KINDS; kind++) {
        for (int wrong = NONE + 1; wrong < KINDS; wrong++) {
            if (wrong == kind) continue;
            each_refuses(kind, handle_of(&other, wrong), names[wrong]);
            if (kind == QUEUE) {
                for EACH(f) {
                    outputs o;
                    if (f->kind == MAYBE_QUEUE) CHECK(f->ask(&live, handle_of(&other, wrong), &o, NULL) == LLMAGG_E_INVALID_HANDLE);
                }
            }
        }
    }
    CHECK(world_works(&other) && world_works(&live)); /* freed by nobody */
    free_world(&other);
}

static void stale_handles(void) {
    world gone;
    CHECK(make_world(&gone));
    free_world(&gone);
    for (int kind = NONE + 1; kind < KINDS; kind++) each_refuses(kind, handle_of(&gone, kind), "freed");
    for EACH(f) {
        outputs o;
        if (f->kind == MAYBE_QUEUE) CHECK(f->ask(&live, gone.queue, &o, NULL) == LLMAGG_E_INVALID_HANDLE);
    }
    CHECK(world_works(&live));
}

/* A new object of a kind, as cheap as there is. */
static void *new_of(int kind) {
    void *h = NULL;
    switch (kind) {
    case MANAGER: llmagg_manager_new((llmagg_manager **)&h, NULL); break;
    case PROVIDER: llmagg_provider_new(STR(live.config), (llmagg_provider **)&h, NULL); break;
    case CLIENT: llmagg_client_new(STR(live.client_config), (llmagg_client **)&h, NULL); break;
    case AGGREGATOR: llmagg_aggregator_new(live.manager, NULL, 0, (llmagg_aggregator **)&h, NULL); break;
    case QUEUE: llmagg_queue_new((llmagg_queue **)&h, NULL); break;
    case WALL: llmagg_wall_start(NULL, 0, (llmagg_wall **)&h, NULL); break;
    }
    return h;
}

enum { ROUNDS = 2000 };

static void two_thousand_rounds_of_each_kind(void) {
    static void *stale[KINDS][ROUNDS];
    const function *probe[KINDS] = {NULL};
    static outputs o;
    for EACH(f) if (f->kind < KINDS && strstr(f->name, "close") == NULL) probe[f->kind] = f;
    int rounds = many(ROUNDS);
    for (int kind = NONE + 1; kind < KINDS; kind++) {
        for (int i = 0; i < rounds; i++) {
            void *h = stale[kind][i] = new_of(kind);
            CHECK(h != NULL);
            free_as(kind, h);
            CHECK(probe[kind]->ask(&live, h, &o, NULL) == LLMAGG_E_INVALID_HANDLE);
        }
    }
    world later;
    CHECK(make_world(&later));
    for (int kind = NONE + 1; kind < KINDS; kind++) {
        for (int i = 0; i < rounds; i++) {
            for (int k = NONE + 1; k < KINDS; k++) CHECK(stale[kind][i] != handle_of(&later, k)); /* never handed out again */
            CHECK(probe[kind]->ask(&live, stale[kind][i], &o, NULL) == LLMAGG_E_INVALID_HANDLE);
            free_as(kind, stale[kind][i]);
        }
    }
    CHECK(world_works(&later) && world_works(&live));
    free_world(&later);
}

/* NULL for each output and each needed text, with everything else good: the argument is named. */
static void null_outputs_and_texts(void) {
    const world *w = &live;
    static outputs o;
    uint64_t op = 0;
    /* clang-format off */
#define WITHOUT(argument, name, arguments) CHECK_SAYS(A, "argument " argument " is NULL", name arguments)
    WITHOUT("out", llmagg_manager_new, (NULL, &err));
    WITHOUT("out", llmagg_manager_default, (NULL, &err));
    WITHOUT("name", llmagg_manager_unregister, (w->manager, NULL, 3, &err));
    WITHOUT("provider", llmagg_manager_client, (w->manager, NULL, 3, STR("m"), &o.made.client, &err));
    WITHOUT("model", llmagg_manager_client, (w->manager, STR("openai"), NULL, 3, &o.made.client, &err));
    WITHOUT("out", llmagg_manager_client, (w->manager, STR("openai"), STR("m"), NULL, &err));
    WITHOUT("model", llmagg_manager_client_by_model, (w->manager, NULL, 3, &o.made.client, &err));
    WITHOUT("out", llmagg_manager_client_by_model, (w->manager, STR("m"), NULL, &err));
    WITHOUT("out", llmagg_manager_providers, (w->manager, NULL, &err));
    WITHOUT("out", llmagg_manager_models, (w->manager, NULL, &err));
    WITHOUT("out", llmagg_manager_health, (w->manager, NULL, &err));
    WITHOUT("op", llmagg_manager_health_submit, (w->manager, w->queue, 0, NULL, &err));
    WITHOUT("out", llmagg_manager_report, (w->manager, NULL, &err));
    WITHOUT("out", llmagg_manager_metrics, (w->manager, NULL, &err));
    WITHOUT("config", llmagg_manager_join, (w->manager, NULL, 3, &err));
    WITHOUT("out", llmagg_manager_fleet_report, (w->manager, NULL, &err));
    WITHOUT("config", llmagg_provider_new, (NULL, 3, &o.made.provider, &err));
    WITHOUT("out", llmagg_provider_new, (STR(w->config), NULL, &err));
    WITHOUT("config", llmagg_provider_new_custom, (NULL, 3, NULL, 0, &o.made.provider, &err));
    WITHOUT("out", llmagg_provider_new_custom, (STR(w->config), NULL, 0, NULL, &err));
    WITHOUT("out", llmagg_provider_models, (w->provider, NULL, &err));
    WITHOUT("model", llmagg_provider_client, (w->provider, NULL, 3, &o.made.client, &err));
    WITHOUT("out", llmagg_provider_client, (w->provider, STR("m"), NULL, &err));
    WITHOUT("config", llmagg_client_new, (NULL, 3, &o.made.client, &err));
    WITHOUT("out", llmagg_client_new, (STR(w->client_config), NULL, &err));
    WITHOUT("config", llmagg_client_new_custom, (NULL, 3, NULL, 0, &o.made.client, &err));
    WITHOUT("out", llmagg_client_new_custom, (STR(w->client_config), NULL, 0, NULL, &err));
    WITHOUT("out", llmagg_client_info, (w->client, NULL, &err));
    WITHOUT("out", llmagg_client_report, (w->client, NULL, &err));
    WITHOUT("request", llmagg_client_chat, (w->client, NULL, 3, NOTHING, &o.text, &err));
    WITHOUT("options", llmagg_client_chat, (w->client, STR(HELLO), NULL, 3, &o.text, &err));
    WITHOUT("out", llmagg_client_chat, (w->client, STR(HELLO), NOTHING, NULL, &err));
    WITHOUT("request", llmagg_client_chat_submit, (w->client, w->queue, NULL, 3, NOTHING, 0, 0, &op, &err));
    WITHOUT("options", llmagg_client_chat_submit, (w->client, w->queue, STR(HELLO), NULL, 3, 0, 0, &op, &err));
    WITHOUT("op", llmagg_client_chat_submit, (w->client, w->queue, STR(HELLO), NOTHING, 0, 0, NULL, &err));
    WITHOUT("clients", llmagg_routes_chat, (NULL, 1, STR(HELLO), NOTHING, &o.text, &err));
    WITHOUT("request", llmagg_routes_chat, (&w->client, 1, NULL, 3, NOTHING, &o.text, &err));
    WITHOUT("out", llmagg_routes_chat, (&w->client, 1, STR(HELLO), NOTHING, NULL, &err));
    WITHOUT("clients", llmagg_routes_chat_submit, (NULL, 1, w->queue, STR(HELLO), NOTHING, 0, 0, &op, &err));
    WITHOUT("request", llmagg_routes_chat_submit, (&w->client, 1, w->queue, NULL, 3, NOTHING, 0, 0, &op, &err));
    WITHOUT("op", llmagg_routes_chat_submit, (&w->client, 1, w->queue, STR(HELLO), NOTHING, 0, 0, NULL, &err));
    WITHOUT("clients", llmagg_routes_embed, (NULL, 1, STR(EMBED), NOTHING, &o.text, &err));
    WITHOUT("clients", llmagg_routes_rerank, (NULL, 1, STR(RERANK), NOTHING, &o.text, &err));
    WITHOUT("request", llmagg_routes_embed, (&w->client, 1, NULL, 3, NOTHING, &o.text, &err));
    WITHOUT("request", llmagg_routes_rerank, (&w->client, 1, NULL, 3, NOTHING, &o.text, &err));
    WITHOUT("out", llmagg_routes_embed, (&w->client, 1, STR(EMBED), NOTHING, NULL, &err));
    WITHOUT("out", llmagg_routes_rerank, (&w->client, 1, STR(RERANK), NOTHING, NULL, &err));
    WITHOUT("clients", llmagg_routes_embed_submit, (NULL, 1, w->queue, STR(EMBED), NOTHING, 0, &op, &err));
    WITHOUT("clients", llmagg_routes_rerank_submit, (NULL, 1, w->queue, STR(RERANK), NOTHING, 0, &op, &err));
    WITHOUT("request", llmagg_routes_embed_submit, (&w->client, 1, w->queue, NULL, 3, NOTHING, 0, &op, &err));
    WITHOUT("request", llmagg_routes_rerank_submit, (&w->client, 1, w->queue, NULL, 3, NOTHING, 0, &op, &err));
    WITHOUT("op", llmagg_routes_embed_submit, (&w->client, 1, w->queue, STR(EMBED), NOTHING, 0, NULL, &err));
    WITHOUT("op", llmagg_routes_rerank_submit, (&w->client, 1, w->queue, STR(RERANK), NOTHING, 0, NULL, &err));
    WITHOUT("clients", llmagg_routes_health_submit, (NULL, 1, w->queue, 0, &op, &err));
    WITHOUT("op", llmagg_routes_health_submit, (&w->client, 1, w->queue, 0, NULL, &err));
    WITHOUT("catalog", llmagg_resolve, (NULL, 3, STR("[]"), &o.text, &err));
    WITHOUT("models", llmagg_resolve, (STR("[]"), NULL, 3, &o.text, &err));
    WITHOUT("out", llmagg_resolve, (STR("[]"), STR("[]"), NULL, &err));
    WITHOUT("options", llmagg_aggregator_new, (w->manager, NULL, 3, &o.made.aggregator, &err));
    WITHOUT("out", llmagg_aggregator_new, (w->manager, NOTHING, NULL, &err));
    WITHOUT("config", llmagg_aggregator_initialize, (w->aggregator, NULL, 3, &err));
    WITHOUT("request", llmagg_aggregator_chat, (w->aggregator, NULL, 3, NOTHING, &o.text, &err));
    WITHOUT("out", llmagg_aggregator_chat, (w->aggregator, STR(HELLO), NOTHING, NULL, &err));
    WITHOUT("request", llmagg_aggregator_chat_submit, (w->aggregator, w->queue, NULL, 3, NOTHING, 0, 0, &op, &err));
    WITHOUT("op", llmagg_aggregator_chat_submit, (w->aggregator, w->queue, STR(HELLO), NOTHING, 0, 0, NULL, &err));
    WITHOUT("request", llmagg_aggregator_embed, (w->aggregator, NULL, 3, NOTHING, &o.text, &err));
    WITHOUT("request", llmagg_aggregator_rerank, (w->aggregator, NULL, 3, NOTHING, &o.text, &err));
    WITHOUT("out", llmagg_aggregator_embed, (w->aggregator, STR(EMBED), NOTHING, NULL, &err));
    WITHOUT("out", llmagg_aggregator_rerank, (w->aggregator, STR(RERANK), NOTHING, NULL, &err));
    WITHOUT("request", llmagg_aggregator_embed_submit, (w->aggregator, w->queue, NULL, 3, NOTHING, 0, &op, &err));
    WITHOUT("request", llmagg_aggregator_rerank_submit, (w->aggregator, w->queue, NULL, 3, NOTHING, 0, &op, &err));
    WITHOUT("op", llmagg_aggregator_embed_submit, (w->aggregator, w->queue, STR(EMBED), NOTHING, 0, NULL, &err));
    WITHOUT("op", llmagg_aggregator_rerank_submit, (w->aggregator, w->queue, STR(RERANK), NOTHING, 0, NULL, &err));
    WITHOUT("out", llmagg_aggregator_models, (w->aggregator, NULL, &err));
    WITHOUT("out", llmagg_aggregator_health, (w->aggregator, NULL, &err));
    WITHOUT("op", llmagg_aggregator_health_submit, (w->aggregator, w->queue, 0, NULL, &err));
    WITHOUT("out", llmagg_queue_new, (NULL, &err));
    WITHOUT("fd", llmagg_queue_fd, (w->queue, NULL, &err));
    WITHOUT("drain", llmagg_queue_drain, (w->queue, NULL, &err));
    WITHOUT("fn", llmagg_queue_run, (w->queue, NULL, NULL, &err));
    WITHOUT("chunk", llmagg_custom_emit, (1, NULL, 3, NULL, &err));
    WITHOUT("response", llmagg_custom_finish, (1, NULL, 3, &err));
    WITHOUT("error", llmagg_custom_fail, (1, NULL, 3, &err));
    WITHOUT("answer", llmagg_token_answer, (1, NULL, 3, &err));
    WITHOUT("config", llmagg_config_check, (NULL, 3, 0, &o.text, &err));
    WITHOUT("out", llmagg_config_check, (STR("{}"), 0, NULL, &err));
    WITHOUT("out", llmagg_settings, (NULL, &err));
    WITHOUT("out", llmagg_stats, (NULL, &err));
    WITHOUT("script", llmagg_wall_start, (NULL, 3, &o.made.wall, &err));
    WITHOUT("out", llmagg_wall_start, (NOTHING, NULL, &err));
    WITHOUT("out", llmagg_wall_url, (w->wall, NULL, &err));
    WITHOUT("out", llmagg_wall_seen, (w->wall, NULL, &err));
    WITHOUT("script", llmagg_wall_script, (w->wall, NULL, 3, &err));
    WITHOUT("name", llmagg_wall_release, (w->wall, NULL, 3, &err));
    /* clang-format on */
    CHECK(op == 0 && o.made.any == NULL && o.text.ptr == NULL);
    CHECK_STATUS(LLMAGG_E_TIMEOUT, llmagg_queue_wait(w->queue, 0, &err)); /* none of them began anything */
    CHECK(world_works(w));
}

/* Lengths that no text has are refused before anything is read. */
static void absurd_lengths(void) {
    static const size_t lengths[] = {((size_t)1 << 30) + 1, SIZE_MAX / 2, SIZE_MAX};
    static outputs o;
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        CHECK_SAYS(A, "1 GiB", llmagg_client_chat(live.client, "x", lengths[i], NOTHING, &o.text, &err));
        CHECK_SAYS(A, "1 GiB", llmagg_client_chat(live.client, STR(HELLO), "x", lengths[i], &o.text, &err));
        CHECK_SAYS(A, "1 GiB", llmagg_provider_new("x", lengths[i], &o.made.provider, &err));
        CHECK_SAYS(A, "1 GiB", llmagg_manager_client_by_model(live.manager, "x", lengths[i], &o.made.client, &err));
        CHECK_SAYS(A, "1 GiB", llmagg_wall_start("x", lengths[i], &o.made.wall, &err));
        CHECK_SAYS(A, "1 GiB", llmagg_custom_finish(1, "x", lengths[i], &err));
    }
}

/* Each row is a good call: on success *err is left as it was. */
static void on_success_the_error_is_left_alone(void) {
    static outputs o;
    int asked = 0;
    for EACH(f) {
        world fresh; /* several of them close what they are given */
        llmagg_error *err = (llmagg_error *)&asked;
        CHECK(make_world(&fresh));
        memset(&o, 0, sizeof o);
        untouched(&o);
        if (strcmp(f->name, "llmagg_manager_unregister") == 0) {
            OK(llmagg_provider_new_custom(STR("{\"nobody\":{\"models\":{\"m\":{}}}}"), NULL, 0, &o.made.provider, &err));
            OK(llmagg_manager_register(fresh.manager, o.made.provider, &err));
            llmagg_provider_free(o.made.provider);
        }
        if (strcmp(f->name, "llmagg_wall_revive") == 0) OK(llmagg_wall_kill(fresh.wall, &err));
        if (strcmp(f->name, "llmagg_queue_wait") == 0 || strcmp(f->name, "llmagg_queue_run") == 0)
            OK(llmagg_client_chat_submit(fresh.client, fresh.queue, STR(HELLO), NOTHING, 0, 0, &o.op, &err));
        o.made.any = NULL;
        o.text = (llmagg_buf){NULL, 0};
        llmagg_status status = f->ask(&fresh, handle_of(&fresh, f->kind), &o, &err), expected = LLMAGG_OK;
        if (answers_a_question(f->name)) expected = LLMAGG_E_CANCELED; /* there is no such call */
        if (status != expected) printf("# %s: %s\n", f->name, llmagg_status_name(status));
        CHECK(status == expected);
        CHECK((err == (llmagg_error *)&asked) == (status == LLMAGG_OK));
        if (status != LLMAGG_OK) llmagg_error_free(err);
        if (o.text.ptr != NULL) CHECK(o.text.ptr[o.text.len] == '\0' && (has(f->name, "_embed") || strlen(o.text.ptr) == o.text.len));
        llmagg_buf_free(&o.text);
        if (o.made.any != NULL) {
            for (int kind = NONE + 1; kind < KINDS; kind++) free_as(kind, o.made.any); /* one of them fits */
        }
        free_world(&fresh);
        asked++;
    }
    llmagg_log_to_queue(0, NULL, NULL);
    llmagg_observe_to_queue(NULL, NULL);
    llmagg_token_to_queue(NULL, NULL);
    CHECK(asked == sizeof functions / sizeof *functions);
}

int main(void) {
    if (!make_world(&live)) return 1;
    RUN(null_everywhere);
    RUN(null_handles);
    RUN(foreign_handles);
    RUN(wrong_kinds);
    RUN(stale_handles);
    RUN(two_thousand_rounds_of_each_kind);
    RUN(null_outputs_and_texts);
    RUN(absurd_lengths);
    RUN(on_success_the_error_is_left_alone);
    free_world(&live);
    return RESULT();
}
