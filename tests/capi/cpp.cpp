// llmagg.hpp: answers, streams, restarts, errors, cancellation, vectors, moves. Under AddressSanitizer nothing leaks.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <type_traits>
#include <utility>

#include <pthread.h>

#include "../../examples/cpp/llmagg.hpp"

static int failures = 0;

// Results go to the descriptor that run.sh names, so that it can tell what the library prints: nothing.
static std::FILE *results() {
    const char *descriptor = std::getenv("CHECK_RESULTS");
    static std::FILE *to = descriptor == nullptr ? stdout : fdopen(std::atoi(descriptor), "w");
    return to;
}

static void holds(bool ok, const char *what) {
    std::fprintf(results(), "%s cpp: %s\n", ok ? "ok" : "not ok", what);
    std::fflush(results());
    failures += !ok;
}

template <class T> constexpr bool move_only = std::is_nothrow_move_constructible_v<T> && !std::is_copy_constructible_v<T>;
static_assert(move_only<llmagg::Aggregator> && move_only<llmagg::Queue> && move_only<llmagg::Stream> && move_only<llmagg::Wall>);

static const char script[] = R"({"models": {
    "a": {"steps": [{"text": "Gr\u00fc\u00df \"dich\" \ud83d\ude00\n"}]},
    "cut": {"steps": [{"text": "one two three", "cut": {"how": "clean", "after_events": 2}}]},
    "twice": {"steps": [{"text": "one two three", "cut": {"how": "clean", "after_events": 2}}, {"text": "whole"}]},
    "long": {"steps": [{"text_bytes": 4000, "chunks": 400}]},
    "fast": {"steps": [{"text_bytes": 8000, "chunks": 4000}]},
    "bad": {"steps": [{"status": 400}]}}})";

static std::string config(const std::string &url) {
    return R"({"openai": {"base_url": ")" + url + R"(", "api_key": "k", "models": {"a": {}, "cut": {}, "twice": {}, "long": {}, "fast": {}, "bad": {}}}})";
}

static std::string asking(const char *model) { return std::string(R"({"model": ")") + model + R"(", "messages": [{"role": "user", "content": "hi"}]})"; }

static void answers(llmagg::Aggregator &llm) {
    const std::string said = "Gr\xc3\xbc\xc3\x9f \"dich\" \xf0\x9f\x98\x80\n";
    holds(llmagg::text(llm.chat(asking("a"))) == said, "the text of an answer");
    std::string streamed, whole;
    for (const llmagg::Event &event : llm.stream(asking("a"))) {
        streamed += event.text();
        if (event.done()) whole = llmagg::text(event.payload);
    }
    holds(streamed == said && whole == said, "the text of a stream, in pieces and whole");
    std::size_t chunks = 0;
    for (const auto &event : llm.stream(asking("long"))) chunks += !event.text().empty();
    holds(chunks == 400, "a stream longer than its window");
    std::string kept;
    bool restarted = false;
    for (const auto &event : llm.stream(asking("twice"), R"({"on_interrupt": "restart"})")) {
        kept = event.restart() ? "" : kept + event.text();
        restarted |= event.restart();
    }
    holds(restarted && kept == "whole", "a restart");
    holds(llm.models().find("\"cut\"") != std::string::npos && llm.report().find("\"circuit\"") != std::string::npos, "models and report");
    const llmagg::Vectors vectors = llm.embed(R"({"model": "a", "input": ["one", "two"]})");
    holds(vectors.size() == 2 && vectors[1].size() == vectors.dimensions() && vectors.dimensions() > 0 && llmagg::json::at(vectors.json(), "usage") != "", "vectors");
    bool outside = false;
    try {
        (void)vectors[2];
    } catch (const std::out_of_range &) {
        outside = true;
    }
    holds(outside, "a place without a vector throws");
    // A head says 3 vectors of 4 numbers, from byte 32 on; there are fewer bytes than that.
    llmagg_vectors head{3, 4, sizeof(llmagg_vectors), 0, 0};
    std::string bytes(sizeof head + 3 * 4 * sizeof(float), '\0');
    std::memcpy(&bytes[0], &head, sizeof head);
    holds(llmagg::Vectors(bytes).size() == 3, "a result of an embed function");
    int refused = 0;
    for (const std::string &text : {std::string("{}"), std::string(), bytes.substr(0, bytes.size() - 1)}) {
        try {
            llmagg::Vectors none(text);
        } catch (const std::invalid_argument &) {
            refused++;
        }
    }
    holds(refused == 3, "what is no result of an embed function throws");
}

static bool says(const llmagg::Error &e, const char *text) { return std::string(e.what()).find(text) != std::string::npos; }

static void errors(llmagg::Aggregator &llm) {
    try {
        llm.chat(asking("bad"));
        holds(false, "a failed call throws");
    } catch (const llmagg::Error &e) {
        holds(e.code() == LLMAGG_E_ALL_FAILED && std::string(e.what()).find("ALL_FAILED: ") == 0 && says(e, "\n  1. openai/bad: BAD_REQUEST (HTTP 400) after ") &&
                  e.json().find("\"attempts\"") != std::string::npos,
              "a failed call throws");
    }
    std::string partial;
    try {
        for (const auto &event : llm.stream(asking("cut"))) partial += event.text();
        holds(false, "a stream that breaks throws");
    } catch (const llmagg::Error &e) {
        holds(e.code() == LLMAGG_E_STREAM_INTERRUPTED && llmagg::json::unquote(llmagg::json::at(e.json(), "partial")) == partial && !partial.empty(), "a stream that breaks throws");
        holds(says(e, "\n  1. openai/cut: STREAM_INTERRUPTED (HTTP 200) after "), "the exception of a stream has a line for each attempt");
    }
    try {
        for (const auto &event : llm.stream(R"({"messages": []})")) partial += event.text();
        holds(false, "a stream without attempts throws");
    } catch (const llmagg::Error &e) {
        holds(e.code() == LLMAGG_E_INVALID_ARGUMENT && says(e, "messages"), "a stream without attempts throws");
    }
    try { // an error that is made without Go
        llmagg_queue *none = nullptr;
        llmagg::detail::call(llmagg_queue_stop, none);
        holds(false, "a wrong handle throws");
    } catch (const llmagg::Error &e) {
        holds(e.code() == LLMAGG_E_INVALID_HANDLE && says(e, llmagg::json::unquote(llmagg::json::at(e.json(), "text")).c_str()) && says(e, "queue"), "a wrong handle throws");
    }
    try {
        llmagg::Aggregator wrong("{");
        holds(false, "a wrong configuration throws");
    } catch (const llmagg::Error &e) {
        holds(e.code() == LLMAGG_E_INVALID_ARGUMENT, "a wrong configuration throws");
    }
}

static void leaving(llmagg::Aggregator &llm) {
    for (const auto &event : llm.stream(asking("long")))
        if (!event.text().empty()) break;
    llmagg::Stream unread = llm.stream(asking("long"));
    llmagg::Stream moved = std::move(unread);
    holds(moved.next() != nullptr, "a moved stream goes on");
    llmagg::Queue queue;
    for (std::uint64_t tag = 1; tag <= 3; tag++) llm.submit(queue, asking("a"), {}, 0, tag);
    std::uint64_t tags = 0;
    for (int ended = 0; ended < 3;) {
        queue.wait();
        for (const auto &event : queue.drain()) {
            ended += event.done();
            tags += event.tag;
        }
    }
    holds(tags == 6 && queue.fd() >= 0 && !queue.wait(0), "three calls through one queue");
}

// An operation's last event ended(), also where it failed. Streams that are longer than their window end, too: their chunks were read.
static void endings(llmagg::Aggregator &llm) {
    llmagg::Queue queue;
    for (const char *model : {"bad", "cut", "a"}) {
        llmagg::Event last;
        llm.submit(queue, asking(model), {}, LLMAGG_STREAM, 7);
        queue.run([&last](const llmagg::Event &event) { return last = event, event.ended(); });
        const bool answered = std::strcmp(model, "a") == 0;
        holds(last.tag == 7 && last.done() == answered && last.failed() != answered && !queue.wait(0), "the end of an operation");
        if (last.failed()) holds(says(llmagg::Error(last), "\n  1. openai/"), "the failure of an operation");
    }
    for (const std::uint32_t flags : {std::uint32_t{LLMAGG_STREAM}, std::uint32_t{LLMAGG_STREAM | LLMAGG_BATCH}}) {
        llm.submit(queue, asking("long"), {}, flags);
        queue.run([](const llmagg::Event &event) { return event.ended(); });
        llm.submit(queue, asking("fast"), R"({"window": 256})", flags);
        bool ended = false;
        std::size_t most = 0;
        while (!ended && queue.wait(30)) {
            std::size_t chunks = 0;
            for (const auto &event : queue.drain()) {
                ended = event.done();
                if (event.type == LLMAGG_EVENT_CHUNK) chunks += llmagg::json::count(event.payload);
            }
            most = chunks > most ? chunks : most;
        }
        holds(ended, "a stream that run and drain read goes on");
        holds(most <= 256, "drain gives no more chunks than the window");
    }
}

static void texts() {
    using namespace llmagg::json;
    holds(count("{\"x\": [1, 2]}") == 1 && count("[{\"x\": [1, 2]}]") == 1 && count(R"([{"x": "]"}, "a,b", {}])") == 3 && count("") == 1, "the values in an array");
    holds(unquote(quote("a\"\\\n\x01 \xe2\x82\xac")) == "a\"\\\n\x01 \xe2\x82\xac", "quote and unquote");
    holds(at(R"( { "x" : [ {"y": 1} , 2 ] , "z" : "\"}" } )", "z") == R"("\"}")" && at(at(R"({"x": [{"y": 1}, 2]})", "x"), "") == R"({"y": 1})", "the value of a key");
    holds(at("{}", "x").empty() && at("", "x").empty() && at("[]", "").empty() && at("{\"x", "x").empty() && llmagg::text("null").empty(), "what is not there is empty");
}

static std::string stats() {
    llmagg_buf buf{nullptr, 0};
    if (llmagg_stats(&buf, nullptr) != LLMAGG_OK) return "";
    const std::string text(buf.ptr, buf.len);
    llmagg_buf_free(&buf);
    return text;
}

static int throws(const llmagg_event *, void *) { throw 7; }

static std::size_t handles() { return static_cast<std::size_t>(std::strtoul(std::string(llmagg::json::at(llmagg::json::at(stats(), "handles"), "queue")).c_str(), nullptr, 10)); }

// An exception leaves run() as it leaves any function; the queue goes on. So it does where C is called without this header.
static void running(llmagg::Aggregator &llm) {
    const std::size_t before = handles();
    {
        llmagg::Queue queue;
        int caught = 0, raw = 0, later = 0;
        for (int i = 0; i < 20; i++) {
            llm.submit(queue, asking("a"));
            try {
                queue.run([](const llmagg::Event &) -> bool { throw std::out_of_range("mine"); });
            } catch (const std::out_of_range &) {
                caught++;
            }
            llm.submit(queue, asking("a"));
            try {
                llmagg_queue_run(queue.get(), throws, nullptr, nullptr);
            } catch (int) {
                raw++;
            }
        }
        holds(caught == 20 && raw == 20, "exceptions leave run");
        llm.submit(queue, asking("a"));
        queue.run([&later](const llmagg::Event &event) { return later += event.done(), true; });
        queue.stop();
        queue.run([&later](const llmagg::Event &) { return later += 10, true; });
        holds(later == 1, "the queue works after an exception, and stops");
    }
    holds(handles() == before, "an exception keeps no queue");
    llmagg::Queue gone;
    llm.submit(gone, asking("a"));
    try {
        gone.run([&gone](const llmagg::Event &) -> bool { llmagg_queue_free(gone.get()); throw std::out_of_range("mine"); });
        holds(false, "an exception behind the end of the queue");
    } catch (const std::out_of_range &) {
        holds(true, "an exception behind the end of the queue");
    }
}

// The end of the thread is no exception: run() lets it pass.
static void ended(llmagg::Aggregator &llm) {
    llmagg::Queue queue;
    llm.submit(queue, asking("a"));
    const auto runs = [](void *q) -> void * {
        static_cast<llmagg::Queue *>(q)->run([](const llmagg::Event &) -> bool { pthread_exit(nullptr); });
        return q;
    };
    pthread_t thread;
    void *left = &queue;
    holds(pthread_create(&thread, nullptr, runs, &queue) == 0 && pthread_join(thread, &left) == 0 && left == nullptr, "the end of a thread leaves run");
}

int main() {
    texts();
    llmagg::Wall wall(script);
    llmagg::Aggregator first(config(wall.url()));
    llmagg::Aggregator llm = std::move(first);
    answers(llm);
    errors(llm);
    leaving(llm);
    endings(llm);
    running(llm);
    ended(llm);
    holds(wall.seen().find("\"requests\"") != std::string::npos, "what the wall saw");
    return failures != 0;
}
