"""OpenTelemetry's metrics: observable instruments over the core's totals, and histograms of calls where asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from opentelemetry.metrics import CallbackOptions, Meter, Observation

from .. import default
from .._native import route
from ..manager import get_manager
from ..responses import Usage, is_known

_DURATIONS = [0.01 * 2**i for i in range(14)]
_TOKENS = [4**i for i in range(14)]
_observed: set[int] = set()  # the meters that have our instruments


class Histograms:
    """The conventions' histograms of calls."""

    def __init__(self, meter: Meter) -> None:
        self.duration = meter.create_histogram(
            "gen_ai.client.operation.duration",
            "s",
            "Duration of calls.",
            explicit_bucket_boundaries_advisory=_DURATIONS,
        )
        self.tokens = meter.create_histogram(
            "gen_ai.client.token.usage", "{token}", "Tokens of calls.", explicit_bucket_boundaries_advisory=_TOKENS
        )

    def record(self, seconds: float, attributes: dict[str, Any], usage: Usage | None, error: str | None) -> None:
        """Records one call; tokens are 0 for a failure, and not recorded where the provider sent none."""
        if error:
            attributes = {**attributes, "error.type": error}
        self.duration.record(seconds, attributes)
        counts = (0, 0) if usage is None else (usage.prompt_tokens, usage.completion_tokens)
        for kind, count in zip(("input", "output"), counts):
            if is_known(count):
                self.tokens.record(count, {**attributes, "gen_ai.token.type": kind})


def observe(meter: Meter) -> None:
    """Makes the observable instruments of a meter, once."""
    if id(meter) in _observed:
        return
    _observed.add(id(meter))
    counter, gauge = meter.create_observable_counter, meter.create_observable_gauge
    for make, name, unit, text, read in (
        (counter, "llmagg.attempts", "{attempt}", "Attempts by outcome.", _attempts),
        (counter, "llmagg.tokens", "{token}", "Tokens by type.", _tokens),
        (counter, "llmagg.cost", "", "Known cost of attempts, by currency.", _cost),
        (counter, "llmagg.cache", "{call}", "Calls with a cache, by result: hit, joined or miss.", _cache),
        (counter, "llmagg.failovers", "{call}", "Calls that left the route.", _plain("failovers")),
        (counter, "llmagg.retries", "{attempt}", "Retries on the route.", _plain("retries")),
        (gauge, "llmagg.in_flight", "{attempt}", "Attempts in flight.", _in_flight),
    ):  # fmt: skip
        make(name, [_callback(read)], unit, text)


_Read = Callable[[dict[str, Any]], Iterable[tuple[float, dict[str, str]]]]


def _callback(read: _Read) -> Callable[[CallbackOptions], Iterator[Observation]]:
    def observations(_: CallbackOptions) -> Iterator[Observation]:
        route.counting = True  # somebody reads
        sources: list[Any] = [get_manager(), *default.used()]
        for source in sources:
            for report in source.health_report():
                labels = {"provider": report["provider"], "model": report["model"]}
                for value, more in read(report):
                    yield Observation(value, {**labels, **more})

    return observations


def _attempts(report: dict[str, Any]) -> list[tuple[float, dict[str, str]]]:
    return [(n, {"outcome": outcome}) for outcome, n in report["totals"]["attempts"].items()]


def _tokens(report: dict[str, Any]) -> list[tuple[float, dict[str, str]]]:
    kinds = ("input", "output", "cached_input", "reasoning")
    return [(report["totals"]["tokens"][kind], {"type": kind}) for kind in kinds]


def _cost(report: dict[str, Any]) -> list[tuple[float, dict[str, str]]]:
    cost = report["totals"].get("cost")
    return [(cost["amount"], {"currency": cost["currency"]})] if cost else []


def _cache(report: dict[str, Any]) -> list[tuple[float, dict[str, str]]]:
    return [(n, {"result": result}) for result, n in report["totals"].get("cache", {}).items()]


def _plain(name: str) -> _Read:
    return lambda report: [(report["totals"][name], {})]


def _in_flight(report: dict[str, Any]) -> list[tuple[float, dict[str, str]]]:
    return [(report["in_flight"], {})]
