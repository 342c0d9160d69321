"""Values that JSON cannot hold are refused with their place, whatever the code of their own types does."""

from __future__ import annotations

import collections.abc
import dataclasses
from typing import Any

import pytest

import llmagg
from conftest import HELLO, aggregator_for, chats, config_for
from llmagg.faultwall import FaultWall


class Curious:
    """As mocks and proxies, which answer each question by code of their own."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(f"no {name}")


class Unread(collections.abc.Mapping[str, Any]):
    """As a row of a database whose connection has gone."""

    def __len__(self) -> int:
        return 1

    def __iter__(self) -> Any:
        return iter(["k"])

    def __getitem__(self, key: str) -> Any:
        raise ConnectionError("the row has gone")


class Uncounted(collections.abc.Sequence[Any]):
    def __len__(self) -> int:
        raise RuntimeError("not counted")

    def __getitem__(self, index: Any) -> Any:
        raise RuntimeError("not counted")


@dataclasses.dataclass
class Lazy:
    a: int = 1

    @property
    def b(self) -> int:
        raise RuntimeError("lazy")


def nested(depth: int, inner: Any = None) -> Any:
    for _ in range(depth):
        inner = [inner]
    return inner


itself: list[Any] = []
itself.append(itself)
around: dict[str, Any] = {}
around["a"] = [around]
VALUES: dict[str, tuple[Any, str]] = {
    "an object with __getattr__": (Curious(), " has the type Curious, which JSON cannot represent"),
    "a mapping that cannot be read": (Unread(), " cannot be read: ConnectionError: the row has gone"),
    "a sequence that cannot be read": (Uncounted(), " cannot be read: RuntimeError: not counted"),
    "nested deeply": (nested(100_000), "[0][0]"),
    "nested deeply with null": (nested(900), "[0][0]"),
    "a list that holds itself": (itself, "[0][0]"),
    "a dict that holds itself": (around, ".a[0].a[0]"),
}


def part(value: Any) -> list[Any]:
    return [*HELLO, {"role": "user", "content": [{"type": "text", "text": value}]}]


PLACES: dict[str, Any] = {
    "messages[1].content[0].text": lambda a, v: a.chat_sync(part(v)),
    "max_tokens": lambda a, v: a.chat_sync(HELLO, max_tokens=v),
    "tools[0].function.parameters.p": lambda a, v: a.chat_sync(
        HELLO, tools=[{"type": "function", "function": {"name": "f", "parameters": {"p": v}}}]
    ),
    "extra_body.f": lambda a, v: a.chat_sync(HELLO, extra_body={"f": v}),
    "deadline": lambda a, v: a.chat_sync(HELLO, deadline=v),
    "input[1]": lambda a, v: a.embed_sync(["a", v]),
    "documents[0]": lambda a, v: a.rerank_sync("q", [v]),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", VALUES)
def test_the_place_is_named(llm_wall: FaultWall, name: str, place: str) -> None:
    value, text = VALUES[name]
    with pytest.raises(llmagg.InvalidArgumentError) as caught:
        PLACES[place](aggregator_for(llm_wall, "gpt-a"), value)
    said = str(caught.value)
    assert place + text in said
    assert len(said) < 400
    assert "nested" not in name or "is nested too deeply or contains itself" in said
    assert chats(llm_wall) == []


@pytest.mark.parametrize("name", [name for name in VALUES if "mapping" not in name])
def test_the_place_in_a_configuration_is_named(llm_wall: FaultWall, name: str) -> None:
    value, text = VALUES[name]
    with pytest.raises(llmagg.InvalidArgumentError) as caught:
        llmagg.LLMAggregator().initialize_sync(config_for(llm_wall, "m", timeout=value))
    assert "openai.models.m.timeout" + text in str(caught.value)


def test_the_cause_of_a_value_that_cannot_be_read_stays(llm_wall: FaultWall) -> None:
    with pytest.raises(llmagg.InvalidArgumentError) as caught:
        aggregator_for(llm_wall, "gpt-a").chat_sync(HELLO, metadata={"a": Unread()})
    assert type(caught.value.__cause__) is ConnectionError


def test_a_property_is_no_field(llm_wall: FaultWall) -> None:
    aggregator_for(llm_wall, "gpt-a").chat_sync(HELLO, metadata={"a": Lazy()})
    assert chats(llm_wall)[0]["body"]["metadata"] == {"a": {"a": 1}}
