"""``llmagg serve``: OpenAI's API over an aggregator, against the fault wall.

The official SDKs against it: tests/realclients/test_serve.py.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import shutil
import socket
import subprocess
import threading
import time
from array import array
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import llmagg
from conftest import FAST, aggregator_for, python
from llmagg.cli import heads, serving
from llmagg.errors import InvalidArgumentError
from llmagg.faultwall import FaultWall
from llmagg.serve import Keys, Limits, application

KEY = "sk-of-the-test-0123456789"
HELLO = [{"role": "user", "content": "Hello!"}]
BAD = {"steps": [{"status": 503}]}


class Server:
    """The server of ``llmagg serve``, in a thread."""

    def __init__(self, wall: FaultWall) -> None:
        self.wall = wall
        models = {name: {"api_key": "sk-upstream-0123", "base_url": wall.url, **FAST} for name in ("bad", "good")}
        self._llm = llmagg.LLMAggregator()
        self._llm.initialize_sync({"shop": {"models": models}})
        listener = serving.listen("127.0.0.1", 0)
        self.port = listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/v1"
        limits = Limits(body_bytes=1 << 20, calls=3)
        self._server = serving.server_of(application(self._llm, Keys([KEY]), limits))
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [listener]})
        self._thread.start()

    def ask(
        self, path: str, body: Any = None, method: str = "", key: str = KEY, **headers: str
    ) -> tuple[int, Any, dict[str, str]]:
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)) as connection:
            data = body if isinstance(body, (bytes, type(None))) else json.dumps(body)
            sent = {"Authorization": f"Bearer {key}", **{name.replace("_", "-"): v for name, v in headers.items()}}
            connection.request(method or ("GET" if body is None else "POST"), path, data, sent)
            response = connection.getresponse()
            text = response.read().decode()
            told = {name.lower(): value for name, value in response.getheaders()}
            return response.status, text if "event-stream" in told["content-type"] else json.loads(text), told

    def chat(self, model: str = "auto", **fields: Any) -> tuple[int, Any, dict[str, str]]:
        return self.ask("/v1/chat/completions", {"model": model, "messages": HELLO, **fields})

    def open(self, **fields: Any) -> socket.socket:
        """A chat whose answer nobody reads yet."""
        body = json.dumps({"model": "shop/good", "messages": HELLO, **fields}).encode()
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n"
        connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        return connection

    def close(self) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._llm.close_sync()


@pytest.fixture
def server(llm_wall: FaultWall) -> Iterator[Server]:
    llm_wall.script({"models": {"bad": BAD}})
    made = Server(llm_wall)
    yield made
    made.close()


def wait(condition: Callable[[], Any]) -> None:
    until = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)  # what is waited for happens in another process or in the core


def events(text: str) -> list[Any]:
    lines = [line.removeprefix("data: ") for line in text.split("\n\n") if line]
    return [line if line == "[DONE]" else json.loads(line) for line in lines]


def test_a_chat_and_its_trail(server: Server) -> None:
    status, answer, headers = server.chat(temperature=0.5)
    assert (status, answer["choices"][0]["message"]["content"]) == (200, "Hello from good.")
    assert (answer["object"], answer["usage"]["total_tokens"]) == ("chat.completion", 12)
    assert (headers["x-llmagg-route"], headers["x-llmagg-attempts"]) == ("shop/good", "3")
    first, *_, last = headers["x-llmagg-trail"].split(", ")
    assert first.startswith("shop/bad;outcome=UNAVAILABLE;status=503;s=0.")
    assert last.startswith("shop/good;outcome=OK;status=200;s=0.")
    assert [attempt["outcome"] for attempt in answer["llmagg"]["attempts"]] == ["UNAVAILABLE", "UNAVAILABLE", "OK"]
    assert answer["llmagg"]["route"] == "shop/good"
    assert headers["x-request-id"].startswith("req_")
    assert server.wall.seen()["requests"][-1]["body"]["temperature"] == 0.5


def test_a_stream(server: Server) -> None:
    status, text, headers = server.chat(stream=True)
    *chunks, last, done = events(text)
    assert (status, headers["content-type"], done) == (200, "text/event-stream; charset=utf-8", "[DONE]")
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    assert "".join(delta.get("content") or "" for delta in deltas) == "Hello from good."
    assert [delta.get("role") for delta in deltas] == ["assistant"] + [None] * (len(deltas) - 1)
    assert last["choices"][0]["finish_reason"] == "stop"
    assert last["llmagg"]["route"] == "shop/good"
    assert "usage" not in text.replace('"usage":{', "", text.count('"attempts"'))  # only in the trail
    *_, usage, _ = events(server.chat("shop/good", stream=True, stream_options={"include_usage": True})[1])
    assert (usage["choices"], usage["usage"]["total_tokens"]) == ([], 12)
    assert (usage["id"], usage["created"]) != ("", 0)


def test_tools_in_a_stream(server: Server) -> None:
    server.wall.script({"models": {"good": {"steps": [{"tool_calls": [{"name": "look", "arguments": {"a": 1}}]}]}}})
    chunks = events(server.chat("good", stream=True, tools=[{"type": "function", "function": {"name": "look"}}])[1])
    deltas = [choice["delta"] for chunk in chunks[:-1] for choice in chunk["choices"]]
    called = [call["function"] for delta in deltas for call in delta.get("tool_calls") or ()]
    assert "".join(call.get("arguments") or "" for call in called) == '{"a":1}'
    assert not any("content" in delta for delta in deltas[1:])


def test_a_stream_that_breaks(server: Server) -> None:
    server.wall.script({"models": {"good": {"steps": [{"text": "a b c", "cut": {"how": "close", "after_events": 2}}]}}})
    *chunks, last = events(server.chat("shop/good", stream=True)[1])
    assert "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks).startswith("a")
    assert (last["error"]["code"], last["error"]["attempts"][0]["route"]) == ("stream_interrupted", "shop/good")


def test_a_stream_that_does_not_begin_is_a_plain_error(server: Server) -> None:
    status, answer, headers = server.chat("shop/bad", stream=True)
    assert (status, answer["error"]["code"], headers["x-should-retry"]) == (503, "unavailable", "false")
    assert "x-llmagg-route" not in headers
    assert "shop/bad" in headers["x-llmagg-trail"]


@pytest.mark.parametrize(
    ("step", "status", "code"),
    [
        ({"status": 401}, 502, "upstream_authentication"),
        ({"status": 429, "headers": {"Retry-After": "7"}}, 429, "rate_limit_exceeded"),
        ({"status": 400}, 400, "bad_request"),
        ({"status": 404}, 404, "model_not_found"),
        ({"body": "nonsense"}, 502, "bad_response"),
    ],
)
def test_failures_of_providers(server: Server, step: dict[str, Any], status: int, code: str) -> None:
    server.wall.script({"default": {"steps": [step]}})
    found, answer, headers = server.chat("shop/good", llmagg={"max_retries": 1, "deadline": 5})
    assert (found, answer["error"]["code"], answer["error"]["param"]) == (status, code, None)
    assert headers.get("retry-after") == ("7" if status == 429 else None)
    assert "sk-upstream" not in json.dumps([answer, headers])


def test_refusals(server: Server) -> None:
    def refused(*arguments: Any, **more: Any) -> tuple[int, str]:
        status, answer, _ = server.ask(*arguments, **more)
        assert answer["error"].keys() >= {"message", "type", "param", "code"}
        return status, answer["error"]["code"]

    chat = "/v1/chat/completions"
    body = {"model": "auto", "messages": HELLO}
    for key in ("", "wrong", KEY[:-1], KEY + "x", "ü"):
        assert refused(chat, body, key=key) == (401, "invalid_api_key")
    assert refused("/v1/models", key="") == (401, "invalid_api_key")
    assert refused("/v1/nothing") == (404, "unknown_url")
    assert "it has POST /v1/chat/completions" in server.ask("/v1/responses", body)[1]["error"]["message"]
    assert refused(chat) == (405, "unknown_url")
    assert refused(chat, b"{") == (400, "invalid_argument")
    assert refused(chat, [1]) == (400, "invalid_argument")
    assert refused(chat, {**body, "messages": "Hello"}) == (400, "invalid_argument")
    assert refused(chat, {**body, "messages": [1]}) == (400, "invalid_argument")
    told = server.ask(chat, {"model": "auto"})[1]["error"]["message"]
    assert told == '"messages" is missing; expected an array of {"role", "content"}'
    told = server.ask(chat, {**body, "deadline": 5})[1]["error"]["message"]
    assert told == '"deadline" is an option of the call; put it into the field "llmagg" of the request'
    assert refused(chat, {**body, "model": 1}) == (400, "invalid_argument")
    assert refused(chat, {**body, "model": "nobody"}) == (404, "model_not_found")
    assert refused(chat, {**body, "temprature": 1}) == (400, "invalid_argument")
    assert refused(chat, {**body, "llmagg": {"headers": {"a": "b"}}}) == (400, "invalid_argument")
    assert refused(chat, {**body, "llmagg": {"accept": "ask"}}) == (400, "invalid_argument")
    assert refused(chat, {**body, "user": "x" * (1 << 20)}) == (413, "request_too_large")
    assert refused(chat, body, Content_Encoding="gzip") == (415, "unsupported_encoding")
    assert refused("/v1/models/nobody") == (404, "model_not_found")
    assert not [seen for seen in server.wall.seen()["requests"] if seen["kind"] == "chat"]


def test_fields_that_the_library_does_not_know_are_sent(server: Server) -> None:
    assert server.chat("good", web_search_options={"a": 1})[0] == 200
    assert server.wall.seen()["requests"][-1]["body"]["web_search_options"] == {"a": 1}
    status, answer, _ = server.chat("good", deadline=3)
    assert (status, "deadline" in answer["error"]["message"]) == (400, True)


def test_models(server: Server) -> None:
    listed = server.ask("/v1/models")[1]["data"]
    assert [model["id"] for model in listed] == ["auto", "shop/bad", "shop/good"]
    assert server.ask("/v1/models/shop/good")[1] == listed[2]
    assert server.ask("/healthz", key="")[:2] == (200, {"status": "ok"})


def test_embeddings(server: Server) -> None:
    fields = {"model": "shop/good", "input": ["a", "b"]}
    status, plain, headers = server.ask("/v1/embeddings", fields)
    assert (status, headers["x-llmagg-route"], len(plain["data"])) == (200, "shop/good", 2)
    coded = server.ask("/v1/embeddings", {**fields, "encoding_format": "base64"})[1]
    for one, other in zip(plain["data"], coded["data"]):
        assert array("f", b64decode(other["embedding"])).tolist() == pytest.approx(one["embedding"])
    assert server.ask("/v1/embeddings", {**fields, "input": [[1, 2]]})[0] == 400
    assert server.ask("/v1/embeddings", {**fields, "input": None})[0] == 400


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_leaves_ends_its_call(server: Server, stream: bool) -> None:
    step = {"forever": True, "delay_event_s": 0.01} if stream else {"delay_headers_s": 30}
    server.wall.script({"default": {"steps": [step]}})
    with server.open(stream=stream) as connection:
        wait(lambda: server.wall.seen()["totals"]["in_flight"])
        if stream:
            assert connection.recv(100).startswith(b"HTTP/1.1 200")
    wait(lambda: server.wall.seen()["totals"]["disconnects"] == 1)
    server.wall.script({})
    assert server.chat("shop/good")[0] == 200


def test_a_client_that_does_not_read_slows_its_call(server: Server) -> None:
    server.wall.script({"default": {"steps": [{"repeat_bytes": 300_000_000}]}})
    with server.open(stream=True) as connection:
        assert connection.recv(100)

        def sent() -> int:
            return int(server.wall.seen()["requests"][-1].get("bytes", 0))

        before = -1
        while (now := sent()) > before:
            before = now
            time.sleep(0.5)  # that nothing more is sent can only be seen after a while
        assert now < 100_000_000
    wait(lambda: server.wall.seen()["totals"]["disconnects"] == 1)


def test_too_many_calls(server: Server) -> None:
    server.wall.script({"default": {"steps": [{"delay_headers_s": 30}]}})
    waiting = [server.open() for _ in range(3)]
    wait(lambda: server.wall.seen()["totals"]["in_flight"] == 3)
    status, answer, headers = server.chat()
    assert (status, answer["error"]["code"], headers["retry-after"]) == (503, "overloaded", "1")
    for connection in waiting:
        connection.close()
    server.wall.script({})
    wait(lambda: server.chat("shop/good")[0] == 200)


def test_curl(server: Server) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")

    def curl(body: str) -> str:
        command = ["curl", "-sSN", "--max-time", "20", f"{server.url}/chat/completions"]
        command += ["-H", f"Authorization: Bearer {KEY}", "-H", "Content-Type: application/json", "-d", body]
        return subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout

    messages = json.dumps(HELLO)
    assert "Hello from good." in curl(f'{{"model": "auto", "messages": {messages}}}')
    assert curl(f'{{"model": "auto", "stream": true, "messages": {messages}}}').endswith("data: [DONE]\n\n")


def test_a_request_that_does_not_arrive(llm_wall: FaultWall, run: Any) -> None:
    app = application(aggregator_for(llm_wall, "a"), Keys([KEY]), Limits(body_s=0.05))
    said: list[Any] = []

    async def send(message: Any) -> None:
        said.append(message)

    async def receive() -> Any:
        await asyncio.sleep(30)

    path = "/v1/chat/completions"
    headers = [(b"authorization", f"Bearer {KEY}".encode())]
    scope = {"type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "query_string": b""}
    run(app({**scope, "headers": headers, "root_path": "", "scheme": "http"}, receive, send))
    assert (said[0]["status"], json.loads(said[1]["body"])["error"]["code"]) == (408, "request_timeout")


@pytest.mark.long
def test_a_head_that_does_not_arrive(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        for slowly in (b"GET /healthz HTTP/1.1\r\n", b"Host: x\r\n\r\n"):
            connection.sendall(slowly)
            time.sleep(0.05)
        assert connection.recv(1000).startswith(b"HTTP/1.1 200")
        monkeypatch.setattr(heads, "HEAD_S", 0.3)  # not before: a busy machine may take that long for the first head
        time.sleep(0.5)  # a connection that waits for its next request stays
        connection.sendall(begun)
        wait_for = time.monotonic()
        assert connection.recv(1000).startswith(b"HTTP/1.1 408")
        assert time.monotonic() - wait_for > 0.1
    for first in (b"", begun):
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
            connection.sendall(first)
            assert connection.recv(1000).startswith(b"HTTP/1.1 408")
            assert connection.recv(1000) == b""
    server.wall.script({"default": {"steps": [{"delay_headers_s": 0.4}]}})
    assert server.chat("shop/good")[0] == 200, "only heads are bounded, not answers"


def test_a_route_to_the_server_itself_is_refused(llm_wall: FaultWall) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    env = {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": f"http://localhost:{port}/v1"}
    code = "import sys; from llmagg.__main__ import main; sys.exit(main(sys.argv[1:]))"
    done = python(code, "serve", "-m", "openai/gpt-x", "--port", str(port), env=env)
    assert done.returncode == 2
    assert "the route openai/gpt-x leads to this server itself" in done.stderr


def test_keys(tmp_path: Path) -> None:
    keys = Keys(["a" * 16, Keys.generate()])
    assert keys.accept("Bearer " + "a" * 16)
    assert keys.accept("bearer  " + "a" * 16)
    for wrong in ("a" * 16, "Basic " + "a" * 16, "Bearer", "Bearer " + "a" * 15, ""):
        assert not keys.accept(wrong)
    for guessable in ([], [""], ["short"], ["a b" * 10], ["ü" * 20]):
        with pytest.raises(InvalidArgumentError):
            Keys(guessable)
