/* Bad input through the C door: each row gives the code of the error table and a message that says what and where, and leaves
 * everything usable. */
#include "check.h"

static llmagg_wall *wall;
static llmagg_client *client;

static void still_usable(void) {
    llmagg_buf out = {NULL, 0};
    OK(llmagg_client_chat(client, STR(HELLO), NOTHING, &out, &err));
    CHECK(has(out.ptr, "Hello from gpt-a."));
    llmagg_buf_free(&out);
}

static void requests(void) {
    static const struct {
        const char *request, *says;
    } rows[] = {
        {"{\"messages\":[]}", "messages"},
        {"{}", "messages"},
        {"{\"messages\":\"hello\"}", "messages"},
        {"{\"messages\":[{\"role\":\"wizard\",\"content\":\"x\"}]}", "wizard"},
        {"{\"messages\":[{\"content\":\"x\"}]}", "role"},
        {"{\"messages\":[{\"role\":7,\"content\":\"x\"}]}", "role"},
        {"{\"messages\":[{\"role\":\"user\",\"content\":7}]}", "content"},
        {"{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"temperature\":NaN}", "JSON"},
        {"{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"temperature\":\"warm\"}", "temperature"},
        {"{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"n\":0}", "\"n\""},
        {"{\"messages\":[{\"role\":\"user\",\"content\":\"x", "JSON"},
        {"{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]} trailing", "JSON"},
        {"{\"messages\":[{\"role\":\"user\",\"content\":\"\xff\xfe\"}]}", "UTF-8"},
        {"[]", "an array; expected an object"},
        {"not json", "JSON"},
    };
    llmagg_buf out = {NULL, 0};
    llmagg_queue *queue = new_queue();
    uint64_t op = 0;
    received r;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        CHECK_SAYS(LLMAGG_E_INVALID_ARGUMENT, rows[i].says, llmagg_client_chat(client, STR(rows[i].request), NOTHING, &out, &err));
        OK(llmagg_client_chat_submit(client, queue, STR(rows[i].request), NOTHING, LLMAGG_STREAM, 0, &op, &err));
        CHECK(receive_end(queue, op, &r, NULL) && r.event.status == LLMAGG_E_INVALID_ARGUMENT);
    }
    CHECK(out.ptr == NULL);
    CHECK_STATUS(LLMAGG_E_TIMEOUT, llmagg_queue_wait(queue, 0, &err)); /* no other event came of it */
    llmagg_queue_free(queue);
    still_usable();
}

static void a_null_byte_is_data(void) {
    static const char request[] = "{\"messages\":[{\"role\":\"user\",\"content\":\"a\0b\"}]}";
    llmagg_buf out = {NULL, 0};
    CHECK_SAYS(LLMAGG_E_INVALID_ARGUMENT, "JSON", llmagg_client_chat(client, request, sizeof request - 1, NOTHING, &out, &err));
    OK(llmagg_client_chat(client, STR("{\"messages\":[{\"role\":\"user\",\"content\":\"a\\u0000b\"}]}"), NOTHING, &out, &err));
    llmagg_buf_free(&out);
}

static void texts_that_are_missing(void) {
    llmagg_buf out = {NULL, 0};
    llmagg_provider *provider = NULL;
    llmagg_manager *manager = NULL;
    llmagg_client *none = NULL;
    CHECK_SAYS(LLMAGG_E_INVALID_ARGUMENT, "request is NULL", llmagg_client_chat(client, NULL, 5, NOTHING, &out, &err));
    CHECK_SAYS(LLMAGG_E_INVALID_ARGUMENT, "request is empty", llmagg_client_chat(client, (const char *)1, 0, NOTHING, &out, &err));
    CHECK_SAYS(LLMAGG_E_INVALID_ARGUMENT, "1 GiB", llmagg_client_chat(client, "x", SIZE_MAX, NOTHING, &out, &err));
    CHECK_SAYS(LLMAGG_E_INVALID_ARGUMENT, "options is NULL", llmagg_client_chat(client, STR(HELLO), NULL, 5, &out, &err));
    CHECK_SAYS(LLMAGG_E_INVALID_ARGUMENT, "config is empty", llmagg_provider_new("", 0, &provider, &err));
    OK(llmagg_manager_new(&manager, &err));
    CHECK_SAYS(LLMAGG_E_INVALID_ARGUMENT, "model is empty", llmagg_manager_client_by_model(manager, "", 0, &none, &err));
    CHECK_SAYS(LLMAGG_E_INVALID_ARGUMENT, "UTF-8", llmagg_manager_client_by_model(manager, "\xff", 1, &none, &err));
    CHECK_SAYS(LLMAGG_E_INVALID_ARGUMENT, "NUL", llmagg_manager_client_by_model(manager, "a\0b", 3, &none, &err));
    CHECK_STATUS(LLMAGG_E_MODEL_NOT_FOUND, llmagg_manager_client_by_model(manager, STR("nobody"), &none, &err));
    CHECK_STATUS(LLMAGG_E_PROVIDER_NOT_FOUND, llmagg_manager_client(manager, STR("nobody"), STR("x"), &none, &err));
    CHECK_STATUS(LLMAGG_E_PROVIDER_NOT_FOUND, llmagg_manager_unregister(manager, STR("nobody"), &err));
    llmagg_manager_free(manager);
}

/* A text whose length was forgotten is refused wherever it may be left out, and is never read: an empty slice may point anywhere. */
static void lengths_that_were_forgotten(void) {
#define FORGOTTEN(argument, call) CHECK_SAYS(LLMAGG_E_INVALID_ARGUMENT, "argument " argument " is empty; to leave it out, pass NULL and 0", call)
#define ANY (const char *)1, 0
    llmagg_manager *manager = NULL;
    llmagg_aggregator *aggregator = NULL;
    llmagg_wall *none = NULL;
    llmagg_buf out = {NULL, 0};
    llmagg_queue *queue = new_queue();
    uint64_t op = 0;
    OK(llmagg_manager_new(&manager, &err));
    FORGOTTEN("options", llmagg_aggregator_new(manager, "{\"models\":[\"m\"]}", 0, &aggregator, &err));
    FORGOTTEN("config", llmagg_manager_join(manager, ANY, &err));
    OK(llmagg_aggregator_new(manager, NOTHING, &aggregator, &err));
    FORGOTTEN("options", llmagg_client_chat(client, STR(HELLO), ANY, &out, &err));
    FORGOTTEN("options", llmagg_client_chat_submit(client, queue, STR(HELLO), ANY, 0, 0, &op, &err));
    FORGOTTEN("options", llmagg_routes_chat(&client, 1, STR(HELLO), ANY, &out, &err));
    FORGOTTEN("options", llmagg_routes_chat_submit(&client, 1, queue, STR(HELLO), ANY, 0, 0, &op, &err));
    FORGOTTEN("options", llmagg_routes_embed(&client, 1, STR(EMBED), ANY, &out, &err));
    FORGOTTEN("options", llmagg_routes_embed_submit(&client, 1, queue, STR(EMBED), ANY, 0, &op, &err));
    FORGOTTEN("options", llmagg_routes_rerank(&client, 1, STR(RERANK), ANY, &out, &err));
    FORGOTTEN("options", llmagg_routes_rerank_submit(&client, 1, queue, STR(RERANK), ANY, 0, &op, &err));
    FORGOTTEN("options", llmagg_aggregator_chat(aggregator, STR(HELLO), ANY, &out, &err));
    FORGOTTEN("options", llmagg_aggregator_chat_submit(aggregator, queue, STR(HELLO), ANY, 0, 0, &op, &err));
    FORGOTTEN("options", llmagg_aggregator_embed(aggregator, STR(EMBED), ANY, &out, &err));
    FORGOTTEN("options", llmagg_aggregator_embed_submit(aggregator, queue, STR(EMBED), ANY, 0, &op, &err));
    FORGOTTEN("options", llmagg_aggregator_rerank(aggregator, STR(RERANK), ANY, &out, &err));
    FORGOTTEN("options", llmagg_aggregator_rerank_submit(aggregator, queue, STR(RERANK), ANY, 0, &op, &err));
    FORGOTTEN("response", llmagg_custom_finish(1, "", 0, &err));
    FORGOTTEN("error", llmagg_custom_fail(1, ANY, &err));
    FORGOTTEN("name", llmagg_budget_set(ANY, STR("1"), &err));
    FORGOTTEN("limit", llmagg_budget_set(STR("b"), "1", 0, &err)); /* which would have removed the budget */
    FORGOTTEN("limits", llmagg_cache_set(STR("c"), ANY, &err));
    FORGOTTEN("value", llmagg_cache_answer(1, ANY, &err));
    FORGOTTEN("script", llmagg_wall_start(ANY, &none, &err));
    CHECK(op == 0 && out.ptr == NULL && none == NULL);
    CHECK_STATUS(LLMAGG_E_TIMEOUT, llmagg_queue_wait(queue, 0, &err)); /* none of them began anything */
    llmagg_queue_free(queue);
    llmagg_aggregator_free(aggregator);
    llmagg_manager_free(manager);
}

static void options(void) {
    static const struct {
        const char *options, *says;
    } rows[] = {
        {"{\"dead_line\":1}", "deadline"},         {"{\"deadline\":-1}", "deadline"},
        {"{\"timeout\":\"x\"}", "timeout"},        {"{\"on_interrupt\":\"wait\"}", "on_interrupt"},
        {"{\"headers\":{\"a\":1}}", "headers"},    {"{\"headers\":{\"a\":\"x\\r\\nb: y\"}}", "0x0d"},
        {"{\"window\":-3}", "window"},             {"{", "JSON"},
        {"{\"max_retries\":1.5}", "max_retries"},
    };
    llmagg_buf out = {NULL, 0};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        CHECK_SAYS(LLMAGG_E_INVALID_ARGUMENT, rows[i].says, llmagg_client_chat(client, STR(HELLO), STR(rows[i].options), &out, &err));
    llmagg_queue *queue = new_queue();
    uint64_t op = 0;
    CHECK_SAYS(LLMAGG_E_INVALID_ARGUMENT, "flags", llmagg_client_chat_submit(client, queue, STR(HELLO), NOTHING, 6, 0, &op, &err));
    CHECK_SAYS(LLMAGG_E_INVALID_ARGUMENT, "flags", llmagg_client_chat_submit(client, queue, STR(HELLO), NOTHING, 8, 0, &op, &err));
    llmagg_queue_free(queue);
}

static void configurations(void) {
    static const struct {
        const char *config, *says;
    } rows[] = {
        {"{\"openai\":{\"models\":{\"m\":{}}}}", "api_key"},
        {"{\"openai\":{\"models\":{\"m\":{\"api_key\":\"sk-secret\",\"base_url\":\"api.example.com\"}}}}", "base_url"},
        {"{\"openai\":{\"models\":{\"m\":{\"api_key\":\"sk-secret\",\"base_url\":\"ftp://example.com\"}}}}", "base_url"},
        {"{\"openai\":{\"models\":{\"m\":{\"api_key\":\"sk-secret\",\"base_url\":\"http://me:pw@example.com\"}}}}", "base_url"},
        {"{\"openai\":{\"models\":{\"m\":{\"api_key\":\"sk-secret\",\"timeout\":-1}}}}", "timeout"},
        {"{\"openai\":{\"models\":{\"m\":{\"api_key\":\"sk-secret\",\"max_concurrent_calls\":0}}}}", "max_concurrent_calls"},
        {"{\"openai\":{\"models\":{\"m\":{\"api_key\":\"sk-secret\",\"time_out\":1}}}}", "timeout"},
        {"{\"openai\":{\"models\":{\"m\":{\"api_key\":\"sk-secret\\r\\nx: y\"}}}}", "api_key"},
        {"{\"openai\":{\"models\":{\"m\":{\"api_key\":\"${LLMAGG_NO_SUCH_VARIABLE}\"}}}}", "LLMAGG_NO_SUCH_VARIABLE"},
        {"{\"nobody\":{\"models\":{\"m\":{\"api_key\":\"sk-secret\"}}}}", "deepseek"},
        {"{\"openai\":{}}", "models"},
        {"{\"openai\":{\"models\":{}}}", "models"},
        {"{}", "expected one"},
        {"{\"openai\":", "JSON"},
    };
    llmagg_provider *provider = NULL;
    llmagg_manager *manager = NULL;
    llmagg_aggregator *aggregator = NULL;
    llmagg_buf out = {NULL, 0};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        llmagg_error *error = NULL;
        CHECK_SAYS(LLMAGG_E_INVALID_ARGUMENT, rows[i].says, llmagg_provider_new(STR(rows[i].config), &provider, &err));
        llmagg_provider_new(STR(rows[i].config), &provider, &error);
        CHECK(!has(llmagg_error_json(error, NULL), "sk-secret")); /* keys are never repeated */
        llmagg_error_free(error);
    }
    CHECK(provider == NULL);
    OK(llmagg_manager_new(&manager, &err));
    OK(llmagg_aggregator_new(manager, NOTHING, &aggregator, &err));
    CHECK_STATUS(LLMAGG_E_NOT_INITIALIZED, llmagg_aggregator_chat(aggregator, STR(HELLO), NOTHING, &out, &err));
    CHECK_STATUS(LLMAGG_E_INVALID_ARGUMENT, llmagg_aggregator_initialize(aggregator, STR("[1]"), &err));
    CHECK_STATUS(LLMAGG_E_NOT_INITIALIZED, llmagg_aggregator_chat(aggregator, STR(HELLO), NOTHING, &out, &err));
    OK(llmagg_aggregator_initialize(aggregator, STR(config_for(wall, "openai", "gpt-a", "")), &err));
    OK(llmagg_aggregator_chat(aggregator, STR(HELLO), NOTHING, &out, &err));
    llmagg_buf_free(&out);
    llmagg_aggregator_free(aggregator);
    llmagg_manager_free(manager);
}

static void aggregator_options(void) {
    llmagg_manager *manager = NULL;
    llmagg_aggregator *aggregator = NULL;
    OK(llmagg_manager_new(&manager, &err));
    CHECK_SAYS(LLMAGG_E_INVALID_ARGUMENT, "models", llmagg_aggregator_new(manager, STR("{\"models\":\"gpt\"}"), &aggregator, &err));
    CHECK_SAYS(LLMAGG_E_INVALID_ARGUMENT, "timeout", llmagg_aggregator_new(manager, STR("{\"timeot\":3}"), &aggregator, &err));
    CHECK_SAYS(LLMAGG_E_INVALID_ARGUMENT, "an object such as {\"models\": [", llmagg_aggregator_new(manager, STR("[]"), &aggregator, &err));
    CHECK_SAYS(LLMAGG_E_INVALID_ARGUMENT, "an object such as {\"models\": [", llmagg_aggregator_new(manager, STR("gpt"), &aggregator, &err));
    CHECK_SAYS(LLMAGG_E_INVALID_ARGUMENT, "\"openai\" is a provider of a configuration",
               llmagg_aggregator_new(manager, STR("{\"openai\":{\"models\":{\"gpt\":{}}}}"), &aggregator, &err));
    CHECK_SAYS(LLMAGG_E_INVALID_ARGUMENT, "UTF-8", llmagg_aggregator_new(manager, STR("{\"session\":\"\xff\"}"), &aggregator, &err));
    llmagg_manager_free(manager);
    CHECK_STATUS(LLMAGG_E_INVALID_HANDLE, llmagg_aggregator_new(manager, NOTHING, &aggregator, &err));
}

static void ten_megabytes_and_deep_nesting(void) {
    size_t size = 10 << 20;
    char *request = malloc(size + 100);
    llmagg_buf out = {NULL, 0};
    int n = sprintf(request, "{\"messages\":[{\"role\":\"user\",\"content\":\"");
    memset(request + n, 'a', size);
    strcpy(request + n + size, "\"}]}");
    OK(llmagg_client_chat(client, STR(request), NOTHING, &out, &err));
    llmagg_buf_free(&out);
    n = sprintf(request, "{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"metadata\":{\"a\":");
    memset(request + n, '[', 1000);
    memset(request + n + 1000, ']', 1000);
    strcpy(request + n + 2000, "}}");
    CHECK_SAYS(LLMAGG_E_INVALID_ARGUMENT, "deep", llmagg_client_chat(client, STR(request), NOTHING, &out, &err));
    free(request);
    still_usable();
}

static void unknown_names_in_resolve(void) {
    const char *catalog = "[{\"provider\":\"p\",\"name\":\"a\",\"model\":\"up\"},{\"provider\":\"q\",\"name\":\"b\",\"model\":\"up\"}]";
    llmagg_buf out = {NULL, 0};
    CHECK_STATUS(LLMAGG_E_MODEL_NOT_FOUND, llmagg_resolve(STR(catalog), STR("[\"zzz\"]"), &out, &err));
    CHECK_STATUS(LLMAGG_E_NOT_INITIALIZED, llmagg_resolve(STR("[]"), STR("[]"), &out, &err));
    CHECK_STATUS(LLMAGG_E_INVALID_ARGUMENT, llmagg_resolve(STR("[]"), STR("{}"), &out, &err));
    CHECK_STATUS(LLMAGG_E_INVALID_ARGUMENT, llmagg_resolve(STR("[] x"), STR("[]"), &out, &err));
    OK(llmagg_resolve(STR(catalog), STR("[\"q/b\",\"up\"]"), &out, &err));
    CHECK(strcmp(out.ptr, "[1,0]") == 0);
    llmagg_buf_free(&out);
}

int main(void) {
    wall = wall_with("{}");
    client = client_for(wall, "gpt-a", ",\"timeout\":300") /* ten megabytes under valgrind */;
    RUN(requests);
    RUN(a_null_byte_is_data);
    RUN(texts_that_are_missing);
    RUN(lengths_that_were_forgotten);
    RUN(options);
    RUN(configurations);
    RUN(aggregator_options);
    RUN(ten_megabytes_and_deep_nesting);
    RUN(unknown_names_in_resolve);
    RUN(still_usable);
    llmagg_client_free(client);
    llmagg_wall_free(wall);
    return RESULT();
}
