"""Time limits that notice that they are late themselves: a process that was stopped reads what has arrived first."""

from __future__ import annotations

import asyncio
import concurrent.futures
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

T = TypeVar("T")

LATE = 0.1  # seconds from which on a limit is late
_LOOK = 1.0  # seconds for which a limit that is late looks again, at least, if it is not shorter itself
_LOOKS = 10  # in a row


def waits(seconds: float, now: Callable[[], float] = time.monotonic) -> Iterator[float]:
    """How long to wait: the limit, and then again for as long as a wait has ended late by the clock."""
    wait = seconds
    for _ in range(1 + _LOOKS):
        due = now() + wait
        yield wait  # the caller goes on when the wait is over
        late = now() - due
        if late <= LATE:
            return
        wait = min(max(late, _LOOK), max(seconds, LATE))


async def within(awaitable: Awaitable[T], seconds: float | None) -> T:
    """``asyncio.wait_for``, but for a limit that is late. Raises asyncio.TimeoutError."""
    if seconds is None:
        return await awaitable
    task = asyncio.ensure_future(_awaited(awaitable))
    try:
        for wait in waits(seconds, asyncio.get_running_loop().time):
            if (await asyncio.wait((task,), timeout=max(wait, 0)))[0]:
                return task.result()
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait((task,))
    if task.cancelled():
        raise asyncio.TimeoutError
    return task.result()  # it ended in that moment


async def _awaited(awaitable: Awaitable[T]) -> T:
    """A task of its own: a future of asyncio.gather that is cancelled says that it failed."""
    return await awaitable


def result(future: concurrent.futures.Future[T], seconds: float) -> T:
    """``future.result(seconds)``, but for a limit that is late."""
    for wait in waits(seconds):
        if concurrent.futures.wait((future,), wait).done:
            break
    return future.result(0)
