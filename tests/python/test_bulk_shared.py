"""Batches of rows for engines, and their ledger in a folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from conftest import chats, config_for
from llmagg.bulk.asking import Asking
from llmagg.bulk.ray import Chat
from llmagg.bulk.shared import ANSWER_COLUMNS, Batches
from llmagg.faultwall import FaultWall


def test_answers_are_found_by_other_processes_and_later_runs(llm_wall: FaultWall, tmp_path: Path, run: Any) -> None:
    config = config_for(llm_wall, "gpt-a")
    first, second = (Batches(config, ledger=tmp_path) for _ in range(2))
    answers = run(first.ask(["a", "b", {"id": 1, "prompt": "c"}]))
    assert [answer["answer"] for answer in answers] == ["Hello from gpt-a."] * 3
    assert run(second.ask([{"id": 1, "prompt": "c"}, "d", "b"]))[2] == {**answers[1], "n": 1}
    assert len(chats(llm_wall)) == 4
    run(first.ask(["d"]))
    assert len(chats(llm_wall)) == 4
    run(second.ask([{"id": 2, "prompt": "c"}]))
    assert len(chats(llm_wall)) == 5, "another id is another row"
    run(Batches(config, ledger=tmp_path, params={"temperature": 0.5}).ask(["a"]))
    assert len(chats(llm_wall)) == 6


def test_equal_rows_of_a_batch_are_asked_once(llm_wall: FaultWall, tmp_path: Path, run: Any) -> None:
    llm_wall.script({"default": {"steps": [{"echo": True}]}})
    config = config_for(llm_wall, "gpt-a")
    answers = run(Batches(config, ledger=tmp_path).ask(["a", "b", "a", {"id": 1, "prompt": "a"}]))
    assert [json.loads(answer["answer"])["messages"][0]["content"] for answer in answers] == ["a", "b", "a", "a"]
    assert len(chats(llm_wall)) == 3
    run(Batches(config).ask(["a", "a"]))
    assert len(chats(llm_wall)) == 5, "without a ledger, each row is asked"


def test_a_batch_ends_with_what_asking_raises(
    llm_wall: FaultWall, tmp_path: Path, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = Asking.ask

    async def interrupted(self: Asking, asked: Any) -> Any:
        if asked.n == 0:
            raise TimeoutError("of the handler of a signal")
        return await ask(self, asked)

    monkeypatch.setattr(Asking, "ask", interrupted)
    with pytest.raises(TimeoutError):
        run(Batches(config_for(llm_wall, "gpt-a"), ledger=tmp_path).ask([f"row {n}" for n in range(100)]))
    assert len(chats(llm_wall)) < 50


def test_torn_lines_are_passed_over(llm_wall: FaultWall, tmp_path: Path, run: Any) -> None:
    config = config_for(llm_wall, "gpt-a")
    run(Batches(config, ledger=tmp_path).ask(["a", "b"]))
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:-9])
    (tmp_path / "torn.jsonl").write_bytes(b'{"n":\n{}\n')
    run(Batches(config, ledger=tmp_path).ask(["a", "b"]))
    assert len(chats(llm_wall)) == 3


def test_a_failed_row_has_an_error_and_is_asked_again(llm_wall: FaultWall, tmp_path: Path, run: Any) -> None:
    llm_wall.script({"default": {"steps": [{"status": 400}, {}]}})
    batches = Batches(config_for(llm_wall, "gpt-a"), ledger=tmp_path)
    failed = run(batches.ask(["a"]))[0]
    assert (failed["answer"], "HTTP 400" in failed["error"]) == (None, True)
    assert run(batches.ask(["a"]))[0]["error"] is None


def test_the_class_for_ray_adds_columns(llm_wall: FaultWall, run: Any) -> None:
    chat = Chat(config_for(llm_wall, "gpt-a"), prompt="question")

    async def called() -> list[dict[str, Any]]:
        return [batch async for batch in chat({"question": ["a", "b"], "k": [1, 2]})]

    (batch,) = run(called())
    assert list(batch) == ["question", "k", *ANSWER_COLUMNS]
    assert batch["answer"] == ["Hello from gpt-a."] * 2
