/* What authors do who have read only the header, and not all of it: texts with a wrong length or of another kind, handles of other kinds and
 * times, calls in another order. Each is told in words that lead on, and none ends the host. */
#include "host.h"

#include <sys/epoll.h>
#include <wchar.h>

NO_LEAK_CHECK

static llmagg_client *client;
static llmagg_queue *queue;
static llmagg_buf out;

static void begin(void) {
    load();
    client = healthy_client();
    MUST(FN(llmagg_queue_new)(&queue, NULL) == LLMAGG_OK);
}

static llmagg_error *error;

static llmagg_status ask_bytes(const char *text, size_t length) { return FN(llmagg_client_chat)(client, text, length, NULL, 0, &out, &error); }
static llmagg_status ask(const char *text) { return ask_bytes(text, strlen(text)); }
static llmagg_status ask_so(const char *options) { return FN(llmagg_client_chat)(client, STR(HELLO), STR(options), &out, &error); }

/* The call gives this status; its message has these words. */
#define TELLS(status_, words, call)                                                                                            \
    do {                                                                                                                       \
        error = NULL;                                                                                                          \
        llmagg_status status = (call);                                                                                         \
        if (status != (status_) || strstr(FN(llmagg_error_message)(error), words) == NULL) {                                   \
            dprintf(results, "# %s:%d: status %d: %s\n", __FILE__, __LINE__, (int)status, FN(llmagg_error_message)(error));    \
            _exit(1);                                                                                                          \
        }                                                                                                                      \
        FN(llmagg_error_free)(error);                                                                                          \
        FN(llmagg_buf_free)(&out);                                                                                             \
    } while (0)
#define REFUSED LLMAGG_E_INVALID_ARGUMENT
#define NO_HANDLE LLMAGG_E_INVALID_HANDLE

static void texts_of_the_wrong_length_or_kind(void) {
    static char array[200] = HELLO;
    static wchar_t wide[] = L"{\"messages\":[]}";
    begin();
    TELLS(REFUSED, "the length is that of the text without the NUL", ask_bytes(HELLO, sizeof HELLO));
    TELLS(REFUSED, "the length is that of the text without the NUL", ask_bytes(array, sizeof array));
    TELLS(REFUSED, "unexpected end of the JSON text", ask_bytes(HELLO, strlen(HELLO) - 1));
    TELLS(REFUSED, "is empty", ask_bytes(HELLO, 0));
    TELLS(REFUSED, "is NULL", ask_bytes(NULL, 0));
    TELLS(REFUSED, "longer than 1 GiB", ask_bytes(HELLO, (size_t)-1));
    TELLS(REFUSED, "the text is UTF-8", ask_bytes((char *)wide, sizeof wide - sizeof *wide));
    TELLS(REFUSED, "byte order mark", ask_bytes("\xef\xbb\xbf" HELLO, strlen(HELLO) + 3));
    TELLS(REFUSED, "UTF-8", ask_bytes("{\"messages\":\"\xfc\"}", 16));
    TELLS(REFUSED, "double ones", ask("{'messages':[]}"));
    TELLS(REFUSED, "JSON object", ask("hello"));
    TELLS(REFUSED, "control character", ask("{\"messages\":\"a\nb\"}"));
    TELLS(REFUSED, "deadline", ask_so("{\"deadline\":-1}"));
    TELLS(REFUSED, "timeout", ask_so("{\"tiemout\":1}"));
    TELLS(REFUSED, "call options", ask_so("30"));
    TELLS(REFUSED, "its length is not 0", FN(llmagg_client_chat)(client, STR(HELLO), NULL, 7, &out, &error));
    TELLS(REFUSED, "path of a file", FN(llmagg_config_check)(STR("config.json"), 0, &out, &error));
    TELLS(REFUSED, "\"provider\"", FN(llmagg_client_new)(STR("{\"openai\":{\"models\":{\"m\":{}}}}"), &client, &error));
    TELLS(REFUSED, "\"models\"", FN(llmagg_provider_new)(STR("{\"provider\":\"openai\"}"), (llmagg_provider **)&client, &error));
    chat(client);
}

static void handles_of_other_kinds_and_times(void) {
    llmagg_queue *kept;
    begin();
    kept = queue;
    TELLS(NO_HANDLE, "the handle of a client", FN(llmagg_queue_wait)((llmagg_queue *)(void *)client, 0, &error));
    TELLS(NO_HANDLE, "NULL handle", FN(llmagg_queue_wait)(NULL, 0, &error));
    TELLS(NO_HANDLE, "not a handle", FN(llmagg_queue_wait)((llmagg_queue *)(void *)&queue, 0, &error)); /* the address of the variable */
    TELLS(NO_HANDLE, "not a handle", FN(llmagg_queue_wait)((llmagg_queue *)(intptr_t)(int32_t)(intptr_t)queue, 0, &error)); /* an int held it */
    TELLS(NO_HANDLE, "not a handle", FN(llmagg_queue_wait)((llmagg_queue *)(intptr_t)-1, 0, &error));
    FN(llmagg_client_free)((llmagg_client *)(void *)queue); /* the wrong function: nothing is freed */
    TELLS(LLMAGG_E_TIMEOUT, "no event", FN(llmagg_queue_wait)(queue, 0, &error));
    FN(llmagg_queue_free)(queue);
    FN(llmagg_queue_free)(queue);
    TELLS(NO_HANDLE, "was freed", FN(llmagg_queue_wait)(kept, 0, &error));
    TELLS(NO_HANDLE, "was freed", FN(llmagg_log_to_queue)(0, kept, &error));
    uint64_t op = 0;
    TELLS(NO_HANDLE, "was freed", FN(llmagg_client_chat_submit)(client, kept, STR(HELLO), NULL, 0, 0, 0, &op, &error));
    FN(llmagg_client_free)(client);
    TELLS(NO_HANDLE, "was freed", ask(HELLO));
}

static void things_in_another_order(void) {
    llmagg_manager *manager = NULL;
    llmagg_aggregator *aggregator = NULL;
    begin();
    MUST(FN(llmagg_manager_new)(&manager, NULL) == LLMAGG_OK && FN(llmagg_aggregator_new)(manager, NULL, 0, &aggregator, NULL) == LLMAGG_OK);
    TELLS(LLMAGG_E_NOT_INITIALIZED, "initialize", FN(llmagg_aggregator_chat)(aggregator, STR(HELLO), NULL, 0, &out, &error));
    FN(llmagg_manager_free)(manager); /* before the aggregator */
    TELLS(LLMAGG_E_CLOSED, "closed", FN(llmagg_aggregator_initialize)(aggregator, STR("{\"p\":{\"models\":{\"m\":{\"base_url\":\"http://127.0.0.1:9\"}}}}"), &error));
    TELLS(NO_HANDLE, "was freed", FN(llmagg_manager_models)(manager, &out, &error));
    FN(llmagg_aggregator_free)(aggregator);
    FN(llmagg_manager_free)(manager);
    TELLS(LLMAGG_E_CANCELED, "no such custom call", FN(llmagg_custom_finish)(7, STR("{}"), &error));
    TELLS(LLMAGG_OK, "", FN(llmagg_op_cancel)(7, &error));
    TELLS(LLMAGG_OK, "", FN(llmagg_op_credit)(7, 1, &error));
    MUST(FN(llmagg_manager_default)(&manager, NULL) == LLMAGG_OK);
    FN(llmagg_manager_free)(manager); /* it is borrowed */
    TELLS(LLMAGG_OK, "", FN(llmagg_manager_models)(manager, &out, &error));
    chat(client);
}

static void queues_that_are_not_quite_understood(void) {
    llmagg_drain drain;
    llmagg_event event;
    char small[10];
    uint64_t op = 0;
    begin();
    memset(&drain, 0, sizeof drain);
    TELLS(REFUSED, "struct_size", FN(llmagg_queue_drain)(queue, &drain, &error));
    drain = (llmagg_drain){sizeof drain, 8, &event, 1, small, sizeof small, 0, 0, 0, 0, 0};
    TELLS(REFUSED, "event_size", FN(llmagg_queue_drain)(queue, &drain, &error));
    TELLS(REFUSED, "LLMAGG_STREAM", FN(llmagg_client_chat_submit)(client, queue, STR(HELLO), NULL, 0, LLMAGG_BATCH, 0, &op, &error));
    TELLS(REFUSED, "not a number", FN(llmagg_queue_wait)(queue, 0.0 / 0.0, &error));
    MUST(FN(llmagg_client_chat_submit)(client, queue, STR(HELLO), NULL, 0, 0, 0, &op, NULL) == LLMAGG_OK);
    TELLS(LLMAGG_OK, "", FN(llmagg_queue_wait)(queue, 10, &error));
    drain.event_size = sizeof event;
    for (int i = 0; i < 3; i++) { /* a buffer that is too small loses nothing */
        TELLS(LLMAGG_OK, "", FN(llmagg_queue_drain)(queue, &drain, &error));
        MUST(drain.count == 0 && drain.needed > sizeof small && drain.pending == 1);
    }
    FN(llmagg_queue_free)(queue); /* with what waits in it */
    chat(client);
}

static int asks_itself(const llmagg_event *event, void *user) {
    static const char short_call[] = "{\"deadline\":0.2,\"max_retries\":0}";
    if (event->type == LLMAGG_EVENT_CALL_CUSTOM) {
        TELLS(LLMAGG_E_TIMEOUT, "deadline", ask_so(short_call));
        FN(llmagg_custom_fail)(event->op, NULL, 0, NULL);
        TELLS(LLMAGG_E_CANCELED, "no such custom call", FN(llmagg_custom_fail)(event->op, NULL, 0, &error)); /* a second end */
        TELLS(LLMAGG_E_CANCELED, "no such custom call", FN(llmagg_custom_emit)(event->op, STR("{}"), NULL, &error));
    }
    return event->op == *(uint64_t *)user;
}

/* A provider's only reader calls that provider, and waits for itself. */
static void a_provider_that_asks_itself(void) {
    static const char config[] = "{\"provider\":\"p\",\"name\":\"m\",\"timeout\":5}";
    uint64_t op = 0;
    begin();
    MUST(FN(llmagg_client_new_custom)(STR(config), queue, 1, &client, NULL) == LLMAGG_OK);
    MUST(FN(llmagg_client_chat_submit)(client, queue, STR(HELLO), STR("{\"max_retries\":0}"), 0, 0, &op, NULL) == LLMAGG_OK);
    MUST(FN(llmagg_queue_run)(queue, asks_itself, &op, NULL) == LLMAGG_OK);
    FN(llmagg_queue_free)(queue);
    TELLS(LLMAGG_E_UNAVAILABLE, "queue of the custom provider was freed", ask_so("{\"max_retries\":0}"));
    MUST(FN(llmagg_client_new_custom)(STR(config), NULL, 1, &client, NULL) == LLMAGG_OK);
    TELLS(REFUSED, "without a queue", ask(HELLO));
}

/* The descriptor is told at its edges only, as in event loops that are made for speed. */
static void a_queue_that_is_watched_by_its_edges(void) {
    static llmagg_event events[16];
    static char bytes[65536];
    struct epoll_event what = {.events = EPOLLIN | EPOLLET}, happened;
    int fd = -1, ended = 0, loop = epoll_create1(0);
    begin();
    MUST(FN(llmagg_queue_fd)(queue, &fd, NULL) == LLMAGG_OK && epoll_ctl(loop, EPOLL_CTL_ADD, fd, &what) == 0);
    for (int i = 0; i < 200; i++) {
        uint64_t op = 0;
        MUST(FN(llmagg_client_chat_submit)(client, queue, STR(HELLO), NULL, 0, i % 2 == 0 ? LLMAGG_STREAM : 0, 0, &op, NULL) == LLMAGG_OK);
    }
    while (ended < 200) {
        llmagg_drain drain = {sizeof drain, sizeof *events, events, 16, bytes, sizeof bytes, 0, 0, 0, 0, 0};
        MUST(epoll_wait(loop, &happened, 1, 20000) == 1);
        do {
            MUST(FN(llmagg_queue_drain)(queue, &drain, NULL) == LLMAGG_OK);
            for (size_t i = 0; i < drain.count; i++)
                ended += events[i].type == LLMAGG_EVENT_DONE || events[i].type == LLMAGG_EVENT_ERROR;
        } while (drain.count > 0);
    }
}

int main(void) {
    results_apart();
    RUN(texts_of_the_wrong_length_or_kind);
    RUN(handles_of_other_kinds_and_times);
    RUN(things_in_another_order);
    RUN(queues_that_are_not_quite_understood);
    RUN(a_provider_that_asks_itself);
    RUN(a_queue_that_is_watched_by_its_edges);
    return failures != 0;
}
