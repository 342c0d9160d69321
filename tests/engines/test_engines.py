"""``llmagg.bulk.ray`` and ``llmagg.bulk.dask`` with two workers each: every row answered, killed jobs pay little twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from jobs import PLACES

from llmagg.faultwall import FaultWall

HERE = Path(__file__).parent
COUNT = 1000
ASKED = COUNT - COUNT // 100
SCRIPT = {
    "default": {"steps": [{"echo": True, "delay_headers_s": 0.02, "times": 50}, {"status": 429}], "after": "loop"},
    "options": {"max_requests": 20000},
}


def begun(engine: str, wall: FaultWall, ledger: Path) -> subprocess.Popen[str]:
    command = [sys.executable, str(HERE / "jobs.py"), engine, wall.url, str(ledger), str(COUNT)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)


def answers_of(job: subprocess.Popen[str]) -> list[dict[str, Any]]:
    out, _ = job.communicate(timeout=240)
    assert job.returncode == 0
    return json.loads(out.splitlines()[-1])


def check(answers: list[dict[str, Any]]) -> None:
    assert sorted(answer["id"] for answer in answers) == list(range(COUNT))
    for answer in answers:
        if answer["prompt"]:
            assert json.loads(answer["answer"])["messages"][0]["content"] == answer["prompt"] == f"row {answer['id']}"
            assert (answer["route"], answer["error"]) == ("openai/gpt-a", None)
        else:
            assert "'prompt' of the row is empty" in json.loads(answer["error"])["message"]


def paid(wall: FaultWall) -> Counter[str]:
    """How often each row was answered."""
    seen = wall.seen()["requests"]
    return Counter(r["body"]["messages"][0]["content"] for r in seen if r["kind"] == "chat" and r.get("status") == 200)


@pytest.mark.parametrize("engine", ["ray", "dask"])
def test_a_job(engine: str, tmp_path: Path) -> None:
    with FaultWall(SCRIPT) as wall:
        check(answers_of(begun(engine, wall, tmp_path)))
        assert len(paid(wall)) == paid(wall).total() == ASKED
        check(answers_of(begun(engine, wall, tmp_path)))
        assert paid(wall).total() == ASKED, "the second job paid again"


@pytest.mark.parametrize("engine", ["ray", "dask"])
def test_a_killed_job(engine: str, tmp_path: Path) -> None:
    with FaultWall(SCRIPT) as wall:
        for part in (0.3, 0.6):
            job = begun(engine, wall, tmp_path)
            end = time.monotonic() + 120
            while paid(wall).total() < part * ASKED and time.monotonic() < end:
                time.sleep(0.05)
            os.killpg(job.pid, signal.SIGKILL)
            job.communicate()
            while wall.seen()["totals"]["in_flight"]:  # workers end a little after their master
                time.sleep(0.05)
        check(answers_of(begun(engine, wall, tmp_path)))
        twice = paid(wall).total() - ASKED
        print(f"{engine}: {twice} rows paid twice")
        assert twice <= 2 * 2 * 2 * PLACES  # two kills of two workers
