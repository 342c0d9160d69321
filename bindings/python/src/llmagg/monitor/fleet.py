"""What the processes of a fleet tell each other: this process joins it and listens."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from llmagg import catalog, configfile, default, oldstyle
from llmagg._native import fleet, route
from llmagg._shown import shown_path
from llmagg.manager import get_manager

from .sockets import PERIOD

_PATIENCE = 5.0  # seconds that the first snapshot waits for the store


def lines(url: str, name: str | None, config: Path | None) -> Iterator[dict[str, Any]]:
    """What the fleet ``name`` of the store at ``url`` tells, a snapshot each second, without an end.

    The routes have the names of the configuration in a file; its key ``fleet`` may say the rest (a name, a password).
    Raises InvalidArgumentError.
    """
    given: dict[str, Any] = {"url": url, **({"name": name} if name else {})}
    path = default.file_of_command(config) if config is not None else None
    if path is None:
        fleet.join(given)
    else:
        _initialize(path, given)
    end = time.monotonic() + _PATIENCE
    while not (get_manager().fleet_report() or {}).get("connected") and time.monotonic() < end:
        time.sleep(0.02)  # a report is asked for: nothing is told where the store is reached
    while True:
        time.sleep(PERIOD)  # also before the first: what was told before is heard then
        report = get_manager().fleet_report() or {}
        report["routes"].sort(key=lambda told: [*told["names"], told["route"], told["what"], told["process"]])
        yield {"time": time.time(), "fleet": report}


def _initialize(path: Path, given: dict[str, Any]) -> None:
    """Makes the routes of a configuration members of the fleet; none is asked."""
    from llmagg.aggregator import LLMAggregator

    what = f"the configuration file {shown_path(path)}"
    text, mode = oldstyle.content(path, what)
    config = oldstyle.decoded(text, what)
    configfile.warn_if_exposed(path, mode)
    if isinstance(config, dict):
        own = config.get("fleet")
        config["fleet"] = {**own, **given} if isinstance(own, dict) else given
    else:
        config = path  # read again, and refused with its name; a text would name another file
    LLMAggregator().initialize_sync(config)
    for entry in catalog.entries(get_manager().providers):  # else a route is made by its first call
        route.route_of(entry.client).handle(entry.client, catalog.vendor_of(entry.client))
