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
