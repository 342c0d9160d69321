"""What spans cost: nothing is traced where nobody asks, and little where somebody does."""

from __future__ import annotations

import time
from typing import Any, cast

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import TraceIdRatioBased

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
        if (made := call._start()) is not None:  # type: ignore[attr-defined]
            made.answered(answer)

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
