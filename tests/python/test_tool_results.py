"""What run_tools tells the model of its calls: the values of requests, or what is wrong with a result or a call."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import enum
import uuid
from typing import Any

import numpy as np
import pydantic
import pytest
from django.utils.functional import lazystr

from conftest import aggregator_for, chats
from llmagg.faultwall import FaultWall


class Level(enum.Enum):
    LOW = "low"


@dataclasses.dataclass
class Reading:
    mean: decimal.Decimal
    note: str | None = None


class Model(pydantic.BaseModel):
    mean: decimal.Decimal = decimal.Decimal("1.5")
    note: str | None = None


class Named:
    def __str__(self) -> str:
        return "a name"


RESULTS: dict[str, tuple[Any, str]] = {
    "a number of numpy": (np.float64(1.5), "1.5"),
    "an array": (np.array([1, 2]), "[1,2]"),
    "numbers inside": ({"a": np.int64(1), "b": decimal.Decimal("0.5")}, '{"a":1,"b":0.5}'),
    "an Enum": (Level.LOW, '"low"'),
    "a date": (datetime.date(2020, 1, 2), '"2020-01-02"'),
    "a UUID": (uuid.UUID(int=1), '"00000000-0000-0000-0000-000000000001"'),
    "a dataclass": (Reading(decimal.Decimal("1.5")), '{"mean":1.5,"note":null}'),
    "a model": (Model(), '{"mean":1.5,"note":null}'),
    "a Mapping": (collections.UserDict(a=1), '{"a":1}'),
    "nothing": (None, "null"),
    "an object with a text": ([Named()], '["a name"]'),
    "a lazy text": (lazystr("hi"), "hi"),
    "a UserString": (collections.UserString("hi"), "hi"),
    "the output of a program": (b"caf\xc3\xa9\n", "café\n"),
    "bytes that are no text": (b"\xff", "error: UnicodeDecodeError: 'utf-8' codec can't decode byte 0xff"),
    "bytes inside": ({"out": [b"x"]}, "error: TypeError: the result.out[0] is bytes; expected a str"),
    "a number that is none": (float("nan"), "error: ValueError: the result has no form in JSON: the value is nan"),
    "a Decimal that is none": (
        decimal.Decimal("NaN"),
        "error: ValueError: the result has no form in JSON: the value is nan",
    ),
    "a number that is none behind an object": (
        [Named(), {Level.LOW: 1, "a": float("nan")}],
        "error: ValueError: the result has no form in JSON: [1].a is nan",
    ),
    "such a number inside": (
        {"a": [np.float32("inf")]},
        "error: ValueError: the result has no form in JSON: a[0] is inf",
    ),
}


@pytest.mark.parametrize("name", RESULTS)
def test_the_model_is_told_the_value(llm_wall: FaultWall, name: str) -> None:
    value, told = RESULTS[name]

    def measure() -> Any:
        """Measures."""
        return value

    asked = {"tool_calls": [{"name": "measure", "arguments": "{}"}]}
    llm_wall.script({"default": {"steps": [asked, {"text": "ok"}]}})
    assert aggregator_for(llm_wall, "gpt-a").run_tools_sync("Measure.", tools=[measure]).text == "ok"
    content = chats(llm_wall)[-1]["body"]["messages"][-1]["content"]
    assert content.startswith(told) if told.startswith("error") else content == told


@pytest.mark.parametrize(("reason", "removed"), [("length", []), ("tool_calls", ["everything"])])
def test_a_call_that_was_cut_off_before_its_arguments_runs_nothing(
    llm_wall: FaultWall, reason: str, removed: list[str]
) -> None:
    ran: list[str] = []

    def remove(kind: str = "everything") -> str:
        """Removes what there is."""
        ran.append(kind)
        return "done"

    call = {"id": "c", "type": "function", "function": {"name": "remove", "arguments": ""}}
    asked = {"index": 0, "finish_reason": reason, "message": {"role": "assistant", "tool_calls": [call]}}
    llm_wall.script({"default": {"steps": [{"body": {"choices": [asked]}}, {"text": "ok"}]}})
    assert aggregator_for(llm_wall, "gpt-a").run_tools_sync("Remove.", tools=[remove]).text == "ok"
    assert ran == removed
    told = chats(llm_wall)[-1]["body"]["messages"][-1]["content"]
    assert told == "done" if removed else told.startswith("error: the arguments do not fit: there are none")


@pytest.mark.parametrize("reason", [None, "length", "tool_calls"])
def test_a_call_without_arguments_is_all_that_a_tool_without_parameters_can_get(
    llm_wall: FaultWall, reason: str | None
) -> None:
    def now() -> str:
        """The time."""
        return "noon"

    call = {"id": "c", "type": "function", "function": {"name": "now", "arguments": ""}}
    asked = {"index": 0, "finish_reason": reason, "message": {"role": "assistant", "tool_calls": [call]}}
    llm_wall.script({"default": {"steps": [{"body": {"choices": [asked]}}, {"text": "ok"}]}})
    assert aggregator_for(llm_wall, "gpt-a").run_tools_sync("When?", tools=[now]).text == "ok"
    assert chats(llm_wall)[-1]["body"]["messages"][-1]["content"] == "noon"
