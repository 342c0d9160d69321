/* Prints everything that the C library lets a program see: see ../printed_test.go. The configuration comes on standard input, the
 * routes to ask as arguments. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "llmagg.h"

static void show(const char *what, llmagg_status status, llmagg_buf *buf, llmagg_error *err) {
    printf("%s: %s %.*s\n", what, llmagg_status_name(status), buf != NULL && buf->ptr != NULL ? (int)buf->len : 0,
           buf != NULL && buf->ptr != NULL ? buf->ptr : "");
    if (buf != NULL) llmagg_buf_free(buf);
    if (err == NULL) return;
    size_t n = 0;
    printf("%s\n", llmagg_error_message(err));
    printf("%s\n", llmagg_error_json(err, &n));
    llmagg_error_free(err);
}

static int waiting; /* operations */

static int on_event(const llmagg_event *e, void *user) {
    (void)user;
    printf("event %d: %.*s\n", (int)e->type, (int)e->payload_len, e->payload);
    if (e->type == LLMAGG_EVENT_DONE || e->type == LLMAGG_EVENT_ERROR) waiting--;
    return waiting == 0;
}

int main(int argc, char **argv) {
    static char config[1 << 16], request[1 << 12];
    size_t n = fread(config, 1, sizeof config - 1, stdin);
    llmagg_manager *manager = NULL;
    llmagg_aggregator *aggregator = NULL;
    llmagg_queue *queue = NULL;
    llmagg_error *err = NULL;
    llmagg_buf buf = {NULL, 0};

    if (llmagg_queue_new(&queue, NULL) || llmagg_log_to_queue(LLMAGG_LOG_DEBUG, queue, NULL) ||
        llmagg_observe_to_queue(queue, NULL) || llmagg_manager_new(&manager, NULL) ||
        llmagg_aggregator_new(manager, NULL, 0, &aggregator, NULL))
        return 2;
    show("initialize", llmagg_aggregator_initialize(aggregator, config, n, &err), NULL, err);
    for (int i = 1; i < argc; i++) {
        int length = snprintf(request, sizeof request, "{\"model\":\"%s\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}", argv[i]);
        err = NULL;
        llmagg_status status = llmagg_aggregator_chat(aggregator, request, (size_t)length, NULL, 0, &buf, &err);
        show("chat", status, &buf, err);
        err = NULL;
        if (llmagg_aggregator_chat_submit(aggregator, queue, request, (size_t)length, NULL, 0, LLMAGG_STREAM, 0, NULL, &err) == LLMAGG_OK)
            waiting++;
        else
            show("submit", LLMAGG_E_INTERNAL, NULL, err);
        llmagg_client *client = NULL;
        const char *slash = strchr(argv[i], '/');
        err = NULL;
        if (llmagg_manager_client(manager, argv[i], (size_t)(slash - argv[i]), slash + 1, strlen(slash + 1), &client, &err) == LLMAGG_OK) {
            llmagg_status told = llmagg_client_info(client, &buf, &err);
            show("info", told, &buf, err);
            llmagg_client_free(client);
        }
    }
    if (waiting > 0 && llmagg_queue_run(queue, on_event, NULL, NULL)) return 3;
    err = NULL;
    llmagg_status status = llmagg_aggregator_health(aggregator, &buf, &err);
    show("health", status, &buf, err);
    err = NULL;
    status = llmagg_manager_report(manager, &buf, &err);
    show("report", status, &buf, err);
    err = NULL;
    show("bad", llmagg_aggregator_initialize(aggregator, config, n - 1, &err), NULL, err);
    llmagg_aggregator_free(aggregator);
    llmagg_manager_free(manager);
    llmagg_observe_to_queue(NULL, NULL);
    waiting = -1; /* what is left is printed, until nothing is */
    for (llmagg_event events[64]; llmagg_queue_wait(queue, 0.2, NULL) == LLMAGG_OK;) {
        static char payloads[1 << 20];
        llmagg_drain drain = {sizeof drain, sizeof events[0], events, 64, payloads, sizeof payloads, 0, 0, 0, 0, 0};
        if (llmagg_queue_drain(queue, &drain, NULL) || drain.count == 0) return 4;
        for (size_t i = 0; i < drain.count; i++) on_event(&events[i], NULL);
    }
    llmagg_queue_free(queue);
    puts("done");
    return 0;
}
