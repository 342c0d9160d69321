"""``llmagg dashboard``: the page of :mod:`llmagg.monitor.page` for another process."""

from __future__ import annotations

import contextlib
import threading

from llmagg.monitor import sockets
from llmagg.monitor.page import Page

from . import OK


def run(pid: int | None, port: int) -> int:
    """Serves the page until Ctrl-C. Returns the exit code."""
    process = sockets.chosen(pid)
    next(sockets.lines(process))
    with Page(lambda: sockets.lines(process), port) as page, contextlib.suppress(KeyboardInterrupt):
        print(f"llmagg shows process {process}; Ctrl-C ends\n  {page.url}", flush=True)
        threading.Event().wait()
    return OK
