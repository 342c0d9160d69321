"""Calls that are spans."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Generator
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
from ..attempt import Attempt
from ..cost import Cost
from ..responses import Usage
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

    def _start(self, operation: str = "chat", *, stream: bool = False) -> Trace | None:
        """Begins the span; None if it is not sampled, and nothing else needs it: then the call is a plain one."""
        self._trace: Trace | None = None
        try:
            self._trace = self._traced(operation, stream=stream)
        except Exception as error:
            self.settings.broke(error)
        return self._trace

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

    def _left(self, trace: Trace) -> None:
        """The task that waits for an answer was cancelled, or the stream was left: the trail is still to come."""
        operation = self._operation
        if operation is not None and not _last(operation, trace) and not operation.done:
            operation.waiter = _Late(operation, trace)

    async def response(self) -> Any:
        """The whole response, as a span."""
        trace = self._start()
        if trace is None:
            return await Call.response(self)
        try:
            response = await Call.response(self)
        except BaseException as error:
            trace.failed(error)
            if isinstance(error, asyncio.CancelledError):
                self._left(trace)
            raise
        trace.answered(response)
        return response

    def response_sync(self) -> Any:
        """The same; blocks."""
        trace = self._start()
        if trace is None:
            return Call.response_sync(self)
        try:
            response = Call.response_sync(self)
        except BaseException as error:
            trace.failed(error)
            raise
        trace.answered(response)
        return response

    async def other(self, form: str) -> Payload:
        """The payload that answers a call that is no chat, as a span."""
        trace = self._start(_FORMS[form])
        if trace is None:
            return await Call.other(self, form)
        try:
            payload = await Call.other(self, form)
        except BaseException as error:
            trace.failed(error)
            raise
        trace.answered(_Other(form, payload))
        return payload

    def other_sync(self, form: str) -> Payload:
        """The same; blocks."""
        trace = self._start(_FORMS[form])
        if trace is None:
            return Call.other_sync(self, form)
        try:
            payload = Call.other_sync(self, form)
        except BaseException as error:
            trace.failed(error)
            raise
        trace.answered(_Other(form, payload))
        return payload

    async def _streamed(self, read: Any, other: Any = None) -> AsyncGenerator[Any, None]:
        trace = self._start(stream=True)
        done = _Done(other)
        items = Call._streamed(self, read, other if trace is None else done)
        try:
            async for item in items:
                yield item
        except BaseException as error:
            await items.aclose()
            if trace is not None:
                trace.failed(error)
                if isinstance(error, (asyncio.CancelledError, GeneratorExit)):
                    self._left(trace)
            raise
        if trace is not None:
            trace.answered(done.response)

    def _streamed_sync(self, read: Any, other: Any = None) -> Generator[Any, None, None]:
        trace = self._start(stream=True)
        done = _Done(other)
        items = Call._streamed_sync(self, read, other if trace is None else done)
        try:
            for item in items:  # noqa: UP028 - "yield from" would close them before the trail has come
                yield item
        except BaseException as error:
            if trace is not None and isinstance(error, GeneratorExit):
                self._await_trail(trace)
            items.close()
            if trace is not None:
                trace.failed(error)
            raise
        if trace is not None:
            trace.answered(done.response)

    def _await_trail(self, trace: Trace) -> None:
        operation, reader = self._operation, self._reader
        if operation is None or not trace.recording or operation.done:
            return
        operation.cancel()
        until = time.monotonic() + _PATIENCE
        while not operation.done and time.monotonic() < until and not reader.custom:
            reader._poll(20)
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


class _Other:
    """What a span tells of the answer to a call that is no chat."""

    id = ""
    choices = cache = None

    def __init__(self, form: str, payload: Payload) -> None:
        data = memoryview(payload)
        if form == "embed":
            _, _, _, offset, size = VECTORS.unpack_from(data)
            data = data[offset : offset + size]
        answer = decode(data)
        self.model = answer.get("model")
        self.usage = Usage.from_dict(answer.get("usage"))
        self.cost = Cost.from_dict(answer.get("cost"))
        self.id_of_call = answer.get("id_of_call", 0)
        self.attempts = [Attempt.from_dict(entry) for entry in answer.get("attempts") or ()]


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
