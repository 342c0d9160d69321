/* The public functions about managers, providers, clients and aggregators. They check what needs no Go, and call the exports of
 * the Go files; so the public prototypes keep their const, a forked child never enters Go, and cgo's header is not shipped. */
#include "_cgo_export.h"
#include "entry.h"

/* manager */

llmagg_status llmagg_manager_new(llmagg_manager **out, llmagg_error **err) {
    CHECK_FORK(err);
    OUT(out, err);
    IN_GO;
    return goManagerNew(NEW(out), err);
}

llmagg_status llmagg_manager_default(llmagg_manager **out, llmagg_error **err) {
    CHECK_FORK(err);
    OUT(out, err);
    IN_GO;
    return goManagerDefault(NEW(out), err);
}

llmagg_status llmagg_manager_register(llmagg_manager *manager, llmagg_provider *provider, llmagg_error **err) {
    CHECK_FORK(err);
    HOLD(SHIM_MANAGER, manager, err);
    HOLD(SHIM_PROVIDER, provider, err);
    IN_GO;
    return goManagerRegister(GO(manager), GO(provider), err);
}

llmagg_status llmagg_manager_unregister(llmagg_manager *manager, const char *name, size_t name_len, llmagg_error **err) {
    CHECK_FORK(err);
    HOLD(SHIM_MANAGER, manager, err);
    TEXT(name, err);
    IN_GO;
    return goManagerUnregister(GO(manager), IN(name), err);
}

llmagg_status llmagg_manager_client(llmagg_manager *manager, const char *provider, size_t provider_len, const char *model,
                                    size_t model_len, llmagg_client **out, llmagg_error **err) {
    CHECK_FORK(err);
    HOLD(SHIM_MANAGER, manager, err);
    TEXT(provider, err);
    TEXT(model, err);
    OUT(out, err);
    IN_GO;
    return goManagerClient(GO(manager), IN(provider), IN(model), NEW(out), err);
}

llmagg_status llmagg_manager_client_by_model(llmagg_manager *manager, const char *model, size_t model_len, llmagg_client **out,
                                             llmagg_error **err) {
    CHECK_FORK(err);
    HOLD(SHIM_MANAGER, manager, err);
    TEXT(model, err);
    OUT(out, err);
    IN_GO;
    return goManagerClientByModel(GO(manager), IN(model), NEW(out), err);
}

llmagg_status llmagg_manager_providers(llmagg_manager *manager, llmagg_buf *out, llmagg_error **err) {
    CHECK_FORK(err);
    HOLD(SHIM_MANAGER, manager, err);
    OUT(out, err);
    IN_GO;
    return goManagerProviders(GO(manager), out, err);
}

llmagg_status llmagg_manager_models(llmagg_manager *manager, llmagg_buf *out, llmagg_error **err) {
    CHECK_FORK(err);
    HOLD(SHIM_MANAGER, manager, err);
    OUT(out, err);
    IN_GO;
    return goManagerModels(GO(manager), out, err);
}

llmagg_status llmagg_manager_health(llmagg_manager *manager, llmagg_buf *out, llmagg_error **err) {
    CHECK_FORK(err);
    HANDLE(manager, err);
    OUT(out, err);
    return shim_ask((shim_post){.kind = SHIM_MANAGER_HEALTH}, LIST(&manager), 1, out, err);
}

llmagg_status llmagg_manager_health_submit(llmagg_manager *manager, llmagg_queue *queue, uint64_t tag, uint64_t *op,
                                           llmagg_error **err) {
    CHECK_FORK(err);
    HANDLE(manager, err);
    HANDLE(queue, err);
    OUT(op, err);
    return shim_submit((shim_post){.kind = SHIM_MANAGER_HEALTH, .tag = tag}, LIST(&manager), 1, H(queue), op, err);
}

llmagg_status llmagg_manager_report(llmagg_manager *manager, llmagg_buf *out, llmagg_error **err) {
    CHECK_FORK(err);
    HOLD(SHIM_MANAGER, manager, err);
    OUT(out, err);
    IN_GO;
    return goManagerReport(GO(manager), out, err);
}

llmagg_status llmagg_manager_close(llmagg_manager *manager, double deadline, llmagg_error **err) {
    CHECK_FORK(err);
    HOLD(SHIM_MANAGER, manager, err);
    WAIT_OUTSIDE(goManagerClose(GO(manager), deadline, &answer), NULL, err);
}

void llmagg_manager_free(llmagg_manager *manager) { FREE(SHIM_MANAGER, manager, goManagerFree); }

/* provider */

llmagg_status llmagg_provider_new(const char *config, size_t config_len, llmagg_provider **out, llmagg_error **err) {
    CHECK_FORK(err);
    TEXT(config, err);
    OUT(out, err);
    IN_GO;
    return goProviderNew(IN(config), NEW(out), err);
}

llmagg_status llmagg_provider_new_custom(const char *config, size_t config_len, llmagg_queue *queue, uint64_t tag,
                                         llmagg_provider **out, llmagg_error **err) {
    CHECK_FORK(err);
    HOLD_OPTIONAL(SHIM_QUEUE, queue, err);
    TEXT(config, err);
    OUT(out, err);
    IN_GO;
    return goProviderNewCustom(IN(config), GO(queue), tag, NEW(out), err);
}

llmagg_status llmagg_provider_initialize(llmagg_provider *provider, llmagg_error **err) {
    CHECK_FORK(err);
    HOLD(SHIM_PROVIDER, provider, err);
    IN_GO;
    return goProviderInitialize(GO(provider), err);
}

llmagg_status llmagg_provider_models(llmagg_provider *provider, llmagg_buf *out, llmagg_error **err) {
    CHECK_FORK(err);
    HOLD(SHIM_PROVIDER, provider, err);
    OUT(out, err);
    IN_GO;
    return goProviderModels(GO(provider), out, err);
}

llmagg_status llmagg_provider_client(llmagg_provider *provider, const char *model, size_t model_len, llmagg_client **out,
                                     llmagg_error **err) {
    CHECK_FORK(err);
    HOLD(SHIM_PROVIDER, provider, err);
    TEXT(model, err);
    OUT(out, err);
    IN_GO;
    return goProviderClient(GO(provider), IN(model), NEW(out), err);
}

llmagg_status llmagg_provider_close(llmagg_provider *provider, double deadline, llmagg_error **err) {
    CHECK_FORK(err);
    HOLD(SHIM_PROVIDER, provider, err);
    WAIT_OUTSIDE(goProviderClose(GO(provider), deadline, &answer), NULL, err);
}

void llmagg_provider_free(llmagg_provider *provider) { FREE(SHIM_PROVIDER, provider, goProviderFree); }

/* client */

llmagg_status llmagg_client_new(const char *config, size_t config_len, llmagg_client **out, llmagg_error **err) {
    CHECK_FORK(err);
    TEXT(config, err);
    OUT(out, err);
    IN_GO;
    return goClientNew(IN(config), NEW(out), err);
}

llmagg_status llmagg_client_new_custom(const char *config, size_t config_len, llmagg_queue *queue, uint64_t tag,
                                       llmagg_client **out, llmagg_error **err) {
    CHECK_FORK(err);
    HOLD_OPTIONAL(SHIM_QUEUE, queue, err);
    TEXT(config, err);
    OUT(out, err);
    IN_GO;
    return goClientNewCustom(IN(config), GO(queue), tag, NEW(out), err);
}

llmagg_status llmagg_client_info(llmagg_client *client, llmagg_buf *out, llmagg_error **err) {
    CHECK_FORK(err);
    HOLD(SHIM_CLIENT, client, err);
    OUT(out, err);
    IN_GO;
    return goClientInfo(GO(client), out, err);
}

llmagg_status llmagg_client_report(llmagg_client *client, llmagg_buf *out, llmagg_error **err) {
    CHECK_FORK(err);
    HOLD(SHIM_CLIENT, client, err);
    OUT(out, err);
    IN_GO;
    return goClientReport(GO(client), out, err);
}

llmagg_status llmagg_client_chat(llmagg_client *client, const char *request, size_t request_len, const char *options,
                                 size_t options_len, llmagg_buf *out, llmagg_error **err) {
    CHECK_FORK(err);
    HANDLE(client, err);
    TEXT(request, err);
    OPTIONAL(options, err);
    OUT(out, err);
    return shim_ask(CHAT(SHIM_CLIENT_CHAT, 0, 0), LIST(&client), 1, out, err);
}

llmagg_status llmagg_client_chat_submit(llmagg_client *client, llmagg_queue *queue, const char *request, size_t request_len,
                                        const char *options, size_t options_len, uint32_t flags, uint64_t tag, uint64_t *op,
                                        llmagg_error **err) {
    CHECK_FORK(err);
    HANDLE(client, err);
    HANDLE(queue, err);
    TEXT(request, err);
    OPTIONAL(options, err);
    OUT(op, err);
    return shim_submit(CHAT(SHIM_CLIENT_CHAT, flags, tag), LIST(&client), 1, H(queue), op, err);
}

llmagg_status llmagg_client_set_available(llmagg_client *client, int available, llmagg_error **err) {
    CHECK_FORK(err);
    HOLD(SHIM_CLIENT, client, err);
    IN_GO;
    return goClientSetAvailable(GO(client), available, err);
}

llmagg_status llmagg_client_rest(llmagg_client *client, llmagg_error **err) {
    CHECK_FORK(err);
    HOLD(SHIM_CLIENT, client, err);
    IN_GO;
    return goClientRest(GO(client), err);
}

void llmagg_client_free(llmagg_client *client) { FREE(SHIM_CLIENT, client, goClientFree); }

/* routes */

llmagg_status llmagg_routes_chat(llmagg_client *const *clients, size_t count, const char *request, size_t request_len,
                                 const char *options, size_t options_len, llmagg_buf *out, llmagg_error **err) {
    CHECK_FORK(err);
    ROUTES(err);
    TEXT(request, err);
    OPTIONAL(options, err);
    OUT(out, err);
    return shim_ask(CHAT(SHIM_ROUTES_CHAT, 0, 0), LIST(clients), count, out, err);
}

llmagg_status llmagg_routes_chat_submit(llmagg_client *const *clients, size_t count, llmagg_queue *queue, const char *request,
                                        size_t request_len, const char *options, size_t options_len, uint32_t flags,
                                        uint64_t tag, uint64_t *op, llmagg_error **err) {
    CHECK_FORK(err);
    ROUTES(err);
    HANDLE(queue, err);
    TEXT(request, err);
    OPTIONAL(options, err);
    OUT(op, err);
    return shim_submit(CHAT(SHIM_ROUTES_CHAT, flags, tag), LIST(clients), count, H(queue), op, err);
}

llmagg_status llmagg_routes_health_submit(llmagg_client *const *clients, size_t count, llmagg_queue *queue, uint64_t tag,
                                          uint64_t *op, llmagg_error **err) {
    CHECK_FORK(err);
    ROUTES(err);
    HANDLE(queue, err);
    OUT(op, err);
    return shim_submit((shim_post){.kind = SHIM_ROUTES_HEALTH, .tag = tag}, LIST(clients), count, H(queue), op, err);
}

llmagg_status llmagg_resolve(const char *catalog, size_t catalog_len, const char *models, size_t models_len, llmagg_buf *out,
                             llmagg_error **err) {
    CHECK_FORK(err);
    TEXT(catalog, err);
    TEXT(models, err);
    OUT(out, err);
    IN_GO;
    return goResolve(IN(catalog), IN(models), out, err);
}

/* aggregator */

llmagg_status llmagg_aggregator_new(llmagg_manager *manager, const char *options, size_t options_len, llmagg_aggregator **out,
                                    llmagg_error **err) {
    CHECK_FORK(err);
    HOLD(SHIM_MANAGER, manager, err);
    OPTIONAL(options, err);
    OUT(out, err);
    IN_GO;
    return goAggregatorNew(GO(manager), IN(options), NEW(out), err);
}

llmagg_status llmagg_aggregator_initialize(llmagg_aggregator *aggregator, const char *config, size_t config_len,
                                           llmagg_error **err) {
    CHECK_FORK(err);
    HOLD(SHIM_AGGREGATOR, aggregator, err);
    TEXT(config, err);
    IN_GO;
    return goAggregatorInitialize(GO(aggregator), IN(config), err);
}

llmagg_status llmagg_aggregator_chat(llmagg_aggregator *aggregator, const char *request, size_t request_len, const char *options,
                                     size_t options_len, llmagg_buf *out, llmagg_error **err) {
    CHECK_FORK(err);
    HANDLE(aggregator, err);
    TEXT(request, err);
    OPTIONAL(options, err);
    OUT(out, err);
    return shim_ask(CHAT(SHIM_AGGREGATOR_CHAT, 0, 0), LIST(&aggregator), 1, out, err);
}

llmagg_status llmagg_aggregator_chat_submit(llmagg_aggregator *aggregator, llmagg_queue *queue, const char *request,
                                            size_t request_len, const char *options, size_t options_len, uint32_t flags,
                                            uint64_t tag, uint64_t *op, llmagg_error **err) {
    CHECK_FORK(err);
    HANDLE(aggregator, err);
    HANDLE(queue, err);
    TEXT(request, err);
    OPTIONAL(options, err);
    OUT(op, err);
    return shim_submit(CHAT(SHIM_AGGREGATOR_CHAT, flags, tag), LIST(&aggregator), 1, H(queue), op, err);
}

llmagg_status llmagg_aggregator_models(llmagg_aggregator *aggregator, llmagg_buf *out, llmagg_error **err) {
    CHECK_FORK(err);
    HOLD(SHIM_AGGREGATOR, aggregator, err);
    OUT(out, err);
    IN_GO;
    return goAggregatorModels(GO(aggregator), out, err);
}

llmagg_status llmagg_aggregator_health(llmagg_aggregator *aggregator, llmagg_buf *out, llmagg_error **err) {
    CHECK_FORK(err);
    HANDLE(aggregator, err);
    OUT(out, err);
    return shim_ask((shim_post){.kind = SHIM_AGGREGATOR_HEALTH}, LIST(&aggregator), 1, out, err);
}

llmagg_status llmagg_aggregator_health_submit(llmagg_aggregator *aggregator, llmagg_queue *queue, uint64_t tag, uint64_t *op,
                                              llmagg_error **err) {
    CHECK_FORK(err);
    HANDLE(aggregator, err);
    HANDLE(queue, err);
    OUT(op, err);
    return shim_submit((shim_post){.kind = SHIM_AGGREGATOR_HEALTH, .tag = tag}, LIST(&aggregator), 1, H(queue), op, err);
}

llmagg_status llmagg_aggregator_close(llmagg_aggregator *aggregator, double deadline, llmagg_error **err) {
    CHECK_FORK(err);
    HOLD(SHIM_AGGREGATOR, aggregator, err);
    WAIT_OUTSIDE(goAggregatorClose(GO(aggregator), deadline, &answer), NULL, err);
}

void llmagg_aggregator_free(llmagg_aggregator *aggregator) { FREE(SHIM_AGGREGATOR, aggregator, goAggregatorFree); }
