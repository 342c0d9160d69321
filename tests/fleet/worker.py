"""A process of a fleet: callers ask a route that may be dead, and then a healthy one. Its report is one line of JSON.

``worker.py CONFIG SECONDS CALLERS HEARD [PAUSE]``; it says "ready" when it has heard so much from other processes, and starts at a line of
its standard input.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

import llmagg


async def main() -> None:
    config, seconds, callers = json.loads(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
    pause = float(sys.argv[5]) if len(sys.argv) > 5 else 0.02
    llm = llmagg.LLMAggregator([f"{p}/{m}" for p in config if p != "fleet" for m in config[p]["models"]])
    await llm.initialize(config)
    took: list[float] = []
    connections: list[tuple[float, bool]] = []  # when the store came and went, by the wall clock
    result = {"calls": 0, "failed": 0, "errors": [], "connections": connections}
    manager = llmagg.get_manager()
    if "fleet" in config:
        for _ in range(100 if sys.argv[4] == "0" else 3000):
            report = manager.fleet_report() or {}
            if report.get("connected") and report["heard"] >= int(sys.argv[4]):
                break
            await asyncio.sleep(0.02)
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    end = time.monotonic() + seconds

    async def caller() -> None:
        while time.monotonic() < end:
            began = time.monotonic()
            try:
                await llm.chat("Hello")
            except llmagg.LLMError as error:
                result["failed"] += 1
                result["errors"].append(str(error)[:200])
            result["calls"] += 1
            took.append(time.monotonic() - began)
            await asyncio.sleep(pause)

    async def watch() -> None:
        while True:
            now = (manager.fleet_report() or {}).get("connected", False)
            if not connections or connections[-1][1] != now:
                connections.append((time.time(), now))
            await asyncio.sleep(0.01)

    watching = asyncio.create_task(watch())
    await asyncio.gather(*(caller() for _ in range(callers)))
    watching.cancel()
    took.sort()
    result["longest"], result["median"] = took[-1], took[len(took) // 2]
    result["long"] = sum(t > 0.45 for t in took)  # nearly the store's patience, which is 0.5
    result["errors"] = result["errors"][:3]
    result["fleet"] = manager.fleet_report()
    health = manager.health_report()
    result["circuits"] = {f"{r['provider']}/{r['model']}": r["circuit"] for r in health}
    result["now"] = health[0]["totals"]["since"]  # the first report: the core's wall clock
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
