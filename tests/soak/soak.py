"""Soak: the load of ``load.py`` on the fault wall, and what is left of it afterwards.

``python tests/soak/soak.py --seconds 600`` warms up for half of the time, but at most 120 s, and measures. Then the
load runs for the rest of the time. In its middle the wall is killed by kill -9 and started again. The exit code is 0
if what is measured at the end is as it was after the warm-up (``measure.py`` has the limits), every call was
answered, and the routes recovered within one and a half breaker periods.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import threading
import time
from pathlib import Path

import llmagg
from load import HELLO, Load
from measure import differences, settled, take
from wall import WallProcess

BREAKER_PERIOD = 1.0  # open_s and block_s of the routes
DOWN = 2.0


class Killer(threading.Thread):
    """Kills the wall, lets it come back, and looks how long the first good answer takes from then on."""

    def __init__(self, wall: WallProcess, load: Load, after: float) -> None:
        super().__init__(name="killer", daemon=True)
        self.wall, self.load, self.after = wall, load, after
        self.recovery = float("inf")
        self.failures_while_down = 0

    def run(self) -> None:
        """One death."""
        time.sleep(self.after)
        self.wall.kill()
        until = time.monotonic() + DOWN
        while time.monotonic() < until:
            try:
                self.load.aggregator.chat_sync(HELLO, model="good")
            except llmagg.LLMError:
                self.failures_while_down += 1
                time.sleep(0.01)
        self.wall.start()
        returned = time.monotonic()
        while time.monotonic() < returned + 30:
            try:
                self.load.aggregator.chat_sync(HELLO, model="good")
            except llmagg.LLMError:
                time.sleep(0.01)
            else:
                self.recovery = time.monotonic() - returned
                return


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600, help="of the whole run, at least 20")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    warm_up = min(120.0, options.seconds / 2)
    rest = options.seconds - warm_up
    wall = WallProcess(Path(tempfile.mkdtemp()))
    try:
        load = Load(wall.url, options.seed)
        quiet = llmagg.LLMAggregator(["good"])
        quiet.initialize_sync()

        def measure() -> dict[str, float]:
            return take(lambda: quiet.chat_sync(HELLO), wall.connections)

        Killer(wall, load, 0).run()  # a death is part of the warm-up
        load.run(warm_up)
        before = settled(None, measure)
        load.outcomes.clear()
        killers = [Killer(wall, load, at) for at in deaths(rest)]
        for killer in killers:
            killer.start()
        load.run(rest)
        for killer in killers:
            killer.join(60)
        after = settled(before, measure)
    finally:
        wall.kill()
    wrong = differences(before, after)
    wrong += [f"without an answer: {what}" for what in load.unanswered]
    wrong += [f"{load.begun - load.ended} calls did not end"] if load.begun != load.ended else []
    for killer in killers:
        if killer.failures_while_down == 0:
            wrong.append("calls succeeded while the wall was dead")
        if killer.recovery > BREAKER_PERIOD * 1.5:
            wrong.append(f"recovery took {killer.recovery:.2f} s; one breaker period is {BREAKER_PERIOD} s")
    print(json.dumps({
        "seconds": options.seconds, "calls": load.ended, "recovery_s": [round(k.recovery, 3) for k in killers],
        "outcomes": dict(sorted(load.outcomes.items())), "after_warm_up": before, "at_the_end": after,
    }, indent=1))  # fmt: skip
    for line in wrong:
        print("not ok:", line)
    print(f"soak: {0 if wrong else 1} passed, {1 if wrong else 0} failed")
    return 1 if wrong else 0


def deaths(seconds: float) -> list[float]:
    """When the wall dies: in the middle, in a long run every 100 s."""
    count = max(1, int(seconds // 100))
    return [seconds * (n + 0.5) / count for n in range(count)]


if __name__ == "__main__":
    sys.exit(main())
