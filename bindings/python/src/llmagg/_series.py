"""The reports of routes, and their numbers that become metrics, of Prometheus and of OpenTelemetry."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from . import default, lookup
from .manager import get_manager

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

BOUNDS: list[float] = [0.02 * 2**i for i in range(13)]
"""The upper bounds of the core's buckets, in seconds (``HistogramBound`` in core/llm/totals.go); one more bucket is for
what took longer.
"""

_STANDING = ("blocked_for", "reopens_in", "last_success", "rate_used", "latency")  # of which the larger counts


def watched(sources: Iterable[Any] = ()) -> list[tuple[Any, Any]]:
    """Sources of reports with their managers; by default the process-wide manager and the routes of ``llmagg.chat``."""
    return lookup.watched(tuple(sources) or (get_manager(), *default.used()))


def reports(sources: Iterable[Any] = ()) -> list[Report]:
    """The reports of the sources' routes that were used."""
    return [report for source, _ in watched(sources) for report in source.health_report()]


def merged(reports: Iterable[Report]) -> dict[tuple[str, str], Report]:
    """The reports by provider and model. Routes of the same name, which several aggregators have, are one."""
    rows: dict[tuple[str, str], Report] = {}
    for report in reports:
        name = report["provider"], report["model"]
        rows[name] = _both(rows[name], report) if name in rows else report
    return rows


def _both(one: Report, other: Report) -> Report:
    """Counts are added; a circuit that is open in one of them, or an error, is that of both."""
    both: Report = _sum(one, other)
    both |= {key: max(one[key], other[key]) for key in _STANDING if key in one and key in other}
    worse = max(one, other, key=lambda report: _CIRCUITS.get(report.get("circuit", ""), 0))
    later = max(one, other, key=lambda report: report.get("last_error_at") or 0)
    both |= {key: worse[key] for key in ("circuit",) if key in worse}
    both |= {key: later[key] for key in ("last_error", "last_error_at") if key in later}
    both["available"] = one.get("available", True) or other.get("available", True)
    return both


def _sum(one: Any, other: Any) -> Any:
    """Numbers added, also inside dicts and lists; of other values, and of costs in two currencies, the first."""
    if isinstance(one, dict) and isinstance(other, dict):
        if one.get("currency") != other.get("currency"):
            return one  # as a route's own totals leave out costs in a second currency
        return {key: _sum(one[key], other[key]) if key in one and key in other else one.get(key, other.get(key))
                for key in {**one, **other}}  # fmt: skip
    if isinstance(one, list) and isinstance(other, list):
        return [_sum(a, b) for a, b in zip(one, other)]
    if _is_number(one) and _is_number(other):
        return one + other
    return other if one is None else one


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
