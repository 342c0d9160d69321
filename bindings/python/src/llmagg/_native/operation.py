"""One call under way. It belongs to the queue on which its events arrive and is touched by that reader only."""

from __future__ import annotations

import contextvars
import ctypes
import itertools
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from .. import errors
from .._wire import decode
from . import load
from .signatures import CHUNK, ERROR, STREAM, TERMINAL

if TYPE_CHECKING:
    import asyncio

    from .load import Handle

_tags = itertools.count(1)
_CREDIT_EVERY = 32  # half of the window that the core gives by default


Target = Callable[[dict[str, Any]], Any]
"""Answers a custom call: takes the event's payload, gives an awaitable response or an async iterator of chunks."""
Calls = weakref.WeakValueDictionary[int, "Operation"]
"""The operations under way that an object began, by tag."""


class Operation:
    """A submitted call: what arrived for it, and how to end it.

    ``handles`` keeps the native routes alive until the call has ended; ``targets`` finds what answers a custom call
    by its tag; ``context`` is the caller's, for those. ``single`` calls go to one client instead of through an
    aggregator's failover.
    """

    __slots__ = (
        "__weakref__", "_taken", "closed_by", "context", "done", "events", "generation", "handles", "op", "single",
        "tag", "targets", "waiter",
    )  # fmt: skip

    def __init__(self, handles: Sequence[Handle], targets: dict[int, Target], *, single: bool = False) -> None:
        self.tag = next(_tags)
        self.op = 0
        self.handles = handles
        self.targets = targets
        self.single = single
        self.context = contextvars.copy_context() if targets else None
        self.events: deque[tuple[int, bytes]] = deque()
        self.done = False
        self.waiter: asyncio.Future[None] | None = None
        self.closed_by: str | None = None
        self.generation = load.generation
        self._taken = 0

    def submit(self, queue: ctypes.c_void_p, request: bytes, options: bytes | None, stream: bool) -> None:
        """Hands the call to the core. Raises what is wrong with its arguments."""
        op = ctypes.c_uint64()
        tail = (queue, request, len(request), options, len(options or b""), STREAM if stream else 0, self.tag)
        if self.single:
            load.call("llmagg_client_chat_submit", self.handles[0].pointer, *tail, ctypes.byref(op))
        else:
            load.call("llmagg_routes_chat_submit", *self._routes(), *tail, ctypes.byref(op))
        self.op = op.value

    def submit_health(self, queue: ctypes.c_void_p) -> None:
        """Asks the routes whether they are alive; DONE brings a list of bools."""
        op = ctypes.c_uint64()
        load.call("llmagg_routes_health_submit", *self._routes(), queue, self.tag, ctypes.byref(op))
        self.op = op.value

    def _routes(self) -> tuple[Any, int]:
        count = len(self.handles)
        return (ctypes.c_void_p * count)(*(handle.pointer for handle in self.handles)), count

    def add(self, kind: int, payload: memoryview) -> None:
        """Takes an event from the queue's reader."""
        self.events.append((kind, bytes(payload)))
        if kind in TERMINAL:
            self.done = True
        self.wake()

    def wake(self) -> None:
        """Lets whoever waits look for news."""
        waiter = self.waiter
        if waiter is not None:
            self.waiter = None
            if not waiter.done():
                waiter.set_result(None)

    def take(self) -> tuple[int, bytes] | None:
        """The next event, None while there is none. Raises the call's error, and ForkedError in a forked child."""
        if self.generation != load.generation:
            raise errors.ForkedError("this call began in the parent process; begin it again in the child")
        if not self.events:
            return None
        kind, payload = self.events.popleft()
        if kind == CHUNK:
            self._taken += 1
            if self._taken >= _CREDIT_EVERY and not self.done:
                load.call("llmagg_op_credit", self.op, self._taken)
                self._taken = 0
        elif kind == ERROR:
            raise self._error(payload)
        return kind, payload

    def _error(self, payload: bytes) -> errors.LLMError:
        error = errors.from_payload(decode(payload, "an error"))
        if self.closed_by and isinstance(error, errors.CanceledError):
            return errors.ClosedError(f"{self.closed_by} was closed while the call ran", attempts=error.attempts,
                                      partial_text=error.partial_text)  # fmt: skip
        return error

    def cancel(self) -> None:
        """Ends the call now, if it still runs. Its terminal event still arrives. Thread-safe."""
        if not self.done and self.op and self.generation == load.generation:
            load.call("llmagg_op_cancel", self.op)

    def close(self, by: str) -> None:
        """Ends the call with ClosedError for its caller."""
        if not self.done:
            self.closed_by = by
            self.cancel()
