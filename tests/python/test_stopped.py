"""A process that is stopped (SIGSTOP, a laptop's lid) for longer than its deadlines, while its server goes on."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

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
            self.wfile.write(event)
            self.stopped.wait(30)
            if "silent" in self.path:
                self.rfile.read()  # until the client leaves
                return
            self.wfile.write(event * (PIECES - 1))
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
