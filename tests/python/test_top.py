"""``llmagg top``: what a process tells with LLMAGG_TOP=1, and how a terminal shows it."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from test_command import Terminal

import llmagg
from conftest import FAST, config_for
from llmagg.errors import InvalidArgumentError
from llmagg.faultwall import FaultWall
from llmagg.manager import PrivateManager
from llmagg.monitor import fleet, sockets
from llmagg.monitor.feed import Feed

pytestmark = pytest.mark.long

SCRIPT = {
    "models": {
        "down": {"steps": [{"status": 503}]},
        "good": {"steps": [{"text": "one two"}, {"delay_headers_s": 30}], "after": "repeat_last"},
    }
}
PROGRAM = """
import contextlib, os, sys, time, llmagg
from llmagg.monitor import sockets
llm = llmagg.LLMAggregator(["shop/down", "shop/good"])
llm.initialize_sync(sys.argv[1])
end = time.monotonic() + 20
while time.monotonic() < end:  # the feed starts in a thread, and would miss a call before it
    with contextlib.suppress(Exception):
        next(sockets.lines(os.getpid()))
        break
    time.sleep(0.01)
for _ in range(2):
    try:
        llm.chat_sync("Hello")
    finally:
        print("called", flush=True)
"""


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path


@contextmanager
def closed(process: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    """Kills a process at the end, also after a failed assertion."""
    with process:
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture
def process(llm_wall: FaultWall, runtime: Path, request: pytest.FixtureRequest) -> Iterator[int]:
    """A process whose first call is answered after a failover, and whose second call runs. A test's parameter is the
    first line of its program.
    """
    llm_wall.script(SCRIPT)
    models = {name: {"api_key": "sk-0123456789", "base_url": llm_wall.url, **FAST} for name in ("down", "good")}
    models["good"]["rate"] = {"rpm": 600, "tpm": 9000}
    config = runtime / "llm.json"
    config.write_text(json.dumps({"shop": {"models": models}}))
    config.chmod(0o600)
    program = runtime / "app.py"
    program.write_text(getattr(request, "param", "") + PROGRAM)
    command = [sys.executable, str(program), str(config)]
    env = {**os.environ, "LLMAGG_TOP": "1"}
    with closed(subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env)) as running:
        assert running.stdout is not None
        running.stdout.readline()
        until(lambda: sockets.processes() == [running.pid])
        yield running.pid


def until(condition: Callable[[], Any]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def command(*arguments: str, columns: int = 160) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "llmagg", "top", *arguments], capture_output=True, text=True, timeout=60,
        env={**os.environ, "COLUMNS": str(columns), "NO_COLOR": "1"},
    )  # fmt: skip


def test_a_feed(llm_wall: FaultWall, run: Any) -> None:
    llm_wall.script({"models": {"down": {"steps": [{"status": 503}]}}})
    llm = llmagg.LLMAggregator()
    llm.initialize_sync(config_for(llm_wall, "down", "good", rate={"rpm": 60}))
    feed = Feed(llm)
    response = llm.chat_sync("Hello")

    async def text() -> None:
        assert [piece async for piece in llm.stream_text("Hello")]

    run(text())
    until(lambda: [call["outcome"] for call in feed.snapshot()["calls"]] == ["OK", "OK"])
    told = feed.snapshot()
    feed.close()
    down, good = told["routes"]
    assert (down["route"], down["state"], down["failures"]) == ("openai/down", "closed", {"UNAVAILABLE": 4})
    assert (good["state"], good["answered"], good["requests_a_minute"], good["most_requests"]) == ("closed", 2, 2, 60)
    assert good["tokens_a_minute"] == 24
    assert (good["duration"]["count"], good["first_token"]["count"]) == (2, 1)
    assert told["calls"][1]["id"] == response.id_of_call
    assert [attempt["route"] for attempt in told["calls"][1]["attempts"]] == ["openai/down"] * 2 + ["openai/good"]
    assert "sk-test" not in json.dumps(told)


def test_a_route_of_two_aggregators_is_one(llm_wall: FaultWall) -> None:
    llm_wall.script({"models": {"down": {"steps": [{"status": 503}]}}})
    first, second, third = llmagg.LLMAggregator(), llmagg.LLMAggregator(), llmagg.LLMAggregator()
    for llm in (first, second, third):
        llm.manager = PrivateManager()
        llm.initialize_sync(config_for(llm_wall, "down", "good", breaker={"failures": 3}))
    feed = Feed(first, second, third)
    first.chat_sync("Hello")
    for _ in range(2):
        second.chat_sync("Hello")
    until(lambda: [call["outcome"] for call in feed.snapshot()["calls"]] == ["OK"] * 3)
    down, good = feed.snapshot()["routes"]
    feed.close()
    assert (down["route"], down["state"], down["requests_a_minute"]) == ("openai/down", "open", 5)
    assert down["failures"] == {"UNAVAILABLE": 5}
    assert 0 < down["reopens_in"] <= 30
    assert down["last_error"]["name"] == "UNAVAILABLE"
    assert (good["answered"], good["duration"]["count"], good["limit"]) == (3, 3, 20)


def test_a_route_of_two_aggregators_with_one_manager_counts_once(llm_wall: FaultWall) -> None:
    llms = [llmagg.LLMAggregator(), llmagg.LLMAggregator(), llmagg.LLMAggrator()]
    for llm in llms:
        llm.initialize_sync(config_for(llm_wall, "good"))
    feed = Feed(*llms)
    llms[0].chat_sync("Hello")
    (good,) = feed.snapshot()["routes"]
    feed.close()
    assert (good["answered"], good["limit"]) == (1, 10)


def test_routes_that_were_not_used_are_listed(llm_wall: FaultWall) -> None:
    llm = llmagg.LLMAggregator(["openai/good"])
    llm.initialize_sync(config_for(llm_wall, "good", "spare", rate={"rpm": 60}, max_concurrent_calls=7))
    feed = Feed(llm)
    rows = feed.snapshot()["routes"]
    assert [(row["route"], row["state"], row["in_flight"], row["limit"]) for row in rows] == [
        ("openai/good", "closed", 0, 7), ("openai/spare", "closed", 0, 7)
    ]  # fmt: skip
    assert rows[0]["most_requests"] == 60
    llm.chat_sync("Hello")
    until(lambda: [row["answered"] for row in feed.snapshot()["routes"]] == [1, 0])
    llm.manager.get_client_by_model("spare").set_available(False)
    assert [row["state"] for row in feed.snapshot()["routes"]] == ["closed", "off"]
    feed.close()


def test_a_socket_is_its_owners(process: int, runtime: Path) -> None:
    assert stat.S_IMODE((runtime / "llmagg").stat().st_mode) == 0o700
    assert stat.S_IMODE((runtime / "llmagg" / f"{process}.sock").stat().st_mode) == 0o600
    told = next(sockets.lines(process))
    assert (told["pid"], told["program"]) == (process, "app.py")
    assert "sk-0123456789" not in json.dumps(told)
    (runtime / "llmagg").chmod(0o755)
    with pytest.raises(InvalidArgumentError, match="chmod 700"):
        sockets.folder()


def test_sockets_of_ended_processes_go(runtime: Path) -> None:
    path = sockets.folder() / "1234567.sock"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    assert sockets.processes() == []
    assert not path.exists()
    done = command()
    assert (done.returncode, "LLMAGG_TOP=1" in done.stderr) == (2, True)


@pytest.mark.parametrize("process", ["from llmagg.monitor import sockets; sockets.PERIOD = 3600.0"], indirect=True)
def test_a_viewer_that_leaves_frees_its_place_at_once(process: int) -> None:
    """The next line is an hour away, so that it is the leaving alone that frees one of the eight places."""
    for _ in range(40):
        until(lambda: "error" not in next(sockets.lines(process)))


def test_a_viewer_too_many_is_told(process: int) -> None:
    viewers = [sockets.lines(process) for _ in range(8)]
    assert not any("error" in next(viewer) for viewer in viewers)
    assert next(sockets.lines(process))["error"] == "8 viewers watch this process already; close one of them"
    for viewer in viewers:
        viewer.close()  # type: ignore[attr-defined]


def test_a_process_that_tells_nothing(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(sockets.folder() / "12.sock"))
        listener.listen()
        with monkeypatch.context() as patched:
            patched.setattr(sockets, "_SILENCE", 0.05)
            with pytest.raises(InvalidArgumentError, match=r"process 12 has reported nothing for 0\.05 s"):
                next(sockets.lines(12))
        told = sockets.lines(12)

        def end() -> None:
            for _ in range(2):
                listener.accept()[0].close()

        ender = threading.Thread(target=end)
        ender.start()
        with pytest.raises(InvalidArgumentError, match="process 12 ended before it reported anything"):
            next(told)
        ender.join()


def test_once(process: int, runtime: Path) -> None:
    both = [(["shop/good"], "running"), ([], "OK")]  # the newest first
    until(lambda: [(c["running"], c["outcome"]) for c in next(sockets.lines(process))["calls"]] == both)
    wide = command("--once").stdout
    narrow, narrowest = (command("--once", str(process), columns=columns).stdout for columns in (64, 40))
    assert f"app.py process {process} · q quits · 1 in flight" in wide
    assert "shop/down  UNAVAILABLE" in wide
    assert "9000" in wide
    assert "OK " in wide
    assert "shop/down UNAVAILABLE → shop/down UNAVAILABLE → shop/good" in wide
    assert max(map(len, narrow.splitlines())) <= 64
    assert max(map(len, narrowest.splitlines())) <= 40
    assert "shop/down  closed" in narrowest, "each route has its name"
    assert {"route", "state", "flight", "requests", "tokens", "failed"} <= set(narrow.split()), "no head is cut"
    assert json.loads(command("--json").stdout)["pid"] == process
    file = runtime / "now.html"
    assert command("--html", str(file)).stdout == ""
    assert f'"pid":{process}' in file.read_text(encoding="utf-8")


def test_a_file_that_cannot_be_written(process: int, tmp_path: Path) -> None:
    done = command("--html", str(tmp_path / "no" / "now.html"))
    assert done.returncode == 2
    assert "now.html' cannot be written: No such file or directory" in done.stderr


def test_a_server_is_shown(llm_wall: FaultWall, runtime: Path) -> None:
    config = runtime / "llm.json"
    config.write_text(json.dumps({"shop": {"models": {"good": {"api_key": "k", "base_url": llm_wall.url}}}}))
    serve = [sys.executable, "-m", "llmagg", "serve", "-c", str(config), "--port", "0"]
    env = {**os.environ, "LLMAGG_TOP": "1", "LLMAGG_SERVE_KEY": "sk-of-the-test-0123456789"}
    with closed(subprocess.Popen(serve, stdout=subprocess.PIPE, text=True, env=env)) as running:
        assert running.stdout is not None
        url = [running.stdout.readline() for _ in range(2)][1].strip().partition("=")[2]
        until(lambda: sockets.processes() == [running.pid])
        body = json.dumps({"messages": [{"role": "user", "content": "Hello"}]}).encode()
        headers = {"Authorization": f"Bearer {env['LLMAGG_SERVE_KEY']}"}
        with urllib.request.urlopen(urllib.request.Request(f"{url}/chat/completions", body, headers)) as response:
            assert response.status == 200
        assert [row["route"] for row in next(sockets.lines(running.pid))["routes"]] == ["shop/good"]


def test_in_a_terminal(process: int) -> None:
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not installed")
    env = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "HOME", "XDG_RUNTIME_DIR") if name in os.environ}
    terminal = Terminal(["sh", "-c", f"{sys.executable} -m llmagg top; echo ended; read x"], {**env, "LANG": "C.UTF-8"})
    try:
        screen = terminal.wait_for("last calls")
        assert "q quits" in screen
        assert "shop/good" in screen
        os.kill(process, signal.SIGSTOP)  # a process that tells nothing any more keeps nobody
        begun = time.monotonic()
        terminal.type("q")
        assert "last calls" not in terminal.wait_for("ended")
        assert time.monotonic() - begun < sockets._SILENCE / 2
    finally:
        os.kill(process, signal.SIGCONT)
        terminal.close()


def test_without_the_variable_nothing_runs(runtime: Path) -> None:
    code = (
        "import llmagg, sys, threading as t; llmagg.stats()\nprint('llmagg.monitor' in sys.modules, t.active_count())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "False 1\n"
    assert not (runtime / "llmagg").exists()


def test_the_file_of_a_fleet_is_read_as_any_configuration(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, given, seen = runtime / "fleet.json", {"url": "redis://127.0.0.1:1"}, []
    file.write_bytes(b'\xef\xbb\xbf{"shop": {"models": {}}, "fleet": {"name": "ours"}}')
    with monkeypatch.context() as patched:  # not every build has a store for a fleet
        patched.setattr(llmagg.LLMAggregator, "initialize_sync", lambda _, config: seen.append(config))
        fleet._initialize(file, given)
    assert seen == [{"shop": {"models": {}}, "fleet": {"name": "ours", **given}}]
    for wrong, says in ((b"\xff\xfe{\0}\0", "is UTF-16"), (b'{\n"a": ,}', "in line 2"), (b"[]", "must be {provider"),
                        (b"null", f"{file}' must be"), (b'"other.json"', "got str")):  # fmt: skip
        file.write_bytes(wrong)
        with pytest.raises(InvalidArgumentError, match=re.escape(says)):
            fleet._initialize(file, given)
