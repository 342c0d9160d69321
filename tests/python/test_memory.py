"""The bounds of memory (L1), in a process of its own, with the default limits."""

from __future__ import annotations

import subprocess
import sys
import threading
import zlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

pytestmark = pytest.mark.long

MIB = 1 << 20
SLACK = 16 * MIB
"""What the interpreter and Go's runtime take by themselves at the first call of a kind, whatever is read."""

CHILD = """
import sys, llmagg

def peak():
    for line in open("/proc/self/status"):
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024

url, kind = sys.argv[1:]
aggregator = llmagg.LLMAggregator()
models = {name: {"base_url": f"{url}/{name}", "max_retries": 3} for name in ("warm", kind)}
aggregator.initialize_sync({"p": {"models": models}})
ask = [{"role": "user", "content": "hi"}]
aggregator.chat_sync(ask, model="warm")
before = peak()
try:
    if kind in ("vectors", "endless"):
        aggregator.embed_sync("hi", model=kind)
    elif kind == "ranks":
        aggregator.rerank_sync("hi", ["a"], model=kind)
    elif kind in ("json", "gzip"):
        aggregator.chat_sync(ask, model=kind)
    else:
        for _ in aggregator.stream_sync(ask, model=kind):
            pass
    said = "OK"
except llmagg.LLMError as error:
    said = type(error).__name__ + " " + str(error).replace("\\n", " ")
print(peak() - before, said)
"""


LONG = b"x" * 10_000
DELTAS = {
    "none": b"{}",
    "large": b'{"content":"%s"}' % LONG,
    "small": b'{"content":"%s"}' % LONG[:100],
    "reasoning": b'{"reasoning_content":"%s"}' % LONG,
    "calls": b'{"tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":"%s"}}]}' % LONG,
    "parts": b'{"content":[{"type":"text","text":"%s"}]}' % LONG,
}
"""What one event of a stream brings."""


def _body(choice: bytes) -> Iterator[bytes]:
    yield choice.split(b"%s")[0]
    for _ in range(300):
        yield b"x" * 1_000_000


class _Server(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"

    def log_message(self, *_: object) -> None:
        pass

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        kind = self.path.split("/")[1]
        self.send_response(200)
        if kind == "gzip":
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        choice = b'{"choices":[{"index":0,"message":{"content":"%s"},"finish_reason":"stop"}]}'
        if kind == "endless":  # one vector in base64
            choice = b'{"data":[{"embedding":"%s"}]}'
        try:
            if kind == "warm":
                self.wfile.write(choice % b"x")
            elif kind in ("json", "vectors", "endless", "ranks"):
                for block in _body(choice):
                    self.wfile.write(block)
            elif kind == "gzip":
                packed = zlib.compressobj(1, wbits=31)
                for block in _body(choice):
                    self.wfile.write(packed.compress(block))
            else:
                event = b'data: {"choices":[{"index":0,"delta":%s}]}\n\n' % DELTAS[kind]
                block = event * (1 + 100_000 // len(event))
                for _ in range(40_000_000 // len(block)):
                    self.wfile.write(block)
                end = b'data: {"choices":[{"delta":{"content":"x"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
                self.wfile.write(end)
        except OSError:
            pass  # the client has left


@pytest.fixture
def server() -> Iterator[str]:
    """A server with answers that are too large."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Server) as httpd:
        httpd.daemon_threads = True
        thread = threading.Thread(target=httpd.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{httpd.server_address[1]}"
        httpd.shutdown()
        thread.join()


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="there is no /proc")
@pytest.mark.parametrize(
    ("kind", "most", "said"),
    [(kind, 1.25 * 64 * MIB, "response_bytes") for kind in ("json", "gzip", "vectors", "endless", "ranks")]
    + [(kind, 2.5 * 40e6, "OK") for kind in DELTAS],
)
def test_memory_is_bounded(server: str, kind: str, most: float, said: str) -> None:
    child = subprocess.run([sys.executable, "-c", CHILD, server, kind], capture_output=True, text=True, timeout=60)
    assert child.returncode == 0, child.stderr
    grown, _, result = child.stdout.partition(" ")
    assert said in result
    print(f"{kind}: grown by {int(grown) / MIB:.0f} MiB, at most {most / MIB:.0f}")
    assert int(grown) < most + SLACK
