"""``llmagg batch``."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from conftest import chats, kept
from llmagg.faultwall import FaultWall


@pytest.fixture
def begin(llm_wall: FaultWall, tmp_path: Path) -> Any:
    """Begins the command in a folder with a configuration and 40 prompts."""
    model = {"api_key": "k-123456789", "base_url": llm_wall.url, "price": {"input": 1000, "output": 1000}}
    config = tmp_path / "c.json"
    config.write_text(json.dumps({"openai": {"models": {"gpt-a": model}}}))
    config.chmod(0o600)
    (tmp_path / "prompts.jsonl").write_text("".join(f'{{"prompt": "row {i}"}}\n' for i in range(40)))

    def run(*arguments: str, name: str = "batch") -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "llmagg", name, *arguments]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path)

    return run


def ended(run: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = run.communicate(timeout=60)
    return run.returncode, out, err


USUAL = ("prompts.jsonl", "answers.jsonl", "--config", "c.json")


@pytest.mark.long
def test_a_job(begin: Any, tmp_path: Path, llm_wall: FaultWall) -> None:
    code, out, err = ended(begin(*USUAL, "--param", "temperature=0.5", "--param", "user=u", "--json"))
    assert code == 0, err
    assert json.loads(out)["answered"] == 40
    assert "40 of 40 rows" in err or "40/40" in err
    rows = [json.loads(line) for line in (tmp_path / "answers.jsonl").read_text().splitlines()]
    assert [row["n"] for row in rows] == list(range(40))
    assert chats(llm_wall)[0]["body"]["temperature"] == 0.5
    assert chats(llm_wall)[0]["body"]["user"] == "u"
    code, _, err = ended(begin(*USUAL, "--param", "temperature=0.5", "--param", "user=u", name="bulk"))
    assert (code, "--resume" in err) == (2, True)


@pytest.mark.long
def test_a_stop_and_what_there_is(begin: Any, tmp_path: Path) -> None:
    code, _, err = ended(begin(*USUAL, "--max-cost", "0.1", "--quiet"))
    assert (code, "stopped by max_cost" in err) == (1, True)
    assert not (tmp_path / "answers.jsonl").exists()
    code, _, err = ended(begin("--export", "answers.jsonl.ledger", "part.csv"))
    assert (code, "rows written to part.csv" in err) == (0, True)
    code, _, err = ended(begin(*USUAL, "--max-cost", "1000", "--quiet", "--resume"))
    assert (code, "40 answered, 0 failed" in err) == (0, True)


def test_the_exit_code_tells_of_failed_rows(begin: Any, tmp_path: Path, llm_wall: FaultWall) -> None:
    refused = {"status": 400, "body": {"error": {"message": "not this one"}}}
    llm_wall.script({"default": {"steps": [{"times": 39}, refused]}})
    code, _, err = ended(begin(*USUAL, "--quiet"))
    assert (code, "39 answered, 1 failed" in err, "--retry-errors" in err) == (4, True, True), err
    rows = [json.loads(line) for line in (tmp_path / "answers.jsonl").read_text().splitlines()]
    assert ["error" in row for row in rows].count(True) == 1
    assert ended(begin(*USUAL, "--quiet", "--resume"))[0] == 4, "an earlier run's failed row is one of the output"
    llm_wall.script(None)
    assert ended(begin(*USUAL, "--quiet", "--resume", "--retry-errors"))[0] == 0


@pytest.mark.long
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_keeps_what_there_is(begin: Any, tmp_path: Path, llm_wall: FaultWall, sent: int) -> None:
    llm_wall.script({"default": {"steps": [{"times": 10}, {"hold": "rest"}]}})
    run = begin(*USUAL, "--quiet")
    begun = time.monotonic()
    while kept(tmp_path / "answers.jsonl.ledger") < 10:
        assert time.monotonic() < begun + 30
        time.sleep(0.02)  # the ledger tells nobody when a row is written
    os.kill(run.pid, sent)
    code, _, err = ended(run)
    assert (code, err) == (130, "interrupted; --resume goes on with the ledger\n")
    llm_wall.script(None)
    assert "40 answered, 0 failed, 30 asked" in ended(begin(*USUAL, "--quiet", "--resume"))[2]


@pytest.mark.long
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("missing.jsonl", "a.jsonl", "--config", "c.json"), "does not exist"),
        (("prompts.jsonl", "a.txt", "--config", "c.json"), "expected a file .jsonl, .csv or .parquet"),
        ((*USUAL, "--param", "temperature"), "expected NAME=VALUE"),
        ((*USUAL, "--max-cost", "0"), "max_cost is 0"),
        ((*USUAL, "-m", "openai/gpt-b"), "gpt-b"),
    ],
)
def test_wrong_use(begin: Any, tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    code, _, err = ended(begin(*arguments))
    assert (code, "Error: " in err, message in err) == (2, True, True), err
    assert "Traceback" not in err
