/* A call as a trace: prints spans as OTLP/JSON, one for the call and one for each attempt, for a collector's /v1/traces. The library
 * links no exporter: the answer has the trail, and the host sends it. The scripted server fails once, so there is a failover. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "llmagg.h"

#define SCRIPT "{\"models\":{\"a\":{\"steps\":[{\"status\":503}]}}}"
#define ROUTE "{\"api_key\":\"none\",\"base_url\":\"%s\",\"max_retries\":1}"

static void check(llmagg_status status, llmagg_error **error) {
    if (status == LLMAGG_OK) return;
    fprintf(stderr, "%s\n", llmagg_error_message(*error));
    exit(1);
}

/* The number behind a key of an attempt's object; a program with a JSON library uses that. */
static double number(const char *object, const char *key) {
    const char *at = strstr(object, key);
    return at != NULL ? strtod(at + strlen(key), NULL) : 0;
}

static void span(const char *id, const char *parent, const char *name, int length, double start, double end) {
    printf("{\"traceId\":\"5b8efff798038103d269b633813fc60c\",\"spanId\":\"%s\",\"parentSpanId\":\"%s\",\"name\":\"%.*s\",\"kind\":3,"
           "\"startTimeUnixNano\":\"%.0f\",\"endTimeUnixNano\":\"%.0f\"", id, parent, length, name, start * 1e9, end * 1e9);
}

int main(void) {
    const char *request = "{\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}]}", *at, *host;
    char config[1024], id[17];
    double start = 0, end = 0;
    llmagg_error *err = NULL;
    llmagg_manager *manager = NULL;
    llmagg_aggregator *aggregator = NULL;
    llmagg_wall *wall = NULL;
    llmagg_buf url = {NULL, 0}, answer = {NULL, 0};

    check(llmagg_wall_start(SCRIPT, strlen(SCRIPT), &wall, &err), &err);
    check(llmagg_wall_url(wall, &url, &err), &err);
    snprintf(config, sizeof config, "{\"openai\":{\"models\":{\"a\":" ROUTE ",\"b\":" ROUTE "}}}", url.ptr, url.ptr);
    check(llmagg_manager_new(&manager, &err), &err);
    check(llmagg_aggregator_new(manager, NULL, 0, &aggregator, &err), &err);
    check(llmagg_aggregator_initialize(aggregator, config, strlen(config), &err), &err);
    check(llmagg_aggregator_chat(aggregator, request, strlen(request), NULL, 0, &answer, &err), &err); /* after a failure: llmagg_error_json */
    printf("{\"resourceSpans\":[{\"scopeSpans\":[{\"scope\":{\"name\":\"llmagg\"},\"spans\":[");
    for (at = strstr(answer.ptr, "{\"route\":\""); at != NULL; at = strstr(at + 1, "{\"route\":\"")) {
        start = start == 0 ? number(at, "\"start\":") : start;
        end = number(at, "\"start\":") + number(at, "\"duration\":");
        snprintf(id, sizeof id, "%016lx", (unsigned long)(at - answer.ptr));
        span(id, "eee19b7ec3c1b174", at + 10, (int)strcspn(at + 10, "\""), number(at, "\"start\":"), end);
        host = strstr(at, "\"server_address\":\"") + 18;
        printf(",\"attributes\":[{\"key\":\"server.address\",\"value\":{\"stringValue\":\"%.*s\"}},{\"key\":\"server.port\",\"value\":"
               "{\"intValue\":\"%.0f\"}}]},", (int)strcspn(host, "\""), host, number(at, "\"server_port\":"));
    }
    span("eee19b7ec3c1b174", "", "chat a", 6, start, end);
    puts("}]}]}]}");
    llmagg_buf_free(&answer), llmagg_buf_free(&url), llmagg_aggregator_free(aggregator), llmagg_manager_free(manager), llmagg_wall_free(wall);
    return 0;
}
