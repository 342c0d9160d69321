"""A chat model for LangChain: LangChain's own ``ChatOpenAI``, with an aggregator of this process as its server.

Example::

    model = llmagg.adapters.langchain.chat_model(llm)
    print(model.with_structured_output(City).invoke("Name a city in Germany."))

Needs ``langchain-openai``. ``bind_tools``, ``with_structured_output``, streams, batches and usage work as in LangChain;
``response_metadata["headers"]["x-llmagg-route"]`` names the route that answered.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from llmagg import LLMAggregator

from . import openai as transport


def chat_model(llm: LLMAggregator, name: str = "auto", **arguments: Any) -> Any:
    """A ``ChatOpenAI``; ``name`` is "auto" for the aggregator's list, or a model as in the aggregator.

    ``arguments`` are the model's (``temperature``, ``callbacks``). Options of a call go through ``extra_body``:
    ``{"llmagg": {"deadline": 30}}``.
    """
    given = transport.arguments(llm)
    defaults = {"stream_usage": True, "include_response_headers": True, "use_responses_api": False}
    return import_module("langchain_openai").ChatOpenAI(
        model=name, http_async_client=transport.async_http_client(llm), **{**defaults, **given, **arguments}
    )
