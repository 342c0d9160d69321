"""``llmagg top --fleet``: what a terminal shows of the processes of a fleet."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from processes import DEAD, Workers, asked, config_of
from server import Server

from llmagg.faultwall import FaultWall

sys.path.insert(0, str(Path(__file__).parents[1] / "python"))


def top(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "llmagg", "top", "--fleet", *arguments]
    env = {**os.environ, "COLUMNS": "120", "NO_COLOR": "1"}
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=env)


def test_a_fleet_is_shown(tmp_path: Path) -> None:
    from test_command import Terminal

    with Server() as store, FaultWall(DEAD) as wall:
        empty = top(store.url, "--once").stdout
        assert "fleet default 0 processes beside this one · q quits · store in reach" in empty
        assert "no process tells of a route that is open" in empty
        config = config_of(wall, {"url": store.url, "name": "prod"}, breaker={"open_s": 60})
        file = tmp_path / "llm.json"
        file.write_text(json.dumps(config))
        file.chmod(0o600)
        workers = Workers(config, 2, 8, callers=1)
        workers.go()
        until = time.monotonic() + 30
        while asked(wall, "a") < 6:  # five open the circuit of one process, one that of the other
            assert time.monotonic() < until, wall.seen()["requests"]
            time.sleep(0.01)  # the wall tells nobody that it was asked
        told = json.loads(top(store.url, "--name", "prod", "--json").stdout)["fleet"]
        named = top(store.url, "-c", str(file), "--once").stdout
        if shutil.which("tmux") is not None:
            env = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "HOME") if name in os.environ}
            command = f"{sys.executable} -m llmagg top --fleet {store.url} --name prod; echo ended; read x"
            terminal = Terminal(["sh", "-c", command], {**env, "LANG": "C.UTF-8"})
            try:
                assert "told by process" in terminal.wait_for("changes")
                terminal.type("q")
                assert "told by process" not in terminal.wait_for("ended")
            finally:
                terminal.close()
        workers.reports()
    assert told["processes"] >= 3
    assert [t["what"] for t in told["routes"]] == ["opened", "opened"]
    assert len({t["process"] for t in told["routes"]}) == 2
    assert len({t["route"] for t in told["routes"]}) == 1
    assert all(0 < t["for_ns"] <= 60e9 for t in told["routes"])
    assert "openai/a  opened" in named
    assert told["routes"][0]["process"] in named
    assert "sk-test" not in named + json.dumps(told)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["http://x"], "valkey://"), (["redis://x", "--html", "now.html"], "leave out PROCESS and --html"), (["redis://x", "17"], "leave out PROCESS"),
        (["redis://x", "-c", "/nowhere.json"], "nowhere.json"), (["redis://u:geheim@x/3"], "database"),
    ],
)  # fmt: skip
def test_what_is_no_fleet_is_refused(arguments: list[str], says: str) -> None:
    done = top(*arguments)
    assert done.returncode == 2
    assert says in " ".join(done.stderr.split()), done.stderr
    assert "geheim" not in done.stderr


def test_a_store_that_is_away_is_told() -> None:
    assert "store out of reach" in (said := top("redis://127.0.0.1:1", "--once").stdout)
    assert "refused" in said
