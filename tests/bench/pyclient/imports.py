"""What importing costs: ``imports.py --times N``. Each thing in a fresh interpreter, alternated; prints one line of JSON.

``…_ms`` are medians of wall time of the whole process; ``…_over_ms`` is without what a bare interpreter takes.
``first_call_ms`` is from behind ``import llmagg`` to the first answer, with the making of the aggregator and the event loop.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time

FIRST_CALL = """
import llmagg
import time
began = time.perf_counter()
import asyncio
async def main():
    route = {{"api_key": "bench-key", "base_url": {url!r}}}
    llm = llmagg.LLMAggregator()
    await llm.initialize({{name: {{"models": {{"bench-1": route}}}} for name in ("first", "second")}})
    answer = await llm.chat([{{"role": "user", "content": "Hello"}}])
    assert answer.choices[0].message.content
asyncio.run(main())
print((time.perf_counter() - began) * 1e3)
"""


def run(program: str) -> tuple[float, str]:
    began = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=100)
    return (time.perf_counter() - began) * 1e3, done.stdout


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("modules", nargs="*", default=["llmagg", "pkg.core.llm"], help="modules to import")
    args = parser.parse_args()
    took: dict[str, list[float]] = {"bare": [], "first_call": [], **{name: [] for name in args.modules}}
    for _ in range(args.times + 1):
        took["bare"].append(run("pass")[0])
        for name in args.modules:
            took[name].append(run(f"import {name}")[0])
        if "llmagg" in args.modules:
            took["first_call"].append(float(run(FIRST_CALL.format(url=args.url))[1]))
    medians = {name: statistics.median(times[1:]) for name, times in took.items() if times}  # the first one fills caches
    result = {f"{name}_ms": value for name, value in medians.items()}
    result |= {f"{name}_over_ms": medians[name] - medians["bare"] for name in args.modules}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
