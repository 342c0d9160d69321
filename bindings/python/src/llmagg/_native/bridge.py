"""The reader of an event loop: each loop that makes calls has one.

The loop watches the queue's descriptor; each wake-up drains a batch and wakes the calls concerned. Only the loop keeps
its bridge: it is deleted with the loop, also with one that nobody closes, and that cancels the running calls. A second
``asyncio.run`` gets a new bridge.
"""

from __future__ import annotations

import asyncio
import threading
import weakref

from . import load
from .operation import Operation
from .queue import Payload
from .reader import Reader


class Bridge(Reader):
    """The reader of a running loop. Only that loop's thread touches it. It holds no reference to its loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        loop.add_reader(self.queue.fileno(), self.pump)

    def loop(self) -> asyncio.AbstractEventLoop:
        """The running loop."""
        return asyncio.get_running_loop()

    def interrupted(self) -> None:
        """Continues when the loop runs again."""
        asyncio.get_running_loop().call_soon(self.go_on)


_bridges: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, weakref.ref[Bridge]] = weakref.WeakKeyDictionary()
_lock = threading.Lock()


def loop() -> asyncio.AbstractEventLoop:
    """The running loop. Raises RuntimeError, which names asyncio, where another framework runs."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        raise RuntimeError(
            "no running asyncio event loop: llmagg's coroutines run in asyncio or uvloop, not in trio or curio; "
            "the methods that end in _sync need no loop"
        ) from None


def bridge() -> Bridge:
    """The bridge of the running loop; the loop's first call makes it."""
    running = loop()
    kept = _bridges.get(running)
    found = kept() if kept is not None else None
    return _attach(running) if found is None or found.generation != load.generation else found


def _attach(loop: asyncio.AbstractEventLoop) -> Bridge:
    load.library()
    with _lock:
        for other in [known for known in _bridges if known.is_closed()]:
            if (old := _bridges.pop(other)()) is not None:
                old.close()
        made = Bridge(loop)
        _bridges[loop] = weakref.ref(made)
    return made


def running_loop() -> asyncio.AbstractEventLoop | None:
    """A loop that runs and has made calls; the youngest, if there are several. For any thread."""
    with _lock:
        return next((loop for loop in reversed(list(_bridges)) if loop.is_running()), None)


def news(operation: Operation) -> asyncio.Future[None]:
    """A future that is done when the operation has an event."""
    operation.waiter = waiter = asyncio.get_running_loop().create_future()
    return waiter


async def last_event(operation: Operation) -> Payload:
    """Waits for the payload of DONE. Cancelling the task cancels the call. Raises the call's error."""
    try:
        while (event := operation.take()) is None:
            await news(operation)
        return event[1]
    finally:
        if not operation.done:
            operation.cancel()


def _forget() -> None:
    """Wakes coroutines that wait for calls of the parent: the child may still run the loop in which it was forked."""
    global _bridges, _lock
    inherited = [reader for kept in list(_bridges.values()) if (reader := kept()) is not None]
    _lock = threading.Lock()
    _bridges = weakref.WeakKeyDictionary()
    for operation in [operation for reader in inherited for operation in reader.operations.values()]:
        operation.wake()


load.on_fork(_forget)
