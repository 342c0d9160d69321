"""From figures to tables: the data of bars.json, medians, ratios, and the page docs/benchmarks.md."""

from __future__ import annotations

import datetime
import json
import math
import os
import platform
import re
import statistics
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Results = dict[str, list[dict[str, Any]]]


@dataclass
class Table:
    """bars.json: what is measured, what is asked of the figures, and what was measured before the project began."""

    measurements: dict[str, dict[str, Any]]
    bars: list[dict[str, Any]]
    base: list[dict[str, Any]]
    before: list[dict[str, Any]]

    def paired(self) -> list[str]:
        """The names of the measurements that are made of a base too."""
        return list(dict.fromkeys(split(bar["figure"])[0] for bar in self.base))

    def select(self, *, quick: bool, only: re.Pattern[str] | None) -> list[str]:
        """The names of the measurements to run."""
        return [
            name for name, it in self.measurements.items()
            if (not quick or it.get("quick", True)) and (not only or only.search(name))
        ]  # fmt: skip


@dataclass
class Pairs:
    """What was measured of a commit and of the working tree: the results at one place of both are a pair."""

    commit: str
    count: int
    before: Results
    here: Results


def load(path: Path) -> Table:
    return Table(**json.loads(path.read_text()))


def split(figure: str) -> tuple[str, str]:
    """Measurement and key of "measurement.key"."""
    name, _, key = figure.partition(".")
    return name, key


def value(results: Results, figure: str) -> float | str | None:
    """The median of a figure; a text tells why there is none; None: it was not asked for."""
    name, key = split(figure)
    rounds = results.get(name, [])
    if not rounds:
        return None
    failed = [result["error"] for result in rounds if "error" in result]
    if failed:
        return f"{name} failed in {len(failed)} of {len(rounds)} rounds: {failed[-1]}"
    if not all(key in result for result in rounds):
        return f"{name} gave no {key}"
    return statistics.median(result[key] for result in rounds)


def show(figure: str, number: float) -> str:
    """A number with the unit that its key ends in."""
    key = split(figure)[1]
    if key.endswith("_us"):
        return f"{number:.0f} µs" if number < 1000 else f"{number / 1000:.2f} ms"
    if key == "allocs":
        return f"{number:.0f} allocs"
    for ending, unit in (("_ms", " ms"), ("_kb", " KB")):
        if key.endswith(ending):
            return f"{number:.1f}{unit}"
    if re.search(r"_mb(_\d+)?$", key):
        return f"{number:.2f} MB"
    return f"{number:.0f}"


def brief(result: dict[str, Any]) -> str:
    """A result in a line, for who watches."""
    if "error" in result:
        return f"FAILED, {result['error']}"
    keys = [key for key in ("cpu_us", "p50_us", "allocs", "block_p999_ms", "late_p99_ms", "size_mb", "llmagg_over_ms", "first_call_ms", "rss_mb_10000") if key in result]
    return ", ".join(f"{key.partition('_')[0]} {show('.' + key, result[key])}" for key in keys)


def compared(bar: dict[str, Any], ours: float, other: float) -> float:
    return ours / other if "over" in bar else ours - other


def outcome(bar: dict[str, Any], results: Results) -> tuple[float | str | None, str, str]:
    """A bar's number (or why there is none), what it was made of, and its range over the rounds."""
    ours = value(results, bar["figure"])
    against = bar.get("over") or bar.get("less")
    if ours is None or isinstance(ours, str):
        return ours, "", ""
    name, key = split(bar["figure"])
    if not against:
        spread = [result[key] for result in results[name]]
        return ours, "", f"{show(bar['figure'], min(spread))} to {show(bar['figure'], max(spread))}"
    other = value(results, against)
    if other is None or isinstance(other, str):
        return other, "", ""
    other_name, other_key = split(against)
    pairs = zip(results[name], results[other_name])
    spread = [compared(bar, a[key], b[other_key]) for a, b in pairs]
    sign = "÷" if "over" in bar else "-"
    return compared(bar, ours, other), f"{show(bar['figure'], ours)} {sign} {show(against, other)}", f"{min(spread):.3g} to {max(spread):.3g}"


def verdict(bar: dict[str, Any], number: float) -> str:
    if "max" not in bar and "min" not in bar:
        return "no bar"
    return "yes" if bar.get("min", number) <= number <= bar.get("max", number) else "**no**"


def limit(bar: dict[str, Any]) -> str:
    plain = "over" in bar or "less" in bar
    parts = [(sign, bar[key]) for key, sign in (("min", "≥"), ("max", "≤")) if key in bar]
    return ", ".join(f"{sign} {number:g}" if plain else f"{sign} {show(bar['figure'], number)}" for sign, number in parts)


def bars(table: Table, results: Results, *, shown_only: bool) -> list[list[str]]:
    """The rows of the table of bars. ``shown_only`` leaves out what was not measured."""
    lines = [["what", "figures", "result", "range over the rounds", "bar", "holds"]]
    for bar in table.bars:
        number, figures, spread = outcome(bar, results)
        if number is None and shown_only:
            continue
        if number is None:
            cells = ["", "", "", limit(bar), "not measured"]
        elif isinstance(number, str):
            cells = [number, "", "", limit(bar), "**failed**"]
        else:
            plain = "over" in bar or "less" in bar
            cells = [figures, f"{number:.3g}" if plain else show(bar["figure"], number), spread, limit(bar), verdict(bar, number)]
        lines.append([bar["what"], *cells])
    return lines


# With fewer pairs even the range of all has the median with less than 95 %.
LEAST_PAIRS = 6


def median_error(values: list[float]) -> tuple[float, float]:
    """Where the median is with a probability of 95 %, whatever the distribution: the values so many places from either end. Of fewer
    than LEAST_PAIRS values no such places exist; then the range of all."""
    ordered, count = sorted(values), len(values)
    chances = [math.comb(count, at) / 2**count for at in range(count + 1)]
    at = 0
    while sum(chances[: at + 2]) <= 0.025:
        at += 1
    return ordered[at], ordered[-1 - at]


def within(count: int, low: float, high: float, most: float) -> str:
    """What the error of so many pairs tells about a bar."""
    if count < LEAST_PAIRS:
        return "open"
    return "yes" if high <= most else "**no**" if low > most else "open"


def pairs(table: Table, found: Pairs) -> list[list[str]]:
    """The rows of the table of the commit before; what was not measured is left out."""
    lines = [["what", "before", "here", "here ÷ before", "its error", "pairs", "within 2 %"]]
    for bar in table.base:
        figure = bar["figure"]
        name, key = split(figure)
        before, here = value(found.before, figure), value(found.here, figure)
        if before is None or here is None:
            continue
        if isinstance(before, str) or isinstance(here, str):
            why = [f"{side}: {text}" for side, text in (("before", before), ("here", here)) if isinstance(text, str)]
            lines.append([bar["what"], "; ".join(why), "", "", "", "", "**failed**"])
            continue
        ratios = [b[key] / a[key] for a, b in zip(found.before[name], found.here[name])]
        low, high = median_error(ratios)
        cells = [show(figure, before), show(figure, here), f"{statistics.median(ratios):.3f}", f"{low:.3f} to {high:.3f}", str(len(ratios))]
        lines.append([bar["what"], *cells, within(len(ratios), low, high, bar["max"])])
    return lines


def beside(found: Pairs | None) -> str:
    if found is None:
        return "This run had no `BASE`: this part was left out."
    return f"Before: commit `{found.commit}`, in {found.count} pairs at most."


def markdown(lines: list[list[str]]) -> list[str]:
    head, *rest = lines
    return ["| " + " | ".join(cells) + " |" for cells in (head, ["---"] * len(head), *rest)]


def aligned(lines: list[list[str]]) -> list[str]:
    """For a terminal."""
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines]


COLUMNS = {"call": "CPU a call", "stream": "CPU a stream", "import": "import", "memory": "peak memory"}


def before(table: Table, results: Results) -> list[list[str]]:
    """The figures of before, each with what was measured here."""
    lines = [["client", *(f"{title}: {when}" for title in COLUMNS.values() for when in ("before", "here"))]]
    for row in table.before:
        cells = [row["client"]]
        for column in COLUMNS:
            text, *figures = row.get(column, [""])
            numbers = [(figure, value(results, figure)) for figure in figures]
            cells += [text, ", ".join(show(figure, number) for figure, number in numbers if isinstance(number, float | int))]
        lines.append(cells)
    return lines


def everything(table: Table, results: Results) -> list[list[str]]:
    """Each measurement's medians."""
    keys = ["cpu_us", "wall_us", "p50_us", "allocs", "peak_mb"]
    lines = [["measurement", "how", "CPU a call", "wall time a call", "median latency", "allocations a call", "peak memory"]]
    for name, it in table.measurements.items():
        rounds = results.get(name, [])
        cells = []
        for key in keys:
            number = value(results, f"{name}.{key}") if all(key in result for result in rounds) else None
            cells.append(show("." + key, number) if isinstance(number, float | int) else "")
        if any(cells):
            lines.append([name, f"`{it['run']}`", *cells])
    return lines


def busy(load: float) -> str:
    """What to say of a machine that did something else before the run."""
    return "" if load < 1 else " **Others used the machine: what is measured in time cannot be trusted.**"


def machine() -> str:
    """Processor, cores, memory and kernel; no names."""
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    memory = re.search(r"MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text())
    model, size = cpu.group(1) if cpu else platform.machine(), int(memory.group(1)) / 2**20 if memory else 0
    return f"{model}, {os.cpu_count()} cores, {size:.0f} GiB, {platform.system()} {platform.release().split('-')[0]}"


def versions(python: Path, goclient: Path) -> str:
    """Of the languages and of the contestants."""
    names = ["llmagg", "msgspec", "aiohttp", "httpx", "openai", "litellm"]
    program = f"import importlib.metadata as m, platform; print(platform.python_version(), *(n + ' ' + m.version(n) for n in {names}), sep=', ')"
    run = {"check": True, "capture_output": True, "text": True, "timeout": 60}
    of_python = subprocess.run([python, "-c", program], **run).stdout.strip()  # type: ignore[call-overload]
    lines = subprocess.run(["go", "version", "-m", goclient], **run).stdout.splitlines()  # type: ignore[call-overload]
    deps = [line.split()[1:3] for line in lines if re.search(r"\tdep\t.*(json-iterator|openai)", line)]
    of_go = ", ".join([lines[0].split()[-1].removeprefix("go"), *(f"{name.removeprefix('github.com/')} {number}" for name, number in deps)])
    return f"Python {of_python}. Go {of_go}."


def page(table: Table, results: Results, found: Pairs | None, *, rounds: int, versions: str, load: float, notes: str) -> str:
    today = datetime.datetime.now(tz=datetime.timezone.utc).date()
    lines = bars(table, results, shown_only=False)
    count = {word: sum(line[-1].strip("*") == word for line in lines[1:]) for word in ("yes", "no", "failed", "not measured")}
    return f"""# Benchmarks

Written by `make bench` on {today}: {count["yes"]} bars hold, {count["no"]} do not, {count["failed"]} failed, {count["not measured"]} not measured.

- Machine: {machine()}. Load before the run: {load:.1f}.{busy(load)}
- {versions}
- One client process runs on one core, one server on another; they talk over loopback. The server sends the same bytes to every client. A stream has
  202 events, which the server sends as fast as the client reads. CPU is the user + system time of the whole client process, measured after a warm-up.
- Figures are medians of {rounds} rounds (5 rounds for long measurements; aiohttp ran its 10 000 streams once). Every client ran once in each round; odd rounds
  had the reverse order. Memory of a process is in MiB, the library's size in 10⁶ bytes. llmagg ran with all features: two routes, breakers, retries, the list of attempts, typed answers. [tests/bench](../tests/bench) has
  the clients and says how to run a client alone.

## Bars

{chr(10).join(markdown(lines))}

## Beside the commit before

`make bench BASE=COMMIT` compares the working tree with a commit. Both packages are built in the same way. The two processes of a pair run one directly after
the other on the same core, in random order. The ratio is the median of the pairs' ratios. The error is the 95 % confidence interval of this median; with fewer
than six pairs, it is the range of all ratios. "Within 2 %" is `yes` if the whole interval is at most 1.02, and `no` if the whole interval is above 1.02.
Otherwise, and always with fewer than six pairs, it is `open`: measure more pairs (`BASE_PAIRS`).

{chr(10).join([beside(found), *(["", *markdown(pairs(table, found))] if found else [])])}

## Beside the figures from before the project began

The columns "before" have figures from before the project began, with openai 2.54 and litellm 1.106. In the columns "here", import is the time in addition to bare Python, and memory
is the peak of the process that made the calls.

{chr(10).join(markdown(before(table, results)))}

## Every measurement

{chr(10).join(markdown(everything(table, results)))}
{notes and chr(10) + notes.strip() + chr(10)}"""
