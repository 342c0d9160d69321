"""The span of a call, and those of its attempts as its children."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from opentelemetry import context as contexts
from opentelemetry import trace
from opentelemetry.trace import SpanKind, Status, StatusCode

from .. import errors
from .._wire import decode
from ..attempt import Attempt
from ..responses import Usage, is_known
from . import content as contents
from . import sampling
from .names import PROVIDERS, generation

if TYPE_CHECKING:
    from .._native.queue import Payload

_PARAMETERS = (
    "max_tokens", "max_completion_tokens", "temperature", "top_p", "frequency_penalty", "seed", "presence_penalty", "n",
    "reasoning_effort",
)  # fmt: skip


class Settings:
    """What ``instrument`` was told."""

    def __init__(
        self, tracer: trace.Tracer, histograms: Any, *, content: bool, propagate: bool, attempts: bool
    ) -> None:
        self.start_span = tracer.start_span
        self.sampling = sampling.of(tracer)
        self.histograms = histograms
        self.content = content
        self.propagate = propagate
        self.attempts = attempts
        self.kind = SpanKind.INTERNAL if attempts else SpanKind.CLIENT
        self.always = propagate or histograms is not None
        """Whether a call that is not sampled needs its trace."""
        self.names = generation()
        self.parameters = [(key, self.names[key]) for key in _PARAMETERS if key in self.names]
        self.head = lru_cache(256)(self._head)
        self._broken = False

    def broke(self, error: Exception) -> None:
        """Warns once that a sampler, processor or propagator of the application raised: no answer is lost for it."""
        if not self._broken:
            self._broken = True
            what = f"{type(error).__name__}: {error}"
            logging.getLogger("llmagg").warning("OpenTelemetry failed: %s; calls continue, spans may be missing", what)

    def _head(self, operation: str, route: str, model: str) -> tuple[str, Mapping[str, Any], str]:
        """A span's name, what it says from its start on, and the configured name of its model."""
        provider, _, configured = route.partition("/")
        model = model or configured
        about = {self.names["operation"]: operation, self.names["model"]: model}
        if provider:
            about[self.names["provider"]] = PROVIDERS.get(provider, provider)
        return f"{operation} {model}", about, configured


class Trace:
    """The span of one call."""

    def __init__(self, settings: Settings, began: int, head: tuple[Any, Mapping[str, Any], str], span: Any) -> None:
        self.settings = settings
        self.began = began
        _, self.about, self.configured = head
        self.span = span
        self.recording = span.is_recording()
        self.asked: dict[str, Any] = {}

    @cached_property
    def context(self) -> contexts.Context:
        """The context of what is done for the call."""
        return trace.set_span_in_context(self.span)

    def note(self, request: Mapping[str, Any], *, stream: bool) -> None:
        """Keeps what the request asks, which a span that records says in the end."""
        names, asked = self.settings.names, self.asked
        for key, name in self.settings.parameters:
            if key in request and isinstance(value := request[key], (int, float, str)):
                asked[name] = value
        if stop := request.get("stop"):
            asked[names["stop"]] = [stop] if isinstance(stop, str) else [str(text) for text in stop]
        if stream and "stream" in names:
            asked[names["stream"]] = True
        if self.settings.content:
            asked[names["input_messages"]] = contents.asked(request.get("messages"))

    def answered(self, response: Any) -> None:
        """Ends the span of a call with its answer."""
        try:
            self._answered(response)
        except Exception as error:
            self.settings.broke(error)

    def _answered(self, response: Any) -> None:
        usage = response.usage
        if self.recording:
            said, attempts = self.asked, response.attempts
            self._attempts(attempts)
            if response.id_of_call:
                said["llmagg.call"] = response.id_of_call
            for last in reversed(attempts):
                if last.outcome == "OK":
                    self._route(last)
                    break
            if response.cache is not None:
                said["llmagg.cache"] = response.cache
            self._usage(usage)
            self._answer(response)
            self.span.set_attributes(said)
        self._end(usage, None)

    def _route(self, last: Attempt) -> None:
        """Says which route answered."""
        said, names = self.asked, self.settings.names
        said[names["provider"]] = PROVIDERS.get(last.provider, last.provider)
        said["llmagg.route"] = last.route
        if last.server_address:
            said[names["server_address"]] = last.server_address
            said[names["server_port"]] = last.server_port
        if last.first_token and "first_chunk" in names:
            said[names["first_chunk"]] = last.first_token

    def _usage(self, usage: Usage) -> None:
        said, names = self.asked, self.settings.names
        if is_known(usage.prompt_tokens):
            said[names["input_tokens"]] = usage.prompt_tokens
        if is_known(usage.completion_tokens):
            said[names["output_tokens"]] = usage.completion_tokens
        if usage.prompt_tokens_details or usage.completion_tokens_details:
            for what in ("cached_tokens", "cache_write_tokens", "reasoning_tokens"):
                if what in names and (count := getattr(usage, what)) is not None:
                    said[names[what]] = count

    def _answer(self, response: Any) -> None:
        said, names = self.asked, self.settings.names
        if response.id:
            said[names["response_id"]] = response.id
        if response.model:
            said[names["response_model"]] = response.model
        if choices := response.choices:
            said[names["finish_reasons"]] = [choice.finish_reason or "" for choice in choices]
            if self.settings.content:
                said[names["output_messages"]] = contents.answered(choices)
        if (cost := response.cost) is not None:
            said["llmagg.cost.amount"] = cost.amount
            said["llmagg.cost.currency"] = cost.currency
            said["llmagg.cost.source"] = cost.source

    def failed(self, error: BaseException) -> None:
        """Ends the span of a call with its error; a stream that was left is no error."""
        try:
            self._failed(error)
        except Exception as raised:
            self.settings.broke(raised)

    def _failed(self, error: BaseException) -> None:
        name = error.name if isinstance(error, errors.LLMError) else type(error).__name__
        if isinstance(error, (asyncio.CancelledError, GeneratorExit, KeyboardInterrupt)):
            name = "CANCELED"
        left = isinstance(error, GeneratorExit)
        if self.recording:
            said = self.asked
            if isinstance(error, errors.LLMError):
                self._attempts(error.attempts)
                if error.attempts:
                    self._route(error.attempts[-1])
                if error.id_of_call:
                    said["llmagg.call"] = error.id_of_call
            if left:
                said["llmagg.stream.left"] = True
            else:
                said["error.type"] = name
                said["llmagg.error.owner"] = getattr(error, "error_owner", "caller")
                message = error.message if isinstance(error, errors.LLMError) else name
                self.span.set_status(Status(StatusCode.ERROR, message))
            self.span.set_attributes(said)
        self._end(None, None if left else name)

    def _end(self, usage: Usage | None, error: str | None) -> None:
        self.span.end()
        if self.settings.histograms is not None:
            labels = {**self.about, self.settings.names["model"]: self.configured}  # never what users send
            self.settings.histograms.record((time.time_ns() - self.began) / 1e9, labels, usage, error)

    def ended(self, payload: Payload) -> None:
        """The trail of a call that was cancelled or left: its last event has come."""
        try:
            if self.recording:
                self._attempts([Attempt.from_dict(entry) for entry in decode(payload).get("attempts") or ()])
        except Exception as error:
            self.settings.broke(error)

    def _attempts(self, attempts: list[Attempt]) -> None:
        if not self.settings.attempts:
            return
        names, start_span = self.settings.names, self.settings.start_span
        for number, attempt in enumerate(attempts, 1):
            about: dict[str, Any] = {"llmagg.attempt.number": number, "llmagg.route": attempt.route}
            if attempt.server_address:
                about[names["server_address"]] = attempt.server_address
                about[names["server_port"]] = attempt.server_port
            if attempt.status:
                about["http.response.status_code"] = attempt.status
            for field in ("first_token", "wait", "forced", "hedge", "key"):
                if value := getattr(attempt, field):
                    about[f"llmagg.attempt.{field}"] = value
            if attempt.wait:
                about["llmagg.attempt.waited_for"] = attempt.waited_for
            failed = attempt.outcome != "OK"
            if failed:
                about["error.type"] = attempt.outcome
                about["llmagg.error.owner"] = attempt.error_owner
            start = max(int(attempt.start * 1e9), self.began)
            span = start_span(f"llmagg attempt {attempt.route}", self.context, SpanKind.CLIENT, about, start_time=start)
            if failed:
                span.set_status(Status(StatusCode.ERROR, attempt.message))
            span.end(start + int(attempt.duration * 1e9))
