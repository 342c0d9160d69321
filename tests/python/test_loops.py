"""Event loops: a second asyncio.run, two at once, cancelled tasks, loops closed in the middle of a call."""

from __future__ import annotations

import asyncio
import gc
import threading
from typing import Any

import pytest

import llmagg
from conftest import HELLO, aggregator_for, chats, python, until
from llmagg.faultwall import FaultWall

SLOW = {"default": {"steps": [{"delay_headers_s": 20}]}}


def test_asyncio_run_again_and_again(llm_wall: FaultWall) -> None:
    aggregator = aggregator_for(llm_wall, "gpt-a")
    for _ in range(5):
        assert asyncio.run(aggregator.generate_response(HELLO)) == "Hello from gpt-a."
    assert llm_wall.seen()["totals"]["connections_opened"] == 1


def test_two_loops_in_two_threads(llm_wall: FaultWall) -> None:
    aggregator = aggregator_for(llm_wall, "gpt-a", max_concurrent_calls=50)
    answers: list[str] = []

    async def many() -> None:
        answers.extend(await asyncio.gather(*(aggregator.generate_response(HELLO) for _ in range(50))))

    threads = [threading.Thread(target=lambda: asyncio.run(many())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert answers == ["Hello from gpt-a."] * 100


@pytest.mark.parametrize("direct", [False, True], ids=["aggregator", "client"])
def test_a_cancelled_task_ends_the_call_upstream(llm_wall: FaultWall, run: Any, direct: bool) -> None:
    llm_wall.script(SLOW)
    aggregator = aggregator_for(llm_wall, "gpt-a")
    client = aggregator.manager.get_llm_client("openai", "gpt-a")
    request = llmagg.ChatCompletionRequest("gpt-a", [llmagg.Message("user", "x")])

    async def cancel() -> None:
        task = asyncio.create_task(client.chat_completion(request) if direct else aggregator.chat(HELLO))
        await until(lambda: llm_wall.seen()["totals"]["in_flight"] == 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until(lambda: llm_wall.seen()["totals"]["disconnects"] == 1)
        assert client.chat_completion is not None

    run(cancel())
    llm_wall.script({})
    assert run(aggregator.generate_response(HELLO)) == "Hello from gpt-a."


def test_wait_for_is_a_plain_timeout(llm_wall: FaultWall, run: Any) -> None:
    llm_wall.script(SLOW)
    aggregator = aggregator_for(llm_wall, "gpt-a")
    with pytest.raises(asyncio.TimeoutError) as caught:
        run(asyncio.wait_for(aggregator.chat(HELLO), 0.1))
    assert not isinstance(caught.value, llmagg.LLMError)


def test_a_loop_closed_in_the_middle_of_calls(llm_wall: FaultWall, run: Any) -> None:
    llm_wall.script(SLOW)
    aggregator = aggregator_for(llm_wall, "gpt-a")
    loop = asyncio.new_event_loop()
    tasks = [loop.create_task(aggregator.chat(HELLO)) for _ in range(3)]
    loop.run_until_complete(until(lambda: llm_wall.seen()["totals"]["in_flight"] == 3))
    loop.close()
    assert not any(task.done() for task in tasks)
    llm_wall.script({})
    assert run(aggregator.generate_response(HELLO)) == "Hello from gpt-a."
    run(until(lambda: llm_wall.seen()["totals"]["disconnects"] == 3))
    for task in tasks:
        task._log_destroy_pending = False  # type: ignore[attr-defined]
    del tasks
    gc.collect()


def test_1000_calls_at_once(llm_wall: FaultWall, run: Any) -> None:
    aggregator = aggregator_for(llm_wall, "gpt-a", max_concurrent_calls=100)

    async def many() -> list[str]:
        return await asyncio.gather(*(aggregator.generate_response(HELLO) for _ in range(1000)))

    before = threading.active_count()
    assert set(run(many())) == {"Hello from gpt-a."}
    assert len(chats(llm_wall)) == 1000
    assert threading.active_count() < before + 4


def test_a_loop_that_is_left_unclosed_with_a_call_under_way_is_collected(llm_wall: FaultWall) -> None:
    llm_wall.script(SLOW)
    code = f"""
import asyncio, gc, weakref, llmagg
llm = llmagg.LLMAggregator()
llm.initialize_sync({{"p": {{"base_url": {llm_wall.url!r}, "models": {{"a": {{}}}}}}}})

async def begin():
    call = asyncio.ensure_future(llm.chat("Hello!"))
    while not llmagg.stats()["operations"]:
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not call.done()

def leave():
    loop = asyncio.new_event_loop()
    loop.run_until_complete(begin())
    return weakref.ref(loop)

left = leave()
gc.collect()
assert left() is None
while llmagg.stats()["operations"]:
    pass
print("collected")
"""
    assert python(code).stdout == "collected\n"


def test_bridges_die_with_their_loops(llm_wall: FaultWall) -> None:
    from llmagg._native import bridge

    aggregator = aggregator_for(llm_wall, "gpt-a")
    for _ in range(20):
        asyncio.run(aggregator.chat(HELLO))
    gc.collect()
    assert len(bridge._bridges) <= 1


def test_an_exit_in_the_middle_of_a_stream(llm_wall: FaultWall) -> None:
    llm_wall.script({"default": {"steps": [{"forever": True, "delay_event_s": 0.001}]}})
    code = """
import asyncio, sys, llmagg
aggregator = llmagg.LLMAggregator()
aggregator.initialize_sync({"openai": {"models": {"m": {"api_key": "k", "base_url": sys.argv[1]}}}})
async def main():
    stream = aggregator.stream([{"role": "user", "content": "x"}])
    for _ in range(5):
        await stream.__anext__()
    sys.exit(7)
asyncio.run(main())
"""
    for _ in range(5):
        result = python(code, llm_wall.url)
        assert (result.returncode, result.stdout, result.stderr) == (7, "", "")
