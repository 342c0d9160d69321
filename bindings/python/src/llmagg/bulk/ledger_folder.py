"""A ledger in a folder that several machines share."""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .._wire import decode
from ..errors import BadResponseError
from .ledger import Entry
from .ledger_jsonl import entry_of, line_of


class FolderLedger:
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

    async def begin(self, job: Mapping[str, Any]) -> None:
        """Nothing: answers of several jobs may stand in a folder, since a key has all that its answer depends on."""

    async def ready(self, room: Callable[[int], bool]) -> None:
        """Nothing: a disk is there or is not, and has each answer at once."""

    async def written(self, keys: set[bytes]) -> None:
        """Nothing: the system has each answer at once."""

    async def find(self, keys: list[bytes]) -> dict[bytes, Entry]:
        """The answers that there are."""
        self.look()
        return {key: found for key in keys if (found := self._find(key)) is not None}

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

    def _find(self, key: bytes) -> Entry | None:
        """The answer of a key."""
        place = self._places.get(key)
        if place is None:
            return None
        with place[0].open("rb") as file:
            file.seek(place[1])
            return entry_of(file.readline())

    def put(self, key: bytes, entry: Entry) -> None:
        """Appends an answer; the system has it at once."""
        assert entry.key == key
        os.write(self._file, line_of(entry))
