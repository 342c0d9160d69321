"""Times of other libraries, and objects with fields: written as what they mean, or refused with their place."""

from __future__ import annotations

import datetime
import io
import uuid
from typing import Any

import msgspec
import numpy as np
import pytest

import llmagg
from conftest import HELLO, aggregator_for, chats
from llmagg import _values
from llmagg.faultwall import FaultWall

UTC = datetime.timezone.utc
FINE = np.datetime64("2026-01-02T03:04:05.123456789")


class Moment(datetime.datetime):
    """As pandas' Timestamp, pendulum's DateTime and freezegun's FakeDatetime."""


class Day(datetime.date):
    pass


class Clock(datetime.time):
    pass


class Span(datetime.timedelta):
    pass


class Key(uuid.UUID):
    pass


class Nowhere(datetime.datetime):
    """As pandas' NaT."""

    def __eq__(self, _: object) -> bool:
        return False

    __hash__ = None  # type: ignore[assignment]


class Struct(msgspec.Struct, tag=True, rename={"a": "x"}):
    a: Any = 1
    b: str | None = None
    c: str | msgspec.UnsetType = msgspec.UNSET


class Brief(msgspec.Struct, omit_defaults=True):
    a: Any = 1
    b: list[int] = []
    c: str = "x"


class Row(msgspec.Struct, array_like=True):
    a: int | None = None


class Field:
    """As a field of attrs: msgspec writes classes with ``__attrs_attrs__``."""

    def __init__(self, name: str) -> None:
        self.name = name


class Attrs:
    __attrs_attrs__ = (Field("a"), Field("b"))

    def __init__(self, a: Any) -> None:
        self.a, self.b = a, None
        self._secret = float("nan")  # msgspec writes no private attribute
        self.more = 3  # but those that are no fields


class Slots:
    __slots__ = ("_secret", "a", "gone")
    __attrs_attrs__ = (Field("a"), Field("_secret"), Field("gone"))

    def __init__(self) -> None:
        self.a, self._secret = 1, b"x"


class Frozen:
    """A dtype of pandas: one with a zone has a ``str`` of its own, one of Arrow's has none."""

    kind = "M"

    def __init__(self, **attributes: str) -> None:
        vars(self).update(attributes)


class Series:
    """As pandas' Series and DatetimeIndex of times with a zone."""

    dtype = Frozen(str="|M8[ns]")

    def __ne__(self, _: object) -> Any:
        return np.array([False])

    def tolist(self) -> list[Any]:
        return [Moment(2026, 1, 2, 3, tzinfo=UTC)]

    def astype(self, dtype: str) -> Any:
        raise TypeError(f"Cannot use .astype to convert from timezone-aware dtype to timezone-naive dtype {dtype}")


class ArrowSeries(Series):
    dtype = Frozen()


SENT: dict[str, tuple[Any, Any]] = {
    "times of pandas with a zone": (Series(), ["2026-01-02T03:00:00Z"]),
    "times of Arrow in pandas": (ArrowSeries(), ["2026-01-02T03:00:00Z"]),
    "datetime subclass": (Moment(2026, 1, 2, 3, tzinfo=UTC), "2026-01-02T03:00:00Z"),
    "date subclass": (Day(2026, 1, 2), "2026-01-02"),
    "time subclass": (Clock(1, 2), "01:02:00"),
    "timedelta subclass": (Span(seconds=5), "PT5S"),
    "UUID subclass": (Key(int=1), "00000000-0000-0000-0000-000000000001"),
    "datetime64 in nanoseconds": (FINE, "2026-01-02T03:04:05.123456"),
    "datetime64 in seconds": (np.datetime64("2026-01-02T03:04:05"), "2026-01-02T03:04:05"),
    "array of nanoseconds": (np.array(["2026-01-02"], dtype="M8[ns]"), ["2026-01-02T00:00:00"]),
    "tens of nanoseconds": (np.array([5000], dtype="m8[10ns]"), ["PT0.00005S"]),
    "no times": (np.array([], dtype="M8[ns]"), []),
    "timedelta64": (np.timedelta64(5, "s"), "PT5S"),
    "Struct": (Struct(), {"type": "Struct", "x": 1}),
    "Struct in a Struct": (Struct(a=[Struct(a=Row())]), {"type": "Struct", "x": [{"type": "Struct", "x": [None]}]}),
    "Struct without defaults": ([Brief(), Brief(b=[1], c="y"), None], [{}, {"b": [1], "c": "y"}, None]),
    "attrs": (Attrs(Attrs(2)), {"a": {"a": 2, "more": 3}, "more": 3}),
    "attrs with slots": ([Slots(), "null"], [{"a": 1}, "null"]),
    "timedelta64 in weeks": (np.array([1], dtype="m8[W]"), ["P7D"]),
    "datetime64 in years": (np.datetime64("2026"), "2026-01-01"),
}
REFUSED: dict[str, tuple[Any, str]] = {
    "NaT": (np.datetime64("NaT"), "x[0] holds NaT"),
    "NaT in an array": (np.array(["2026-01-02", "NaT"], dtype="M8[ns]"), "x[0] holds NaT"),
    "NaT of timedelta64": (np.timedelta64("NaT"), "x[0] holds NaT"),
    "months": (np.timedelta64(14, "M"), "x[0] is a timedelta64[M], whose length is not known"),
    "years in an array": (np.array([1], dtype="m8[Y]"), "x[0] is a timedelta64[Y]"),
    "quarters": (np.array([1], dtype="m8[3M]"), "x[0] is a timedelta64[3M], whose length is not known"),
    "timedelta64 without a unit": (np.timedelta64(5), "x[0] is a timedelta64, whose length is not known"),
    "a far day": (np.array(["2026-01-01", "20000-01-01"], "M8[D]"), "x[0] holds a time beyond the years 1 to 9999"),
    "a far second": (np.datetime64(10**14, "s"), "x[0] holds a time beyond the years"),
    "a long timedelta64": (np.timedelta64(10**15, "s"), "x[0] holds a time beyond 999999999 days"),
    "NaT of pandas": (Nowhere(2026, 1, 2), "x[0] has the type Nowhere"),
    "nan in a Struct": (Struct(a=float("nan")), "x[0].x is nan"),
    "nan in an array-like Struct": (Row(a=float("nan")), "x[0].a is nan"),  # type: ignore[arg-type]
    "nan in attrs": (Attrs(Attrs(float("inf"))), "x[0].a.a is inf"),
    "bytes in a Struct": (Struct(a=b"x"), "x[0].x must not hold bytes"),
    "file": (io.StringIO("x"), "pass what its read() gives"),
}


@pytest.mark.parametrize("name", SENT)
def test_what_is_sent(llm_wall: FaultWall, name: str) -> None:
    value, expected = SENT[name]
    aggregator_for(llm_wall, "m").chat_sync(HELLO, extra_body={"x": [value]})
    assert chats(llm_wall)[0]["body"]["x"] == [expected]


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(llm_wall: FaultWall, name: str) -> None:
    value, says = REFUSED[name]
    with pytest.raises(llmagg.InvalidArgumentError) as refused:
        aggregator_for(llm_wall, "m").chat_sync(HELLO, extra_body={"x": [value]})
    assert says in str(refused.value)
    assert chats(llm_wall) == []


def test_a_deadline_that_is_no_time(llm_wall: FaultWall) -> None:
    with pytest.raises(llmagg.InvalidArgumentError, match="deadline holds NaT"):
        aggregator_for(llm_wall, "m").chat_sync(HELLO, deadline=np.timedelta64("NaT"))


def test_a_timedelta_in_a_configuration(llm_wall: FaultWall) -> None:
    aggregator = aggregator_for(llm_wall, "m", timeout=datetime.timedelta(seconds=7))
    client = aggregator.manager.get_client_by_model("m")
    assert client.config.timeout == 7
    client.config.idle_timeout = datetime.timedelta(minutes=1)
    assert aggregator.chat_sync(HELLO).text and client.config.to_core()["idle_timeout"] == 60


@pytest.mark.parametrize("url", [b"x", bytearray(b"x"), memoryview(b"x")])
@pytest.mark.parametrize("whole", [True, False])
def test_bytes_are_no_url_of_an_image(llm_wall: FaultWall, url: Any, whole: bool) -> None:
    part = {"type": "image_url", "image_url": url if whole else {"url": url}}
    place = "" if whole else ".url"
    with pytest.raises(llmagg.InvalidArgumentError) as refused:
        aggregator_for(llm_wall, "m").chat_sync([{"role": "user", "content": [part]}])
    said = f"messages[0].content[0].image_url{place} must be a URL, got {type(url).__name__}; write a data URL: "
    assert said in str(refused.value)


def test_messages_that_were_not_awaited(llm_wall: FaultWall) -> None:
    async def made() -> Any:
        yield HELLO[0]

    async def read() -> Any:
        return HELLO

    with pytest.raises(llmagg.InvalidArgumentError, match="got async_generator; read it first"):
        aggregator_for(llm_wall, "m").chat_sync(made())
    waiting = read()
    with pytest.raises(llmagg.InvalidArgumentError, match="got coroutine; put 'await' before"):
        aggregator_for(llm_wall, "m").chat_sync(waiting)
    waiting.close()


def test_the_keys_of_a_dict_are_names_in_their_order() -> None:
    assert llmagg.LLMAggregator({"b": 1, "a": 2}.keys()).models == ["b", "a"]
    with pytest.raises(llmagg.InvalidArgumentError, match="got set"):
        llmagg.LLMAggregator({"b", "a"})


def test_the_fields_of_an_object() -> None:
    assert _values.fields_of(Struct(a=2)) == [("type", "Struct"), ("x", 2), ("b", None)]
    assert _values.fields_of(Row()) is None
