// An answer, and a streamed one, by llmagg.hpp.
//     OPENAI_API_KEY=... [OPENAI_BASE_URL=...] [OPENAI_MODEL=...] ./chat
#include <cstdlib>
#include <iostream>
#include <optional>

#include "llmagg.hpp"

static std::string env(const char *name, const char *otherwise) {
    const char *value = std::getenv(name);
    return value && *value ? value : otherwise;
}

int main() try {
    const std::string key = env("OPENAI_API_KEY", ""), model = env("OPENAI_MODEL", "gpt-4o-mini");
    std::string url = env("OPENAI_BASE_URL", "https://api.openai.com/v1");
    std::optional<llmagg::Wall> wall;
    if (key.empty()) url = wall.emplace().url();
    llmagg::Aggregator llm("{\"openai\": {\"models\": {" + llmagg::json::quote(model) + ": {\"base_url\": " + llmagg::json::quote(url) +
                           ", \"api_key\": " + llmagg::json::quote(key.empty() ? "none" : key) + "}}}}");
    const std::string request = llmagg::user("Say hello in one sentence.");
    std::cout << llmagg::text(llm.chat(request, R"({"deadline": 30})")) << "\n";
    for (const llmagg::Event &event : llm.stream(request)) {
        std::cout << event.text() << std::flush;
        if (event.done()) std::cout << "\n" << event.payload << "\n";
    }
} catch (const llmagg::Error &failed) {
    std::cerr << failed.what() << "\n";
    return 1;
}
