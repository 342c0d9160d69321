"""What an application plugs into OpenTelemetry may raise: no call fails for it, and no answer is lost."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, Sampler

import llmagg
from conftest import HELLO, aggregator_for
from llmagg.faultwall import FaultWall

pytestmark = pytest.mark.usefixtures("not_instrumented")


def broken(*_: Any, **__: Any) -> Any:
    raise RuntimeError("it broke")


class AtTheStart(SpanProcessor):
    on_start = broken


class AtTheEnd(SpanProcessor):
    on_end = broken


class Deciding(Sampler):
    should_sample = broken

    def get_description(self) -> str:
        return "Deciding"


@pytest.mark.parametrize("part", [AtTheStart(), AtTheEnd(), Deciding()], ids=lambda part: type(part).__name__)
def test_calls_go_on(llm_wall: FaultWall, run: Any, part: Any, caplog: pytest.LogCaptureFixture) -> None:
    provider = TracerProvider(sampler=part if isinstance(part, Sampler) else ALWAYS_ON)
    if isinstance(part, SpanProcessor):
        provider.add_span_processor(part)
    llmagg.instrument(provider)
    aggregator = aggregator_for(llm_wall, "good")
    assert aggregator.chat_sync(HELLO).text
    assert run(aggregator.chat(HELLO)).text
    assert "".join(aggregator.stream_text_sync(HELLO))
    assert len(aggregator.embed_sync("a text", model="good")) == 1
    llm_wall.script({"default": {"steps": [{"status": 400}]}})
    with pytest.raises(llmagg.AllModelsFailedError):
        aggregator.chat_sync(HELLO)
    told = [record.message for record in caplog.records if "OpenTelemetry failed" in record.message]
    assert told == ["OpenTelemetry failed: RuntimeError: it broke; calls continue, spans may be missing"]
