"""Parameters that a function has beside those of a call: which of them a wrong name was meant to be."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ._known import is_known
from ._parameters import nearest
from .errors import InvalidArgumentError

_SOURCE = ("rows", "source", "input", "inputs", "prompts", "data", "dataset", "file", "path", "requests", "messages",
           "input_file", "src")  # fmt: skip
NEEDED: dict[str, tuple[str, ...]] = {
    "messages": (
        "prompt", "input", "inputs", "message", "msgs", "text", "query", "question", "content", "contents", "request",
        "user_message", "user_prompt", "conversation", "history", "chat_history",
    ),
    "form": (
        "response_model", "response_format", "response_schema", "response_type", "output_type", "output_schema",
        "output_model", "output_cls", "result_type", "return_type", "schema", "json_schema", "model_cls", "model_class",
        "data_model", "pydantic_model", "pydantic_object", "text_format", "format", "cls", "type", "target", "into",
    ),
    "input": (
        "texts", "text", "inputs", "documents", "document", "docs", "content", "contents", "prompt", "query",
        "sentences", "strings", "data", "messages",
    ),
    "query": ("q", "text", "question", "prompt", "input", "search_query", "messages"),
    "documents": ("docs", "document", "texts", "passages", "candidates", "input", "inputs", "contents", "items",
                  "records", "choices"),
    "tools": ("functions", "function", "funcs", "tool", "callables", "toolset", "toolsets", "available_functions"),
    "source": _SOURCE,
    "rows": _SOURCE,
    "destination": ("output", "outputs", "output_file", "out", "target", "results", "answers", "to", "dest", "dst"),
}  # fmt: skip
"""What other libraries call an argument that a function needs."""
OTHERS: dict[str, dict[str, str]] = {
    "embed": {
        **dict.fromkeys(("dim", "dims", "size", "output_dimensionality", "truncate_dim"), "dimensions"),
        **dict.fromkeys(("task_type", "kind", "prompt_name", "type"), "input_type"),
        **dict.fromkeys(("as_numpy", "return_numpy", "convert_to_numpy"), "numpy"),
    },
    "rerank": dict.fromkeys(("top_k", "top", "k", "n", "limit", "max_results", "num_results"), "top_n"),
    "run_tools": {
        **dict.fromkeys(("max_turns", "max_iterations", "max_steps", "max_loops", "max_tool_rounds", "recursion_limit",
                         "rounds"), "max_rounds"),
        **dict.fromkeys(("max_tokens_total", "total_tokens_limit", "token_limit", "token_budget"), "max_total_tokens"),
    },
    "parse": dict.fromkeys((name for name in NEEDED["form"] if name not in ("response_format", "format")), "form"),
}  # fmt: skip
"""What other libraries call the parameters of a function that it has beside those of calls. Fields of servers that the
library itself speaks to are none of them (``task`` of Jina, ``output_dimension`` of Mistral).
"""
_EXAMPLES = {
    "form": "{}(messages, City)",
    "input": "{}(['a text'])",
    "query": "{}('red fish', documents)",
    "documents": "{}('red fish', documents)",
    "tools": "{}(messages, tools=[function])",
    "source": "{}('rows.jsonl', 'answers.jsonl', llm)",
    "destination": "{}('rows.jsonl', 'answers.jsonl', llm)",
    "rows": "{}(rows, llm)",
}
_FITS: dict[str, Callable[[Any], bool]] = {
    "form": lambda value: isinstance(value, type),
    "tools": lambda value: isinstance(value, (list, tuple)) and bool(value) and all(map(callable, value)),
}
"""Values that are nothing else than an argument of this name."""


def refuse(
    function: str, own: Iterable[str] | None, params: Mapping[str, object], others: Mapping[str, str] | None = None,
    more: str = "",
) -> None:  # fmt: skip
    """Refuses a name that is nearly one of the function's own (its ``__kwdefaults__``, or names), or what ``others``
    say that other libraries call it. Raises InvalidArgumentError. The core refuses what no call knows.
    """
    for key in params:
        near = (others or {}).get(key)
        if near is None and not is_known(key):
            near = nearest(key, own or ())
        if near:
            raise InvalidArgumentError(f'{function}() has no parameter {key!r}; did you mean "{near}"?{more}')


def refuse_of_other(request: Mapping[str, Any], params: Mapping[str, object]) -> None:
    """Refuses wrong names in a call that is no chat. Raises InvalidArgumentError."""
    function = "embed" if "input" in request else "rerank"
    more = ' (server-specific fields go into "extra_body")'
    refuse(function, (*request, "numpy"), params, OTHERS[function], more)


def missing(function: str, name: str, params: Mapping[str, Any]) -> Exception:
    """The error for an argument that a call lacks: it may stand under another name among its other parameters."""
    example = _EXAMPLES.get(name, "{}('Hello')").format(function)
    for key, value in params.items():
        fits = _FITS.get(name)
        if key in NEEDED[name] or (not is_known(key) and (nearest(key, (name,)) or (fits and fits(value)))):
            return InvalidArgumentError(
                f'{function}() has no parameter {key!r}; did you mean "{name}", as in {example}?'
            )
    return TypeError(f"{function}() needs the argument {name!r}: {example}")


def refuse_alias(name: str) -> None:
    """Refuses a name that is nearly Python's own name of an option, which the core does not know."""
    if nearest(name, ["extra_headers"]):
        raise InvalidArgumentError(f'unknown call option "{name}"; did you mean "extra_headers"?')


def refuse_form(key: str, value: object) -> None:
    """Refuses a class under another library's name for what the answer shall be. Raises InvalidArgumentError."""
    if key in NEEDED["form"] and isinstance(value, type):
        raise InvalidArgumentError(f'unknown call option "{key}"; parse(messages, City) asks for an object of a class')
