"""Writes answers into a ledger on the network, in groups and in a thread, and keeps back what cannot be written."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from itertools import islice
from typing import Any, TypeVar

from .._wire import decode, encode
from ..errors import BadResponseError
from ..log import logger
from .ledger import GROUP, Entry, refuse_another
from .report import LedgerAwayError, LedgerError

T = TypeVar("T")
_FORM = 1  # of ledgers in stores
_MOST = 4 << 20  # bytes of a group
_PAUSES_S = (0.05, 1.0)  # between two tries: the first, doubled each time, and the longest


class StoreError(Exception):
    """What a store said instead of doing something, and what can be done. ``lasting`` if waiting does not help."""

    def __init__(self, text: str, *, lasting: bool = False) -> None:
        super().__init__(text)
        self.lasting = lasting


class Writer:
    """Answers on their way to a store. ``write`` is called by one thread at a time, and raises StoreError.

    A group is all that has arrived while the group before it was written, at most 500 answers. While the store is away,
    answers are kept here and tried again for ``patience_s`` seconds, and no further row is asked. After that, asking
    raises LedgerAwayError; the answers stay here for the next batch.
    """

    def __init__(self, name: str, write: Callable[[list[tuple[bytes, Entry]]], None], patience_s: float) -> None:
        self._name, self._write, self._patience_s = name, write, patience_s
        self._lock = threading.Lock()  # guards what follows
        self._waiting: dict[bytes, Entry] = {}  # not written yet, the oldest first
        self._running = False  # whether the thread runs
        self._away = ""  # why the store cannot be used at the moment; only the thread sets it
        self._failed: LedgerAwayError | None = None
        self._now = threading.Event()  # ends the pause between two tries
        self._sleepers: list[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = []

    def put(self, key: bytes, entry: Entry) -> None:
        """Takes an answer, which is written soon."""
        with self._lock:
            self._waiting[key] = entry
            self._start()

    def kept(self, keys: list[bytes]) -> dict[bytes, Entry]:
        """Those of the answers that are not written yet."""
        with self._lock:
            return {key: self._waiting[key] for key in keys if key in self._waiting}

    def again(self) -> None:
        """Tries again, at once, to write what could not be written."""
        self._now.set()
        with self._lock:
            self._failed = None
            self._start()

    def _start(self) -> None:
        if self._waiting and not self._running and self._failed is None:
            self._running = True  # no daemon: a program that ends waits for its answers
            threading.Thread(target=self._run, name="llmagg-ledger", daemon=False).start()

    async def ready(self, room: Callable[[int], bool]) -> None:
        """Waits while the store is away, or has so many answers to write that there is no ``room``. Raises
        LedgerAwayError.
        """
        if self._away or self._failed is not None or not room(len(self._waiting)):
            await self._until(lambda: not self._away and self._failed is None and room(len(self._waiting)))

    async def written(self, keys: set[bytes]) -> None:
        """Waits until these answers are written. Raises LedgerAwayError."""
        await self._until(lambda: keys.isdisjoint(self._waiting))

    async def _until(self, done: Callable[[], bool]) -> None:
        loop = asyncio.get_running_loop()
        while True:
            with self._lock:
                if done():
                    return
                if self._failed is not None:
                    raise self._failed
                sleeper: asyncio.Future[None] = loop.create_future()
                self._sleepers.append((loop, sleeper))
            await sleeper

    def _wake(self) -> None:
        """Wakes who waits; the lock is held."""
        for loop, sleeper in self._sleepers:
            with suppress(RuntimeError):  # a loop that has ended
                loop.call_soon_threadsafe(_end, sleeper)
        self._sleepers.clear()

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._waiting or self._failed is not None:
                    self._running = False
                    return
                group = _some(self._waiting)
            self._write_patiently(group)

    def _write_patiently(self, group: list[tuple[bytes, Entry]]) -> None:
        end, pause = time.monotonic() + self._patience_s, _PAUSES_S[0]
        while True:
            self._now.clear()
            try:
                self._write(group)
                break
            except Exception as error:
                trouble = _trouble(error)
                with self._lock:
                    self._away, kept = str(trouble), len(self._waiting)
                    if trouble.lasting or time.monotonic() >= end:
                        self._fail(trouble.__cause__)
                        return
                if pause == _PAUSES_S[0]:
                    self.tell(f"{self._away}; {kept} answers are kept back, and no row is asked")
                self._now.wait(pause)  # the store is away: this thread of its own tries again, each time later
                pause = min(2 * pause, _PAUSES_S[1])
        if self._away:
            self.tell("it takes answers again")
        with self._lock:
            for key, entry in group:
                if self._waiting.get(key) is entry:
                    del self._waiting[key]
            self._away = ""
            self._wake()

    def _fail(self, cause: BaseException | None) -> None:
        """Gives up for now; the lock is held."""
        text = f"the ledger {self._name} cannot be written: {self._away}. {len(self._waiting)} answers that were paid "
        text += "are not in it; this process keeps them and writes them with its next batch, if it lives until then"
        self._failed = LedgerAwayError(text)
        self._failed.__cause__ = cause
        self._away = ""
        self._wake()

    def tell(self, text: str) -> None:
        """Tells the log what becomes of the ledger."""
        logger.warning("the ledger %s: %s", self._name, text)

    async def agree(
        self, job: Mapping[str, Any], note: Callable[[bytes], bytes], noted_in: str, other: str, way_out: str
    ) -> bytes:
        """Notes a job by ``note``, which gives back what is noted then; returns the note. Raises LedgerError if that is
        of another job, or none; LedgerAwayError.
        """
        noted = encode({"form": _FORM, **job}, "the parameters")
        there = await self.patiently(lambda: note(noted))
        try:
            found = decode(there)
        except BadResponseError:
            found = None
        if not isinstance(found, dict) or found.get("form") != _FORM:
            raise LedgerError(f"{noted_in} is no ledger of this version; {other}")
        refuse_another(self._name, found, decode(noted), way_out)
        return noted

    async def patiently(self, do: Callable[[], T]) -> T:
        """What ``do``, called in a thread, returns; it is tried again while the store is away. Raises LedgerAwayError
        if that takes too long.
        """
        end, pause = time.monotonic() + self._patience_s, _PAUSES_S[0]
        while True:
            try:
                return await asyncio.to_thread(do)
            except StoreError as trouble:
                if trouble.lasting or time.monotonic() >= end:
                    text = f"the ledger {self._name} cannot be read: {trouble}. Nothing was asked"
                    raise LedgerAwayError(text) from None
                if pause == _PAUSES_S[0]:
                    self.tell(f"{trouble}; no row is asked until it can be read")
            await asyncio.sleep(pause)
            pause = min(2 * pause, _PAUSES_S[1])


def _trouble(error: Exception) -> StoreError:
    """What the store said. Another error, which the store's client may have, ends no thread: somebody waits for it."""
    if isinstance(error, StoreError):
        return error
    trouble = StoreError(f"its client raised {type(error).__name__}", lasting=True)
    trouble.__cause__ = error
    return trouble


def _end(sleeper: asyncio.Future[Any]) -> None:
    if not sleeper.done():
        sleeper.set_result(None)


def _some(waiting: dict[bytes, Entry]) -> list[tuple[bytes, Entry]]:
    """The oldest answers, as many as are written together."""
    group, size = [], 0
    for key, entry in islice(waiting.items(), GROUP):
        group.append((key, entry))
        size += len(entry.answer or "")
        if size >= _MOST:
            break
    return group
