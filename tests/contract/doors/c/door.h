/* What the parts of the C door share. speech.c reads commands and writes events, door.c makes calls, session.c opens and closes what they
 * are made on, custom.c and token.c answer as an application does, process.c observes, forks, misuses handles and sets the environment. */
#ifndef DOOR_H
#define DOOR_H

#include <pthread.h>
#include <stddef.h>

#include "llmagg.h"

typedef struct session {
    unsigned long long id;
    llmagg_manager *manager;
    llmagg_aggregator *aggregator; /* NULL until it is opened */
    struct session *next;
} session;

/* A command as it was read. first and second are NUL-terminated, and NULL when empty. */
typedef struct command {
    unsigned long long id, session;
    char verb[16];
    char args[512];
    char *first, *second;
    size_t first_len, second_len;
} command;

extern llmagg_queue *queue; /* where the events of all calls arrive */

/* speech.c */
void die(const char *what);
void tell(unsigned long long id, const char *kind, const char *data, size_t len);
/* Tells a terminal event of a function that has returned, and frees what it gave. */
void tell_result(unsigned long long id, llmagg_status status, llmagg_buf *buf, llmagg_error *err);
/* Tells a llmagg_vectors, which need not be aligned, as JSON. */
void tell_vectors(unsigned long long id, const char *result);
/* The value of an argument, copied to value; 0 when it was not given. */
int argument(const command *c, const char *name, char *value, size_t size);
double number(const command *c, const char *name);
/* Reads the next command; 0 at the end of the input. free_texts frees its first and second. */
int read_command(command *c);
void free_texts(command *c);
void sleep_s(double seconds);

/* door.c */
/* Runs a function that ends with "return end_thread()". */
void begin_thread(void *(*run)(void *), void *argument_of_run);
void *end_thread(void);

/* session.c */
/* The session of this number, which is there. */
session *find_session(unsigned long long id);
/* The session of this number, which is made if there is none. */
session *make_session(unsigned long long id);
int any_session(void);
/* A new handle of the route in "route"; NULL and the error if there is none. */
llmagg_client *route_of(const session *s, const char *route, llmagg_error **err);
void open_session(command *c);
void close_session(command *c);

/* custom.c */
void provide(const command *c, session *s);
void tell_asked(const command *c, const session *s);
void forget_custom(const session *s);
/* Takes CALL_CUSTOM, CANCEL_CUSTOM and RESUME_CUSTOM. */
void on_custom(const llmagg_event *e);

/* token.c */
/* Takes TOKEN. */
void on_token(const llmagg_event *e);
void forget_functions(void);

/* process.c */
/* Sets a variable of the environment, or unsets it. */
void set_variable(command *c);
void set_budget(command *c);
void judge_answer(const llmagg_event *e);
void observe(const command *c);
void tell_observed(const command *c);
void misuse(const command *c, session *s);
void use_in_child(const command *c, session *s);

#endif
