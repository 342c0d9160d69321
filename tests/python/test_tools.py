"""Python functions as tools, and the loop that calls them."""

from __future__ import annotations

import asyncio
import datetime
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Literal

import msgspec
import pydantic
import pytest

import llmagg
from conftest import HELLO, aggregator_for, chats
from llmagg.faultwall import FaultWall
from llmagg.parsing import Form
from llmagg.tools import Tool


def weather(city: str, unit: Literal["C", "F"] = "C", days: list[int] | None = None) -> str:
    """The weather in a city.

    This part is for people.
    """
    return f"12 {unit} in {city}, {days}"


async def later(seconds: float) -> dict[str, float]:
    """Waits."""
    await asyncio.sleep(seconds)
    return {"waited": seconds}


def broken(reason: str) -> str:
    raise ValueError(reason)


def calls(*pairs: tuple[str, str]) -> dict[str, Any]:
    return {"tool_calls": [{"name": name, "arguments": arguments} for name, arguments in pairs]}


def results(wall: FaultWall, request: int = -1) -> list[str]:
    return [message["content"] for message in chats(wall)[request]["body"]["messages"] if message["role"] == "tool"]


def test_a_function_is_a_tool() -> None:
    told = Tool(weather).schema["function"]
    assert (told["name"], told["description"]) == ("weather", "The weather in a city.")
    properties = told["parameters"]["properties"]
    assert properties["city"] == {"type": "string"}
    assert properties["unit"]["enum"] == ["C", "F"]
    assert told["parameters"]["required"] == ["city"]
    assert told["parameters"]["additionalProperties"] is False


@dataclass
class Site:
    name: str

    def near(self, distance: int) -> None:
        """Looks around."""


def google(city: str, days: int = 3) -> None:
    """Looks.

    Further text.

    Args:
        city: The city's name,
            with its country: "Ulm, DE".
        days (int, optional): How many days.

    Returns:
        Nothing: not even that.
    """


def numpys(city: str, days: int = 3) -> None:
    """Looks.

    Parameters
    ----------
    city : str
        The city's name,
        with its country: "Ulm, DE".
    days : int, optional
        How many days.

    Returns
    -------
    None
    """


def sphinx(city: str, days: int = 3) -> None:
    """Looks.

    :param city: The city's name,
        with its country: "Ulm, DE".
    :param int days: How many days.
    :returns: nothing
    """


def annotated(
    city: Annotated[str, 'The city\'s name, with its country: "Ulm, DE".'],
    days: Annotated[int, msgspec.Meta(description="How many days.")] = 3,
) -> None:
    """Looks."""


@pytest.mark.parametrize("function", [google, numpys, sphinx, annotated], ids=lambda function: function.__name__)
def test_what_a_function_says_of_its_parameters_is_told(function: Any) -> None:
    told = Tool(function).schema["function"]
    described = {name: schema["description"] for name, schema in told["parameters"]["properties"].items()}
    assert described == {"city": 'The city\'s name, with its country: "Ulm, DE".', "days": "How many days."}
    assert told["description"] == "Looks."


def test_a_described_object_is_no_bare_reference() -> None:
    """Strict schemas take nothing beside $ref."""

    def visit(place: Site) -> None:
        """Goes there.

        :param place: where
        """

    told = Tool(visit).schema["function"]["parameters"]
    assert told["properties"]["place"] == {"anyOf": [{"$ref": "#/$defs/Site"}], "description": "where"}


def test_a_method_without_its_object_is_refused() -> None:
    with pytest.raises(llmagg.InvalidArgumentError, match=r"a method without its object; .*tools=\[mine.near\]"):
        Tool(Site.near)


def test_a_run(llm_wall: FaultWall, run: Any) -> None:
    steps = [calls(("weather", '{"city": "Ulm", "days": [1]}')), {"text": "It is 12 C."}]
    llm_wall.script({"default": {"steps": [*steps, *steps]}})
    aggregator = aggregator_for(llm_wall, "gpt-a")
    for done in (
        run(aggregator.run_tools("Weather?", tools=[weather], temperature=0)),
        aggregator.run_tools_sync(HELLO, tools=[weather]),
    ):
        assert (done.text, done.rounds, done.stopped) == ("It is 12 C.", 2, "answer")
        assert [attempt.outcome for attempt in done.attempts] == ["OK", "OK"]
        assert done.tokens > 0
        assert len(done.messages) == 4
        assert results(llm_wall) == ["12 C in Ulm, [1]"]


def test_calls_of_one_answer_run_at_the_same_time(llm_wall: FaultWall, run: Any) -> None:
    all_there = threading.Barrier(3, timeout=20)  # each call waits until all of them run

    def blocks(name: str) -> str:
        all_there.wait()
        return name

    async def awaits(name: str) -> str:
        await asyncio.to_thread(all_there.wait)
        return name

    asked = calls(("awaits", '{"name": "a"}'), ("blocks", '{"name": "b"}'), ("awaits", '{"name": "c"}'))
    llm_wall.script({"default": {"steps": [asked, {"text": "ok"}]}})
    run(aggregator_for(llm_wall, "gpt-a").run_tools(HELLO, tools=[awaits, blocks]))
    assert results(llm_wall) == ["a", "b", "c"]


def test_errors_are_told_to_the_model(llm_wall: FaultWall) -> None:
    wrong = calls(
        ("broken", '{"reason": "no rain"}'), ("weather", '{"town": "Ulm"}'), ("weather", "[1]"), ("delete_all", "{}"),
    )  # fmt: skip
    llm_wall.script({"default": {"steps": [wrong, {"text": "Sorry."}]}})
    assert aggregator_for(llm_wall, "gpt-a").run_tools_sync(HELLO, tools=[weather, broken]).text == "Sorry."
    first, second, third, fourth = results(llm_wall)
    assert first == "error: ValueError: no rain"
    assert second.startswith("error: the arguments do not fit: ")
    assert "must be an object" in third
    assert fourth == "error: there is no tool delete_all; known are weather, broken"


async def cancelled() -> str:
    raise asyncio.CancelledError


def ends() -> str:
    raise SystemExit(2)


class Counter:
    """Counts."""

    async def __call__(self, start: int) -> int:
        return start + 1


def test_a_tool_that_ends_itself_does_not_end_the_run(llm_wall: FaultWall) -> None:
    asked = calls(("cancelled", "{}"), ("ends", "{}"), ("weather", '{"city": "Ulm", "town": "x"}'))
    llm_wall.script({"default": {"steps": [asked, {"text": "ok"}]}})
    assert aggregator_for(llm_wall, "gpt-a").run_tools_sync(HELLO, tools=[cancelled, ends, weather]).text == "ok"
    told = ["error: the tool was cancelled", "error: SystemExit: 2"]
    assert results(llm_wall)[:2] == told
    assert "there is no argument town; known are city" in results(llm_wall)[2]


def test_partials_and_callable_objects_are_tools(llm_wall: FaultWall) -> None:
    llm_wall.script({"default": {"steps": [calls(("weather", "{}"), ("Counter", '{"start": 1}')), {"text": "ok"}]}})
    tools = [partial(weather, city="Ulm"), Counter()]
    assert aggregator_for(llm_wall, "gpt-a").run_tools_sync(HELLO, tools=tools).text == "ok"
    assert results(llm_wall)[1] == "2"
    described = chats(llm_wall)[0]["body"]["tools"]
    assert "city" not in described[0]["function"]["parameters"]["properties"]
    assert described[1]["function"]["description"] == "Counts."


def test_limits(llm_wall: FaultWall) -> None:
    llm_wall.script({"default": {"steps": [calls(("weather", '{"city": "Ulm"}'))]}})
    aggregator = aggregator_for(llm_wall, "gpt-a")
    done = aggregator.run_tools_sync(HELLO, tools=[weather], max_rounds=3)
    assert (done.rounds, done.stopped, len(chats(llm_wall))) == (3, "rounds", 3)
    done = aggregator.run_tools_sync(HELLO, tools=[weather], max_total_tokens=1)
    assert (done.rounds, done.stopped) == (1, "tokens")
    with pytest.raises(llmagg.APITimeoutError) as caught:
        aggregator.run_tools_sync(HELLO, tools=[weather, later], max_rounds=10**6, deadline=0.4)
    assert caught.value.attempts
    llm_wall.script({"default": {"steps": [calls(("later", '{"seconds": 9}'))]}})
    with pytest.raises(llmagg.APITimeoutError, match="while tools ran"):
        aggregator.run_tools_sync(HELLO, tools=[later], deadline=0.4)


@pytest.mark.parametrize("hard", [False, True])
def test_max_cost_is_for_the_whole_run(llm_wall: FaultWall, hard: bool) -> None:
    llm_wall.script({"default": {"steps": [calls(("weather", '{"city": "Ulm"}'))]}})
    aggregator = aggregator_for(llm_wall, "gpt-a", price={"input": 1e6, "output": 1e6})  # 1 for each token
    once = aggregator.run_tools_sync(HELLO, tools=[weather], max_rounds=1)
    assert once.cost == once.tokens > 0
    most: Any = {"amount": once.cost * 1.5 + 1000, "hard": True} if hard else once.cost * 1.5
    done = aggregator.run_tools_sync(HELLO, tools=[weather], max_cost=most, max_tokens=20, max_rounds=3)
    if hard:
        assert (done.rounds, done.stopped) == (3, "rounds")
    else:
        assert (done.rounds, done.stopped) == (2, "cost")
    assert done.cost == once.cost * done.rounds


def test_an_error_lists_the_attempts_of_all_rounds(llm_wall: FaultWall) -> None:
    llm_wall.script({"default": {"steps": [calls(("weather", '{"city": "Ulm"}')), {"status": 400}]}})
    with pytest.raises(llmagg.LLMError) as caught:
        aggregator_for(llm_wall, "gpt-a").run_tools_sync(HELLO, tools=[weather])
    assert [attempt.outcome for attempt in caught.value.attempts][0:2] == ["OK", "BAD_REQUEST"]


def test_tool_choice_required_is_for_the_first_round(llm_wall: FaultWall) -> None:
    llm_wall.script({"default": {"steps": [calls(("weather", '{"city": "Ulm"}')), {"text": "ok"}]}})
    aggregator_for(llm_wall, "gpt-a").run_tools_sync(HELLO, tools=[weather], tool_choice="required")
    assert [chat["body"].get("tool_choice") for chat in chats(llm_wall)] == ["required", None]


def test_a_forced_function_is_for_the_first_round(llm_wall: FaultWall) -> None:
    forced = {"type": "function", "function": {"name": "weather"}}
    llm_wall.script({"default": {"steps": [calls(("weather", '{"city": "Ulm"}')), {"text": "ok"}]}})
    aggregator_for(llm_wall, "gpt-a").run_tools_sync(HELLO, tools=[weather], tool_choice=forced)
    assert [chat["body"].get("tool_choice") for chat in chats(llm_wall)] == [forced, None]


class Spot(pydantic.BaseModel):
    x: int = pydantic.Field(ge=0)


def near(spot: Spot, more: list[Spot]) -> list[Spot]:
    """Spots nearby."""
    return [spot, *more]


async def odd() -> object:
    """What JSON does not say."""
    itself: list[object] = []
    itself.append(itself)
    return itself


def test_pydantic_models_as_arguments_and_results(llm_wall: FaultWall) -> None:
    asked = calls(
        ("near", '{"spot": {"x": 1}, "more": [{"x": 2}]}'), ("near", '{"spot": {"x": -1}, "more": []}'), ("odd", "{}")
    )
    llm_wall.script({"default": {"steps": [asked, {"text": "ok"}]}})
    assert aggregator_for(llm_wall, "gpt-a").run_tools_sync(HELLO, tools=[near, odd]).text == "ok"
    good, bad, failed = results(llm_wall)
    assert good == '[{"x":1},{"x":2}]'
    assert "greater than or equal to 0" in bad
    assert failed.startswith("error: RecursionError")


@dataclass
class Place:
    city: str


def at(place: Place) -> str:
    return place.city


def test_arguments_are_of_the_annotated_types(llm_wall: FaultWall, monkeypatch: pytest.MonkeyPatch) -> None:
    llm_wall.script({"default": {"steps": [calls(("at", '{"place": {"city": "Ulm"}}')), {"text": "ok"}]}})
    monkeypatch.setenv("OPENAI_API_KEY", "k-12345678")
    monkeypatch.setenv("OPENAI_BASE_URL", llm_wall.url)
    assert llmagg.run_tools_sync("Where?", tools=[at]).text == "ok"
    assert results(llm_wall) == ["Ulm"]


@pytest.mark.parametrize(("name", "meant"), [("max_round", "max_rounds"), ("max_total_token", "max_total_tokens")])
def test_a_misspelt_bound_is_told(llm_wall: FaultWall, name: str, meant: str) -> None:
    llm = aggregator_for(llm_wall, "gpt-a")
    with pytest.raises(llmagg.InvalidArgumentError, match=f'did you mean "{meant}"'):
        llm.run_tools_sync(HELLO, tools=[weather], **{name: 3})  # type: ignore[arg-type]
    assert not chats(llm_wall)


def test_mistakes(llm_wall: FaultWall) -> None:
    aggregator = aggregator_for(llm_wall, "gpt-a")

    def any_number(*numbers: int) -> str:
        return str(numbers)

    for tools, told in (([], "at least one"), ([weather, weather], "same name"), ([any_number], "plain parameters")):
        with pytest.raises(llmagg.InvalidArgumentError, match=told):
            aggregator.run_tools_sync(HELLO, tools=tools)
    assert chats(llm_wall) == []


def test_what_an_argument_is_by_default_is_told() -> None:
    """The model decides whether it gives one."""

    def find(city: str, days: int = 3, units: tuple[str, ...] = ("C",), at: object = len, by: str | None = None) -> str:
        return city

    properties = Tool(find).schema["function"]["parameters"]["properties"]
    defaults = {name: schema["default"] for name, schema in properties.items() if "default" in schema}
    assert defaults == {"days": 3, "units": ["C"], "by": None}


class Plain:
    """Without @dataclass."""

    city: str


def test_a_parameter_that_no_json_value_is() -> None:
    def call(city: str, then: Callable[[str], str]) -> str:
        return then(city)

    def visit(place: Plain) -> str:
        return place.city

    def said(make: Callable[[Any], Any], what: Any) -> str:
        with pytest.raises(llmagg.InvalidArgumentError) as caught:
            make(what)
        return str(caught.value)

    plain = "Plain by a JSON schema: it is a plain class; write @dataclass above it"
    assert said(Form, Plain).startswith(f"parse() cannot describe {plain}")
    assert said(Tool, visit).startswith(
        f"run_tools() cannot describe visit by a JSON schema: 'place' cannot be one ({plain}"
    )
    told = said(Tool, call)
    assert told.startswith(
        "run_tools() cannot describe call by a JSON schema: 'then' cannot be one (Callable by a JSON"
    )
    assert "no JSON value is a collections.abc.Callable" in told
    assert "schema_hook" not in told


def test_a_timedelta_bounds_a_run(llm_wall: FaultWall) -> None:
    llm = aggregator_for(llm_wall, "gpt-a")
    run = llm.run_tools_sync("Hi", tools=[weather], deadline=datetime.timedelta(minutes=1))
    assert run.text == "Hello from gpt-a."
