/* Calls that are no chats: the layout of vectors, where they arrive, what is refused; rankings. */
#include <math.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "functions.h"

static float number(const char *result, const llmagg_vectors *head, uint64_t vector, uint64_t i) {
    float x;
    memcpy(&x, result + head->offset + 4 * (vector * head->dimensions + i), sizeof x);
    return x;
}

/* Whether a result is one that its head describes: vectors of length 1, each another, and JSON behind them. */
static int is_sound(const char *result, size_t len, uint64_t count, uint32_t dimensions) {
    llmagg_vectors head;
    memcpy(&head, result, sizeof head);
    if (head.count != count || head.dimensions != dimensions || head.offset != sizeof head) return 0;
    if (head.json_offset != head.offset + 4 * count * dimensions || head.json_offset + head.json_len != len) return 0;
    if (result[len] != '\0' || strlen(result + head.json_offset) != head.json_len) return 0;
    for (uint64_t v = 0; v < count; v++) {
        double sum = 0;
        int other = v == 0;
        for (uint64_t i = 0; i < dimensions; i++) {
            sum += (double)number(result, &head, v, i) * (double)number(result, &head, v, i);
            other |= v > 0 && memcmp(result + head.offset + 4 * v * dimensions, result + head.offset, 4 * (size_t)dimensions) != 0;
        }
        if (fabs(sum - 1) > 1e-4 || !other) return 0;
    }
    return has(result + head.json_offset, "\"model\":\"m\"") && has(result + head.json_offset, "\"attempts\":[{\"route\":\"openai/m\"");
}

static world w;

static void blocking_and_on_a_queue(void) {
    llmagg_buf out = {NULL, 0};
    uint64_t op = 0;
    received r;
    OK(llmagg_aggregator_embed(w.aggregator, STR(EMBED), NOTHING, &out, &err));
    CHECK(is_sound(out.ptr, out.len, 2, 8));
    CHECK(((const llmagg_vectors *)(void *)out.ptr)->count == 2); /* a llmagg_buf is aligned */
    llmagg_buf_free(&out);
    OK(llmagg_aggregator_embed(w.aggregator, STR("{\"input\":\"one\",\"dimensions\":3,\"model\":\"m\"}"), STR("{\"deadline\":9}"), &out, &err));
    CHECK(is_sound(out.ptr, out.len, 1, 3));
    CHECK(has(out.ptr + sizeof(llmagg_vectors) + 12, "\"prompt_tokens\":1,"));
    llmagg_buf_free(&out);
    OK(llmagg_routes_embed(&w.client, 1, STR(EMBED), NOTHING, &out, &err));
    CHECK(is_sound(out.ptr, out.len, 2, 8));
    llmagg_buf_free(&out);
    OK(llmagg_aggregator_embed_submit(w.aggregator, w.queue, STR(EMBED), NOTHING, 7, &op, &err));
    CHECK(receive_end(w.queue, op, &r, NULL) && r.event.type == LLMAGG_EVENT_DONE && r.event.tag == 7);
    CHECK(is_sound(r.payload, r.event.payload_len, 2, 8));
    OK(llmagg_routes_embed_submit(&w.client, 1, w.queue, STR(EMBED), NOTHING, 8, &op, &err));
    CHECK(receive_end(w.queue, op, &r, NULL) && is_sound(r.payload, r.event.payload_len, 2, 8));
}

/* A request for the vectors of so many texts, which takes 16 bytes a text and 64 more. */
static void write_request(char *request, int texts, int dimensions) {
    int n = sprintf(request, "{\"dimensions\":%d,\"input\":[\"text\"", dimensions);
    for (int i = 1; i < texts; i++) n += sprintf(request + n, ",\"text %d\"", i);
    strcpy(request + n, "]}");
}

/* More texts than one request takes, and more bytes than an event's usual room: pages of their own. */
static void many_texts(void) {
    enum { TEXTS = 3000, DIMENSIONS = 32 };
    static char request[64 + 16 * TEXTS];
    llmagg_buf out = {NULL, 0};
    llmagg_event event;
    llmagg_drain drain = {sizeof drain, sizeof event, &event, 1, NULL, 0, 0, 0, 0, 0, 0};
    uint64_t op = 0;
    write_request(request, TEXTS, DIMENSIONS);
    OK(llmagg_aggregator_embed(w.aggregator, STR(request), NOTHING, &out, &err));
    CHECK(is_sound(out.ptr, out.len, TEXTS, DIMENSIONS) && count(out.ptr + ((const llmagg_vectors *)(void *)out.ptr)->json_offset, "\"route\"") == 2);
    OK(llmagg_aggregator_embed_submit(w.aggregator, w.queue, STR(request), NOTHING, 0, &op, &err));
    OK(llmagg_queue_wait(w.queue, 20 * slow(), &err));
    OK(llmagg_queue_drain(w.queue, &drain, &err));
    CHECK(drain.count == 0 && drain.needed > 4 * TEXTS * DIMENSIONS);
    drain.buffer = malloc(drain.needed);
    drain.buffer_size = drain.needed;
    OK(llmagg_queue_drain(w.queue, &drain, &err));
    CHECK(drain.count == 1 && event.op == op && is_sound(event.payload, event.payload_len, TEXTS, DIMENSIONS));
    CHECK(memcmp(event.payload + sizeof(llmagg_vectors), out.ptr + sizeof(llmagg_vectors), 4 * TEXTS * DIMENSIONS) == 0);
    free(drain.buffer);
    llmagg_buf_free(&out);
}

/* How many pages this process has touched for the first time. Those of a mapping will be counted one by one. */
static long faults(char *mapping, size_t size) {
    struct rusage used;
#ifdef MADV_NOHUGEPAGE
    if (mapping != NULL) (void)madvise(mapping, size, MADV_NOHUGEPAGE);
#endif
    return getrusage(RUSAGE_SELF, &used) == 0 ? used.ru_minflt : -1;
}

/* Vectors that come into a mapping of the application's: the same as those that are copied, and the mapping stays its own. */
static void into_a_mapping(void) {
    enum { TEXTS = 2000, DIMENSIONS = 256 };
    static char request[64 + 16 * TEXTS];
    static const size_t smaller = offsetof(llmagg_drain, is_mapping); /* of a program that knows no mappings */
    llmagg_event event;
    llmagg_drain drain = {sizeof drain, sizeof event, &event, 1, NULL, 0, 0, 0, 0, 0, 0};
    uint64_t op = 0;
    write_request(request, TEXTS, DIMENSIONS);
    for (int way = 0; way < 4; way++) {
        OK(llmagg_aggregator_embed_submit(w.aggregator, w.queue, STR(request), NOTHING, 0, &op, &err));
        OK(llmagg_queue_wait(w.queue, 20 * slow(), &err));
        drain.struct_size = way == 3 ? smaller : sizeof drain;
        drain.is_mapping = way > 0;
        drain.buffer = NULL;
        drain.buffer_size = 0;
        OK(llmagg_queue_drain(w.queue, &drain, &err));
        CHECK(drain.count == 0 && drain.needed > 4 * TEXTS * DIMENSIONS);
        size_t size = drain.needed + 4096;
        char *pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        CHECK(pages != MAP_FAILED);
        drain.buffer = pages + (way == 2); /* no page's beginning: copied */
        drain.buffer_size = drain.needed;
        long before = faults(pages, size);
        OK(llmagg_queue_drain(w.queue, &drain, &err));
        CHECK(drain.count == 1 && event.op == op && event.payload == drain.buffer);
#ifdef __linux__
        CHECK((way == 1) == (faults(NULL, 0) - before < 100)); /* a copy touches 500 pages */
#else
        (void)before;
#endif
        CHECK(is_sound(event.payload, event.payload_len, TEXTS, DIMENSIONS));
        memset(pages, 7, size); /* all of it is still there, and can be written to */
        CHECK(munmap(pages, size) == 0);
    }
}

static void what_is_refused(void) {
    static const struct {
        const char *request, *says;
    } rows[] = {
        {"{}", "\"input\" has no text"},
        {"{\"input\":[]}", "\"input\" has no text"},
        {"{\"input\":7}", "is 7; expected a string or an array of strings"},
        {"{\"input\":[\"a\",[1,2]]}", "input[1] is"},
        {"{\"input\":\"a\",\"dimension\":3}", "did you mean \"dimensions\"?"},
        {"{\"input\":\"a\",\"dimensions\":0}", "dimensions"},
        {"{\"input\":\"a\",\"input_type\":\"poem\"}", "input_type is \"poem\"; expected"},
        {"{\"input\":\"a\",\"timeout\":3}", "is an option of the call"},
        {"{\"input\":\"a\"", "the request is not valid JSON"},
        {"[1]", "expected an object with \"input\", "},
        {"{\"input\":\"\xff\"}", "UTF-8"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        llmagg_buf out = {NULL, 0};
        CHECK_SAYS(LLMAGG_E_INVALID_ARGUMENT, rows[i].says, llmagg_aggregator_embed(w.aggregator, STR(rows[i].request), NOTHING, &out, &err));
        CHECK(out.ptr == NULL);
    }
    llmagg_buf out = {NULL, 0};
    CHECK_SAYS(LLMAGG_E_MODEL_NOT_FOUND, "", llmagg_aggregator_embed(w.aggregator, STR("{\"input\":\"a\",\"model\":\"x\"}"), NOTHING, &out, &err));
    CHECK_SAYS(LLMAGG_E_INVALID_ARGUMENT, "deadlin", llmagg_aggregator_embed(w.aggregator, STR(EMBED), STR("{\"deadlin\":1}"), &out, &err));
}

static void rankings(void) {
    static const char *request = "{\"query\":\"red fish\",\"documents\":[\"a car\",\"red fish\",\"blue fish\"],\"top_n\":2}";
    llmagg_buf out = {NULL, 0};
    uint64_t op = 0;
    received r;
    OK(llmagg_wall_script(w.wall, STR("{}"), &err));
    OK(llmagg_aggregator_rerank(w.aggregator, STR(request), NOTHING, &out, &err));
    CHECK(has(out.ptr, "{\"results\":[{\"index\":1,\"relevance_score\":1},{\"index\":2,\"relevance_score\":0.5}],\"model\":\"m\""));
    llmagg_buf_free(&out);
    OK(llmagg_routes_rerank_submit(&w.client, 1, w.queue, STR(request), STR("{\"deadline\":9}"), 5, &op, &err));
    CHECK(receive_end(w.queue, op, &r, NULL) && r.event.tag == 5 && has(r.payload, "\"index\":1,\"relevance_score\":1}"));
    CHECK_SAYS(LLMAGG_E_INVALID_ARGUMENT, "\"query\"", llmagg_aggregator_rerank(w.aggregator, STR("{\"documents\":[\"a\"]}"), NOTHING, &out, &err));
}

/* A cancelled request ends with its event, and its connection closes. */
static void cancelled(void) {
    uint64_t op = 0;
    received r;
    OK(llmagg_wall_script(w.wall, STR("{\"default\":{\"steps\":[{\"delay_headers_s\":60}]}}"), &err));
    OK(llmagg_aggregator_embed_submit(w.aggregator, w.queue, STR(EMBED), NOTHING, 0, &op, &err));
    usleep(20000); /* on its way, or not yet: both end alike */
    OK(llmagg_op_cancel(op, &err));
    CHECK(receive_end(w.queue, op, &r, NULL) && r.event.status == LLMAGG_E_CANCELED);
}

static void a_world(void) { CHECK(make_world(&w)); }

int main(void) {
    RUN(a_world);
    RUN(blocking_and_on_a_queue);
    if (slow() < 20) { /* valgrind takes lengths for unset that Go has from searches in so much JSON, and counts pages of its own */
        RUN(many_texts);
        RUN(into_a_mapping);
    }
    RUN(what_is_refused);
    RUN(rankings);
    RUN(cancelled);
    free_world(&w);
    return RESULT();
}
