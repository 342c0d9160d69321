/* What the C door reads and writes: commands on standard input, events on standard output, as ../../door_process.go describes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "door.h"

static pthread_mutex_t output = PTHREAD_MUTEX_INITIALIZER; /* guards stdout */

void die(const char *what) {
    fprintf(stderr, "c door: %s\n", what);
    exit(1);
}

void tell(unsigned long long id, const char *kind, const char *data, size_t len) {
    pthread_mutex_lock(&output);
    printf("%llu %s %zu\n", id, kind, len);
    fwrite(data, 1, len, stdout);
    putchar('\n');
    fflush(stdout);
    pthread_mutex_unlock(&output);
}

void tell_result(unsigned long long id, llmagg_status status, llmagg_buf *buf, llmagg_error *err) {
    if (status == LLMAGG_OK) {
        if (buf != NULL && buf->ptr != NULL)
            tell(id, "done", buf->ptr, buf->len);
        else
            tell(id, "done", "null", 4);
    } else {
        size_t len = 0;
        const char *json = llmagg_error_json(err, &len);
        if (err == NULL || llmagg_error_code(err) != status)
            die("a status without its error");
        tell(id, "error", json, len);
    }
    if (buf != NULL)
        llmagg_buf_free(buf);
    llmagg_error_free(err);
}

void tell_vectors(unsigned long long id, const char *result) {
    llmagg_vectors head;
    size_t len = 0;
    char *json;
    memcpy(&head, result, sizeof head);
    if ((json = malloc((size_t)(head.json_len + head.count * (4 + (uint64_t)head.dimensions * 32) + 64))) == NULL)
        die("no memory");
    len += (size_t)sprintf(json, "{\"embeddings\":[");
    for (uint64_t v = 0; v < head.count; v++) {
        for (uint64_t i = 0; i < head.dimensions; i++) {
            float x;
            memcpy(&x, result + head.offset + 4 * (v * head.dimensions + i), sizeof x);
            len += (size_t)sprintf(json + len, "%s%.17g", i > 0 ? "," : v > 0 ? ",[" : "[", (double)x);
        }
        json[len++] = ']';
    }
    len += (size_t)sprintf(json + len, "],%s", result + head.json_offset + 1);
    tell(id, "done", json, len);
    free(json);
}

int argument(const command *c, const char *name, char *value, size_t size) {
    char key[32];
    const char *at;
    size_t n = 0;
    snprintf(key, sizeof key, " %s=", name);
    if ((at = strstr(c->args, key)) == NULL)
        return 0;
    for (at += strlen(key); *at != '\0' && *at != ' ' && n + 1 < size; at++)
        value[n++] = *at;
    value[n] = '\0';
    return 1;
}

double number(const command *c, const char *name) {
    char value[64];
    return argument(c, name, value, sizeof value) ? strtod(value, NULL) : 0;
}

static char *text(size_t len) {
    char *s;
    if (len == 0)
        return NULL;
    if ((s = malloc(len + 1)) == NULL || fread(s, 1, len, stdin) != len)
        die("the input is cut short");
    s[len] = '\0';
    return s;
}

/* Reads a command; 0 at the end of the input. */
int read_command(command *c) {
    char line[1024], *end, *space;
    int used = 0;
    if (fgets(line, sizeof line, stdin) == NULL)
        return 0;
    memset(c, 0, sizeof *c);
    if ((end = strchr(line, '\n')) == NULL || sscanf(line, "%llu %15s %llu%n", &c->id, c->verb, &c->session, &used) != 3)
        die("a line is no command");
    *end = '\0';
    if ((space = strrchr(line, ' ')) == NULL)
        die("a command has no lengths");
    c->second_len = strtoul(space, NULL, 10);
    *space = '\0';
    if ((space = strrchr(line, ' ')) == NULL)
        die("a command has no lengths");
    c->first_len = strtoul(space, NULL, 10);
    *space = '\0';
    if (space > line + used)
        snprintf(c->args, sizeof c->args, "%s", line + used);
    c->first = text(c->first_len);
    c->second = text(c->second_len);
    return 1;
}

void free_texts(command *c) {
    free(c->first);
    free(c->second);
}

void sleep_s(double seconds) {
    struct timespec t;
    t.tv_sec = (time_t)seconds;
    t.tv_nsec = (long)((seconds - (double)t.tv_sec) * 1e9);
    nanosleep(&t, NULL);
}
