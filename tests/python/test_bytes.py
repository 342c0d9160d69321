"""Bytes where a text belongs are refused with their place, instead of being sent in base64."""

from __future__ import annotations

from typing import Any

import pytest

import llmagg
from conftest import HELLO, aggregator_for, chats
from llmagg.faultwall import FaultWall


@pytest.mark.parametrize("content", [b"hi", bytearray(b"hi"), memoryview(b"hi")])
def test_bytes_are_no_text(llm_wall: FaultWall, content: Any) -> None:
    messages = [*HELLO, {"role": "user", "content": content}, llmagg.Message("user", content)]
    for tried in (messages[:2], [messages[0], messages[2]]):
        with pytest.raises(llmagg.InvalidArgumentError, match=r"messages\[1\].content must be a str, got .*;"):
            aggregator_for(llm_wall, "gpt-a").chat_sync(tried)


@pytest.mark.parametrize(
    ("params", "place"),
    [
        ({"stop": b"x"}, "stop"), ({"stop": ["a", b"x"]}, r"stop\[1\]"), ({"headers": {"x": b"y"}}, r"headers\.x"),
        ({"metadata": {"a": bytearray(b"y")}}, r"metadata\.a"), ({"extra_body": {"a": b"y"}}, r"extra_body\.a"),
        ({"user": memoryview(b"y")}, "user"),
    ],
)  # fmt: skip
def test_bytes_are_no_parameters(llm_wall: FaultWall, params: Any, place: str) -> None:
    with pytest.raises(llmagg.InvalidArgumentError, match=place + " must not hold "):
        aggregator_for(llm_wall, "gpt-a").chat_sync(HELLO, **params)
    assert chats(llm_wall) == []


def test_bytes_are_no_text_of_a_part(llm_wall: FaultWall) -> None:
    for content, place in (([{"type": "text", "text": b"hi"}], "[0].text"), (["a", b"hi"], "[1]")):
        with pytest.raises(llmagg.InvalidArgumentError) as caught:
            aggregator_for(llm_wall, "gpt-a").chat_sync([{"role": "user", "content": content}])
        assert f"messages[0].content{place} must be a str, got bytes; decode it first" in str(caught.value)


def arguments(value: Any) -> list[Any]:
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": value}}
    asked = {"role": "assistant", "content": None, "tool_calls": [call]}
    return [*HELLO, asked, {"role": "tool", "tool_call_id": "1", "content": "4"}]


PLACES: dict[str, Any] = {
    "messages[1].tool_calls[0].function.arguments must be a str": lambda value: (arguments(value), {}),
    "messages[0].name must be a str": lambda value: ([{**HELLO[0], "name": value}], {}),
    "tools[0].function.parameters.p.description must not hold": lambda value: (
        HELLO,
        {"tools": [{"type": "function", "function": {"name": "f", "parameters": {"p": {"description": value}}}}]},
    ),
    "metadata.a.b[1] must not hold": lambda value: (HELLO, {"metadata": {"a": {"b": ["x", value]}}}),
    "stop must not hold": lambda value: (HELLO, {"stop": value}),
    "extra_body.a.b must not hold": lambda value: (HELLO, {"extra_body": {"a": {"b": value}}}),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("value", [b'{"a": 1}', bytearray(b"x"), memoryview(b"x")])
def test_bytes_are_refused_at_each_depth_and_in_a_request(
    llm_wall: FaultWall, run: Any, place: str, value: Any
) -> None:
    messages, params = PLACES[place](value)
    aggregator = aggregator_for(llm_wall, "gpt-a")
    client = aggregator.manager.get_client_by_model("gpt-a")
    typed = [llmagg.Message.from_dict(message) for message in messages]
    for begin in (
        lambda: aggregator.chat_sync(messages, **params),
        lambda: aggregator.chat_sync(llmagg.ChatCompletionRequest("gpt-a", typed, **params)),
        lambda: run(client.chat_completion(llmagg.ChatCompletionRequest("gpt-a", messages, **params))),
        lambda: list(aggregator.stream_text_sync(typed, **params)),
    ):
        with pytest.raises(llmagg.InvalidArgumentError) as caught:
            begin()
        assert place in str(caught.value)
    assert chats(llm_wall) == []


def test_bytes_of_a_part_are_its_data(llm_wall: FaultWall) -> None:
    part = {"type": "input_audio", "input_audio": {"data": b"abc", "format": "wav"}}
    aggregator_for(llm_wall, "gpt-a").chat_sync([{"role": "user", "content": [part], "name": "me"}])
    assert chats(llm_wall)[0]["body"]["messages"][0]["content"][0]["input_audio"]["data"] == "YWJj"
