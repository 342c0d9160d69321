/* Sessions: a manager and an aggregator each. The command thread alone uses this. */
#include <stdlib.h>
#include <string.h>

#include "door.h"

static session *sessions;

session *find_session(unsigned long long id) {
    session *s;
    for (s = sessions; s != NULL; s = s->next)
        if (s->id == id)
            return s;
    die("no such session");
    return NULL;
}

llmagg_client *route_of(const session *s, const char *route, llmagg_error **err) {
    const char *slash = strchr(route, '/');
    llmagg_client *client = NULL;
    if (slash == NULL)
        die("a route without a slash");
    llmagg_manager_client(s->manager, route, (size_t)(slash - route), slash + 1, strlen(slash + 1), &client, err);
    return client;
}

session *make_session(unsigned long long id) {
    session *s;
    for (s = sessions; s != NULL; s = s->next)
        if (s->id == id)
            return s;
    if ((s = calloc(1, sizeof *s)) == NULL || llmagg_manager_new(&s->manager, NULL) != LLMAGG_OK)
        die("no session");
    s->id = id;
    s->next = sessions;
    sessions = s;
    return s;
}

static void free_session(session *s) {
    session **at;
    llmagg_aggregator_free(s->aggregator);
    llmagg_manager_free(s->manager);
    forget_custom(s);
    for (at = &sessions; *at != s; at = &(*at)->next) {
    }
    *at = s->next;
    free(s);
}

void open_session(command *c) {
    session *s = make_session(c->session);
    llmagg_error *err = NULL;
    llmagg_status status = llmagg_aggregator_new(s->manager, c->second, c->second_len, &s->aggregator, &err);
    if (status == LLMAGG_OK)
        status = llmagg_aggregator_initialize(s->aggregator, c->first, c->first_len, &err);
    if (status != LLMAGG_OK)
        free_session(s);
    tell_result(c->id, status, NULL, err);
}

void close_session(command *c) {
    session *s = find_session(c->session);
    llmagg_error *err = NULL;
    llmagg_status status = llmagg_aggregator_close(s->aggregator, 10, &err);
    if (status == LLMAGG_OK)
        status = llmagg_manager_close(s->manager, 10, &err);
    free_session(s);
    tell_result(c->id, status, NULL, err);
}

int any_session(void) {
    return sessions != NULL;
}
