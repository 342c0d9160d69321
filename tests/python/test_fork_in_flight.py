"""A fork while calls are under way: the parent is unharmed, the child is told, and holds nothing of the parent's."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from forks import CALL, HEAD, run_script

from llmagg.faultwall import FaultWall

pytestmark = pytest.mark.long

# The wall is a process of its own, so that the program's forks are of clients only. It is asked by HTTP.
WALL = """
import json, subprocess, urllib.request
wall = subprocess.Popen([sys.executable, "-m", "llmagg", "wall", "--script", sys.argv[2]],
    stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
URL = wall.stdout.readline().strip()
def seen():
    with urllib.request.urlopen(URL.rsplit("/v1", 1)[0] + "/_wall/seen") as answer:
        return json.load(answer)["totals"]
def release(name):
    request = urllib.request.Request(URL.rsplit("/v1", 1)[0] + "/_wall/release?name=" + name, method="POST")
    urllib.request.urlopen(request).close()
def until(condition, what, limit=10):
    deadline = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)
"""
SCRIPT = {
    "options": {"control": True},
    "models": {
        "m": {"steps": [{"delay_headers_s": 0.4, "delay_event_s": 0.05}]},
        "fast": {"steps": [{}]},
        "held": {"steps": [{"hold": "answers"}]},
        "held-stream": {"steps": [{"events": [{"text": "Hello"}, {"text": " again", "hold": "answers"}, "[DONE]"]}]},
    },
}
END = "\nwall.terminate()\nwall.wait(10)"

CASES = {
    # Calls and streams under way, five children that live on, more calls; then the parent closes its connections.
    "the loop goes on and connections close": """
def in_child():
    for stream in streams:
        try:
            asyncio.run(stream.__anext__())
        except llmagg.ForkedError as error:
            assert "begin it again in the child" in str(error), error
        else:
            raise AssertionError("a stream of the parent's goes on")
    call()
    aggregator.close_sync()
    os.write(told[1], b"x")
    os.read(release[0], 1)
told, release = os.pipe(), os.pipe()
async def main():
    global streams
    tasks = [asyncio.create_task(aggregator.generate_response(HELLO)) for _ in range(30)]
    streams = [aggregator.stream_text(HELLO) for _ in range(10)]
    begun = await asyncio.gather(*(stream.__anext__() for stream in streams))
    pids = []
    for _ in range(5):
        pids.append(begin(in_child))
        tasks.append(asyncio.create_task(aggregator.generate_response(HELLO)))
        await asyncio.sleep(0.02)  # the loop goes on between two forks
    assert set(await asyncio.wait_for(asyncio.gather(*tasks), 10)) == {"Hello from m."}
    for text, stream in zip(begun, streams):
        assert text + "".join([piece async for piece in stream]) == "Hello from m."
    await aggregator.close()
    return pids
pids = asyncio.run(main())
got = b""
while len(got) < 5:
    got += os.read(told[0], 5)
until(lambda: seen()["connections_open"] == 1, "a child holds connections of the parent")  # 1: the question itself
os.write(release[1], b"x" * 5)
assert [end(pid) for pid in pids] == [0] * 5
""",
    # A child that goes on inside the coroutine in which it was forked, awaiting what the parent began.
    "a child that awaits the parent's calls": """
model = {"api_key": "k", "base_url": URL}
aggregator.initialize_sync({"openai": {"models": {"held": model, "held-stream": model}}})
async def main():
    stream = aggregator.stream_text(HELLO, model="held-stream")
    assert await stream.__anext__() == "Hello"
    task = asyncio.create_task(aggregator.generate_response(HELLO, model="held"))
    reading = asyncio.create_task(stream.__anext__())
    late = asyncio.create_task(aggregator.generate_response(HELLO, model="held"))
    await asyncio.sleep(0)  # the three begin; the wall holds their answers until it is told
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        signal.alarm(10)
        for waiting in (task, reading, late):
            try:
                await waiting
            except llmagg.ForkedError as error:
                assert "begin it again in the child" in str(error), error
            else:
                os._exit(3)
        os._exit(0)
    release("answers")
    assert await task == await late == "Hello from held."
    assert await reading + "".join([piece async for piece in stream]) == " again"
    assert await aggregator.generate_response(HELLO, model="held") == "Hello from held."
    return end(pid)
status = asyncio.run(main())
assert status == 0, status
""",
    # A loop at full speed and a fork every 10 ms: no wake-up is lost.
    "no wake-up is lost": """
async def main():
    places, pids = asyncio.Semaphore(20), []
    async def one():
        async with places:
            return await aggregator.generate_response(HELLO, model="fast")
    tasks = [asyncio.create_task(one()) for _ in range(600)]
    while not all(task.done() for task in tasks):
        if len(pids) < 40:
            pids.append(begin(lambda: time.sleep(0.2)))
        await asyncio.sleep(0.01)
    assert {task.result() for task in tasks} == {"Hello from fast."}
    return pids
assert set(map(end, asyncio.run(asyncio.wait_for(main(), 30)))) == {0}
""",
    # Threads inside the library in every place when the process forks.
    "beside threads that call": """
stop = threading.Event()
def work():
    while not stop.is_set():
        assert aggregator.generate_response_sync(HELLO, model="fast") == "Hello from fast."
        ready()
threads = [threading.Thread(target=work) for _ in range(4)]
for thread in threads:
    thread.start()
def fast():
    assert aggregator.generate_response_sync(HELLO, model="fast") == "Hello from fast."
statuses = [child(fast) for _ in range(12)]
stop.set()
for thread in threads:
    thread.join(10)
assert statuses == [0] * 12, statuses
call()
""",
}


@pytest.mark.parametrize("name", CASES)
def test_fork_in_flight(name: str, tmp_path: Path) -> None:
    if name == "a child that awaits the parent's calls" and sys.version_info >= (3, 14):
        pytest.skip("asyncio lets no task take a step in an inherited loop any longer")
    script = tmp_path / "wall.json"
    script.write_text(json.dumps(SCRIPT))
    run_script(tmp_path, HEAD + WALL + CALL + CASES[name] + END, "started by the program", str(script))


LOADING = """
def load():
    ready().generate_response_sync(HELLO)
thread = threading.Thread(target=load)
thread.start()
pids = []
for _ in range(30):
    pids.append(begin(load))
    time.sleep(0.002)  # so that some children are forked before, in and after the load
thread.join(10)
statuses = [end(pid) for pid in pids]
assert statuses == [0] * 30, statuses
load()
"""


def test_fork_while_another_thread_loads_the_library(llm_wall: FaultWall, tmp_path: Path) -> None:
    run_script(tmp_path, HEAD + LOADING, llm_wall.url)


LOCKS = """
import logging
logging.basicConfig(filename=os.devnull, level=logging.DEBUG)
with llmagg.observe_sync() as events:
    call()
    kind = type(threading.Lock())
    owners = [module for name, module in sys.modules.items() if name.startswith("llmagg")]
    owners += [client for provider in llmagg.get_manager().providers.values() for client in provider.clients.values()]
    owners += [client.__dict__["_llmagg_route"] for client in owners if "_llmagg_route" in vars(client)] + [events]
    locks = [value for owner in owners for value in vars(owner).values() if isinstance(value, kind)]
    assert len(locks) >= 4, locks
    held, done = threading.Event(), threading.Event()
    def hold():
        for lock in locks:
            lock.acquire()
        held.set()
        done.wait(30)
        for lock in locks:
            lock.release()
    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(10)
    def work():
        call()
        aggregator.close_sync()
        ready()
        with llmagg.observe_sync():
            call()
        try:
            next(events)
        except llmagg.ForkedError:
            return
        raise AssertionError("the parent's observer goes on")
    status = end(begin(work, 10))
    done.set()
    thread.join(10)
    assert status == 0, f"the child ended with {status}; -14: it hung"
"""


def test_locks_that_another_thread_holds_at_the_fork(llm_wall: FaultWall, tmp_path: Path) -> None:
    run_script(tmp_path, HEAD + CALL + LOCKS, llm_wall.url)
