/* Buffers, errors, names of codes, and the handle that is borrowed. What is no handle: functions.c. */
#include "check.h"

static void buffers_and_errors_free_well(void) {
    llmagg_buf buf = {NULL, 0};
    llmagg_error *error = NULL;
    llmagg_manager *manager = NULL;
    size_t len = 0;
    OK(llmagg_manager_new(&manager, &err));
    OK(llmagg_manager_providers(manager, &buf, &err));
    CHECK(strcmp(buf.ptr, "[]") == 0 && buf.len == 2);
    llmagg_buf_free(&buf);
    CHECK(buf.ptr == NULL && buf.len == 0);
    llmagg_buf_free(&buf);
    CHECK(llmagg_error_code(NULL) == LLMAGG_OK && strcmp(llmagg_error_message(NULL), "") == 0);
    CHECK(strcmp(llmagg_error_json(NULL, &len), "{}") == 0 && len == 2);
    CHECK(llmagg_manager_client_by_model(manager, STR("nobody"), (llmagg_client **)&buf.ptr, &error) == LLMAGG_E_MODEL_NOT_FOUND);
    CHECK(strlen(llmagg_error_json(error, &len)) == len && has(llmagg_error_json(error, NULL), "\"code\":-11"));
    CHECK(has(llmagg_error_message(error), "nobody") && buf.ptr == NULL);
    CHECK(!has(llmagg_error_message(error), "MODEL_NOT_FOUND")); /* llmagg_error_code tells */
    llmagg_error_free(error);
    llmagg_manager_free(manager);
}

static void names_of_codes(void) {
    CHECK(strcmp(llmagg_status_name(LLMAGG_OK), "OK") == 0);
    CHECK(strcmp(llmagg_status_name(LLMAGG_E_STREAM_INTERRUPTED), "STREAM_INTERRUPTED") == 0);
    CHECK(strcmp(llmagg_status_name(-40), "CANCELED") == 0);
    CHECK(strcmp(llmagg_status_name(-999), "UNKNOWN") == 0);
    CHECK(llmagg_abi_version() == LLMAGG_ABI_VERSION && strcmp(llmagg_version(), LLMAGG_VERSION) == 0);
}

static void the_default_manager(void) {
    llmagg_manager *first = NULL, *second = NULL;
    llmagg_buf buf = {NULL, 0};
    OK(llmagg_manager_default(&first, &err));
    OK(llmagg_manager_default(&second, &err));
    CHECK(first == second);
    llmagg_manager_free(first); /* borrowed: nothing happens */
    OK(llmagg_manager_models(first, &buf, &err));
    llmagg_buf_free(&buf);
    OK(llmagg_manager_close(first, 1, &err));
    CHECK_STATUS(LLMAGG_E_CLOSED, llmagg_manager_models(first, &buf, &err));
    OK(llmagg_manager_default(&second, &err));
    CHECK(first != second);
    OK(llmagg_manager_models(second, &buf, &err));
    llmagg_buf_free(&buf);
}

int main(void) {
    RUN(buffers_and_errors_free_well);
    RUN(names_of_codes);
    RUN(the_default_manager);
    return RESULT();
}
