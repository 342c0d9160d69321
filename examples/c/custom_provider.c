/* A provider written in C: "shout" answers by itself, through the same failover, breakers and limits as any other. The first
 * attempt fails on purpose, so that the trail of the answer shows a retry. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "llmagg.h"

static int check(llmagg_status status, llmagg_error **error) {
    if (status == LLMAGG_OK) return 1;
    fprintf(stderr, "%s\n", llmagg_error_message(*error));
    exit(1);
}

static void answer(uint64_t call, int attempt) {
    const char *busy = "{\"name\":\"UNAVAILABLE\",\"message\":\"still waking up\"}";
    const char *words[] = {"HELLO ", "FROM ", "C"};
    if (attempt == 1) {
        llmagg_custom_fail(call, busy, strlen(busy), NULL);
        return;
    }
    for (int i = 0; i < 3; i++) {
        char chunk[256];
        snprintf(chunk, sizeof chunk, "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"%s\"}}]}", words[i]);
        llmagg_custom_emit(call, chunk, strlen(chunk), NULL, NULL);
    }
    llmagg_custom_finish(call, NULL, 0, NULL);
}

static int on_event(const llmagg_event *event, void *attempts) {
    switch (event->type) {
    case LLMAGG_EVENT_CALL_CUSTOM: /* payload: {"provider", "name", "stream": true, "request": {...}} */
        answer(event->op, ++*(int *)attempts);
        return 0;
    case LLMAGG_EVENT_CHUNK: printf("chunk %s\n", event->payload); return 0;
    case LLMAGG_EVENT_DONE: printf("done  %s\n", event->payload); return 1;
    case LLMAGG_EVENT_ERROR: fprintf(stderr, "%s\n", event->payload); exit(1);
    default: return 0;
    }
}

int main(void) {
    const char *config = "{\"mine\":{\"models\":{\"shout\":{\"max_retries\":2,\"retry\":{\"backoff_s\":0.01}}}}}";
    const char *request = "{\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]}";
    llmagg_error *err = NULL;
    llmagg_provider *provider = NULL;
    llmagg_client *client = NULL;
    llmagg_queue *queue = NULL;
    uint64_t op = 0;
    int attempts = 0;
    check(llmagg_queue_new(&queue, &err), &err);
    check(llmagg_provider_new_custom(config, strlen(config), NULL, 0, &provider, &err), &err); /* NULL: the caller's queue */
    check(llmagg_provider_client(provider, "shout", 5, &client, &err), &err);
    check(llmagg_client_chat_submit(client, queue, request, strlen(request), NULL, 0, LLMAGG_STREAM, 0, &op, &err), &err);
    check(llmagg_queue_run(queue, on_event, &attempts, &err), &err);
    llmagg_client_free(client);
    llmagg_provider_free(provider);
    llmagg_queue_free(queue);
    return 0;
}
