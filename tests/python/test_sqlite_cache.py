"""Caches on disk."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import llmagg
from conftest import config_for
from llmagg.faultwall import FaultWall
from llmagg.sqlite_cache import _Database


def aggregator_of(wall: FaultWall, cache: Any, *texts: str) -> llmagg.LLMAggregator:
    wall.script({"models": {"gpt-a": {"steps": [{"text": text} for text in texts or ("one", "two", "three")]}}})
    aggregator = llmagg.LLMAggregator(["gpt-a"], cache=cache)
    aggregator.initialize_sync(config_for(wall, "gpt-a"))
    return aggregator


def test_answers_outlast_the_cache(llm_wall: FaultWall, tmp_path: Path) -> None:
    path = tmp_path / "answers.db"
    first = llmagg.SqliteCache(path, ttl_s=1000)
    aggregator = aggregator_of(llm_wall, first)
    assert not aggregator.chat_sync("hi").cached
    assert aggregator.chat_sync("hi").cache == "hit"
    assert first.report()["entries"] == 1 and first.report()["kept"] == 1
    first.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not aggregator.chat_sync("hi").cached  # a closed one keeps nothing

    again = aggregator_of(llm_wall, {"path": str(path)}, "other")
    events = list(again.stream_sync("hi"))
    assert "".join(event.text for event in events[:-1]) == "one"
    assert isinstance(events[-1], llmagg.DoneEvent) and events[-1].response.cached

    async def ask() -> llmagg.ChatCompletionResponse:
        return await again.chat("hi")

    assert asyncio.run(ask()).cache == "hit"
    assert again.cache is not None
    again.cache.clear()
    assert again.chat_sync("hi").text == "other"


def test_size_and_time_are_bounds(tmp_path: Path) -> None:
    database = _Database(str(tmp_path / "a.db"), 40 * (1000 + 256))
    for i in range(100):
        database.put(str(i), b"x" * 1000, None)
    held = database.report()
    assert 20 <= held["entries"] <= 40 and held["bytes"] == held["entries"] * 1256
    assert database.get("99") is not None and database.get("0") is None
    database.put("99", b"y", None)
    assert database.get("99") == b"y" and database.report()["bytes"] == (held["entries"] - 1) * 1256 + 257
    database.put("old", b"z", -1)
    assert database.get("old") is None
    database.put("large", b"x" * 100_000, None)
    assert database.get("large") is None
    database.close()


_ASK = """
import sys, llmagg
wall, path, text = sys.argv[1:]
llm = llmagg.LLMAggregator(["m"], cache={"path": path})
llm.initialize_sync({"openai": {"api_key": "k-123456", "base_url": wall, "models": {"m": {}}}})
for i in range(int(text)):
    print(llm.chat_sync(f"question {i}").cache, flush=True)
"""


def asking(wall: FaultWall, path: Path, count: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _ASK, wall.url, str(path), str(count)], stdout=subprocess.PIPE, text=True
    )


def test_a_clock_that_is_set_back_keeps_nothing_for_longer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was used in the future has no known age: it is forgotten, or without a limit of time as old as the rest."""
    day, now = 86400.0, [1.8e9]
    monkeypatch.setattr("llmagg.sqlite_cache.time.time", lambda: now[0])
    path = str(tmp_path / "a.db")
    database = _Database(path, 3 * (1000 + 256))
    database.put("an hour", b"x" * 1000, 3600)
    database.put("for ever", b"x" * 1000, None)
    now[0] -= 30  # processes whose clocks differ a little
    assert database.get("an hour") is not None
    now[0] -= day
    assert database.get("an hour") is None
    for key in ("new", "newer", "newest"):  # "for ever", which nobody asked for, is not the last to go
        database.put(key, b"x" * 1000, 3600)
        now[0] += 1
    assert database.get("newest") is not None
    database.close()
    again = _Database(path, 1 << 20)
    assert again.report()["entries"] <= 3 and again.get("an hour") is None
    again.close()


def test_processes_share_it(llm_wall: FaultWall, tmp_path: Path) -> None:
    path = tmp_path / "answers.db"
    both = [asking(llm_wall, path, 20) for _ in range(2)]  # at the same time, on a new file
    for process in both:
        said = process.communicate(timeout=60)[0].split()
        assert process.returncode == 0 and len(said) == 20
    third = asking(llm_wall, path, 20)
    assert third.communicate(timeout=60)[0].split() == ["hit"] * 20


def test_a_new_file_may_be_opened_by_several_at_once(tmp_path: Path) -> None:
    """What one sees of a file that another is making is no database of another program."""
    with ThreadPoolExecutor(4) as pool:
        for n in range(20):
            for database in pool.map(lambda path: _Database(path, 1 << 30), [str(tmp_path / f"{n}.db")] * 4):
                database.close()


def test_a_killed_process_leaves_a_whole_file(llm_wall: FaultWall, tmp_path: Path) -> None:
    path = tmp_path / "answers.db"
    process = asking(llm_wall, path, 100_000)
    assert process.stdout is not None
    for _ in range(50):
        process.stdout.readline()
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    kept, total = connection.execute("SELECT count(*), sum(length(value) + 256) FROM answers").fetchone()
    assert kept >= 49 and connection.execute("SELECT bytes FROM total").fetchone() == (total,)
    connection.close()
    said = asking(llm_wall, path, 40).communicate(timeout=60)[0].split()
    assert said == ["hit"] * 40


def test_a_file_that_is_no_cache(tmp_path: Path) -> None:
    text, foreign, cut = tmp_path / "a.txt", tmp_path / "b.db", tmp_path / "c.db"
    text.write_text("This is a text, and no database. " * 100)
    with pytest.raises(llmagg.InvalidArgumentError, match=r"a\.txt' cannot be used: file is not a database; delete it"):
        llmagg.SqliteCache(text)
    assert text.read_text().startswith("This is a text")
    connection = sqlite3.connect(foreign)
    connection.execute("CREATE TABLE mine (a)")
    connection.close()
    with pytest.raises(llmagg.InvalidArgumentError, match="database of another program"):
        llmagg.SqliteCache(foreign)
    database = _Database(str(cut), 1 << 30)
    database._connection.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(llmagg.InvalidArgumentError, match="another version"):
        llmagg.SqliteCache(cut)
    with pytest.raises(llmagg.InvalidArgumentError, match="cannot be opened"):
        llmagg.SqliteCache(tmp_path / "nowhere" / "a.db")
    for path in (5, "", ":memory:"):
        with pytest.raises(llmagg.InvalidArgumentError, match="expected the path of a file"):
            llmagg.LLMAggregator(cache={"path": path})
    with pytest.raises(llmagg.InvalidArgumentError, match='did you mean "ttl_s"'):
        llmagg.LLMAggregator(cache={"path": str(tmp_path / "d.db"), "ttl": 1})


def test_a_full_or_broken_disk_fails_no_call(llm_wall: FaultWall, tmp_path: Path) -> None:
    cache = llmagg.SqliteCache(tmp_path / "answers.db")
    aggregator = aggregator_of(llm_wall, cache, "x" * 100_000)
    assert cache._keeper is not None
    cache._keeper.ask(lambda database: database._connection.execute("PRAGMA max_page_count = 8"))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(3):
            assert not aggregator.chat_sync("hi").cached
        failed = cache.report()["failed"]
    assert failed == 3
    [warning] = [w for w in caught if "cache" in str(w.message)]
    assert "disk is full" in str(warning.message) and "answers.db" in str(warning.message)
    cache._keeper.ask(lambda database: database._connection.execute("DROP TABLE answers"))
    assert not aggregator.chat_sync("hi").cached


def test_a_forked_child_opens_it_anew(llm_wall: FaultWall, tmp_path: Path) -> None:
    aggregator = aggregator_of(llm_wall, {"path": tmp_path / "answers.db"})
    aggregator.chat_sync("hi")
    assert aggregator.chat_sync("hi").cached
    child = os.fork()
    if child == 0:
        ok = False
        try:
            ok = aggregator.chat_sync("hi").cached and not aggregator.chat_sync("ho").cached
            ok = ok and aggregator.chat_sync("ho").cached
        finally:
            os._exit(0 if ok else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert aggregator.chat_sync("hi").cached and aggregator.chat_sync("ho").cached


def test_nobody_keeps_its_thread(tmp_path: Path) -> None:
    cache = llmagg.SqliteCache(tmp_path / "answers.db")
    assert cache._keeper is not None
    thread = cache._keeper._thread
    del cache
    thread.join(5)
    assert not thread.is_alive()
