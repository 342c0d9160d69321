"""How a job gets on: a bar of tqdm if that is installed, else a line every ten seconds."""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from importlib import import_module
from typing import Any

from .report import Report
from .window import Window

LINE_S = 10.0


class Progress:
    """Told again and again; it shows what changed on standard error."""

    def __init__(self, report: Report, window: Window, total: int | None) -> None:
        self._report = report
        self._window = window
        self._total = total
        self._begun = self._told = time.monotonic()
        self._first: int | None = None  # rows that earlier runs had finished
        self._bar: Any = None
        with suppress(ImportError):
            self._bar = import_module("tqdm").tqdm(total=total, unit="row", smoothing=0.05)

    def tell(self) -> None:
        """Shows how far the job is."""
        report = self._report
        finished = report.answered + report.errors
        if self._first is None:
            self._first = finished
        if self._bar is not None:
            self._bar.set_postfix_str(", ".join(self._facts()), refresh=False)
            self._bar.update(finished - self._bar.n)
        elif (now := time.monotonic()) - self._told >= LINE_S:
            self._told = now
            print(self.line(), file=sys.stderr, flush=True)

    def line(self) -> str:
        """The line that is printed without tqdm."""
        report, seconds = self._report, max(time.monotonic() - self._begun, 1e-9)
        finished = report.answered + report.errors
        rate = (finished - (self._first or 0)) / seconds
        parts = [f"{finished} of {self._total} rows" if self._total is not None else f"{finished} rows"]
        parts += [f"{rate:.1f} rows/s", *self._facts()]
        if self._total is not None and rate > 0:
            parts.append(f"{_clock((self._total - finished) / rate)} left")
        return "llmagg.bulk: " + ", ".join(parts)

    def _facts(self) -> list[str]:
        report, seconds = self._report, max(time.monotonic() - self._begun, 1e-9)
        parts = [f"{report.errors} failed"] if report.errors else []
        parts.append(f"{(report.prompt_tokens + report.completion_tokens) / seconds:.0f} tokens/s")
        parts += [f"{amount:.2f} {currency}" for currency, amount in report.costs.items()]
        if self._window.binding:
            parts.append(self._window.binding)
        return parts

    def close(self) -> None:
        """The last state stays on the screen."""
        if self._bar is not None:
            self.tell()
            self._bar.close()
        elif self._report.answered + self._report.errors:
            print(self.line(), file=sys.stderr, flush=True)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
