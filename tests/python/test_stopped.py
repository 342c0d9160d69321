"""A process that is stopped (SIGSTOP, a laptop's lid) for longer than its deadlines, while its server goes on."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from llmagg import _patience

pytestmark = pytest.mark.long

STREAMS = 20
STOPPED = 2.5
PIECES = 200

CHILD = f"""
import asyncio, concurrent.futures, sys, threading, llmagg

url = sys.argv[1]
ask = [{{"role": "user", "content": "hi"}}]
deadlines = {{"timeout": 1.5, "idle_timeout": 1.5, "max_retries": 0, "max_concurrent_calls": 100}}
models = {{name: {{"base_url": f"{{url}}/{{name}}", **deadlines}} for name in ("stream", "silent")}}
aggregator = llmagg.LLMAggregator()
aggregator.initialize_sync({{"p": {{"models": models}}}})
begun = threading.Barrier({2 * STREAMS} + 2, timeout=30)
results = []

async def awaited(name):
    text = ""
    stream = aggregator.stream(ask, model=name)
    async for piece in stream:
        if not text:
            await asyncio.to_thread(begun.wait)
        if isinstance(piece, llmagg.ChunkEvent):
            text += piece.text
    return len(text)

async def all_awaited():
    asyncio.get_running_loop().set_default_executor(concurrent.futures.ThreadPoolExecutor({STREAMS}))
    results.extend(await asyncio.gather(*(awaited("stream") for _ in range({STREAMS}))))

def blocking(name):
    text = ""
    try:
        for piece in aggregator.stream_sync(ask, model=name):
            if not text:
                begun.wait()
            if isinstance(piece, llmagg.ChunkEvent):
                text += piece.text
        results.append(len(text))
    except llmagg.LLMError as error:
        results.append(type(error).__name__)

threads = [threading.Thread(target=blocking, args=(name,)) for name in ["stream"] * {STREAMS} + ["silent"]]
threads.append(threading.Thread(target=lambda: asyncio.run(all_awaited())))
for thread in threads:
    thread.start()
begun.wait()
print("under way", flush=True)
for thread in threads:
    thread.join()
print(*sorted(map(str, results)))
"""


class _Server(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"
    stopped: threading.Event

    def log_message(self, *_: object) -> None:
        pass

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()
        event = b'data: {"choices":[{"index":0,"delta":{"content":"x"}}]}\n\n'
        try:
            sent = 0
            while not sent or not self.stopped.wait(0.3):  # no stream is silent while the others take long to begin
                self.wfile.write(event)
                sent += 1
            if "silent" in self.path:
                self.rfile.read()  # until the client leaves
                return
            self.wfile.write(event * (PIECES - sent))
            self.wfile.write(b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n')
        except OSError:
            pass  # the client has left


class _ManyAtOnce(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True


@pytest.fixture
def server() -> Iterator[str]:
    """A server that goes on when its client has been stopped."""
    _Server.stopped = threading.Event()
    with _ManyAtOnce(("127.0.0.1", 0), _Server) as httpd:
        thread = threading.Thread(target=httpd.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{httpd.server_address[1]}"
        httpd.shutdown()
        thread.join()


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="processes cannot be stopped")
def test_a_stopped_process_loses_nothing(server: str) -> None:
    """Streams are whole afterwards; a server that is silent all the same is noticed as ever."""
    child = subprocess.Popen([sys.executable, "-c", CHILD, server], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "under way\n"
    child.send_signal(signal.SIGSTOP)
    _Server.stopped.set()
    time.sleep(STOPPED)  # the stop itself: longer than the deadlines
    child.send_signal(signal.SIGCONT)
    said, _ = child.communicate(timeout=30)
    assert child.returncode == 0
    assert said.split() == sorted([str(PIECES)] * 2 * STREAMS + ["StreamInterruptedError"])


def test_a_limit_that_is_late_looks_again_for_as_long_as_it_was_late() -> None:
    """Between a second and the limit itself, and not for ever."""
    clock = [0.0]

    def waited(limit: float, *late: float) -> list[float]:
        told, lates = [], iter(late)
        for wait in _patience.waits(limit, lambda: clock[0]):
            told.append(wait)
            clock[0] += wait + next(lates, 0)
        return told

    assert waited(30) == [30]
    assert waited(30, _patience.LATE / 2) == [30]
    assert waited(30, 7) == pytest.approx([30, 7])
    assert waited(30, 0.5, 7) == pytest.approx([30, 1, 7])
    assert waited(30, 3600) == [30, 30]
    assert waited(0.5, 7) == [0.5, 0.5]
    assert len(waited(30, *[60] * 50)) == 11


def test_what_arrives_while_the_process_is_stopped_wins_over_a_limit() -> None:
    """With asyncio.wait_for the limit won: its timer is due in the same round of the loop."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        stopped, real = [0.0], loop.time
        loop.time = lambda: real() + stopped[0]  # type: ignore[method-assign]
        arrived: asyncio.Future[str] = loop.create_future()

        def stop() -> None:
            stopped[0] = 60
            loop.call_soon(arrived.set_result, "an answer")

        async def read() -> str:
            text = await arrived
            await asyncio.sleep(0)  # it takes some rounds of the loop
            return text

        loop.call_soon(stop)
        assert await _patience.within(read(), 30) == "an answer"

    asyncio.run(main())


def test_a_limit_ends_what_it_waits_for() -> None:
    """So does the end of the one who waits."""
    ended = []

    async def slow() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(1)

    async def main() -> None:
        with pytest.raises(asyncio.TimeoutError):
            await _patience.within(slow(), 0.01)
        assert ended == [1]
        waiting = asyncio.ensure_future(_patience.within(slow(), 30))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert ended == [1, 1]

    asyncio.run(main())
