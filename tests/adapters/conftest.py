"""An aggregator over the fault wall, for each adapter."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

import llmagg
from llmagg.faultwall import FaultWall

CALL = {"tool_calls": [{"name": "weather", "arguments": {"city": "Ulm"}}], "times": 1}
SCRIPT = {
    "models": {
        "down": {"steps": [{"status": 503}]},
        "tools": {"steps": [CALL, {"text": "It rains in Ulm."}]},
        "json": {"steps": [{"text": '{"name": "Ulm", "people": 130000}'}]},
        "breaks": {"steps": [{"text": "a b c", "cut": {"how": "close", "after_events": 2}}]},
        "endless": {"steps": [{"forever": True, "delay_event_s": 0.01}]},
    }
}
MODELS = ("down", "good", "tools", "json", "breaks", "endless")


@pytest.fixture
def wall() -> Iterator[FaultWall]:
    with FaultWall(SCRIPT) as wall:
        yield wall


@pytest.fixture
def llm(wall: FaultWall) -> Iterator[llmagg.LLMAggregator]:
    models = {name: {"api_key": "k-upstream", "base_url": wall.url, "retry": {"backoff_s": 0.01}} for name in MODELS}
    llmagg.get_manager().clear()
    with llmagg.LLMAggregator(["shop/down", "shop/good"]) as made:
        made.initialize_sync({"shop": {"models": models}})
        yield made
    llmagg.get_manager().clear()


@pytest.fixture
def run() -> Callable[[Coroutine[Any, Any, Any]], Any]:
    return lambda coroutine: asyncio.run(asyncio.wait_for(coroutine, 30))
