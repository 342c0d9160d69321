"""A running call. It belongs to the queue on which its events arrive; only the reader of that queue touches it."""

from __future__ import annotations

import contextvars
import ctypes
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar

from .. import errors
from .._wire import decode
from . import load
from .signatures import ERROR

if TYPE_CHECKING:
    from .handle import Routes
    from .queue import Payload

_CREDIT_EVERY = 32  # half of the window that the core gives by default

Target = Callable[[dict[str, Any]], Any]
"""Answers a custom call: takes the event's payload, returns an awaitable response or an async iterator of chunks."""


Accept = Callable[["Payload"], dict[str, Any]]
"""Looks at the whole answer of a call; returns what the core is told."""


class Waiter(Protocol):
    """Is told of an event: a future, or what stands in its place."""

    def done(self) -> bool:
        """Whether nobody waits any more."""

    def set_result(self, result: None, /) -> None:
        """Tells that an event has come."""


A = TypeVar("A", bound="Attached")


class Attached:
    """Lives in the ``__dict__`` of an object of the application; a copy of that object gets a new one."""

    KEY: ClassVar[str]

    @classmethod
    def of(cls: type[A], owner: Any) -> A:
        """The object of this class that lives in ``owner``; the first use makes it."""
        state: dict[str, Any] = vars(owner)
        found: A | None = state.get(cls.KEY)
        return state.setdefault(cls.KEY, cls()) if found is None else found

    def __deepcopy__(self, _: Any) -> Any:
        return type(self)()

    def __reduce__(self) -> Any:
        return type(self), ()


class Calls(Attached, dict[int, "weakref.ref[Operation]"]):
    """The running operations that an object began, by tag. An operation removes itself when it ends.

    They are not kept alive here: an operation belongs to its reader, and its waiter to an event loop, which the object
    would otherwise keep for ever if nobody closes it.
    """

    KEY = "_llmagg_calls"

    def running(self) -> list[Operation]:
        """The operations."""
        return [operation for each in list(self.values()) if (operation := each()) is not None]


class Operation:
    """A submitted call: its events, and how to end it.

    ``routes`` keeps the native routes alive until the call has ended. ``targets`` holds the functions that answer
    custom calls, by tag; they run in ``context``, the caller's. ``owner`` lists the operation while it runs.
    """

    __slots__ = (
        "__weakref__", "_taken", "accept", "closed_by", "context", "done", "events", "generation", "head",
        "interrupted", "looked_at", "op", "owner", "raised", "routes", "tag", "targets", "waiter",
    )  # fmt: skip

    def __init__(self, tag: int, routes: Routes, targets: dict[int, Target] | None, owner: Calls | None) -> None:
        self.tag = tag
        self.op = 0
        self.routes = routes
        self.targets = targets
        self.accept: Accept | None = None
        self.context = contextvars.copy_context() if targets else None
        self.events: list[tuple[int, Payload]] = []
        self.done = False
        self.waiter: Waiter | None = None
        self.closed_by: str | None = None
        self.raised: BaseException | None = None  # by a client of the application, in the last custom call that failed
        self.interrupted: Exception | None = None  # what a signal's handler raised inside one of the functions
        self.owner = owner
        self.generation = load.generation
        self.looked_at = False  # these two: see _gathered.Reading
        self.head: Any = None
        self._taken = 0

    def wake(self) -> None:
        """Tells who waits for an event."""
        waiter = self.waiter
        if waiter is not None:
            if not waiter.done():
                waiter.set_result(None)
            self.waiter = None  # last: after an interrupt above, the waiter can still be found and woken

    def check(self) -> None:
        """Raises ForkedError in a forked child."""
        if self.generation != load.generation:
            raise errors.ForkedError("this call began in the parent process; begin it again in the child")

    def take(self) -> tuple[int, Payload] | None:
        """The next event, or None. Raises the call's error; in a forked child ForkedError."""
        if self.generation != load.generation:
            self.check()
        if not self.events:
            return None
        event = self.events.pop(0)
        if event[0] == ERROR:
            raise self._error(event[1])
        return event

    def give_credit(self, chunks: int) -> None:
        """Counts chunks that were read, so that the core sends more."""
        self._taken += chunks
        if self._taken >= _CREDIT_EVERY and not self.done and self.generation == load.generation:
            load.quick().llmagg_op_credit(ctypes.c_uint64(self.op), self._taken, None)
            self._taken = 0

    def _error(self, payload: Payload) -> Exception:
        if self.interrupted is not None:
            interrupted, self.interrupted = self.interrupted, None
            return interrupted
        error = errors.from_payload(decode(payload, "an error"))
        if self.closed_by and isinstance(error, errors.CanceledError):
            return errors.ClosedError(f"{self.closed_by} was closed while the call ran", attempts=error.attempts,
                                      partial_text=error.partial_text)  # fmt: skip
        raised, self.raised = self.raised, None
        if raised is not None:
            errors.add_cause(error, raised)
        return error

    def interrupt(self, error: Exception) -> None:
        """Ends the call with what a signal's handler raised inside a function of the application."""
        self.interrupted = error
        self.events.insert(0, (ERROR, bytearray()))
        self.wake()
        self.cancel()

    def end(self) -> None:
        """Marks the operation as done: its last event has arrived."""
        self.done = True
        if self.owner is not None:
            self.owner.pop(self.tag, None)

    def cancel(self) -> None:
        """Ends a running call; its terminal event still arrives. Thread-safe."""
        if not self.done and self.op and self.generation == load.generation:
            load.call("llmagg_op_cancel", self.op)

    def close(self, by: str) -> None:
        """Ends the call with ClosedError for its caller."""
        if not self.done:
            self.closed_by = by
            self.cancel()
