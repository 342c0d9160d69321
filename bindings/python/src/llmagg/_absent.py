"""Attributes that an object or a module does not have: the AttributeError says which one was meant.

Only ``__getattr__`` is used, which Python asks where nothing was found: type checkers do not see it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

C = TypeVar("C", bound=type)

_ASK = "chat(), and without a coroutine chat_sync(), asks for an answer"
OF_MODULE: dict[str, str] = {
    **dict.fromkeys(("completion", "acompletion", "completions", "ask", "generate", "invoke", "responses"), _ASK),
    **dict.fromkeys(
        ("OpenAI", "AsyncOpenAI", "Client", "AsyncClient", "LLM", "Router", "Anthropic", "ChatOpenAI"),
        "LLMAggregator(['openai/gpt-4o-mini', …]) is the object that asks; chat_sync() needs none",
    ),
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
OF_USAGE: dict[str, str] = {
    "input_tokens": "it is called 'prompt_tokens'",
    "output_tokens": "it is called 'completion_tokens'",
    "cost": "the response has it: response.cost",
}
OF_PARSED: dict[str, str] = {
    **dict.fromkeys(("parsed", "data", "result", "output", "object", "output_parsed"), "the object is 'value'"),
    **dict.fromkeys(("text", "usage", "cost", "route", "choices"), "the answer has it: parsed.response"),
}
OF_EVENT: dict[str, str] = {
    **dict.fromkeys(("choices", "usage", "id", "model"), "the chunk has it: event.chunk"),
    **dict.fromkeys(("content", "delta", "message", "data"), "the chunk's text is 'text'"),
}
OF_EMBEDDINGS: dict[str, str] = dict.fromkeys(
    ("data", "embedding", "vectors", "vector", "output"), "the vectors are in 'embeddings'"
)
OF_ERROR: dict[str, str] = {
    "status_code": "it is called 'status'",
    "response": "the server's answer is in 'body' and 'status'",
    **dict.fromkeys(("route", "llm_provider"), "it is in 'provider' and 'model'"),
}


def error(what: str, name: str, known: list[str], meant: Mapping[str, str]) -> AttributeError:
    """The error for an attribute that ``what`` does not have."""
    if name[:1] == "_":  # Python, pytest and notebooks ask for many of these
        return AttributeError(f"{what} has no attribute {name!r}")
    hint = meant.get(name, "")
    if not hint:
        from difflib import get_close_matches  # slow to import

        names = {other.lower(): other for other in known if other[:1] != "_"}
        found = get_close_matches(name.lower(), list(names), 1, 0.75)
        hint = f"did you mean {names[found[0]]!r}?" if found else ""
    return AttributeError(f"{what} has no attribute {name!r}" + (f"; {hint}" if hint else ""))


def told(meant: Mapping[str, str] | None = None) -> Callable[[C], C]:
    """Makes a class say which attribute was meant: its nearest one, or what ``meant`` says of another library's."""

    def made(cls: C) -> C:
        def absent(self: Any, name: str) -> Any:
            if hasattr(type(self), name):  # a property raised the error: raise that one
                return object.__getattribute__(self, name)
            raise error(f"{type(self).__name__!r} object", name, dir(self), meant or {})

        cls.__getattr__ = absent  # type: ignore[attr-defined]
        return cls

    return made


class _Elsewhere:
    """An attribute that a class does not have. Unlike ``__getattr__`` it costs other attributes nothing."""

    def __init__(self, name: str, hint: str) -> None:
        self.name, self.hint = name, hint

    def __get__(self, instance: Any, owner: type) -> Any:
        what = f"{owner.__name__!r} object" if instance is not None else f"type object {owner.__name__!r}"
        raise AttributeError(f"{what} has no attribute {self.name!r}; {self.hint}")


def told_few(meant: Mapping[str, str]) -> Callable[[C], C]:
    """Makes a class say what is meant by the names of ``meant`` alone: for the objects of a stream, which are many."""

    def made(cls: C) -> C:
        for name, hint in meant.items():
            setattr(cls, name, _Elsewhere(name, hint))

        def listed(self: Any) -> list[str]:
            return sorted(set(object.__dir__(self)) - set(meant))

        cls.__dir__ = listed  # type: ignore[method-assign,assignment]
        return cls

    return made
