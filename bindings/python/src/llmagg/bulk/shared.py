"""Batches of rows for engines that spread them over machines, with a ledger that all share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from .. import oldstyle
from ..aggregator import LLMAggregator
from ..errors import LLMError
from ..manager import PrivateManager
from .asking import Asking
from .ledger import OK, Entry
from .ledger_folder import FolderLedger
from .ledger_objects import ObjectLedger
from .ledger_valkey import ValkeyLedger
from .outcome import Asked, id_text
from .output import COLUMNS, flat
from .stores import OBJECTS, Shared, is_url, place_of
from .window import Window

ANSWER_COLUMNS = tuple(name for name in COLUMNS if name not in ("n", "id"))
"""The columns that a row gains; ``parsed``, ``tool_calls`` and ``error`` are JSON text."""


def _opened(ledger: str | Path) -> Shared:
    """The ledger at a URL or in a folder. Raises InvalidArgumentError."""
    if not is_url(ledger):
        return FolderLedger(ledger)
    place = place_of(ledger)
    return ObjectLedger(place) if place.scheme in OBJECTS else ValkeyLedger(place)


class Batches:
    """Asks lists of rows. Made in the process that asks: a forked child cannot use the calls of its parent."""

    def __init__(
        self, config: Any, models: list[Any] | None = None, ledger: str | Path | None = None,
        prompt: str | Callable[[Any], Any] | None = None, parse: Any = None, params: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        self._config = config
        self._llm = LLMAggregator(models)
        self._llm.manager = PrivateManager()
        self._asking: Asking | None = None
        self._ledger = None if ledger is None else _opened(ledger)
        self._ask_with = (prompt, parse, dict(params or {}))

    async def ask(self, rows: Iterable[Any]) -> list[dict[str, Any]]:
        """The answers to rows, in their order; a row that fails has an ``error``. Failed rows are asked again by the
        next run, answered ones are not. With a ledger, rows with the same request and the same id are one row.
        """
        if self._asking is None:
            await self._llm.initialize(self._config)
            if unheeded := vars(self._llm).get("_bulk"):
                oldstyle.warn(
                    f"the configuration's 'bulk' has {', '.join(unheeded)}, which llmagg.bulk.ray and llmagg.bulk.dask "
                    "ignore; params={'max_cost': …} bounds each call"
                )
            made = Asking(self._llm, *self._ask_with)
            await made.check()
            if self._ledger is not None:
                await self._ledger.begin(made.job)
            self._asking = made
        asked = [self._keyed(self._asking.asked(n, row)) for n, row in enumerate(rows)]
        found = {} if self._ledger is None else await self._ledger.find([one.key for one in asked])
        fresh: dict[bytes, Asked] = {}
        for one in asked:
            if one.key not in found:
                fresh.setdefault(one.key, one)
        found |= zip(fresh, await self._all(self._asking, list(fresh.values())))
        if self._ledger is not None:
            await self._ledger.written(set(fresh))
        return [dict(zip(COLUMNS, flat(found[one.key]))) for one in asked]

    def _keyed(self, asked: Asked) -> Asked:
        mark = str(asked.n) if self._ledger is None else id_text(asked.row) or ""
        return asked._replace(key=asked.key + mark.encode())

    async def _all(self, asking: Asking, asked: list[Asked]) -> list[Entry]:
        """The entries of rows. A window of them is on its way at a time, so that few are where no answer can be
        written; those that are on their way are waited for.
        """
        tasks: list[asyncio.Task[Entry]] = []
        try:
            failure = await self._begin(asked, asking, tasks)
            entries = await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            for task in tasks:
                task.cancel()  # where the caller is cancelled; the others have ended
        for ended in (failure, *entries):
            if isinstance(ended, BaseException):
                raise ended
        return [entry for entry in entries if not isinstance(entry, BaseException)]

    async def _begin(self, asked: list[Asked], asking: Asking, tasks: list[asyncio.Task[Entry]]) -> LLMError | None:
        """Begins to ask rows, until asking raises; returns why the ledger lets no further ones be asked."""
        window, flying, landed, broken = Window(self._llm, None), 0, asyncio.Event(), False

        def land(task: asyncio.Task[Entry]) -> None:
            nonlocal flying, broken
            flying -= 1
            broken = broken or task.cancelled() or task.exception() is not None
            landed.set()

        def room(unwritten: int) -> bool:  # is asked again when answers are written
            return not unwritten or flying + unwritten < window.size()

        for one in asked:
            while flying >= window.size():
                landed.clear()
                await landed.wait()
            if broken:
                return None
            try:
                if self._ledger is not None:
                    await self._ledger.ready(room)
            except LLMError as error:
                return error
            flying += 1
            tasks.append(asyncio.create_task(self._one(asking, one)))
            tasks[-1].add_done_callback(land)
        return None

    async def _one(self, asking: Asking, asked: Asked) -> Entry:
        entry, _, _ = await asking.ask(asked)
        if self._ledger is not None and entry.state == OK:
            self._ledger.put(asked.key, entry)
        return entry
