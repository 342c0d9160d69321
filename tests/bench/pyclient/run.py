"""One Python contestant of the benchmark doing one thing: ``run.py CONTESTANT SCENARIO [flags]``.

Prints one line of JSON: what a call cost in the measured window, which begins after the warm-up. Scenarios:

chat, stream       coroutines, ``--concurrency`` of them at once
text               stream, of which only the text is looked at (llmagg)
blocking           calls from as many threads
stream_blocking    streams from as many threads
bulk               a job of many rows, with the memory at its end ÷ after a tenth of it
memory             chat, with the process's memory after so many calls (``--marks``)
blocks             stream, with the longest turns of the event loop
paced              ``--concurrency`` streams that are all open at once, of ``--events`` events, one each 500 ms
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import resource
import selectors
import statistics
import sys
import threading
import time
from array import array
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import contestants
from contestants import WrongAnswerError
from script import Script

Result = dict[str, float]
CONTESTANTS: dict[str, Any] = {**contestants.CONTESTANTS, "script": Script}


class Window:
    """What is measured between its begin and its end."""

    def __init__(self) -> None:
        self.cpu, self.began = _cpu(), time.perf_counter()

    def result(self, calls: int, took: list[float]) -> Result:
        wall, cpu = time.perf_counter() - self.began, _cpu() - self.cpu
        return {
            "calls": calls,
            "cpu_us": cpu / calls * 1e6,
            "wall_us": wall / calls * 1e6,
            "p50_us": statistics.median(took) * 1e6,
            "rss_mb": _status("VmRSS") / 1024,
            "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            "threads": _status("Threads"),
        }


def _cpu() -> float:
    """User and system time of the process, in seconds."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _status(key: str) -> int:
    """A number of /proc/self/status; memory is in KB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1])
    raise KeyError(key)


async def each(call: Callable[[], Awaitable[None]], calls: int, concurrency: int) -> list[float]:
    """Makes the calls, ``concurrency`` of them at once, and ends with the first error. Returns how long each took."""
    left = itertools.count()
    took: list[float] = []

    async def worker() -> None:
        while next(left) < calls:
            began = time.perf_counter()
            await call()
            took.append(time.perf_counter() - began)

    workers = [asyncio.ensure_future(worker()) for _ in range(min(concurrency, calls))]
    try:
        await asyncio.gather(*workers)
    finally:
        for task in workers:
            task.cancel()
    return took


async def calls_at_once(args: argparse.Namespace, contestant: Any) -> Result:
    call = getattr(contestant, args.scenario)
    await each(call, args.warmup, args.concurrency)
    window = Window()
    return window.result(args.calls, await each(call, args.calls, args.concurrency))


async def memory(args: argparse.Namespace, contestant: Any) -> Result:
    marks = [int(mark) for mark in args.marks.split(",")]
    result: Result = {}
    made = 0
    for mark in marks:
        while made < mark:  # a thousand at a time: the list of how long they took is memory too
            await each(contestant.chat, min(1000, mark - made), args.concurrency)
            made += min(1000, mark - made)
        result[f"rss_mb_{mark}"] = _status("VmRSS") / 1024
    result["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    result["growth"] = result[f"rss_mb_{marks[-1]}"] / result[f"rss_mb_{marks[0]}"]
    return result


async def bulk(args: argparse.Namespace, contestant: Any) -> Result:
    early = 0

    def rows(count: int) -> Iterator[dict[str, Any]]:
        nonlocal early
        for n in range(count):
            if n == count // 10:
                early = _status("VmRSS")
            yield {"id": n, "prompt": f"Write a short poem about the number {n}."}

    await contestant.bulk(rows(args.warmup), args.warmup)
    window = Window()
    await contestant.bulk(rows(args.calls), args.calls)
    result = window.result(args.calls, [0.0])
    del result["p50_us"]
    return {**result, "growth": _status("VmRSS") / early}


class WatchedSelector(selectors.DefaultSelector):
    """Notes how long each turn of the loop keeps it from its descriptors and timers, and the thread's CPU time in it."""

    def __init__(self) -> None:
        super().__init__()
        self.turns: list[float] = []
        self.turns_cpu: list[float] = []
        self.returned = self.returned_cpu = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        if self.returned:
            self.turns.append(time.perf_counter() - self.returned)
            self.turns_cpu.append(time.thread_time() - self.returned_cpu)
        ready = super().select(timeout)
        self.returned, self.returned_cpu = time.perf_counter(), time.thread_time()
        return ready


async def blocks(args: argparse.Namespace, contestant: Any) -> Result:
    await each(contestant.stream, args.warmup, args.concurrency)
    selector: WatchedSelector = asyncio.get_running_loop()._selector  # type: ignore[attr-defined]
    selector.turns.clear()
    selector.turns_cpu.clear()
    window = Window()
    result = window.result(args.calls, await each(contestant.stream, args.calls, args.concurrency))
    turns, cpu = sorted(selector.turns), sorted(selector.turns_cpu)
    at = int(len(turns) * 0.999)
    result.update(
        turns=len(turns), block_p999_ms=turns[at] * 1e3, block_max_ms=turns[-1] * 1e3, block_cpu_p999_ms=cpu[at] * 1e3
    )
    return result


async def paced(args: argparse.Namespace, contestant: Any) -> Result:
    """All streams are opened over ``--ramp`` seconds and then open together until the first one has had its events."""
    await each(contestant.chat, args.warmup, 32)
    late = array("q", bytes(8 * args.concurrency * args.events))  # nanoseconds; made before the memory is looked at
    came = peak = threads = open_now = most_open = 0
    before = _status("VmRSS")

    async def one() -> None:
        nonlocal open_now, most_open
        expected = 1

        def on_text(text: str) -> None:
            nonlocal came, expected, open_now, most_open
            if not text:
                return
            number, sent = text.split()
            if int(number) != expected or expected > args.events:
                raise WrongAnswerError(f"event {number} instead of {expected}")
            late[came] = time.time_ns() - int(sent)
            came += 1
            if expected == 1:
                open_now += 1
                most_open = max(most_open, open_now)
            expected += 1

        await contestant.paced(on_text)
        open_now -= 1
        if expected != args.events + 1:
            raise WrongAnswerError(f"a stream of {expected - 1} events instead of {args.events}")

    async def sample() -> None:
        nonlocal peak, threads
        while True:
            peak, threads = max(peak, _status("VmRSS")), max(threads, _status("Threads"))
            await asyncio.sleep(1)

    sampling = asyncio.ensure_future(sample())
    window = Window()
    streams = []
    for i in range(args.concurrency):
        streams.append(asyncio.ensure_future(one()))
        behind = i / args.concurrency * args.ramp - (time.perf_counter() - window.began)
        if behind > 0:
            await asyncio.sleep(behind)
    outcomes = await asyncio.gather(*streams, return_exceptions=True)
    sampling.cancel()
    failed = [outcome for outcome in outcomes if outcome is not None]
    ordered = sorted(late[:came]) or [0]
    result = window.result(args.concurrency * args.events, [0])
    result.update(
        streams=args.concurrency, most_open=most_open, failed=len(failed), lost=len(late) - came,
        late_p50_ms=ordered[came // 2] / 1e6, late_p99_ms=ordered[int(came * 0.99)] / 1e6, late_max_ms=ordered[-1] / 1e6,
        each_kb=(peak - before) / args.concurrency, threads=threads,
    )  # fmt: skip
    if failed:
        print(f"{len(failed)} of {args.concurrency} streams failed, the first with {failed[0]!r}", file=sys.stderr)
    return result


def blocking(args: argparse.Namespace, contestant: Any) -> Result:
    call = contestant.chat_blocking if args.scenario == "blocking" else contestant.stream_blocking
    errors: list[BaseException] = []

    def threads(calls: int) -> list[float]:
        left = itertools.count()
        took: list[float] = []

        def worker() -> None:
            try:
                while next(left) < calls and not errors:
                    began = time.perf_counter()
                    call()
                    took.append(time.perf_counter() - began)
            except BaseException as error:
                errors.append(error)

        workers = [threading.Thread(target=worker, daemon=True) for _ in range(args.concurrency)]
        for thread in workers:
            thread.start()
        for thread in workers:
            thread.join()
        if errors:
            raise errors[0]
        return took

    if hasattr(contestant, "open_blocking"):
        contestant.open_blocking()
    threads(args.warmup)
    window = Window()
    return window.result(args.calls, threads(args.calls))


async def in_loop(args: argparse.Namespace) -> Result:
    contestant = CONTESTANTS[args.contestant](args.url, args.ca, args.concurrency)
    try:
        if hasattr(contestant, "open"):
            await contestant.open()
        scenarios = {"bulk": bulk, "memory": memory, "blocks": blocks, "paced": paced}
        return await scenarios.get(args.scenario, calls_at_once)(args, contestant)
    finally:
        if hasattr(contestant, "close"):
            await contestant.close()


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("contestant", choices=CONTESTANTS)
    parser.add_argument(
        "scenario",
        choices=[
            "chat",
            "stream",
            "text",
            "embed",
            "embed_lists",
            "blocking",
            "stream_blocking",
            "bulk",
            "memory",
            "blocks",
            "paced",
        ],
    )
    parser.add_argument("--url", default=os.environ.get("BENCH_URL", "http://127.0.0.1:18080/v1"))
    parser.add_argument("--ca", default="", help="PEM file with the server's certificate, for https")
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--warmup", type=int, default=200)
    parser.add_argument("--concurrency", type=int, default=32)
    parser.add_argument("--marks", default="1000,10000,100000", help="memory: after how many calls")
    parser.add_argument("--events", type=int, default=60, help="paced: events of a stream; the URL ends with them")
    parser.add_argument("--ramp", type=float, default=10, help="paced: seconds over which the streams are opened")
    return parser


def main() -> None:
    args = parser().parse_args()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if args.concurrency > soft - 200:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if args.scenario in {"blocking", "stream_blocking"}:
        result = blocking(args, CONTESTANTS[args.contestant](args.url, args.ca, args.concurrency))
    else:
        loop = asyncio.SelectorEventLoop(WatchedSelector()) if args.scenario == "blocks" else asyncio.new_event_loop()
        result = loop.run_until_complete(in_loop(args))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
