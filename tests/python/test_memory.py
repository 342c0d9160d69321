"""The bounds of memory (L1), in a process of its own, with the default limits."""

from __future__ import annotations

import json
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
"""What the interpreter and Go's runtime take by themselves while a stream of 40 MB is read."""

CHILD = """
import json, sys, llmagg

def peak():
    for line in open("/proc/self/status"):
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024

url, kind, call, vendor = sys.argv[1:]
aggregator = llmagg.LLMAggregator()
models = {name: {"base_url": f"{url}/{name}", "max_retries": 3} for name in ("warm", kind)}
models[kind].update(json.loads(vendor))
aggregator.initialize_sync({"p": {"models": models}})
ask = [{"role": "user", "content": "hi"}]
aggregator.chat_sync(ask, model="warm")
before = peak()
try:
    if call == "embed":
        aggregator.embed_sync("hi", model=kind)
    elif call == "rerank":
        aggregator.rerank_sync("hi", ["a"], model=kind)
    elif call == "chat":
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

WORDS = b"x" * 1_000_000
NUMBERS = b"0.0123456," * 100_000
BEDROCK = {"type": "bedrock", "region": "us-east-1", "api_key": "k"}
WHOLE: dict[str, tuple[str, dict[str, str], bytes, bytes]] = {
    "chat": ("chat", {}, b'{"choices":[{"index":0,"message":{"content":"', WORDS),
    "base64": ("embed", {}, b'{"data":[{"embedding":"', WORDS),
    "floats": ("embed", {}, b'{"data":[{"embedding":[', NUMBERS),
    "words": ("embed", {}, b'{"choices":[{"index":0,"message":{"content":"', WORDS),
    "gemini": ("embed", {"type": "gemini", "api_key": "k"}, b'{"embedding":{"values":[', NUMBERS),
    "cohere": ("embed", {"type": "cohere", "api_key": "k"}, b'{"embeddings":{"float":[[', NUMBERS),
    "ollama": ("embed", {"type": "ollama"}, b'{"embeddings":[[', NUMBERS),
    "titan": ("embed", BEDROCK | {"model": "amazon.titan-embed-text-v2:0"}, b'{"embedding":[', NUMBERS),
    "ranks": ("rerank", {}, b'{"results":[', b'{"index":0,"relevance_score":0.5},' * 30_000),
}
"""The call, the settings of its model, and how an answer without an end begins and goes on."""


def _body(kind: str) -> Iterator[bytes]:
    _, _, begin, more = WHOLE[kind]
    yield begin
    for _ in range(300):
        yield more


class _Server(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"

    def log_message(self, *_: object) -> None:
        pass

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        kind = self.path.split("/")[1]
        self.send_response(200)
        kind, _, coding = kind.partition("-")
        if coding:
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        try:
            if kind == "warm":
                self.wfile.write(b'{"choices":[{"index":0,"message":{"content":"x"},"finish_reason":"stop"}]}')
            elif kind in WHOLE:
                packed = zlib.compressobj(1, wbits=31)
                for block in _body(kind):
                    self.wfile.write(packed.compress(block) if coding else block)
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
    [(kind + coding, 1.25 * 64 * MIB, "response_bytes") for kind in WHOLE for coding in ("", "-gzip")]
    + [(kind, 2.5 * 40e6 + SLACK, "OK") for kind in DELTAS],
)
def test_memory_is_bounded(server: str, kind: str, most: float, said: str) -> None:
    call, vendor = WHOLE.get(kind.partition("-")[0], ("stream", {}))[:2]
    command = [sys.executable, "-c", CHILD, server, kind, call, json.dumps(vendor)]
    child = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert child.returncode == 0, child.stderr
    grown, _, result = child.stdout.partition(" ")
    assert said in result
    print(f"{kind}: grown by {int(grown) / MIB:.0f} MiB, at most {most / MIB:.0f}")
    assert int(grown) < most
