"""Values as Python has them reach the server as what they mean, or are refused with their place."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import json
import types
import uuid
from collections.abc import Iterator
from typing import Any, TypedDict

import markupsafe
import msgspec
import numpy as np
import pydantic
import pytest

import llmagg
from conftest import HELLO, aggregator_for, chats
from llmagg.faultwall import FaultWall


class Text(str):
    """As Django's SafeString and BeautifulSoup's NavigableString."""


class Whole(int):
    pass


class Real(float):
    pass


class Items(list[Any]):
    pass


class Object(dict[str, Any]):
    pass


class Level(enum.IntEnum):
    HIGH = 5


class Effort(str, enum.Enum):
    LOW = "low"


class Plain(enum.Enum):
    LOW = "low"


class Typed(TypedDict):
    a: int


@dataclasses.dataclass
class Data:
    name: str
    limit: decimal.Decimal = decimal.Decimal("0.5")
    unset: str | None = None


@dataclasses.dataclass
class DataMessage:
    role: str
    content: str
    name: str | None = None


class Model(pydantic.BaseModel):
    type: str = "object"
    low: decimal.Decimal = decimal.Decimal("0.25")
    key: uuid.UUID = uuid.UUID(int=7)
    schema_: dict[str, Any] = pydantic.Field(default={"a": None}, alias="schema")
    unset: int | None = None
    url: pydantic.AnyUrl = pydantic.AnyUrl("https://example.com/a")


class Measured(pydantic.BaseModel):
    low: float


class ModelMessage(pydantic.BaseModel):
    role: str
    content: str | None = None
    refusal: str | None = None


class StructMessage(msgspec.Struct):
    role: str
    content: str


class Dumps:
    """As :class:`llmagg.params.ModelDump` says: its method takes nothing."""

    def model_dump(self) -> dict[str, Any]:
        return {"a": Text("b")}


UTC = datetime.timezone.utc
VALUES: dict[str, tuple[Any, Any]] = {
    "str subclass": (Text("hi"), "hi"),
    "markup": (markupsafe.Markup("<b>"), "<b>"),
    "UserString": (collections.UserString("hi"), "hi"),
    "numpy.str_": (np.str_("hi"), "hi"),
    "int subclass": (Whole(3), 3),
    "float subclass": (Real(0.5), 0.5),
    "True": (True, True),
    "numpy.float64": (np.float64(0.5), 0.5),
    "numpy.float32": (np.float32(0.5), 0.5),
    "numpy.float16": (np.float16(0.5), 0.5),
    "numpy.int64": (np.int64(7), 7),
    "numpy.uint8": (np.uint8(7), 7),
    "numpy.bool_": (np.bool_(True), True),
    "numpy.ndarray": (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
    "Decimal": (decimal.Decimal("0.7"), 0.7),
    "whole Decimal": (decimal.Decimal(7), 7),
    "Fraction": (fractions.Fraction(1, 4), 0.25),
    "list subclass": (Items([Text("x")]), ["x"]),
    "tuple": ((1, Whole(2)), [1, 2]),
    "deque": (collections.deque([1]), [1]),
    "range": (range(3), [0, 1, 2]),
    "dict values": ({"a": Text("x")}.values(), ["x"]),
    "dict keys": ({"a": 1}.keys(), ["a"]),
    "set": ({1}, [1]),
    "dict subclass": (Object(a=Real(1.5)), {"a": 1.5}),
    "OrderedDict": (collections.OrderedDict(a=Text("x")), {"a": "x"}),
    "UserDict": (collections.UserDict(a=Whole(1)), {"a": 1}),
    "mappingproxy": (types.MappingProxyType({"a": 1}), {"a": 1}),
    "ChainMap": (collections.ChainMap({"a": 1}, {"b": 2}), {"a": 1, "b": 2}),
    "TypedDict": (Typed(a=1), {"a": 1}),
    "namedtuple": (collections.namedtuple("P", "x y")(1, 2), [1, 2]),
    "IntEnum": (Level.HIGH, 5),
    "str Enum": (Effort.LOW, "low"),
    "Enum": (Plain.LOW, "low"),
    "UUID": (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    "datetime": (datetime.datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC), "2020-01-02T03:04:05Z"),
    "date": (datetime.date(2020, 1, 2), "2020-01-02"),
    "dataclass": (Data("n"), {"name": "n", "limit": 0.5}),
    "pydantic model": (
        Model(),
        {
            "type": "object",
            "low": 0.25,
            "key": "00000000-0000-0000-0000-000000000007",
            "schema": {"a": None},
            "url": "https://example.com/a",
        },
    ),
    "msgspec.Struct": (StructMessage("user", "x"), {"role": "user", "content": "x"}),
    "params.ModelDump": (Dumps(), {"a": "b"}),
    "null in a dict": ({"a": None, "b": [None]}, {"a": None, "b": [None]}),
    "null beside a dataclass": ({"a": None, "b": Data("n")}, {"a": None, "b": {"name": "n", "limit": 0.5}}),
    "keys": (
        {Text("a"): 1, Effort.LOW: 2, 3: 3, Whole(4): 4, True: 5, uuid.UUID(int=1): 6, np.str_("z"): 7},
        {"a": 1, "low": 2, "3": 3, "4": 4, "true": 5, "00000000-0000-0000-0000-000000000001": 6, "z": 7},
    ),
    "the words of numbers that are none": ("NaN null Infinity", "NaN null Infinity"),
    "a large int": (2**70, 2**70),
}

PLACES: dict[str, Any] = {
    "a parameter": lambda value: {"metadata": {"v": value}},
    "deep in a tool": lambda value: {
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {"x": [value]}}}]
    },
    "extra_body": lambda value: {"extra_body": {"x_field": value}},
}


def lookup(body: dict[str, Any], place: str) -> Any:
    if place == "a parameter":
        return body["metadata"]["v"]
    if place == "extra_body":
        return body["x_field"]
    return body["tools"][0]["function"]["parameters"]["x"][0]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", VALUES)
def test_a_value_is_sent_as_what_it_means(llm_wall: FaultWall, name: str, place: str) -> None:
    value, expected = VALUES[name]
    aggregator_for(llm_wall, "gpt-a").chat_sync(HELLO, **PLACES[place](value))
    got = lookup(chats(llm_wall)[0]["body"], place)
    assert got == expected and type(got) is type(expected)


def test_the_dialect_is_that_of_json_dumps_where_json_dumps_has_one(llm_wall: FaultWall) -> None:
    values = {name: value for name, (value, _) in VALUES.items()}
    agreed = 0
    for name, value in values.items():
        try:
            dumped = json.loads(json.dumps(value))
        except TypeError:
            continue
        expected = VALUES[name][1]
        if name != "keys":
            assert dumped == expected, name
            agreed += 1
    assert agreed >= 15


NUMBERS: dict[str, tuple[str, Any, Any]] = {
    "numpy.float64": ("temperature", np.float64(0.5), 0.5),
    "Decimal": ("temperature", decimal.Decimal("0.7"), 0.7),
    "numpy.int64": ("max_tokens", np.int64(9), 9),
    "IntEnum": ("max_tokens", Level.HIGH, 5),
    "str subclass": ("user", Text("me"), "me"),
    "list subclass": ("stop", Items(["x"]), ["x"]),
    "deque": ("stop", collections.deque(["x"]), ["x"]),
    "str Enum": ("reasoning_effort", Effort.LOW, "low"),
    "Mapping": ("response_format", types.MappingProxyType({"type": "json_object"}), {"type": "json_object"}),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_parameters(llm_wall: FaultWall, run: Any, name: str) -> None:
    key, value, expected = NUMBERS[name]
    aggregator = aggregator_for(llm_wall, "gpt-a")
    aggregator.chat_sync(HELLO, **{key: value})
    run(aggregator.chat(llmagg.ChatCompletionRequest("", HELLO, **{key: value})))
    list(aggregator.stream_sync(HELLO, **{key: value}))
    assert [chat["body"][key] for chat in chats(llm_wall)] == [expected] * 3


OPTIONS: dict[str, tuple[str, Any]] = {
    "numpy.float64": ("deadline", np.float64(5)),
    "Decimal": ("timeout", decimal.Decimal("2.5")),
    "IntEnum": ("max_retries", Level.HIGH),
    "str subclass": ("on_interrupt", Text("error")),
    "Enum": ("on_interrupt", enum.Enum("On", {"E": "error"}).E),  # type: ignore[attr-defined]
    "Mapping": ("extra_headers", types.MappingProxyType({Text("x-a"): Text("b")})),
}


@pytest.mark.parametrize("name", OPTIONS)
def test_options(llm_wall: FaultWall, name: str) -> None:
    key, value = OPTIONS[name]
    aggregator_for(llm_wall, "gpt-a").chat_sync(HELLO, **{key: value})
    assert len(chats(llm_wall)) == 1


def test_values_in_a_configuration(llm_wall: FaultWall) -> None:
    aggregator = aggregator_for(
        llm_wall,
        "gpt-a",
        timeout=decimal.Decimal("2.5"),
        max_retries=np.int64(2),
        api_key=Text("sk-a"),
        headers=types.MappingProxyType({"x-a": Text("b")}),
        max_concurrent_calls=Level.HIGH,
    )
    aggregator.chat_sync(HELLO)
    assert chats(llm_wall)[0]["headers"]["authorization"] == "Bearer sk-a"
    assert chats(llm_wall)[0]["headers"]["x-a"] == "b"


MESSAGES: dict[str, Any] = {
    "Message": llmagg.Message("user", "hi"),
    "dict": {"role": "user", "content": "hi"},
    "Mapping": types.MappingProxyType({"role": Text("user"), "content": Text("hi")}),
    "UserDict": collections.UserDict(role="user", content="hi"),
    "dataclass": DataMessage("user", "hi"),
    "pydantic model": ModelMessage(role="user", content="hi"),
    "msgspec.Struct": StructMessage("user", "hi"),
    "markup as content": {"role": "user", "content": markupsafe.Markup("hi")},
    "Enum as role": {"role": enum.Enum("R", {"U": "user"}).U, "content": "hi"},  # type: ignore[attr-defined]
    "Message with a str subclass": llmagg.Message("user", Text("hi")),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_messages(llm_wall: FaultWall, run: Any, name: str) -> None:
    message = MESSAGES[name]
    aggregator = aggregator_for(llm_wall, "gpt-a")
    for messages in ([message], (message,), iter([message]), (m for m in [message]), collections.deque([message])):
        aggregator.chat_sync(messages)
    assert run(aggregator.generate_response(iter([message]))) == "Hello from gpt-a."
    run(aggregator.chat(llmagg.ChatCompletionRequest("", iter([message]))))  # type: ignore[arg-type]
    assert [chat["body"]["messages"] for chat in chats(llm_wall)] == [[{"role": "user", "content": "hi"}]] * 7


def test_an_iterator_of_messages_is_read_once_for_all_attempts(llm_wall: FaultWall) -> None:
    llm_wall.script({"models": {"gpt-a": {"steps": [{"status": 500}, {}]}}})
    request = llmagg.ChatCompletionRequest("", iter([llmagg.Message("user", "hi")]))  # type: ignore[arg-type]
    aggregator = aggregator_for(llm_wall, "gpt-a", max_retries=2, retry={"backoff_s": 0.01})
    aggregator.chat_sync(request)
    aggregator.chat_sync(request)
    assert [chat["body"]["messages"] for chat in chats(llm_wall)] == [[{"role": "user", "content": "hi"}]] * 3


def test_a_client_of_the_application_gets_plain_values(llm_wall: FaultWall, run: Any) -> None:
    asked: list[Any] = []

    class Mine(llmagg.BaseLLMClient):
        async def chat_completion(self, request: llmagg.ChatCompletionRequest) -> llmagg.ChatCompletionResponse:
            asked.append(request)
            message = {"role": "assistant", "content": Text("fine")}
            choices = [{"index": Whole(0), "message": message, "finish_reason": Text("stop")}]
            return llmagg.ChatCompletionResponse.from_dict(
                {"id": uuid.UUID(int=1), "choices": choices, "usage": {"total_tokens": np.int64(3)}}
            )

        async def chat_completion_stream(self, request: Any) -> Any:
            raise NotImplementedError
            yield

    aggregator = aggregator_for(llm_wall, "gpt-a")
    provider = aggregator.manager.get_provider("openai")
    provider.clients["gpt-a"] = Mine(provider.config.models["gpt-a"])
    response = run(aggregator.chat(iter([MESSAGES["Mapping"]]), temperature=decimal.Decimal("0.5")))
    assert asked[0].messages[0].content == "hi" and asked[0].temperature == 0.5
    assert response.choices[0].message.content == "fine" and response.usage.total_tokens == 3


class Mine:
    pass


def generator() -> Iterator[int]:
    yield 1


async def answer() -> str:
    return ""


coroutine = answer()
coroutine.close()
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "an object": ({"metadata": {"a": [Mine()]}}, "metadata.a[0] has the type Mine, which JSON cannot represent"),
    "a class": ({"response_format": Model}, "response_format is the class Model; expected a value"),
    "a coroutine": ({"metadata": {"a": coroutine}}, "metadata.a is a coroutine that was not awaited"),
    "a generator": ({"stop": generator()}, "stop has the type generator"),
    "a complex number": ({"temperature": 1j}, "temperature has the type complex"),
    "a secret": (
        {"metadata": {"a": pydantic.SecretStr("s")}},
        "metadata.a is a SecretStr; pass its get_secret_value()",
    ),
    "NaN of numpy": ({"temperature": np.float32("nan")}, "temperature is nan"),
    "NaN as a Decimal": ({"temperature": decimal.Decimal("NaN")}, "temperature is nan"),
    "a Decimal beyond floats": ({"temperature": decimal.Decimal("1E+400")}, "1E+400; expected a number that fits"),
    "an int beyond floats": ({"temperature": 10**400}, "expected a number that fits into 64 bits"),
    "an int beyond 64 bits": ({"seed": 10**20}, "expected a number that fits into 64 bits"),
    "an infinite Decimal": ({"metadata": {"a": decimal.Decimal("-Infinity")}}, "metadata.a is -infinity"),
    "NaN in an array": ({"metadata": {"a": np.array([1, float("nan")])}}, "metadata.a[1] is nan"),
    "NaN in a model": ({"metadata": {"a": Measured(low=float("nan"))}}, "metadata.a.low is nan"),
    "NaN in a dataclass": ({"metadata": {"a": Data("n", decimal.Decimal("NaN"))}}, "metadata.a.limit is nan"),
    "NaN in a subclass": ({"metadata": {"a": Real("nan")}}, "metadata.a is nan"),
    "a surrogate in a subclass": ({"user": Text("\ud800")}, "user holds a lone surrogate"),
    "a surrogate in a key": ({"metadata": {"\ud800": 1}}, "metadata holds a lone surrogate"),
    "a tuple as a key": ({"metadata": {(1,): 1}}, "metadata has a key of type tuple; expected str"),
    "an Enum of objects": ({"metadata": {"a": enum.Enum("E", {"A": Mine()}).A}}, "metadata.a has the type Mine"),  # type: ignore[attr-defined]
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_json_cannot_carry_is_refused_with_its_place(llm_wall: FaultWall, run: Any, name: str) -> None:
    params, text = REFUSED[name]
    aggregator = aggregator_for(llm_wall, "gpt-a")
    for call in (aggregator.chat_sync, lambda *a, **k: run(aggregator.chat(*a, **k)), aggregator.stream_text_sync):
        with pytest.raises(llmagg.InvalidArgumentError) as caught:
            list(call(HELLO, **params))
        assert text in str(caught.value)
    assert chats(llm_wall) == []


def test_a_longdouble_is_a_number(llm_wall: FaultWall) -> None:
    aggregator_for(llm_wall, "gpt-a").chat_sync(HELLO, temperature=np.longdouble(0.5))
    assert chats(llm_wall)[0]["body"]["temperature"] == 0.5


def test_an_object_that_holds_itself(llm_wall: FaultWall) -> None:
    inner = collections.UserDict(a=1)
    inner["self"] = inner
    with pytest.raises(llmagg.InvalidArgumentError, match="nested too deeply or contains itself"):
        aggregator_for(llm_wall, "gpt-a").chat_sync(HELLO, metadata=inner)
