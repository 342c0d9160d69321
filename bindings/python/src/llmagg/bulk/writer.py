"""Writes answers into a ledger on the network, in groups and in a thread, and keeps back what cannot be written."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import islice
from typing import Any, TypeVar

from .ledger import GROUP, Entry
from .report import LedgerAwayError

T = TypeVar("T")
_MOST = 4 << 20  # bytes of a group
_PAUSES_S = (0.05, 1.0)  # between two tries: the first, doubled each time, and the longest


class StoreError(Exception):
    """What a store said instead of doing something, and what can be done. ``lasting`` if waiting does not help."""

    def __init__(self, text: str, *, lasting: bool = False) -> None:
        super().__init__(text)
        self.lasting = lasting


class Writer:
    """Answers on their way to a store. ``write`` is called by one thread at a time, and raises StoreError.

    A group is all that has arrived while the group before it was written, at most 500 answers; ``linger_s`` is how long
    a group waits for more. While the store is away, answers are kept here and tried again for ``patience_s`` seconds,
    and no further row is asked. After that, asking raises LedgerAwayError; the answers stay here for the next batch.
    """

    def __init__(
        self, name: str, write: Callable[[list[tuple[bytes, Entry]]], None], patience_s: float, linger_s: float = 0.0
    ) -> None:
        self._name, self._write, self._patience_s, self._linger_s = name, write, patience_s, linger_s
        self._changed = threading.Condition()  # guards what follows
        self._waiting: dict[bytes, Entry] = {}  # not written yet, the oldest first
        self._running = False  # whether the thread runs
        self._hurry = False  # whether somebody waits for the end
        self._away = ""  # why the store cannot be used at the moment
        self._failed: LedgerAwayError | None = None
        self._sleepers: list[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = []

    def put(self, key: bytes, entry: Entry) -> None:
        """Takes an answer, which is written soon."""
        with self._changed:
            self._waiting[key] = entry
            if len(self._waiting) >= GROUP:
                self._changed.notify_all()
            self._start()

    def kept(self, key: bytes) -> Entry | None:
        """An answer that is not written yet."""
        with self._changed:
            return self._waiting.get(key)

    def again(self) -> None:
        """Tries again to write what could not be written."""
        with self._changed:
            self._failed = None
            self._start()

    def _start(self) -> None:
        if self._waiting and not self._running and self._failed is None:
            self._running = True  # no daemon: a program that ends waits for its answers
            threading.Thread(target=self._run, name="llmagg-ledger", daemon=False).start()

    async def ready(self) -> None:
        """Waits while the store is away. Raises LedgerAwayError."""
        if self._away or self._failed is not None:
            await self._until(lambda: not self._away and self._failed is None)

    async def written(self, keys: set[bytes]) -> None:
        """Waits until these answers are written. Raises LedgerAwayError."""
        with self._changed:
            if keys.isdisjoint(self._waiting):
                return
            self._hurry = True
            self._changed.notify_all()
        await self._until(lambda: keys.isdisjoint(self._waiting))

    async def _until(self, done: Callable[[], bool]) -> None:
        loop = asyncio.get_running_loop()
        while True:
            with self._changed:
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
            with self._changed:
                if self._linger_s and self._waiting:
                    self._changed.wait_for(lambda: self._hurry or len(self._waiting) >= GROUP, self._linger_s)
                if not self._waiting or self._failed is not None:
                    self._running = self._hurry = False
                    return
                group = _some(self._waiting)
            self._write_patiently(group)

    def _write_patiently(self, group: list[tuple[bytes, Entry]]) -> None:
        end, pause = time.monotonic() + self._patience_s, _PAUSES_S[0]
        while True:
            try:
                self._write(group)
                break
            except StoreError as trouble:
                with self._changed:
                    self._away = str(trouble)
                    if trouble.lasting or time.monotonic() >= end:
                        self._fail()
                        return
                    if pause == _PAUSES_S[0]:
                        self.tell(f"{self._away}; {len(self._waiting)} answers are kept back, and no row is asked")
                    self._changed.wait_for(lambda: False, pause)
                pause = min(2 * pause, _PAUSES_S[1])
        with self._changed:
            for key, entry in group:
                if self._waiting.get(key) is entry:
                    del self._waiting[key]
            if self._away:
                self.tell("it takes answers again")
                self._away = ""
            self._wake()

    def _fail(self) -> None:
        """Gives up for now; the lock is held."""
        text = f"the ledger {self._name} cannot be written: {self._away}. {len(self._waiting)} answers that were paid "
        text += "are not in it; this process keeps them and writes them with its next batch, if it lives until then"
        self._failed = LedgerAwayError(text)
        self._away = ""
        self._wake()

    def tell(self, text: str) -> None:
        """Tells the log what becomes of the ledger."""
        logging.getLogger("llmagg").warning("the ledger %s: %s", self._name, text)

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
