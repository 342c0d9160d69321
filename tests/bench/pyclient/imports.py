"""What importing costs: ``imports.py --times N``. Each thing in a fresh interpreter, alternated; prints one line of JSON.

``…_ms`` are medians of wall time of the whole process, ``…_cpu_ms`` of its CPU time; ``…over…`` is without what a bare interpreter takes.
``first_call_ms`` is from behind ``import llmagg`` to the first answer, with the making of the aggregator and the event loop.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time

FIRST_CALL = """
import llmagg
import time
began, cpu = time.perf_counter(), time.process_time()
import asyncio
async def main():
    route = {{"api_key": "bench-key", "base_url": {url!r}}}
    llm = llmagg.LLMAggregator()
    await llm.initialize({{name: {{"models": {{"bench-1": route}}}} for name in ("first", "second")}})
    answer = await llm.chat([{{"role": "user", "content": "Hello"}}])
    assert answer.choices[0].message.content
asyncio.run(main())
print((time.perf_counter() - began) * 1e3, (time.process_time() - cpu) * 1e3)
"""


def run(program: str) -> tuple[float, float, str]:
    """Wall time and CPU time in ms, and what the program printed."""
    began, cpu = time.perf_counter(), _children_cpu()
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=100)
    return (time.perf_counter() - began) * 1e3, (_children_cpu() - cpu) * 1e3, done.stdout


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("modules", nargs="*", default=["llmagg", "pkg.core.llm"], help="modules to import")
    args = parser.parse_args()
    programs = {"bare": "pass", **{name: f"import {name}" for name in args.modules}}
    took: dict[str, list[float]] = {}
    for number in range(args.times + 1):
        figures: dict[str, float] = {}
        for name, program in programs.items():
            figures[f"{name}_ms"], figures[f"{name}_cpu_ms"], _ = run(program)
        for name in args.modules:
            figures[f"{name}_over_ms"] = figures[f"{name}_ms"] - figures["bare_ms"]
            figures[f"{name}_over_cpu_ms"] = figures[f"{name}_cpu_ms"] - figures["bare_cpu_ms"]
        if "llmagg" in args.modules:
            figures["first_call_ms"], figures["first_call_cpu_ms"] = map(float, run(FIRST_CALL.format(url=args.url))[2].split())
        if number:  # the first one fills caches
            for key, value in figures.items():
                took.setdefault(key, []).append(value)
    print(json.dumps({key: statistics.median(values) for key, values in took.items()}))


if __name__ == "__main__":
    main()
