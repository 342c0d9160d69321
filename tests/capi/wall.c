/* The scripted server through the C interface. */
#include "check.h"

static void scripts_are_checked(void) {
    llmagg_wall *wall = NULL;
    CHECK_SAYS(LLMAGG_E_INVALID_ARGUMENT, "models", llmagg_wall_start(STR("{\"modles\":{}}"), &wall, &err));
    CHECK_STATUS(LLMAGG_E_INVALID_ARGUMENT, llmagg_wall_start(STR("{"), &wall, &err));
    CHECK(wall == NULL);
    OK(llmagg_wall_start(NOTHING, &wall, &err));
    CHECK(strncmp(wall_url(wall), "http://127.0.0.1:", 17) == 0 && has(wall_url(wall), "/v1"));
    CHECK_SAYS(LLMAGG_E_INVALID_ARGUMENT, "models", llmagg_wall_script(wall, STR("{\"modles\":{}}"), &err));
    llmagg_wall_free(wall);
    llmagg_wall_free(wall);
    CHECK_STATUS(LLMAGG_E_INVALID_HANDLE, llmagg_wall_script(wall, STR("{}"), &err));
}

static void a_script_is_replaced(void) {
    llmagg_wall *wall = wall_with("{\"default\":{\"steps\":[{\"text\":\"old\"}]}}");
    llmagg_client *client = client_for(wall, "m", "");
    llmagg_buf out = {NULL, 0};
    OK(llmagg_client_chat(client, STR(HELLO), NOTHING, &out, &err));
    CHECK(has(out.ptr, "\"old\""));
    llmagg_buf_free(&out);
    OK(llmagg_wall_script(wall, STR("{\"default\":{\"steps\":[{\"text\":\"new\"}]}}"), &err));
    OK(llmagg_client_chat(client, STR(HELLO), NOTHING, &out, &err));
    CHECK(has(out.ptr, "\"new\""));
    llmagg_buf_free(&out);
    OK(llmagg_wall_seen(wall, &out, &err));
    CHECK(has(out.ptr, "\"requests\":2") && has(out.ptr, "\"max_simultaneous\":1"));
    llmagg_buf_free(&out);
    llmagg_client_free(client);
    llmagg_wall_free(wall);
}

static void holding_and_releasing(void) {
    llmagg_wall *wall = wall_with("{\"default\":{\"steps\":[{\"hold\":\"gate\"}]}}");
    llmagg_client *client = client_for(wall, "m", "");
    llmagg_queue *queue = new_queue();
    uint64_t op = 0;
    received r;
    OK(llmagg_client_chat_submit(client, queue, STR(HELLO), NOTHING, 0, 0, &op, &err));
    CHECK_STATUS(LLMAGG_E_TIMEOUT, llmagg_queue_wait(queue, 0.1, &err));
    OK(llmagg_wall_release(wall, STR("gate"), &err));
    CHECK(receive_end(queue, op, &r, NULL) && r.event.type == LLMAGG_EVENT_DONE);
    llmagg_queue_free(queue);
    llmagg_client_free(client);
    llmagg_wall_free(wall);
}

static void dying_and_coming_back(void) {
    llmagg_wall *wall = wall_with("{}");
    llmagg_client *client = client_for(wall, "m", ",\"max_retries\":1");
    llmagg_buf out = {NULL, 0};
    OK(llmagg_wall_kill(wall, &err));
    CHECK_STATUS(LLMAGG_E_UNAVAILABLE, llmagg_client_chat(client, STR(HELLO), NOTHING, &out, &err));
    OK(llmagg_wall_revive(wall, &err));
    OK(llmagg_client_chat(client, STR(HELLO), NOTHING, &out, &err));
    llmagg_buf_free(&out);
    llmagg_client_free(client);
    llmagg_wall_free(wall);
}

static void health_of_a_wall(void) {
    llmagg_wall *wall = wall_with("{\"health\":{\"steps\":[{},{\"status\":401},{\"status\":404}]}}");
    llmagg_manager *manager = NULL;
    llmagg_provider *provider = NULL;
    llmagg_queue *queue = new_queue();
    uint64_t op = 0;
    received r;
    OK(llmagg_manager_new(&manager, &err));
    OK(llmagg_provider_new(STR(config_for(wall, "openai", "m", "")), &provider, &err));
    OK(llmagg_manager_register(manager, provider, &err));
    for (int i = 0; i < 3; i++) {
        OK(llmagg_manager_health_submit(manager, queue, 11, &op, &err));
        CHECK(receive_end(queue, op, &r, NULL) && r.event.tag == 11);
        CHECK(strcmp(r.payload, i == 1 ? "{\"openai\":{\"m\":false}}" : "{\"openai\":{\"m\":true}}") == 0);
    }
    llmagg_provider_free(provider);
    llmagg_manager_free(manager);
    llmagg_queue_free(queue);
    llmagg_wall_free(wall);
}

int main(void) {
    RUN(scripts_are_checked);
    RUN(a_script_is_replaced);
    RUN(holding_and_releasing);
    RUN(dying_and_coming_back);
    RUN(health_of_a_wall);
    return RESULT();
}
