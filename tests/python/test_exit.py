"""An interpreter that ends in the middle of calls: no crash, no hang, nothing printed."""

from __future__ import annotations

import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from llmagg.faultwall import FaultWall

pytestmark = pytest.mark.long

HEAD = """
import asyncio, atexit, os, sys, threading, llmagg
HELLO = [{"role": "user", "content": "x"}]
aggregator = llmagg.LLMAggregator()
aggregator.initialize_sync({"x": {"models": {"m": {"base_url": sys.argv[1]}}}})
"""
# What a program may be doing when it ends, with the status that it ends with.
ENDINGS = {
    "sys.exit inside of async streams": """
async def main():
    streams = [aggregator.stream(HELLO) for _ in range(3)]
    for stream in streams:
        await stream.__anext__()
    sys.exit(7)
asyncio.run(main())
""",
    "a blocking stream kept in a global": """
stream = aggregator.stream_text_sync(HELLO)
next(stream)
sys.exit(7)
""",
    "daemon threads inside of calls": """
def read():
    for _ in aggregator.stream_text_sync(HELLO):
        pass
for _ in range(3):
    threading.Thread(target=read, daemon=True).start()
for _ in zip(range(5), aggregator.stream_text_sync(HELLO)):
    pass
sys.exit(7)
""",
    "a loop that was never closed": """
loop = asyncio.new_event_loop()
stream = aggregator.stream(HELLO)
loop.run_until_complete(stream.__anext__())
tasks = [loop.create_task(aggregator.chat(HELLO)) for _ in range(3)]
for task in tasks:
    task._log_destroy_pending = False
async def begun():
    while llmagg.stats()["sockets"] < 4:
        await asyncio.sleep(0.001)
loop.run_until_complete(asyncio.wait_for(begun(), 5))
import warnings; warnings.simplefilter("ignore")
sys.exit(7)
""",
    "a call in atexit": """
stream = aggregator.stream_text_sync(HELLO)
next(stream)
atexit.register(lambda: next(stream))
atexit.register(lambda: next(aggregator.stream_text_sync(HELLO)))
sys.exit(7)
""",
    "os._exit": """
stream = aggregator.stream_text_sync(HELLO)
next(stream)
os._exit(7)
""",
    "an observer and a logger": """
import logging
logging.basicConfig(filename=os.devnull, level=logging.DEBUG)
events = llmagg.observe_sync().__enter__()
stream = aggregator.stream_text_sync(HELLO)
next(stream)
sys.exit(7)
""",
    "an interrupt": """
import signal
stream = aggregator.stream_text_sync(HELLO)
next(stream)
try:
    threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()
    for _ in stream:
        pass
except KeyboardInterrupt:
    sys.exit(7)
""",
}


def end(url: str, name: str) -> str | None:
    """Runs one ending; says what was wrong with it."""
    command = [sys.executable, "-c", HEAD + ENDINGS[name], url]
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=30)
    except subprocess.TimeoutExpired:
        return f"{name}: it hangs"
    if (result.returncode, result.stdout, result.stderr) != (7, "", ""):
        return f"{name}: status {result.returncode}\n{result.stdout}{result.stderr}"
    return None


def test_exits_in_the_middle_of_streams(llm_wall: FaultWall, pytestconfig: pytest.Config) -> None:
    llm_wall.script({"default": {"steps": [{"forever": True, "delay_event_s": 0.001}]}})
    rounds = 200 if pytestconfig.getoption("--deep") else 2 * len(ENDINGS)
    names = [*ENDINGS] * (rounds // len(ENDINGS))
    random.Random(1).shuffle(names)
    with ThreadPoolExecutor(2) as pool:
        wrong = [line for line in pool.map(lambda name: end(llm_wall.url, name), names) if line]
    assert not wrong, f"{len(wrong)} of {len(names)}: " + "\n".join(wrong[:5])


OUTLIVES = """
import sys
import time
sys.path.insert(0, sys.argv[2])
import llmagg
from conftest import HELLO, aggregator_for
from llmagg.faultwall import FaultWall
wall = FaultWall()
aggregator = aggregator_for(wall, "m")
aggregator.chat_sync(HELLO)
time.own = lambda: 0.0  # a module that is emptied late keeps this one's names
"""


def test_what_outlives_the_modules_says_nothing() -> None:
    folder = str(Path(__file__).parent)
    command = [sys.executable, "-c", OUTLIVES, "", folder]
    result = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
