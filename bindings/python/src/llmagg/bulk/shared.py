"""Batches of rows for engines that spread them over machines, with a ledger in a folder that all share."""

from __future__ import annotations

import asyncio
import os
import socket
import uuid
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from .. import oldstyle
from .._wire import decode
from ..aggregator import LLMAggregator
from ..errors import BadResponseError
from ..manager import PrivateManager
from .asking import Asking
from .ledger import OK, Entry
from .ledger_jsonl import entry_of, line_of
from .outcome import Asked, id_text
from .output import COLUMNS, flat

ANSWER_COLUMNS = tuple(name for name in COLUMNS if name not in ("n", "id"))
"""The columns that a row gains; ``parsed``, ``tool_calls`` and ``error`` are JSON text."""


class SharedLedger:
    """Answers by their keys, in a folder. Each process appends to a file of its own and reads those of all others.

    Nobody locks anything, so the folder may be on a network. In memory stands a key and a place for each answer.
    """

    def __init__(self, folder: str | Path) -> None:
        self._folder = Path(folder)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._own = self._folder / f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}.jsonl"
        self._file = os.open(self._own, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
        self._read: dict[Path, int] = {}
        self._places: dict[bytes, tuple[Path, int]] = {}

    def look(self) -> None:
        """Reads what was written since the last look."""
        for path in self._folder.glob("*.jsonl"):
            at = self._read.get(path, 0)
            if path.stat().st_size <= at:
                continue
            with path.open("rb") as file:
                file.seek(at)
                for line in file:
                    if not line.endswith(b"\n"):
                        break  # its writer was killed, or is writing
                    try:
                        key = bytes.fromhex(decode(line)["key"])
                    except (BadResponseError, KeyError, TypeError, ValueError):
                        key = b""  # behind a torn line
                    self._places[key] = (path, at)
                    at += len(line)
            self._read[path] = at

    def find(self, key: bytes) -> Entry | None:
        """The answer of a key."""
        place = self._places.get(key)
        if place is None:
            return None
        with place[0].open("rb") as file:
            file.seek(place[1])
            return entry_of(file.readline())

    def put(self, entry: Entry) -> None:
        """Appends an answer; the system has it at once."""
        os.write(self._file, line_of(entry))


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
        self._ledger = None if ledger is None else SharedLedger(ledger)
        self._ask_with = (prompt, parse, dict(params or {}))

    async def ask(self, rows: Iterable[Any]) -> list[dict[str, Any]]:
        """The answers to rows, in their order; a row that fails has an ``error``. Failed rows are asked again by the
        next run, answered ones are not. Rows with the same request and the same id are one row.
        """
        if self._asking is None:
            await self._llm.initialize(self._config)
            if unheeded := vars(self._llm).get("_bulk"):
                oldstyle.warn(
                    f"the configuration's 'bulk' has {', '.join(unheeded)}, which llmagg.bulk.ray and llmagg.bulk.dask "
                    "do not heed; params={'max_cost': …} bounds each call"
                )
            made = Asking(self._llm, *self._ask_with)
            await made.check()
            self._asking = made
        asking = self._asking
        if self._ledger is not None:
            self._ledger.look()
        asked = [asking.asked(n, row) for n, row in enumerate(rows)]
        entries = await asyncio.gather(*(self._one(asking, one) for one in asked))
        return [dict(zip(COLUMNS, flat(entry))) for entry in entries]

    async def _one(self, asking: Asking, asked: Asked) -> Entry:
        asked = asked._replace(key=asked.key + (id_text(asked.row) or "").encode())
        if self._ledger is not None and (found := self._ledger.find(asked.key)) is not None:
            return found
        entry, _, _ = await asking.ask(asked)
        if self._ledger is not None and entry.state == OK:
            self._ledger.put(entry)
        return entry
