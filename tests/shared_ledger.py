"""What tests of ledgers that several workers share have in common, whatever the store is."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from llmagg.bulk.shared import Batches
from llmagg.faultwall import FaultWall

PLACES = 8
WORKER = Path(__file__).parent / "ledger_worker.py"


def batches(wall: FaultWall, url: str, **options: Any) -> Batches:
    """A worker's batches, with the ledger at the URL."""
    model = {"api_key": "k-123456789", "base_url": wall.url, "max_concurrent_calls": PLACES}
    return Batches({"openai": {"models": {"gpt-a": model}}}, ledger=url, **options)


def asked(wall: FaultWall) -> Counter[str]:
    """How often each row was asked."""
    requests = wall.seen()["requests"]
    return Counter(r["body"]["messages"][0]["content"] for r in requests if r["kind"] == "chat")


def rows(first: int, last: int) -> list[str]:
    return [f"row {n}" for n in range(first, last)]


def job_with_kills(wall: FaultWall, url: str, longest: float) -> int:
    """A job of three workers, of whom two are killed again and again, each after ``longest`` seconds at most, until ten
    were. Checks that no row was lost or doubled; gives how many were paid twice for each kill.
    """
    wall.script({"default": {"steps": [{"echo": True, "delay_headers_s": 0.02}]}})
    seed = random.randrange(1 << 30)
    print("seed", seed)
    moments = random.Random(seed)
    count, kills, workers = 1500, 10, 3
    killed = 0
    shares = [(n * count // workers, (n + 1) * count // workers) for n in range(workers)]

    def begun(share: tuple[int, int]) -> subprocess.Popen[str]:
        command = [sys.executable, str(WORKER), wall.url, url, *map(str, share), str(PLACES)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    while True:
        jobs = [begun(share) for share in shares]
        for job in jobs:
            assert job.stdout is not None
            assert job.stdout.readline() == "begins\n"
        if killed >= kills:
            break
        time.sleep(moments.uniform(0, longest))  # any moment is to be tried
        for job in moments.sample(jobs, 2):
            job.send_signal(signal.SIGKILL)
        for job in jobs:  # the third goes on to its end
            job.communicate()
            killed += job.returncode != 0
    outs = [job.communicate()[0] for job in jobs]
    assert [job.returncode for job in jobs] == [0] * workers
    answered = [json.loads(line)["messages"][0]["content"] for out in outs for line in out.splitlines()]
    assert answered == rows(0, count), "a row was lost or doubled"
    twice = asked(wall).total() - count
    print(f"{killed} kills, {twice} rows paid twice")
    assert len(asked(wall)) == count
    return twice / killed
