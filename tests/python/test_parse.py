"""Answers as objects: forms of four sorts, answers that do not fit, other routes, and the deadline of it all."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from typing import Any, Literal, Optional, TypedDict, Union

import msgspec
import pydantic
import pytest

import llmagg
from conftest import HELLO, aggregator_for, chats
from llmagg.faultwall import FaultWall
from llmagg.parsing import Form


class Model(pydantic.BaseModel):
    name: str
    people: int = pydantic.Field(ge=0)


@dataclass
class Data:
    name: str
    people: int


class Typed(TypedDict):
    name: str
    people: int


class Struct(msgspec.Struct):
    name: str
    people: int


@dataclass
class Tree:
    name: str
    parts: list[Tree] = field(default_factory=list)


GOOD = '{"name": "Ulm", "people": 126000}'
BAD = '{"name": "Ulm", "people": "many"}'


def value(name: Any, people: Any) -> Any:
    return {Model: Model(name=name, people=people), Data: Data(name, people), Struct: Struct(name, people)}


@pytest.mark.parametrize("form", [Model, Data, Typed, Struct])
@pytest.mark.parametrize("text", [GOOD, f"```json\n{GOOD}\n```"], ids=["plain", "fenced"])
def test_forms(llm_wall: FaultWall, run: Any, form: Any, text: str) -> None:
    llm_wall.script({"default": {"steps": [{"text": text}]}})
    aggregator = aggregator_for(llm_wall, "gpt-a")
    parsed = run(aggregator.parse("A city?", form))
    assert parsed.value == (json.loads(GOOD) if form is Typed else value("Ulm", 126000)[form])
    assert aggregator.parse_sync("A city?", form).value == parsed.value
    assert [attempt.outcome for attempt in parsed.attempts] == ["OK"]
    sent = chats(llm_wall)[0]["body"]["response_format"]["json_schema"]
    assert sent["name"] == form.__name__
    assert sent["strict"] is True
    assert sent["schema"]["additionalProperties"] is False
    assert set(sent["schema"]["required"]) == {"name", "people"}


def test_other_types_and_recursion(llm_wall: FaultWall) -> None:
    aggregator = aggregator_for(llm_wall, "gpt-a")
    for text in ('{"value": [1, 2]}', "[1, 2]"):
        llm_wall.script({"default": {"steps": [{"text": text}]}})
        assert aggregator.parse_sync("Numbers?", list[int]).value == [1, 2]
    llm_wall.script({"default": {"steps": [{"text": '{"name": "a", "parts": [{"name": "b"}]}'}]}})
    assert aggregator.parse_sync("A tree?", Tree).value == Tree("a", [Tree("b")])
    asked = Form(Tree).response_format["json_schema"]
    assert asked["strict"] is False, "its parts have a default"
    assert asked["schema"]["type"] == "object"


@pydantic.dataclasses.dataclass
class Checked:
    people: int = pydantic.Field(ge=0)


@dataclass
class Holder:
    inside: Model
    other: Model | None = None


@pytest.mark.parametrize(
    ("form", "data", "expected"),
    [
        (list[Model], [json.loads(GOOD)], [Model(name="Ulm", people=126000)]),
        (Model | None, None, None),
        (Holder, {"inside": json.loads(GOOD)}, Holder(Model(name="Ulm", people=126000))),
        (Checked, {"people": 1}, Checked(1)),
    ],
)
def test_pydantic_inside_of_other_types(llm_wall: FaultWall, form: Any, data: Any, expected: Any) -> None:
    answers = [{"value": {"people": -1}}, {"value": data} if Form(form).unwrapped({"value": 1}) == 1 else data]
    llm_wall.script({"default": {"steps": [{"text": json.dumps(answer)} for answer in answers]}})
    assert aggregator_for(llm_wall, "gpt-a").parse_sync(HELLO, form).value == expected
    assert len(chats(llm_wall)) == 2


@pytest.mark.parametrize(
    ("form", "value", "expected"),
    [
        (Data | None, None, None),
        (Optional[Data], json.loads(GOOD), Data("Ulm", 126000)),
        (Union[int, str], "seven", "seven"),
        (Literal["yes", "no"], "no", "no"),
        (list[Data | None], [None], [None]),
        (Model | Checked, {"people": 7}, Checked(7)),
    ],
)
def test_forms_that_are_no_classes(llm_wall: FaultWall, form: Any, value: Any, expected: Any) -> None:
    llm_wall.script({"default": {"steps": [{"text": json.dumps({"value": value})}]}})
    llm = aggregator_for(llm_wall, "gpt-a")
    assert llm.parse_sync("A city?", form).value == expected
    assert list(llm.stream_parse_sync("A city?", form))[-1].value == expected


def test_a_union_of_dataclasses_says_why_it_cannot_be_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "pydantic")  # which would read it, if the application had imported it
    with pytest.raises(llmagg.InvalidArgumentError, match="nothing tells the objects of the union apart; write"):
        Form(Data | Tree)


class Plain:
    def __init__(self, name: str) -> None:
        self.name = name


def test_a_type_that_nobody_describes() -> None:
    with pytest.raises(llmagg.InvalidArgumentError, match="cannot describe"):
        Form(list[Plain])
    with pytest.raises(llmagg.InvalidArgumentError, match=r"takes a class, got an object of dict.*response_format"):
        Form({"type": "object"})  # type: ignore[arg-type]
    with pytest.raises(llmagg.InvalidArgumentError, match="takes a class, got a function"):
        Form(aggregator_for)  # type: ignore[arg-type]


class Noted(pydantic.BaseModel):
    first: Model = pydantic.Field(description="the first")
    default: Model
    properties: list[Model]


@dataclass
class Pairs:
    pair: tuple[int, str]


def test_schemas_are_strict_where_vendors_take_them() -> None:
    form: Form[Noted] = Form(Noted)
    assert form.response_format["json_schema"]["strict"] is True
    assert form.schema["properties"]["first"] == {"anyOf": [{"$ref": "#/$defs/Model"}], "description": "the first"}
    assert set(form.schema["properties"]) == {"first", "default", "properties"}
    word = Form(Literal["a", "b"]).response_format["json_schema"]
    assert (word["strict"], word["schema"]["properties"]["value"]["type"]) == (True, "string")
    assert Form(list[Any]).response_format["json_schema"]["strict"] is False
    assert Form(Pairs).response_format["json_schema"]["strict"] is False  # prefixItems


def test_an_answer_that_does_not_fit_is_asked_for_again_with_the_reason(llm_wall: FaultWall) -> None:
    llm_wall.script({"default": {"steps": [{"text": BAD}, {"text": GOOD}]}})
    parsed = aggregator_for(llm_wall, "gpt-a").parse_sync(HELLO, Model, temperature=0)
    assert parsed.value.people == 126000
    assert [attempt.outcome for attempt in parsed.attempts] == ["BAD_RESPONSE", "OK"]
    assert "does not fit Model" in parsed.attempts[0].message
    again = chats(llm_wall)[1]["body"]
    assert [message["role"] for message in again["messages"]] == ["user", "assistant", "user"]
    assert "people" in again["messages"][2]["content"]
    assert again["temperature"] == 0


@pytest.mark.parametrize("grows", [False, True])
def test_a_kept_answer_that_does_not_fit_is_asked_for_anew(
    llm_wall: FaultWall, grows: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    reads = Form.read
    monkeypatch.setattr(Form, "read", lambda form, response: (read.append(response.text), reads(form, response))[1])
    llm_wall.script({"default": {"steps": [{"text": BAD}, {"text": GOOD}]}})
    aggregator = aggregator_for(llm_wall, "gpt-a", cache=True)
    asked = []
    for _ in range(3):  # refused and asked again; asked anew; kept
        if grows:
            *_, last = aggregator.stream_parse_sync(HELLO, Model)
            value, attempts = last.value, last.attempts
        else:
            parsed = aggregator.parse_sync(HELLO, Model)
            value, attempts = parsed.value, parsed.attempts
        assert value is not None and value.people == 126000
        asked.append([attempt.outcome for attempt in attempts])
    assert asked == [["BAD_RESPONSE", "OK"], ["OK"], []]
    assert read == [BAD, GOOD, BAD, GOOD, GOOD]  # each answer once


def test_after_two_failures_the_next_route_is_asked(llm_wall: FaultWall) -> None:
    llm_wall.script({"models": {"a": {"steps": [{"text": BAD}]}, "b": {"steps": [{"text": GOOD}]}}})
    parsed = aggregator_for(llm_wall, "a", "b").parse_sync(HELLO, Data)
    assert parsed.response.route == "openai/b"
    assert [(a.route, a.outcome) for a in parsed.attempts] == [
        ("openai/a", "BAD_RESPONSE"), ("openai/a", "BAD_RESPONSE"), ("openai/b", "OK"),
    ]  # fmt: skip
    assert chats(llm_wall)[2]["body"]["messages"] == HELLO


def test_a_route_that_dies_in_between_is_left(llm_wall: FaultWall) -> None:
    steps = [{"text": BAD}, {"status": 503}]
    llm_wall.script({"models": {"a": {"steps": steps}, "b": {"steps": [{"text": GOOD}]}}})
    parsed = aggregator_for(llm_wall, "a", "b").parse_sync(HELLO, Struct)
    assert parsed.value == Struct("Ulm", 126000)
    outcomes = [attempt.outcome for attempt in parsed.attempts]
    assert (outcomes[0], outcomes[1], outcomes[-1]) == ("BAD_RESPONSE", "UNAVAILABLE", "OK")


@pytest.mark.parametrize("params", [{}, {"model": "a"}])
def test_no_answer_fits(llm_wall: FaultWall, params: dict[str, Any]) -> None:
    llm_wall.script({"default": {"steps": [{"text": BAD}]}})
    with pytest.raises(llmagg.BadResponseError, match="no answer fits Model") as caught:
        aggregator_for(llm_wall, "a", "b").parse_sync(HELLO, Model, **params)
    assert len(caught.value.attempts) == (2 if params else 4)
    assert caught.value.body == BAD


def test_the_deadline_is_that_of_all_calls_together(llm_wall: FaultWall) -> None:
    llm_wall.script({"default": {"steps": [{"text": BAD, "delay_headers_s": 0.3}]}})
    with pytest.raises(llmagg.APITimeoutError) as caught:
        aggregator_for(llm_wall, "a", "b", "c").parse_sync(HELLO, Model, deadline=0.5)
    assert caught.value.attempts[0].outcome == "BAD_RESPONSE"
    assert len(caught.value.attempts) <= 3


def test_a_refusal_and_a_cut_are_told(llm_wall: FaultWall) -> None:
    llm_wall.script({"default": {"steps": [{"text": '{"name": "Ul', "finish_reason": "length"}]}})
    with pytest.raises(llmagg.BadResponseError, match="answer more briefly"):
        aggregator_for(llm_wall, "a").parse_sync(HELLO, Model)
    message = {"role": "assistant", "content": None, "refusal": "no"}
    body = {"id": "1", "object": "chat.completion", "choices": [{"index": 0, "message": message}]}
    llm_wall.script({"default": {"steps": [{"body": body}]}})
    with pytest.raises(llmagg.BadResponseError, match="the model refused: no"):
        aggregator_for(llm_wall, "a").parse_sync(HELLO, Model)


def test_mistakes(llm_wall: FaultWall) -> None:
    aggregator = aggregator_for(llm_wall, "a")
    with pytest.raises(llmagg.InvalidArgumentError, match="response_format"):
        aggregator.parse_sync(HELLO, Model, response_format={"type": "json_object"})
    with pytest.raises(llmagg.InvalidArgumentError, match="JSON schema"):
        aggregator.parse_sync(HELLO, type("Plain", (), {"__init__": lambda self, x: None}))
    with pytest.raises(llmagg.InvalidArgumentError, match="deadline"):
        aggregator.parse_sync(HELLO, Model, deadlin=3)  # type: ignore[call-arg]
    assert chats(llm_wall) == []


def test_a_request_object_and_the_module(llm_wall: FaultWall, monkeypatch: pytest.MonkeyPatch) -> None:
    llm_wall.script({"default": {"steps": [{"text": BAD}, {"text": GOOD}]}})
    request = llmagg.ChatCompletionRequest("", [llmagg.Message("user", "A city?")], seed=3)
    assert aggregator_for(llm_wall, "a").parse_sync(request, Data).value == Data("Ulm", 126000)
    assert [chat["body"]["seed"] for chat in chats(llm_wall)] == [3, 3]
    assert len(request.messages) == 1
    monkeypatch.setenv("OPENAI_API_KEY", "k-12345678")
    monkeypatch.setenv("OPENAI_BASE_URL", llm_wall.url)
    assert llmagg.parse_sync("A city?", Data).value.name == "Ulm"
