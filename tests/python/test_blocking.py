"""Blocking calls: threads, Ctrl-C, iterators read by turns."""

from __future__ import annotations

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

    with pytest.raises(llmagg.InvalidArgumentError, match="use the method without '_sync'"):
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
import sys, llmagg
aggregator = llmagg.LLMAggregator()
aggregator.initialize_sync({"openai": {"models": {"m": {"api_key": "k", "base_url": sys.argv[1]}}}})
print("asking", flush=True)
try:
    %s
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


@pytest.mark.parametrize(
    "call",
    [
        "aggregator.generate_response_sync([{'role': 'user', 'content': 'x'}])",
        "list(aggregator.stream_text_sync([{'role': 'user', 'content': 'x'}]))",
        "import asyncio; asyncio.run(aggregator.chat([{'role': 'user', 'content': 'x'}]))",
    ],
    ids=["chat", "stream", "async"],
)
def test_ctrl_c_ends_a_call_at_once(llm_wall: FaultWall, call: str) -> None:
    llm_wall.script(SILENT)
    command = [sys.executable, "-c", PROGRAM % call, llm_wall.url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "asking\n"
        deadline = time.monotonic() + 10
        while llm_wall.seen()["totals"]["in_flight"] == 0:
            assert time.monotonic() < deadline, "the call did not arrive"
            time.sleep(0.005)
        pressed = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "interrupted\n"
        assert time.monotonic() - pressed < 0.3
        assert process.wait(10) == 0
