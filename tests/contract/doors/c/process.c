/* What concerns the whole process: observing, forking, handles that are none, and the environment. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "door.h"

static llmagg_queue *observations; /* NULL: nobody observes */

void observe(const command *c) {
    llmagg_error *err = NULL;
    llmagg_status status = llmagg_queue_new(&observations, &err);
    if (status == LLMAGG_OK)
        status = llmagg_observe_to_queue(observations, &err);
    tell_result(c->id, status, NULL, err);
}

/* Tells the observations so far as a list, and ends observing. */
void tell_observed(const command *c) {
    static llmagg_event events[64];
    static char buffer[1 << 16], list[1 << 20];
    llmagg_drain drain;
    size_t i, len = 1;
    memset(&drain, 0, sizeof drain);
    drain.struct_size = sizeof drain;
    drain.event_size = sizeof events[0];
    drain.events = events;
    drain.max_events = sizeof events / sizeof events[0];
    drain.buffer = buffer;
    drain.buffer_size = sizeof buffer;
    if (llmagg_observe_to_queue(observations, NULL) != LLMAGG_OK)
        die("the observations cannot be collected");
    list[0] = '[';
    do {
        if (llmagg_queue_drain(observations, &drain, NULL) != LLMAGG_OK || drain.needed > sizeof buffer)
            die("the observations cannot be drained");
        for (i = 0; i < drain.count; i++) {
            if (events[i].type != LLMAGG_EVENT_OBSERVE || len + events[i].payload_len + 2 > sizeof list)
                die("an observation that is none, or too many");
            if (len > 1)
                list[len++] = ',';
            memcpy(list + len, events[i].payload, events[i].payload_len);
            len += events[i].payload_len;
        }
    } while (drain.count > 0);
    list[len++] = ']';
    llmagg_observe_to_queue(NULL, NULL);
    llmagg_queue_free(observations);
    observations = NULL;
    tell(c->id, "done", list, len);
}

/* Uses a handle that is none: "null", "freed", "foreign" (no pointer of the library), "kind" (of another kind). */
void misuse(const command *c, session *s) {
    char what[16] = "";
    long foreign[8] = {0};
    llmagg_buf out = {NULL, 0};
    llmagg_error *err = NULL;
    llmagg_manager *freed = NULL;
    llmagg_status status;
    argument(c, "what", what, sizeof what);
    if (strcmp(what, "null") == 0) {
        status = llmagg_manager_report(NULL, &out, &err);
    } else if (strcmp(what, "freed") == 0) {
        if (llmagg_manager_new(&freed, NULL) != LLMAGG_OK)
            die("no manager");
        llmagg_manager_free(freed);
        llmagg_manager_free(freed);
        status = llmagg_manager_report(freed, &out, &err);
    } else if (strcmp(what, "foreign") == 0) {
        status = llmagg_manager_report((llmagg_manager *)(void *)foreign, &out, &err);
    } else {
        status = llmagg_aggregator_models((llmagg_aggregator *)(void *)s->manager, &out, &err);
    }
    tell_result(c->id, status, &out, err);
}

/* Uses the session in a forked child and tells what came of it there. */
void use_in_child(const command *c, session *s) {
    char text[4096];
    size_t len = 0;
    ssize_t n;
    int ends[2], state = 0;
    pid_t child = -1;
    if (pipe(ends) != 0 || (child = fork()) < 0)
        die("no child");
    if (child == 0) {
        llmagg_buf out = {NULL, 0};
        llmagg_error *err = NULL;
        llmagg_status status = llmagg_aggregator_models(s->aggregator, &out, &err);
        const char *json = llmagg_error_json(err, &len);
        int told = status == llmagg_error_code(err) && write(ends[1], json, len) == (ssize_t)len;
        llmagg_error_free(err);
        llmagg_aggregator_free(s->aggregator);
        _exit(told ? 0 : 1);
    }
    close(ends[1]);
    while (len < sizeof text && (n = read(ends[0], text + len, sizeof text - len)) > 0)
        len += (size_t)n;
    close(ends[0]);
    if (waitpid(child, &state, 0) != child || !WIFEXITED(state) || WEXITSTATUS(state) != 0)
        die("the forked child failed");
    tell(c->id, "error", text, len);
}

void set_variable(command *c) {
    char name[256], value[1024];
    int failed;
    if (!argument(c, "name", name, sizeof name))
        die("setenv without a name");
    failed = argument(c, "value", value, sizeof value) ? setenv(name, value, 1) : unsetenv(name);
    if (failed)
        die("setenv failed");
    tell_result(c->id, LLMAGG_OK, NULL, NULL);
}

void set_budget(command *c) {
    char what[100] = "";
    llmagg_error *err = NULL;
    argument(c, "what", what, sizeof what);
    llmagg_status status = llmagg_budget_set(*what ? what : NULL, strlen(what), c->first, c->first_len, &err);
    tell_result(c->id, status, NULL, err);
}

/* Accepts answers with a yes in them. */
void judge_answer(const llmagg_event *event) {
    const char *says = strstr(event->payload, "yes") != NULL ? "{\"accept\":true}" : "{\"accept\":false,\"reason\":\"there is no yes in it\"}";
    llmagg_accept_answer(event->op, says, strlen(says), NULL);
}
