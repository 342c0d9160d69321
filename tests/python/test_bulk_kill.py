"""``llmagg.bulk`` after SIGKILL, and on a full disk: nothing is lost or doubled, little is paid twice."""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from conftest import aggregator_for, chats
from llmagg import bulk
from llmagg.faultwall import FaultWall

pytestmark = pytest.mark.long

PLACES = 10
PROGRAM = """
import asyncio, sys, llmagg
url, source, target, ledger, places = sys.argv[1:]
llm = llmagg.LLMAggregator()
model = {"api_key": "k-123456789", "base_url": url, "max_concurrent_calls": int(places)}
llm.initialize_sync({"openai": {"models": {"gpt-a": model}}})
print("begins", flush=True)
report = asyncio.run(llmagg.bulk.run(source, target, llm, resume=True, ledger=ledger))
print(report.answered, report.asked)
"""


def begun(wall: FaultWall, source: Path, target: Path, ledger: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PROGRAM, wall.url, str(source), str(target), ledger, str(PLACES)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("ledger", ["sqlite", "jsonl"])
def test_kills(tmp_path: Path, ledger: str, request: pytest.FixtureRequest) -> None:
    seed = random.randrange(1 << 30)
    print("seed", seed)
    moments = random.Random(seed)
    short = ledger == "jsonl" and not request.config.getoption("--deep")
    count, kills = (600, 4) if short else (2400, 20)
    source, target = tmp_path / "prompts.jsonl", tmp_path / "answers.jsonl"
    source.write_text("".join(json.dumps({"prompt": f"row {i}"}) + "\n" for i in range(count)))
    script = {"default": {"steps": [{"echo": True, "delay_headers_s": 0.02}]}}
    with FaultWall({**script, "options": {"max_requests": 20000}}) as wall:
        killed = 0
        while True:
            run = begun(wall, source, target, ledger)
            assert run.stdout is not None
            assert run.stdout.readline() == "begins\n"
            if killed < kills:
                time.sleep(moments.uniform(0, 0.3))  # any moment is to be tried
                run.send_signal(signal.SIGKILL)
            said = run.stdout.read()
            run.stdout.close()
            if run.wait() == 0:
                break
            killed += 1
            assert not target.exists(), "an output is whole or not there"
        assert killed >= kills // 2, "the rows were too few for the kills"
        assert said.split()[0] == str(count)
        rows = [json.loads(line) for line in target.read_text().splitlines()]
        assert [row["n"] for row in rows] == list(range(count))
        assert all(json.loads(row["answer"])["messages"][0]["content"] == f"row {row['n']}" for row in rows)
        seen = Counter(chat["body"]["messages"][0]["content"] for chat in chats(wall))
        assert len(seen) == count
        twice = sum(seen.values()) - count
        print(f"{killed} kills, {twice} rows paid twice")
        # A kill finds PLACES rows at the server and as many on their way there and back, at most; few find all of them.
        assert twice <= killed * (2 * PLACES if short else PLACES)


def test_a_torn_last_line_is_dropped(llm_wall: FaultWall, tmp_path: Path, run: Any) -> None:
    llm = aggregator_for(llm_wall, "gpt-a")
    rows, target = [f"{i}" for i in range(20)], tmp_path / "a.jsonl"
    report = run(bulk.run(rows, target, llm, ledger="jsonl"))
    whole = target.read_bytes()
    os.truncate(report.ledger, report.ledger.stat().st_size - 7)
    report = run(bulk.run(rows, target, llm, ledger="jsonl", resume=True))
    assert (report.asked, target.read_bytes()) == (1, whole)


@pytest.fixture
def small_disk(tmp_path: Path) -> Any:
    """A disk of 6 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode:
        pytest.skip("file systems cannot be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize(
    ("answer", "places", "count", "disk"), [(20_000, 10, 400, "6m"), (60_000, 100, 600, "30m")], ids=["few", "many"]
)
@pytest.mark.parametrize("ledger", ["sqlite", "jsonl"])
def test_a_full_disk(
    llm_wall: FaultWall, run: Any, small_disk: Path, ledger: Any, answer: int, places: int, count: int, disk: str
) -> None:
    subprocess.run(["mount", "-o", f"remount,size={disk}", str(small_disk)], check=True)
    llm_wall.script({"default": {"steps": [{"text_bytes": answer, "delay_headers_s": 0.01}]}})
    llm = aggregator_for(llm_wall, "gpt-a", max_concurrent_calls=places)
    rows, target = [f"row {i}" for i in range(count)], small_disk / "answers.jsonl"
    with pytest.raises(bulk.LedgerFullError, match=r"cannot be written: .*Free some space and run again"):
        run(bulk.run(rows, target, llm, ledger=ledger))
    paid = len(chats(llm_wall))
    assert 50 < paid < count
    subprocess.run(["mount", "-o", "remount,size=200m", str(small_disk)], check=True)
    report = run(bulk.run(rows, target, llm, ledger=ledger, resume=True))
    assert report.asked == count - paid, "no paid answer was lost"
    assert len(target.read_text().splitlines()) == count


@pytest.mark.parametrize(("limit", "places"), [(4_000_000, 10), (300_000, 10), (4_000_000, 100)])
@pytest.mark.parametrize("ledger", ["sqlite", "jsonl"])
def test_the_limit_of_a_files_size(
    llm_wall: FaultWall, tmp_path: Path, run: Any, ledger: Any, limit: int, places: int
) -> None:
    """A ledger that comes near to RLIMIT_FSIZE asks no further row, also when it is opened again. No more rows are on
    their way than what is left has room for.
    """
    llm_wall.script({"default": {"steps": [{"text_bytes": 20_000, "delay_headers_s": 0.01}]}})
    llm = aggregator_for(llm_wall, "gpt-a", max_concurrent_calls=places)
    rows, target = [f"row {i}" for i in range(300)], tmp_path / "answers.jsonl"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    for resume in (False, True):
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
        try:
            with pytest.raises(bulk.LedgerFullError, match=r"\(ulimit -f\)\. Raise that limit and run again"):
                run(bulk.run(rows, target, llm, ledger=ledger, resume=resume))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
    paid = len(chats(llm_wall))
    assert paid < 300
    report = run(bulk.run(rows, target, llm, ledger=ledger, resume=True))
    assert report.asked == 300 - paid, "no paid answer was lost"
