"""Spans: each call is a span under the application's own, each attempt its child, wherever the call is made."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import context, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

import llmagg
from conftest import HELLO, aggregator_for, chats, config_for, until
from llmagg import _series, default, otel
from llmagg.faultwall import FaultWall
from llmagg.manager import PrivateManager
from llmagg.otel.names import NAMES

pytestmark = pytest.mark.usefixtures("not_instrumented")
DOWN = {"models": {"bad": {"steps": [{"status": 503}]}}}
SLOW = {"models": {"slow": {"steps": [{"forever": True, "delay_event_s": 0.01}]}, **DOWN["models"]}}


class World:
    """A tracer provider whose spans are kept, with llmagg instrumented."""

    def __init__(self, **settings: Any) -> None:
        self.kept = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self.kept))
        self.tracer = self.provider.get_tracer("application")
        llmagg.instrument(self.provider, **settings)

    def spans(self) -> dict[str, list[ReadableSpan]]:
        found: dict[str, list[ReadableSpan]] = {}
        for span in self.kept.get_finished_spans():
            found.setdefault(span.name, []).append(span)
        return found

    def check(self, call: str = "chat bad", attempts: tuple[str, ...] = ("bad", "good"), calls: int = 1) -> None:
        """Each call is a child of "my request", each attempt a child of its call."""
        spans = self.spans()
        (mine,) = spans["my request"]
        assert len(spans[call]) == calls
        for span in spans[call]:
            assert span.parent is not None
            assert span.parent.span_id == mine.context.span_id
            children = [
                child.attributes["llmagg.route"]
                for name, made in spans.items() if name.startswith("llmagg attempt")
                for child in sorted(made, key=lambda s: s.start_time)
                if child.parent is not None and child.parent.span_id == span.context.span_id
            ]  # fmt: skip
            assert sorted(children) == sorted(f"openai/{name}" for name in attempts)


def chat_world(llm_wall: FaultWall, **settings: Any) -> tuple[World, llmagg.LLMAggregator]:
    llm_wall.script(DOWN)
    return World(**settings), aggregator_for(llm_wall, "bad", "good", max_retries=1)


def test_parents_in_asyncio_tasks_and_gather(llm_wall: FaultWall, run: Callable[..., Any]) -> None:
    world, aggregator = chat_world(llm_wall)

    async def main() -> None:
        with world.tracer.start_as_current_span("my request"):
            await asyncio.create_task(aggregator.chat(HELLO))
            await asyncio.gather(aggregator.chat(HELLO), aggregator.chat(HELLO))

    run(main())
    world.check(calls=3)


def test_the_parent_of_a_blocking_call(llm_wall: FaultWall) -> None:
    world, aggregator = chat_world(llm_wall)
    with world.tracer.start_as_current_span("my request") as mine:
        aggregator.chat_sync(HELLO)
        assert mine.is_recording()  # the caller's span is the caller's
        assert trace.get_current_span() is mine
    world.check()


def test_parents_in_threads_and_executors(llm_wall: FaultWall, run: Callable[..., Any]) -> None:
    world, aggregator = chat_world(llm_wall)

    def work(ctx: context.Context) -> None:
        token = context.attach(ctx)
        aggregator.chat_sync(HELLO)
        context.detach(token)

    async def main() -> None:
        await asyncio.to_thread(aggregator.chat_sync, HELLO)

    with world.tracer.start_as_current_span("my request"):
        thread = threading.Thread(target=work, args=(context.get_current(),))
        thread.start()
        thread.join()
        with ThreadPoolExecutor(1) as pool:
            pool.submit(work, context.get_current()).result()
        run(main())
    world.check(calls=3)


def test_a_stream_s_span_ends_with_the_stream(llm_wall: FaultWall, run: Callable[..., Any]) -> None:
    world, aggregator = chat_world(llm_wall)

    async def main() -> None:
        with world.tracer.start_as_current_span("my request"):
            stream = aggregator.stream(HELLO)
            await stream.__anext__()
            assert "chat bad" not in world.spans()
            async for _ in stream:
                pass
            assert "chat bad" in world.spans()
            text = "".join([piece async for piece in aggregator.stream_text(HELLO)])
            assert text
            for _ in aggregator_sync_events(aggregator):
                pass

    async def events() -> None:
        await main()

    def aggregator_sync_events(llm: llmagg.LLMAggregator) -> list[Any]:
        with ThreadPoolExecutor(1) as pool:
            ctx = context.get_current()

            def work() -> list[Any]:
                token = context.attach(ctx)
                try:
                    return list(llm.stream_sync(HELLO))
                finally:
                    context.detach(token)

            return pool.submit(work).result()

    run(events())
    world.check(calls=3)
    (first, *_) = world.spans()["chat bad"]
    assert first.attributes["gen_ai.response.finish_reasons"] == ("stop",)
    assert first.attributes["gen_ai.usage.output_tokens"] > 0


def test_a_stream_that_is_left_early(llm_wall: FaultWall, run: Callable[..., Any]) -> None:
    llm_wall.script(SLOW)
    world, aggregator = World(), aggregator_for(llm_wall, "bad", "slow", max_retries=1)

    async def main() -> None:
        with world.tracer.start_as_current_span("my request"):
            async with contextlib.aclosing(aggregator.stream(HELLO)) as stream:
                async for _ in stream:
                    break
            assert world.spans()["chat bad"][0].attributes["llmagg.stream.left"]
            await until(lambda: len(world.kept.get_finished_spans()) == 3, "an attempt's span does not end")

    run(main())
    world.check(attempts=("bad", "slow"))
    (span,) = world.spans()["chat bad"]
    assert span.status.is_unset


def test_a_blocking_stream_that_is_left_early(llm_wall: FaultWall) -> None:
    llm_wall.script(SLOW)
    world, aggregator = World(), aggregator_for(llm_wall, "bad", "slow", max_retries=1)
    with world.tracer.start_as_current_span("my request"):
        stream = aggregator.stream_sync(HELLO)
        next(stream)
        stream.close()
    world.check(attempts=("bad", "slow"))


def test_a_call_that_is_cancelled(llm_wall: FaultWall, run: Callable[..., Any]) -> None:
    llm_wall.script({"models": {"bad": {"steps": [{"status": 503}]}, "slow": {"steps": [{"delay_headers_s": 20}]}}})
    world, aggregator = World(), aggregator_for(llm_wall, "bad", "slow", max_retries=1)

    async def main() -> None:
        with world.tracer.start_as_current_span("my request"):
            task = asyncio.create_task(aggregator.chat(HELLO))
            await until(lambda: [chat["body"]["model"] for chat in chats(llm_wall)][-1:] == ["slow"])
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await until(lambda: len(world.kept.get_finished_spans()) == 3, "an attempt's span does not end")

    run(main())
    world.check(attempts=("bad", "slow"))
    (span,) = world.spans()["chat bad"]
    assert span.attributes["error.type"] == "CANCELED"


def test_a_call_in_a_forked_child(llm_wall: FaultWall) -> None:
    world, aggregator = chat_world(llm_wall)
    aggregator.chat_sync(HELLO)
    world.kept.clear()
    with world.tracer.start_as_current_span("my request") as mine:
        here, there = os.pipe()
        child = os.fork()
        if child == 0:
            code = 1
            with contextlib.suppress(BaseException):
                aggregator.chat_sync(HELLO)
                told = [[s.name, s.parent.span_id if s.parent else 0] for s in world.kept.get_finished_spans()]
                os.write(there, json.dumps(told).encode())
                code = 0
            os._exit(code)
        os.close(there)
        with os.fdopen(here) as pipe:
            told = json.loads(pipe.read())
        assert os.waitpid(child, 0)[1] == 0
    assert [name for name, _ in told] == ["llmagg attempt openai/bad", "llmagg attempt openai/good", "chat bad"]
    assert told[-1][1] == mine.get_span_context().span_id


def test_what_a_span_says(llm_wall: FaultWall) -> None:
    world, aggregator = chat_world(llm_wall)
    aggregator.chat_sync(HELLO, temperature=0.5, max_tokens=20, stop=["END"], seed=7)
    spans = world.spans()
    about = dict(spans["chat bad"][0].attributes or {})
    assert about["gen_ai.operation.name"] == "chat"
    assert about["gen_ai.provider.name"] == "openai"
    assert about["gen_ai.request.model"] == "bad"
    assert about["gen_ai.request.temperature"] == 0.5
    assert about["gen_ai.request.stop_sequences"] == ("END",)
    assert about["gen_ai.response.model"] == "good"
    assert about["llmagg.route"] == "openai/good"
    assert about["llmagg.call"] > 0
    (failed,) = spans["llmagg attempt openai/bad"]
    assert failed.attributes["http.response.status_code"] == 503
    assert failed.attributes["error.type"] == "UNAVAILABLE"
    assert failed.kind is trace.SpanKind.CLIENT
    for said in (about, failed.attributes):
        assert f"http://{said['server.address']}:{said['server.port']}" == llm_wall.url.partition("/v1")[0]
    assert failed.start_time >= spans["chat bad"][0].start_time
    assert failed.end_time >= failed.start_time
    assert "Hello" not in str(about)


def test_a_failure_says_so(llm_wall: FaultWall) -> None:
    llm_wall.script({"models": {"bad": {"steps": [{"status": 401}]}}})
    world, aggregator = World(), aggregator_for(llm_wall, "bad")
    with pytest.raises(llmagg.LLMError):
        aggregator.chat_sync(HELLO)
    (span,) = world.spans()["chat bad"]
    assert span.status.status_code is trace.StatusCode.ERROR
    assert span.attributes["error.type"] in ("ALL_FAILED", "AUTHENTICATION")
    shown = " ".join(str(s.to_json()) for s in world.kept.get_finished_spans())
    assert "sk-test" not in shown


def test_what_is_not_known_is_not_zero(llm_wall: FaultWall) -> None:
    reader = InMemoryMetricReader()
    llm_wall.script({"default": {"steps": [{"text": "hi", "usage": None}]}})
    world, aggregator = World(meter_provider=MeterProvider([reader])), aggregator_for(llm_wall, "good")
    assert not aggregator.chat_sync(HELLO).usage
    (span,) = world.spans()["chat good"]
    assert not [name for name in span.attributes or {} if name.startswith(("gen_ai.usage", "llmagg.cost"))]
    assert "gen_ai.client.token.usage" not in reader.get_metrics_data().to_json()


def test_a_kept_answer_says_so(llm_wall: FaultWall) -> None:
    world, aggregator = World(), llmagg.LLMAggregator(["good"], cache=True)
    aggregator.initialize_sync(config_for(llm_wall, "good"))
    aggregator.chat_sync(HELLO)
    aggregator.chat_sync(HELLO)
    asked, kept = world.spans()["chat good"]
    assert "llmagg.cache" not in (asked.attributes or {})
    assert (kept.attributes or {})["llmagg.cache"] == "hit"


def test_a_call_that_is_not_sampled_is_a_plain_one(llm_wall: FaultWall, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("a trace is made")

    aggregator = aggregator_for(llm_wall, "good")
    llmagg.instrument(TracerProvider(sampler=ALWAYS_OFF))
    monkeypatch.setattr(otel.spans.Trace, "__init__", refuse)
    assert aggregator.chat_sync(HELLO).text
    assert "".join(aggregator.stream_text_sync(HELLO))
    assert len(aggregator.embed_sync("a text", model="good")) == 1


def test_content_and_both_generations(llm_wall: FaultWall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SEMCONV_STABILITY_OPT_IN", "http, gen_ai_latest_experimental")
    world, aggregator = chat_world(llm_wall, content=True)
    for _ in aggregator.stream_sync(HELLO):
        pass
    about = dict(world.spans()["chat bad"][0].attributes or {})
    assert about["gen_ai.request.stream"] is True
    assert about["gen_ai.response.time_to_first_chunk"] > 0
    assert json.loads(about["gen_ai.input.messages"])[0]["parts"] == [{"type": "text", "content": "Hello!"}]
    assert json.loads(about["gen_ai.output.messages"])[0]["parts"][0]["content"].startswith("Hello")


def test_the_names_are_those_of_the_conventions() -> None:
    registry = pytest.importorskip("opentelemetry.semconv._incubating.attributes.gen_ai_attributes")
    servers = pytest.importorskip("opentelemetry.semconv.attributes.server_attributes")
    known = {value for of in (registry, servers) for value in vars(of).values() if isinstance(value, str)}
    newer = {"gen_ai.usage.cache_write.input_tokens", "gen_ai.request.reasoning.level"}  # since conventions-genai 0.1.0
    assert {name for row in NAMES.values() for name in row if name} - known == newer


def test_traceparent_goes_along_only_where_asked(llm_wall: FaultWall) -> None:
    world, aggregator = chat_world(llm_wall, propagate=True)
    aggregator.chat_sync(HELLO, headers={"x-mine": "1"})
    trace_id = f"{world.spans()['chat bad'][0].context.trace_id:032x}"
    sent = str(llm_wall.seen())
    assert trace_id in sent
    otel.uninstrument()
    World()
    aggregator.chat_sync(HELLO)
    assert str(llm_wall.seen()).count("traceparent") == sent.count("traceparent")


def test_embeddings_are_spans_too(llm_wall: FaultWall) -> None:
    world, aggregator = World(), aggregator_for(llm_wall, "good")
    aggregator.embed_sync("a text", model="good")
    assert [*world.spans()] == ["llmagg attempt openai/good", "embeddings good"]


def test_metrics_by_observable_instruments(llm_wall: FaultWall) -> None:
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader])
    _, aggregator = chat_world(llm_wall, meter_provider=provider)
    reader.get_metrics_data()
    aggregator.chat_sync(HELLO)
    reader.get_metrics_data()  # counting begins with the first reading after the routes were made
    aggregator.chat_sync(HELLO)
    data = json.loads(reader.get_metrics_data().to_json())
    metrics = {m["name"]: m["data"]["data_points"] for m in data["resource_metrics"][0]["scope_metrics"][0]["metrics"]}
    attempts = {(p["attributes"]["model"], p["attributes"]["outcome"]) for p in metrics["llmagg.attempts"]}
    # Aggregators of other tests may not have been collected yet.
    assert {one for one in attempts if one[0] in ("bad", "good")} == {("bad", "UNAVAILABLE"), ("good", "OK")}
    assert metrics["gen_ai.client.operation.duration"][0]["count"] == 2
    assert {p["attributes"]["gen_ai.token.type"] for p in metrics["gen_ai.client.token.usage"]} == {"input", "output"}


def test_routes_of_one_name_are_one_series(llm_wall: FaultWall) -> None:
    reader = InMemoryMetricReader()
    World(meter_provider=MeterProvider([reader]))
    llms = [llmagg.LLMAggregator(), llmagg.LLMAggregator()]
    for llm in llms:
        llm.manager = PrivateManager()
        llm.initialize_sync(config_for(llm_wall, "twice"))
        default.show(llm)
    reader.get_metrics_data()
    for llm in llms:
        llm.chat_sync(HELLO)  # makes the route
    reader.get_metrics_data()
    for llm in llms:
        llm.chat_sync(HELLO)
    data = json.loads(reader.get_metrics_data().to_json())
    metrics = {m["name"]: m["data"]["data_points"] for m in data["resource_metrics"][0]["scope_metrics"][0]["metrics"]}
    points = [point["value"] for point in metrics["llmagg.attempts"] if point["attributes"]["model"] == "twice"]
    assert points in ([2], [4])


def test_costs_in_two_currencies_are_not_added() -> None:
    def report(**cost: Any) -> dict[str, Any]:
        return {"provider": "a", "model": "b", "totals": {"retries": 1, **({"cost": cost} if cost else {})}}

    euros, dollars = report(amount=1.0, currency="EUR"), report(amount=2.0, currency="USD")
    for given, cost in (((euros, dollars), 1.0), ((euros, euros), 2.0), ((report(), dollars), 2.0)):
        (both,) = _series.merged(given).values()
        assert (both["totals"]["cost"]["amount"], both["totals"]["retries"]) == (cost, 2)


def test_labels_hold_configured_names_only(llm_wall: FaultWall) -> None:
    reader = InMemoryMetricReader()
    world, aggregator = World(meter_provider=MeterProvider([reader])), aggregator_for(llm_wall, "good")
    client = aggregator.manager.get_client_by_model("good")
    for i in range(20):
        request = llmagg.ChatCompletionRequest(model=f"made-up-{i}", messages=[llmagg.Message("user", "hi")])
        client.chat_completion_sync(request)
    shown = reader.get_metrics_data().to_json()
    assert "made-up" not in shown
    assert '"gen_ai.request.model": "good"' in shown
    assert len(world.spans()["chat made-up-3"]) == 1


def test_each_row_of_a_bulk_run_is_a_span(llm_wall: FaultWall, run: Callable[..., Any], tmp_path: Path) -> None:
    llm_wall.script(DOWN)
    world = World()
    report = run(llmagg.bulk.run(["a", "b", "c"], tmp_path / "a.jsonl", aggregator_for(llm_wall, "good")))
    assert (report.answered, len(world.spans()["chat good"])) == (3, 3)
