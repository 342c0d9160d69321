// llmagg.hpp: the C interface of llmagg (llmagg.h, which is the manual) for C++17, header-only.
//
//     llmagg::Aggregator llm(R"({"openai": {"models": {"gpt-4o-mini": {}}}})"); // the key: OPENAI_API_KEY
//     std::cout << llmagg::text(llm.chat(llmagg::user("Hello!"))) << "\n";
//     for (const llmagg::Event &event : llm.stream(llmagg::user("Hello!"))) std::cout << event.text() << std::flush;
//
// Failures are exceptions of type llmagg::Error. Each object owns what it holds, can be moved and not copied, and frees it when it
// goes. Requests, responses and chunks are JSON texts; llmagg::text reads the text of an answer, your JSON library the rest.
// Configurations, requests, options and the thread safety of each function are described in llmagg.h.
#ifndef LLMAGG_HPP
#define LLMAGG_HPP

#if __cplusplus < 201703L
#error "llmagg.hpp needs C++17: compile with -std=c++17 or a later one"
#endif

#include <cstdint>
#include <cstring>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "llmagg.h"

namespace llmagg {

namespace json {
// What this header needs of JSON. The texts come from the library and are valid; of any other the result is empty.

inline std::size_t blank(std::string_view s, std::size_t i) {
    while (i < s.size() && (s[i] == ' ' || s[i] == '\n' || s[i] == '\r' || s[i] == '\t')) i++;
    return i;
}

/// The place behind the value that begins at i.
inline std::size_t skip(std::string_view s, std::size_t i) {
    for (std::size_t depth = 0; i < s.size(); i++) {
        const char c = s[i];
        if (c == '"') {
            for (i++; i < s.size() && s[i] != '"'; i++) i += s[i] == '\\';
            if (depth == 0) return i < s.size() ? i + 1 : s.size();
        } else if (c == '{' || c == '[') {
            depth++;
        } else if (c == '}' || c == ']') {
            if (depth <= 1) return depth == 0 ? i : i + 1;
            depth--;
        } else if (depth == 0 && c == ',') {
            return i;
        }
    }
    return s.size();
}

/// The value of an object's key; of an array its first item, whatever the key; "" if there is none.
inline std::string_view at(std::string_view s, std::string_view key) {
    std::size_t i = blank(s, 0);
    if (i >= s.size() || (s[i] != '{' && s[i] != '[')) return {};
    const bool object = s[i] == '{';
    for (i = blank(s, i + 1); i < s.size() && s[i] != '}' && s[i] != ']'; i = blank(s, i + 1)) {
        bool found = true;
        if (object) {
            const std::size_t end = skip(s, i);
            found = end >= i + 2 && s.substr(i + 1, end - i - 2) == key;
            i = blank(s, blank(s, end) + 1); // behind the colon
        }
        const std::size_t end = skip(s, i);
        if (found) return i < end ? s.substr(i, end - i) : std::string_view();
        i = blank(s, end);
        if (i >= s.size() || s[i] != ',') break;
    }
    return {};
}

/// The values in an array; 1 for any other value.
inline std::uint32_t count(std::string_view s) {
    std::uint32_t values = 0;
    for (std::size_t i = 0; !s.empty() && s[0] == '[' && i < s.size() && s[i] != ']'; i = blank(s, skip(s, i + 1))) values++;
    return values > 0 ? values : 1;
}

inline unsigned hex(std::string_view s, std::size_t i) {
    unsigned value = 0;
    for (std::size_t end = i + 4; i < end && i < s.size(); i++)
        value = value * 16 + static_cast<unsigned>(s[i] <= '9' ? s[i] - '0' : (s[i] | 32) - 'a' + 10);
    return value;
}

inline void append(std::string &to, unsigned c) { // as UTF-8
    if (c < 0x80) {
        to += static_cast<char>(c);
        return;
    }
    const int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    to += static_cast<char>((more == 1 ? 0xC0U : more == 2 ? 0xE0U : 0xF0U) | c >> (6 * more));
    for (int k = more - 1; k >= 0; k--) to += static_cast<char>(0x80U | (c >> (6 * k) & 0x3FU));
}

/// The text that a JSON string means; "" for any other value.
inline std::string unquote(std::string_view s) {
    std::string text;
    if (s.size() < 2 || s.front() != '"') return text;
    text.reserve(s.size());
    for (std::size_t i = 1; i + 1 < s.size(); i++) {
        if (s[i] != '\\') {
            text += s[i];
            continue;
        }
        switch (const char c = s[++i]) {
        case 'n': text += '\n'; break;
        case 't': text += '\t'; break;
        case 'r': text += '\r'; break;
        case 'b': text += '\b'; break;
        case 'f': text += '\f'; break;
        case 'u': {
            unsigned code = hex(s, i + 1);
            i += 4;
            if (code >= 0xD800 && code < 0xDC00 && i + 6 < s.size() && s[i + 1] == '\\') {
                code = 0x10000 + ((code - 0xD800) << 10) + (hex(s, i + 3) - 0xDC00);
                i += 6;
            }
            append(text, code);
            break;
        }
        default: text += c;
        }
    }
    return text;
}

/// A text, which must be UTF-8, as a JSON string.
inline std::string quote(std::string_view text) {
    static const char digits[] = "0123456789abcdef";
    std::string s = "\"";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            s += '\\';
            s += c;
        } else if (byte < 0x20) {
            s += "\\u00";
            s += digits[byte >> 4];
            s += digits[byte & 15];
        } else {
            s += c;
        }
    }
    return s += '"';
}
} // namespace json

/// The text of the first choice of a response or a chunk; "" if it has none.
inline std::string text(std::string_view answer) {
    const std::string_view choice = json::at(json::at(answer, "choices"), "");
    const std::string_view message = json::at(choice, "message");
    return json::unquote(json::at(message.empty() ? json::at(choice, "delta") : message, "content"));
}

/// A request with one message of the user.
inline std::string user(std::string_view message) {
    return "{\"messages\": [{\"role\": \"user\", \"content\": " + json::quote(message) + "}]}";
}

/// One event. Copies own their payload.
struct Event {
    int type = 0; ///< one of LLMAGG_EVENT_...
    llmagg_status status = LLMAGG_OK;
    std::uint64_t op = 0, tag = 0;
    std::string payload; ///< JSON, see the events in llmagg.h
    /// The text of a chunk; "" for every other event.
    std::string text() const { return type == LLMAGG_EVENT_CHUNK ? llmagg::text(payload) : std::string(); }
    /// The operation has its answer: the payload is the whole response.
    bool done() const { return type == LLMAGG_EVENT_DONE; }
    /// The operation has failed: throw llmagg::Error(event), or read the payload.
    bool failed() const { return type == LLMAGG_EVENT_ERROR; }
    /// done() or failed(): each operation has exactly one such event, its last.
    bool ended() const { return done() || failed(); }
    /// The answer begins again on another route: forget the chunks before.
    bool restart() const { return type == LLMAGG_EVENT_RESTART; }
};

/// What every failure throws. what() is the name of the code, the message and one line for each attempt.
class Error : public std::runtime_error {
public:
    /// text: the message and the lines of the attempts.
    Error(llmagg_status code, const std::string &text, std::string json)
        : std::runtime_error(std::string(llmagg_status_name(code)) + ": " + text), code_(code), json_(std::move(json)) {}
    /// Of an event that failed().
    explicit Error(const Event &event) : Error(event.status, json::unquote(json::at(event.payload, "text")), event.payload) {}
    /// One of LLMAGG_E_...
    llmagg_status code() const noexcept { return code_; }
    /// The whole error with its attempts, as llmagg_error_json describes it.
    const std::string &json() const noexcept { return json_; }

private:
    llmagg_status code_;
    std::string json_;
};

namespace detail {
template <auto Free> struct Deleter {
    template <class T> void operator()(T *handle) const noexcept { Free(handle); }
};
template <class T, auto Free> using Handle = std::unique_ptr<T, Deleter<Free>>;

/// Calls a function with an llmagg_error ** behind its arguments, and throws what it puts there.
template <class Function, class... Arguments> void call(Function function, Arguments... arguments) {
    llmagg_error *raw = nullptr;
    const llmagg_status status = function(arguments..., &raw);
    const Handle<llmagg_error, llmagg_error_free> error(raw);
    if (status != LLMAGG_OK) throw Error(status, llmagg_error_message(raw), llmagg_error_json(raw, nullptr));
}

template <class T, class Function, class... Arguments> T *make(Function function, Arguments... arguments) {
    T *handle = nullptr;
    call(function, arguments..., &handle);
    return handle;
}

/// Of a function that gives a llmagg_buf.
template <class Function, class... Arguments> std::string bytes(Function function, Arguments... arguments) {
    llmagg_buf buf{nullptr, 0};
    call(function, arguments..., &buf);
    const std::unique_ptr<llmagg_buf, Deleter<llmagg_buf_free>> owner(&buf);
    return std::string(buf.ptr, buf.len);
}

/// Options are NULL and 0 for none.
inline const char *data(std::string_view s) { return s.empty() ? nullptr : s.data(); }
} // namespace detail

/// Holds events until they are read. With epoll, watch fd() and call drain() when it is readable. A stream goes on as its chunks are read:
/// drain() and run() give its credit (llmagg_op_credit).
class Queue {
public:
    Queue() : handle_(detail::make<llmagg_queue>(llmagg_queue_new)) {}
    /// Readable while there are events. It is the library's: do not read or close it.
    int fd() const {
        int fd = -1;
        detail::call(llmagg_queue_fd, handle_.get(), &fd);
        return fd;
    }
    /// Waits for an event, at most seconds; negative: for ever. False if none came.
    bool wait(double seconds = -1) {
        llmagg_error *raw = nullptr;
        const llmagg_status status = llmagg_queue_wait(handle_.get(), seconds, &raw);
        const detail::Handle<llmagg_error, llmagg_error_free> error(raw);
        if (status != LLMAGG_OK && status != LLMAGG_E_TIMEOUT) throw Error(status, llmagg_error_message(raw), llmagg_error_json(raw, nullptr));
        return status == LLMAGG_OK;
    }
    /// The events that are there now, in their order; it never waits.
    std::vector<Event> drain() {
        std::vector<Event> all;
        if (buffer_.empty()) buffer_.resize(64 * 1024);
        for (;;) {
            llmagg_event events[32];
            llmagg_drain d{};
            d.struct_size = sizeof d;
            d.event_size = sizeof events[0];
            d.events = events;
            d.max_events = 32;
            d.buffer = buffer_.data();
            d.buffer_size = buffer_.size();
            detail::call(llmagg_queue_drain, handle_.get(), &d);
            for (std::size_t i = 0; i < d.count; i++) all.push_back(of(events[i]));
            if (d.needed > buffer_.size())
                buffer_.resize(d.needed);
            else if (d.pending == 0 || d.count == 0)
                break;
        }
        for (const Event &event : all) credit(event); // not before: a fast stream would be drained without end
        return all;
    }
    /// Calls function(const Event &) for each event, on this thread, until the function returns true or stop() was called. An exception of
    /// the function's ends it, too, and leaves run(); the events behind stay in the queue. With one operation the function returns
    /// event.ended(): done() alone never comes if the operation fails.
    template <class Function> void run(Function function) {
        static_assert(std::is_convertible_v<std::invoke_result_t<Function &, const Event &>, bool>,
                      "the function of llmagg::Queue::run returns a bool: whether run() ends, such as event.ended()");
        const llmagg_event_fn each = [](const llmagg_event *e, void *user) -> int {
            const Event event = of(*e);
            credit(event);
            return (*static_cast<Function *>(user))(event) ? 1 : 0;
        };
        detail::call(llmagg_queue_run, handle_.get(), each, static_cast<void *>(&function)); // the C library lets exceptions through
    }
    /// Ends run() before its next event, from any thread.
    void stop() { detail::call(llmagg_queue_stop, handle_.get()); }
    llmagg_queue *get() const noexcept { return handle_.get(); }

private:
    static Event of(const llmagg_event &e) { return Event{e.type, e.status, e.op, e.tag, std::string(e.payload, e.payload_len)}; }
    static void credit(const Event &e) {
        if (e.type == LLMAGG_EVENT_CHUNK) llmagg_op_credit(e.op, json::count(e.payload), nullptr);
    }
    detail::Handle<llmagg_queue, llmagg_queue_free> handle_;
    std::vector<char> buffer_;
};

/// A streamed answer, for one thread. Its events are chunks, perhaps restarts, and at the end one that is done(), with the whole
/// response. A failure throws from the loop. A stream that goes before its end is cancelled. It is read once.
class Stream {
public:
    /// The next event, nullptr after the end. It is valid until the next call.
    const Event *next() {
        if (ended_) return nullptr;
        if (++place_ >= events_.size()) {
            events_.clear();
            for (place_ = 0; events_.empty(); events_ = queue_.drain()) queue_.wait();
        }
        const Event &event = events_[place_];
        ended_ = event.ended();
        if (event.failed()) throw Error(event);
        return &event;
    }

    /// An input iterator over the events.
    class iterator {
    public:
        using iterator_category = std::input_iterator_tag;
        using value_type = Event;
        using difference_type = std::ptrdiff_t;
        using pointer = const Event *;
        using reference = const Event &;
        iterator() = default;
        explicit iterator(Stream *stream) : stream_(stream), event_(stream->next()) {}
        reference operator*() const { return *event_; }
        pointer operator->() const { return event_; }
        iterator &operator++() {
            event_ = stream_->next();
            return *this;
        }
        void operator++(int) { ++*this; }
        bool operator==(const iterator &other) const { return event_ == other.event_; }
        bool operator!=(const iterator &other) const { return event_ != other.event_; }

    private:
        Stream *stream_ = nullptr;
        const Event *event_ = nullptr;
    };
    iterator begin() { return iterator(this); }
    iterator end() { return {}; }

private:
    friend class Aggregator;
    Queue queue_; // whose end cancels the stream
    std::vector<Event> events_;
    std::size_t place_ = 0;
    bool ended_ = false;
};

/// The vectors of texts, in their order.
class Vectors {
public:
    /// result is what a llmagg_..._embed gave, or the payload of its DONE event; std::invalid_argument for anything else.
    explicit Vectors(std::string result) : bytes_(std::move(result)) {
        const std::uint64_t size = bytes_.size();
        if (size >= sizeof head_) std::memcpy(&head_, bytes_.data(), sizeof head_);
        const std::uint64_t of_one = head_.dimensions * std::uint64_t{sizeof(float)};
        if (size < sizeof head_ || head_.offset < sizeof head_ || head_.offset > size || (of_one > 0 && head_.count > (size - head_.offset) / of_one) ||
            head_.json_offset > size || head_.json_len > size - head_.json_offset)
            throw std::invalid_argument("llmagg::Vectors: the text is no result of an embed function");
    }
    std::size_t size() const { return head_.count; }
    std::size_t dimensions() const { return head_.dimensions; }
    /// The vector of the text at place i; std::out_of_range if there is none.
    std::vector<float> operator[](std::size_t i) const {
        if (i >= size()) throw std::out_of_range("llmagg::Vectors: place " + std::to_string(i) + " of " + std::to_string(size()) + " vectors");
        std::vector<float> v(head_.dimensions);
        if (!v.empty()) std::memcpy(v.data(), bytes_.data() + head_.offset + i * v.size() * sizeof(float), v.size() * sizeof(float));
        return v;
    }
    /// {"model", "usage", "attempts", ...}
    std::string_view json() const { return std::string_view(bytes_).substr(head_.json_offset, head_.json_len); }

private:
    std::string bytes_;
    llmagg_vectors head_{};
};

/// Makes calls over the models of a configuration, with failover. All threads may use it at the same time.
class Aggregator {
public:
    /// options: the aggregator's, as {"models": ["openai/gpt-4o-mini", ...], "deadline": 30}.
    explicit Aggregator(std::string_view config, std::string_view options = {})
        : manager_(detail::make<llmagg_manager>(llmagg_manager_new)),
          handle_(detail::make<llmagg_aggregator>(llmagg_aggregator_new, manager_.get(), detail::data(options), options.size())) {
        detail::call(llmagg_aggregator_initialize, handle_.get(), config.data(), config.size());
    }
    /// The whole answer, as JSON; it blocks.
    std::string chat(std::string_view request, std::string_view options = {}) const { return ask(llmagg_aggregator_chat, request, options); }
    /// A streamed answer. It is begun at once; failures throw when it is read.
    Stream stream(std::string_view request, std::string_view options = {}) const {
        Stream s;
        submit(s.queue_, request, options, LLMAGG_STREAM, 0);
        return s;
    }
    /// Begins a call whose events come through a queue with this tag; the last of them ended(). flags: LLMAGG_STREAM and others of llmagg.h.
    /// Returns the operation's number: its events have it as op, and llmagg_op_cancel(number, nullptr) ends it early.
    std::uint64_t submit(const Queue &queue, std::string_view request, std::string_view options = {}, std::uint32_t flags = 0, std::uint64_t tag = 0) const {
        std::uint64_t op = 0;
        detail::call(llmagg_aggregator_chat_submit, handle_.get(), queue.get(), request.data(), request.size(), detail::data(options), options.size(), flags, tag, &op);
        return op;
    }
    /// The vectors of {"input": [texts]}; it blocks.
    Vectors embed(std::string_view request, std::string_view options = {}) const { return Vectors(ask(llmagg_aggregator_embed, request, options)); }
    /// Ranks {"query", "documents"}; it blocks.
    std::string rerank(std::string_view request, std::string_view options = {}) const { return ask(llmagg_aggregator_rerank, request, options); }
    /// The names of the models, as a JSON array.
    std::string models() const { return detail::bytes(llmagg_aggregator_models, handle_.get()); }
    /// The state of each route, as llmagg_manager_report gives it.
    std::string report() const { return detail::bytes(llmagg_manager_report, manager_.get()); }
    llmagg_aggregator *get() const noexcept { return handle_.get(); }
    llmagg_manager *manager() const noexcept { return manager_.get(); }

private:
    template <class Function> std::string ask(Function function, std::string_view request, std::string_view options) const {
        return detail::bytes(function, handle_.get(), request.data(), request.size(), detail::data(options), options.size());
    }
    detail::Handle<llmagg_manager, llmagg_manager_free> manager_; // freed after the aggregator
    detail::Handle<llmagg_aggregator, llmagg_aggregator_free> handle_;
};

/// A scripted server on a loopback port, for tests (core/faultwall/SCRIPT.md).
class Wall {
public:
    explicit Wall(std::string_view script = {}) : handle_(detail::make<llmagg_wall>(llmagg_wall_start, detail::data(script), script.size())) {}
    /// As "http://127.0.0.1:40001/v1".
    std::string url() const { return detail::bytes(llmagg_wall_url, handle_.get()); }
    /// The requests that it has seen, as JSON.
    std::string seen() const { return detail::bytes(llmagg_wall_seen, handle_.get()); }

private:
    detail::Handle<llmagg_wall, llmagg_wall_free> handle_;
};

} // namespace llmagg
#endif
