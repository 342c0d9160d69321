/* Blocking calls through every layer: chat, failover with its trail, errors, health, report, the environment. */
#define _GNU_SOURCE
#include <pthread.h>

#include "check.h"

static void a_chat_through_every_layer(void) {
    llmagg_wall *wall = wall_with("{}");
    llmagg_manager *manager = NULL;
    llmagg_provider *provider = NULL;
    llmagg_client *client = NULL, *same = NULL;
    llmagg_aggregator *aggregator = NULL;
    llmagg_buf out = {NULL, 0};
    OK(llmagg_manager_new(&manager, &err));
    OK(llmagg_provider_new(STR(config_for(wall, "openai", "gpt-a", ",\"model\":\"gpt-a-2026\"")), &provider, &err));
    OK(llmagg_provider_initialize(provider, &err));
    OK(llmagg_provider_models(provider, &out, &err));
    CHECK(strcmp(out.ptr, "[\"gpt-a\"]") == 0);
    llmagg_buf_free(&out);
    OK(llmagg_manager_register(manager, provider, &err));
    llmagg_provider_free(provider); /* the manager keeps it */
    OK(llmagg_manager_providers(manager, &out, &err));
    CHECK(strcmp(out.ptr, "[\"openai\"]") == 0);
    llmagg_buf_free(&out);
    OK(llmagg_manager_models(manager, &out, &err));
    CHECK(strcmp(out.ptr, "{\"openai\":[\"gpt-a\"]}") == 0);
    llmagg_buf_free(&out);
    OK(llmagg_manager_client(manager, STR("openai"), STR("gpt-a"), &client, &err));
    OK(llmagg_manager_client_by_model(manager, STR("gpt-a-2026"), &same, &err));
    OK(llmagg_client_chat(same, STR(HELLO), NOTHING, &out, &err));
    CHECK(has(out.ptr, "Hello from gpt-a-2026.") && has(out.ptr, "\"attempts\":[{\"route\":\"openai/gpt-a\""));
    CHECK(out.ptr[out.len] == '\0' && strlen(out.ptr) == out.len);
    llmagg_buf_free(&out);
    OK(llmagg_client_info(client, &out, &err));
    CHECK(has(out.ptr, "\"name\":\"gpt-a\"") && has(out.ptr, "\"model\":\"gpt-a-2026\"") && !has(out.ptr, "sk-secret"));
    llmagg_buf_free(&out);
    OK(llmagg_aggregator_new(manager, NOTHING, &aggregator, &err));
    OK(llmagg_aggregator_models(aggregator, &out, &err));
    CHECK(strcmp(out.ptr, "[\"gpt-a\"]") == 0);
    llmagg_buf_free(&out);
    OK(llmagg_aggregator_chat(aggregator, STR(HELLO), NOTHING, &out, &err));
    CHECK(has(out.ptr, "Hello from gpt-a-2026."));
    llmagg_buf_free(&out);
    OK(llmagg_manager_health(manager, &out, &err));
    CHECK(strcmp(out.ptr, "{\"openai\":{\"gpt-a\":true}}") == 0);
    llmagg_buf_free(&out);
    OK(llmagg_aggregator_health(aggregator, &out, &err));
    CHECK(strcmp(out.ptr, "{\"openai\":{\"gpt-a\":true}}") == 0);
    llmagg_buf_free(&out);
    OK(llmagg_manager_report(manager, &out, &err));
    CHECK(has(out.ptr, "\"circuit\":\"closed\"") && has(out.ptr, "last_success") && has(out.ptr, "\"totals\":{\"since\""));
    llmagg_buf_free(&out);
    OK(llmagg_aggregator_chat(aggregator, STR(HELLO), NOTHING, &out, &err));
    llmagg_buf_free(&out);
    OK(llmagg_manager_metrics(manager, &out, &err));
    CHECK(has(out.ptr, "# TYPE llmagg_attempts_total counter\n"));
    CHECK(has(out.ptr, "\nllmagg_attempts_total{provider=\"openai\",model=\"gpt-a\",outcome=\"OK\"} 1\n"));
    llmagg_buf_free(&out);
    OK(llmagg_client_report(client, &out, &err));
    CHECK(has(out.ptr, "\"usable\":true"));
    llmagg_buf_free(&out);
    llmagg_aggregator_free(aggregator);
    llmagg_client_free(client);
    llmagg_client_free(same);
    llmagg_manager_free(manager);
    llmagg_wall_free(wall);
}

static void failover_with_its_trail(void) {
    llmagg_wall *wall = wall_with("{\"models\":{\"bad\":{\"steps\":[{\"status\":401}]},\"good\":{\"steps\":[{\"text\":\"here I am\"}]}}}");
    llmagg_client *routes[2] = {client_for(wall, "bad", ""), client_for(wall, "good", "")};
    llmagg_buf out = {NULL, 0};
    OK(llmagg_routes_chat(routes, 2, STR(HELLO), NOTHING, &out, &err));
    CHECK(has(out.ptr, "here I am") && has(out.ptr, "AUTHENTICATION") && count(out.ptr, "\"route\"") == 2);
    llmagg_buf_free(&out);
    CHECK_SAYS(LLMAGG_E_INVALID_ARGUMENT, "count", llmagg_routes_chat(routes, 0, STR(HELLO), NOTHING, &out, &err));
    CHECK_SAYS(LLMAGG_E_INVALID_ARGUMENT, "count", llmagg_routes_chat(routes, 1001, STR(HELLO), NOTHING, &out, &err));
    OK(llmagg_client_set_available(routes[1], 0, &err));
    CHECK_SAYS(LLMAGG_E_ALL_FAILED, "", llmagg_routes_chat(routes, 2, STR(HELLO), NOTHING, &out, &err));
    OK(llmagg_client_set_available(routes[1], 1, &err));
    llmagg_client_free(routes[0]);
    CHECK_STATUS(LLMAGG_E_INVALID_HANDLE, llmagg_routes_chat(routes, 2, STR(HELLO), NOTHING, &out, &err));
    llmagg_client_free(routes[1]);
    llmagg_wall_free(wall);
}

static void errors_carry_what_the_server_said(void) {
    llmagg_wall *wall = wall_with("{\"default\":{\"steps\":[{\"status\":429,\"headers\":{\"Retry-After\":\"30\"}}]}}");
    llmagg_client *client = client_for(wall, "m", "");
    llmagg_buf out = {NULL, 0};
    llmagg_error *error = NULL;
    CHECK(llmagg_client_chat(client, STR(HELLO), STR("{\"deadline\":2}"), &out, &error) == LLMAGG_E_RATE_LIMIT);
    const char *json = llmagg_error_json(error, NULL);
    CHECK(has(json, "\"status\":429") && has(json, "\"retry_after\":30") && has(json, "\"request_id\":\"req-wall-1\"") &&
          has(json, "\"attempts\":[") && has(json, "\"provider\":\"openai\"") && !has(json, "sk-secret"));
    llmagg_error_free(error);
    llmagg_client_free(client);
    llmagg_wall_free(wall);
}

static void a_deadline_ends_a_call(void) {
    llmagg_wall *wall = wall_with("{\"default\":{\"steps\":[{\"delay_headers_s\":20}]}}");
    llmagg_client *client = client_for(wall, "m", "");
    llmagg_buf out = {NULL, 0};
    double begun = seconds();
    CHECK_STATUS(LLMAGG_E_TIMEOUT, llmagg_client_chat(client, STR(HELLO), STR("{\"deadline\":0.2}"), &out, &err));
    CHECK(seconds() - begun < 2 * slow());
    llmagg_client_free(client);
    llmagg_wall_free(wall);
}

static void options_reach_the_server(void) {
    llmagg_wall *wall = wall_with("{}");
    llmagg_client *client = client_for(wall, "m", "");
    llmagg_buf out = {NULL, 0};
    OK(llmagg_client_chat(client, STR(HELLO), STR("{\"headers\":{\"X-Team\":\"blue\"},\"bare\":true}"), &out, &err));
    llmagg_buf_free(&out);
    OK(llmagg_wall_seen(wall, &out, &err));
    CHECK(has(out.ptr, "\"x-team\":\"blue\"") && has(out.ptr, "Bearer sk-secret"));
    llmagg_buf_free(&out);
    llmagg_client_free(client);
    llmagg_wall_free(wall);
}

static void the_environment_is_read_when_needed(void) {
    llmagg_wall *wall = wall_with("{\"require_key\":\"sk-from-the-environment\"}");
    char config[512];
    llmagg_client *client = NULL;
    llmagg_buf out = {NULL, 0};
    snprintf(config, sizeof config,
             "{\"provider\":\"openai\",\"name\":\"m\",\"api_key\":\"${LLMAGG_TEST_KEY}\",\"base_url\":\"%s\"}", wall_url(wall));
    CHECK_SAYS(LLMAGG_E_INVALID_ARGUMENT, "LLMAGG_TEST_KEY", llmagg_client_new(STR(config), &client, &err));
    setenv("LLMAGG_TEST_KEY", "sk-from-the-environment", 1); /* after the library was loaded */
    OK(llmagg_client_new(STR(config), &client, &err));
    OK(llmagg_client_chat(client, STR(HELLO), NOTHING, &out, &err));
    llmagg_buf_free(&out);
    llmagg_client_free(client);
    llmagg_wall_free(wall);
}

/* SSL_CERT_FILE counts as the host has set it, for clients that are made then. A handshake under valgrind may need more than
 * the 5 s of connect_timeout. */
static void certificates_of_the_environment(void) {
    static const char patient[] = ",\"max_retries\":1,\"connect_timeout\":60";
    char file[] = "/tmp/llmagg-authority-XXXXXX", script[128];
    int fd = mkstemp(file);
    CHECK(fd >= 0 && close(fd) == 0);
    snprintf(script, sizeof script, "{\"options\":{\"tls\":true,\"ca_file\":\"%s\"}}", file);
    llmagg_wall *wall = wall_with(script);
    llmagg_buf out = {NULL, 0};
    llmagg_client *client = client_for(wall, "m", patient);
    CHECK_SAYS(LLMAGG_E_UNAVAILABLE, "SSL_CERT_FILE", llmagg_client_chat(client, STR(HELLO), NOTHING, &out, &err));
    llmagg_client_free(client);
    setenv("SSL_CERT_FILE", file, 1);
    client = client_for(wall, "m", patient);
    OK(llmagg_client_chat(client, STR(HELLO), NOTHING, &out, &err));
    llmagg_buf_free(&out);
    llmagg_client_free(client);
    unsetenv("SSL_CERT_FILE");
    llmagg_wall_free(wall);
    unlink(file);
}

static void replacing_and_taking_out_a_provider(void) {
    llmagg_wall *wall = wall_with("{}");
    llmagg_manager *manager = NULL;
    llmagg_provider *first = NULL, *second = NULL;
    llmagg_client *old = NULL;
    llmagg_buf out = {NULL, 0};
    OK(llmagg_manager_new(&manager, &err));
    OK(llmagg_provider_new(STR(config_for(wall, "openai", "one", "")), &first, &err));
    OK(llmagg_provider_new(STR(config_for(wall, "openai", "two", "")), &second, &err));
    OK(llmagg_manager_register(manager, first, &err));
    OK(llmagg_manager_client_by_model(manager, STR("one"), &old, &err));
    OK(llmagg_manager_register(manager, second, &err));
    CHECK_STATUS(LLMAGG_E_CLOSED, llmagg_client_chat(old, STR(HELLO), NOTHING, &out, &err)); /* nothing was in flight: closed */
    OK(llmagg_manager_models(manager, &out, &err));
    CHECK(strcmp(out.ptr, "{\"openai\":[\"two\"]}") == 0);
    llmagg_buf_free(&out);
    OK(llmagg_manager_unregister(manager, STR("openai"), &err));
    OK(llmagg_provider_models(second, &out, &err)); /* its handle keeps it open */
    CHECK(strcmp(out.ptr, "[\"two\"]") == 0);
    llmagg_buf_free(&out);
    llmagg_client_free(old);
    llmagg_provider_free(first);
    llmagg_provider_free(second);
    llmagg_manager_free(manager);
    llmagg_wall_free(wall);
}

static llmagg_client *shared;

static void *many_calls(void *failures) {
    for (int i = 0; i < 50; i++) {
        llmagg_buf out = {NULL, 0};
        if (llmagg_client_chat(shared, STR(HELLO), NOTHING, &out, NULL) != LLMAGG_OK) __atomic_fetch_add((int *)failures, 1, __ATOMIC_RELAXED);
        llmagg_buf_free(&out);
    }
    return NULL;
}

static void one_client_from_many_threads(void) {
    llmagg_wall *wall = wall_with("{}");
    pthread_t threads[16];
    int failures = 0;
    shared = client_for(wall, "m", ",\"max_concurrent_calls\":8");
    for (int i = 0; i < 16; i++) pthread_create(&threads[i], NULL, many_calls, &failures);
    for (int i = 0; i < 16; i++) pthread_join(threads[i], NULL);
    CHECK(failures == 0);
    llmagg_client_free(shared);
    llmagg_wall_free(wall);
}

int main(void) {
    RUN(a_chat_through_every_layer);
    RUN(failover_with_its_trail);
    RUN(errors_carry_what_the_server_said);
    RUN(a_deadline_ends_a_call);
    RUN(options_reach_the_server);
    RUN(the_environment_is_read_when_needed);
    RUN(certificates_of_the_environment);
    RUN(replacing_and_taking_out_a_provider);
    RUN(one_client_from_many_threads);
    return RESULT();
}
