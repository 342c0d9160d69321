/* A streamed answer, read with backpressure: at most 8 chunks are under way, and each that was printed allows one more.
 *     OPENAI_API_KEY=... [OPENAI_BASE_URL=...] [OPENAI_MODEL=...] ./stream */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "llmagg.h"

static int check(llmagg_status status, llmagg_error **error) {
    if (status == LLMAGG_OK) return 1;
    fprintf(stderr, "%s\n", llmagg_error_message(*error));
    exit(1);
}

static int on_event(const llmagg_event *event, void *chunks) {
    switch (event->type) {
    case LLMAGG_EVENT_CHUNK:
        printf("%s\n", event->payload);
        ++*(int *)chunks;
        llmagg_op_credit(event->op, 1, NULL);
        return 0;
    case LLMAGG_EVENT_RESTART:
        printf("another route begins the answer again: %s\n", event->payload);
        return 0;
    case LLMAGG_EVENT_ERROR:
        fprintf(stderr, "%s: %s\n", llmagg_status_name(event->status), event->payload);
        exit(1);
    default: /* DONE: the whole response */
        printf("%d chunks, the whole: %s\n", *(int *)chunks, event->payload);
        return 1;
    }
}

int main(void) {
    const char *request = "{\"messages\":[{\"role\":\"user\",\"content\":\"Count to twenty.\"}]}", *options = "{\"window\":8}";
    const char *script = "{\"default\":{\"steps\":[{\"text_bytes\":400,\"chunks\":40,\"delay_event_s\":0.005}]}}";
    const char *key = getenv("OPENAI_API_KEY"), *base = getenv("OPENAI_BASE_URL"), *model = getenv("OPENAI_MODEL");
    char config[4096];
    int chunks = 0;
    uint64_t op = 0;
    llmagg_error *err = NULL;
    llmagg_client *client = NULL;
    llmagg_queue *queue = NULL;
    llmagg_wall *wall = NULL;
    llmagg_buf url = {NULL, 0};
    if (key == NULL && check(llmagg_wall_start(script, strlen(script), &wall, &err), &err))
        check(llmagg_wall_url(wall, &url, &err), &err);
    snprintf(config, sizeof config, "{\"provider\":\"openai\",\"name\":\"%s\",\"api_key\":\"%s\",\"base_url\":\"%s\"}",
             model != NULL ? model : "gpt-4o-mini", key != NULL ? key : "none", wall != NULL ? url.ptr : base != NULL ? base : "");
    check(llmagg_client_new(config, strlen(config), &client, &err), &err);
    check(llmagg_queue_new(&queue, &err), &err);
    check(llmagg_client_chat_submit(client, queue, request, strlen(request), options, strlen(options), LLMAGG_STREAM, 0, &op, &err), &err);
    check(llmagg_queue_run(queue, on_event, &chunks, &err), &err);
    llmagg_queue_free(queue);
    llmagg_client_free(client);
    llmagg_wall_free(wall);
    llmagg_buf_free(&url);
    return 0;
}
