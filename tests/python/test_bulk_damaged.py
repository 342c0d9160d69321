"""Ledgers that are damaged, or of another version: nothing is asked in vain, and the message says what to do."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from conftest import aggregator_for, chats
from llmagg import bulk
from llmagg.faultwall import FaultWall

ROWS = [f"row {n} {'x' * 400}" for n in range(3000)]


def damage(ledger: Path, first: float, last: float) -> None:
    """Writes nonsense over a part of the pages behind the first ones."""
    size = ledger.stat().st_size
    with ledger.open("r+b") as file:
        file.seek(max(int(size * first), 3 * 4096))
        file.write(b"\x5a" * (int(size * last) - file.tell()))


@pytest.mark.long
@pytest.mark.parametrize(("first", "last"), [(0, 0.2), (0.5, 0.6), (0.9, 1)])
def test_a_damaged_ledger(llm_wall: FaultWall, tmp_path: Path, run: Any, first: float, last: float) -> None:
    llm, target, complaints = aggregator_for(llm_wall, "gpt-a"), tmp_path / "a.jsonl", []
    run(bulk.run(ROWS[:2000], target, llm))
    ledger = tmp_path / "a.jsonl.ledger"
    damage(ledger, first, last)
    before = len(chats(llm_wall))

    async def again() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
        await bulk.run(ROWS, target, llm, resume=True, window=10)

    with pytest.raises(bulk.LedgerError, match=r"a\.jsonl\.ledger' is damaged: .*\.recover"):
        run(again())
    assert complaints == []
    assert len(chats(llm_wall)) - before <= 30, "rows were asked whose answers could not be kept"
    with pytest.raises(bulk.LedgerError, match="is damaged"):
        bulk.export(ledger, tmp_path / "b.jsonl")
    assert not (tmp_path / "b.jsonl").exists()


@pytest.mark.parametrize("kind", ["sqlite", "jsonl"])
def test_a_ledger_of_a_later_version(llm_wall: FaultWall, tmp_path: Path, run: Any, kind: Any) -> None:
    llm, target = aggregator_for(llm_wall, "gpt-a"), tmp_path / "a.jsonl"
    run(bulk.run(["a"], target, llm, ledger=kind))
    if kind == "jsonl":
        ledger = tmp_path / "a.jsonl.ledger.jsonl"
        ledger.write_text(ledger.read_text().replace('"form":1', '"form":2'))
    else:
        with closing(sqlite3.connect(tmp_path / "a.jsonl.ledger", isolation_level=None)) as database:
            [noted] = database.execute("SELECT value FROM meta WHERE name = 'job'").fetchone()
            changed = json.dumps({**json.loads(noted), "form": 2})
            database.execute("UPDATE meta SET value = ? WHERE name = 'job'", (changed,))
    with pytest.raises(bulk.LedgerError, match="made by another version"):
        run(bulk.run(["a", "b"], target, llm, ledger=kind, resume=True))
    assert len(chats(llm_wall)) == 1
