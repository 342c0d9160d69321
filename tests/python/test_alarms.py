"""What the handler of a signal raises comes out of a call wherever the library was at that moment.

Alarms of timeouts and the soft limits of workers raise plain exceptions, as the code of an application's own values
does, whose errors the library keeps to itself. A handler may run before each line; a trace function stands there too.
"""

from __future__ import annotations

import collections
import gc
import linecache
import sys
import weakref
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import llmagg
from conftest import HELLO, aggregator_for, chats
from llmagg import _again
from llmagg.faultwall import FaultWall

pytestmark = pytest.mark.long

OURS = str(Path(llmagg.__file__).parent)
PART = {"role": "user", "content": [{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}]}
REQUEST = llmagg.ChatCompletionRequest("gpt-a", [llmagg.Message("user", "x")])


class Strange(collections.UserDict[str, Any]):
    """A value whose own code raises, each time."""

    def __init__(self, kind: type[Exception]) -> None:
        super().__init__()
        self.kind = kind

    def __eq__(self, other: object) -> bool:
        raise self.kind

    __hash__ = None  # type: ignore[assignment]


def beside(aggregator: llmagg.LLMAggregator, value: Strange) -> llmagg.LLMAggregator:
    """The aggregator, with the value in its client's configuration from the first call on."""
    vars(aggregator.manager.get_client_by_model("gpt-a").config).setdefault("own", value)
    return aggregator


def changed(aggregator: llmagg.LLMAggregator) -> llmagg.LLMAggregator:
    """The aggregator, whose client has another setting in each call: its route is made anew."""
    aggregator.manager.get_client_by_model("gpt-a").config.timeout += 1
    return aggregator


WAYS: dict[str, Callable[[llmagg.LLMAggregator], Any]] = {
    "a chat": lambda a: a.chat_sync(HELLO, temperature=0.5),
    "a stream": lambda a: list(a.stream_text_sync(HELLO)),
    "a client's call": lambda a: a.manager.get_client_by_model("gpt-a").chat_completion_sync(REQUEST),
    "a null, which is suspect": lambda a: a.chat_sync(HELLO, extra_body={"a": None, "b": {"c": [1.5]}}),
    "parts": lambda a: a.chat_sync([PART]),
    "a chat after a change": lambda a: changed(a).chat_sync(HELLO),
    "a chat beside an attribute whose own code raises": lambda a: beside(a, Strange(ValueError)).chat_sync(HELLO),
}


class AlarmError(Exception):
    pass


class Alarm:
    """Raises before the line of the library with this number, and says where."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.passed = 0
        self.where = ""
        self.lines: dict[int, int] = {}  # the latest line of each frame

    def trace(self, frame: FrameType, event: str, _: Any) -> Any:
        place = frame.f_code
        if not place.co_filename.startswith(OURS):
            return None
        if place.co_filename.endswith("_fields.py"):  # msgspec drops what a field's default raises
            return None
        before = self.lines.get(id(frame), 0) if event == "line" else 0
        self.lines[id(frame)] = frame.f_lineno
        if event == "line" and not self.where and not _finalizes(frame) and not _leaves(frame, before):
            self.passed += 1
            if self.passed == self.at:
                self.where = f"{place.co_filename}:{frame.f_lineno}"
                raise AlarmError
        return self.trace


def _finalizes(frame: FrameType | None) -> bool:
    """Whether the frame runs for a ``__del__``: Python swallows what is raised there."""
    while frame is not None:
        if frame.f_code.co_name == "__del__":
            return True
        frame = frame.f_back
    return False


def _leaves(frame: FrameType, before: int) -> bool:
    """Whether the frame leaves a block of ``with``: Python runs no handler between the block and the call of __exit__,
    and what a trace function raises there leaves a lock locked for good.
    """
    line = linecache.getline(frame.f_code.co_filename, frame.f_lineno)
    return before > frame.f_lineno and line.lstrip().startswith(("with ", "async with "))


@pytest.mark.parametrize("way", WAYS)
def test_an_alarm_comes_out_of_a_call(llm_wall: FaultWall, way: str) -> None:
    aggregator = aggregator_for(llm_wall, "gpt-a", "gpt-b")
    ask = WAYS[way]
    ask(aggregator)
    kept: dict[str, str] = {}
    for at in range(1, 2000):
        alarm, before, said = Alarm(at), sys.gettrace(), ""
        gc.disable()
        sys.settrace(alarm.trace)
        try:
            ask(aggregator)
            said = "nothing"
        except AlarmError:
            pass
        except Exception as error:
            said = repr(error)
        finally:
            sys.settrace(before)
            gc.enable()
        if not alarm.where:
            break
        if said:
            kept[alarm.where] = said
    assert 100 < at < 1999
    assert kept == {}
    ask(aggregator)


def test_what_a_value_raises_each_time_ends_no_call(llm_wall: FaultWall) -> None:
    aggregator = aggregator_for(llm_wall, "gpt-a")
    client = aggregator.manager.get_client_by_model("gpt-a")
    for _ in range(3):
        vars(client.config)["own"] = Strange(AlarmError)
        assert aggregator.chat_sync(HELLO).text == client.chat_completion_sync(REQUEST).text == "Hello from gpt-a."
    assert len(chats(llm_wall)) == 6


def test_an_alarm_leaves_no_cycle() -> None:
    """Its traceback has frames, and none of them has it: what these hold is freed with it, not by the collector."""

    def look() -> None:
        return None

    def interrupted() -> weakref.ref[AlarmError]:
        try:
            try:
                raise AlarmError
            except AlarmError as error:
                _again.check(error, look)
        except AlarmError as error:
            return weakref.ref(error)
        raise AssertionError("the alarm was dropped")

    gc.disable()
    try:
        assert interrupted()() is None
    finally:
        gc.enable()
