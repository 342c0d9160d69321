"""Spans that leave the process, and the entry point of ``opentelemetry-instrument``."""

from __future__ import annotations

import gc
import http.server
import threading
from importlib import metadata
from typing import Any

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from test_otel import DOWN

import llmagg
from conftest import HELLO, aggregator_for
from llmagg.faultwall import FaultWall

pytestmark = pytest.mark.usefixtures("not_instrumented")


class _Collector(http.server.BaseHTTPRequestHandler):
    """A collector of OTLP over HTTP: it keeps the names of the spans that it gets."""

    got: list[str]

    def do_POST(self) -> None:
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

        request = ExportTraceServiceRequest()
        request.ParseFromString(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.got += [  # type: ignore[attr-defined]
            span.name for r in request.resource_spans for s in r.scope_spans for span in s.spans
        ]
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


def test_a_real_endpoint_gets_the_spans(llm_wall: FaultWall) -> None:
    exporter = pytest.importorskip("opentelemetry.exporter.otlp.proto.http.trace_exporter")
    llm_wall.script(DOWN)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Collector)
    server.got = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        provider = TracerProvider(resource=Resource({"service.name": "test"}))
        sender = exporter.OTLPSpanExporter(f"http://127.0.0.1:{server.server_port}/v1/traces")
        provider.add_span_processor(BatchSpanProcessor(sender))
        llmagg.instrument(provider)
        aggregator_for(llm_wall, "bad", "good", max_retries=1).chat_sync(HELLO)
        provider.shutdown()
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert sorted(server.got) == [  # type: ignore[attr-defined]
        "chat bad", "llmagg attempt openai/bad", "llmagg attempt openai/good",
    ]  # fmt: skip
    gc.collect()


def test_opentelemetry_instrument_finds_the_entry_point() -> None:
    (found,) = [e for e in metadata.entry_points(group="opentelemetry_instrumentor") if e.name == "llmagg"]
    instrumentor = found.load()()
    instrumentor.instrument(tracer_provider=TracerProvider(), skip_dep_check=True)
    instrumentor.uninstrument()
    assert not instrumentor.instrumentation_dependencies()
