"""The ledger as a file of JSON lines, which other programs read easily; a torn last line is dropped."""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from typing import Any

from .._wire import decode, encode
from ..errors import BadResponseError
from .ledger import Entry, Ledger, foreign
from .report import LedgerError, LedgerFullError
from .room import full

_NUMBERS = range(1 << 31)  # of rows; a larger one would be a larger file than there is
_PAGE = 256  # places that are held together
_TEXTS = ("id", "answer", "usage", "error")


class JsonlLedger(Ledger):
    """Lines are appended; the last line of a row counts. Memory holds the position of each line: 8 bytes a row,
    and a page for a row far from the others.
    """

    _COPIES = 1

    def _open(self, opened: ExitStack) -> None:
        self._places: dict[int, array[int]] = {}  # pages by the row's number: the place of its line + 1; 0: none
        self._meta: dict[str, Any] = {}
        try:
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise full(self.path, error) from None
        opened.callback(os.close, self._file)
        self._end = self._scan()
        os.ftruncate(self._file, self._end)

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

    def _note(self, name: str, value: Any) -> None:
        self._meta[name] = value
        self._append(encode({"note": name, "value": value}, "a note") + b"\n")

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

    def _put(self, entries: list[Entry]) -> int:
        lines = [line_of(entry) for entry in entries]
        at = self._end
        self._append(b"".join(lines))
        for entry, line in zip(entries, lines):
            self._place(entry.n, at)
            at += len(line)
        return max(map(len, lines))

    def _append(self, data: bytes) -> None:
        done, last = 0, False
        while done < len(data):
            try:
                done += os.pwrite(self._file, data[done:], self._end + done)
            except OSError as error:
                if last:
                    os.ftruncate(self._file, self._end)
                    raise full(self.path, error) from None
                last = True
                self._ballast.drop()
        self._end += len(data)

    def _size(self) -> int:
        return self._end

    def _sync(self) -> None:
        try:
            os.fdatasync(self._file)
        except OSError as error:  # some file systems look for room only now
            raise full(self.path, error) from None

    def _sync_at_end(self) -> None:
        with suppress(LedgerFullError):
            self._sync()

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
