"""What spans cost: nothing is traced where nobody asks, and little where somebody does."""

from __future__ import annotations

import time
from typing import Any, cast

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult, TraceIdRatioBased

import llmagg
from conftest import HELLO, aggregator_for
from llmagg.faultwall import FaultWall

pytestmark = pytest.mark.usefixtures("not_instrumented")


def test_without_an_sdk_calls_are_plain() -> None:
    from llmagg._native import calls

    llmagg.instrument()
    look = calls.make
    assert type(look(cast("Any", None), {})) is calls.Call
    took = []
    for _ in range(5):
        began = time.process_time()
        for _ in range(1000):
            look(cast("Any", None), {})
        took.append((time.process_time() - began) * 1000)
    print(f"no SDK: {min(took):.1f} µs of CPU a call, the call object itself included")
    assert min(took) < 20  # 2 on an idle machine


class Every(Sampler):
    """Takes each third call, and says so; keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def should_sample(self, parent_context: Any, trace_id: int, name: str, *_: Any, **__: Any) -> SamplingResult:
        assert name == "chat good"
        self.asked.append(trace_id)
        taken = len(self.asked) % 3 == 0
        return SamplingResult(Decision.RECORD_AND_SAMPLE if taken else Decision.DROP, {"mine": len(self.asked)})

    def get_description(self) -> str:
        return "Every"


def test_the_sampler_is_asked_once(llm_wall: FaultWall) -> None:
    sampler, kept = Every(), InMemorySpanExporter()
    provider = TracerProvider(sampler=sampler)
    provider.add_span_processor(SimpleSpanProcessor(kept))
    llmagg.instrument(provider, attempts=False)
    aggregator = aggregator_for(llm_wall, "good")
    for _ in range(6):
        aggregator.chat_sync(HELLO)
    spans = kept.get_finished_spans()
    assert len(sampler.asked) == len(set(sampler.asked)) == 6
    assert [span.context.trace_id for span in spans if span.context] == sampler.asked[2::3]
    assert [(span.attributes or {})["mine"] for span in spans] == [3, 6]
    with provider.get_tracer("mine").start_as_current_span("chat good") as above:
        for _ in range(5):
            aggregator.chat_sync(HELLO)
    assert sampler.asked[7:] == [above.get_span_context().trace_id] * 5
    assert {span.parent.span_id for span in kept.get_finished_spans()[2:] if span.parent} == {
        above.get_span_context().span_id
    }


@pytest.mark.parametrize(("kind", "most"), [("sampled", 400), ("one percent", 45), ("no SDK", 60)])
def test_what_a_span_costs(llm_wall: FaultWall, kind: str, most: float) -> None:
    """Bars of an idle machine: 150, 15 and 2 µs a call; the last is that of a look, since no span is made."""
    from llmagg._native.calls import Call
    from llmagg.otel import spans, traced

    provider: Any = trace.NoOpTracerProvider()
    if kind != "no SDK":
        provider = TracerProvider(sampler=TraceIdRatioBased(1.0 if kind == "sampled" else 0.01))
        provider.add_span_processor(BatchSpanProcessor(InMemorySpanExporter()))
    answer = aggregator_for(llm_wall, "good").chat_sync(HELLO)
    settings = spans.Settings(provider.get_tracer("x"), None, content=False, propagate=False, attempts=True)
    call = traced.class_of(settings)(cast("Any", None), {"messages": HELLO}, names=["openai/good"])
    assert isinstance(call, Call)

    def once() -> None:
        with call._start():  # type: ignore[attr-defined]
            pass
        call._answered(answer)  # type: ignore[attr-defined]

    took = []
    for _ in range(7):
        began = time.process_time()
        for _ in range(300):
            once()
        took.append((time.process_time() - began) / 300 * 1e6)
    print(f"{kind}: {min(took):.1f} µs of CPU a call")
    assert min(took) < most
    if kind != "no SDK":
        provider.shutdown()
