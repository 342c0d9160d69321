"""``llmagg.bulk.ray`` and ``llmagg.bulk.dask`` with two workers each: every row answered, killed jobs pay little twice; and with four."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil  # of both engines
import pytest
from jobs import PLACES
from object_store import ENVIRONMENT, ObjectServer

sys.path.append(str(Path(__file__).parents[1] / "fleet"))
from server import Server

from llmagg.faultwall import FaultWall

HERE = Path(__file__).parent
COUNT = 1000
SECRET = "hunter2-Zx81"
ASKED = COUNT - COUNT // 100
SCRIPT = {
    "default": {"steps": [{"echo": True, "delay_headers_s": 0.02, "times": 50}, {"status": 429}], "after": "loop"},
    "options": {"max_requests": 20000},
}


@pytest.fixture(params=["folder", "valkey", "objects"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The ledger of a job: a folder, or the URL of a store that wants a password, or of an object store."""
    if request.param == "folder":
        yield str(tmp_path)
        return
    if request.param == "objects":
        for name, value in ENVIRONMENT.items():
            monkeypatch.setenv(name, value)
        with ObjectServer() as objects:
            yield objects.url()
        return
    with Server("--requirepass", SECRET) as store:
        yield f"{store.url.replace('//', f'//:{SECRET}@')}?name=job"


def begun(engine: str, wall: FaultWall, ledger: str, count: int = COUNT, workers: int = 2) -> subprocess.Popen[str]:
    command = [sys.executable, str(HERE / "jobs.py"), engine, wall.url, ledger, str(count), str(workers)]
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
def test_a_job(engine: str, ledger: str) -> None:
    with FaultWall(SCRIPT) as wall:
        check(answers_of(begun(engine, wall, ledger)))
        assert len(paid(wall)) == paid(wall).total() == ASKED
        check(answers_of(begun(engine, wall, ledger)))
        assert paid(wall).total() == ASKED, "the second job paid again"


@pytest.mark.parametrize("engine", ["ray", "dask"])
def test_a_killed_job(engine: str, ledger: str) -> None:
    with FaultWall(SCRIPT) as wall:
        for part in (0.3, 0.6):
            job = begun(engine, wall, ledger)
            end = time.monotonic() + 120
            while paid(wall).total() < part * ASKED and time.monotonic() < end:
                time.sleep(0.05)
            os.killpg(job.pid, signal.SIGKILL)
            job.communicate()
            while wall.seen()["totals"]["in_flight"]:  # workers end a little after their master
                time.sleep(0.05)
        check(answers_of(begun(engine, wall, ledger)))
        twice = paid(wall).total() - ASKED
        print(f"{engine}: {twice} rows paid twice")
        assert twice <= 2 * 2 * 2 * PLACES  # two kills of two workers


def talks_to(process: psutil.Process, port: int) -> bool:
    try:
        return any(c.raddr and c.raddr.port == port for c in process.net_connections("tcp"))
    except psutil.Error:
        return False


@pytest.mark.parametrize("engine", ["ray", "dask"])
def test_a_worker_killed_in_the_middle(engine: str) -> None:
    """The engine asks the batches of a dead worker again, on another one; the ledger has what was paid."""
    with FaultWall(SCRIPT) as wall, Server() as store:
        job = begun(engine, wall, store.url)
        end = time.monotonic() + 120
        while paid(wall).total() < 0.4 * ASKED and time.monotonic() < end:
            time.sleep(0.05)
        workers = [child for child in psutil.Process(job.pid).children(recursive=True) if talks_to(child, store.port)]
        assert len(workers) == 2
        workers[0].kill()
        check(answers_of(job))
        twice = paid(wall).total() - ASKED
        print(f"{engine}: {twice} rows paid twice")
        assert twice <= 2 * PLACES


def throughput(engine: str, ledger: str, workers: int) -> float:
    """Rows a second that the server sees, from a fifth of the job's rows to four fifths, when all workers work."""
    with FaultWall({"default": {"steps": [{"echo": True, "delay_headers_s": 0.2}]}}) as wall:
        job = begun(engine, wall, ledger, 200 * workers, workers)
        assert len(answers_of(job)) == 200 * workers
        starts = sorted(r["start"] for r in wall.seen()["requests"] if r["kind"] == "chat")
    first, last = len(starts) // 5, len(starts) * 4 // 5
    return (last - first) / (starts[last] - starts[first])


def test_four_workers_are_nearly_as_fast_as_four_times_one(tmp_path: Path) -> None:
    one, four = (throughput("dask", str(tmp_path / str(n)), n) for n in (1, 4))
    print(f"{one:.0f} rows a second with one worker, {four:.0f} with four: {four / one:.2f} times as many")
    assert four >= 3.5 * one
