"""Begins calls and returns their answers: awaited, blocking, as async generators and as iterators.

Only this module reads operations; the public classes choose routes and options and make a :class:`Call`.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from .. import _again, _gathered, errors
from .._frames import brief, shorten
from .._wire import decode, encode
from ..events import DoneEvent, RestartEvent, StreamEvent
from ..responses import ChatCompletionResponse, StreamResponse
from . import blocking, bridge, load
from .handle import Routes
from .operation import Accept, Calls, Operation, Target
from .queue import Payload
from .reader import Reader
from .signatures import BATCH, BRIEF, CHUNK, DONE, GATHER, RESTART, STREAM

T = TypeVar("T")
W = TypeVar("W")
_Read = Callable[[Payload, Operation], "_gathered.Batch[T]"]
_Other = Callable[[int, Payload], T]
_WHOLE = GATHER
_STREAMED = STREAM | BATCH | GATHER | BRIEF


@dataclass(slots=True, eq=False)
class Call:
    """A call before it begins: the request, the routes in order, and the functions that answer custom calls."""

    routes: Routes
    request: dict[str, Any]
    options: dict[str, Any] | None = None
    targets: dict[int, Target] | None = None
    owned_by: Calls | None = None
    names: list[str] | None = None  # of the routes, if an aggregator asks them
    accept: Callable[[ChatCompletionResponse], Any] | None = None

    def asking(self, messages: Any) -> Call:
        """The same call with other messages."""
        request = {**self.request, "messages": messages}
        return Call(self.routes, request, self.options, self.targets, self.owned_by, self.names, self.accept)

    def _begin(self, reader: Reader, flags: int) -> Operation:
        options = encode(self.options, "the options") if self.options else None
        accept = _judge(self.accept) if self.accept is not None else None
        return reader.begin(self.routes, encode(self.request), options, flags, self.targets, self.owned_by, accept)

    async def answer(self) -> dict[str, Any]:
        """The whole response as a dict."""
        with brief:
            answer: dict[str, Any] = decode(await bridge.last_event(self._begin(bridge.bridge(), 0)))
        return answer

    async def response(self) -> ChatCompletionResponse:
        """The whole response."""
        try:
            answer = _gathered.response(await bridge.last_event(self._begin(bridge.bridge(), _WHOLE)))
        except errors.LLMError as error:
            shorten(error)
            raise
        return _told(answer) if self.is_bounded() else answer

    def response_sync(self) -> ChatCompletionResponse:
        """The whole response; blocks."""
        try:
            answer = _gathered.response(blocking.last_event(lambda reader: self._begin(reader, _WHOLE)))
        except errors.LLMError as error:
            shorten(error)
            raise
        return _told(answer) if self.is_bounded() else answer

    def is_bounded(self) -> bool:
        """Whether the call has a bound of money."""
        options = self.options
        return options is not None and ("max_cost" in options or "budgets" in options)

    def _begin_other(self, form: str, reader: Reader) -> Operation:
        options = encode(self.options, "the options") if self.options else None
        return reader.begin_other(form, self.routes, encode(self.request), options, self.owned_by)

    async def other(self, form: str) -> Payload:
        """The payload that answers a call that is no chat."""
        with brief:
            return await bridge.last_event(self._begin_other(form, bridge.bridge()))

    def other_sync(self, form: str) -> Payload:
        """The same; blocks."""
        with brief:
            return blocking.last_event(lambda reader: self._begin_other(form, reader))

    def stream(self) -> AsyncGenerator[StreamEvent, None]:
        """The events of a streamed answer. Leaving it cancels the call."""
        return self._streamed(_gathered.events, _other_bounded if self.is_bounded() else _other)

    def chunks(self) -> AsyncGenerator[StreamResponse, None]:
        """The chunks of a streamed answer."""
        return self._streamed(_gathered.chunks)

    def text(self) -> AsyncGenerator[str, None]:
        """The texts of the first choice as they arrive; chunks without text are omitted."""
        return self._streamed(_gathered.texts)

    async def _streamed(self, read: _Read[T], other: _Other[T] | None = None) -> AsyncGenerator[T, None]:
        """Items that ``read`` makes of chunks, without empty texts, and items that ``other`` makes of other events."""
        with brief:
            operation = self._begin(bridge.bridge(), _STREAMED)
        del self  # ten thousand streams may wait here: each object costs memory, and work for the garbage collector
        item: T | None
        try:
            for items in _batches(operation, read, other):
                if items is None:
                    item = None
                    await bridge.news(operation)
                    continue
                for item in items:
                    if operation.generation != load.generation:
                        operation.check()
                    if item:  # only a text can be empty
                        yield item
        except errors.LLMError as error:
            shorten(error)
            raise
        finally:
            operation.cancel()

    def stream_sync(self) -> Generator[StreamEvent, None, None]:
        """The events of a streamed answer; each step blocks. Leaving it cancels the call."""
        return self._streamed_sync(_gathered.events, _other_bounded if self.is_bounded() else _other)

    def text_sync(self) -> Generator[str, None, None]:
        """The texts of the first choice; each step blocks."""
        return self._streamed_sync(_gathered.texts)

    def _streamed_sync(self, read: _Read[T], other: _Other[T] | None = None) -> Generator[T, None, None]:
        reader, operation = blocking.take_reader(), None
        try:
            operation = self._begin(reader, _STREAMED)
            for items in _batches(operation, read, other):
                if items is None:
                    reader.wait(operation)
                    continue
                for item in items:
                    if operation.generation != load.generation:
                        operation.check()
                    if item:
                        yield item
        except errors.LLMError as error:
            shorten(error)
            raise
        finally:
            if operation is not None:
                operation.cancel()
            try:
                reader.settle()
            finally:
                reader.give_back()


make: Callable[..., Call] = Call
"""Makes the calls of aggregators and clients; :mod:`llmagg.otel` replaces it, so that calls are spans."""


class Posted(Generic[W]):
    """A call for a whole answer that runs in the running loop without a task. ``landed`` is called with it when the
    call has ended, from the loop's reader, so it must be short. ``what`` is the caller's own.
    """

    __slots__ = ("_landed", "_operation", "what")

    def __init__(self, call: Call, what: W, landed: Callable[[Posted[W]], None]) -> None:
        self.what = what
        self._landed = landed
        self._operation = call._begin(bridge.bridge(), _WHOLE)
        self._operation.waiter = self

    def done(self) -> bool:
        """Never: the operation takes this for the future of a task that waits."""
        return False

    def set_result(self, _: None) -> None:
        """Tells that there is an event. A signal handler that raises may be the cause of a second time."""
        self._landed(self)

    def payload(self) -> Payload | None:
        """The answer, None if it has not come yet. Raises the call's error."""
        event = self._operation.take()
        if event is None:
            self._operation.waiter = self
            return None
        return event[1]

    def cancel(self) -> None:
        """Ends the call; ``landed`` is not called any more."""
        self._operation.waiter = None
        self._operation.cancel()


def _judge(accept: Callable[[ChatCompletionResponse], Any]) -> Accept:
    """What the core is told of an answer that ``accept`` looks at."""

    def judge(payload: Payload) -> dict[str, Any]:
        try:
            answer = _gathered.response(payload)
            said = accept(answer)
            if inspect.isawaitable(said):
                getattr(said, "close", lambda: None)()
                raise TypeError("accept is a coroutine function; expected a plain one")
        except Exception as error:  # told in the attempt's message
            if _again.of_handler(error):
                raise
            text = f"{type(error).__name__}: {error}".encode("utf-8", "backslashreplace").decode()
            return {"accept": False, "reason": text}
        if isinstance(said, str):
            return {"accept": False, "reason": said.encode("utf-8", "backslashreplace").decode()}
        return {"accept": said is None or bool(said)}

    return judge


def _batches(operation: Operation, read: _Read[T], other: _Other[T] | None) -> Iterator[Iterable[T] | None]:
    """The items of a stream, batch by batch; None if the reader must wait for the next event."""
    kind = CHUNK
    while kind != DONE:
        while (event := operation.take()) is None:
            yield None
        kind, payload = event
        if kind == CHUNK:
            count, items = read(payload, operation)
            del event, payload
            yield items
            del items
            operation.give_credit(count)
        elif other is not None:
            yield (other(kind, payload),)


def _other(kind: int, payload: Payload) -> StreamEvent:
    """The event for a restart or for the end of a stream."""
    if kind == RESTART:
        data = decode(payload, "an event")
        reason = data.get("reason")
        return RestartEvent(data.get("from", ""), data.get("to", ""), errors.from_payload(reason) if reason else None)
    return DoneEvent(_gathered.response(payload))


def _told(answer: ChatCompletionResponse) -> ChatCompletionResponse:
    from .._bounds import tell_unpriced

    return tell_unpriced(answer)


def _other_bounded(kind: int, payload: Payload) -> StreamEvent:
    """The same of a call with a bound of money."""
    event = _other(kind, payload)
    if isinstance(event, DoneEvent):
        _told(event.response)
    return event


async def health(routes: Routes) -> list[bool]:
    """Checks at the same time whether the routes are alive."""
    with brief:
        alive: list[bool] = decode(await bridge.last_event(bridge.bridge().begin_health(routes)))
    return alive
