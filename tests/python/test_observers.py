"""Observers (O2): typed observations of everything that happens inside calls, live, without ever holding up a call."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterable
from typing import Any

import pytest

import llmagg
from conftest import HELLO, aggregator_for, python
from llmagg import Observation
from llmagg.faultwall import FaultWall

DOWN = {"status": 503}


def script(**models: list[dict[str, Any]]) -> dict[str, Any]:
    return {"models": {name: {"steps": steps} for name, steps in models.items()}}


def kinds(events: Iterable[Observation]) -> list[str]:
    return [event.event for event in events]


def test_attempts_retry_and_failover(llm_wall: FaultWall) -> None:
    llm_wall.script(script(bad=[DOWN], good=[{}]))
    aggregator = aggregator_for(llm_wall, "bad", "good")
    before = time.time()
    with llmagg.observe_sync() as observer:
        response = aggregator.chat_sync(HELLO)
    events = list(observer)
    assert kinds(events) == [
        "attempt_started", "attempt_ended", "retry_scheduled", "attempt_started", "attempt_ended", "failover",
        "attempt_started", "attempt_ended",
    ]  # fmt: skip
    assert [event.attempt for event in events if event.attempt] == response.attempts
    assert {event.call for event in events} == {response.id_of_call} != {0}
    assert response.to_dict()["id_of_call"] == response.id_of_call
    assert [event.route for event in events[:6]] == ["openai/bad"] * 6
    assert all(before - 1 < event.time < time.time() + 1 for event in events)
    ended, retry, failover = events[1], events[2], events[5]
    assert (ended.code, ended.attempt and ended.attempt.status) == ("UNAVAILABLE", 503)
    assert 0 < retry.wait <= 0.02
    assert (retry.code, failover.code, failover.to) == ("UNAVAILABLE", "UNAVAILABLE", "openai/good")
    assert "503" in failover.message
    assert events[7].code == ""
    assert observer.dropped == 0


def test_an_error_has_the_number_of_its_call(llm_wall: FaultWall) -> None:
    llm_wall.script(script(bad=[DOWN]))
    aggregator = aggregator_for(llm_wall, "bad")
    with llmagg.observe_sync() as observer, pytest.raises(llmagg.AllModelsFailedError) as caught:
        aggregator.chat_sync(HELLO)
    assert {event.call for event in observer if event.attempt} == {caught.value.id_of_call}


def test_restart(llm_wall: FaultWall) -> None:
    cut = {"text": "one two three four", "cut": {"how": "reset", "after_events": 3}}
    llm_wall.script(script(first=[cut], second=[{}]))
    aggregator = aggregator_for(llm_wall, "first", "second", max_retries=1)
    with llmagg.observe_sync() as observer:
        events = list(aggregator.stream_sync(HELLO, on_interrupt="restart"))
    assert "restart" in [event.type for event in events]
    (restart,) = [event for event in observer if event.event == "restart"]
    assert (restart.route, restart.to) == ("openai/first", "openai/second")
    assert restart.code in {"UNAVAILABLE", "STREAM_INTERRUPTED"}


def test_hedge(llm_wall: FaultWall) -> None:
    """In a process of its own: hedges are a share of the calls of the process."""
    llm_wall.script(script(slow=[{"delay_body_s": 5}], fast=[{}]))
    code = """
import sys, llmagg
config = {"api_key": "k", "base_url": sys.argv[1]}
aggregator = llmagg.LLMAggregator()
aggregator.initialize_sync({"openai": {"models": {"slow": config, "fast": config}}})
with llmagg.observe_sync() as observer:
    list(aggregator.stream_sync([{"role": "user", "content": "x"}], hedge_after=0.05))
print(*(f"{event.route} {event.to}" for event in observer if event.event == "hedge"))
"""
    result = python(code, llm_wall.url)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == "openai/slow openai/fast\n"


def test_breaker_and_health(llm_wall: FaultWall) -> None:
    llm_wall.script({"models": {"bad": {"steps": [DOWN]}}, "health": {"steps": [{}, DOWN]}})
    aggregator = aggregator_for(llm_wall, "bad", max_retries=1, breaker={"failures": 2, "open_s": 30})
    with llmagg.observe_sync() as observer:
        for _ in range(2):
            with pytest.raises(llmagg.AllModelsFailedError):
                aggregator.chat_sync(HELLO)
        for _ in range(3):
            aggregator.health_check_sync()
    events = list(observer)
    changes = [(event.from_state, event.state) for event in events if event.event == "breaker_changed"]
    assert changes == [("closed", "open")]
    assert [event.state for event in events if event.event == "health_changed"] == ["up", "down"]


def test_live_in_an_event_loop(llm_wall: FaultWall, run: Any) -> None:
    """Events arrive while the call still runs, and a step that is cancelled loses nothing."""
    llm_wall.script(script(held=[{"delay_headers_s": 1}]))
    aggregator = aggregator_for(llm_wall, "held")

    async def main() -> list[str]:
        async with llmagg.observe() as events:
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(anext_of(events), 0.01)
            call = asyncio.create_task(aggregator.chat(HELLO))
            started = await anext_of(events)
            assert not call.done()
            await call
            seen = [started.event, (await anext_of(events)).event]
        return seen + [event.event async for event in events]

    assert run(main()) == ["attempt_started", "attempt_ended"]


async def anext_of(events: llmagg.Observer) -> Observation:
    return await events.__anext__()


def test_a_thread_reads_live_and_close_ends_it(llm_wall: FaultWall) -> None:
    aggregator = aggregator_for(llm_wall, "m")
    seen: list[str] = []
    two = threading.Event()

    def read(observer: llmagg.SyncObserver) -> None:
        for event in observer:
            seen.append(event.event)
            if len(seen) == 2:
                two.set()

    with llmagg.observe_sync() as observer:
        thread = threading.Thread(target=read, args=(observer,))
        thread.start()
        aggregator.chat_sync(HELLO)
        assert two.wait(10)
        assert thread.is_alive()
    thread.join(10)
    assert not thread.is_alive()
    assert seen == ["attempt_started", "attempt_ended"]


def test_custom_clients_are_observed(llm_wall: FaultWall) -> None:
    class Raising(llmagg.BaseLLMClient):
        async def chat_completion(self, request: Any) -> Any:
            raise ValueError("no such luck")

        async def chat_completion_stream(self, request: Any) -> Any:
            raise ValueError("no such luck")
            yield

    aggregator = aggregator_for(llm_wall, "mine", "good", max_retries=1)
    provider = llmagg.get_manager().get_provider("openai")
    provider.clients["mine"] = Raising(provider.clients["mine"].config)
    with llmagg.observe_sync() as observer:
        aggregator.chat_sync(HELLO)
    ended = [event for event in observer if event.event == "attempt_ended"]
    assert [event.route for event in ended] == ["openai/mine", "openai/good"]
    assert "no such luck" in ended[0].message


def test_one_that_lags_behind_is_told_what_it_lost(llm_wall: FaultWall) -> None:
    aggregator = aggregator_for(llm_wall, "m")
    with llmagg.observe_sync(buffer=3) as small, llmagg.observe_sync() as large:
        for _ in range(4):
            aggregator.chat_sync(HELLO)
    assert kinds(large) == ["attempt_started", "attempt_ended"] * 4
    events = list(small)
    assert kinds(events) == ["attempt_started", "attempt_ended", "attempt_started", "dropped"]
    assert (events[-1].dropped, small.dropped, large.dropped) == (5, 5, 0)
    assert str(events[-1]) == "dropped: 5 observations"


def test_each_observer_sees_its_own_time(llm_wall: FaultWall) -> None:
    aggregator = aggregator_for(llm_wall, "m")
    with llmagg.observe_sync() as outer:
        aggregator.chat_sync(HELLO)
        with llmagg.observe_sync() as inner:
            aggregator.chat_sync(HELLO)
        aggregator.chat_sync(HELLO)
    aggregator.chat_sync(HELLO)
    assert [len(list(observer)) for observer in (outer, inner)] == [6, 2]


def test_wrong_use() -> None:
    for buffer in (0, -1):
        with pytest.raises(llmagg.InvalidArgumentError, match="buffer"):
            llmagg.observe_sync(buffer=buffer)
    with pytest.raises(llmagg.InvalidArgumentError, match="with observe_sync"):
        next(llmagg.observe_sync())
    with llmagg.observe_sync() as observer:
        pass
    observer.close()
    with pytest.raises(llmagg.InvalidArgumentError, match="once"), observer:
        pass


def test_what_an_observation_says() -> None:
    data = {
        "event": "attempt_ended", "time": 1.5, "call": 7, "provider": "p", "model": "m", "code": "TIMEOUT",
        "message": "late", "new": 1,
        "attempt": {"route": "p/m", "provider": "p", "model": "m", "start": 1.0, "duration": 0.5,
                    "outcome": "TIMEOUT", "code": -26, "message": "late", "wait": 0.0, "bytes": 0},
    }  # fmt: skip
    event = Observation.from_dict(data)
    assert event.to_dict() == data
    assert event.extra == {"new": 1}
    assert str(event) == "attempt ended: p/m: TIMEOUT after 0.5 s: late"
    change = {"event": "breaker_changed", "provider": "p", "model": "m", "from": "closed", "state": "open"}
    assert str(Observation.from_dict(change)) == "breaker changed: p/m closed → open"
    assert Observation.from_dict(change).to_dict() == change


def test_keys_are_in_no_observation(llm_wall: FaultWall) -> None:
    body = {"error": {"message": "wrong key sk-test-key-1234", "code": "sk-test-key-1234"}}
    llm_wall.script(script(bad=[{"status": 401, "body": body}], good=[{}]))
    aggregator = aggregator_for(llm_wall, "bad", "good")
    with llmagg.observe_sync() as observer:
        aggregator.chat_sync(HELLO)
    shown = "".join(f"{event}{event!r}{event.to_dict()}" for event in observer)
    assert "wrong key" in shown
    assert "sk-test-key" not in shown


def test_unused_it_costs_nothing(llm_wall: FaultWall) -> None:
    code = """
import sys, threading, llmagg
aggregator = llmagg.LLMAggregator()
aggregator.initialize_sync({"openai": {"models": {"m": {"api_key": "k", "base_url": sys.argv[1]}}}})
aggregator.chat_sync([{"role": "user", "content": "x"}])
observer = llmagg.observe_sync()
assert [thread.name for thread in threading.enumerate()] == ["MainThread"]
assert "llmagg._native.watch" not in sys.modules
with observer:
    assert "llmagg-observe" in [thread.name for thread in threading.enumerate()]
"""
    result = python(code, llm_wall.url)
    assert (result.returncode, result.stderr) == (0, "")


def test_in_a_forked_child(llm_wall: FaultWall) -> None:
    code = """
import os, sys, llmagg
def chat():
    aggregator = llmagg.LLMAggregator()
    aggregator.initialize_sync({"openai": {"models": {"m": {"api_key": "k", "base_url": sys.argv[1]}}}})
    aggregator.chat_sync([{"role": "user", "content": "x"}])
with llmagg.observe_sync() as parents:
    chat()
    child = os.fork()
    if child == 0:
        try:
            next(parents)
            os._exit(1)
        except llmagg.ForkedError:
            parents.close()
        with llmagg.observe_sync() as own:
            chat()
        os._exit(0 if len(list(own)) == 2 else 2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert len(list(parents)) == 2
"""
    result = python(code, llm_wall.url)
    assert result.returncode == 0, result.stderr


def test_one_in_a_loop_that_ended_harms_no_later_call(llm_wall: FaultWall, run: Any) -> None:
    left: list[llmagg.Observer] = []

    async def abandon() -> None:
        left.append(await llmagg.observe().__aenter__())

    run(abandon())
    aggregator = aggregator_for(llm_wall, "m")
    assert aggregator.chat_sync(HELLO).choices[0].message.content == "Hello from m."
    left[0].close()
    assert kinds(run(collect(left[0]))) == ["attempt_started", "attempt_ended"]


async def collect(events: llmagg.Observer) -> list[Observation]:
    return [event async for event in events]
