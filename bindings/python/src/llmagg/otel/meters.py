"""OpenTelemetry's metrics: observable instruments over the core's totals, and histograms of calls where asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from opentelemetry.metrics import CallbackOptions, Meter, Observation

from .._native import route
from .._series import FAMILIES, Read, merged, reports
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
    for make, name, unit, text in (
        (counter, "attempts", "{attempt}", "Attempts by outcome."),
        (counter, "tokens", "{token}", "Tokens by type."),
        (counter, "cost", "", "Known cost of attempts, by currency."),
        (counter, "cache", "{call}", "Calls with a cache, by result: hit, joined or miss."),
        (counter, "failovers", "{call}", "Calls that left the route."),
        (counter, "retries", "{attempt}", "Retries on the route."),
        (gauge, "in_flight", "{attempt}", "Attempts in flight."),
    ):
        make(f"llmagg.{name}", [_callback(*FAMILIES[name])], unit, text)


def _callback(label: str, read: Read) -> Callable[[CallbackOptions], Iterator[Observation]]:
    def observations(_: CallbackOptions) -> Iterator[Observation]:
        route.counting = True  # somebody reads
        for (provider, model), report in merged(reports()).items():
            labels = {"provider": provider, "model": model}
            for value, n in read(report):
                yield Observation(n, {**labels, label: value} if label else labels)

    return observations
