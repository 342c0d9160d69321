"""The ledger: every answer that was paid, by the number of its row, in sqlite or in a file of JSON lines."""

from __future__ import annotations

import errno
import os
import resource
import sqlite3
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Protocol

from .._wire import decode, encode
from .lock import Lock
from .report import LedgerError, LedgerFullError

GROUP = 500
"""So many answers, or those of ``GROUP_S``, are brought to the disk together; a kill of the process loses none."""
GROUP_S = 0.5
_BALLAST = 4 << 20
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
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

    @property
    def crowded(self) -> OSError | None:
        """Why no further row should be asked, while those on their way can still be written."""

    def close(self) -> None:
        """Brings everything to the disk and lets others use the ledger."""


class Ballast:
    """Room on the disk that is given back when the disk is full, so that answers in flight can still be written."""

    def __init__(self, ledger: Path) -> None:
        self._dropped = False
        limit = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
        self._most = limit - min(_BALLAST, limit // 2) if limit != resource.RLIM_INFINITY else None
        self._path = Path(f"{ledger}.reserve")
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            os.posix_fallocate(file, 0, _BALLAST)
        except OSError as error:  # a file system that cannot do it goes without
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                self.drop()
                raise full(ledger, error) from None
        finally:
            os.close(file)

    def drop(self) -> None:
        """Gives the room back."""
        self._dropped = True
        self._path.unlink(missing_ok=True)

    def crowded(self, size: int) -> OSError | None:
        """Why no further row should be asked of a ledger whose largest file has this size."""
        if self._dropped:
            return OSError(errno.ENOSPC, "the disk is full")
        if self._most is not None and size > self._most:
            return OSError(errno.EFBIG, "it comes near to the largest file that this process may write (ulimit -f)")
        return None


def full(path: Path, error: Exception) -> LedgerFullError:
    """The error for a file that cannot be written."""
    why = getattr(error, "strerror", None) or error
    number = getattr(error, "errno", None)
    space = number in _NO_ROOM or any(word in str(why) for word in ("full", "I/O"))
    advice = "Free some space" if space else "Raise that limit" if number == errno.EFBIG else "Mend that"
    text = f"{str(path)!r} cannot be written: {why}. {advice} and run again with resume: what is in the ledger"
    return LedgerFullError(f"{text} stays, and is not asked again")


def foreign(path: Path, at: str = "") -> LedgerError:
    """The error for a file that holds something else. ``at`` says where, behind the file's name."""
    return LedgerError(f"{str(path)!r} is not a ledger{at}; remove it, or use another output")


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
        self._ballast = Ballast(self.path)

    def meta(self) -> dict[str, Any]:
        """What was noted beside the rows."""
        return {name: decode(value.encode()) for name, value in self._db.execute("SELECT name, value FROM meta")}

    def note(self, name: str, value: Any) -> None:
        """Notes something beside the rows."""
        self._write("INSERT OR REPLACE INTO meta VALUES(?, ?)", [(name, encode(value, "a note").decode())])
        self.sync()

    def find(self, n: int) -> Entry | None:
        """The entry of a row; rows are read in pages."""
        if n >= self._page_end or n < self._page_end - self._PAGE:
            rows = self._db.execute(
                f"SELECT {self._COLUMNS} FROM item WHERE n >= ? AND n < ?", (n, n + self._PAGE)
            ).fetchall()
            self._page = {row[0]: Entry._make(row) for row in rows}
            self._page_end = n + self._PAGE
        return self._page.pop(n, None)

    def put(self, entries: list[Entry]) -> None:
        """Writes entries in one transaction."""
        self._write(f"INSERT OR REPLACE INTO item({self._COLUMNS}) VALUES(?,?,?,?,?,?,?,?,?,?)", entries)
        self._unsynced += len(entries)
        if self._unsynced >= GROUP or time.monotonic() - self._synced_at >= GROUP_S:
            self.sync()

    def _write(self, statement: str, rows: list[Any]) -> None:
        for last in (False, True):
            try:
                self._db.execute("BEGIN IMMEDIATE")
                self._db.executemany(statement, rows)
                self._db.execute("COMMIT")
                return
            except sqlite3.OperationalError as error:
                with suppress(sqlite3.Error):
                    self._db.execute("ROLLBACK")
                if last or self._ballast is None:
                    raise full(self.path, error) from None
                self._ballast.drop()

    @property
    def crowded(self) -> OSError | None:
        """Why no further row should be asked, while those on their way can still be written."""
        if self._ballast is None:
            return None
        files = (self.path, Path(f"{self.path}-wal"))
        return self._ballast.crowded(max(file.stat().st_size for file in files if file.exists()))

    def sync(self) -> None:
        """Brings what was written to the disk."""
        self._unsynced, self._synced_at = 0, time.monotonic()
        with suppress(sqlite3.OperationalError):  # a full disk: the log keeps what the table has no room for
            self._db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def entries(self) -> Iterator[Entry]:
        """All entries in the order of their rows."""
        for row in self._db.execute(f"SELECT {self._COLUMNS} FROM item ORDER BY n"):
            yield Entry._make(row)

    def costs(self) -> dict[str, float]:
        """What all rows cost, by currency."""
        found = self._db.execute("SELECT currency, sum(cost) FROM item WHERE cost IS NOT NULL GROUP BY currency")
        return dict(found.fetchall())

    def close(self) -> None:
        """Brings everything to the disk and lets others use the ledger."""
        if self._ballast is not None:
            self._ballast.drop()
        with suppress(sqlite3.OperationalError):
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        self._db.close()
        self._lock.close()
