/* Errors and buffers: plain C memory, usable without the Go runtime, so also in a forked child. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shim.h"

struct llmagg_error {
    llmagg_status code;
    size_t message_len;
    size_t json_len;
    char text[]; /* the message, NUL, the JSON, NUL */
};

char *shim_bytes(size_t size) { return malloc(size); }

llmagg_error *shim_error_new(llmagg_status code, const char *message, size_t message_len, const char *json, size_t json_len) {
    llmagg_error *error = malloc(sizeof(*error) + message_len + json_len + 2);
    if (error == NULL) return NULL;
    error->code = code;
    error->message_len = message_len;
    error->json_len = json_len;
    char *to = error->text;
    if (message_len > 0) memcpy(to, message, message_len);
    to[message_len] = '\0';
    to += message_len + 1;
    if (json_len > 0) memcpy(to, json, json_len);
    to[json_len] = '\0';
    return error;
}

llmagg_status shim_fail(llmagg_status code, const char *message, llmagg_error **err) {
    char json[1024];
    if (err == NULL) return code;
    int n = snprintf(json, sizeof json, "{\"code\":%d,\"name\":\"%s\",\"message\":\"%s\",\"text\":\"%s\"}", (int)code,
                     llmagg_status_name(code), message, message);
    if (n < 0 || (size_t)n >= sizeof json) n = 0;
    *err = shim_error_new(code, message, strlen(message), json, (size_t)n);
    return code;
}

#define MAX_TEXT ((size_t)1 << 30)

llmagg_status shim_check_text(const char *what, int given, size_t len, int optional, llmagg_error **err) {
    char text[160];
    const char *is;
    if (!given && len == 0 && optional) return LLMAGG_OK;
    if (!given)
        is = optional ? "NULL, but its length is not 0" : "NULL";
    else if (len == 0)
        is = optional ? "empty; to leave it out, pass NULL and 0" : "empty";
    else if (len > MAX_TEXT)
        is = "longer than 1 GiB";
    else
        return LLMAGG_OK;
    int object = !optional && (strcmp(what, "request") == 0 || strcmp(what, "config") == 0) && len <= MAX_TEXT;
    snprintf(text, sizeof text, "argument %s is %s%s", what, is, object ? "; expected the text of a JSON object" : "");
    return shim_fail(LLMAGG_E_INVALID_ARGUMENT, text, err);
}

llmagg_status shim_fail_forked(llmagg_error **err) {
    if (shim_absent() != NULL) return shim_fail(LLMAGG_E_INTERNAL, shim_absent(), err);
    return shim_fail(LLMAGG_E_FORKED, "this process was forked after the library was loaded; use it in the parent, or load it only in the child",
                     err);
}

llmagg_status llmagg_error_code(const llmagg_error *error) { return error == NULL ? LLMAGG_OK : error->code; }

const char *llmagg_error_message(const llmagg_error *error) { return error == NULL ? "" : error->text; }

const char *llmagg_error_json(const llmagg_error *error, size_t *len) {
    if (len != NULL) *len = error == NULL ? 2 : error->json_len;
    return error == NULL ? "{}" : error->text + error->message_len + 1;
}

void llmagg_error_free(llmagg_error *error) { free(error); }

void llmagg_buf_free(llmagg_buf *buf) {
    if (buf == NULL) return;
    free(buf->ptr);
    buf->ptr = NULL;
    buf->len = 0;
}

uint32_t llmagg_abi_version(void) { return LLMAGG_ABI_VERSION; }

const char *llmagg_version(void) { return LLMAGG_VERSION; }

const char *llmagg_status_name(llmagg_status status) {
    switch (status) {
    case LLMAGG_OK: return "OK";
    case LLMAGG_E_INVALID_ARGUMENT: return "INVALID_ARGUMENT";
    case LLMAGG_E_INVALID_HANDLE: return "INVALID_HANDLE";
    case LLMAGG_E_CLOSED: return "CLOSED";
    case LLMAGG_E_INTERNAL: return "INTERNAL";
    case LLMAGG_E_FORKED: return "FORKED";
    case LLMAGG_E_NOT_INITIALIZED: return "NOT_INITIALIZED";
    case LLMAGG_E_PROVIDER_NOT_FOUND: return "PROVIDER_NOT_FOUND";
    case LLMAGG_E_MODEL_NOT_FOUND: return "MODEL_NOT_FOUND";
    case LLMAGG_E_AUTHENTICATION: return "AUTHENTICATION";
    case LLMAGG_E_QUOTA: return "QUOTA";
    case LLMAGG_E_RATE_LIMIT: return "RATE_LIMIT";
    case LLMAGG_E_BAD_REQUEST: return "BAD_REQUEST";
    case LLMAGG_E_CONTEXT_LENGTH: return "CONTEXT_LENGTH";
    case LLMAGG_E_CONTENT_FILTER: return "CONTENT_FILTER";
    case LLMAGG_E_TIMEOUT: return "TIMEOUT";
    case LLMAGG_E_UNAVAILABLE: return "UNAVAILABLE";
    case LLMAGG_E_BAD_RESPONSE: return "BAD_RESPONSE";
    case LLMAGG_E_STREAM_INTERRUPTED: return "STREAM_INTERRUPTED";
    case LLMAGG_E_CIRCUIT_OPEN: return "CIRCUIT_OPEN";
    case LLMAGG_E_OVERLOADED: return "OVERLOADED";
    case LLMAGG_E_ALL_FAILED: return "ALL_FAILED";
    case LLMAGG_E_UNSUPPORTED: return "UNSUPPORTED";
    case LLMAGG_E_CANCELED: return "CANCELED";
    default: return "UNKNOWN";
    }
}
