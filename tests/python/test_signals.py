"""The process stays the application's: signals, standard streams, threads. Ctrl-C in calls: test_blocking.py."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

import pytest
from forks import HEAD, run_script

from llmagg.faultwall import FaultWall

# struct sigaction of glibc on 64-bit Linux: handler, mask of 1024 bits, flags, restorer.
DISPOSITIONS = """
import ctypes
libc = ctypes.CDLL(None)
def disposition(number):
    action = ctypes.create_string_buffer(152)
    assert libc.sigaction(number, None, action) == 0
    return action.raw[:16] + action.raw[136:140]  # glibc fills only 64 bits of the mask
def all_of_them():
    return {n: disposition(n) for n in range(1, 65) if n not in (32, 33)}, signal.pthread_sigmask(signal.SIG_BLOCK, [])
"""


def test_loading_changes_no_disposition_but_those_of_faults(llm_wall: FaultWall, tmp_path: Path) -> None:
    code = """
signal.signal(signal.SIGTERM, lambda *_: None)
signal.signal(signal.SIGUSR1, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2})
before, mask = all_of_them()
assert ready().generate_response_sync(HELLO) == "Hello from m."
asyncio.run(ready().generate_response(HELLO))
after, mask_after = all_of_them()
changed = {signal.Signals(n).name for n in before if before[n] != after[n]}
assert changed == {"SIGSEGV", "SIGBUS", "SIGFPE"}, changed  # Python ignores SIGPIPE, which stays so
assert mask_after == mask == {signal.SIGUSR2}
assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
"""
    run_script(tmp_path, HEAD + DISPOSITIONS + code, llm_wall.url)


def test_a_signal_that_a_thread_waits_for_arrives(llm_wall: FaultWall, tmp_path: Path) -> None:
    code = """
aggregator = ready()
waited = {signal.SIGTERM, signal.SIGINT, signal.SIGUSR1}
aggregator.generate_response_sync(HELLO)
signal.pthread_sigmask(signal.SIG_BLOCK, waited)
for number in [*waited] * 10:
    os.kill(os.getpid(), number)
    assert signal.sigwait(waited) == number
    assert aggregator.generate_response_sync(HELLO) == "Hello from m."
"""
    run_script(tmp_path, HEAD + code, llm_wall.url)


def test_a_broken_connection_does_not_kill_a_program_with_the_default_sigpipe(tmp_path: Path) -> None:
    code = """
import socket
listener = socket.create_server(("127.0.0.1", 0))
def serve():
    while True:
        connection, _ = listener.accept()
        connection.recv(100)
        connection.close()
threading.Thread(target=serve, daemon=True).start()
URL = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
aggregator = ready(max_retries=1, breaker={"failures": 10**6, "min_requests": 10**6})
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
for _ in range(30):
    try:
        aggregator.chat_sync([{"role": "user", "content": "x" * 3_000_000}], model="m")
    except llmagg.LLMError:
        pass
"""
    run_script(tmp_path, HEAD + code, "started by the program")


def test_closed_and_broken_standard_streams_kill_nothing(llm_wall: FaultWall) -> None:
    code = """
import asyncio, os, sys, llmagg
aggregator = llmagg.LLMAggregator()
aggregator.initialize_sync({"x": {"models": {"m": {"base_url": sys.argv[1]}}}})
for _ in range(5):
    assert aggregator.generate_response_sync([{"role": "user", "content": "x"}]) == "Hello from m."
    assert asyncio.run(aggregator.generate_response([{"role": "user", "content": "x"}])) == "Hello from m."
os._exit(7)  # a normal exit would report its own trouble with the closed streams
"""
    closed = subprocess.run(
        ["/bin/sh", "-c", 'exec "$0" -c "$1" "$2" <&- >&- 2>&-', sys.executable, code, llm_wall.url],
        timeout=60, check=False,
    )  # fmt: skip
    assert closed.returncode == 7
    reading, writing = os.pipe()
    os.close(reading)
    broken = subprocess.run([sys.executable, "-c", code, llm_wall.url], stdout=writing, stderr=writing, timeout=60)
    os.close(writing)
    assert broken.returncode == 7


def test_the_library_is_loaded_by_another_thread(llm_wall: FaultWall, tmp_path: Path) -> None:
    code = """
answers = []
def first():
    answers.append(ready().generate_response_sync(HELLO))
    answers.append(asyncio.run(ready().generate_response(HELLO)))
thread = threading.Thread(target=first)
thread.start()
thread.join()
answers.append(ready().generate_response_sync(HELLO))
assert answers == ["Hello from m."] * 3
interrupted = threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT))
try:
    interrupted.start()
    time.sleep(20)
    raise AssertionError("Ctrl-C was lost")
except KeyboardInterrupt:
    pass
"""
    run_script(tmp_path, HEAD + code, llm_wall.url)


def test_2000_calls_in_flight_need_few_threads(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 8192)), hard))  # the wall's 2000 sockets
    code = """
def threads():
    return int(next(line for line in open("/proc/self/status") if line.startswith("Threads:")).split()[1])
aggregator = ready(max_concurrent_calls=2000, timeout=60)
async def main():
    tasks = [asyncio.create_task(aggregator.generate_response(HELLO, model="m")) for _ in range(2000)]
    while llmagg.stats()["sockets"] < 2000:
        await asyncio.sleep(0.02)
    print("waiting", flush=True)
    most = 0
    while not all(task.done() for task in tasks):
        most = max(most, threads())
        await asyncio.sleep(0.01)
    assert {task.result() for task in tasks} == {"Hello from m."}
    assert most < 24, f"{most} threads"
asyncio.run(main())
"""
    script = tmp_path / "program.py"
    script.write_text(HEAD + code)
    held = {"options": {"control": True}, "default": {"steps": [{"hold": "all"}]}}
    with (
        FaultWall(held) as wall,
        subprocess.Popen(
            [sys.executable, str(script), wall.url], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process,
    ):
        timer = threading.Timer(60, process.kill)
        timer.start()
        try:
            assert process.stdout is not None and process.stderr is not None
            assert process.stdout.readline() == "waiting\n", process.stderr.read()
            while wall.seen()["totals"]["in_flight"] < 2000 and process.poll() is None:
                time.sleep(0.01)
            control = wall.url.rsplit("/v1", 1)[0] + "/_wall/release?name=all"
            urllib.request.urlopen(urllib.request.Request(control, method="POST"), timeout=10).close()
            _, err = process.communicate()
        finally:
            timer.cancel()
    assert process.returncode == 0, err


@pytest.mark.long
def test_a_handler_may_call_inside_a_blocking_call(llm_wall: FaultWall, tmp_path: Path) -> None:
    code = """
aggregator = ready()
inside = calls = 0
def handler(*_):
    global inside, calls
    if inside:
        return
    inside = 1
    assert aggregator.generate_response_sync([{"role": "user", "content": "from the handler"}]) == "Hello from m."
    inside, calls = 0, calls + 1
signal.signal(signal.SIGALRM, handler)
aggregator.generate_response_sync(HELLO)
signal.setitimer(signal.ITIMER_REAL, 0.0003, 0.0003)
for _ in range(1500):
    assert aggregator.generate_response_sync(HELLO) == "Hello from m."
signal.setitimer(signal.ITIMER_REAL, 0)
assert calls > 100, calls
assert llmagg.stats()["operations"] == 0
"""
    run_script(tmp_path, HEAD + code, llm_wall.url)
