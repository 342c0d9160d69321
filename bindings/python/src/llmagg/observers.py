"""Live reports from inside calls: attempts, retries, failovers, restarts, hedges, circuit breakers, health (O2),
and kept answers.

``async with llmagg.observe() as events`` and ``with llmagg.observe_sync() as events`` see every route of the process.
No call waits for an observer. An observer that falls behind by more than its buffer loses observations, and is told
how many. Without observers nothing runs and nothing is stored.
"""

from __future__ import annotations

import sys
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from ._shown import shown
from .attempt import Attempt, seconds
from .errors import ForkedError, InvalidArgumentError

if TYPE_CHECKING:
    import asyncio

DEFAULT_BUFFER = 1000


Event = Literal[
    "attempt_started", "attempt_ended", "retry_scheduled", "failover", "restart", "hedge", "cached",
    "breaker_changed", "health_changed", "fleet_joined", "fleet_lost", "fleet_heard", "dropped",
]  # fmt: skip


@dataclass(frozen=True)
class Observation:
    """One event. ``event`` is its kind, which determines the fields that are set.

    ``attempt_started``; ``attempt_ended``: ``attempt``, and ``code`` and ``message`` of a failure; ``retry_scheduled``:
    ``wait``, and the reason; ``failover``, ``restart``, ``hedge``: ``to`` ("provider/model"), and the reason;
    ``breaker_changed``: ``from_state`` and ``state`` ("closed", "half_open", "open"); ``health_changed``: ``state``
    ("up", "down"); ``cached``: ``state`` ("hit" or "joined"), a kept answer for a call with this first route;
    ``fleet_joined`` and ``fleet_lost``: ``message``; ``fleet_heard``: ``state`` ("opened", "closed", "wait", "block"),
    which another process reported; a kind that this version does not know is reported once, without a route;
    ``dropped``: ``dropped``, the number of observations lost here.

    ``time`` is seconds since the Unix epoch, ``wait`` seconds; ``call`` is the number of the call in this process, or
    0; ``code`` is a name as in ``Attempt.outcome``, ``error_owner`` is as in ``LLMError``. No field contains a key.
    """

    event: Event
    time: float = 0.0
    call: int = 0
    provider: str = ""
    model: str = ""
    to: str = ""
    from_state: str = ""
    state: str = ""
    wait: float = 0.0
    code: str = ""
    message: str = ""
    attempt: Attempt | None = None
    dropped: int = 0
    error_owner: str = ""
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def route(self) -> str:
        """The route as "provider/model", or ""."""
        return f"{self.provider}/{self.model}" if self.provider else ""

    def __str__(self) -> str:
        """The observation in one line."""
        if self.dropped:
            return f"dropped: {self.dropped} observations"
        name = self.event.replace("_", " ")
        if self.attempt is not None:
            return f"{name}: {self.attempt}"
        parts = [f"{name}: {self.route}"]
        if self.to:
            parts.append(f" → {self.to}")
        if self.state:
            parts.append(f" {self.from_state} → {self.state}" if self.from_state else f" {self.state}")
        if self.wait:
            parts.append(f" in {seconds(self.wait)}")
        if self.code:
            parts.append(f": {self.code}: {self.message}" if self.message else f": {self.code}")
        return "".join(parts)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Observation:
        """Reads the core's JSON object; unknown fields go to ``extra``."""
        known = {k: v for k, v in data.items() if k in _FIELDS}
        if attempt := data.get("attempt"):
            known["attempt"] = Attempt.from_dict(attempt)
        other = {k: v for k, v in data.items() if k not in _FIELDS and k != "from"}
        return cls(from_state=data.get("from", ""), extra=other, **known)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object as the core writes it; empty fields are omitted."""
        values = {("from" if k == "from_state" else k): v for k, v in vars(self).items() if v and k != "extra"}
        if self.attempt is not None:
            values["attempt"] = self.attempt.to_dict()
        return {**values, **self.extra}


_FIELDS = frozenset(Observation.__dataclass_fields__) - {"extra", "from_state"}


class _Observer:
    """A bounded queue of observations, filled by the package's observing thread and emptied by the iteration."""

    def __init__(self, buffer: int) -> None:
        if type(buffer) is not int or buffer < 1:
            raise InvalidArgumentError(f"buffer is {shown(buffer)}; expected a whole number of at least 1")
        self.dropped = 0
        """The number of observations lost so far."""
        self._buffer = buffer
        self._lock = threading.Lock()  # guards the attributes below
        self._line: deque[dict[str, Any]] = deque()  # the core's JSON objects
        self._lost = 0  # since the last observation that was kept
        self._open: bool | None = None  # None before the first use
        self._generation = 0

    def _begin(self) -> None:
        from ._native import load, watch

        if self._open is not None:
            raise InvalidArgumentError("an observer can be entered only once; call observe() again")
        watch.add(self)
        self._open, self._generation = True, load.generation

    def close(self) -> None:
        """Ends observing. Earlier observations can still be read. A second call does nothing. Thread-safe."""
        from ._native import load, watch

        if self._open and self._generation == load.generation:
            watch.remove(self)
            with self._lock:
                self._open = False
                self._wake()

    def put(self, observation: dict[str, Any]) -> None:
        """Stores an observation, or counts it as lost. Called by the package's observing thread."""
        with self._lock:
            lost = observation.get("dropped")
            if lost or len(self._line) >= self._buffer:
                self._lost += lost or 1
                self.dropped += lost or 1
            else:
                self._note_lost()
                self._line.append(observation)
            self._wake()

    def _note_lost(self) -> None:
        if self._lost:
            self._line.append({"event": "dropped", "dropped": self._lost})
            self._lost = 0

    def _refuse_parents(self) -> None:
        """Raises ForkedError in a forked child for a parent's observer: its lock may be held there for ever."""
        from ._native import load

        if self._open is not None and self._generation != load.generation:
            raise ForkedError("this observer began in the parent process; begin one in the child")

    def _take(self) -> Observation | None:
        """The next observation, or None. The caller holds the lock."""
        if self._open is None:
            raise InvalidArgumentError(
                "the observer is not entered; write 'with observe_sync() as events' or 'async with observe() as events'"
            )
        if not self._line:
            self._note_lost()
        return Observation.from_dict(self._line.popleft()) if self._line else None

    def _wake(self) -> None:
        """Wakes the iteration. The caller holds the lock."""
        raise NotImplementedError


class SyncObserver(_Observer):
    """A context manager and an iterator of :class:`Observation`; each step blocks until an observation arrives.

    After :meth:`close` or the ``with`` block, the iteration returns the remaining observations and ends. Thread-safe.
    """

    def __init__(self, buffer: int = DEFAULT_BUFFER) -> None:
        super().__init__(buffer)
        self._news = threading.Condition(self._lock)

    def __enter__(self) -> SyncObserver:
        self._begin()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> SyncObserver:
        return self

    def __next__(self) -> Observation:
        self._refuse_parents()
        with self._lock:
            while (observation := self._take()) is None:
                if not self._open:
                    raise StopIteration
                self._news.wait()
            return observation

    def _wake(self) -> None:
        self._news.notify_all()


class Observer(_Observer):
    """An async context manager and async iterator of :class:`Observation`.

    After :meth:`close` or the ``async with`` block, the iteration returns the remaining observations and ends. An
    observer belongs to the event loop in which it was entered; a cancelled step loses no observation.
    """

    def __init__(self, buffer: int = DEFAULT_BUFFER) -> None:
        super().__init__(buffer)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._news: asyncio.Event | None = None
        self._woken = False  # whether the iteration was woken since it last found no observation; guarded by the lock

    def __enter__(self) -> NoReturn:
        raise InvalidArgumentError("observe() needs 'async with'; outside of a coroutine use observe_sync()")

    def __exit__(self, *_: object) -> None: ...

    async def __aenter__(self) -> Observer:
        import asyncio

        if self._open is None:
            self._loop, self._news = asyncio.get_running_loop(), asyncio.Event()
        self._begin()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def __aiter__(self) -> Observer:
        return self

    async def __anext__(self) -> Observation:
        self._refuse_parents()
        while True:
            with self._lock:
                if (observation := self._take()) is not None:
                    return observation
                if not self._open or self._news is None:
                    raise StopAsyncIteration
                self._woken = False
                self._news.clear()
            await self._news.wait()

    def _wake(self) -> None:
        if self._loop is not None and self._news is not None and not self._woken:
            self._woken = True
            try:
                self._loop.call_soon_threadsafe(self._news.set)
            except RuntimeError:  # the loop was closed before its observer
                self._loop = None


def observe(*, buffer: int = DEFAULT_BUFFER) -> Observer:
    """Observes all routes of the process: ``async with observe() as events``, then ``async for event in events``.

    ``buffer`` is the number of observations that may wait for the iteration, at least 1; further observations are
    dropped and counted. Any number of observers may be open; each sees everything. Raises InvalidArgumentError.
    """
    return Observer(buffer)


def observe_sync(*, buffer: int = DEFAULT_BUFFER) -> SyncObserver:
    """:func:`observe` for code without an event loop: ``with observe_sync() as events``, then ``for event in events``.

    Iterate in a separate thread to see events live, or after the ``with`` block to see all events inside it.
    """
    return SyncObserver(buffer)


# Plain names of the package after the first import, for tools that make documentation.
for _name in ("Observation", "Observer", "SyncObserver", "observe", "observe_sync"):
    setattr(sys.modules[__package__], _name, globals()[_name])
