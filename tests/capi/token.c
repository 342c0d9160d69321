/* Tokens that the application gives through a queue: once for all calls, again after a refusal, and never shown. */
#include <pthread.h>

#include "check.h"

#define WITH_TOKEN(name) ",\"auth\":{\"type\":\"function\",\"name\":\"" name "\"},\"max_retries\":1"

static llmagg_client *client_with(llmagg_wall *wall, const char *model, const char *extra) {
    char config[1024];
    llmagg_client *client = NULL;
    snprintf(config, sizeof config, "{\"provider\":\"p\",\"name\":\"%s\",\"base_url\":\"%s\"%s}", model, wall_url(wall), extra);
    llmagg_client_new(config, strlen(config), &client, NULL); /* NULL after a failure, which the calls tell */
    return client;
}

/* An application that answers each question with the next of its answers. */
typedef struct application {
    llmagg_queue *queue;
    const char *answers[4];
    int asked;
    char name[64];
} application;

static int answer(const llmagg_event *event, void *user) {
    application *a = user;
    const char *text = a->answers[a->asked];
    if (event->type != LLMAGG_EVENT_TOKEN) return 0;
    snprintf(a->name, sizeof a->name, "%s", event->payload);
    if (a->answers[a->asked + 1] != NULL) a->asked++;
    llmagg_token_answer(event->op, text, strlen(text), NULL);
    return 0;
}

static void *run_application(void *user) {
    application *a = user;
    llmagg_queue_run(a->queue, answer, a, NULL);
    return NULL;
}

static void a_token_is_asked_for_once_and_again_after_a_refusal(void) {
    llmagg_wall *wall = wall_with("{\"require_key\":\"token-2\"}");
    llmagg_client *one = client_with(wall, "a", WITH_TOKEN("vault")), *two = client_with(wall, "b", WITH_TOKEN("vault"));
    application a = {new_queue(), {"{\"token\":\"token-1\"}", "{\"token\":\"token-2\",\"expires\":4102444800}", "{\"error\":\"asked too often\"}", NULL}, 0, ""};
    llmagg_buf out = {NULL, 0};
    pthread_t thread;
    OK(llmagg_token_to_queue(a.queue, &err));
    CHECK(pthread_create(&thread, NULL, run_application, &a) == 0);
    for (int i = 0; i < 3; i++) {
        OK(llmagg_client_chat(one, STR(HELLO), NOTHING, &out, &err));
        llmagg_buf_free(&out);
        OK(llmagg_client_chat(two, STR(HELLO), NOTHING, &out, &err));
        llmagg_buf_free(&out);
    }
    OK(llmagg_queue_stop(a.queue, &err));
    pthread_join(thread, NULL);
    CHECK(a.asked == 2 && strcmp(a.name, "{\"name\":\"vault\"}") == 0);
    OK(llmagg_token_to_queue(NULL, &err));
    llmagg_client_free(one);
    llmagg_client_free(two);
    llmagg_queue_free(a.queue);
    llmagg_wall_free(wall);
}

static void what_goes_wrong_is_said(void) {
    llmagg_wall *wall = wall_with("{\"default\":{\"steps\":[{\"status\":400,\"body\":{\"error\":{\"message\":\"secret-token is odd\"}}}]}}");
    llmagg_client *nobody = client_with(wall, "m", WITH_TOKEN("nobody")), *fails = client_with(wall, "m", WITH_TOKEN("fails"));
    llmagg_client *shown = client_with(wall, "m", WITH_TOKEN("shown")), *freed = client_with(wall, "m", WITH_TOKEN("freed"));
    llmagg_queue *queue = new_queue();
    llmagg_buf out = {NULL, 0};
    uint64_t op = 0;
    received r, end;
    CHECK_SAYS(LLMAGG_E_AUTHENTICATION, "llmagg_token_to_queue", llmagg_client_chat(nobody, STR(HELLO), NOTHING, &out, &err));
    OK(llmagg_token_to_queue(queue, &err));
    OK(llmagg_client_chat_submit(fails, queue, STR(HELLO), NOTHING, 0, 1, &op, &err));
    CHECK(receive(queue, &r) && r.event.type == LLMAGG_EVENT_TOKEN && r.event.op != 0 && has(r.payload, "\"fails\""));
    CHECK_SAYS(LLMAGG_E_INVALID_ARGUMENT, "JSON", llmagg_token_answer(r.event.op, STR("secret-token"), &err));
    CHECK_SAYS(LLMAGG_E_INVALID_ARGUMENT, "expires", llmagg_token_answer(r.event.op, STR("{\"tokn\":\"secret-token\"}"), &err));
    OK(llmagg_token_answer(r.event.op, STR("{\"error\":\"the vault is closed\"}"), &err));
    CHECK_STATUS(LLMAGG_E_CANCELED, llmagg_token_answer(r.event.op, STR("{\"token\":\"late\"}"), &err));
    CHECK(receive_end(queue, op, &end, NULL) && end.event.status == LLMAGG_E_UNAVAILABLE && has(end.payload, "the vault is closed"));
    OK(llmagg_client_chat_submit(shown, queue, STR(HELLO), NOTHING, 0, 2, &op, &err));
    CHECK(receive(queue, &r) && r.event.type == LLMAGG_EVENT_TOKEN);
    OK(llmagg_token_answer(r.event.op, STR("{\"token\":\"secret-token\"}"), &err));
    CHECK(receive_end(queue, op, &end, NULL) && end.event.status == LLMAGG_E_BAD_REQUEST && !has(end.payload, "secret-token"));
    llmagg_queue *other = new_queue(); /* a freed queue ends the question, and its call learns of it */
    OK(llmagg_token_to_queue(other, &err));
    OK(llmagg_client_chat_submit(freed, queue, STR(HELLO), NOTHING, 0, 3, &op, &err));
    CHECK(receive(other, &r) && r.event.type == LLMAGG_EVENT_TOKEN);
    llmagg_queue_free(other);
    CHECK(receive_end(queue, op, &end, NULL) && end.event.status == LLMAGG_E_UNAVAILABLE && has(end.payload, "was freed"));
    CHECK_STATUS(LLMAGG_E_CANCELED, llmagg_token_answer(r.event.op, STR("{\"token\":\"late\"}"), &err));
    llmagg_client_free(nobody);
    llmagg_client_free(fails);
    llmagg_client_free(shown);
    llmagg_client_free(freed);
    llmagg_queue_free(queue);
    llmagg_wall_free(wall);
}

int main(void) {
    RUN(a_token_is_asked_for_once_and_again_after_a_refusal);
    RUN(what_goes_wrong_is_said);
    return RESULT();
}
