"""Blocking calls: threads, Ctrl-C, iterators read by turns."""

from __future__ import annotations

import _thread
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import llmagg
from conftest import HELLO, aggregator_for, chats, config_for
from llmagg._native import blocking
from llmagg.faultwall import FaultWall

SILENT = {"default": {"steps": [{"cut": {"how": "silence", "at": "before_headers"}}]}}


def test_the_twins(llm_wall: FaultWall) -> None:
    aggregator = llmagg.LLMAggregator()
    aggregator.initialize_sync(config_for(llm_wall, "gpt-a"))
    assert aggregator.chat_sync(HELLO).choices[0].message.content == "Hello from gpt-a."
    assert aggregator.generate_response_sync(HELLO, temperature=0) == "Hello from gpt-a."
    assert aggregator.generate_summary_sync({"title": "x"}, 5) == "Hello from gpt-a."
    assert "".join(aggregator.stream_text_sync(HELLO)) == "Hello from gpt-a."
    assert [event.type for event in aggregator.stream_sync(HELLO)][-1] == "done"
    assert aggregator.health_check_sync() == {"openai": {"gpt-a": True}}
    manager = aggregator.manager
    assert manager.health_check_all_sync() == {"openai": {"gpt-a": True}}
    assert manager.get_provider("openai").health_check_sync() == {"gpt-a": True}
    client = manager.get_llm_client("openai", "gpt-a")
    request = llmagg.ChatCompletionRequest("gpt-a", [llmagg.Message("user", "x")])
    assert client.chat_completion_sync(request).model == "gpt-a"
    assert "".join(chunk.text() for chunk in client.chat_completion_stream_sync(request)) == "Hello from gpt-a."
    client.close_sync()
    manager.get_provider("openai").close_sync()
    manager.close_all_sync()
    aggregator.close_sync()


def test_native_blocking_calls_work_inside_a_loop(llm_wall: FaultWall, run: Any) -> None:
    aggregator = aggregator_for(llm_wall, "gpt-a")

    async def inside() -> str:
        return aggregator.generate_response_sync(HELLO)

    assert run(inside()) == "Hello from gpt-a."


def test_what_needs_a_loop_says_so_inside_one(run: Any) -> None:
    async def inside() -> None:
        llmagg.LLMAggregator().initialize_sync()

    with pytest.raises(llmagg.InvalidArgumentError, match="method without '_sync' and await it"):
        run(inside())


def test_errors_are_the_same(llm_wall: FaultWall) -> None:
    llm_wall.script({"default": {"steps": [{"status": 401}]}})
    aggregator = aggregator_for(llm_wall, "gpt-a")
    with pytest.raises(llmagg.AllModelsFailedError) as caught:
        aggregator.generate_response_sync(HELLO)
    assert isinstance(caught.value.__cause__, llmagg.AuthenticationError)


def test_16_threads(llm_wall: FaultWall) -> None:
    aggregator = aggregator_for(llm_wall, "gpt-a", max_concurrent_calls=16)
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: aggregator.generate_response_sync(HELLO), range(200)))
    assert set(answers) == {"Hello from gpt-a."}
    assert len(chats(llm_wall)) == 200


def test_iterators_are_read_by_turns_and_in_other_threads(llm_wall: FaultWall) -> None:
    aggregator = aggregator_for(llm_wall, "gpt-a", "gpt-b")
    one, two = aggregator.stream_text_sync(HELLO, model="gpt-a"), aggregator.stream_text_sync(HELLO, model="gpt-b")
    texts = [next(one), next(two), next(one)]
    rest: list[str] = []
    thread = threading.Thread(target=lambda: rest.extend(one))
    thread.start()
    thread.join(10)
    assert "".join([texts[0], texts[2], *rest]) == "Hello from gpt-a."
    assert texts[1] + "".join(two) == "Hello from gpt-b."


def test_a_thread_keeps_one_reader_for_calls_and_streams(llm_wall: FaultWall) -> None:
    aggregator = aggregator_for(llm_wall, "gpt-a")
    aggregator.chat_sync(HELLO)
    kept = blocking._thread.reader
    assert kept is not None
    assert "".join(aggregator.stream_text_sync(HELLO)) == "Hello from gpt-a."
    assert blocking._thread.reader is kept
    stream = aggregator.stream_text_sync(HELLO)  # has the reader; the chat meanwhile gets another
    texts = [next(stream)]
    assert aggregator.generate_response_sync(HELLO) == "Hello from gpt-a."
    other = blocking._thread.reader
    assert other is not None and other is not kept
    assert "".join([*texts, *stream]) == "Hello from gpt-a."
    assert blocking._thread.reader is other
    assert not kept.queue.handle.alive


def test_a_reader_is_kept_by_its_own_thread_and_only_after_the_end_of_a_stream(llm_wall: FaultWall) -> None:
    aggregator = aggregator_for(llm_wall, "gpt-a")
    aggregator.chat_sync(HELLO)
    moved = blocking._thread.reader
    stream = aggregator.stream_text_sync(HELLO)
    next(stream)
    there: list[object] = []
    thread = threading.Thread(target=lambda: there.extend([*stream, blocking._thread.reader]))
    thread.start()
    thread.join(10)
    assert there[-1] is None
    assert moved is not None and not moved.queue.handle.alive
    aggregator.chat_sync(HELLO)
    left = blocking._thread.reader
    llm_wall.script({"default": {"steps": [{"forever": True, "delay_event_s": 0.01}]}})
    for _ in aggregator.stream_text_sync(HELLO):
        break
    assert left is not None and not left.queue.handle.alive


def test_leaving_an_iterator_ends_the_call(llm_wall: FaultWall) -> None:
    llm_wall.script({"default": {"steps": [{"forever": True, "delay_event_s": 0.01}]}})
    aggregator = aggregator_for(llm_wall, "gpt-a")
    for _ in aggregator.stream_text_sync(HELLO):
        break
    deadline = time.monotonic() + 5
    while llm_wall.seen()["totals"]["disconnects"] == 0:
        assert time.monotonic() < deadline, "the connection stays open"
        time.sleep(0.005)


PROGRAM = """
import asyncio, sys, threading, llmagg
HELLO = [{"role": "user", "content": "x"}]
aggregator = llmagg.LLMAggregator()
aggregator.initialize_sync({"openai": {"models": {"m": {"api_key": "k", "base_url": sys.argv[1]}}}})
client = aggregator.manager.get_llm_client("openai", "m")
async def many():
    await asyncio.gather(*(aggregator.chat(HELLO) for _ in range(50)))
def beside_threads():
    for _ in range(3):
        threading.Thread(target=aggregator.chat_sync, args=(HELLO,), daemon=True).start()
    aggregator.chat_sync(HELLO)
def in_uvloop():
    import uvloop
    uvloop.new_event_loop().run_until_complete(aggregator.chat(HELLO))
print("asking", flush=True)
try:
    %s
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""
CALLS = {
    "chat": "aggregator.generate_response_sync(HELLO)",
    "stream": "list(aggregator.stream_text_sync(HELLO))",
    "client": "client.chat_completion_sync(llmagg.ChatCompletionRequest('m', [llmagg.Message('user', 'x')]))",
    "async": "asyncio.run(aggregator.chat(HELLO))",
    "many": "asyncio.run(many())",
    "uvloop": "in_uvloop()",
    "beside threads": "beside_threads()",
}
LIMIT = 0.3  # seconds between Ctrl-C and the end of the call; a busy machine gets three times that


@pytest.mark.long
@pytest.mark.parametrize("name", CALLS)
def test_ctrl_c_ends_a_call_at_once(llm_wall: FaultWall, name: str) -> None:
    if name == "uvloop":
        pytest.importorskip("uvloop")
    llm_wall.script(SILENT)
    command = [sys.executable, "-c", PROGRAM % CALLS[name], llm_wall.url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline() == "asking\n"
        deadline = time.monotonic() + 10
        while llm_wall.seen()["totals"]["in_flight"] == 0:
            assert time.monotonic() < deadline and process.poll() is None, "the call did not arrive"
            time.sleep(0.005)
        pressed = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "interrupted\n", process.stderr.read()
        assert time.monotonic() - pressed < 3 * LIMIT
        assert process.wait(10) == 0


@pytest.mark.parametrize("name", ["chat_sync", "stream_text_sync"])
def test_a_signal_that_interrupts_no_system_call_is_seen(llm_wall: FaultWall, name: str) -> None:
    """As when Ctrl-C is pressed just before the call blocks; interrupt_main tells Python alone of a SIGINT."""
    llm_wall.script(SILENT)
    ask = getattr(aggregator_for(llm_wall, "m"), name)
    timer = threading.Timer(0.3, _thread.interrupt_main)
    timer.start()
    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        list(ask(HELLO))
    timer.join()
    assert time.monotonic() - begun < 0.3 + 3 * LIMIT
