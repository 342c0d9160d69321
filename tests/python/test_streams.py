"""Streams: events, texts, interruption, restart, leaving them, backpressure."""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import gc
import pickle
import time
from typing import Any

import pytest

import llmagg
from conftest import HELLO, aggregator_for, chats, until
from llmagg.faultwall import FaultWall

BROKEN = {"events": [{"text": "Hel"}, {"text": "lo"}], "cut": {"how": "close", "after_events": 2}}


async def collect(stream: Any) -> list[Any]:
    return [item async for item in stream]


def test_events_and_the_whole_answer(llm_wall: FaultWall, run: Any) -> None:
    aggregator = aggregator_for(llm_wall, "gpt-a")
    events = run(collect(aggregator.stream(HELLO)))
    assert {event.type for event in events[:-1]} == {"chunk"}
    assert "".join(event.text for event in events[:-1]) == "Hello from gpt-a."
    done = events[-1]
    assert isinstance(done, llmagg.DoneEvent)
    assert done.response.choices[0].message.content == "Hello from gpt-a."
    assert done.response.usage.total_tokens == 12
    assert done.response.attempts[0].first_token is not None
    assert chats(llm_wall)[0]["body"]["stream_options"] == {"include_usage": True}


def test_chunks_are_whole_dataclasses_of_their_own(llm_wall: FaultWall, run: Any) -> None:
    aggregator = aggregator_for(llm_wall, "gpt-a")
    chunks = [event.chunk for event in run(collect(aggregator.stream(HELLO)))[:-1]]
    for chunk in chunks:
        read = llmagg.StreamResponse.from_dict(chunk.to_dict())
        assert pickle.loads(pickle.dumps(chunk)) == chunk == copy.deepcopy(chunk) == read
        assert dataclasses.asdict(chunk) == dataclasses.asdict(read) and repr(chunk) == repr(read)
    choices = [choice for chunk in chunks for choice in chunk.choices]
    parts = [*chunks, *choices, *(choice.delta for choice in choices)]
    for part in parts:
        part.extra["mine"] = id(part)
    assert [part.extra["mine"] for part in parts] == [id(part) for part in parts]


def test_text_arrives_as_it_is_sent(llm_wall: FaultWall, run: Any) -> None:
    llm_wall.script({"default": {"steps": [{"events": [{"text": "a"}, {"hold": "x", "text": "b"}]}]}})
    aggregator = aggregator_for(llm_wall, "gpt-a")

    async def first() -> str:
        stream = aggregator.stream_text(HELLO)
        text = await stream.__anext__()
        await stream.aclose()
        return text

    assert run(first()) == "a"


def test_failover_before_the_first_token_is_unseen(llm_wall: FaultWall, run: Any) -> None:
    role_only = {"events": [{"role": "assistant"}], "cut": {"how": "reset", "after_events": 1}}
    llm_wall.script({"models": {"gpt-a": {"steps": [role_only]}}})
    aggregator = aggregator_for(llm_wall, "gpt-a", "gpt-b")
    assert "".join(run(collect(aggregator.stream_text(HELLO)))) == "Hello from gpt-b."


def test_interrupted_stream_carries_its_text(llm_wall: FaultWall, run: Any) -> None:
    llm_wall.script({"models": {"gpt-a": {"steps": [BROKEN]}}})
    aggregator = aggregator_for(llm_wall, "gpt-a", "gpt-b")
    texts = []

    async def read() -> None:
        async for text in aggregator.stream_text(HELLO):
            texts.append(text)

    with pytest.raises(llmagg.StreamInterruptedError) as caught:
        run(read())
    assert texts == ["Hel", "lo"]
    assert caught.value.partial_text == "Hello"
    assert "EOF" in str(caught.value.__cause__)


def test_restart_announces_itself(llm_wall: FaultWall, run: Any) -> None:
    llm_wall.script({"models": {"gpt-a": {"steps": [BROKEN]}}})
    aggregator = aggregator_for(llm_wall, "gpt-a", "gpt-b")
    events = run(collect(aggregator.stream(HELLO, on_interrupt="restart")))
    restarts = [event for event in events if isinstance(event, llmagg.RestartEvent)]
    assert [(event.from_route, event.to_route) for event in restarts] == [("openai/gpt-a", "openai/gpt-b")]
    assert isinstance(restarts[0].reason, llmagg.LLMError)
    assert events[-1].response.choices[0].message.content == "Hello from gpt-b."
    with pytest.raises(llmagg.InvalidArgumentError, match="bare text"):
        aggregator.stream_text(HELLO, on_interrupt="restart")


@pytest.mark.parametrize("how", ["aclose", "garbage", "cancel"])
def test_leaving_a_stream_closes_the_connection(llm_wall: FaultWall, run: Any, how: str) -> None:
    llm_wall.script({"default": {"steps": [{"forever": True, "delay_event_s": 0.01}]}})
    aggregator = aggregator_for(llm_wall, "gpt-a")

    async def read() -> None:
        if how == "aclose":
            stream = aggregator.stream(HELLO)
            await stream.__anext__()
            await stream.aclose()
        elif how == "garbage":
            async for _ in aggregator.stream(HELLO):
                break
            gc.collect()
        else:
            task = asyncio.create_task(collect(aggregator.stream(HELLO)))
            await until(lambda: llm_wall.seen()["totals"]["in_flight"] == 1, "the stream did not begin")
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        left = time.monotonic()
        await until(lambda: llm_wall.seen()["totals"]["disconnects"] == 1, "the connection stays open")
        assert time.monotonic() - left < 1

    run(read())


def test_a_slow_reader_holds_the_server_back(llm_wall: FaultWall, run: Any) -> None:
    llm_wall.script({"default": {"steps": [{"forever": True}]}})
    aggregator = aggregator_for(llm_wall, "gpt-a")

    async def read() -> list[int]:
        stream = aggregator.stream(HELLO)
        for _ in range(100):
            await stream.__anext__()
        sent = []
        for _ in range(40):  # until the buffers of the kernel are full
            sent.append(llm_wall.seen()["requests"][0]["events"])
            if len(sent) > 2 and sent[-1] == sent[-3]:
                break
            await asyncio.sleep(0.05)  # nothing tells that the wall writes no more: it is looked at again
        await stream.aclose()
        return sent

    sent = run(read())
    assert sent[-1] == sent[-3], f"the server goes on sending: {sent}"


def test_64_streams_at_once(llm_wall: FaultWall, run: Any) -> None:
    llm_wall.script({"default": {"steps": [{"text_bytes": 2000, "chunks": 200}]}})
    aggregator = aggregator_for(llm_wall, "gpt-a", max_concurrent_calls=64)

    async def read() -> list[str]:
        texts = await asyncio.gather(*(collect(aggregator.stream_text(HELLO)) for _ in range(64)))
        return ["".join(text) for text in texts]

    texts = run(read())
    assert {len(text) for text in texts} == {2000}
    assert len(set(texts)) == 1


def test_client_streams_ask_for_nothing_unasked(llm_wall: FaultWall, run: Any) -> None:
    aggregator = aggregator_for(llm_wall, "gpt-a")
    client = aggregator.manager.get_llm_client("openai", "gpt-a")
    request = llmagg.ChatCompletionRequest("gpt-a", [llmagg.Message("user", "x")], stream=True)
    chunks = run(collect(client.chat_completion_stream(request)))
    assert all(isinstance(chunk, llmagg.StreamResponse) for chunk in chunks)
    assert "".join(choice.delta.content for chunk in chunks for choice in chunk.choices) == "Hello from gpt-a."
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert "stream_options" not in chats(llm_wall)[0]["body"]


def test_tool_calls_and_reasoning_in_a_stream(llm_wall: FaultWall, run: Any) -> None:
    calls = [{"name": "a", "arguments": {"x": 1}}, {"name": "b", "arguments": {"y": 2}}]
    llm_wall.script({"default": {"steps": [{"reasoning": "Hm.", "tool_calls": calls, "interleave": True}]}})
    aggregator = aggregator_for(llm_wall, "gpt-a")
    message = run(collect(aggregator.stream(HELLO)))[-1].response.choices[0].message
    assert [call["function"]["name"] for call in message.tool_calls] == ["a", "b"]
    assert message.reasoning_content == "Hm."


def test_a_chunk_event_is_decoded_when_its_chunk_is_looked_at(llm_wall: FaultWall, run: Any) -> None:
    aggregator = aggregator_for(llm_wall, "gpt-a")
    events = [event for event in run(collect(aggregator.stream(HELLO))) if event.type == "chunk"]
    again = [event for event in run(collect(aggregator.stream(HELLO))) if event.type == "chunk"]
    texts = [event.text for event in events]
    assert texts == [event.chunk.text() for event in events] == [copy.copy(event).text for event in events]
    events[1].chunk.choices[0].delta.content = "changed"
    assert events[1].text == "changed"
    for event in again:
        plain = llmagg.ChunkEvent(event.chunk)
        assert (event, repr(event)) == (plain, repr(plain))
        assert pickle.loads(pickle.dumps(event)) == event
