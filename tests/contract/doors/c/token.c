/* Tokens as an application gives them: a name lists what its function gives, one after another, the last one again and again; "fail:why"
 * is a failure. The thread that reads the queue uses this. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "door.h"

typedef struct function {
    char name[128];
    int asked;
    struct function *next;
} function;

static function *functions;

static function *find(const char *name, size_t len) {
    function *f;
    for (f = functions; f != NULL; f = f->next)
        if (strlen(f->name) == len && strncmp(f->name, name, len) == 0)
            return f;
    if ((f = calloc(1, sizeof *f)) == NULL || len >= sizeof f->name)
        die("no place for a function");
    memcpy(f->name, name, len);
    f->next = functions;
    functions = f;
    return f;
}

void on_token(const llmagg_event *e) {
    const char *name = strstr(e->payload, "\"name\":\""), *at, *comma;
    char text[256];
    function *f;
    size_t len;
    int n;
    if (name == NULL)
        die("a question for a token without its name");
    name += 8;
    f = find(name, strcspn(name, "\""));
    at = f->name;
    for (n = f->asked++; n > 0 && (comma = strchr(at, ',')) != NULL; n--)
        at = comma + 1;
    len = strcspn(at, ",");
    if (strncmp(at, "fail:", 5) == 0)
        n = snprintf(text, sizeof text, "{\"error\":\"%.*s\"}", (int)len - 5, at + 5);
    else
        n = snprintf(text, sizeof text, "{\"token\":\"%.*s\",\"expires\":4102444800}", (int)len, at);
    llmagg_token_answer(e->op, text, (size_t)n, NULL);
}

void forget_functions(void) {
    while (functions != NULL) {
        function *f = functions;
        functions = f->next;
        free(f);
    }
}
