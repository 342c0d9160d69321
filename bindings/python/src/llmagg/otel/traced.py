"""Calls that are spans."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import aclosing, closing
from typing import Any

from opentelemetry import context as contexts
from opentelemetry import propagate, trace

from .. import _gathered
from .._native.calls import Call
from .._native.operation import Operation
from .._native.queue import Payload
from .._native.reader import Reader
from .._native.signatures import DONE, ERROR, VECTORS
from .._wire import decode
from ..responses import OtherAnswer
from .spans import Settings, Trace

_PATIENCE = 0.2  # seconds that a blocking stream which is left waits for its trail
_FORMS = {"embed": "embeddings", "rerank": "rerank"}


class _Late:
    """Waits for the last event of an operation that nobody reads any more, in the place of a future."""

    def __init__(self, operation: Operation, trace: Trace) -> None:
        self.operation, self.trace = operation, trace

    def done(self) -> bool:
        return False

    def set_result(self, _: None) -> None:
        if not _last(self.operation, self.trace):
            self.operation.waiter = None  # wake() takes the waiter away
            asyncio.get_running_loop().call_soon(self._again)

    def _again(self) -> None:
        if not _last(self.operation, self.trace) and not self.operation.done:
            self.operation.waiter = self


def _last(operation: Operation, trace: Trace) -> bool:
    """Writes the attempts if the last event has come."""
    for kind, payload in operation.events:
        if kind in (DONE, ERROR):
            trace.ended(payload)
            return True
    return False


class TracedCall(Call):
    """A call that is a span. ``settings`` belongs to the class that ``class_of`` makes."""

    __slots__ = ("_operation", "_reader", "_trace")
    settings: Settings

    def _begin(self, reader: Reader, flags: int) -> Operation:
        if self._trace is None:
            return Call._begin(self, reader, flags)
        if self.targets:  # clients written in Python answer in this context
            token = contexts.attach(self._trace.context)
            try:
                operation = Call._begin(self, reader, flags)
            finally:
                contexts.detach(token)
        else:
            operation = Call._begin(self, reader, flags)
        self._operation: Any = operation
        self._reader: Any = reader
        return operation

    def _start(self, operation: str = "chat", *, stream: bool = False) -> TracedCall:
        """Begins the span, unless it is not sampled and nothing else needs it: then the call is a plain one."""
        self._trace: Trace | None = None
        try:
            self._trace = self._traced(operation, stream=stream)
        except Exception as error:
            self.settings.broke(error)
        return self

    def __enter__(self) -> None:
        """The span has begun."""

    def __exit__(self, _: Any, error: BaseException | None, __: Any) -> None:
        """Ends the span if the call failed. If it was cancelled or left, the trail is still to come."""
        trace = self._trace
        if error is None or trace is None:
            return
        trace.failed(error)
        operation = self._operation
        left = isinstance(error, (asyncio.CancelledError, GeneratorExit)) and operation is not None
        if left and not _last(operation, trace) and not operation.done:
            operation.waiter = _Late(operation, trace)

    def _traced(self, operation: str, *, stream: bool) -> Trace | None:
        settings, names = self.settings, self.names
        head = settings.head(operation, names[0] if names else "", str(self.request.get("model") or ""))
        needed = settings.always or self.targets
        if needed or settings.sampling is None:
            span: Any = settings.start_span(head[0], None, settings.kind, head[1])
        else:
            span = settings.sampling.begin(head[0], settings.kind, head[1])
        recording = span is not None and span.is_recording()
        if not recording and not needed:
            return None  # such a span has nothing to end
        self._operation = None
        made = Trace(settings, time.time_ns(), head, span)
        if recording:
            made.note(self.request, stream=stream)
        if settings.propagate:
            options = dict(self.options or ())
            options["headers"] = headers = dict(options.get("headers") or ())
            propagate.inject(headers, made.context)
            self.options = options
        return made

    def _answered(self, response: Any) -> None:
        if self._trace is not None:
            self._trace.answered(response)

    async def response(self) -> Any:
        """The whole response, as a span."""
        with self._start():
            response = await Call.response(self)
        self._answered(response)
        return response

    def response_sync(self) -> Any:
        """The same; blocks."""
        with self._start():
            response = Call.response_sync(self)
        self._answered(response)
        return response

    async def other(self, form: str) -> Payload:
        """The payload that answers a call that is no chat, as a span."""
        with self._start(_FORMS[form]):
            payload = await Call.other(self, form)
        return self._told(form, payload)

    def other_sync(self, form: str) -> Payload:
        """The same; blocks."""
        with self._start(_FORMS[form]):
            payload = Call.other_sync(self, form)
        return self._told(form, payload)

    def _told(self, form: str, payload: Payload) -> Payload:
        if self._trace is not None:
            self._trace.answered(_Other(form, payload))
        return payload

    async def _streamed(self, read: Any, other: Any = None) -> AsyncGenerator[Any, None]:
        done = _Done(other)
        with self._start(stream=True):
            items = Call._streamed(self, read, other if self._trace is None else done)
            async with aclosing(items):
                async for item in items:
                    yield item
        self._answered(done.response)

    def _streamed_sync(self, read: Any, other: Any = None) -> Generator[Any, None, None]:
        done = _Done(other)
        with (
            self._start(stream=True),
            closing(Call._streamed_sync(self, read, other if self._trace is None else done)) as items,
        ):
            try:
                for item in items:  # noqa: UP028 - "yield from" would close them before the trail has come
                    yield item
            except GeneratorExit:
                self._await_trail()
                raise
        self._answered(done.response)

    def _await_trail(self) -> None:
        """Waits a moment for the trail of a stream that is left: nobody reads its events afterwards."""
        trace = self._trace
        if trace is None or self._operation is None:
            return
        operation, reader, self._operation = self._operation, self._reader, None
        if not trace.recording or operation.done:
            return
        operation.cancel()
        until = time.monotonic() + _PATIENCE
        while not operation.done and not reader.custom and (left := until - time.monotonic()) > 0:
            reader._poll(math.ceil(1000 * left))
            reader.pump()
        _last(operation, trace)


class _Done:
    """Keeps the answer of the last event, and gives what ``other`` makes of events."""

    def __init__(self, other: Any) -> None:
        self.other = other
        self.response: Any = None

    def __call__(self, kind: int, payload: Payload) -> Any:
        if self.other is None:
            if kind == DONE:
                self.response = _gathered.response(payload)
            return None
        event = self.other(kind, payload)
        if kind == DONE:
            self.response = event.response
        return event


class _Other(OtherAnswer):
    """What a span tells of the answer to a call that is no chat."""

    id = ""
    choices = cache = None

    def __init__(self, form: str, payload: Payload) -> None:
        data = memoryview(payload)
        if form == "embed":
            _, _, _, offset, size = VECTORS.unpack_from(data)
            data = data[offset : offset + size]
        self._read(decode(data))


def class_of(settings: Settings) -> type[TracedCall]:
    """The class of calls with these settings."""
    return type("TracedCall", (TracedCall,), {"settings": settings, "__slots__": ()})


def maker(settings: Settings, provider: Any) -> Callable[..., Call]:
    """Makes calls that are spans, and plain ones as long as OpenTelemetry has no SDK: that costs a look only."""
    traced_call = class_of(settings)
    if settings.histograms is not None or settings.propagate:
        return traced_call
    if provider is not None:
        return Call if isinstance(provider, trace.NoOpTracerProvider) else traced_call
    find, absent = trace.get_tracer_provider, (trace.ProxyTracerProvider, trace.NoOpTracerProvider)

    def make(*args: Any, **options: Any) -> Call:
        return Call(*args, **options) if isinstance(find(), absent) else traced_call(*args, **options)

    return make
