"""A call that is a span, with its attempts as children."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Generator
from functools import cached_property
from typing import Any

from opentelemetry import context as contexts
from opentelemetry import propagate, trace
from opentelemetry.trace import SpanKind, Status, StatusCode

from .. import _gathered, errors
from .._native.calls import Call
from .._native.operation import Operation
from .._native.queue import Payload
from .._native.reader import Reader
from .._native.signatures import DONE, ERROR, VECTORS
from .._wire import decode
from ..attempt import Attempt
from . import content as contents
from .names import PROVIDERS, generation

_PATIENCE = 0.2  # seconds that a blocking stream which is left waits for its trail
_PARAMETERS = frozenset((
    "max_tokens", "max_completion_tokens", "temperature", "top_p", "frequency_penalty", "seed", "presence_penalty", "n",
    "reasoning_effort",
))  # fmt: skip
_FORMS = {"embed": "embeddings", "rerank": "rerank"}


class Settings:
    """What ``instrument`` was told."""

    def __init__(
        self, tracer: trace.Tracer, histograms: Any, *, content: bool, propagate: bool, attempts: bool
    ) -> None:
        self.tracer = tracer
        self.histograms = histograms
        self.content = content
        self.propagate = propagate
        self.attempts = attempts
        self.names = generation()


class Trace:
    """The span of one call."""

    def __init__(self, settings: Settings, call: TracedCall, operation: str, *, stream: bool) -> None:
        self.settings = settings
        self.call = call
        self.began = time.time_ns()
        first = (call.names or [""])[0]
        provider, _, configured = first.partition("/")
        model = str(call.request.get("model") or configured)
        names = settings.names
        provider = PROVIDERS.get(provider, provider)
        self.about: dict[str, Any] = {names["operation"]: operation, names["model"]: model}
        if provider:
            self.about[names["provider"]] = provider
        self.configured = configured
        self.span = settings.tracer.start_span(
            f"{operation} {model}",
            kind=SpanKind.INTERNAL if settings.attempts else SpanKind.CLIENT,
            attributes=self.about,
            start_time=self.began,
        )
        self.recording = self.span.is_recording()
        self.asked = self._asked(call.request, stream=stream) if self.recording else {}
        if settings.propagate:
            options = dict(call.options or ())
            options["headers"] = headers = dict(options.get("headers") or ())
            propagate.inject(headers, self.context)
            call.options = options

    @cached_property
    def context(self) -> contexts.Context:
        """The context of what is done for the call."""
        return trace.set_span_in_context(self.span)

    def _asked(self, request: dict[str, Any], *, stream: bool) -> dict[str, Any]:
        names = self.settings.names
        asked: dict[str, Any] = {}
        for key, value in request.items():
            if key in _PARAMETERS and key in names and isinstance(value, (int, float, str)):
                asked[names[key]] = value
        if stop := request.get("stop"):
            asked[names["stop"]] = [stop] if isinstance(stop, str) else [str(text) for text in stop]
        if stream and "stream" in names:
            asked[names["stream"]] = True
        if self.settings.content:
            asked[names["input_messages"]] = contents.asked(request.get("messages"))
        return asked

    def answered(self, response: Any) -> None:
        """Ends the span of a call with its answer."""
        if self.recording:
            self._attempts(response.attempts)
            self.span.set_attributes({**self.asked, **self._said(response)})
        self._end(getattr(response, "usage", None), None)

    def _said(self, response: Any) -> dict[str, Any]:
        names, said = self.settings.names, _number(response)
        usage = getattr(response, "usage", None)
        last = next((a for a in reversed(response.attempts) if a.outcome == "OK"), None)
        if last is not None:
            said[names["provider"]] = PROVIDERS.get(last.provider, last.provider)
            said["llmagg.route"] = last.route
            if last.first_token and "first_chunk" in names:
                said[names["first_chunk"]] = last.first_token
        for what, value in (
            ("response_id", getattr(response, "id", None)), ("response_model", getattr(response, "model", None)),
            ("input_tokens", getattr(usage, "prompt_tokens", None)),
            ("output_tokens", getattr(usage, "completion_tokens", None)),
            ("cached_tokens", _detail(usage, "prompt_tokens_details", "cached_tokens")),
            ("cache_write_tokens", _detail(usage, "prompt_tokens_details", "cache_write_tokens")),
            ("reasoning_tokens", _detail(usage, "completion_tokens_details", "reasoning_tokens")),
        ):  # fmt: skip
            if value is not None and what in names:
                said[names[what]] = value
        if choices := getattr(response, "choices", None):
            said[names["finish_reasons"]] = [choice.finish_reason or "" for choice in choices]
            if self.settings.content:
                said[names["output_messages"]] = contents.answered(choices)
        if (cost := getattr(response, "cost", None)) is not None:
            said.update({"llmagg.cost.amount": cost.amount, "llmagg.cost.currency": cost.currency,
                         "llmagg.cost.source": cost.source})  # fmt: skip
        return said

    def failed(self, error: BaseException) -> None:
        """Ends the span of a call with its error; a stream that was left is no error."""
        name = error.name if isinstance(error, errors.LLMError) else type(error).__name__
        if isinstance(error, (asyncio.CancelledError, GeneratorExit, KeyboardInterrupt)):
            name = "CANCELED"
        left = isinstance(error, GeneratorExit)
        if self.recording:
            if isinstance(error, errors.LLMError):
                self._attempts(error.attempts)
                self.asked.update(_number(error))
                self.asked["llmagg.error.owner"] = error.error_owner
            if left:
                self.asked["llmagg.stream.left"] = True
            else:
                message = error.message if isinstance(error, errors.LLMError) else name
                self.asked["error.type"] = name
                self.span.set_status(Status(StatusCode.ERROR, message))
            self.span.set_attributes(self.asked)
        self._end(None, None if left else name)

    def _end(self, usage: Any, error: str | None) -> None:
        self.span.end()
        if self.settings.histograms is not None:
            labels = {**self.about, self.settings.names["model"]: self.configured}  # never what users send
            self.settings.histograms.record((time.time_ns() - self.began) / 1e9, labels, usage, error)

    def ended(self, payload: Payload) -> None:
        """The trail of a call that was cancelled or left: its last event has come."""
        if self.recording:
            self._attempts([Attempt.from_dict(entry) for entry in decode(payload).get("attempts") or ()])

    def _attempts(self, attempts: list[Attempt]) -> None:
        if not self.settings.attempts:
            return
        for number, attempt in enumerate(attempts, 1):
            about: dict[str, Any] = {"llmagg.attempt.number": number, "llmagg.route": attempt.route}
            for key, value in (
                ("wait", attempt.wait), ("waited_for", attempt.waited_for), ("forced", attempt.forced),
                ("hedge", attempt.hedge), ("first_token", attempt.first_token), ("key", attempt.key),
            ):  # fmt: skip
                if value:
                    about[f"llmagg.attempt.{key}"] = value
            if attempt.status:
                about["http.response.status_code"] = attempt.status
            start = max(int(attempt.start * 1e9), self.began)
            if attempt.outcome != "OK":
                about["error.type"] = attempt.outcome
                about["llmagg.error.owner"] = attempt.error_owner
            span = self.settings.tracer.start_span(
                f"llmagg attempt {attempt.route}", self.context, SpanKind.CLIENT, about, start_time=start
            )
            if attempt.outcome != "OK":
                span.set_status(Status(StatusCode.ERROR, attempt.message))
            span.end(start + int(attempt.duration * 1e9))


def _number(outcome: Any) -> dict[str, Any]:
    """The call's number, by which its log records and observations are found."""
    number = getattr(outcome, "id_of_call", 0)
    return {"llmagg.call": number} if number else {}


def _detail(usage: Any, group: str, name: str) -> Any:
    details = getattr(usage, group, None)
    return details.get(name) if isinstance(details, dict) else None


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
            self.operation.waiter = self  # type: ignore[assignment]


def _last(operation: Operation, trace: Trace) -> bool:
    """Writes the attempts if the last event has come."""
    for kind, payload in operation.events:
        if kind in (DONE, ERROR):
            trace.ended(payload)
            return True
    return False


class TracedCall(Call):
    """A call that is a span. ``settings`` belongs to the class that ``traced`` makes."""

    __slots__ = ("_operation", "_reader", "_trace")
    settings: Settings

    def _begin(self, reader: Reader, flags: int) -> Operation:
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

    def _start(self, operation: str = "chat", *, stream: bool = False) -> Trace:
        self._operation = None
        self._trace = Trace(self.settings, self, operation, stream=stream)
        return self._trace

    def _left(self, trace: Trace) -> None:
        """The task that waits for an answer was cancelled, or the stream was left: the trail is still to come."""
        operation = self._operation
        if operation is not None and not _last(operation, trace) and not operation.done:
            operation.waiter = _Late(operation, trace)

    async def response(self) -> Any:
        """The whole response, as a span."""
        trace = self._start()
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
        items = Call._streamed(self, read, done)
        try:
            async for item in items:
                yield item
        except BaseException as error:
            await items.aclose()
            trace.failed(error)
            if isinstance(error, (asyncio.CancelledError, GeneratorExit)):
                self._left(trace)
            raise
        trace.answered(done.response)

    def _streamed_sync(self, read: Any, other: Any = None) -> Generator[Any, None, None]:
        trace = self._start(stream=True)
        done = _Done(other)
        items = Call._streamed_sync(self, read, done)
        try:
            for item in items:  # noqa: UP028 - "yield from" would close them before the trail has come
                yield item
        except BaseException as error:
            if isinstance(error, GeneratorExit):
                self._await_trail(trace)
            items.close()
            trace.failed(error)
            raise
        trace.answered(done.response)

    def _await_trail(self, trace: Trace) -> None:
        operation, reader = self._operation, self._reader
        if operation is None or not trace.recording or operation.done:
            return
        operation.cancel()
        until = time.monotonic() + _PATIENCE
        while not operation.done and time.monotonic() < until and not reader.custom:
            reader._poll.poll(20)
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

    def __init__(self, form: str, payload: Payload) -> None:
        data = memoryview(payload)
        if form == "embed":
            _, _, _, offset, size = VECTORS.unpack_from(data)
            data = data[offset : offset + size]
        answer = decode(data)
        self.model = answer.get("model")
        self.attempts = [Attempt.from_dict(entry) for entry in answer.get("attempts") or ()]


def traced(settings: Settings) -> type[TracedCall]:
    """The class of calls with these settings."""
    return type("TracedCall", (TracedCall,), {"settings": settings, "__slots__": ()})


def maker(settings: Settings, provider: Any) -> Callable[..., Call]:
    """Makes calls that are spans, and plain ones as long as OpenTelemetry has no SDK: that costs a look only."""
    traced_call = traced(settings)
    if settings.histograms is not None or settings.propagate:
        return traced_call
    if provider is not None:
        return Call if isinstance(provider, trace.NoOpTracerProvider) else traced_call
    find, absent = trace.get_tracer_provider, (trace.ProxyTracerProvider, trace.NoOpTracerProvider)

    def make(*args: Any, **options: Any) -> Call:
        return Call(*args, **options) if isinstance(find(), absent) else traced_call(*args, **options)

    return make
