"""Objects that stand for a value and work it out when it is read, and bytes inside containers of any type."""

from __future__ import annotations

import collections
import dataclasses
import decimal
import enum
import numbers
import pathlib
import re
from fractions import Fraction
from typing import Any

import numpy as np
import pydantic
import pytest
from django.utils.functional import SimpleLazyObject, lazy, lazystr

import llmagg
from conftest import HELLO, aggregator_for, chats, config_for
from llmagg.faultwall import FaultWall


class LazyString:
    """As Flask-Babel's and Babel's texts: each method is that of the text."""

    def __init__(self, text: str) -> None:
        self.__dict__["text"] = text

    def __str__(self) -> str:
        return str(self.__dict__["text"])

    def __getattr__(self, name: str) -> Any:
        return getattr(str(self), name)


class Model(str, enum.Enum):
    A = "gpt-a"


TEXTS: dict[str, Any] = {
    "a lazy text of Django": lazystr("hi"),
    "a translation of Django": lazy(lambda: "hi", str)(),
    "a lazy object of Django": SimpleLazyObject(lambda: "hi"),
    "a lazy text of Babel": LazyString("hi"),
    "a UserString": collections.UserString("hi"),
}


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_that_is_worked_out_later_is_a_text_everywhere(llm_wall: FaultWall, run: Any, name: str) -> None:
    text = TEXTS[name]
    aggregator = aggregator_for(llm_wall, "gpt-a")
    aggregator.chat_sync(text)
    aggregator.chat_sync([{"role": "user", "content": text}])
    aggregator.chat_sync([llmagg.Message("user", text)])
    run(aggregator.generate_response([{"role": "user", "content": [{"type": "text", "text": text}]}]))
    aggregator.chat_sync(HELLO, user=text, metadata={"a": [text]}, extra_body={"x": text}, extra_headers={"x-a": text})
    sent = [chat["body"] for chat in chats(llm_wall)]
    contents = [body["messages"][0]["content"] for body in sent[:4]]
    assert contents == ["hi", "hi", "hi", [{"type": "text", "text": "hi"}]]
    assert (sent[4]["user"], sent[4]["metadata"], sent[4]["x"]) == ("hi", {"a": ["hi"]}, "hi")
    assert chats(llm_wall)[4]["headers"]["x-a"] == "hi"


@pytest.mark.parametrize("model", [lazystr("gpt-a"), collections.UserString("gpt-a"), Model.A, np.str_("gpt-a")])
def test_a_models_name_may_be_such_a_text(llm_wall: FaultWall, model: Any) -> None:
    aggregator_for(llm_wall, "gpt-b", "gpt-a").chat_sync(HELLO, model=model)
    assert chats(llm_wall)[0]["body"]["model"] == "gpt-a"


@pytest.mark.parametrize("model", [0, False, [], {}, decimal.Decimal(0), np.zeros(2)])
def test_a_model_that_is_no_text_is_refused_though_it_is_false(llm_wall: FaultWall, model: Any) -> None:
    with pytest.raises(llmagg.InvalidArgumentError, match="expected the name of a model"):
        aggregator_for(llm_wall, "gpt-a").chat_sync(HELLO, model=model)
    assert chats(llm_wall) == []


STANDING_FOR: dict[str, tuple[Any, Any]] = {
    "a number of Django": (lazy(lambda: 5, int)(), None),
    "a dict": (SimpleLazyObject(lambda: {"a": 1}), {"a": 1}),
    "a list": (SimpleLazyObject(lambda: [1]), [1]),
}


@pytest.mark.parametrize("name", STANDING_FOR)
def test_other_lazy_objects_are_sent_or_refused_with_their_place(llm_wall: FaultWall, name: str) -> None:
    value, expected = STANDING_FOR[name]
    aggregator = aggregator_for(llm_wall, "gpt-a")
    if expected is None:
        with pytest.raises(llmagg.InvalidArgumentError, match=r"metadata\.a has the type __proxy__, which JSON cannot"):
            aggregator.chat_sync(HELLO, metadata={"a": value})
        return
    aggregator.chat_sync(HELLO, metadata={"a": value})
    assert chats(llm_wall)[0]["body"]["metadata"] == {"a": expected}


@dataclasses.dataclass
class Row:
    blob: bytes = b"x"


class Record(pydantic.BaseModel):
    blob: bytes = b"x"


BYTES: dict[str, tuple[Any, str]] = {
    "in a deque": (collections.deque([b"x"]), "[0]"),
    "in a set": ({b"x"}, "[0]"),
    "in a UserDict": (collections.UserDict(a=b"x"), ".a"),
    "in a dataclass": (Row(), ".blob"),
    "in a list of dataclasses": ([Row()], "[0].blob"),
    "in a model": (Record(), ".blob"),
    "of numpy": (np.bytes_(b"x"), ""),
    "in an array": (np.array([b"x"]), "[0]"),
}


@pytest.mark.parametrize("name", BYTES)
def test_bytes_are_refused_in_containers_of_any_type(llm_wall: FaultWall, name: str) -> None:
    value, place = BYTES[name]
    aggregator = aggregator_for(llm_wall, "gpt-a")
    for params in ({"metadata": value}, {"extra_body": {"metadata": value}}):
        with pytest.raises(llmagg.InvalidArgumentError) as caught:
            aggregator.chat_sync(HELLO, **params)
        assert f"metadata{place} must not hold bytes; decode it first" in str(caught.value)
    assert chats(llm_wall) == []


ADVICE: dict[str, tuple[Any, str]] = {
    "a path": (pathlib.Path("a"), "pass str() of it, or what the file holds"),
    "an iterator": (iter([1]), "pass list() of it"),
    "an object": (object(), "expected a str, a number, a bool, None, a list or a dict"),
    "a signaling NaN": (decimal.Decimal("sNaN"), "is snan; expected a finite number"),
}


@pytest.mark.parametrize("name", ADVICE)
def test_a_refusal_says_what_to_do(llm_wall: FaultWall, name: str) -> None:
    value, advice = ADVICE[name]
    with pytest.raises(llmagg.InvalidArgumentError) as caught:
        aggregator_for(llm_wall, "gpt-a").chat_sync(HELLO, extra_body={"x": value})
    assert "extra_body.x" in str(caught.value) and advice in str(caught.value)


class Messages(pydantic.RootModel[list[dict[str, Any]]]):
    pass


def look(place: str) -> str:
    return place


FIVE = (
    np.timedelta64(5, "s"),
    np.timedelta64(5000, "ms"),
    np.float32(5),
    decimal.Decimal(5),
    np.array(5),
    Fraction(5),
)


@pytest.mark.parametrize("value", FIVE, ids=repr)
def test_a_time_of_any_type_is_so_many_seconds(llm_wall: FaultWall, value: Any) -> None:
    aggregator = llmagg.LLMAggregator()
    aggregator.initialize_sync(config_for(llm_wall, "gpt-a", timeout=value))
    assert aggregator.chat_sync(HELLO, deadline=value, timeout=value).text == "Hello from gpt-a."
    assert aggregator.run_tools_sync(HELLO, tools=[look], deadline=value).stopped == "answer"
    assert aggregator.manager.get_client_by_model("gpt-a").config.to_core()["timeout"] == 5


def test_a_time_of_numpy_that_is_none_is_refused_with_its_place(llm_wall: FaultWall) -> None:
    none: Any = np.timedelta64("NaT")
    with pytest.raises(llmagg.InvalidArgumentError, match="deadline holds NaT, which is no time"):
        aggregator_for(llm_wall, "gpt-a").chat_sync(HELLO, deadline=none)


def test_a_whole_fraction_is_a_whole_number(llm_wall: FaultWall) -> None:
    params: dict[str, Any] = {"max_tokens": Fraction(7), "top_p": Fraction(1, 2)}
    aggregator_for(llm_wall, "gpt-a").chat_sync(HELLO, **params)
    body = chats(llm_wall)[0]["body"]
    assert (repr(body["max_tokens"]), body["top_p"]) == ("7", 0.5)


class Whole(numbers.Number):
    """A whole number of a type that only says so."""

    def __int__(self) -> int:
        return 7

    __hash__ = None  # type: ignore[assignment]


numbers.Integral.register(Whole)


def test_a_type_that_only_says_that_it_is_whole_is_a_whole_number(llm_wall: FaultWall) -> None:
    seven: Any = Whole()
    aggregator_for(llm_wall, "gpt-a").chat_sync(HELLO, max_tokens=seven)
    assert repr(chats(llm_wall)[0]["body"]["max_tokens"]) == "7"


class Column:
    """As in libraries of tables: a type, an item, and no number of dimensions."""

    dtype = "texts"

    def item(self) -> str:
        raise ValueError("there are several")


def test_a_column_in_the_place_of_a_setting_is_refused_as_others(llm_wall: FaultWall) -> None:
    with pytest.raises(llmagg.InvalidArgumentError, match="base_url"):
        llmagg.LLMAggregator().initialize_sync(config_for(llm_wall, "gpt-a", base_url=Column()))


def test_messages_of_a_root_model(llm_wall: FaultWall) -> None:
    messages: Any = Messages(HELLO)
    aggregator_for(llm_wall, "gpt-a").chat_sync(messages)
    assert chats(llm_wall)[0]["body"]["messages"] == HELLO


@pytest.mark.parametrize("value", [np.void(b"x"), np.array(b"x"), np.bytes_(b"x")], ids=repr)
def test_bytes_of_numpy_are_no_text(llm_wall: FaultWall, value: Any) -> None:
    """Their base64 was sent as the text."""
    aggregator = aggregator_for(llm_wall, "gpt-a")
    part = {"type": "text", "text": value}
    for place, messages in (("content", value), ("content[0]", [value]), ("content[0].text", [part])):
        with pytest.raises(
            llmagg.InvalidArgumentError, match=re.escape(f"messages[0].{place} must be a str, got bytes")
        ):
            aggregator.chat_sync([{"role": "user", "content": messages}])
    with pytest.raises(llmagg.InvalidArgumentError, match=r"metadata\.a must not hold bytes"):
        aggregator.chat_sync(HELLO, metadata={"a": value})
    with pytest.raises(llmagg.InvalidArgumentError, match=r"input\[1\] must not hold bytes"):
        aggregator.embed_sync(["a", value])


class Fields(pydantic.BaseModel):
    made_up: int = 2**70
    top_p: decimal.Decimal = decimal.Decimal("0.1")
    unset: int | None = None


Data = dataclasses.make_dataclass("Data", [("made_up", int, 2**70), ("top_p", float, 0.1), ("unset", int, None)])


@pytest.mark.parametrize("make", [Fields, Data])
def test_extra_body_is_an_object_of_any_type(llm_wall: FaultWall, run: Any, make: Any) -> None:
    aggregator = aggregator_for(llm_wall, "gpt-a")
    aggregator.chat_sync(HELLO, top_p=0.9, extra_body=make())
    request = llmagg.ChatCompletionRequest("gpt-a", HELLO, top_p=0.9, extra_body=make())
    run(aggregator.chat(request))
    hooked = aggregator.manager.get_client_by_model("gpt-a")
    hooked._prepare_request_data = lambda request: request.to_dict()
    run(hooked.chat_completion(request))
    for seen in chats(llm_wall):
        body = seen["body"]
        assert (body["made_up"], body["top_p"], body.get("unset")) == (2**70, 0.1, None)
    assert len(chats(llm_wall)) == 3


class Headers(pydantic.BaseModel):
    team: str = "red"
    unset: str | None = None


HeadersOfData = dataclasses.make_dataclass("HeadersOfData", [("team", str, "red"), ("unset", str, None)])


@pytest.mark.parametrize("make", [Headers, HeadersOfData])
def test_headers_are_an_object_of_any_type(llm_wall: FaultWall, make: Any) -> None:
    aggregator = aggregator_for(llm_wall, "gpt-a")
    aggregator.chat_sync(HELLO, extra_headers=make())
    (seen,) = chats(llm_wall)
    assert (seen["headers"]["team"], "unset" in seen["headers"]) == ("red", False)
    for wrong in ([("a", "b")], "a: b", 5, make):
        with pytest.raises(llmagg.InvalidArgumentError, match="must be a dict of names and values"):
            aggregator.chat_sync(HELLO, extra_headers=wrong)
