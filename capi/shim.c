/* The public functions about managers, providers, clients and aggregators. They check what needs no Go, and call the exports of
 * the Go files; so the public prototypes keep their const, a forked child never enters Go, and cgo's header is not shipped. */
#include "_cgo_export.h"
#include "entry.h"

/* manager */

llmagg_status llmagg_manager_new(llmagg_manager **out, llmagg_error **err) {
    ENTER(err);
    OUT(out, err);
    return goManagerNew(NEW(out), err);
}

llmagg_status llmagg_manager_default(llmagg_manager **out, llmagg_error **err) {
    ENTER(err);
    OUT(out, err);
    return goManagerDefault(NEW(out), err);
}

llmagg_status llmagg_manager_register(llmagg_manager *manager, llmagg_provider *provider, llmagg_error **err) {
    ENTER(err);
    HANDLE(manager, err);
    HANDLE(provider, err);
    return goManagerRegister(H(manager), H(provider), err);
}

llmagg_status llmagg_manager_unregister(llmagg_manager *manager, const char *name, size_t name_len, llmagg_error **err) {
    ENTER(err);
    HANDLE(manager, err);
    TEXT(name, err);
    return goManagerUnregister(H(manager), IN(name), err);
}

llmagg_status llmagg_manager_client(llmagg_manager *manager, const char *provider, size_t provider_len, const char *model,
                                    size_t model_len, llmagg_client **out, llmagg_error **err) {
    ENTER(err);
    HANDLE(manager, err);
    TEXT(provider, err);
    TEXT(model, err);
    OUT(out, err);
    return goManagerClient(H(manager), IN(provider), IN(model), NEW(out), err);
}

llmagg_status llmagg_manager_client_by_model(llmagg_manager *manager, const char *model, size_t model_len, llmagg_client **out,
                                             llmagg_error **err) {
    ENTER(err);
    HANDLE(manager, err);
    TEXT(model, err);
    OUT(out, err);
    return goManagerClientByModel(H(manager), IN(model), NEW(out), err);
}

llmagg_status llmagg_manager_providers(llmagg_manager *manager, llmagg_buf *out, llmagg_error **err) {
    ENTER(err);
    HANDLE(manager, err);
    OUT(out, err);
    return goManagerProviders(H(manager), out, err);
}

llmagg_status llmagg_manager_models(llmagg_manager *manager, llmagg_buf *out, llmagg_error **err) {
    ENTER(err);
    HANDLE(manager, err);
    OUT(out, err);
    return goManagerModels(H(manager), out, err);
}

llmagg_status llmagg_manager_health(llmagg_manager *manager, llmagg_buf *out, llmagg_error **err) {
    CHECK_FORK(err);
    HANDLE(manager, err);
    OUT(out, err);
    WAIT_OUTSIDE(goManagerHealth(H(manager), &answer), out, err);
}

llmagg_status llmagg_manager_health_submit(llmagg_manager *manager, llmagg_queue *queue, uint64_t tag, uint64_t *op,
                                           llmagg_error **err) {
    ENTER(err);
    HANDLE(manager, err);
    HANDLE(queue, err);
    OUT(op, err);
    return goManagerHealthSubmit(H(manager), H(queue), tag, op, err);
}

llmagg_status llmagg_manager_report(llmagg_manager *manager, llmagg_buf *out, llmagg_error **err) {
    ENTER(err);
    HANDLE(manager, err);
    OUT(out, err);
    return goManagerReport(H(manager), out, err);
}

llmagg_status llmagg_manager_close(llmagg_manager *manager, double deadline, llmagg_error **err) {
    CHECK_FORK(err);
    HANDLE(manager, err);
    WAIT_OUTSIDE(goManagerClose(H(manager), deadline, &answer), NULL, err);
}

void llmagg_manager_free(llmagg_manager *manager) {
    if (manager == NULL || shim_forked()) return;
    IN_GO;
    goManagerFree(H(manager));
}

/* provider */

llmagg_status llmagg_provider_new(const char *config, size_t config_len, llmagg_provider **out, llmagg_error **err) {
    ENTER(err);
    TEXT(config, err);
    OUT(out, err);
    return goProviderNew(IN(config), NEW(out), err);
}

llmagg_status llmagg_provider_new_custom(const char *config, size_t config_len, llmagg_queue *queue, uint64_t tag,
                                         llmagg_provider **out, llmagg_error **err) {
    ENTER(err);
    TEXT(config, err);
    OUT(out, err);
    return goProviderNewCustom(IN(config), H(queue), tag, NEW(out), err);
}

llmagg_status llmagg_provider_initialize(llmagg_provider *provider, llmagg_error **err) {
    ENTER(err);
    HANDLE(provider, err);
    return goProviderInitialize(H(provider), err);
}

llmagg_status llmagg_provider_models(llmagg_provider *provider, llmagg_buf *out, llmagg_error **err) {
    ENTER(err);
    HANDLE(provider, err);
    OUT(out, err);
    return goProviderModels(H(provider), out, err);
}

llmagg_status llmagg_provider_client(llmagg_provider *provider, const char *model, size_t model_len, llmagg_client **out,
                                     llmagg_error **err) {
    ENTER(err);
    HANDLE(provider, err);
    TEXT(model, err);
    OUT(out, err);
    return goProviderClient(H(provider), IN(model), NEW(out), err);
}

llmagg_status llmagg_provider_close(llmagg_provider *provider, double deadline, llmagg_error **err) {
    CHECK_FORK(err);
    HANDLE(provider, err);
    WAIT_OUTSIDE(goProviderClose(H(provider), deadline, &answer), NULL, err);
}

void llmagg_provider_free(llmagg_provider *provider) {
    if (provider == NULL || shim_forked()) return;
    IN_GO;
    goProviderFree(H(provider));
}

/* client */

llmagg_status llmagg_client_new(const char *config, size_t config_len, llmagg_client **out, llmagg_error **err) {
    ENTER(err);
    TEXT(config, err);
    OUT(out, err);
    return goClientNew(IN(config), NEW(out), err);
}

llmagg_status llmagg_client_new_custom(const char *config, size_t config_len, llmagg_queue *queue, uint64_t tag,
                                       llmagg_client **out, llmagg_error **err) {
    ENTER(err);
    TEXT(config, err);
    OUT(out, err);
    return goClientNewCustom(IN(config), H(queue), tag, NEW(out), err);
}

llmagg_status llmagg_client_info(llmagg_client *client, llmagg_buf *out, llmagg_error **err) {
    ENTER(err);
    HANDLE(client, err);
    OUT(out, err);
    return goClientInfo(H(client), out, err);
}

llmagg_status llmagg_client_report(llmagg_client *client, llmagg_buf *out, llmagg_error **err) {
    ENTER(err);
    HANDLE(client, err);
    OUT(out, err);
    return goClientReport(H(client), out, err);
}

llmagg_status llmagg_client_chat(llmagg_client *client, const char *request, size_t request_len, const char *options,
                                 size_t options_len, llmagg_buf *out, llmagg_error **err) {
    CHECK_FORK(err);
    HANDLE(client, err);
    TEXT(request, err);
    OPTIONAL(options, err);
    OUT(out, err);
    return shim_chat(SHIM_POSTED_CLIENT, LIST(&client), 1, IN(request), IN(options), out, err);
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
    POSTED_CHAT(SHIM_POSTED_CLIENT, &client, 1, err);
    return goClientChatSubmit(H(client), H(queue), IN(request), IN(options), flags, tag, op, err);
}

llmagg_status llmagg_client_set_available(llmagg_client *client, int available, llmagg_error **err) {
    ENTER(err);
    HANDLE(client, err);
    return goClientSetAvailable(H(client), available, err);
}

llmagg_status llmagg_client_rest(llmagg_client *client, llmagg_error **err) {
    ENTER(err);
    HANDLE(client, err);
    return goClientRest(H(client), err);
}

void llmagg_client_free(llmagg_client *client) {
    if (client == NULL || shim_forked()) return;
    IN_GO;
    goClientFree(H(client));
}

/* routes */

llmagg_status llmagg_routes_chat(llmagg_client *const *clients, size_t count, const char *request, size_t request_len,
                                 const char *options, size_t options_len, llmagg_buf *out, llmagg_error **err) {
    CHECK_FORK(err);
    ROUTES(err);
    TEXT(request, err);
    OPTIONAL(options, err);
    OUT(out, err);
    return shim_chat(SHIM_POSTED_ROUTES, LIST(clients), count, IN(request), IN(options), out, err);
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
    POSTED_CHAT(SHIM_POSTED_ROUTES, clients, count, err);
    return goRoutesChatSubmit(ROUTE_LIST, H(queue), IN(request), IN(options), flags, tag, op, err);
}

llmagg_status llmagg_routes_health_submit(llmagg_client *const *clients, size_t count, llmagg_queue *queue, uint64_t tag,
                                          uint64_t *op, llmagg_error **err) {
    ENTER(err);
    ROUTES(err);
    HANDLE(queue, err);
    OUT(op, err);
    return goRoutesHealthSubmit(ROUTE_LIST, H(queue), tag, op, err);
}

llmagg_status llmagg_resolve(const char *catalog, size_t catalog_len, const char *models, size_t models_len, llmagg_buf *out,
                             llmagg_error **err) {
    ENTER(err);
    TEXT(catalog, err);
    TEXT(models, err);
    OUT(out, err);
    return goResolve(IN(catalog), IN(models), out, err);
}

/* aggregator */

llmagg_status llmagg_aggregator_new(llmagg_manager *manager, const char *options, size_t options_len, llmagg_aggregator **out,
                                    llmagg_error **err) {
    ENTER(err);
    HANDLE(manager, err);
    OPTIONAL(options, err);
    OUT(out, err);
    return goAggregatorNew(H(manager), IN(options), NEW(out), err);
}

llmagg_status llmagg_aggregator_initialize(llmagg_aggregator *aggregator, const char *config, size_t config_len,
                                           llmagg_error **err) {
    ENTER(err);
    HANDLE(aggregator, err);
    TEXT(config, err);
    return goAggregatorInitialize(H(aggregator), IN(config), err);
}

llmagg_status llmagg_aggregator_chat(llmagg_aggregator *aggregator, const char *request, size_t request_len, const char *options,
                                     size_t options_len, llmagg_buf *out, llmagg_error **err) {
    CHECK_FORK(err);
    HANDLE(aggregator, err);
    TEXT(request, err);
    OPTIONAL(options, err);
    OUT(out, err);
    return shim_chat(SHIM_POSTED_AGGREGATOR, LIST(&aggregator), 1, IN(request), IN(options), out, err);
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
    POSTED_CHAT(SHIM_POSTED_AGGREGATOR, &aggregator, 1, err);
    return goAggregatorChatSubmit(H(aggregator), H(queue), IN(request), IN(options), flags, tag, op, err);
}

llmagg_status llmagg_aggregator_models(llmagg_aggregator *aggregator, llmagg_buf *out, llmagg_error **err) {
    ENTER(err);
    HANDLE(aggregator, err);
    OUT(out, err);
    return goAggregatorModels(H(aggregator), out, err);
}

llmagg_status llmagg_aggregator_health(llmagg_aggregator *aggregator, llmagg_buf *out, llmagg_error **err) {
    CHECK_FORK(err);
    HANDLE(aggregator, err);
    OUT(out, err);
    WAIT_OUTSIDE(goAggregatorHealth(H(aggregator), &answer), out, err);
}

llmagg_status llmagg_aggregator_health_submit(llmagg_aggregator *aggregator, llmagg_queue *queue, uint64_t tag, uint64_t *op,
                                              llmagg_error **err) {
    ENTER(err);
    HANDLE(aggregator, err);
    HANDLE(queue, err);
    OUT(op, err);
    return goAggregatorHealthSubmit(H(aggregator), H(queue), tag, op, err);
}

llmagg_status llmagg_aggregator_close(llmagg_aggregator *aggregator, double deadline, llmagg_error **err) {
    CHECK_FORK(err);
    HANDLE(aggregator, err);
    WAIT_OUTSIDE(goAggregatorClose(H(aggregator), deadline, &answer), NULL, err);
}

void llmagg_aggregator_free(llmagg_aggregator *aggregator) {
    if (aggregator == NULL || shim_forked()) return;
    IN_GO;
    goAggregatorFree(H(aggregator));
}
