"""A forked child has a working library of its own. What is under way at the fork: test_fork_in_flight.py."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from forks import CALL, HEAD, run_script

from llmagg.faultwall import FaultWall

pytestmark = pytest.mark.long

CASES = {
    "after configuring only": "aggregator.close_sync(); assert child(call) == 0; call()",
    "after use": "call(); assert child(call) == 0; call()",
    "three generations": """
call()
def generation(left):
    call()
    if left:
        assert child(lambda: generation(left - 1)) == 0
generation(3)
""",
    "many children": "call(); assert [child(call) for _ in range(5)] == [0] * 5; call()",
    "an open stream": """
stream = aggregator.stream_text_sync(HELLO)
next(stream)
def work():
    try:
        next(stream)
    except llmagg.ForkedError as error:
        assert "parent" in str(error)
    else:
        raise AssertionError("the parent's stream can be read in the child")
    call()
assert child(work) == 0
assert "".join(stream) == " from m."
""",
    "inside a running loop": """
async def main():
    await aggregator.chat(HELLO)
    status = child(call)
    assert await aggregator.generate_response(HELLO) == "Hello from m."
    return status
assert asyncio.run(main()) == 0
""",
    "from another thread": """
call()
statuses = []
thread = threading.Thread(target=lambda: statuses.append(child(call)))
thread.start()
thread.join()
assert statuses == [0]
call()
""",
    "loggers and observers": """
import logging
logging.basicConfig(filename=os.devnull, level=logging.DEBUG)
def watch():
    with llmagg.observe_sync() as events:
        call()
    assert any(event.event == "attempt_ended" for event in events), "nothing was observed"
with llmagg.observe_sync() as events:
    call()
    assert child(watch) == 0
    call()
watch()
""",
}


@pytest.mark.parametrize("name", CASES)
def test_fork(llm_wall: FaultWall, name: str, tmp_path: Path) -> None:
    run_script(tmp_path, HEAD + CALL + CASES[name], llm_wall.url)


def test_after_import_only(llm_wall: FaultWall, tmp_path: Path) -> None:
    code = """
assert "llmagg" not in open("/proc/self/maps").read(), "import loads the library"
def work():
    assert ready().generate_response_sync(HELLO) == "Hello from m."
assert child(work) == 0
assert child(lambda: child(work)) == 0
work()
assert child(work) == 0
"""
    run_script(tmp_path, HEAD + code, llm_wall.url)


WORKERS = """
import multiprocessing
HELLO = [{"role": "user", "content": "x"}]
everybody = None
def begin(barrier, url=None):
    global everybody
    everybody = barrier
    if url:
        configure(url)
def configure(url):
    import llmagg
    llmagg.LLMAggregator().initialize_sync({"openai": {"models": {"m": {"api_key": "k", "base_url": url}}}})
def call(_):
    global everybody
    import llmagg, os
    aggregator = llmagg.LLMAggregator()
    aggregator.initialize_sync()
    assert aggregator.generate_response_sync(HELLO) == "Hello from m."
    if everybody:
        everybody.wait(50)  # each worker has one of the first eight calls
        everybody = None
    return os.getpid()
if __name__ == "__main__":
    import sys
    configure(sys.argv[1])
    call(0)
    context = multiprocessing.get_context(sys.argv[2])
    url = [] if sys.argv[2] == "fork" else [sys.argv[1]]
    with context.Pool(8, begin, [context.Barrier(8), *url]) as pool:
        pids = pool.map(call, range(32), chunksize=1)
        assert len(pids) == 32 and len(set(pids)) == 8, pids
    call(0)
"""


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_multiprocessing_with_8_workers(llm_wall: FaultWall, method: str, tmp_path: Path) -> None:
    run_script(tmp_path, WORKERS, llm_wall.url, method)


def test_a_program_that_is_executed_inherits_nothing(llm_wall: FaultWall, tmp_path: Path) -> None:
    code = """
import subprocess
stream = aggregator.stream_text_sync(HELLO)
next(stream)
listing = "import os; print(sorted(os.listdir('/proc/self/fd'), key=int))"
def fds():
    return subprocess.run([sys.executable, "-c", listing], close_fds=False, capture_output=True, text=True).stdout
assert fds() == subprocess.run([sys.executable, "-c", listing], capture_output=True, text=True).stdout, fds()
assert "".join(stream) == " from m."
"""
    run_script(tmp_path, HEAD + CALL + code, llm_wall.url)


def test_a_child_holds_nothing_of_the_parents_wall(tmp_path: Path) -> None:
    code = """
import socket
from llmagg.faultwall import FaultWall
wall = FaultWall()
address = ("127.0.0.1", int(wall.url.split(":")[2].split("/")[0]))
client = socket.create_connection(address)
while wall.seen()["totals"]["connections_opened"] < 1:
    time.sleep(0.005)
pid = begin(lambda: time.sleep(15))
wall.close()
client.settimeout(5)
try:
    assert client.recv(1) == b""
except ConnectionResetError:
    pass
try:
    socket.create_connection(address, 5)
except ConnectionRefusedError:
    pass
else:
    raise AssertionError("the child listens for the wall")
os.kill(pid, signal.SIGKILL)
assert end(pid) == -signal.SIGKILL
"""
    run_script(tmp_path, HEAD + code, "started by the program")


def test_without_a_memory_file_the_child_is_told(llm_wall: FaultWall, tmp_path: Path) -> None:
    code = """
call()
del os.memfd_create
def work():
    for attempt in (lambda: aggregator.chat_sync(HELLO), lambda: asyncio.run(aggregator.chat(HELLO)), lambda: ready()):
        forked(attempt, "spawn")
assert child(work) == 0
call()
"""
    run_script(tmp_path, HEAD + CALL + code, llm_wall.url)


def test_without_sendfile_the_child_reads_and_writes(llm_wall: FaultWall, tmp_path: Path) -> None:
    """A seccomp filter, or a file system, may refuse it."""
    code = """
call()
def refused(*_):
    raise OSError(22, "Invalid argument")
os.sendfile = refused
assert child(call) == 0
pread, os.pread = os.pread, lambda file, size, at: pread(file, size, at) if at < 1 << 20 else b""
def work():
    forked(lambda: aggregator.chat_sync(HELLO), "its own copy", "file ended after 1048576 of")
assert child(work) == 0
call()
"""
    run_script(tmp_path, HEAD + CALL + code, llm_wall.url)


def test_a_fork_that_python_is_not_told_of_is_an_error_with_advice(llm_wall: FaultWall, tmp_path: Path) -> None:
    """uWSGI forks so, unless it is asked to tell."""
    code = """
import ctypes
call()
libc = ctypes.PyDLL(None)
for told in (False, True):
    if told:
        ctypes.pythonapi.PyOS_BeforeFork()  # 3.13 ends where only the child is told
    pid = libc.fork()
    if pid == 0:
        faulthandler.dump_traceback_later(20, exit=True)
        try:
            if told:
                ctypes.pythonapi.PyOS_AfterFork_Child()
                call()
            else:
                for attempt in (call, lambda: asyncio.run(aggregator.chat(HELLO)), ready):
                    forked(attempt, "--py-call-osafterfork")
            os._exit(0)
        finally:
            import traceback
            traceback.print_exc()
            os._exit(1)
    if told:
        ctypes.pythonapi.PyOS_AfterFork_Parent()
    assert end(pid) == 0
call()
"""
    run_script(tmp_path, HEAD + CALL + code, llm_wall.url)


def test_only_the_main_thread_looks_up_for_signals(llm_wall: FaultWall, tmp_path: Path) -> None:
    """In a child it is the thread that forked. Others wait without a limit, for which the kernel sets a timer."""
    code = (
        CALL
        + """
from llmagg._native import blocking
limits, poll_for = [], blocking.poll_for
def recording(descriptor):
    poll = poll_for(descriptor)
    return lambda limit: (limits.append(limit), poll(limit))[1]
blocking.poll_for = recording
def looks_up(limit):
    limits.clear()
    assert aggregator.generate_response_sync(HELLO) == "Hello from m."
    assert limits and set(limits) == {limit}, limits
statuses = []
def in_a_thread():
    looks_up(None)
    statuses.append(child(lambda: looks_up(blocking.LOOK_UP_MS)))
looks_up(blocking.LOOK_UP_MS)
thread = threading.Thread(target=in_a_thread)
thread.start()
thread.join()
statuses.append(child(lambda: looks_up(blocking.LOOK_UP_MS)))
assert statuses == [0, 0], statuses
"""
    )
    run_script(tmp_path, HEAD + code, llm_wall.url)


@pytest.mark.skipif(sys.version_info < (3, 11), reason="on Python 3.10 llmagg brings asyncio, and that logging")
def test_a_fork_beside_a_thread_prints_nothing(tmp_path: Path) -> None:
    """Modules that are imported before the fork, since a thread may have begun to, register hooks of forks."""
    code = """
import os, sys, threading
import llmagg
assert "logging" not in sys.modules and "concurrent.futures.thread" not in sys.modules
told = []
sys.unraisablehook = told.append
done = threading.Event()
thread = threading.Thread(target=done.wait)
thread.start()
for _ in range(2):
    if (pid := os.fork()) == 0:
        import logging
        logging.getLogger("x").warning  # takes the lock
        logging.getLogger("y")
        os._exit(len(told))
    assert os.waitpid(pid, 0)[1] == 0
done.set()
thread.join()
import logging
assert told == [] and "logging" in sys.modules, told
def taken():
    logging.getLogger("z")  # would wait for ever for a lock that was left
thread = threading.Thread(target=taken, daemon=True)
thread.start()
thread.join(10)
assert not thread.is_alive()
"""
    run_script(tmp_path, code)
