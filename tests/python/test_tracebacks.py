"""The traceback of a failed call: the application's lines, and few of the library's."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable
from typing import Any

import pytest

import llmagg
from conftest import aggregator_for
from llmagg.faultwall import FaultWall

MOST = 3


async def drained(stream: Any) -> None:
    async for _ in stream:
        pass


def functions(error: BaseException) -> tuple[list[str], list[str]]:
    """The functions of a traceback: those of the library, and those of this file."""
    walked = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    frames = [(frame.f_globals["__name__"].split(".")[0], frame.f_code.co_name) for frame in walked]
    return [name for top, name in frames if top == "llmagg"], [name for top, name in frames if top == __name__]


Asks = Callable[[llmagg.LLMAggregator], Any]
BLOCKING: dict[str, Asks] = {
    "chat": lambda llm: llm.chat_sync("Hi"),
    "stream": lambda llm: list(llm.stream_sync("Hi")),
    "stream_text": lambda llm: list(llm.stream_text_sync("Hi")),
    "parse": lambda llm: llm.parse_sync("Hi", int),
    "stream_parse": lambda llm: list(llm.stream_parse_sync("Hi", int)),
    "run_tools": lambda llm: llm.run_tools_sync("Hi", tools=[functions]),
    "embed": lambda llm: llm.embed_sync("Hi"),
    "rerank": lambda llm: llm.rerank_sync("Hi", ["a"]),
    "generate_response": lambda llm: llm.generate_response_sync("Hi"),
    "an option": lambda llm: llm.chat_sync("Hi", deadlin=3),  # type: ignore[call-arg]
    "messages": lambda llm: llm.chat_sync(7),  # type: ignore[arg-type]
    "a model": lambda llm: llm.chat_sync("Hi", model="nobody"),
    "a configuration": lambda llm: llm.initialize_sync({"openai": {"modles": {}}}),
    "the module": lambda _: llmagg.chat_sync("Hi", models="openai/gpt-4o"),
    "the module's stream": lambda _: list(llmagg.stream_text_sync("Hi", models="nobody/x")),
}
AWAITED: dict[str, Asks] = {
    "chat": lambda llm: llm.chat("Hi"),
    "stream": lambda llm: drained(llm.stream("Hi")),
    "parse": lambda llm: llm.parse("Hi", int),
    "stream_parse": lambda llm: drained(llm.stream_parse("Hi", int)),
    "run_tools": lambda llm: llm.run_tools("Hi", tools=[functions]),
    "embed": lambda llm: llm.embed("Hi"),
    "an option": lambda llm: llm.chat("Hi", deadlin=3),  # type: ignore[call-arg]
    "a configuration": lambda llm: llm.initialize({"openai": {"modles": {}}}),
    "the module": lambda _: llmagg.chat("Hi", models="openai/gpt-4o"),
    "the module's stream": lambda _: drained(llmagg.stream("Hi", models="nobody/x")),
}


@pytest.mark.parametrize("what", BLOCKING)
def test_a_blocking_call(llm_wall: FaultWall, what: str) -> None:
    llm_wall.script({"default": {"steps": [{"status": 400}]}})
    llm = aggregator_for(llm_wall, "gpt-a")
    with pytest.raises(llmagg.LLMError) as caught:
        BLOCKING[what](llm)
    ours, yours = functions(caught.value)
    assert 1 <= len(ours) <= MOST, ours
    assert yours == ["test_a_blocking_call", "<lambda>"]


@pytest.mark.parametrize("what", AWAITED)
def test_an_awaited_call(llm_wall: FaultWall, what: str) -> None:
    llm_wall.script({"default": {"steps": [{"status": 400}]}})
    llm = aggregator_for(llm_wall, "gpt-a")

    async def asks() -> None:
        await AWAITED[what](llm)

    with pytest.raises(llmagg.LLMError) as caught:
        asyncio.run(asks())
    ours, yours = functions(caught.value)
    assert 1 <= len(ours) <= MOST, ours
    assert yours[:2] == ["test_an_awaited_call", "asks"]


def test_the_cause_and_other_exceptions_stay(llm_wall: FaultWall) -> None:
    llm_wall.script({"default": {"steps": [{"status": 503}]}})
    llm = aggregator_for(llm_wall, "gpt-a", max_retries=1)
    with pytest.raises(llmagg.AllModelsFailedError) as caught:
        llm.chat_sync("Hi")
    assert isinstance(caught.value.__cause__, llmagg.ServiceUnavailableError)

    def order(_names: list[str], _request: dict[str, Any]) -> list[str]:
        raise ZeroDivisionError("mine")

    llm.strategy = order
    with pytest.raises(ZeroDivisionError) as other:
        llm.chat_sync("Hi")
    assert functions(other.value)[1][-1] == "order"
    assert len(functions(other.value)[0]) > 1, "what is no error of the library keeps all frames"


@pytest.mark.parametrize("kind", [llmagg.LLMError, llmagg.InvalidArgumentError])
@pytest.mark.parametrize("ask", ["chat_sync", "generate_response_sync", "generate_response"])
def test_the_applications_frames_inside_stay(llm_wall: FaultWall, ask: str, kind: type[llmagg.LLMError]) -> None:
    def order(_names: list[str], _request: dict[str, Any]) -> list[str]:
        raise kind("mine")

    llm = aggregator_for(llm_wall, "gpt-a")
    llm.strategy = order
    with pytest.raises(llmagg.LLMError, match="mine") as caught:
        asyncio.run(getattr(llm, ask)("Hi"))
    error = caught.value
    if isinstance(error, llmagg.AllModelsFailedError):  # generate_response makes it of other errors
        assert isinstance(error.__cause__, kind)
        error = error.__cause__
    ours, yours = functions(error)
    assert yours[-1] == "order"
    assert len(ours) <= MOST
