"""A job on four nodes is answered nearly four times as fast as on one, where the provider has answers for all of them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from server import Server

from llmagg.faultwall import FaultWall

PLACES, ROWS = 8, 200  # of each node
WAITS = {"default": {"steps": [{"echo": True, "delay_headers_s": 0.2}]}, "options": {"max_requests": 20000}}


@pytest.fixture(params=["valkey", "folder"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The ledger that all nodes share: of a store, or a folder."""
    if request.param == "folder":
        yield str(tmp_path)
        return
    with Server() as store:
        yield store.url


def throughput(ledger: str, nodes: range) -> float:
    """Rows a second while all of the nodes work, each a process with rows of its own; each row is asked once."""
    program = str(Path(__file__).parents[1] / "ledger_worker.py")
    with FaultWall(WAITS) as wall:
        shares = [(n * ROWS, (n + 1) * ROWS) for n in nodes]
        jobs = [
            subprocess.Popen([sys.executable, program, wall.url, ledger, *map(str, share), str(PLACES)], stdout=subprocess.PIPE)
            for share in shares
        ]  # fmt: skip
        for job, (first, last) in zip(jobs, shares):
            answers = job.communicate(timeout=120)[0].splitlines()[1:]
            assert (job.returncode, len(answers)) == (0, last - first)
        chats = [r for r in wall.seen()["requests"] if r["kind"] == "chat"]
    at: dict[int, list[float]] = {n: [] for n in nodes}
    for chat in chats:
        row = int(chat["body"]["messages"][0]["content"].removeprefix("row "))
        at[row // ROWS].append(chat["start"])
    assert [len(starts) for starts in at.values()] == [ROWS] * len(nodes)
    begin, end = max(min(starts) for starts in at.values()), min(max(starts) for starts in at.values())
    return sum(begin <= chat["start"] < end for chat in chats) / (end - begin)


def test_four_nodes_are_as_fast_as_four(ledger: str) -> None:
    one, four = throughput(ledger, range(1)), throughput(ledger, range(1, 5))
    print(f"{one:.0f} rows a second on one node, {four:.0f} on four: {four / one:.2f} times as many")
    assert four >= 3.5 * one
