// The C interface with RAII: three small wrappers are all that C++17 needs.
//     OPENAI_API_KEY=... [OPENAI_BASE_URL=...] [OPENAI_MODEL=...] ./chat
#include <cstdlib>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>

#include "llmagg.h"

template <auto Free> struct Deleter {
    template <class T> void operator()(T *handle) const { Free(handle); }
};
using Manager = std::unique_ptr<llmagg_manager, Deleter<llmagg_manager_free>>;
using Aggregator = std::unique_ptr<llmagg_aggregator, Deleter<llmagg_aggregator_free>>;
using Wall = std::unique_ptr<llmagg_wall, Deleter<llmagg_wall_free>>;
using Error = std::unique_ptr<llmagg_error, Deleter<llmagg_error_free>>;

// Calls a function of the library with its llmagg_error ** at the end, and throws what it puts there.
template <class Function, class... Arguments> void call(Function function, Arguments... arguments) {
    llmagg_error *raw = nullptr;
    llmagg_status status = function(arguments..., &raw);
    Error error(raw);
    if (status != LLMAGG_OK) throw std::runtime_error(llmagg_error_message(error.get()));
}

template <class Owner, class Function, class... Arguments> Owner make(Function function, Arguments... arguments) {
    typename Owner::pointer handle = nullptr;
    call(function, arguments..., &handle);
    return Owner(handle);
}

template <class Function, class... Arguments> std::string text(Function function, Arguments... arguments) {
    llmagg_buf buf{};
    call(function, arguments..., &buf);
    std::unique_ptr<llmagg_buf, Deleter<llmagg_buf_free>> owner(&buf);
    return {buf.ptr, buf.len};
}

static std::string env(const char *name, const std::string &otherwise) {
    const char *value = std::getenv(name);
    return value && *value ? value : otherwise;
}

int main() try {
    std::string key = env("OPENAI_API_KEY", ""), url = env("OPENAI_BASE_URL", ""), model = env("OPENAI_MODEL", "gpt-4o-mini");
    Wall wall;
    if (key.empty()) {
        wall = make<Wall>(llmagg_wall_start, nullptr, 0);
        url = text(llmagg_wall_url, wall.get());
    }
    auto manager = make<Manager>(llmagg_manager_new);
    auto aggregator = make<Aggregator>(llmagg_aggregator_new, manager.get(), nullptr, 0);
    std::string config = R"({"openai":{"models":{")" + model + R"(":{"api_key":")" + (wall ? "none" : key) + R"(","base_url":")" + url + R"("}}}})";
    std::string request = R"({"messages":[{"role":"user","content":"Say hello in one sentence."}]})";
    call(llmagg_aggregator_initialize, aggregator.get(), config.data(), config.size());
    std::cout << text(llmagg_aggregator_chat, aggregator.get(), request.data(), request.size(), nullptr, 0) << "\n";
} catch (const std::exception &problem) { return std::cerr << problem.what() << "\n", 1; }
