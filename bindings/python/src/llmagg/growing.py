"""``stream_parse(messages, Form)``: an object that grows while its answer arrives, and is checked when it is whole.

An answer that does not fit is asked for again as ``parse`` does, then whole: the object begins again once.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from . import _streamed
from ._frames import brief
from ._native import blocking
from .attempt import Attempt
from .events import ChunkEvent, DoneEvent, RestartEvent, StreamEvent
from .parsing import Parsed, Search
from .responses import ChatCompletionResponse

if TYPE_CHECKING:
    from typing_extensions import TypeForm

T = TypeVar("T")
_TOKEN = re.compile(r'["{}\[\],:]')
_IN_TEXT = re.compile(r'["\\]')
_CUT_ESCAPE = re.compile(r"\\(?:u[0-9a-fA-F]{0,3}|u[dD][89abAB][0-9a-fA-F]{2}(?:\\(?:u[0-9a-fA-F]{0,3})?)?)?$")


@dataclass(frozen=True)
class Growing(Generic[T]):
    """An object as far as it has arrived. ``data`` holds plain values (dicts, lists, texts), of which the last text may
    be incomplete; what has not arrived is missing. The last one has ``value``, the object that was checked,
    ``response``, and the ``attempts`` of all calls, also of those whose answers did not fit; before, they are None.
    """

    data: Any
    value: T | None = None
    response: ChatCompletionResponse | None = None
    attempts: list[Attempt] | None = None


class Prefix:
    """A JSON text that arrives in pieces. Each character is looked at once."""

    def __init__(self) -> None:
        self.text = ""
        self._at = 0  # what stands before it was looked at
        self._open = ""  # the brackets that close what is open
        self._safe, self._closing = 0, ""  # where the text may be cut, and what completes it there
        self._in_text = self._is_key = self._key_next = False
        self._ended = False

    def add(self, piece: str) -> None:
        """Looks at another piece."""
        self.text += piece
        while not self._ended and self._step():
            pass

    def _step(self) -> bool:
        """Looks at the next mark of the grammar; False if there is none yet."""
        if found := (_IN_TEXT if self._in_text else _TOKEN).search(self.text, self._at):
            mark, end = found[0], found.end()
        else:
            self._at = len(self.text)
            return False
        if mark == "\\":
            if end == len(self.text):
                self._at = end - 1
                return False
            self._at = end + 1
            return True
        self._at = end
        if mark == '"':
            self._quote(end)
        elif not self._open and mark not in "{[":
            pass  # words before the object
        elif mark in "{[":
            self._open = ("}" if mark == "{" else "]") + self._open
            self._key_next = mark == "{"
            self._mark(end)
        elif mark in "}]":
            self._open, self._key_next = self._open[1:], False
            self._mark(end)
            self._ended = not self._open
        elif mark == ",":
            self._mark(end - 1)
            self._key_next = self._open[0] == "}"
        else:
            self._key_next = False
        return True

    def _quote(self, end: int) -> None:
        if not self._open:
            return
        if self._in_text and not self._is_key:
            self._mark(end)
        self._in_text = not self._in_text
        self._is_key = self._in_text and self._key_next

    def _mark(self, end: int) -> None:
        self._safe, self._closing = end, self._open

    def value(self) -> Any:
        """What has arrived; None before anything has."""
        begin = re.search(r"[{\[]", self.text)
        if begin is None:
            return None
        if self._in_text and not self._is_key:
            cut = self.text[begin.start() :]
            escaped = _CUT_ESCAPE.search(cut)
            if escaped and (len(cut[: escaped.start()]) - len(cut[: escaped.start()].rstrip("\\"))) % 2 == 0:
                cut = cut[: escaped.start()]
            whole = cut + '"' + self._open
        else:
            whole = self.text[begin.start() : self._safe] + self._closing
        try:
            return json.loads(whole, strict=False)
        except ValueError:
            return None  # no JSON; the check at the end says so


class Reader(Generic[T]):
    """Makes growing objects of the events of a stream."""

    def __init__(self, user: Any, messages: Any, form: TypeForm[T], params: Mapping[str, Any]) -> None:
        _streamed.refuse_whole(params, whole="parse")
        self.search = Search(user, messages, form, {key: params[key] for key in params if key != "stream"})
        self.response: ChatCompletionResponse | None = None
        self._text, self._shown, self._last = Prefix(), 0, object()

    def read(self, event: StreamEvent) -> Growing[T] | None:
        """The object after an event, None where it did not grow."""
        if isinstance(event, RestartEvent):
            self._text, self._shown = Prefix(), 0
        elif isinstance(event, ChunkEvent):
            self._text.add(event.text)
            length = len(self._text.text)
            if length - self._shown <= self._shown // 64:  # long answers: not at every chunk, so the time is linear
                return None
            self._shown = length
            data = self.search.form.unwrapped(self._text.value())
            if data is not None and data != self._last:
                self._last = data
                return Growing(data)
        elif isinstance(event, DoneEvent):
            self.response = event.response
        return None

    def last(self, parsed: Parsed[T]) -> Growing[T]:
        """The whole object."""
        prefix = Prefix()
        prefix.add(parsed.response.text)
        data = self.search.form.unwrapped(prefix.value())
        return Growing(data, parsed.value, parsed.response, parsed.attempts)


async def objects(user: Any, reader: Reader[T]) -> AsyncGenerator[Growing[T], None]:
    """The objects of a stream."""
    asked, params = reader.search.first()
    with brief:
        async with aclosing(user.stream(asked, **params)) as events:
            async for event in events:
                if (grown := reader.read(event)) is not None:
                    yield grown
        yield reader.last(await reader.search.run(reader.response))


def objects_sync(user: Any, reader: Reader[T]) -> Iterator[Growing[T]]:
    """``objects`` for code without an event loop."""
    asked, params = reader.search.first()
    with brief:
        for event in user.stream_sync(asked, **params):
            if (grown := reader.read(event)) is not None:
                yield grown
        yield reader.last(blocking.run(reader.search.run(reader.response)))
