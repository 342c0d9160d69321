"""Three processes, one store, a route that dies: what each of them knows. Run by ``make demo-fleet``."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import llmagg

NAMES = ("first", "second", "third")


async def process(name: str, config: dict[str, object]) -> None:
    """One of the three: it makes a few calls a second and says what it knows."""
    llm = llmagg.LLMAggregator(["cheap/gpt", "spare/gpt"])
    await llm.initialize(config)
    began, last = time.monotonic(), ""
    pause = {"first": 0.1, "second": 0.1, "third": 0.5}[name]
    while time.monotonic() - began < 16:
        response = await llm.chat("Hello")
        known = {row["provider"]: row for row in llmagg.get_manager().health_report()}
        fleet = llmagg.get_manager().fleet_report() or {}
        circuit = known.get("cheap", {}).get("circuit", "unused")
        by, members = response.attempts[-1].provider, fleet.get("processes")
        told, heard = fleet.get("told"), fleet.get("heard")
        text = f"cheap/gpt is {circuit:9} answered by {by:5}  processes {members}, told {told}, heard {heard}"
        if text != last:
            print(f"{time.monotonic() - began:5.1f} s  {name:6}  {text}", flush=True)
            last = text
        await asyncio.sleep(pause)


def main() -> None:
    """Starts the store, the servers and the processes."""
    sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "fleet"))
    from server import Server

    from llmagg.faultwall import FaultWall

    with Server() as store, FaultWall(None) as cheap, FaultWall(None) as spare:
        common = {"api_key": "sk-demo", "type": "openai-compatible", "max_retries": 1}
        config = {
            "cheap": {**common, "base_url": cheap.url, "breaker": {"open_s": 4}, "models": {"gpt": {}}},
            "spare": {**common, "base_url": spare.url, "models": {"gpt": {}}},
            "fleet": {"url": store.url, "name": "demo"},
        }
        print(f"a store at {store.url}; the route cheap/gpt dies after 3 s and is back after 9 s\n")
        workers = [subprocess.Popen([sys.executable, __file__, name, json.dumps(config)]) for name in NAMES]
        time.sleep(4)
        cheap.script({"default": {"steps": [{"status": 503}]}})
        before = len(cheap.seen()["requests"])
        time.sleep(6)
        died = len(cheap.seen()["requests"]) - before
        cheap.script(None)
        for worker in workers:
            worker.wait()
        print(f"\nwhile it was dead, cheap/gpt was asked {died} times by three processes; no call failed")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        asyncio.run(process(sys.argv[1], json.loads(sys.argv[2])))
    else:
        os.environ.setdefault("PYTHONUNBUFFERED", "1")
        main()
