"""Names in objects that are no texts, and what is given in the place of a list of messages."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import json
from collections.abc import Iterator
from typing import Any

import pydantic
import pytest

import llmagg
from conftest import HELLO, aggregator_for, chats, config_for
from llmagg.faultwall import FaultWall

UNFIT = {"bytes": b"k", "nan": float("nan"), "infinity": float("inf"), "tuple": (1, 2), "frozenset": frozenset([1])}


def _places(key: Any) -> dict[str, tuple[Any, dict[str, Any]]]:
    named = {key: "v"}
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": named}}}
    schema = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"properties": named}}}
    return {
        "metadata": (HELLO, {"metadata": named}),
        "extra_body.x": (HELLO, {"extra_body": {"x": named}}),
        "extra_body": (HELLO, {"extra_body": named}),
        "tools[0].function.parameters.properties": (HELLO, {"tools": [tool]}),
        "response_format.json_schema.schema.properties": (HELLO, {"response_format": schema}),
        "messages[0]": ([{**HELLO[0], **named}], {}),
    }


@pytest.mark.parametrize("name", UNFIT)
def test_names_that_no_object_has_are_refused_with_their_place(llm_wall: FaultWall, name: str) -> None:
    aggregator = aggregator_for(llm_wall, "gpt-a")
    for place, (messages, params) in _places(UNFIT[name]).items():
        with pytest.raises(llmagg.InvalidArgumentError) as caught:
            aggregator.generate_response_sync(messages, **params)
        assert f"{place} must not hold the key" in str(caught.value) or f"{place} has a key of" in str(caught.value)
    assert chats(llm_wall) == []


def test_two_names_that_become_one_are_refused(llm_wall: FaultWall) -> None:
    aggregator = aggregator_for(llm_wall, "gpt-a")
    with pytest.raises(llmagg.InvalidArgumentError, match='"extra_body" has the key "1" twice'):
        aggregator.generate_response_sync(HELLO, extra_body={1: "a", "1": "b"})
    with pytest.raises(llmagg.InvalidArgumentError, match='two headers are named "X-Team" and "x-team"'):
        aggregator.generate_response_sync(HELLO, headers={"X-Team": "a", "x-team": "b"})


class One(pydantic.BaseModel):
    role: str = "user"
    content: str = "Hello!"


class Conversation(pydantic.BaseModel):
    turns: list[One]

    def __iter__(self) -> Iterator[One]:  # type: ignore[override]
        return iter(self.turns)


@dataclasses.dataclass
class Plain:
    role: str = "user"
    content: str = "Hello!"


SINGLE: dict[str, Any] = {
    "dict": HELLO[0],
    "UserDict": collections.UserDict(HELLO[0]),
    "Message": llmagg.Message(role="user", content="Hello!"),
    "One": One(),
    "Plain": Plain(),
}


@pytest.mark.parametrize("name", SINGLE)
def test_a_single_message_is_told_to_be_put_into_a_list(llm_wall: FaultWall, name: str) -> None:
    aggregator = aggregator_for(llm_wall, "gpt-a")
    with pytest.raises(llmagg.InvalidArgumentError, match=f"got {name}; put a single message into a list"):
        aggregator.generate_response_sync(SINGLE[name])
    aggregator.generate_response_sync([SINGLE[name]])
    assert chats(llm_wall)[0]["body"]["messages"] == HELLO


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_bytes_are_no_messages(llm_wall: FaultWall, kind: Any) -> None:
    with pytest.raises(llmagg.InvalidArgumentError, match=f"a list of messages, got {kind.__name__}"):
        aggregator_for(llm_wall, "gpt-a").generate_response_sync(kind(b"hi"))


def test_a_model_that_is_a_list_of_messages_is_read_as_one(llm_wall: FaultWall) -> None:
    aggregator_for(llm_wall, "gpt-a").generate_response_sync(Conversation(turns=[One()]))
    assert chats(llm_wall)[0]["body"]["messages"] == HELLO


def test_a_timedelta_is_a_time(llm_wall: FaultWall) -> None:
    aggregator = aggregator_for(llm_wall, "gpt-a")
    aggregator.generate_response_sync(
        HELLO, timeout=datetime.timedelta(seconds=9), deadline=datetime.timedelta(minutes=1)
    )
    with pytest.raises(llmagg.InvalidArgumentError, match=r'"deadline" is -1\.0; expected seconds'):
        aggregator.generate_response_sync(HELLO, deadline=datetime.timedelta(seconds=-1))
    with pytest.raises(llmagg.InvalidArgumentError, match=r'"timeout" is 0\.0; expected seconds'):
        aggregator.generate_response_sync(HELLO, timeout=datetime.timedelta())


def test_a_configuration_as_text_may_begin_with_a_byte_order_mark(llm_wall: FaultWall) -> None:
    aggregator = llmagg.LLMAggregator()
    aggregator.initialize_sync("\ufeff" + json.dumps(config_for(llm_wall, "gpt-a")))
    assert aggregator.generate_response_sync(HELLO) == "Hello from gpt-a."
