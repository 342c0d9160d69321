"""``llmagg serve`` as a process: its key and address, and how it ends."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from conftest import HELLO, python, until
from llmagg.faultwall import FaultWall


@pytest.mark.long
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_command_after_its_calls(llm_wall: FaultWall, tmp_path: Path, sent: signal.Signals) -> None:
    """A call in flight is answered, and the process ends by itself, with all that it does at its end."""
    llm_wall.script({"default": {"steps": [{"delay_headers_s": 0.5}]}})
    config = tmp_path / "llm.json"
    config.write_text(json.dumps({"shop": {"models": {"good": {"api_key": "k", "base_url": llm_wall.url}}}}))
    command = [sys.executable, "-m", "llmagg", "serve", "-c", str(config), "--port", "0"]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process,
        ThreadPoolExecutor(1) as pool,
    ):
        assert process.stdout is not None
        try:
            _, url, key = [process.stdout.readline().strip().partition("=")[2] for _ in range(3)]
            asked = pool.submit(
                httpx.post, f"{url}/chat/completions", headers={"Authorization": f"Bearer {key}"}, timeout=20,
                json={"model": "auto", "messages": HELLO},
            )  # fmt: skip
            asyncio.run(until(lambda: llm_wall.seen()["totals"]["in_flight"] == 1))
            process.send_signal(sent)
            assert asked.result().status_code == 200
            assert process.wait(20) == 0
        finally:
            process.kill()


def test_the_command_makes_a_key_and_listens_on_loopback(llm_wall: FaultWall, tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("")
    config = tmp_path / "llm.json"
    config.write_text(json.dumps({"shop": {"models": {"good": {"api_key": "k", "base_url": llm_wall.url}}}}))
    command = [sys.executable, "-m", "llmagg", "serve", "-c", str(config), "--port", "0"]
    done = subprocess.run([*command, "--key-file", str(tmp_path / "keys")], capture_output=True, text=True, timeout=30)
    assert done.returncode == 2
    assert "is empty" in done.stderr
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = [process.stdout.readline().strip() for _ in range(3)]
        process.send_signal(signal.SIGINT)
        try:
            assert process.wait(20) == 0
        finally:
            process.kill()
    assert said[0] == "llmagg serves shop/good"
    assert said[1].startswith("OPENAI_BASE_URL=http://127.0.0.1:")
    assert said[2].startswith("OPENAI_API_KEY=sk-llmagg-")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        at = str(taken.getsockname()[1])
        done = subprocess.run([*command[:-1], at], capture_output=True, text=True, timeout=30)
    assert (done.returncode, "Address already in use" in done.stderr) == (2, True), done.stderr


def test_without_the_extra_serve_says_what_to_install() -> None:
    code = "import sys; sys.modules['uvicorn'] = None; from llmagg.__main__ import main; sys.exit(main(sys.argv[1:]))"
    done = python(code, "serve")
    assert done.returncode == 2
    assert "pip install 'llmagg[serve]'" in done.stderr


def test_the_library_does_not_import_the_server() -> None:
    code = "import sys, llmagg; print({'llmagg.serve', 'starlette', 'uvicorn'} & set(sys.modules))"
    assert python(code).stdout == "set()\n"
