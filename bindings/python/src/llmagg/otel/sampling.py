"""Asks the sampler before a span is begun: a call that is not sampled costs a third of a span that records nothing."""

from __future__ import annotations

import copy
from typing import Any

from opentelemetry import trace


class _Answered:
    """The sampler and the ids of one span, whose sampler has answered."""

    def __init__(self, ids: Any, trace_id: int, answer: Any) -> None:
        self._ids, self._trace_id, self._answer = ids, trace_id, answer

    def should_sample(self, *_: Any, **__: Any) -> Any:
        return self._answer

    def generate_trace_id(self) -> int:
        return self._trace_id

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ids, name)


class Sampling:
    """Begins the spans of a tracer of the SDK that are sampled. The sampler is asked once for each."""

    def __init__(self, tracer: Any) -> None:
        self._tracer = tracer
        self._should_sample, self._ids = tracer.sampler.should_sample, tracer.id_generator

    def begin(self, name: str, kind: trace.SpanKind, about: Any) -> trace.Span | None:
        """A span in the current context; None if it is not sampled."""
        parent = trace.get_current_span().get_span_context()
        trace_id = parent.trace_id if parent.is_valid else self._ids.generate_trace_id()
        answer = self._should_sample(None, trace_id, name, kind, about, ())
        if not answer.decision.is_recording():
            return None
        tracer = copy.copy(self._tracer)
        tracer.sampler = tracer.id_generator = _Answered(self._ids, trace_id, answer)
        span: trace.Span = tracer.start_span(name, None, kind, about)
        return span


def of(tracer: Any) -> Sampling | None:
    """The sampling of a tracer; None if it is not one of OpenTelemetry's SDK."""
    known = type(tracer).__module__ == "opentelemetry.sdk.trace"
    return Sampling(tracer) if known and hasattr(tracer, "sampler") and hasattr(tracer, "id_generator") else None
