"""``llmagg top``: the routes of a process and its last calls, in a terminal."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import queue
import select
import sys
import termios
import threading
import tty
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from llmagg._shown import shown_path
from llmagg.errors import InvalidArgumentError
from llmagg.monitor import fleet, page, sockets

from . import OK

_STATES = {"closed": "green", "half-open": "yellow", "open": "red", "blocked": "red", "off": "dim"}
_BARS = "▁▂▃▄▅▆▇█"
_WIDE, _BROAD, _MIDDLE, _NARROW = 150, 122, 92, 64  # columns of the terminal


def run(pid: int | None, *, once: bool, as_json: bool, html: Path | None = None) -> int:
    """Shows a process until it ends, or until q or Ctrl-C; with ``html`` writes what it tells now as a page to it.

    Returns the exit code. Raises InvalidArgumentError if the file cannot be written.
    """
    process = sockets.chosen(pid)
    told = sockets.lines(process)
    if html is not None:
        _write(html, next(told))
        return OK
    if _follow(told, screen, once=once, as_json=as_json):
        Console().print(f"process {process} has ended")
    return OK


def run_fleet(url: str, name: str | None, config: Path | None, *, once: bool, as_json: bool) -> int:
    """Shows what the processes of a fleet tell each other, until q or Ctrl-C. Returns the exit code."""
    _follow(fleet.lines(url, name, config), fleet_screen, once=once, as_json=as_json)
    return OK


def _follow(
    told: Iterator[dict[str, Any]], draw: Callable[[dict[str, Any], int, int], Group], *, once: bool, as_json: bool
) -> bool:
    """Shows snapshots; True if they came to an end by themselves."""
    if as_json:
        print(json.dumps(next(told), ensure_ascii=False))
        return False
    console = Console()
    if once or not sys.stdout.isatty():
        console.print(draw(next(told), console.width, 10_000))
        return False
    news: queue.SimpleQueue[Callable[[], dict[str, Any] | None]] = queue.SimpleQueue()
    with contextlib.suppress(KeyboardInterrupt), _keys(lambda: news.put(_quit)):
        threading.Thread(target=_feed, args=(told, news), daemon=True).start()
        with Live(console=console, screen=True, auto_refresh=False) as live:
            while (snapshot := news.get()()) is not None:
                live.update(draw(snapshot, console.width, console.height), refresh=True)
        return True
    return False


def _quit() -> None:
    raise KeyboardInterrupt


def _feed(told: Iterator[dict[str, Any]], news: queue.SimpleQueue[Callable[[], dict[str, Any] | None]]) -> None:
    """Hands each snapshot over, at the end None, or raises there what the next one raised. In a thread of its own: the
    next one may take long, and q is heard meanwhile.
    """

    def fail(error: Exception) -> dict[str, Any] | None:
        raise error

    try:
        for snapshot in told:
            news.put(functools.partial(dict, snapshot))
        news.put(lambda: None)
    except Exception as error:
        news.put(functools.partial(fail, error))


def _write(file: Path, snapshot: dict[str, Any]) -> None:
    if "error" in snapshot:
        raise InvalidArgumentError(f"{shown_path(file)} is not written: {snapshot['error']}")
    try:
        file.write_text(page.still(snapshot), encoding="utf-8")
    except OSError as error:
        text = f"{shown_path(file)} cannot be written: {error.strerror}; name another file"
        raise InvalidArgumentError(text) from None


@contextlib.contextmanager
def _keys(ended: Callable[[], None]) -> Iterator[None]:
    """Calls ``ended``, in a thread, when q is typed."""
    if not sys.stdin.isatty():
        yield
        return
    before = termios.tcgetattr(sys.stdin)
    wake, waker = os.pipe()

    def read() -> None:
        while sys.stdin in (ready := select.select([sys.stdin, wake], [], [])[0]) and wake not in ready:
            if os.read(sys.stdin.fileno(), 1) in (b"q", b"Q", b""):
                ended()
                return

    tty.setcbreak(sys.stdin)
    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        yield
    finally:
        os.write(waker, b"x")
        reader.join()
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
        os.close(wake)
        os.close(waker)


def screen(snapshot: dict[str, Any], width: int, height: int) -> Group:
    """A snapshot as it is shown."""
    if "error" in snapshot:
        return Group(Text(snapshot["error"], style="red"))
    rows = snapshot["routes"]
    flying = sum(row["in_flight"] or 0 for row in rows)
    requests, tokens = (sum(row[f"{what}_a_minute"] for row in rows) for what in ("requests", "tokens"))
    head = Text.assemble(
        (f"{snapshot['program']} ", "bold"), f"process {snapshot['pid']} · ", ("q quits", "dim"),
        f" · {flying} in flight · {requests} requests, {_short(tokens)} tokens a minute",
    )  # fmt: skip
    parts: list[Any] = [head, Text(), _routes(rows, width)]
    causes = [_causes(row) for row in rows if row["failures"]]
    room = height - len(rows) - len(causes) - 9
    if causes:
        parts += [Text(), Text("failures", style="bold"), *causes]
    calls = snapshot["calls"][: max(room, 0)]
    if calls:
        parts += [Text(), Text("last calls", style="bold"), _calls(calls, width, snapshot["time"])]
    if snapshot["dropped"]:
        parts.append(Text(f"{snapshot['dropped']} observations were lost: the process is busy", style="yellow"))
    return Group(*parts)


def fleet_screen(snapshot: dict[str, Any], width: int, height: int) -> Group:  # noqa: ARG001 - as screen
    """What a fleet's processes tell, as it is shown."""
    report = snapshot["fleet"]
    others = max(report["processes"] - 1, 0)
    reached = ("in reach", "green") if report["connected"] else ("out of reach", "red")
    head = Text.assemble(
        (f"fleet {report['name']} ", "bold"), f"{others} process{'' if others == 1 else 'es'} beside this one · ",
        ("q quits", "dim"), " · store ", reached, f" · {report['heard']} changes heard",
    )  # fmt: skip
    parts: list[Any] = [head, Text()]
    if report.get("error"):
        parts.append(Text(report["error"], style="red"))
    if rows := report["routes"]:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
        for name in ("route", "what", "for", "told by process"):
            table.add_column(name, no_wrap=True, overflow="ellipsis", justify="right" if name == "for" else "left")
        for told in rows[: max(height - 6, 1)]:
            table.add_row(
                Text(", ".join(told["names"]) or f"route {told['route'][:8]}"), Text(told["what"], style="red"),
                f"{told['for_ns'] / 1e9:.0f} s", Text(told["process"]),
            )  # fmt: skip
        parts.append(table)
    elif report["connected"]:
        parts.append(Text("no process tells of a route that is open, waits or is blocked", style="green"))
    if report["unknown"]:
        parts.append(Text(f"passed over: {', '.join(report['unknown'])}", style="yellow"))
    return Group(*parts)


def _routes(rows: list[dict[str, Any]], width: int) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    names = ["route", "state", "in flight"]
    names += ["requests/min", "tokens/min"] if width >= _NARROW else []
    names += ["first token", "total"] if width >= _MIDDLE else []
    names += ["answered", "failed", "cost"] if width >= _WIDE else ["failed"]
    for name in names:
        if name == "route":  # the only column that is cut in a narrow terminal
            table.add_column(name, no_wrap=False, overflow="ellipsis")
        else:
            head = name.replace(" ", "\n").replace("/", "\n/")
            table.add_column(head, no_wrap=True, justify="left" if name == "state" else "right")
    for row in rows:
        cells = {
            "route": Text(row["route"]),
            "state": Text(_state(row), style=_STATES.get(row["state"], "")),
            "in flight": Text(_of(row["in_flight"], row["limit"]) + (f" +{row['waiting']}" if row["waiting"] else "")),
            "requests/min": Text(_of(row["requests_a_minute"], row["most_requests"])),
            "tokens/min": Text(_of(row["tokens_a_minute"], row["most_tokens"])),
            "first token": _latency(row["first_token"], bars=width >= _BROAD),
            "total": _latency(row["duration"], bars=width >= _BROAD),
            "answered": Text(_short(row["answered"])),
            "failed": Text(_short(sum(row["failures"].values())), style="red" if row["failures"] else "dim"),
            "cost": Text(f"{row['cost']['amount']:.4g} {row['cost']['currency']}" if row["cost"] else "-"),
        }
        table.add_row(*(cells[name] for name in names))
    return table


def _state(row: dict[str, Any]) -> str:
    wait = row["blocked_for"] or row["reopens_in"] or 0
    return f"{row['state']} {wait:.0f} s" if wait else row["state"]


def _of(value: float | None, most: float | None) -> str:
    return f"{_short(value or 0)}/{_short(most)}" if most else _short(value or 0)


def _short(number: float) -> str:
    for size, sign in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if number >= size:
            return f"{number / (1e3 if sign == 'k' else size):.3g}{sign}"
    return f"{number:.0f}"


def _latency(histogram: dict[str, Any] | None, *, bars: bool) -> Text:
    """The histogram as bars, and the median and the 95th percentile."""
    if not histogram:
        return Text("-", style="dim")
    most = max(histogram["buckets"])
    drawn = "".join(_BARS[-(-7 * count // most)] if count else " " for count in histogram["buckets"])
    quantiles = f"{_seconds(histogram['p50'])} {_seconds(histogram['p95'])}"
    return Text.assemble((f"{drawn} ", "cyan"), quantiles) if bars else Text(quantiles)


def _seconds(bound: float | None) -> str:
    return ">82s" if bound is None else f"≤{bound:.2g}s"


def _causes(row: dict[str, Any]) -> Text:
    told = ", ".join(f"{code} {count}" for code, count in sorted(row["failures"].items(), key=lambda item: -item[1]))
    last = f" · {row['last_error']['message']}" if row["last_error"] else ""
    return Text.assemble(f"{row['route']}  ", (told, "red"), (last, "dim"), no_wrap=True, overflow="ellipsis")


def _calls(calls: list[dict[str, Any]], width: int, now: float) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0), expand=True)
    for name in ("call", "outcome", "time"):
        table.add_column(name, no_wrap=True, justify="left" if name == "outcome" else "right")
    fall = width // 3 if width >= _NARROW else 0
    if fall:
        table.add_column("waterfall", no_wrap=True, width=fall)
    table.add_column("trail", no_wrap=True, overflow="ellipsis", ratio=1)
    for call in calls:
        style = {"OK": "green", "running": "yellow"}.get(call["outcome"], "red")
        end = now if call["outcome"] == "running" else call["end"]
        trail = " → ".join(_step(attempt) for attempt in call["attempts"])
        trail = " → ".join(filter(None, [trail, *(f"{route} …" for route in call["running"])]))
        table.add_row(
            Text(str(call["id"]), style="dim"), Text(call["outcome"], style=style), f"{end - call['start']:.2f} s",
            *([waterfall(call, end, fall)] if fall else []), Text(trail),
        )  # fmt: skip
    return table


def _step(attempt: dict[str, Any]) -> str:
    return attempt["route"] if attempt["outcome"] == "OK" else f"{attempt['route']} {attempt['outcome']}"


def waterfall(call: dict[str, Any], end: float, width: int) -> Text:
    """A call from its beginning to its end: waits, attempts that failed, the attempt that answered."""
    span = max(end - call["start"], 1e-6)
    cells = [("·", "dim")] * width

    def fill(start: float, until: float, sign: str, style: str) -> None:
        first = min(int((start - call["start"]) / span * width), width - 1)
        last = max(first + 1, round((until - call["start"]) / span * width))
        cells[first : min(last, width)] = [(sign, style)] * (min(last, width) - first)

    if call["running"]:
        latest = max((attempt["start"] + attempt["duration"] for attempt in call["attempts"]), default=call["start"])
        fill(latest, end, "░", "yellow")
    for attempt in sorted(call["attempts"], key=lambda attempt: attempt["outcome"] != "OK"):  # failures may be short
        begin, answered = attempt["start"], attempt["outcome"] == "OK"
        token = attempt["first_token"]
        style = "green" if answered else "red"
        fill(begin, begin + attempt["duration"], "█" if answered else "▒", style)
        if answered and token:
            fill(begin, begin + token, "▓", style)
    return Text.assemble(*cells)
