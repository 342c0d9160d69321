"""A model for agents of ``pydantic-ai``: its model for OpenAI's API, over an aggregator in the same process.

Example::

    agent = Agent(llmagg.adapters.pydantic_ai.model(llm), output_type=City)
    print((await agent.run("Name a city in Germany.")).output)

Needs ``pydantic-ai-slim[openai]``. Tools, structured output, streams and usage are pydantic-ai's own.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from llmagg import LLMAggregator

from . import openai as transport


def model(llm: LLMAggregator, name: str = "auto", **arguments: Any) -> Any:
    """An ``OpenAIChatModel``; ``name`` is "auto" for the aggregator's list, or a model as in the aggregator.

    ``arguments`` are the model's (``settings``, ``profile``). Options of a call go through the settings:
    ``{"extra_body": {"llmagg": {"deadline": 30}}}``.
    """
    models = import_module("pydantic_ai.models.openai")
    providers = import_module("pydantic_ai.providers.openai")
    client = import_module("openai").AsyncOpenAI(**transport.async_arguments(llm))
    return models.OpenAIChatModel(name, provider=providers.OpenAIProvider(openai_client=client), **arguments)
