"""Processes of a fleet whose wall clocks differ by hours: nothing that they tell each other, share or show depends on these."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from processes import ELSEWHEN, Workers, asked, config_of, in_time
from server import Server

from llmagg.faultwall import FaultWall

HOUR = 3600
LASTS = 120  # seconds that each circuit, wait and block holds

pytestmark = pytest.mark.skipif(
    platform.machine() not in ("x86_64", "aarch64"), reason="tests/fleet/clock.c is for amd64 and arm64"
)


@pytest.fixture
def store() -> Iterator[Server]:
    with Server() as store:
        yield store


def off(reports: list[dict[str, Any]]) -> list[int]:
    """Hours by which the core's wall clock of each process was off when it reported, which was a moment ago."""
    return [round((r["now"] - time.time()) / HOUR) for r in reports]


def shown(store: Server, clock: int) -> dict[str, Any]:
    """What "llmagg top" shows of the fleet to somebody whose clock is off."""
    command = [sys.executable, ELSEWHEN, str(clock), "-m", "llmagg", "top", "--fleet", store.url, "--json"]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=60).stdout)["fleet"]


@pytest.mark.parametrize(
    ("answer", "what", "agree"),
    [
        ({"status": 503}, "opened", 2),
        ({"status": 429, "headers": {"Retry-After": str(LASTS)}}, "wait", 1),
        ({"status": 401}, "block", 1),
    ],
)
def test_what_is_told_holds_as_long_for_everybody(store: Server, answer: dict[str, Any], what: str, agree: int) -> None:
    """Two processes find out, an hour behind and an hour ahead; three more, whatever their clocks, do not ask."""
    with FaultWall({"models": {"a": {"steps": [answer]}}}) as wall:
        config = config_of(wall, {"url": store.url}, breaker={"open_s": LASTS, "block_s": LASTS})
        began = time.monotonic()
        first = Workers(config, 2, 6, callers=1, clocks=(-HOUR, HOUR))
        first.go()
        rest = Workers(config, 3, 1, callers=2, heard=agree, clocks=(0, HOUR, -HOUR))
        before = asked(wall, "a")
        rest.go()
        reports = rest.reports()
        seen = [shown(store, clock) for clock in (-HOUR, HOUR)]
        held = time.monotonic() - began
        found = first.reports()
        assert asked(wall, "a") == before > 0, "a process did not heed what others told"
    assert off(found) == [-1, 1], "the clocks are not off"
    assert off(reports) == [0, 1, -1], "the clocks are not off"
    assert sum(r["failed"] for r in found + reports) == 0, (found, reports)
    assert all(r["fleet"]["processes"] >= 3 for r in reports), reports
    for fleet in [*(r["fleet"] for r in reports), *seen]:
        assert fleet["connected"], fleet
        told = [t["for_ns"] / 1e9 for t in fleet["routes"] if t["what"] == what]
        assert len(told) >= agree, fleet
        assert all(LASTS - held - 1 <= left <= LASTS for left in told), (held, fleet)
    assert all(0 <= r["fleet"]["lag_ms"] < 5000 for r in found), found


def test_a_rate_is_kept_whatever_the_clocks_say(store: Server) -> None:
    with FaultWall(None) as wall:
        config = config_of(wall, {"url": store.url}, rate={"rpm": 6000, "burst_s": 1})
        del config["openai"]["models"]["b"]
        workers = Workers(config, 4, 4.5, callers=10, clocks=(-HOUR, HOUR, 0, 24 * HOUR))
        began = time.monotonic()
        workers.go()
        reports = workers.reports()
        made, took, used = asked(wall, "a"), time.monotonic() - began, in_time(wall, 4)
    assert off(reports) == [-1, 1, 0, 24], "the clocks are not off"
    assert sum(r["failed"] for r in reports) == 0, reports
    assert [r["fleet"]["processes"] for r in reports] == [4] * 4
    print(f"{used} of 500 requests in 4 s, {made} in {took:.1f} s")
    assert made <= 100 * took + 100
    assert used >= 0.95 * 500
