"""The ledger: every answer that was paid, by the number of its row, in sqlite or in a file of JSON lines."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Protocol

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


class Ledger(Protocol):
    """What the engine needs of a ledger. Used by one thread."""

    path: Path

    def meta(self) -> dict[str, Any]:
        """What was noted beside the rows."""

    def note(self, name: str, value: Any) -> None:
        """Notes something beside the rows."""

    def find(self, n: int) -> Entry | None:
        """The entry of a row; cheap if rows are asked for in order."""

    def put(self, entries: list[Entry]) -> None:
        """Writes entries so that a kill of the process does not lose them. Raises LedgerFullError."""

    def entries(self) -> Iterator[Entry]:
        """All entries in the order of their rows."""

    def costs(self) -> dict[str, float]:
        """What all rows cost, by currency."""

    def room(self, wanted: int) -> int:
        """How many rows, up to ``wanted``, may be on their way, so that their answers can still be written."""

    def crowded(self) -> OSError:
        """Why that is none."""

    def close(self) -> None:
        """Brings everything to the disk and lets others use the ledger."""


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


class SqliteLedger:
    """Rows by number in sqlite. A transaction reaches the system at once, and the disk in groups."""

    _COLUMNS = "n, key, state, id, answer, usage, cost, currency, attempts, error"
    _PAGE = 2000
    _TABLES: ClassVar = {
        "meta": "CREATE TABLE meta(name TEXT PRIMARY KEY, value TEXT)",
        "item": "CREATE TABLE item(n INTEGER PRIMARY KEY, key BLOB, state INTEGER, id TEXT, answer TEXT, "
        "usage TEXT, cost REAL, currency TEXT, attempts INTEGER, error TEXT)",
    }

    def __init__(self, path: Path) -> None:
        self.path = path
        self._log = Path(f"{path}-wal")
        self._lock = Lock(path)
        self._ballast: Ballast | None = None
        self._page: dict[int, Entry] = {}
        self._page_end = 0
        self._unsynced = 0
        self._synced_at = time.monotonic()
        try:
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            try:
                self._open()
            except BaseException:
                self._db.close()
                raise
        except sqlite3.OperationalError as error:
            self._lock.close()
            raise full(path, error) from None
        except sqlite3.DatabaseError:
            self._lock.close()
            raise foreign(path) from None
        except BaseException:
            self._lock.close()
            raise

    def _open(self) -> None:
        there = self._db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'").fetchall()
        if not set(there) <= set(self._TABLES.items()):
            raise foreign(self.path)  # nothing of another program's database is changed
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.execute("PRAGMA wal_autocheckpoint=0")
        self._db.execute("PRAGMA cache_size=-4000")
        for name, statement in self._TABLES.items():
            if name not in dict(there):
                self._db.execute(statement)
        self._ballast = Ballast(self.path, copies=2)  # in the log and in the table

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

    def note(self, name: str, value: Any) -> None:
        """Notes something beside the rows."""
        self._write("INSERT OR REPLACE INTO meta VALUES(?, ?)", [(name, encode(value, "a note").decode())])
        self.sync()

    def find(self, n: int) -> Entry | None:
        """The entry of a row; rows are read in pages."""
        if n >= self._page_end or n < self._page_end - self._PAGE:
            rows = self._read(f"SELECT {self._COLUMNS} FROM item WHERE n >= ? AND n < ?", (n, n + self._PAGE))
            self._page = {row[0]: Entry._make(row) for row in rows}
            self._page_end = n + self._PAGE
        return self._page.pop(n, None)

    def put(self, entries: list[Entry]) -> None:
        """Writes entries in one transaction."""
        self._write(f"INSERT OR REPLACE INTO item({self._COLUMNS}) VALUES(?,?,?,?,?,?,?,?,?,?)", entries)
        if self._ballast is not None:
            self._ballast.learn(len(entries), max(map(_size, entries)))
        self._unsynced += len(entries)
        if self._unsynced >= GROUP or time.monotonic() - self._synced_at >= GROUP_S:
            self.sync()

    def _write(self, statement: str, rows: list[Any]) -> None:
        ways_out = [] if self._ballast is None else [self._ballast.drop, self._empty_log]
        while True:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                self._db.executemany(statement, rows)
                self._db.execute("COMMIT")
                return
            except sqlite3.OperationalError as error:
                with suppress(sqlite3.Error):
                    self._db.execute("ROLLBACK")
                if not ways_out:
                    raise full(self.path, error) from None
                ways_out.pop(0)()
            except sqlite3.DatabaseError as error:
                with suppress(sqlite3.Error):
                    self._db.execute("ROLLBACK")
                raise damaged(self.path, error) from None

    def room(self, wanted: int) -> int:
        """How many rows, up to ``wanted``, may be on their way, so that their answers can still be written."""
        if self._ballast is None:
            return wanted
        size = self._log_size()
        if size > self._ballast.longest_log and not self._ballast.dropped:
            self._empty_log()
            size = self._log_size()
        return self._ballast.rows(wanted, self.path.stat().st_size + size)

    def _log_size(self) -> int:
        try:
            return self._log.stat().st_size
        except FileNotFoundError:
            return 0

    def crowded(self) -> OSError:
        """Why that is none."""
        assert self._ballast is not None
        return self._ballast.why()

    def _empty_log(self) -> None:
        with suppress(sqlite3.DatabaseError):  # a full disk: the log keeps what the table has no room for
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def sync(self) -> None:
        """Brings what was written to the disk."""
        self._unsynced, self._synced_at = 0, time.monotonic()
        if self._ballast is not None and self._ballast.dropped:
            return  # the table would take the room that the log still needs
        with suppress(sqlite3.DatabaseError):  # a full disk: the log keeps what the table has no room for
            self._db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def entries(self) -> Iterator[Entry]:
        """All entries in the order of their rows."""
        for row in self._read(f"SELECT {self._COLUMNS} FROM item ORDER BY n"):
            yield Entry._make(row)

    def costs(self) -> dict[str, float]:
        """What all rows cost, by currency."""
        return dict(self._read("SELECT currency, sum(cost) FROM item WHERE cost IS NOT NULL GROUP BY currency"))

    def close(self) -> None:
        """Brings everything to the disk and lets others use the ledger."""
        if self._ballast is not None:
            self._ballast.drop()
        self._empty_log()
        self._db.close()
        self._lock.close()
