"""uvloop beside asyncio's own loop: calls, cancelling, closed loops, threads, Ctrl-C, forks."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from forks import CALL, HEAD, run_script

import llmagg
from conftest import HELLO, aggregator_for, until
from llmagg.faultwall import FaultWall

uvloop = pytest.importorskip("uvloop")

SLOW = {"default": {"steps": [{"delay_headers_s": 20}]}}


def run_in(factory: Callable[[], asyncio.AbstractEventLoop], coroutine: Coroutine[Any, Any, Any]) -> Any:
    loop = factory()
    try:
        result = loop.run_until_complete(asyncio.wait_for(coroutine, 30))
        loop.run_until_complete(loop.shutdown_asyncgens())
        return result
    finally:
        loop.close()


def test_calls_and_streams(llm_wall: FaultWall) -> None:
    aggregator = aggregator_for(llm_wall, "gpt-a", max_concurrent_calls=100)

    async def use() -> list[str]:
        streamed = "".join([piece async for piece in aggregator.stream_text(HELLO)])
        return [streamed, *await asyncio.gather(*(aggregator.generate_response(HELLO) for _ in range(200)))]

    for _ in range(3):
        assert run_in(uvloop.new_event_loop, use()) == ["Hello from gpt-a."] * 201


def test_a_cancelled_task_ends_the_call(llm_wall: FaultWall) -> None:
    llm_wall.script(SLOW)
    aggregator = aggregator_for(llm_wall, "gpt-a")

    async def cancel() -> None:
        task = asyncio.ensure_future(aggregator.chat(HELLO))
        await until(lambda: llm_wall.seen()["totals"]["in_flight"] == 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until(lambda: llm_wall.seen()["totals"]["disconnects"] == 1)

    run_in(uvloop.new_event_loop, cancel())


def test_one_loop_of_each_kind_in_two_threads(llm_wall: FaultWall) -> None:
    aggregator = aggregator_for(llm_wall, "gpt-a", max_concurrent_calls=50)
    answers: list[str] = []

    async def many() -> None:
        answers.extend(await asyncio.gather(*(aggregator.generate_response(HELLO) for _ in range(100))))

    factories = (asyncio.new_event_loop, uvloop.new_event_loop)
    threads = [threading.Thread(target=run_in, args=(factory, many())) for factory in factories]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert answers == ["Hello from gpt-a."] * 200


def test_a_loop_closed_in_the_middle_of_calls(llm_wall: FaultWall) -> None:
    llm_wall.script(SLOW)
    aggregator = aggregator_for(llm_wall, "gpt-a")
    loop = uvloop.new_event_loop()
    tasks = [loop.create_task(aggregator.chat(HELLO)) for _ in range(3)]
    loop.run_until_complete(until(lambda: llm_wall.seen()["totals"]["in_flight"] == 3))
    loop.close()
    llm_wall.script({})
    assert run_in(uvloop.new_event_loop, aggregator.generate_response(HELLO)) == "Hello from gpt-a."
    run_in(uvloop.new_event_loop, until(lambda: llm_wall.seen()["totals"]["disconnects"] == 3))
    for task in tasks:
        task._log_destroy_pending = False
    del tasks, task, loop
    gc.collect()
    assert llmagg.stats()["operations"] == 0


FORK = """
import uvloop
def call_in_uvloop():
    loop = uvloop.new_event_loop()
    assert loop.run_until_complete(aggregator.generate_response(HELLO)) == "Hello from m."
    loop.close()
call_in_uvloop()
async def main():
    await aggregator.chat(HELLO)
    statuses = [child(call_in_uvloop), child(call)]
    assert await aggregator.generate_response(HELLO) == "Hello from m."
    return statuses
loop = uvloop.new_event_loop()
assert loop.run_until_complete(main()) == [0, 0]
loop.close()
"""


def test_forks_of_a_running_uvloop(llm_wall: FaultWall, tmp_path: Path) -> None:
    run_script(tmp_path, HEAD + CALL + FORK, llm_wall.url)
