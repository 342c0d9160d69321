"""A cache on disk, by SQLite."""

from __future__ import annotations

import contextlib
import os
import queue
import sqlite3
import threading
import time
import warnings
import weakref
from collections.abc import Callable
from concurrent.futures import Future
from datetime import timedelta
from pathlib import Path
from typing import Any

from . import errors
from ._native import load, stored
from ._shown import shown_path
from .cache import Cache
from .config import seconds

_APPLICATION = 0x6C6C6D63  # "llmc", by which a file is known as one of these
_VERSION = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, value BLOB NOT NULL, used REAL NOT NULL, until REAL);
CREATE INDEX IF NOT EXISTS answers_used ON answers (used);
CREATE TABLE IF NOT EXISTS total (bytes INTEGER NOT NULL);
INSERT INTO total SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM total);
CREATE TRIGGER IF NOT EXISTS answers_in AFTER INSERT ON answers
    BEGIN UPDATE total SET bytes = bytes + length(new.value) + 256; END;
CREATE TRIGGER IF NOT EXISTS answers_out AFTER DELETE ON answers
    BEGIN UPDATE total SET bytes = bytes - length(old.value) - 256; END;
"""
_BUSY = 2.0  # seconds that a write waits for that of another process
_LOOK = 60.0  # seconds in which the time of the last use is not noted again, and by which clocks may differ


class SqliteCache(Cache):
    """A :class:`llmagg.Cache` in a file, which any number of processes share and which outlasts them.

    Example::

        aggregator = llmagg.LLMAggregator(["gpt-4o"], cache=llmagg.SqliteCache("answers.db", ttl_s=86400))
        aggregator = llmagg.LLMAggregator(["gpt-4o"], cache={"path": "answers.db"})  # the same, as a dict

    ``size`` bounds the kept answers ("1GB"); what was not used for the longest time is deleted first. A file that is
    no cache raises InvalidArgumentError when it is opened. Later failures, such as a full disk, fail no call: they are
    counted in ``report()["failed"]``, and the first of them is a UserWarning. Only the file's owner can read it. One
    thread of this object uses the file; a call waits for it, but no event loop does. ``close`` waits for what is not
    written yet, and so does the end of the program.
    """

    def __init__(
        self, path: str | os.PathLike[str], size: int | str = "1GB", ttl_s: float | timedelta | None = None
    ) -> None:
        self._open({"path": path, "size": size, "ttl_s": seconds(ttl_s)})

    def _open(self, limits: dict[str, Any]) -> None:
        path = limits.pop("path")
        if not isinstance(path, (str, os.PathLike)) or not os.fspath(path) or os.fspath(path) == ":memory:":
            raise errors.InvalidArgumentError(f"the cache's path is {path!r}; expected the path of a file")
        self.path = str(Path(path).expanduser().absolute())
        limits.setdefault("size", "1GB")
        self._keeper: _Keeper | None = None
        self._set({**limits, "store": "ask"})

    def _begin(self) -> None:
        super()._begin()
        if self._keeper is None or self._keeper.generation != load.generation:  # new, or in a forked child
            self._keeper = _Keeper(_Database(self.path, super().report()["size"]))
            stored.stores[self._name] = self._keeper

    def clear(self) -> None:
        """Forgets all answers in the file, and counts from 0."""
        super().clear()
        if self._keeper is not None:
            self._keeper.ask(_Database.clear)

    def report(self) -> dict[str, int]:
        """As that of :class:`Cache`; ``entries`` and ``bytes`` are those of the file."""
        report = super().report()
        keeper = self._keeper
        if keeper is not None and keeper.close.alive:
            held: dict[str, int] = keeper.ask(_Database.report)
            report.update(held, failed=report["failed"] + held["failed"])
        return report

    def close(self) -> None:
        """Waits until everything is written, and closes the file. Later calls find nothing, and keep nothing."""
        if self._keeper is not None:
            self._keeper.close()

    def _place(self) -> dict[str, str]:
        return {"path": str(self.path)}


class _Keeper:
    """The thread that uses a file, and what it is to do."""

    def __init__(self, database: _Database) -> None:
        self.generation = load.generation
        self._inbox: queue.SimpleQueue[Callable[[_Database], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=_serve, args=(self._inbox, database), name="llmagg-cache", daemon=True)
        self._thread.start()
        self.close = weakref.finalize(self, _stop, self._inbox, self._thread, load.generation)

    def get(self, op: int, key: str) -> None:
        """Answers the core from the thread."""
        if not self.close.alive:
            stored.answer(op, None)
            return

        def look(database: _Database) -> None:
            value = None
            try:
                value = database.get(key)
            finally:
                stored.answer(op, value)

        self._inbox.put(look)

    def put(self, key: str, value: bytes, ttl_s: float | None) -> None:
        """Keeps a value."""
        if self.close.alive:
            self._inbox.put(lambda database: database.put(key, value, ttl_s))

    def ask(self, what: Callable[[_Database], Any]) -> Any:
        """What a function of the database gives; blocks."""
        if not self.close.alive:
            raise errors.ClosedError("the cache is closed")
        result: Future[Any] = Future()

        def run(database: _Database) -> None:
            try:
                result.set_result(what(database))
            except Exception as error:
                result.set_exception(error)

        self._inbox.put(run)
        return result.result()


def _serve(inbox: queue.SimpleQueue[Callable[[_Database], None] | None], database: _Database) -> None:
    while (task := inbox.get()) is not None:
        try:
            task(database)
        except Exception as error:
            database.fail(error)
        del task
    database.close()


def _stop(inbox: queue.SimpleQueue[Any], thread: threading.Thread, generation: int) -> None:
    if generation == load.generation:  # a forked child has no such thread
        inbox.put(None)
        if thread is not threading.current_thread():
            thread.join(10)


_inherited: list[Any] = []  # connections of a parent process: they must not be used, nor closed


def _advice(error: sqlite3.DatabaseError) -> str:
    """What to do about a file that cannot be used, before another path is named. It may be another program's."""
    return "make room there, or " if "full" in str(error) else "delete it if nothing else needs it, or "


class _Database:
    """An open file. One thread at a time uses it."""

    def __init__(self, path: str, most: int) -> None:
        self._path = path
        self._most = most
        self._failed = 0
        self._puts = 0
        try:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            self._connection = sqlite3.connect(path, timeout=_BUSY, isolation_level=None, check_same_thread=False)
        except (OSError, sqlite3.Error) as error:
            text = f"the cache's file {shown_path(path)} cannot be opened: {error}"
            raise errors.InvalidArgumentError(text) from None
        try:
            self._prepare()
        except Exception as error:
            self._connection.close()
            if not isinstance(error, sqlite3.DatabaseError):
                raise
            raise errors.InvalidArgumentError(
                f"the cache's file {shown_path(path)} cannot be used: {error}; {_advice(error)}choose another path"
            ) from None
        _inherited.append(self._connection)

    def _prepare(self) -> None:
        run = self._connection.execute
        run("BEGIN")  # all three from one state of the file: another process may be making it
        known, version = (run(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version"))
        filled = run("SELECT 1 FROM sqlite_master").fetchone()
        run("COMMIT")
        if known != _APPLICATION and (known or filled):
            raise errors.InvalidArgumentError(
                f"the cache's file {shown_path(self._path)} is a database of another program; choose another path"
            )
        if known and version != _VERSION:
            raise errors.InvalidArgumentError(
                f"the cache's file {shown_path(self._path)} was made by another version; "
                "delete it, or choose another path"
            )
        until = time.monotonic() + 5
        while True:  # another process may be doing the same
            try:
                run("PRAGMA journal_mode = WAL")
                break
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > until:
                    raise
                time.sleep(0.02)  # the file tells nobody when it is free
        run("PRAGMA synchronous = NORMAL")
        with self._writing():
            for statement in _statements(_SCHEMA):
                run(statement)
            run(f"PRAGMA application_id = {_APPLICATION}")
            run(f"PRAGMA user_version = {_VERSION}")
            self._expire(time.time())

    @contextlib.contextmanager
    def _writing(self) -> Any:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            raise

    def get(self, key: str) -> bytes | None:
        now = time.time()
        row = self._connection.execute("SELECT value, used, until FROM answers WHERE key = ?", (key,)).fetchone()
        if row is None or (row[2] is not None and not row[1] - _LOOK <= now < row[2]):
            return None
        if abs(now - row[1]) > _LOOK:
            with contextlib.suppress(sqlite3.Error):
                self._connection.execute("UPDATE answers SET used = ? WHERE key = ?", (now, key))
        return bytes(row[0])

    def _expire(self, now: float) -> None:
        """Forgets what is too old. What was used in the future has no known age: the clock was set back since."""
        run = self._connection.execute
        run("DELETE FROM answers WHERE until <= ?1 OR until IS NOT NULL AND used > ?2", (now, now + _LOOK))
        run("UPDATE answers SET used = ?1 WHERE used > ?2", (now, now + _LOOK))

    def put(self, key: str, value: bytes, ttl_s: float | None) -> None:
        size = len(value) + 256
        if size > self._most:
            return
        now = time.time()
        run = self._connection.execute
        with self._writing():
            run("DELETE FROM answers WHERE key = ?", (key,))
            self._puts += 1
            if self._puts % 256 == 0:
                self._expire(now)
            while run("SELECT bytes FROM total").fetchone()[0] + size > self._most:
                run("DELETE FROM answers WHERE key IN (SELECT key FROM answers ORDER BY used LIMIT 16)")
            until = now + ttl_s if ttl_s is not None else None
            run("INSERT INTO answers (key, value, used, until) VALUES (?, ?, ?, ?)", (key, value, now, until))

    def clear(self) -> None:
        with self._writing():
            self._connection.execute("DELETE FROM answers")

    def report(self) -> dict[str, int]:
        held = {"entries": 0, "bytes": 0, "size": self._most, "failed": self._failed}
        with contextlib.suppress(sqlite3.Error):
            held["entries"] = self._connection.execute("SELECT count(*) FROM answers").fetchone()[0]
            held["bytes"] = self._connection.execute("SELECT bytes FROM total").fetchone()[0]
        return held

    def fail(self, error: Exception) -> None:
        """Counts a failure, and warns of the first."""
        self._failed += 1
        if self._failed == 1:
            with contextlib.suppress(Exception):  # warnings may be errors
                warnings.warn(
                    f"the cache's file {shown_path(self._path)} failed: {error}; "
                    "calls continue, and some answers are not kept",
                    stacklevel=2,
                )

    def close(self) -> None:
        with contextlib.suppress(sqlite3.Error):
            self._connection.close()
        with contextlib.suppress(ValueError):
            _inherited.remove(self._connection)


def _statements(script: str) -> list[str]:
    """The statements of a script, of which a trigger holds one more."""
    found, begun = [], ""
    for line in script.strip().splitlines():
        begun += line + "\n"
        if line.endswith(";") and (not begun.startswith("CREATE TRIGGER") or line.endswith("END;")):
            found.append(begun)
            begun = ""
    return found
