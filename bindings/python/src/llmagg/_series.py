"""The numbers of a route's report that become metrics, of Prometheus and of OpenTelemetry."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

Report = dict[str, Any]
Read = Callable[[Report], Iterable[tuple[str, float]]]
"""Gives the numbers of a report, each with the value of its family's label."""

_TOKENS = ("input", "output", "cached_input", "reasoning")
_LOOKUPS = ("hit", "joined", "miss")
_CIRCUITS = {"open": 2, "half_open": 1}


def _cost(report: Report) -> Iterable[tuple[str, float]]:
    cost = report["totals"].get("cost")
    return [(cost["currency"], cost["amount"])] if cost else []


def _cache(report: Report) -> Iterable[tuple[str, float]]:
    counts = report["totals"].get("cache")
    return [(result, counts.get(result, 0)) for result in _LOOKUPS] if counts else []


FAMILIES: dict[str, tuple[str, Read]] = {
    "attempts": ("outcome", lambda r: r["totals"]["attempts"].items()),
    "retries": ("", lambda r: [("", r["totals"]["retries"])]),
    "failovers": ("", lambda r: [("", r["totals"]["failovers"])]),
    "hedges": ("", lambda r: [("", r["totals"]["hedges"])]),
    "tokens": ("type", lambda r: [(kind, r["totals"]["tokens"][kind]) for kind in _TOKENS]),
    "unpriced_tokens": ("", lambda r: [("", r["totals"]["tokens"]["unpriced"])]),
    "cost": ("currency", _cost),
    "cache": ("result", _cache),
    "in_flight": ("", lambda r: [("", r["in_flight"])]),
    "waiting": ("", lambda r: [("", r["waiting"])]),
    "circuit": ("", lambda r: [("", _CIRCUITS.get(r["circuit"], 0))]),
    "blocked_seconds": ("", lambda r: [("", max(r["blocked_for"], r["reopens_in"]))]),
}
"""Name → the name of the label beside provider and model, "" for none, and what reads a report."""
