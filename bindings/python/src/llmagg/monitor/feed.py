"""What is shown of a process: its routes, from their reports, and its last calls, from an observer."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from llmagg import catalog, lookup, observers
from llmagg._native import load, route
from llmagg._series import BOUNDS, merged, watched
from llmagg.config import ModelConfig
from llmagg.errors import LLMError

CALLS = 50  # that are kept
_MINUTE = 60


class Feed:
    """Watches this process from its making until :meth:`close`. Thread-safe.

    ``sources`` are managers and aggregators; by default the process-wide manager and what ``llmagg.chat`` uses.
    """

    def __init__(self, *sources: Any) -> None:
        self._sources = sources
        self._lock = threading.Lock()  # guards the attributes below
        self._calls: OrderedDict[int, dict[str, Any]] = OrderedDict()
        self._minutes: dict[str, _Minute] = {}
        self._dropped = 0
        self._began = time.time()
        self._generation = load.generation
        route.counting = True
        self._reports()  # counting begins
        self._observer = observers.SyncObserver(buffer=10_000)
        self._observer.__enter__()
        threading.Thread(target=self._watch, name="llmagg-monitor", daemon=True).start()

    def close(self) -> None:
        """Ends watching."""
        self._observer.close()

    def _watch(self) -> None:
        for seen in self._observer:
            with self._lock:
                self._note(seen)

    def _note(self, seen: observers.Observation) -> None:
        """Adds an observation. The caller holds the lock."""
        self._dropped += seen.dropped
        if seen.event == "attempt_started":
            self._minute(seen.route).add(seen.time, 1, 0)
            self._call(seen)["running"].append(seen.route)
        elif seen.event == "attempt_ended" and seen.attempt is not None:
            usage = seen.attempt.usage or {}
            tokens = usage.get("total_tokens") or usage.get("prompt_tokens", 0) + usage.get("completion_tokens", 0)
            self._minute(seen.route).add(seen.time, 0, tokens)
            call = self._call(seen)
            if seen.route in call["running"]:
                call["running"].remove(seen.route)
            call["attempts"].append(_shown(seen.attempt))
        elif seen.event in ("retry_scheduled", "failover", "restart"):
            self._call(seen)["next"] = seen.to or seen.route

    def _minute(self, name: str) -> _Minute:
        return self._minutes.setdefault(name, _Minute())

    def _call(self, seen: observers.Observation) -> dict[str, Any]:
        call = self._calls.get(seen.call)
        if call is None:
            call = {"id": seen.call, "start": seen.time, "attempts": [], "running": [], "next": ""}
            if seen.call:
                self._calls[seen.call] = call
            while len(self._calls) > CALLS:
                self._calls.popitem(last=False)
        if seen.event == "attempt_started":
            call["next"] = ""
        return call

    def _reports(self) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        """Each report with the configured rate of its route. Routes that were not used yet have none of the core's.
        Aggregators may have one manager: its routes count once.
        """
        found: dict[int, tuple[dict[str, Any], dict[str, Any]]] = {}
        for source, manager in watched(self._sources):
            reports = {(report["provider"], report["model"]): report for report in source.health_report()}
            for entry in lookup.entries(manager, ()):
                config = getattr(entry.client, "config", None)
                rate = getattr(config, "rate", None)
                report = reports.get((entry.provider, entry.name)) or _unused(entry, config)
                found[id(entry.client)] = report, rate if isinstance(rate, dict) else {}
        return list(found.values())

    def snapshot(self) -> dict[str, Any]:
        """Everything, as a JSON object. Times are seconds since the Unix epoch."""
        now = time.time()
        reports = self._reports()
        rates = {(report["provider"], report["model"]): rate for report, rate in reports}
        with self._lock:
            found = merged(report for report, _ in reports)
            rows = [self._row(report, rates[name], now) for name, report in found.items()]
            calls = [_told(call) for call in reversed(self._calls.values())]
        return {
            "pid": os.getpid(), "program": Path(sys.argv[0] or "python").name, "time": now, "began": self._began,
            "bounds": BOUNDS, "routes": rows, "calls": calls, "dropped": self._dropped,
        }  # fmt: skip

    def _row(self, report: dict[str, Any], rate: dict[str, Any], now: float) -> dict[str, Any]:
        name = f"{report['provider']}/{report['model']}"
        requests, tokens = self._minute(name).sums(now)
        totals = report.get("totals") or {}
        attempts = totals.get("attempts") or {}
        row = {key: report.get(key) for key in _COPIED}
        row.update(
            route=name, state=state(report), requests_a_minute=requests, tokens_a_minute=tokens,
            most_requests=rate.get("rpm"), most_tokens=rate.get("tpm"), answered=attempts.get("OK", 0),
            failures={code: n for code, n in attempts.items() if code != "OK"},
            tokens=totals.get("tokens"), cost=totals.get("cost"),
            duration=_histogram(totals.get("duration")), first_token=_histogram(totals.get("first_token")),
        )  # fmt: skip
        error = report.get("last_error")
        row["last_error"] = {"name": error.get("name"), "message": error.get("message")} if error else None
        return row


def _unused(entry: catalog.Entry, config: Any) -> dict[str, Any]:
    """What a report says of a route before its first call; the core knows a vendor's own limit then."""
    places = getattr(config, "max_concurrent_calls", None)
    places = None if places == ModelConfig.max_concurrent_calls else places
    return {
        "provider": entry.provider, "model": entry.name, "available": catalog.is_available(entry.client),
        "in_flight": 0, "waiting": 0, "limit": places if isinstance(places, int) else None,
    }  # fmt: skip


_COPIED = ("in_flight", "waiting", "limit", "rate_used", "binding", "blocked_for", "reopens_in", "last_success")


def state(report: dict[str, Any]) -> str:
    """A route's state in one word: "off", "blocked", "open", "half-open" or "closed", as its circuit breaker is."""
    if not report.get("available", True):
        return "off"
    if report.get("blocked_for"):
        return "blocked"
    return str(report.get("circuit", "closed")).replace("_", "-")


class _Minute:
    """How much there was in each of the last 60 seconds."""

    def __init__(self) -> None:
        self._seconds: deque[list[float]] = deque(maxlen=_MINUTE)

    def add(self, at: float, requests: int, tokens: int) -> None:
        second = int(at)
        if not self._seconds or self._seconds[-1][0] < second:
            self._seconds.append([second, 0, 0])
        self._seconds[-1][1] += requests
        self._seconds[-1][2] += tokens

    def sums(self, now: float) -> tuple[int, int]:
        recent = [entry for entry in self._seconds if entry[0] > now - _MINUTE]
        return int(sum(entry[1] for entry in recent)), int(sum(entry[2] for entry in recent))


def _shown(attempt: Any) -> dict[str, Any]:
    keys = ("route", "start", "duration", "first_token", "outcome", "status", "message", "wait", "waited_for", "hedge")
    return {key: value for key in keys if (value := getattr(attempt, key)) or key in keys[:5]}


def _told(call: dict[str, Any]) -> dict[str, Any]:
    attempts = sorted(call["attempts"], key=lambda attempt: attempt["start"])
    running = list(call["running"])
    outcome = "running" if running or call["next"] else next(
        (attempt["outcome"] for attempt in attempts if attempt["outcome"] == "OK"),
        attempts[-1]["outcome"] if attempts else "running",
    )  # fmt: skip
    start = min([call["start"], *(attempt["start"] - attempt.get("wait", 0) for attempt in attempts)])
    end = max((attempt["start"] + attempt["duration"] for attempt in attempts), default=start)
    return {"id": call["id"], "start": start, "end": end, "outcome": outcome, "attempts": attempts, "running": running}


def _histogram(totals: dict[str, Any] | None) -> dict[str, Any] | None:
    """A histogram with its median and its 95th percentile, each the upper bound of its bucket."""
    if not totals or not (count := sum(totals["buckets"])):
        return None
    buckets = totals["buckets"]
    return {**totals, "count": count, "p50": _quantile(buckets, 0.5), "p95": _quantile(buckets, 0.95)}


def _quantile(buckets: list[int], share: float) -> float | None:
    """The upper bound of the bucket that holds the quantile; None if that is the last bucket, which has none."""
    wanted, below = sum(buckets) * share, 0
    for bound, count in zip(BOUNDS, buckets):
        below += count
        if below >= wanted:
            return bound
    return None


def told_safely(snapshot: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """A snapshot, or why there is none: a closed manager must not end the showing."""
    try:
        return snapshot()
    except (LLMError, OSError) as error:
        return untold(f"{type(error).__name__}: {error}")


def untold(why: str) -> dict[str, Any]:
    """What is shown in a snapshot's place, with the reason."""
    return {"error": why, "routes": [], "calls": [], "pid": os.getpid()}
