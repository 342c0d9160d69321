"""Lists of models in OpenAI's shape."""

from __future__ import annotations

from typing import Any

from llmagg import catalog, lookup
from llmagg.aggregator import LLMAggregator


def routes(llm: LLMAggregator) -> list[str]:
    """The routes that calls may take, as "provider/model", in order."""
    return [f"{entry.provider}/{entry.name}" for entry in lookup.tried(llm) if catalog.is_available(entry.client)]


def model(name: str) -> dict[str, Any]:
    """One model."""
    return {"id": name, "object": "model", "created": 0, "owned_by": name.partition("/")[0]}


def listed(names: list[str]) -> dict[str, Any]:
    """A list of models."""
    return {"object": "list", "data": [model(name) for name in names]}
