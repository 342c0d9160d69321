"""The ledger as a file of JSON lines, which other programs read easily; a torn last line is dropped."""

from __future__ import annotations

import os
import time
from array import array
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from .._wire import decode, encode
from ..errors import BadResponseError
from .ledger import GROUP, GROUP_S, Entry, foreign
from .lock import Lock
from .report import LedgerError, LedgerFullError
from .room import Ballast, full

_NUMBERS = range(1 << 31)  # of rows; a larger one would be a larger file than there is
_PAGE = 256  # places that are held together
_TEXTS = ("id", "answer", "usage", "error")


class JsonlLedger:
    """Lines are appended; the last line of a row counts. Memory holds the position of each line: 8 bytes a row,
    and a page for a row far from the others.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = Lock(path)
        self._places: dict[int, array[int]] = {}  # pages by the row's number: the place of its line + 1; 0: none
        self._meta: dict[str, Any] = {}
        self._unsynced = 0
        self._synced_at = time.monotonic()
        self._ballast: Ballast | None = None
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            self._lock.close()
            raise full(path, error) from None
        try:
            self._end = self._scan()
            os.ftruncate(self._file, self._end)
            self._ballast = Ballast(path, copies=1)
        except BaseException:
            self._lock.close()
            os.close(self._file)
            raise

    def _scan(self) -> int:
        """Reads all lines; returns where the last whole line ends."""
        end = 0
        with self.path.open("rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    if end == 0 and not _begins(line):
                        raise self._foreign(end)
                    break
                try:
                    read = decode(line)
                    if "note" in read:
                        self._meta[read["note"]] = read["value"]
                    else:
                        self._place(read["n"], end)
                except (BadResponseError, KeyError, TypeError):
                    raise self._foreign(end) from None
                end += len(line)
        return end

    def _foreign(self, at: int) -> LedgerError:
        return foreign(self.path, f" (byte {at})")

    def _place(self, n: int, at: int) -> None:
        if n not in _NUMBERS:
            raise TypeError("no number of a row")
        page, i = divmod(n, _PAGE)
        if page not in self._places:
            self._places[page] = array("q", bytes(8 * _PAGE))
        self._places[page][i] = at + 1

    def meta(self) -> dict[str, Any]:
        """What was noted beside the rows."""
        return dict(self._meta)

    def note(self, name: str, value: Any) -> None:
        """Notes something beside the rows."""
        self._meta[name] = value
        self._append(encode({"note": name, "value": value}, "a note") + b"\n")
        self.sync()

    def find(self, n: int) -> Entry | None:
        """The entry of a row."""
        page, i = divmod(n, _PAGE)
        place = self._places[page][i] if page in self._places else 0
        return self._entry(place - 1) if place else None

    def _entry(self, at: int) -> Entry:
        line = b""
        while not line.endswith(b"\n"):
            line += os.pread(self._file, 4096, at + len(line))
            line = line[: line.find(b"\n") + 1] or line
        try:
            return entry_of(line)
        except (BadResponseError, KeyError, TypeError, ValueError):
            raise self._foreign(at) from None

    def put(self, entries: list[Entry]) -> None:
        """Appends entries."""
        lines = [line_of(entry) for entry in entries]
        at = self._end
        self._append(b"".join(lines))
        for entry, line in zip(entries, lines):
            self._place(entry.n, at)
            at += len(line)
        if self._ballast is not None:
            self._ballast.learn(len(lines), max(map(len, lines)))
        self._unsynced += len(entries)
        if self._unsynced >= GROUP or time.monotonic() - self._synced_at >= GROUP_S:
            self.sync()

    def _append(self, data: bytes) -> None:
        done, last = 0, False
        while done < len(data):
            try:
                done += os.pwrite(self._file, data[done:], self._end + done)
            except OSError as error:
                if last or self._ballast is None:
                    os.ftruncate(self._file, self._end)
                    raise full(self.path, error) from None
                last = True
                self._ballast.drop()
        self._end += len(data)

    def room(self, wanted: int) -> int:
        """How many rows, up to ``wanted``, may be on their way, so that their answers can still be written."""
        return wanted if self._ballast is None else self._ballast.rows(wanted, self._end)

    def crowded(self) -> OSError:
        """Why that is none."""
        assert self._ballast is not None
        return self._ballast.why()

    def sync(self) -> None:
        """Brings what was written to the disk."""
        self._unsynced, self._synced_at = 0, time.monotonic()
        try:
            os.fdatasync(self._file)
        except OSError as error:  # some file systems look for room only now
            raise full(self.path, error) from None

    def entries(self) -> Iterator[Entry]:
        """All entries in the order of their rows."""
        for page in sorted(self._places):
            for place in self._places[page]:
                if place:
                    yield self._entry(place - 1)

    def costs(self) -> dict[str, float]:
        """What all rows cost, by currency."""
        found: dict[str, float] = {}
        for entry in self.entries():
            if entry.cost is not None and entry.currency is not None:
                found[entry.currency] = found.get(entry.currency, 0.0) + entry.cost
        return found

    def close(self) -> None:
        """Brings everything to the disk and lets others use the ledger."""
        if self._ballast is not None:
            self._ballast.drop()
        with suppress(LedgerFullError):
            self.sync()
        os.close(self._file)
        self._lock.close()


def _begins(torn: bytes) -> bool:
    """Whether a torn first line is a ledger's: another program's file is not emptied."""
    first = b'{"note":"job"'
    return torn.startswith(first) or first.startswith(torn)


def entry_of(line: bytes) -> Entry:
    """The entry of a line."""
    read = decode(line)
    texts = {key: encode(read[key]).decode() for key in _TEXTS if key in read}
    return Entry(**{**read, **texts, "key": bytes.fromhex(read["key"])})


def line_of(entry: Entry) -> bytes:
    """An entry as a line."""
    parts = [f'{{"n":{entry.n},"key":"{entry.key.hex()}","state":{entry.state},"attempts":{entry.attempts}']
    parts += [f'"{key}":{text}' for key in _TEXTS if (text := getattr(entry, key)) is not None]
    if entry.cost is not None:
        parts.append(f'"cost":{entry.cost!r},"currency":"{entry.currency}"')
    return (",".join(parts) + "}\n").encode()
