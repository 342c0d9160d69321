"""Calls on a client that the application has switched off, beside each other and beside those of aggregators."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

import llmagg
from conftest import HELLO, aggregator_for, chats, until
from llmagg._native import load, route
from llmagg.faultwall import FaultWall

REQUEST = llmagg.ChatCompletionRequest("gpt-a", [llmagg.Message("user", "x")])
SWITCH = "llmagg_client_set_available"


@pytest.fixture
def at_switch(monkeypatch: pytest.MonkeyPatch) -> list[Callable[[int], None]]:
    """Functions that are called after each change of the core's switch, with its state."""
    told: list[Callable[[int], None]] = []

    def call(name: str, *args: Any) -> None:
        original(name, *args)
        if name == SWITCH:
            for tell in list(told):
                tell(args[-1])

    original = load.call
    monkeypatch.setattr(load, "call", call)
    return told


class _Lock:
    """A lock that tells when a thread asks for it."""

    def __init__(self, asked: Callable[[], None]) -> None:
        self._lock, self._asked = threading.RLock(), asked

    def __enter__(self) -> None:
        self._asked()
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def _client(wall: FaultWall) -> Any:
    client = aggregator_for(wall, "gpt-a").manager.get_llm_client("openai", "gpt-a")
    assert client.chat_completion_sync(REQUEST).model == "gpt-a"
    client.set_available(False)
    return client


def test_a_call_that_begins_while_the_last_one_switches_the_route_off(
    llm_wall: FaultWall, at_switch: list[Callable[[int], None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = _client(llm_wall)
    came, answers = threading.Event(), []

    def second() -> None:
        try:
            answers.append(client.chat_completion_sync(REQUEST))
        except llmagg.LLMError as error:
            answers.append(error)
        finally:
            came.set()

    thread = threading.Thread(target=second)
    monkeypatch.setattr(route, "_lock", _Lock(lambda: came.set() if threading.current_thread() is thread else None))

    def off(state: int) -> None:
        if not state:
            at_switch.clear()
            thread.start()
            assert came.wait(20)

    at_switch.append(off)
    assert client.chat_completion_sync(REQUEST).model == "gpt-a"
    thread.join(20)
    assert [getattr(answer, "model", answer) for answer in answers] == ["gpt-a"]
    assert isinstance(answers[0], llmagg.ChatCompletionResponse)


@pytest.mark.parametrize("available", [True, False])
def test_a_call_does_not_list_the_running_ones(
    llm_wall: FaultWall, available: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else ten thousand of them would make each call cost a millisecond."""
    client = _client(llm_wall)
    client.set_available(available)

    def listed(*_: Any) -> Any:
        raise AssertionError("the running calls were listed")

    running = type(route.route_of(client).calls)
    for name in ("values", "items", "keys", "__iter__"):
        monkeypatch.setattr(running, name, listed, raising=False)
    assert client.chat_completion_sync(REQUEST).model == "gpt-a"
    assert [chunk.model for chunk in client.chat_completion_stream_sync(REQUEST)]


def test_a_call_on_a_client_that_is_switched_on_does_not_touch_the_switch(
    llm_wall: FaultWall, at_switch: list[Callable[[int], None]]
) -> None:
    client = _client(llm_wall)
    states: list[int] = []
    at_switch.append(states.append)
    assert client.chat_completion_sync(REQUEST).model == "gpt-a"
    assert states == [1, 0]
    client.set_available(True)
    assert client.chat_completion_sync(REQUEST).model == "gpt-a"
    assert states == [1, 0, 1]


@contextlib.asynccontextmanager
async def _off_meanwhile(aggregator: llmagg.LLMAggregator) -> AsyncIterator[Any]:
    """The second client of an aggregator, switched off, while a call of the aggregator waits at the first one. This one
    fails at the end; the call must not ask the second one then.
    """
    begun, failing = asyncio.Event(), asyncio.Event()

    async def fail(_: Any) -> None:
        begun.set()
        await failing.wait()
        raise llmagg.APIError("down")

    first, second = (aggregator.manager.get_llm_client("openai", name) for name in ("gpt-b", "gpt-a"))
    first.chat_completion = fail
    second.set_available(False)
    asked = asyncio.create_task(aggregator.generate_response(HELLO))
    await begun.wait()
    yield second
    failing.set()
    with pytest.raises(llmagg.AllModelsFailedError):
        await asked


def test_a_call_on_a_client_that_is_switched_off_switches_it_on_for_nobody_else(llm_wall: FaultWall, run: Any) -> None:
    """A call of an aggregator that is under way meanwhile does not ask the route."""
    aggregator = aggregator_for(llm_wall, "gpt-b", "gpt-a", max_retries=1)

    async def check() -> None:
        async with _off_meanwhile(aggregator) as client:
            assert (await client.chat_completion(REQUEST)).model == "gpt-a"
            assert [chunk async for chunk in client.chat_completion_stream(REQUEST)]
        assert len(chats(llm_wall)) == 2

    run(check())


def test_calls_with_two_handles(llm_wall: FaultWall, run: Any) -> None:
    """While a call runs, a replaced hook gives the client a second handle. Each is off after its own calls."""
    aggregator = aggregator_for(llm_wall, "gpt-b", "gpt-a", max_retries=1)
    llm_wall.script({"default": {"steps": [{"forever": True, "delay_event_s": 0.01}, {}]}})

    async def check() -> None:
        async with _off_meanwhile(aggregator) as client:
            chunks = client.chat_completion_stream(REQUEST)
            await anext(chunks)
            client._get_headers = lambda: {"Authorization": "Bearer k"}
            assert (await client.chat_completion(REQUEST)).model == "gpt-a"
            del client._get_headers
            (operation,) = route.route_of(client).calls.running()
            await chunks.aclose()
            await until(lambda: operation.done)
        assert len(chats(llm_wall)) == 2

    run(check())


def test_the_switch_moves_while_a_call_runs(llm_wall: FaultWall, at_switch: list[Callable[[int], None]]) -> None:
    """The end of the call leaves the core with the application's last word."""
    client = _client(llm_wall)
    llm_wall.script({"default": {"steps": [{"delay_event_s": 0.05}]}})  # the call lasts while the switch moves
    states: list[int] = []
    at_switch.append(states.append)
    for words in ([True], [True, False]):
        client.set_available(False)
        chunks = client.chat_completion_stream_sync(REQUEST)
        assert next(chunks)
        for word in words:
            client.set_available(word)
        assert list(chunks) and states[-1] == words[-1]


def test_a_call_that_is_refused_leaves_the_route_off(
    llm_wall: FaultWall, at_switch: list[Callable[[int], None]]
) -> None:
    client = _client(llm_wall)
    states: list[int] = []
    at_switch.append(states.append)
    with pytest.raises(llmagg.InvalidArgumentError):
        client.chat_completion_sync(llmagg.ChatCompletionRequest("gpt-a", [], temperature="hot"))  # type: ignore[arg-type]
    assert states == [1, 0]
