"""An LLM for LlamaIndex: its class for servers with OpenAI's API, over an aggregator in the same process.

Example::

    model = llmagg.adapters.llama_index.llm(llm)
    print(model.as_structured_llm(City).complete("Name a city in Germany.").raw)

Needs ``llama-index-llms-openai-like``. Chats, streams, tools and structured output are LlamaIndex's own.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from llmagg import LLMAggregator

from . import openai as transport


def llm(aggregator: LLMAggregator, name: str = "auto", **arguments: Any) -> Any:
    """An ``OpenAILike``; ``name`` is "auto" for the aggregator's list, or a model as in the aggregator.

    ``arguments`` are the model's (``temperature``, ``context_window``). Options of a call go through
    ``additional_kwargs``: ``{"extra_body": {"llmagg": {"deadline": 30}}}``.
    """
    given = transport.arguments(aggregator)
    given["api_base"] = given.pop("base_url")
    defaults = {"is_chat_model": True, "is_function_calling_model": True}
    return import_module("llama_index.llms.openai_like").OpenAILike(
        model=name,
        async_http_client=transport.async_http_client(aggregator),
        **{**defaults, **given, **arguments},
    )
