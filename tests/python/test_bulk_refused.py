"""``llmagg.bulk`` before its first row: outputs that would lose rows, and windows larger than the job."""

from __future__ import annotations

import asyncio
import csv
import errno
import fcntl
import functools
import json
import os
import re
import sqlite3
import tracemalloc
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

import llmagg
from conftest import aggregator_for, chats
from llmagg import bulk
from llmagg.faultwall import FaultWall


def test_an_output_that_would_lose_rows_is_refused(llm_wall: FaultWall, tmp_path: Path, run: Any) -> None:
    rows, folder = tmp_path / "rows.jsonl", tmp_path / "folder.jsonl"
    rows.write_text('{"prompt": "a"}\n')
    folder.mkdir()
    (tmp_path / "link.jsonl").symlink_to(rows)
    llm = aggregator_for(llm_wall, "gpt-a")
    for output, message in ((rows, "is the input"), (tmp_path / "link.jsonl", "is the input"), (folder, "is a folder")):
        with pytest.raises(llmagg.InvalidArgumentError, match=message):
            run(bulk.run(rows, output, llm))
    assert rows.read_text() == '{"prompt": "a"}\n'
    assert chats(llm_wall) == []


def test_an_output_that_is_the_ledger_is_refused(llm_wall: FaultWall, tmp_path: Path, run: Any) -> None:
    llm, output = aggregator_for(llm_wall, "gpt-a"), tmp_path / "a.jsonl"
    with pytest.raises(llmagg.InvalidArgumentError, match="is the ledger"):
        run(bulk.run(["a"], output, llm, ledger=output))
    with pytest.raises(llmagg.InvalidArgumentError, match="is a folder"):
        run(bulk.run(["a"], output, llm, ledger=tmp_path))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "text",
    ['{"n":-1,"key":"00"}\n', '{"n":1000000000000,"key":"00"}\n', '{"n":0}\n', '{"n":0,"key":"zz"}\n', "no line"],
)
def test_a_file_of_another_form_is_no_ledger(llm_wall: FaultWall, tmp_path: Path, run: Any, text: str) -> None:
    llm, ledger = aggregator_for(llm_wall, "gpt-a"), tmp_path / "ledger.jsonl"
    job = ""
    if text.endswith("\n"):  # after a good beginning
        run(bulk.run([], tmp_path / "a.jsonl", llm, ledger=ledger))
        job = ledger.read_text()
    ledger.write_text(job + text)
    with pytest.raises(bulk.LedgerError, match="is not a ledger"):
        run(bulk.run(["a"], tmp_path / "a.jsonl", llm, ledger=ledger, resume=True))
    assert ledger.read_text() == job + text
    assert chats(llm_wall) == []


def test_a_row_far_from_the_others_takes_no_memory(llm_wall: FaultWall, tmp_path: Path, run: Any) -> None:
    llm, ledger = aggregator_for(llm_wall, "gpt-a"), tmp_path / "ledger.jsonl"
    run(bulk.run(["a"], tmp_path / "a.jsonl", llm, ledger=ledger))
    line = ledger.read_text().splitlines()[-1].replace('"n":0', '"n":4194304')
    ledger.write_text(f"{ledger.read_text()}{line}\n")
    tracemalloc.start()
    try:
        report = run(bulk.run(["a"], tmp_path / "a.jsonl", llm, ledger=ledger, resume=True))
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()
    assert (report.rows, report.asked) == (1, 0)
    assert bulk.export(ledger, tmp_path / "b.jsonl") == 2


@pytest.mark.parametrize("table", ["item(x)", "meta(name, value)", "customers(name)"])
def test_the_database_of_another_program_is_no_ledger(
    llm_wall: FaultWall, tmp_path: Path, run: Any, table: str
) -> None:
    ledger = tmp_path / "customers.db"
    with closing(sqlite3.connect(ledger)) as database:
        database.execute(f"CREATE TABLE {table}")
    before = ledger.read_bytes()
    with pytest.raises(bulk.LedgerError, match="is not a ledger"):
        run(bulk.run(["a"], tmp_path / "a.jsonl", aggregator_for(llm_wall, "gpt-a"), ledger=ledger, resume=True))
    assert ledger.read_bytes() == before


@pytest.mark.long
def test_a_ledger_that_another_program_locks(llm_wall: FaultWall, tmp_path: Path, run: Any, monkeypatch: Any) -> None:
    connect = functools.partial(sqlite3.connect, timeout=0.1)
    monkeypatch.setattr("llmagg.bulk.ledger.sqlite3.connect", connect)
    llm, target, complaints = aggregator_for(llm_wall, "gpt-a"), tmp_path / "a.jsonl", []
    run(bulk.run(["a"], target, llm))

    async def again() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
        await bulk.run(["a", "b", "c"], target, llm, resume=True)

    with closing(sqlite3.connect(tmp_path / "a.jsonl.ledger", isolation_level=None)) as database:
        database.execute("BEGIN IMMEDIATE")
        with pytest.raises(bulk.LedgerFullError, match=r"database is locked\. Mend that and run again"):
            run(again())
        database.execute("ROLLBACK")
    assert complaints == []
    assert run(bulk.run(["a", "b", "c"], target, llm, resume=True)).answered == 3


def test_a_window_larger_than_the_job(llm_wall: FaultWall, tmp_path: Path, run: Any) -> None:
    llm = aggregator_for(llm_wall, "gpt-a")
    report = run(bulk.run(["a"] * 5, tmp_path / "answers.jsonl", llm, window=1_000_000_000))
    assert report.answered == 5


def test_a_ledger_that_no_file_can_be_for(
    llm_wall: FaultWall, tmp_path: Path, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a lock or a file is refused for is told; only a lock that is held is another run's."""
    llm = aggregator_for(llm_wall, "gpt-a")
    with pytest.raises(bulk.LedgerError, match=r"cannot be written: No such file or directory; use an output that can"):
        run(bulk.run(["a"], "/proc/a.jsonl", llm))
    no_locks = OSError(errno.ENOLCK, "No locks available")
    with monkeypatch.context() as patch, pytest.raises(bulk.LedgerError, match=r"cannot be locked: No locks available"):
        patch.setattr(fcntl, "flock", Mock(side_effect=no_locks))
        run(bulk.run(["a"], tmp_path / "a.jsonl", llm))
    no_room = OSError(errno.ENOSPC, "No space left on device")
    with monkeypatch.context() as patch:
        patch.setattr(os, "ftruncate", Mock(side_effect=no_room))  # that says whose the lock is
        assert run(bulk.run(["a"], tmp_path / "a.jsonl", llm)).answered == 1


def test_rows_as_some_editors_write_them(llm_wall: FaultWall, tmp_path: Path, run: Any) -> None:
    """A byte order mark and ends of lines in two bytes; the output is a link, which stays one."""
    llm, rows, output = aggregator_for(llm_wall, "gpt-a"), tmp_path / "rows.jsonl", tmp_path / "link.jsonl"
    rows.write_bytes(b'\xef\xbb\xbf{"prompt": "a"}\r\n\r\n{"prompt": null}\r\n')
    output.symlink_to(tmp_path / "disk.jsonl")
    report = run(bulk.run(rows, output, llm))
    assert (report.answered, report.errors, output.is_symlink()) == (1, 1, True)
    assert "'prompt' of the row is empty" in (tmp_path / "disk.jsonl").read_text()


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("a.csv", b"id;prompt\n1;x\n", "it has 'id;prompt'. Its columns are separated by ';'; expected commas"),
        ("a.csv", b"question\nx\n", "no column 'prompt', 'messages' or 'body'; it has 'question'. Name the column"),
        ("a.csv", b"prompt,prompt\na,b\n", "has the column 'prompt' twice"),
        ("a.csv", "prompt\nx\n".encode("utf-16"), "'a.csv' is UTF-16; expected UTF-8"),
        ("a.csv", b'prompt,"id\nx,1\n', "line 1 of 'a.csv' is no CSV"),
        ("a.jsonl", '"x"\n'.encode("utf-16"), "'a.jsonl' is UTF-16; expected UTF-8"),
    ],
)  # fmt: skip
def test_a_file_of_which_no_row_can_be_asked(
    llm_wall: FaultWall, tmp_path: Path, run: Any, name: str, data: bytes, says: str
) -> None:
    source = tmp_path / name
    source.write_bytes(data)
    with pytest.raises(llmagg.InvalidArgumentError, match=says):
        run(bulk.run(source, tmp_path / "out.jsonl", aggregator_for(llm_wall, "gpt-a")))
    with pytest.raises(
        llmagg.InvalidArgumentError, match=r"expected a path or an iterable of rows \(for a single row: \[row\]\)"
    ):
        run(bulk.run({"prompt": "x"}, tmp_path / "out.jsonl", aggregator_for(llm_wall, "gpt-a")))
    assert not chats(llm_wall)


def test_rows_of_csv_that_are_none_end_no_job(llm_wall: FaultWall, tmp_path: Path, run: Any) -> None:
    source, target = tmp_path / "a.csv", tmp_path / "out.jsonl"
    long = "x" * 300_000  # csv's own limit is 131072
    source.write_bytes(f'id,prompt\n1,{long}\n2\n3,"a"b\n'.encode() + b"4,\xe4\n" + b'5,ok\n6,"never\n7,ends\n')
    limit = csv.field_size_limit()
    report = run(bulk.run(source, target, aggregator_for(llm_wall, "gpt-a"), progress=True))
    assert (report.answered, report.errors) == (2, 4)
    rows = [json.loads(line) for line in target.read_text().splitlines()]
    assert [row["error"]["message"] for row in rows if "error" in row] == [
        "the row at line 3 of 'a.csv' has 1 column, and the header 2",
        "the row at line 4 of 'a.csv' is no CSV: ',' expected after '\"'",
        "the row at line 5 of 'a.csv' is not UTF-8",
        "the row at line 7 of 'a.csv' is no CSV: unexpected end of data",
    ]
    assert [row.get("id") for row in rows] == ["1", None, None, None, "5", None]
    assert csv.field_size_limit() == limit


def test_a_key_in_the_place_of_a_path_is_not_shown(
    llm_wall: FaultWall, tmp_path: Path, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor a token, or a text of several lines; the names of files that are none are."""
    monkeypatch.chdir(tmp_path)
    llm = aggregator_for(llm_wall, "gpt-a")
    for key in ("sk-proj-abcdefghijklmnop", "x_sk-proj-abc", "0a1b2c3d4e5f6a7b8c9d0e1f", "user@host", "two\nlines"):
        Path(key).mkdir()
        Path(f"{key}.jsonl").mkdir()
        refused: dict[str, Callable[[], object]] = {
            "a name without an ending": lambda key=key: run(bulk.run(["a"], key, llm)),
            "a folder as the output": lambda key=key: run(bulk.run(["a"], f"{key}.jsonl", llm)),
            "no folder": lambda key=key: run(bulk.run(["a"], f"{key}/no/a.jsonl", llm)),
            "no input": lambda key=key: run(bulk.run(f"{key}/no.jsonl", "a.jsonl", llm)),
            "a folder as the ledger": lambda key=key: run(bulk.run(["a"], "a.jsonl", llm, ledger=Path(key))),
            "no ledger": lambda key=key: bulk.export(f"{key}/no.jsonl", "a.jsonl"),
        }
        for name, refuse in refused.items():
            with pytest.raises(llmagg.LLMError, match="not shown") as caught:
                refuse()
            assert key not in str(caught.value), name
    for path in ("task-1.jsonl", "risk-2/rows.jsonl", f"{tmp_path}/0a1b2c3d4e5f6a7b8c9d0e1f/rows.jsonl", "Größe.jsonl"):
        with pytest.raises(llmagg.InvalidArgumentError, match=re.escape(repr(path))):
            run(bulk.run(path, "a.jsonl", llm))
