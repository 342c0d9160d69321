"""Spans and metrics through the application's OpenTelemetry (``llmagg[otel]``).

Each call is a span under the application's own span, and each of its attempts (retries, failovers, restarts, hedges) a
child of it. The spans are made from the trail when the call has ended, so nothing is observed while it runs.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from .._absent import extra
from .._native import calls

try:
    from opentelemetry import metrics, trace
except ImportError as error:
    raise ImportError(f"opentelemetry-api is not installed; llmagg.instrument() needs it: {extra('otel')}") from error

from .._version import __version__
from . import meters, spans, traced


def instrument(
    tracer_provider: Any = None,
    meter_provider: Any = None,
    content: bool = False,
    propagate: bool = False,
    attempts: bool = True,
) -> None:
    """Makes a span of each call from now on, and metrics of the routes' totals.

    ``tracer_provider`` and ``meter_provider`` are OpenTelemetry's global ones by default. With a ``meter_provider`` of
    its own, each call also records the conventions' two histograms (``gen_ai.client.operation.duration`` and
    ``gen_ai.client.token.usage``), which costs about 25 µs a call. ``content`` puts messages and answers into spans:
    they are large, and may be secret. ``propagate`` sends ``traceparent`` with each request; use it for gateways of
    your own, since every provider that is asked sees it. Without ``attempts`` a call is one span.

    A second call replaces the settings of the first. ``uninstrument()`` ends it.
    """
    tracer = trace.get_tracer("llmagg", __version__, tracer_provider)
    meter = metrics.get_meter("llmagg", __version__, meter_provider)
    histograms = None if meter_provider is None else meters.Histograms(meter)
    settings = spans.Settings(tracer, histograms, content=content, propagate=propagate, attempts=attempts)
    calls.make = traced.maker(settings, tracer_provider)
    meters.observe(meter)


def uninstrument() -> None:
    """Makes no spans any more. The metrics of routes stay, as OpenTelemetry removes no instruments."""
    calls.make = calls.Call


class Instrumentor:
    """What ``opentelemetry-instrument`` looks for."""

    def instrumentation_dependencies(self) -> Collection[str]:
        """Nothing besides this package."""
        return ()

    def instrument(self, **options: Any) -> None:
        """``llmagg.instrument`` with the options that it knows."""
        known = ("tracer_provider", "meter_provider", "content", "propagate", "attempts")
        instrument(**{key: options[key] for key in known if key in options})

    def uninstrument(self, **_: Any) -> None:
        """``llmagg.otel.uninstrument``."""
        uninstrument()
