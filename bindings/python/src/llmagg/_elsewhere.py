"""Attributes as other libraries call them, and what they are here."""

from __future__ import annotations

_ASK = "chat(), and without a coroutine chat_sync(), asks for an answer"
_OBJECT = "LLMAggregator(['openai/gpt-4o-mini', …]) is the object that asks; chat_sync() needs none"
OF_MODULE: dict[str, str] = {
    **dict.fromkeys(("completion", "acompletion", "completions", "ask", "generate", "invoke", "responses"), _ASK),
    **dict.fromkeys(("chat_async", "achat", "ainvoke"), _ASK),
    **dict.fromkeys(("astream", "stream_chat", "chat_stream"), "stream_text() and stream() stream an answer"),
    **dict.fromkeys(("OpenAI", "AsyncOpenAI", "Client", "AsyncClient", "Router", "Anthropic", "ChatOpenAI"), _OBJECT),
    **dict.fromkeys(("LLM", "AsyncLLM", "Aggregator"), _OBJECT),
    **dict.fromkeys(("embedding", "aembedding", "embeddings"), "embed(), and without a coroutine embed_sync(), embeds"),
    "arerank": "rerank() is for coroutines",
    "tool": "run_tools() takes functions as they are",
}
OF_AGGREGATOR: dict[str, str] = {
    **dict.fromkeys(("completion", "acompletion", "completions", "ask", "invoke", "ainvoke", "achat"), _ASK),
    **dict.fromkeys(("generate", "responses", "messages", "run", "predict", "create", "query"), _ASK),
    **dict.fromkeys(("astream", "stream_chat", "chat_stream"), "stream_text() and stream() stream an answer"),
    **dict.fromkeys(("embeddings", "embedding", "aembedding"), "embed() embeds"),
    **dict.fromkeys(("configure", "setup", "add_model", "add_provider", "load_config"), "initialize() takes models"),
    **dict.fromkeys(("with_structured_output", "beta"), "parse() asks for an object of a class"),
    **dict.fromkeys(("bind_tools", "tools"), "run_tools() calls functions"),
    "batch": "llmagg.bulk.run() asks many rows",
}
OF_RESPONSE: dict[str, str] = {
    **dict.fromkeys(("content", "message", "output_text", "output", "completion", "answer"), "its text is 'text'"),
    "finish_reason": "each choice has one: response.choices[0].finish_reason",
    "provider": "the route that answered is 'route'",
    **dict.fromkeys(("model_dump", "dict", "json", "model_dump_json"), "to_dict() and to_json() write it"),
    **dict.fromkeys(("duration", "latency", "status"), "each attempt has one: response.attempts[-1].duration, .status"),
    **dict.fromkeys(("tokens", "total_tokens", "prompt_tokens", "completion_tokens"), "the counts are in 'usage'"),
    **dict.fromkeys(("input_tokens", "output_tokens"), "the counts are in 'usage': prompt_tokens, completion_tokens"),
    **dict.fromkeys(("parsed", "output_parsed"), "parse() asks for an object of a class, and gives it as 'value'"),
    **dict.fromkeys(("error", "success", "ok", "status_code"), "a call that fails raises an LLMError"),
}
OF_CHOICE: dict[str, str] = {
    **dict.fromkeys(("text", "content", "output"), "its text is 'message.content', the answer's response.text"),
    "delta": "a whole answer has 'message'; stream_text() and stream() give pieces",
    "tool_calls": "the calls are in 'message.tool_calls', and in response.tool_calls",
}
OF_USAGE: dict[str, str] = {
    "input_tokens": "it is called 'prompt_tokens'",
    "output_tokens": "it is called 'completion_tokens'",
    "cost": "the response has it: response.cost",
}
OF_PARSED: dict[str, str] = {
    **dict.fromkeys(("parsed", "data", "result", "output", "object", "output_parsed"), "the object is 'value'"),
    **dict.fromkeys(("text", "usage", "cost", "route", "choices"), "the answer has it: parsed.response"),
}
OF_EMBEDDINGS: dict[str, str] = dict.fromkeys(
    ("data", "embedding", "vectors", "vector", "output"), "the vectors are in 'embeddings'"
)
OF_ERROR: dict[str, str] = {
    "status_code": "it is called 'status'",
    "response": "the server's answer is in 'body' and 'status'",
    **dict.fromkeys(("route", "llm_provider"), "it is in 'provider' and 'model'"),
}

TABLES: dict[str, dict[str, str]] = {
    "": {},
    "module": OF_MODULE,
    "aggregator": OF_AGGREGATOR,
    "response": OF_RESPONSE,
    "choice": OF_CHOICE,
    "usage": OF_USAGE,
    "parsed": OF_PARSED,
    "embeddings": OF_EMBEDDINGS,
    "error": OF_ERROR,
}
