"""Runs processes of a fleet against the wall; what they report."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from llmagg.faultwall import FaultWall

WORKER = str(Path(__file__).with_name("worker.py"))
ELSEWHEN = str(Path(__file__).with_name("elsewhen.py"))
DEAD = {"models": {"a": {"steps": [{"status": 503}]}}}


def config_of(wall: FaultWall, fleet: dict[str, Any] | None, **model: Any) -> dict[str, Any]:
    """A configuration with the routes a and b of a wall; model holds settings of a."""
    common = {"api_key": "sk-test", "base_url": wall.url, "max_retries": 1, "max_concurrent_calls": 50}
    config: dict[str, Any] = {"openai": {**common, "models": {"a": model, "b": {}}}}
    return {**config, "fleet": fleet} if fleet else config


class Workers:
    """Processes that are ready to begin at the same time, each when it has heard so much from others.

    clocks are seconds by which the wall clocks of the first, second … are off; the others' are not.
    """

    def __init__(
        self, config: dict[str, Any], processes: int, seconds: float, callers: int = 5, heard: int = 0, clocks: tuple[int, ...] = ()
    ) -> None:  # fmt: skip
        self.seconds = seconds
        off = [[ELSEWHEN, str(clock)] if clock else [] for clock in clocks] + [[]] * (processes - len(clocks))
        self.all = [
            subprocess.Popen(
                [sys.executable, *clock, WORKER, json.dumps(config), str(seconds), str(callers), str(heard)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for clock in off
        ]
        for w in self.all:
            assert w.stdout.readline() == "ready\n"

    def go(self) -> None:
        """Lets them begin."""
        for w in self.all:
            w.stdin.write("go\n")
            w.stdin.flush()

    def reports(self) -> list[dict[str, Any]]:
        """What those report that are alive, when they have ended."""
        texts = [w.communicate(timeout=self.seconds + 60)[0] for w in self.all]
        return [json.loads(text) for text in texts if text]


def run(
    config: dict[str, Any],
    processes: int,
    seconds: float,
    meanwhile: Callable[[], None] = lambda: None,
    callers: int = 5,
) -> list[dict[str, Any]]:
    """Runs workers at the same time; what they report."""
    workers = Workers(config, processes, seconds, callers)
    workers.go()
    meddler = threading.Thread(target=meanwhile)
    meddler.start()
    reports = workers.reports()
    meddler.join()
    return reports


def used_again(report: dict[str, Any], back: float) -> float:
    """Seconds from the moment at which the store was back until the process used it for good; infinite where it does not."""
    at, connected = report["connections"][-1]
    return max(at - back, 0) if connected else float("inf")


def asked(wall: FaultWall, model: str) -> int:
    """How many requests the wall saw for a model."""
    return sum(1 for r in wall.seen()["requests"] if r["model"] == model)


def in_time(wall: FaultWall, seconds: float) -> int:
    """How many requests the wall saw within so many seconds of the first."""
    starts = [r["start"] for r in wall.seen()["requests"]]
    return sum(start - min(starts) <= seconds for start in starts)
