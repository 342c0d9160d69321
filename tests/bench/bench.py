"""Runs the measurements of bars.json and prints which bars hold. `make bench` and `make bench-quick` call it.

Each measurement is one client process on one core against one server on another. A round runs every measurement once,
odd rounds in the other order; what counts is the median of the rounds. A measurement that fails or hangs is ended, and
its rows say so. With a base, a commit, its package and the working tree's are measured in pairs: one right after the
other, in random order.

    bench.py rows [--quick] [--only PATTERN] [--rounds N] [--write FILE] [--base COMMIT] [--pairs N]
    bench.py pairs --base COMMIT [--only PATTERN] [--pairs N]         the pairs alone
    bench.py one RUNNER CONTESTANT SCENARIO [flags of the runner]     e.g. one go llmagg chat --calls 20000 --cpuprofile F
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import base
import report

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
BUILD = Path(os.environ.get("BENCH_BUILD", ROOT / "build" / "bench"))
LIBRARIES = {"library": BUILD.parent / "libllmagg.so", "library fleet": BUILD.parent / "fleet" / "libllmagg.so"}
PYTHON = BUILD / "venv" / "bin" / "python"
TIMEOUT = 60.0


def cores() -> tuple[int, int]:
    """The server's and the client's."""
    usable = sorted(os.sched_getaffinity(0))
    if len(usable) < 2:
        sys.exit("bench: two cores are needed, one for the server and one for the client")
    return usable[0], usable[-1]


def pinned(core: int, command: list[str]) -> list[str]:
    """Before the program starts: a Go runtime counts its cores then."""
    return ["taskset", "-c", str(core), *command]


@contextlib.contextmanager
def server() -> Iterator[dict[str, str]]:
    """A server, and its addresses."""
    command = pinned(cores()[0], [str(BUILD / "server"), "-ca", str(BUILD / "ca.pem")])
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            if not line:
                sys.exit("bench: the server did not start")
            yield json.loads(line)
        finally:
            process.kill()


def command_of(run: str, addresses: dict[str, str], calls: int) -> list[str]:
    """The client's command line for a measurement's ``run``."""
    runner, *words = [word.format(**addresses) for word in shlex.split(run)]
    url = [] if "--url" in words else ["--url", addresses["http"]]
    count = ["--calls", str(calls)] if calls else []
    if runner == "c":
        return [str(BUILD / "cclient"), *words, *url, *count]
    if runner == "go":
        return [str(BUILD / "goclient"), *words, *url, *count]
    if runner == "imports":
        return [str(PYTHON), str(HERE / "pyclient" / "imports.py"), *words, *url]
    if runner == "python":
        return [str(PYTHON), str(HERE / "pyclient" / "run.py"), *words, *url, *count]
    raise ValueError(f"no runner {runner!r}; expected python, go, c or imports")


def measure(measurement: dict[str, Any], addresses: dict[str, str], quick: bool, package: Path | None = None) -> dict[str, Any]:
    """One measurement's figures, or {"error": why there are none}. ``package`` is a folder with another llmagg."""
    if measurement["run"] in LIBRARIES:
        return {"size_mb": LIBRARIES[measurement["run"]].stat().st_size / 1e6}
    calls = measurement.get("calls", 0) // (3 if quick else 1)
    command = pinned(cores()[1], command_of(measurement["run"], addresses, calls))
    timeout = measurement.get("timeout", TIMEOUT)
    env = {**os.environ, "PYTHONPATH": str(package)} if package else None
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, start_new_session=True, env=env
    )
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return {"error": f"not done within {timeout:.0f} s"}
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    lines = [line for line in out.splitlines() if line.startswith("{")]
    if process.returncode != 0 or not lines:
        why = (err.strip() or "it printed no result").splitlines()[-1]
        return {"error": f"exit code {process.returncode}: {why}".replace(str(ROOT), ".")[:200]}
    figures: dict[str, Any] = json.loads(lines[-1])
    return figures


def failed(results: report.Results) -> bool:
    return any("error" in result for rounds in results.values() for result in rounds)


def packages(args: argparse.Namespace) -> dict[str, Path]:
    """Of the base and of the working tree; none without a base."""
    return base.packages(base.commit(args.base), LIBRARIES["library"], BUILD, PYTHON) if args.base else {}


def pairs(table: report.Table, folders: dict[str, Path], args: argparse.Namespace) -> report.Pairs | None:
    """The measurements of ``base`` in bars.json with both packages; None without a base."""
    if not folders:
        print("Beside a commit before: left out. BASE=COMMIT has it measured.")
        return None
    names = [name for name in table.paired() if not args.only or args.only.search(name)]
    found = report.Pairs(folders[base.BEFORE].name, args.pairs, {name: [] for name in names}, {name: [] for name in names})
    sides = {base.BEFORE: found.before, base.HERE: found.here}
    for number in range(args.pairs):
        with server() as addresses:
            for name in random.sample(names, len(names)):
                measurement = table.measurements[name]
                if number >= max(measurement.get("rounds", args.pairs), report.LEAST_PAIRS):
                    continue
                for side in random.sample(list(sides), 2):
                    result = measure(measurement, addresses, False, folders[side])
                    sides[side][name].append(result)
                    print(f"pair {number + 1} {name}, {side}: {report.brief(result)}", file=sys.stderr, flush=True)
    (BUILD / "pairs.json").write_text(json.dumps(sides, indent=1))
    print(report.beside(found))
    print("\n".join(report.aligned(report.pairs(table, found))))
    return found


def rows(args: argparse.Namespace) -> int:
    table = report.load(HERE / "bars.json")
    wanted = table.select(quick=args.quick, only=args.only)
    if not wanted:
        sys.exit(f"bench: no measurement is called like {args.only!r}")
    folders = packages(args)
    began, load = time.time(), os.getloadavg()[0]
    results: dict[str, list[dict[str, Any]]] = {name: [] for name in wanted}
    for number in range(args.rounds):
        with server() as addresses:
            for name in reversed(wanted) if number % 2 else wanted:
                measurement = table.measurements[name]
                if number < measurement.get("rounds", args.rounds):
                    result = measure(measurement, addresses, args.quick)
                    results[name].append(result)
                    print(f"round {number + 1} {name}: {report.brief(result)}", file=sys.stderr, flush=True)
    (BUILD / "results.json").write_text(json.dumps(results, indent=1))
    lines = report.bars(table, results, shown_only=args.quick or bool(args.only))
    print("\n".join(report.aligned(lines)))
    print(f"{args.rounds} rounds in {time.time() - began:.0f} s; load before: {load:.1f}.{report.busy(load)} Every round: {BUILD.name}/results.json")
    found = pairs(table, folders, args)
    if args.write:
        notes = HERE / "notes.md"
        versions = report.versions(PYTHON, BUILD / "goclient")
        text = notes.read_text() if notes.exists() else ""
        page = report.page(table, results, found, rounds=args.rounds, versions=versions, load=load, notes=text)
        Path(args.write).write_text(page)
        print(f"written: {args.write}")
    return 1 if failed(results) or (found and (failed(found.before) or failed(found.here))) else 0


def one(words: list[str]) -> int:
    """One client in the foreground, to be profiled. BENCH_UNDER is a command to run it under."""
    if not words:
        sys.exit("bench: expected RUNNER CONTESTANT SCENARIO [flags]")
    with server() as addresses:
        under = shlex.split(os.environ.get("BENCH_UNDER", ""))
        return subprocess.call(under + pinned(cores()[1], command_of(shlex.join(words), addresses, 0)))


def main() -> int:
    if sys.argv[1:2] == ["one"]:
        return one(sys.argv[2:])
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["rows", "pairs"])
    parser.add_argument("--quick", action="store_true", help="without what takes long, and a third of the calls")
    parser.add_argument("--only", default="", type=re.compile, help="only measurements whose names match, and the bars they suffice for")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--write", default="", help="file for the page")
    parser.add_argument("--base", default="", help="commit whose package is measured beside the working tree's")
    parser.add_argument("--pairs", type=int, default=40, help="how many, with a base; what has rounds of its own has those, or six")
    args = parser.parse_args()
    if args.what == "rows":
        return rows(args)
    if not args.base:
        sys.exit("bench: pairs need a commit to compare with; expected --base COMMIT (make bench-base BASE=COMMIT)")
    table = report.load(HERE / "bars.json")
    if args.only and not any(map(args.only.search, table.paired())):
        sys.exit(f"bench: no measurement with a base is called like {args.only.pattern!r}; expected one of {', '.join(table.paired())}")
    found = pairs(table, packages(args), args)
    return 1 if found is None or failed(found.before) or failed(found.here) else 0


if __name__ == "__main__":
    sys.exit(main())
