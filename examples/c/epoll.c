/* Three streamed answers at the same time in one thread, whose event loop (epoll) also has a descriptor of its own: a timer.
 *     OPENAI_API_KEY=... [OPENAI_BASE_URL=...] [OPENAI_MODEL=...] ./epoll */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "llmagg.h"

static void check(int failed, llmagg_error **error) { /* a pointer: the error is read when the call has set it */
    if (failed) exit((fprintf(stderr, "%s\n", error ? llmagg_error_message(*error) : "epoll failed"), 1));
}

int main(void) {
    const char *request = "{\"messages\":[{\"role\":\"user\",\"content\":\"Count to ten.\"}]}";
    const char *script = "{\"default\":{\"steps\":[{\"text_bytes\":200,\"chunks\":20,\"delay_event_s\":0.01}]}}";
    const char *key = getenv("OPENAI_API_KEY"), *base = getenv("OPENAI_BASE_URL"), *model = getenv("OPENAI_MODEL");
    char config[4096], buffer[65536];
    int fd = -1, loop = epoll_create1(EPOLL_CLOEXEC), timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC), running = 3, ticks = 0, chunks = 0;
    uint64_t op, expired;
    struct itimerspec each = {{0, 20000000}, {0, 20000000}}; /* 20 ms */
    struct epoll_event ready = {EPOLLIN, {.fd = timer}};
    llmagg_error *err = NULL;
    llmagg_client *client = NULL;
    llmagg_queue *queue = NULL;
    llmagg_wall *wall = NULL;
    llmagg_buf url = {NULL, 0};
    llmagg_event events[16];
    llmagg_drain drain = {sizeof drain, sizeof events[0], events, 16, buffer, sizeof buffer, 0, 0, 0, 0, 0};
    if (key == NULL) check(llmagg_wall_start(script, strlen(script), &wall, &err) || llmagg_wall_url(wall, &url, &err), &err);
    snprintf(config, sizeof config, "{\"provider\":\"openai\",\"name\":\"%s\",\"api_key\":\"%s\",\"base_url\":\"%s\"}",
             model ? model : "gpt-4o-mini", key ? key : "none", wall ? url.ptr : base ? base : "https://api.openai.com/v1");
    check(llmagg_client_new(config, strlen(config), &client, &err) || llmagg_queue_new(&queue, &err) || llmagg_queue_fd(queue, &fd, &err), &err);
    check(timerfd_settime(timer, 0, &each, NULL) || epoll_ctl(loop, EPOLL_CTL_ADD, timer, &ready), NULL);
    ready.data.fd = fd; /* readable while the queue has events */
    check(epoll_ctl(loop, EPOLL_CTL_ADD, fd, &ready), NULL);
    for (uint64_t tag = 1; tag <= 3; tag++)
        check(llmagg_client_chat_submit(client, queue, request, strlen(request), NULL, 0, LLMAGG_STREAM, tag, &op, &err), &err);
    while (running > 0 && epoll_wait(loop, &ready, 1, -1) >= 0) {
        if (ready.data.fd == timer) ticks += read(timer, &expired, sizeof expired) > 0;
        else check(llmagg_queue_drain(queue, &drain, &err), &err); /* at most 16; epoll says so if more are there */
        for (size_t i = 0; ready.data.fd == fd && i < drain.count; i++)
            if (events[i].type == LLMAGG_EVENT_CHUNK && ++chunks) llmagg_op_credit(events[i].op, 1, NULL); /* one more may come */
            else if (events[i].type == LLMAGG_EVENT_DONE || events[i].type == LLMAGG_EVENT_ERROR)
                printf("call %d %s\n", (int)events[i].tag, events[i].status ? events[i].payload : "is answered"), running--;
        check(drain.needed > sizeof buffer, NULL); /* a larger buffer is needed; no event is lost */
    }
    printf("%d chunks, and the timer went on: %s\n", chunks, ticks > 0 ? "yes" : "no");
    llmagg_queue_free(queue);
    llmagg_client_free(client);
    llmagg_wall_free(wall);
    llmagg_buf_free(&url);
    return close(timer) | close(loop);
}
