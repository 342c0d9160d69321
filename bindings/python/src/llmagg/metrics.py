"""Metrics of routes for Prometheus, counted in the core and drawn by ``prometheus_client`` (``llmagg[metrics]``).

    from prometheus_client import REGISTRY, start_http_server

    REGISTRY.register(llmagg.metrics.collector())
    start_http_server(9464)

A call costs nothing more in Python: the numbers are read when they are scraped. Counting begins with the collector.
``python -m llmagg serve-metrics --port 9464 app.py`` runs a program and serves its metrics. The names and labels are
those of the C function ``llmagg_manager_metrics``; labels hold configured names only.
"""

from __future__ import annotations

import argparse
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from . import default
from ._native import route
from .manager import get_manager

try:
    from prometheus_client import CollectorRegistry, start_http_server
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
except ImportError as error:
    raise ImportError(
        "prometheus_client is not installed; llmagg.metrics needs it: pip install 'llmagg[metrics]'"
    ) from error

_BOUNDS = [*(str(0.02 * 2**i) for i in range(13)), "+Inf"]
"""The upper bounds of the core's buckets (``HistogramBound`` in core/llm/totals.go)."""
_CIRCUITS = {"open": 2, "half_open": 1}


def collector(*sources: Any) -> Collector:
    """A collector for a registry of ``prometheus_client``.

    ``sources`` are managers, or aggregators with a registry of their own; by default the process-wide manager and the
    routes of ``llmagg.chat``. Routes of the same name are added together.
    """
    return Collector(sources)


class Collector:
    """Draws the reports of ``sources`` when it is asked. Thread-safe."""

    def __init__(self, sources: tuple[Any, ...] = ()) -> None:
        self._sources = sources
        route.counting = True
        self._reports()  # counting begins

    def _reports(self) -> list[dict[str, Any]]:
        sources = self._sources
        if not sources:
            sources = (get_manager(), *default.used())
        return [report for source in sources for report in source.health_report()]

    def describe(self) -> list[Any]:
        """Nothing: the names are known at once, and no registry need ask for them."""
        return []

    def collect(self) -> Iterator[Any]:
        """The families of metrics, as ``prometheus_client`` wants them."""
        rows = _merged(self._reports())

        def family(make: Any, name: str, help: str, *more: str) -> Any:
            return make(f"llmagg_{name}", help, labels=("provider", "model", *more))

        attempts = family(
            CounterMetricFamily, "attempts", "Attempts by outcome: OK or the code of the failure.", "outcome"
        )
        tokens = family(
            CounterMetricFamily, "tokens", "Tokens by type; input holds cached_input, output holds reasoning.", "type"
        )
        kept = family(
            CounterMetricFamily, "cache", "Calls with a cache and this first route, by result: hit, joined or miss.",
            "result",
        )  # fmt: skip
        cost = family(CounterMetricFamily, "cost", "Known cost of attempts, failed attempts included.", "currency")
        plain = [
            (family(make, name, help), value)
            for make, name, help, value in (
                (CounterMetricFamily, "retries", "Retries on the route.", lambda _, t: t["retries"]),
                (CounterMetricFamily, "failovers", "Calls and streams that left the route for another one.",
                 lambda _, t: t["failovers"]),
                (CounterMetricFamily, "hedges", "Calls that asked a second route because this one was slow.",
                 lambda _, t: t["hedges"]),
                (CounterMetricFamily, "unpriced_tokens", "Tokens whose cost is not known.",
                 lambda _, t: t["tokens"]["unpriced"]),
                (GaugeMetricFamily, "in_flight", "Attempts in flight.", lambda r, _: r["in_flight"]),
                (GaugeMetricFamily, "waiting", "Calls that wait for the route's concurrency limit or rate.",
                 lambda r, _: r["waiting"]),
                (GaugeMetricFamily, "circuit", "The circuit breaker: 0 closed, 1 half-open, 2 open.",
                 lambda r, _: _CIRCUITS.get(r["circuit"], 0)),
                (GaugeMetricFamily, "blocked_seconds", "Until the route may be asked again; 0 if it may be asked now.",
                 lambda r, _: max(r["blocked_for"], r["reopens_in"])),
            )
        ]  # fmt: skip
        durations = [
            (family(HistogramMetricFamily, name, help), key)
            for name, help, key in (
                ("attempt_duration_seconds", "Duration of attempts that answered.", "duration"),
                ("first_token_seconds", "Time to the first token of attempts that streamed.", "first_token"),
            )
        ]
        for labels, row in rows.items():
            totals = row["totals"]
            for outcome, n in {"OK": 0, **totals["attempts"]}.items():
                attempts.add_metric((*labels, outcome), n)
            for sort in ("input", "output", "cached_input", "reasoning"):
                tokens.add_metric((*labels, sort), totals["tokens"][sort])
            if spent := totals.get("cost"):
                cost.add_metric((*labels, spent["currency"]), spent["amount"])
            if counts := totals.get("cache"):
                for result in ("hit", "joined", "miss"):
                    kept.add_metric((*labels, result), counts.get(result, 0))
            for made, value in plain:
                made.add_metric(labels, value(row, totals))
            for made, key in durations:
                made.add_metric(labels, _cumulated(totals[key]["buckets"]), totals[key]["sum"])
        yield from (attempts, tokens, cost, kept, *(made for made, _ in plain), *(made for made, _ in durations))


def _cumulated(buckets: list[int]) -> list[tuple[str, int]]:
    counts, total = [], 0
    for bound, n in zip(_BOUNDS, buckets):
        total += n
        counts.append((bound, total))
    return counts


def _merged(reports: list[dict[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for report in reports:
        labels = report["provider"], report["model"]
        other = rows.get(labels)
        rows[labels] = report if other is None else _sum(other, report)
    return rows


def _sum(one: Any, other: Any) -> Any:
    """Numbers added, also inside dicts and lists; of other values the first."""
    if isinstance(one, dict) and isinstance(other, dict):
        return {key: _sum(one[key], other[key]) if key in one and key in other else one.get(key, other.get(key))
                for key in {**one, **other}}  # fmt: skip
    if isinstance(one, list) and isinstance(other, list):
        return [_sum(a, b) for a, b in zip(one, other)]
    if isinstance(one, (int, float)) and not isinstance(one, bool):
        return one + other
    return one


def main(options: argparse.Namespace) -> int:
    """``python -m llmagg serve-metrics``: runs a program and serves the metrics of its routes."""
    registry = CollectorRegistry()
    registry.register(Collector())
    try:
        start_http_server(options.port, options.host, registry)
    except OSError as error:
        print(f"error: cannot serve metrics at {options.host}:{options.port}: {error}", file=sys.stderr)
        return 1
    sys.argv = [options.program, *options.arguments]
    if options.module:
        runpy.run_module(options.program, run_name="__main__", alter_sys=True)
    else:
        sys.path.insert(0, str(Path(options.program).resolve().parent))
        runpy.run_path(options.program, run_name="__main__")
    return 0
