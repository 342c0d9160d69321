/* A call as a trace: prints spans as OTLP/JSON, one for the call and one for each attempt, for a collector's /v1/traces. A failure has
 * its code as the span's status. The library links no exporter: the answer has the trail, or else the error. An argument is a script
 * for the test server; without it the first route fails. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "llmagg.h"
#define SCRIPT "{\"models\":{\"a\":{\"steps\":[{\"status\":503}]}}}"
#define ROUTE "{\"api_key\":\"none\",\"base_url\":\"%s\",\"max_retries\":1}"

static void check(llmagg_status status, llmagg_error **error) {
    if (status != LLMAGG_OK) fprintf(stderr, "%s\n", llmagg_error_message(*error)), exit(1);
}

/* What stands behind a key of an attempt's object, "" without it; a program with a JSON library uses that. */
static const char *value(const char *object, const char *end, const char *key) {
    const char *at = strstr(object, key);
    return at != NULL && (end == NULL || at < end) ? at + strlen(key) : "";
}

static void span(const char *id, const char *parent, const char *name, double start, double end, const char *code) {
    int length = (int)strcspn(name, "\""), of_code = (int)strcspn(code, "\"");
    printf("{\"traceId\":\"5b8efff798038103d269b633813fc60c\",\"spanId\":\"%s\",\"parentSpanId\":\"%s\",\"name\":\"%.*s\",\"kind\":3,"
           "\"startTimeUnixNano\":\"%.0f\",\"endTimeUnixNano\":\"%.0f\",", id, parent, length, name, start * 1e9, end * 1e9);
    printf("\"status\":{\"code\":%d,\"message\":\"%.*s\"},\"attributes\":[{\"key\":\"gen_ai.operation.name\",\"value\":{\"stringValue\":"
           "\"chat\"}}", strncmp(code, "OK", 2) == 0 ? 1 : 2, of_code, code);
}

int main(int argc, char **argv) {
    const char *request = "{\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}]}", *script = argc > 1 ? argv[1] : SCRIPT;
    const char *trail, *at, *next, *host;
    char config[1024], id[17];
    double start = 0, begun, end = 0;
    llmagg_error *err = NULL;
    llmagg_manager *manager = NULL;
    llmagg_aggregator *agg = NULL;
    llmagg_wall *wall = NULL;
    llmagg_buf url = {NULL, 0}, answer = {NULL, 0};
    check(llmagg_wall_start(script, strlen(script), &wall, &err), &err), check(llmagg_wall_url(wall, &url, &err), &err);
    snprintf(config, sizeof config, "{\"openai\":{\"models\":{\"a\":" ROUTE ",\"b\":" ROUTE "}}}", url.ptr, url.ptr);
    check(llmagg_manager_new(&manager, &err), &err), check(llmagg_aggregator_new(manager, NULL, 0, &agg, &err), &err);
    check(llmagg_aggregator_initialize(agg, config, strlen(config), &err), &err);
    llmagg_status status = llmagg_aggregator_chat(agg, request, strlen(request), NULL, 0, &answer, &err);
    trail = status == LLMAGG_OK ? answer.ptr : llmagg_error_json(err, NULL);
    printf("{\"resourceSpans\":[{\"scopeSpans\":[{\"scope\":{\"name\":\"llmagg\"},\"spans\":[");
    for (at = strstr(trail, "{\"route\":\""); at != NULL; at = next) {
        next = strstr(at + 1, "{\"route\":\"");
        begun = atof(value(at, next, "\"start\":")), end = begun + atof(value(at, next, "\"duration\":"));
        start = start == 0 ? begun : start;
        snprintf(id, sizeof id, "%016lx", (unsigned long)(at - trail));
        span(id, "eee19b7ec3c1b174", at + 10, begun, end, value(at, next, "\"outcome\":\""));
        host = value(at, next, "\"server_address\":\"");
        printf(",{\"key\":\"server.address\",\"value\":{\"stringValue\":\"%.*s\"}},{\"key\":\"server.port\",\"value\":{\"intValue\":\"%d\"}}]},",
               (int)strcspn(host, "\""), host, atoi(value(at, next, "\"server_port\":")));
    }
    span("eee19b7ec3c1b174", "", "chat a", start, end, llmagg_status_name(status));
    puts("]}]}]}]}");
    llmagg_error_free(err), llmagg_buf_free(&answer), llmagg_buf_free(&url), llmagg_aggregator_free(agg), llmagg_manager_free(manager);
    return llmagg_wall_free(wall), 0;
}
