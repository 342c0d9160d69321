"""The membership of this process in a fleet: the configuration's key ``fleet``. A forked child joins anew."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .. import log
from .._wire import encode
from . import load, route

_config: bytes | None = None
_joined_in = -1  # the generation of the library that has joined


def join(config: Mapping[str, Any]) -> None:
    """Joins a fleet in the background. Raises InvalidArgumentError. Joining the same fleet again changes nothing."""
    global _config
    data = encode(config, "the configuration's fleet")
    _join(data)
    _config = data
    route.before_first_use = again


def again() -> None:
    """Joins once more where this is a forked child of the process that joined."""
    if _config is not None and _joined_in != load.generation:
        _join(_config)


def _join(data: bytes) -> None:
    global _joined_in
    log.attach()  # a store that cannot be reached is told before the first call
    load.call("llmagg_manager_join", load.manager(), data, len(data))
    _joined_in = load.generation


def report() -> dict[str, Any] | None:
    """The core's report on the membership; None without one."""
    if _config is None:
        return None
    again()
    found: dict[str, Any] | None = load.call_for_json("llmagg_manager_fleet_report", load.manager())
    return found
