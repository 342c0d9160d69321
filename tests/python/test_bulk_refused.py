"""``llmagg.bulk`` before its first row: outputs that would lose rows, and windows larger than the job."""

from __future__ import annotations

from pathlib import Path
from typing import Any

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


def test_a_window_larger_than_the_job(llm_wall: FaultWall, tmp_path: Path, run: Any) -> None:
    llm = aggregator_for(llm_wall, "gpt-a")
    report = run(bulk.run(["a"] * 5, tmp_path / "answers.jsonl", llm, window=1_000_000_000))
    assert report.answered == 5
