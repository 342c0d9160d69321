"""Servers that load the application, use it, and then fork their workers: gunicorn --preload, Celery's prefork pool."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from llmagg.faultwall import FaultWall

pytestmark = pytest.mark.long

pytest.importorskip("gunicorn")
pytest.importorskip("celery")

APPLICATION = """
import asyncio, faulthandler, json, os, signal, llmagg
faulthandler.register(signal.SIGRTMIN)
HELLO = [{"role": "user", "content": "x"}]
aggregator = llmagg.LLMAggregator()
aggregator.initialize_sync({"openai": {"models": {"m": {"api_key": "k", "base_url": os.environ["WALL"]}}}})
assert aggregator.generate_response_sync(HELLO) == "Hello from m."  # the native library runs in the master

def answer():
    texts = [aggregator.generate_response_sync(HELLO), "".join(aggregator.stream_text_sync(HELLO)),
             asyncio.run(aggregator.generate_response(HELLO))]
    return json.dumps({"pid": os.getpid(), "parent": os.getppid(), "texts": texts})
"""
WSGI = """
from application import answer
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/json")])
    return [answer().encode()]
"""
# Messages and results are files, so that no broker is needed.
QUEUEING = """
import os
from celery import Celery
app = Celery("tasks", broker="filesystem://", backend="file://" + os.path.abspath("results"))
for folder in ("queue", "results"):
    os.makedirs(folder, exist_ok=True)
folders = {"data_folder_in": "queue", "data_folder_out": "queue", "control_folder": "queue"}
app.conf.broker_transport_options = {**folders, "polling_interval": 0.05}  # seconds; 1 by default, for each few tasks
app.conf.worker_prefetch_multiplier = 1
"""
TASKS = """
from queueing import app
from application import answer
ask = app.task(answer, name="ask")
"""
SEND = """
import json
from queueing import app
print(json.dumps([app.send_task("ask").id for _ in range(40)]))
"""
ANSWERS = """
import json, sys
from queueing import app
print(json.dumps([json.loads(app.AsyncResult(task).get(timeout=1)) for task in json.loads(sys.argv[1])]))
"""
TEXTS = ["Hello from m."] * 3


@contextlib.contextmanager
def server(folder: Path, wall: FaultWall, *command: str) -> Iterator[subprocess.Popen[str]]:
    """Runs a server in the folder with the application in it; ends its whole group, and says what it printed.

    A machine may be so busy that the end takes long; what has not ended after 20 s is asked where it is.
    """
    (folder / "application.py").write_text(APPLICATION)
    environment = {**os.environ, "WALL": wall.url, "PYTHONPATH": str(folder), "PYTHONWARNINGS": "ignore"}
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=folder, env=environment, stdout=log, stderr=log, text=True, start_new_session=True,
        )  # fmt: skip
        try:
            yield process
            process.send_signal(signal.SIGTERM)
            for _ in range(2):
                try:
                    process.wait(20)
                    break
                except subprocess.TimeoutExpired:
                    os.killpg(process.pid, signal.SIGRTMIN)
            assert process.poll() == 0, (folder / "log").read_text()
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)


def printed(folder: Path, process: subprocess.Popen[str], pattern: str, times: int = 1) -> str:
    """Waits until the server has printed what matches as often as that, 30 s; the first match."""
    deadline = time.monotonic() + 30
    while len(found := re.findall(pattern, (folder / "log").read_text())) < times:
        assert time.monotonic() < deadline and process.poll() is None, (folder / "log").read_text()
        time.sleep(0.02)
    return str(found[0])


def test_gunicorn_preload_with_4_workers(llm_wall: FaultWall, tmp_path: Path) -> None:
    (tmp_path / "wsgi.py").write_text(WSGI)
    options = ["--preload", "--workers", "4", "--bind", "127.0.0.1:0"]
    options += ["--graceful-timeout", "120"]  # else it kills after 30 s what does not end, and ends as if nothing were
    with server(tmp_path, llm_wall, "gunicorn", *options, "wsgi:app") as process:
        url = printed(tmp_path, process, r"Listening at: (http://\S+)")

        def get(_: int) -> dict[str, Any]:
            with urllib.request.urlopen(url, timeout=20) as response:
                return json.load(response)

        answers: list[dict[str, Any]] = []
        with ThreadPoolExecutor(8) as pool:
            while len({answer["pid"] for answer in answers}) < 4 and len(answers) < 400:
                answers.extend(pool.map(get, range(40)))
        assert all(answer["texts"] == TEXTS for answer in answers)
        assert {answer["parent"] for answer in answers} == {process.pid}, "the workers are not the master's children"
        assert len({answer["pid"] for answer in answers}) == 4


def test_celery_prefork_pool_with_4_workers(llm_wall: FaultWall, tmp_path: Path) -> None:
    (tmp_path / "queueing.py").write_text(QUEUEING)
    (tmp_path / "tasks.py").write_text(TASKS)

    def run(*code: str) -> str:
        ran = subprocess.run([sys.executable, "-c", *code], cwd=tmp_path, capture_output=True, text=True, timeout=60)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    # Celery reads files that are not written to their end yet. So the messages are there before the worker begins, and
    # the results are read after the worker has said that they are stored.
    tasks = run(SEND)
    options = ["--pool", "prefork", "--concurrency", "4", "--loglevel", "INFO", "--without-gossip", "--without-mingle"]
    with server(tmp_path, llm_wall, "celery", "-A", "tasks", "worker", *options) as process:
        printed(tmp_path, process, r"Task ask\S+ succeeded in", times=40)
        answers = json.loads(run(ANSWERS, tasks))
        assert len(answers) == 40 and all(answer["texts"] == TEXTS for answer in answers)
        assert {answer["parent"] for answer in answers} == {process.pid}, "the workers are not the master's children"
        assert len({answer["pid"] for answer in answers}) > 1
