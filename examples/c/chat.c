/* One chat over the routes of a configuration. Asks OpenAI, or any server that speaks like it:
 *     OPENAI_API_KEY=... [OPENAI_BASE_URL=...] [OPENAI_MODEL=...] ./chat
 * Without a key it starts the library's own scripted server, and says so. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "llmagg.h"

static void check(llmagg_status status, llmagg_error **error) {
    if (status == LLMAGG_OK) return;
    fprintf(stderr, "%s\n", llmagg_error_message(*error));
    llmagg_error_free(*error);
    exit(1);
}

static const char *env(const char *name, const char *otherwise) {
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0' ? value : otherwise;
}

int main(void) {
    const char *request = "{\"messages\":[{\"role\":\"user\",\"content\":\"Say hello in one sentence.\"}]}";
    const char *key = getenv("OPENAI_API_KEY"), *model = env("OPENAI_MODEL", "gpt-4o-mini");
    char config[4096];
    llmagg_error *err = NULL;
    llmagg_manager *manager = NULL;
    llmagg_aggregator *aggregator = NULL;
    llmagg_wall *wall = NULL;
    llmagg_buf url = {NULL, 0}, answer = {NULL, 0};

    if (key == NULL) {
        check(llmagg_wall_start(NULL, 0, &wall, &err), &err);
        check(llmagg_wall_url(wall, &url, &err), &err);
        printf("OPENAI_API_KEY is not set: asking the scripted server at %s\n", url.ptr);
    }
    snprintf(config, sizeof config, "{\"openai\":{\"models\":{\"%s\":{\"api_key\":\"%s\",\"base_url\":\"%s\"}}}}", model,
             key != NULL ? "${OPENAI_API_KEY}" : "none", wall != NULL ? url.ptr : env("OPENAI_BASE_URL", ""));

    check(llmagg_manager_new(&manager, &err), &err);
    check(llmagg_aggregator_new(manager, NULL, 0, &aggregator, &err), &err);
    check(llmagg_aggregator_initialize(aggregator, config, strlen(config), &err), &err);
    check(llmagg_aggregator_chat(aggregator, request, strlen(request), NULL, 0, &answer, &err), &err);
    puts(answer.ptr);

    llmagg_buf_free(&answer);
    llmagg_buf_free(&url);
    llmagg_aggregator_free(aggregator);
    llmagg_manager_free(manager);
    llmagg_wall_free(wall);
    return 0;
}
