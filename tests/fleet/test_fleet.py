"""Processes that share a dead route, through a real store that is frozen, killed, emptied and refuses."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from processes import DEAD, asked, config_of, run
from server import Server

import llmagg
from llmagg.faultwall import FaultWall


@pytest.fixture
def store() -> Iterator[Server]:
    with Server() as server:
        yield server


def test_a_dead_route_is_asked_less(store: Server) -> None:
    with FaultWall(DEAD) as wall:
        reports = run(config_of(wall, None), 6, 3)
        alone = asked(wall, "a")
    with FaultWall(DEAD) as wall:
        together = run(config_of(wall, {"url": store.url}), 6, 3)
        shared = asked(wall, "a")
    assert sum(r["failed"] for r in reports + together) == 0
    assert all(r["fleet"]["connected"] and r["fleet"]["processes"] >= 6 for r in together)
    assert alone >= 30
    print(f"requests on the dead route: {alone} alone, {shared} in a fleet")
    assert shared < alone * 0.8
    assert b"sk-test" not in store.say("XRANGE", "llmagg:{default}:changes", "-", "+")


def test_a_wait_that_one_process_is_told_holds_for_all(store: Server) -> None:
    limited = {"models": {"a": {"steps": [{"status": 429, "headers": {"Retry-After": "5"}}]}}}
    with FaultWall(limited) as wall:
        reports = run(config_of(wall, {"url": store.url}), 4, 3, callers=1)
        assert sum(r["failed"] for r in reports) == 0
        assert asked(wall, "a") <= 4


FAULTS: dict[str, Callable[[Server], object]] = {
    "frozen": lambda s: (os.kill(s.process.pid, signal.SIGSTOP), time.sleep(1.5), os.kill(s.process.pid, signal.SIGCONT)),
    "killed": lambda s: (s.kill(), time.sleep(1), s.start()),
    "emptied": lambda s: s.say("FLUSHALL"),
    "cut off": lambda s: s.say("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"),
    "paused": lambda s: s.say("CLIENT", "PAUSE", "1500"),
    "full": lambda s: (s.say("CONFIG", "SET", "maxmemory", "1"), time.sleep(1.5), s.say("CONFIG", "SET", "maxmemory", "0")),
    "slow": lambda s: s.say("DEBUG", "SLEEP", "1"),
    "locked": lambda s: (s.say("CONFIG", "SET", "requirepass", "x"), s.say("AUTH", "x")),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_no_call_fails_while_the_store_is_away(store: Server, fault: str) -> None:
    def meanwhile() -> None:
        time.sleep(0.5)
        FAULTS[fault](store)

    with FaultWall(DEAD) as wall:
        reports = run(config_of(wall, {"url": store.url}), 3, 5, meanwhile)
    assert sum(r["failed"] for r in reports) == 0, reports
    assert all(r["calls"] > 100 for r in reports)
    print(fault, max(r["longest"] for r in reports))
    if fault != "locked":  # 5 s - 0.5 s - 1.5 s of the fault: more than 2 s are left
        assert all(r["fleet"]["connected"] for r in reports), [r["fleet"] for r in reports]


def test_a_store_that_is_not_there_changes_nothing() -> None:
    with FaultWall(None) as wall:
        (report,) = run(config_of(wall, {"url": "redis://127.0.0.1:1"}), 1, 1)
    assert report["failed"] == 0
    assert not report["fleet"]["connected"]
    assert report["fleet"]["degraded_since"]
    assert "refused" in report["fleet"]["error"]


def test_a_wrong_password_is_said_and_not_shown() -> None:
    with Server("--requirepass", "right") as store, FaultWall(None) as wall:
        (report,) = run(config_of(wall, {"url": store.url, "password": "wrong-pass"}), 1, 1)
    assert report["failed"] == 0
    assert "WRONGPASS" in report["fleet"]["error"] and "wrong-pass" not in report["fleet"]["error"].replace("WRONGPASS", "")


def test_a_rate_is_kept_by_all_processes_together(store: Server) -> None:
    with FaultWall(None) as wall:
        config = config_of(wall, {"url": store.url}, rate={"rpm": 1200, "burst_s": 1})
        del config["openai"]["models"]["b"]
        began = time.monotonic()
        reports = run(config, 4, 4)
        made, took = asked(wall, "a"), time.monotonic() - began
    assert sum(r["failed"] for r in reports) == 0, reports
    print(f"{made} requests in {took:.1f} s at 20 a second and a burst of 20")
    assert 0.8 * 20 * 4 <= made <= 20 * took + 20


def test_a_forked_child_joins_anew(store: Server) -> None:
    code = f"""
import asyncio, os, llmagg
config = {{"openai": {{"api_key": "k", "base_url": "http://127.0.0.1:1", "models": {{"a": {{}}}}}}, "fleet": {{"url": "{store.url}"}}}}
asyncio.run(llmagg.LLMAggregator().initialize(config))
def connected():
    import time
    for _ in range(100):
        r = llmagg.get_manager().fleet_report()
        if r["connected"]:
            return r["process"]
        time.sleep(0.05)
first = connected()
read, write = os.pipe()
if os.fork() == 0:
    os.write(write, (connected() or "none").encode())
    os._exit(0)
os.wait()
second = os.read(read, 100).decode()
print(first, second)
assert second != "none" and first != second
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.parametrize(
    ("fleet", "says"),
    [
        (5, "must be an object"), ({}, 'no "url"'), ({"url": "http://x"}, "valkey://"), ({"url": "redis://x", "agree": 0}, "agree"),
        ({"url": "redis://x", "share": ["all"]}, "share"), ({"url": "redis://x", "pasword": "geheim"}, 'did you mean "password"'),
        ({"url": 5, "password": "geheim"}, "must be a string"), ({"url": "${NOT_SET_HERE}"}, "NOT_SET_HERE"),
        ({"url": "redis://u:geheim@x/3"}, "database"), ({"url": "rediss://x", "ca_file": "/no"}, "ca_file"),
    ],
)  # fmt: skip
def test_a_store_that_is_none_is_refused(fleet: Any, says: str) -> None:
    config = {"openai": {"api_key": "k", "models": {"a": {}}}, "fleet": fleet}
    with pytest.raises(llmagg.InvalidArgumentError, match=says) as error:
        llmagg.LLMAggregator().initialize_sync(config)
    assert "geheim" not in str(error.value)
