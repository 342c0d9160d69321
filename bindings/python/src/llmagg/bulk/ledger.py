"""The ledger: every answer that was paid, by the number of its row, in sqlite or in a file of JSON lines."""

from __future__ import annotations

import sqlite3
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from .._shown import shown_path
from .._wire import decode, encode
from .lock import Lock
from .report import LedgerError
from .room import Ballast, full

GROUP = 500
"""So many answers, or those of ``GROUP_S``, are brought to the disk together; a kill of the process loses none."""
GROUP_S = 0.5
OK, FAILED = 1, 2


class Entry(NamedTuple):
    """A row's outcome. ``answer``, ``usage`` and ``error`` are JSON text, ``id`` too."""

    n: int
    key: bytes
    state: int
    id: str | None = None
    answer: str | None = None
    usage: str | None = None
    cost: float | None = None
    currency: str | None = None
    attempts: int = 0
    error: str | None = None


class Ledger(ABC):
    """A file with the answers of a job, which one run uses at a time. Used by one thread.

    What is written reaches the system at once, and the disk in groups.
    """

    _COPIES: ClassVar[int]  # so often an answer is written

    def __init__(self, path: Path) -> None:
        self.path = path
        self._unsynced, self._synced_at = 0, time.monotonic()
        with ExitStack() as opened:
            opened.callback(Lock(path).close)
            self._open(opened)
            self._ballast = Ballast(path, self._COPIES)
            self._opened = opened.pop_all()

    @abstractmethod
    def _open(self, opened: ExitStack) -> None:
        """Opens the file, which ``opened`` closes."""

    @abstractmethod
    def meta(self) -> dict[str, Any]:
        """What was noted beside the rows."""

    def note(self, name: str, value: Any) -> None:
        """Notes something beside the rows."""
        self._note(name, value)
        self.sync()

    @abstractmethod
    def _note(self, name: str, value: Any) -> None: ...

    @abstractmethod
    def find(self, n: int) -> Entry | None:
        """The entry of a row; cheap if rows are asked for in order."""

    def put(self, entries: list[Entry]) -> None:
        """Writes entries so that a kill of the process does not lose them. Raises LedgerFullError."""
        self._ballast.learn(len(entries), self._put(entries))
        self._unsynced += len(entries)
        if self._unsynced >= GROUP or time.monotonic() - self._synced_at >= GROUP_S:
            self.sync()

    @abstractmethod
    def _put(self, entries: list[Entry]) -> int:
        """Writes entries; returns the bytes of the largest."""

    @abstractmethod
    def entries(self) -> Iterator[Entry]:
        """All entries in the order of their rows."""

    @abstractmethod
    def costs(self) -> dict[str, float]:
        """What all rows cost, by currency."""

    def room(self, wanted: int) -> int:
        """How many rows, up to ``wanted``, may be on their way, so that their answers can still be written."""
        return self._ballast.rows(wanted, self._size())

    @abstractmethod
    def _size(self) -> int:
        """The bytes of the file and its log."""

    def crowded(self) -> OSError:
        """Why that is none."""
        return self._ballast.why()

    def sync(self) -> None:
        """Brings what was written to the disk."""
        self._unsynced, self._synced_at = 0, time.monotonic()
        self._sync()

    @abstractmethod
    def _sync(self) -> None: ...

    def close(self) -> None:
        """Brings everything to the disk and lets others use the ledger."""
        self._ballast.drop()
        with self._opened:
            self._sync_at_end()

    @abstractmethod
    def _sync_at_end(self) -> None: ...


def foreign(path: Path, at: str = "") -> LedgerError:
    """The error for a file that holds something else. ``at`` says where, behind the file's name."""
    text = f"the file {shown_path(path)} is not a ledger{at}"
    return LedgerError(f"{text}; name another file as the ledger, or another output")


def damaged(path: Path, error: Exception) -> LedgerError:
    """The error for a ledger of which something cannot be read any more."""
    text = f"the ledger {shown_path(path)} is damaged: {error}. Save what can be read"
    return LedgerError(f"{text} (the command sqlite3 has .recover), then remove the ledger; or go on with a copy of it")


def refuse_another(ledger: str, noted: Mapping[str, Any], job: Mapping[str, Any], way_out: str) -> None:
    """Raises LedgerError if a ledger belongs to another job than ``job``."""
    for name, what in (("models", "the models"), ("params", "the parameters"), ("schema", "the form of answers")):
        if noted.get(name) != job[name]:
            raise LedgerError(
                f"the ledger {ledger} belongs to another job: {what} differ "
                f"(there {noted.get(name)!r}, now {job[name]!r}). {way_out}"
            )


def _size(entry: Entry) -> int:
    """The bytes of an entry's texts, at most."""
    texts = (entry.id, entry.answer, entry.usage, entry.error)
    return sum(len(text) if text.isascii() else 4 * len(text) for text in texts if text)


class SqliteLedger(Ledger):
    """Rows by number in sqlite, whose log holds what is not in the table yet."""

    _COLUMNS = "n, key, state, id, answer, usage, cost, currency, attempts, error"
    _COPIES = 2  # in the log and in the table
    _PAGE = 2000
    _TABLES: ClassVar = {
        "meta": "CREATE TABLE meta(name TEXT PRIMARY KEY, value TEXT)",
        "item": "CREATE TABLE item(n INTEGER PRIMARY KEY, key BLOB, state INTEGER, id TEXT, answer TEXT, "
        "usage TEXT, cost REAL, currency TEXT, attempts INTEGER, error TEXT)",
    }

    def _open(self, opened: ExitStack) -> None:
        self._log = Path(f"{self.path}-wal")
        self._page: dict[int, Entry] = {}
        self._page_end = 0
        try:
            self._db = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
            opened.callback(self._db.close)
            there = self._db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'").fetchall()
            if not set(there) <= set(self._TABLES.items()):
                raise foreign(self.path)  # nothing of another program's database is changed
            for setting in ("journal_mode=WAL", "synchronous=NORMAL", "wal_autocheckpoint=0", "cache_size=-4000"):
                self._db.execute(f"PRAGMA {setting}")
            for name, statement in self._TABLES.items():
                if name not in dict(there):
                    self._db.execute(statement)
        except sqlite3.OperationalError as error:
            raise full(self.path, error) from None
        except sqlite3.DatabaseError:
            raise foreign(self.path) from None

    def meta(self) -> dict[str, Any]:
        """What was noted beside the rows."""
        return {name: decode(value.encode()) for name, value in self._read("SELECT name, value FROM meta")}

    def _read(self, statement: str, numbers: tuple[int, ...] = ()) -> Iterator[Any]:
        """The rows of a statement. Raises LedgerError, LedgerFullError."""
        try:
            yield from self._db.execute(statement, numbers)
        except sqlite3.OperationalError as error:
            raise full(self.path, error) from None
        except sqlite3.DatabaseError as error:
            raise damaged(self.path, error) from None

    def _note(self, name: str, value: Any) -> None:
        self._write("INSERT OR REPLACE INTO meta VALUES(?, ?)", [(name, encode(value, "a note").decode())])

    def find(self, n: int) -> Entry | None:
        """The entry of a row; rows are read in pages."""
        if n >= self._page_end or n < self._page_end - self._PAGE:
            rows = self._read(f"SELECT {self._COLUMNS} FROM item WHERE n >= ? AND n < ?", (n, n + self._PAGE))
            self._page = {row[0]: Entry._make(row) for row in rows}
            self._page_end = n + self._PAGE
        return self._page.pop(n, None)

    def _put(self, entries: list[Entry]) -> int:
        self._write(f"INSERT OR REPLACE INTO item({self._COLUMNS}) VALUES(?,?,?,?,?,?,?,?,?,?)", entries)
        return max(map(_size, entries))

    def _write(self, statement: str, rows: list[Any]) -> None:
        """Writes rows in one transaction."""
        ways_out = [self._ballast.drop, self._empty_log]
        while True:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                self._db.executemany(statement, rows)
                self._db.execute("COMMIT")
                return
            except sqlite3.DatabaseError as error:
                with suppress(sqlite3.Error):
                    self._db.execute("ROLLBACK")
                if not isinstance(error, sqlite3.OperationalError):
                    raise damaged(self.path, error) from None
                if not ways_out:
                    raise full(self.path, error) from None
                ways_out.pop(0)()

    def _size(self) -> int:
        if self._log_size() > self._ballast.longest_log and not self._ballast.dropped:
            self._empty_log()
        return self.path.stat().st_size + self._log_size()

    def _log_size(self) -> int:
        try:
            return self._log.stat().st_size
        except FileNotFoundError:
            return 0

    def _empty_log(self, how: str = "TRUNCATE") -> None:
        with suppress(sqlite3.DatabaseError):  # a full disk: the log keeps what the table has no room for
            self._db.execute(f"PRAGMA wal_checkpoint({how})").fetchall()

    def _sync(self) -> None:
        if not self._ballast.dropped:  # else the table would take the room that the log still needs
            self._empty_log("PASSIVE")

    def _sync_at_end(self) -> None:
        self._empty_log()

    def entries(self) -> Iterator[Entry]:
        """All entries in the order of their rows."""
        return map(Entry._make, self._read(f"SELECT {self._COLUMNS} FROM item ORDER BY n"))

    def costs(self) -> dict[str, float]:
        """What all rows cost, by currency."""
        return dict(self._read("SELECT currency, sum(cost) FROM item WHERE cost IS NOT NULL GROUP BY currency"))
