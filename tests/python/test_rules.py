"""Rules in types: pydantic's and msgspec's pass over each other, and a value that breaks a rule must not pass."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated, Any, NamedTuple

import annotated_types
import msgspec
import pydantic
import pytest
from pydantic import AfterValidator, Field
from typing_extensions import TypedDict

import llmagg
from conftest import HELLO, aggregator_for, chats
from llmagg.faultwall import FaultWall
from llmagg.messages import ToolCall
from llmagg.parsing import Form
from llmagg.tools import Tool


def even(value: int) -> int:
    if value % 2:
        raise ValueError("the number is not even")
    return value


@dataclass
class InDataclass:
    number: Annotated[int, Field(ge=0)]


@dataclass
class InDefault:
    number: int = Field(default=2, ge=0)


@dataclass
class Validated:
    number: Annotated[int, AfterValidator(lambda number: even(abs(number) + 1))]


@dataclass
class Bound:
    number: Annotated[int, annotated_types.Ge(0)]


class InTypedDict(TypedDict):
    number: Annotated[int, Field(ge=0)]


class InTuple(NamedTuple):
    number: Annotated[int, Field(ge=0)]


@pydantic.dataclasses.dataclass
class Checked:
    number: int = Field(ge=0)


@dataclass
class Around:
    inner: Checked
    others: list[Checked] = field(default_factory=list)


Two = {"number": 2}
Minus = {"number": -2}


@pytest.mark.parametrize(
    ("form", "bad", "good"),
    [
        (InDataclass, Minus, Two),
        (InDefault, Minus, Two),
        (Validated, {"number": 2}, {"number": 1}),
        (Bound, Minus, Two),
        (InTypedDict, Minus, Two),
        (InTuple, {"value": [-2]}, {"value": [2]}),
        (Around, {"inner": Minus}, {"inner": Two}),
        (list[Annotated[int, Field(ge=0)]], {"value": [-2]}, {"value": [2]}),
        (pydantic.PositiveInt, {"value": -2}, {"value": 2}),
        (Annotated[Checked, AfterValidator(lambda checked: even(checked.number) and checked)], {"number": 1}, Two),
    ],
    ids=[
        "dataclass",
        "default",
        "validated",
        "bound",
        "TypedDict",
        "tuple",
        "around",
        "list",
        "PositiveInt",
        "checked",
    ],
)
def test_an_answer_that_breaks_a_rule_is_asked_for_again(llm_wall: FaultWall, form: Any, bad: Any, good: Any) -> None:
    llm_wall.script({"default": {"steps": [{"text": json.dumps(answer)} for answer in (bad, good)]}})
    parsed = aggregator_for(llm_wall, "gpt-a").parse_sync(HELLO, form)
    assert len(chats(llm_wall)) == 2
    assert "2" in repr(parsed.value)
    said = chats(llm_wall)[-1]["body"]["messages"][-1]["content"]
    assert "does not fit" in said
    assert "https://" not in said, "the model visits no link"


def test_a_description_that_pydantic_carries_is_no_reason_to_refuse() -> None:
    """Where pydantic cannot read the type, msgspec does."""

    class Noted(msgspec.Struct):
        number: Annotated[int, Field(description="a number")]

    assert Form(Noted).of(b'{"number": 2}') == Noted(2)

    class Described(TypedDict):
        number: Annotated[int, Field(description="a number")]

    assert Form(Described).schema["properties"]["number"]["description"] == "a number"


class Mixed(pydantic.BaseModel):
    number: Annotated[int, msgspec.Meta(ge=0)]


@dataclass
class MixedOutside:
    number: Annotated[int, msgspec.Meta(ge=0)]
    inner: Checked


class Ruled(msgspec.Struct):
    number: Annotated[int, Field(ge=0)]


@pytest.mark.parametrize(
    ("form", "told"),
    [
        (Mixed, r"ignores msgspec.Meta\(…\); write pydantic's Field"),
        (MixedOutside, r"ignores msgspec.Meta\(…\); write pydantic's Field"),
        (Ruled, "Unable to generate pydantic-core schema"),
    ],
)
def test_rules_that_nobody_would_keep_are_refused(form: Any, told: str) -> None:
    with pytest.raises(llmagg.InvalidArgumentError, match=told):
        Form(form)


def test_rules_of_pydantic_without_pydantic(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "pydantic")
    with pytest.raises(llmagg.InvalidArgumentError, match="read by pydantic 2, which is not imported"):
        Form(Bound)


def test_models_of_pydantic_1_are_told(recwarn: pytest.WarningsRecorder) -> None:
    old = pytest.importorskip("pydantic.v1")
    model = type("Old", (old.BaseModel,), {"__annotations__": {"number": int}, "__module__": __name__})
    recwarn.clear()
    for form in (model, list[model]):  # type: ignore[valid-type]
        with pytest.raises(llmagg.InvalidArgumentError, match="a model of pydantic 1; write one of pydantic 2"):
            Form(form)
    assert not recwarn


class Unfinished(pydantic.BaseModel):
    other: Missing  # type: ignore[name-defined]  # noqa: F821


def test_names_that_are_not_found_are_told() -> None:
    with pytest.raises(llmagg.InvalidArgumentError, match="`Unfinished` is not fully defined"):
        Form(Unfinished)

    @dataclass
    class Inside:
        number: int

    @dataclass
    class Outside:
        inner: Inside

    def visit(place: Inside) -> str:
        return str(place)

    for make, what in ((Form, Outside), (Tool, visit)):
        with pytest.raises(llmagg.InvalidArgumentError, match=r"'Inside' is not defined; .* in the module"):
            make(what)  # type: ignore[operator]


def call(function: Callable[..., Any], **arguments: Any) -> str:
    tool = Tool(function)
    function_ = {"name": tool.name, "arguments": json.dumps(arguments)}
    return asyncio.run(tool.call(ToolCall.from_dict({"id": "1", "type": "function", "function": function_})))


def test_the_rules_of_a_tools_parameters_are_kept() -> None:
    def add(left: Annotated[int, Field(ge=0, le=5)], right: Annotated[int, AfterValidator(even)] = 2) -> int:
        return left + right

    told = Tool(add).schema["function"]["parameters"]["properties"]
    assert (told["left"]["minimum"], told["left"]["maximum"], told["right"]["default"]) == (0, 5, 2)
    assert call(add, left=1) == "3"
    assert "less than or equal to 5" in call(add, left=9)
    assert "the number is not even" in call(add, left=1, right=1)
    assert "https://" not in call(add, left=9)


def test_a_field_in_the_place_of_a_default() -> None:
    def find(
        city: str = Field(description="the city"),
        days: int = Field(default=3, ge=1, description="how many"),
        kinds: list[str] = Field(default_factory=lambda: ["rain"]),  # noqa: B008
    ) -> list[Any]:
        return [city, days, kinds]

    told = Tool(find).schema["function"]["parameters"]
    assert told["required"] == ["city"]
    assert told["properties"]["city"]["description"] == "the city"
    assert (told["properties"]["days"]["default"], told["properties"]["days"]["minimum"]) == (3, 1)
    assert json.loads(call(find, city="Ulm")) == ["Ulm", 3, ["rain"]]
    assert "Field required" in call(find)
    assert json.loads(call(partial(find, city="Ulm"), days=1)) == ["Ulm", 1, ["rain"]]


UNSET = object()


def test_what_the_model_leaves_out_is_the_functions_own_default() -> None:
    """A sentinel is itself only where it is the same object."""

    def find(city: str, days: Any = UNSET) -> str:
        return "unset" if days is UNSET else "set"

    assert call(find, city="Ulm") == "unset"
    assert call(Around, inner={"number": 2}) == '{"inner":{"number":2},"others":[]}'


def test_all_that_a_function_yields_is_told() -> None:
    def lines(count: int) -> Iterator[str]:
        yield from map(str, range(count))

    async def later(count: int) -> AsyncIterator[int]:
        for number in range(count):
            yield number

    async def coroutine(count: int) -> Iterator[str]:
        return lines(count)

    def breaks(count: int) -> Iterator[int]:
        yield count
        raise OSError("the line is cut")

    assert call(lines, count=2) == call(coroutine, count=2) == '["0","1"]'
    assert call(later, count=2) == "[0,1]"
    assert call(breaks, count=2) == "error: OSError: the line is cut"


def test_docstrings_of_other_classes_describe_no_tool() -> None:
    class Silent:
        def __call__(self, city: str) -> str:
            return city

    class Documented(Silent):
        """Looks."""

    described = [Tool(tool).schema["function"].get("description") for tool in (Silent(), Mixed, Around, Documented())]
    assert described == [None, None, None, "Looks."]
