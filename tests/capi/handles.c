/* Handles: whatever is passed as one, the answer is INVALID_HANDLE, and never a crash or another object. */
#include "check.h"

static void null_handles(void) {
    llmagg_buf buf = {NULL, 0};
    uint64_t op = 0;
    llmagg_client *client = NULL;
    CHECK_SAYS(LLMAGG_E_INVALID_HANDLE, "NULL handle", llmagg_manager_models(NULL, &buf, &err));
    CHECK_STATUS(LLMAGG_E_INVALID_HANDLE, llmagg_manager_register(NULL, NULL, &err));
    CHECK_STATUS(LLMAGG_E_INVALID_HANDLE, llmagg_provider_models(NULL, &buf, &err));
    CHECK_STATUS(LLMAGG_E_INVALID_HANDLE, llmagg_client_chat(NULL, STR(HELLO), NOTHING, &buf, &err));
    CHECK_STATUS(LLMAGG_E_INVALID_HANDLE, llmagg_client_chat_submit(NULL, NULL, STR(HELLO), NOTHING, 0, 0, &op, &err));
    CHECK_STATUS(LLMAGG_E_INVALID_HANDLE, llmagg_aggregator_chat(NULL, STR(HELLO), NOTHING, &buf, &err));
    CHECK_STATUS(LLMAGG_E_INVALID_HANDLE, llmagg_queue_wait(NULL, 0, &err));
    CHECK_STATUS(LLMAGG_E_INVALID_HANDLE, llmagg_wall_url(NULL, &buf, &err));
    CHECK_STATUS(LLMAGG_E_INVALID_HANDLE, llmagg_routes_chat(&client, 1, STR(HELLO), NOTHING, &buf, &err));
    CHECK(buf.ptr == NULL && op == 0); /* outputs are written only on success */
    llmagg_manager_free(NULL);
    llmagg_provider_free(NULL);
    llmagg_client_free(NULL);
    llmagg_aggregator_free(NULL);
    llmagg_queue_free(NULL);
    llmagg_wall_free(NULL);
    llmagg_error_free(NULL);
    llmagg_buf_free(NULL);
}

static void foreign_handles(void) {
    llmagg_buf buf = {NULL, 0};
    int here = 0;
    void *block = malloc(64);
    /* Small numbers, addresses inside Go's heap, odd ones, real memory of others: none is ever read. */
    void *foreign[] = {(void *)1, (void *)4095, (void *)0xc000000000, (void *)0xc000000008, (void *)(uintptr_t)-1, &here, block, stdout};
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        CHECK_SAYS(LLMAGG_E_INVALID_HANDLE, "no handle of this library", llmagg_manager_models(foreign[i], &buf, &err));
        CHECK_STATUS(LLMAGG_E_INVALID_HANDLE, llmagg_aggregator_chat(foreign[i], STR(HELLO), NOTHING, &buf, &err));
        CHECK_STATUS(LLMAGG_E_INVALID_HANDLE, llmagg_queue_stop(foreign[i], &err));
        llmagg_manager_free(foreign[i]);
        llmagg_client_free(foreign[i]);
        llmagg_queue_free(foreign[i]);
        llmagg_wall_free(foreign[i]);
    }
    free(block);
}

static void wrong_kinds(void) {
    llmagg_manager *manager = NULL;
    llmagg_queue *queue = new_queue();
    llmagg_buf buf = {NULL, 0};
    OK(llmagg_manager_new(&manager, &err));
    CHECK_SAYS(LLMAGG_E_INVALID_HANDLE, "queue", llmagg_manager_models((llmagg_manager *)queue, &buf, &err));
    CHECK_SAYS(LLMAGG_E_INVALID_HANDLE, "manager", llmagg_queue_stop((llmagg_queue *)manager, &err));
    CHECK_STATUS(LLMAGG_E_INVALID_HANDLE, llmagg_client_info((llmagg_client *)manager, &buf, &err));
    CHECK_STATUS(LLMAGG_E_INVALID_HANDLE, llmagg_manager_register(manager, (llmagg_provider *)manager, &err));
    llmagg_queue_free((llmagg_queue *)manager); /* ignored */
    llmagg_client_free((llmagg_client *)manager);
    OK(llmagg_manager_models(manager, &buf, &err));
    CHECK(strcmp(buf.ptr, "{}") == 0);
    llmagg_buf_free(&buf);
    llmagg_manager_free(manager);
    llmagg_queue_free(queue);
}

static void stale_handles(void) {
    llmagg_buf buf = {NULL, 0};
    llmagg_manager *manager = NULL;
    llmagg_manager *stale[500];
    for (int i = 0; i < 500; i++) {
        OK(llmagg_manager_new(&stale[i], &err));
        llmagg_manager_free(stale[i]);
        CHECK_SAYS(LLMAGG_E_INVALID_HANDLE, "freed", llmagg_manager_models(stale[i], &buf, &err));
    }
    OK(llmagg_manager_new(&manager, &err));
    for (int i = 0; i < 500; i++) {
        CHECK(stale[i] != manager);
        CHECK_STATUS(LLMAGG_E_INVALID_HANDLE, llmagg_manager_models(stale[i], &buf, &err));
        llmagg_manager_free(stale[i]); /* the second time: ignored */
    }
    OK(llmagg_manager_models(manager, &buf, &err));
    llmagg_buf_free(&buf);
    llmagg_manager_free(manager);
}

static void null_outputs_and_errors(void) {
    llmagg_manager *manager = NULL;
    llmagg_queue *queue = new_queue();
    OK(llmagg_manager_new(&manager, &err));
    CHECK_SAYS(LLMAGG_E_INVALID_ARGUMENT, "out", llmagg_manager_new(NULL, &err));
    CHECK_SAYS(LLMAGG_E_INVALID_ARGUMENT, "out", llmagg_manager_models(manager, NULL, &err));
    CHECK_SAYS(LLMAGG_E_INVALID_ARGUMENT, "op", llmagg_manager_health_submit(manager, queue, 0, NULL, &err));
    CHECK_SAYS(LLMAGG_E_INVALID_ARGUMENT, "drain", llmagg_queue_drain(queue, NULL, &err));
    CHECK_SAYS(LLMAGG_E_INVALID_ARGUMENT, "fn", llmagg_queue_run(queue, NULL, NULL, &err));
    CHECK_SAYS(LLMAGG_E_INVALID_ARGUMENT, "fd", llmagg_queue_fd(queue, NULL, &err));
    CHECK(llmagg_manager_models(NULL, NULL, NULL) == LLMAGG_E_INVALID_HANDLE); /* no error wanted */
    CHECK(llmagg_manager_client_by_model(manager, STR("x"), NULL, NULL) == LLMAGG_E_INVALID_ARGUMENT);
    llmagg_manager_free(manager);
    llmagg_queue_free(queue);
}

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
    RUN(null_handles);
    RUN(foreign_handles);
    RUN(wrong_kinds);
    RUN(stale_handles);
    RUN(null_outputs_and_errors);
    RUN(buffers_and_errors_free_well);
    RUN(names_of_codes);
    RUN(the_default_manager);
    return RESULT();
}
