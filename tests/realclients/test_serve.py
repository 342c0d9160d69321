"""The official OpenAI SDKs of Python and Node against ``llmagg serve``."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest
from pydantic import BaseModel

from llmagg.faultwall import FaultWall

KEY = "sk-of-the-test-0123456789"
HELLO = [{"role": "user", "content": "hi"}]
CALLS = {"tool_calls": [{"name": "look", "arguments": {"a": [1, "b"]}}]}
SCRIPT = {
    "models": {
        "down": {"steps": [{"status": 503}]},
        "calls": {"steps": [CALLS]},
        "limited": {"steps": [{"status": 429, "headers": {"Retry-After": "0"}}]},
        "breaks": {"steps": [{"text": "a b c", "cut": {"how": "close", "after_events": 2}}]},
        "json": {"steps": [{"text": '{"name": "Ulm"}'}]},
    }
}
MODELS = ("down", "good", "calls", "limited", "breaks", "json")
NODE = Path(os.environ.get("LLMAGG_NODE_CLIENT", ""))


@pytest.fixture(scope="module")
def wall() -> Iterator[FaultWall]:
    with FaultWall(SCRIPT) as wall:
        yield wall


@pytest.fixture(scope="module")
def url(wall: FaultWall, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    config = tmp_path_factory.mktemp("serve") / "llm.json"
    models = {name: {"api_key": "k-upstream", "base_url": wall.url, "retry": {"backoff_s": 0.01}} for name in MODELS}
    config.write_text(json.dumps({"shop": {"models": models}}))
    command = [sys.executable, "-m", "llmagg", "serve", "-c", str(config), "--port", "0"]
    env = {**os.environ, "LLMAGG_SERVE_KEY": KEY}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env) as process:
        assert process.stdout is not None
        try:
            yield [process.stdout.readline() for _ in range(3)][1].strip().partition("=")[2]
        finally:
            process.kill()


@pytest.fixture
def client(url: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=url, api_key=KEY) as client:
        yield client


class City(BaseModel):
    name: str


class TestPython:
    def test_chat(self, client: openai.OpenAI) -> None:
        raw = client.chat.completions.with_raw_response.create(model="auto", messages=HELLO)
        answer = raw.parse()
        assert answer.choices[0].message.content == "Hello from good."
        assert answer.usage is not None and answer.usage.total_tokens == 12
        assert raw.headers["x-llmagg-route"] == "shop/good"
        assert answer._request_id == raw.headers["x-request-id"]

    def test_stream(self, client: openai.OpenAI) -> None:
        usage = {"include_usage": True}
        chunks = list(client.chat.completions.create(model="auto", messages=HELLO, stream=True, stream_options=usage))
        assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "Hello from good."
        assert chunks[-1].usage is not None and chunks[-1].usage.total_tokens == 12
        assert chunks[-1].model_extra["llmagg"]["route"] == "shop/good"

    def test_a_stream_with_tools_is_joined(self, client: openai.OpenAI) -> None:
        tools = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]
        with client.chat.completions.stream(model="shop/calls", messages=HELLO, tools=tools) as stream:
            message = stream.get_final_completion().choices[0].message
        assert message.role == "assistant"
        assert message.tool_calls[0].function.name == "look"
        assert json.loads(message.tool_calls[0].function.arguments) == {"a": [1, "b"]}

    def test_parse(self, client: openai.OpenAI) -> None:
        answer = client.chat.completions.parse(model="shop/json", messages=HELLO, response_format=City)
        assert answer.choices[0].message.parsed == City(name="Ulm")

    def test_embeddings(self, client: openai.OpenAI) -> None:
        plain = client.embeddings.create(model="shop/good", input=["a", "b"], encoding_format="float").data
        coded = client.embeddings.create(model="shop/good", input=["a", "b"]).data  # asks for base64
        for one, other in zip(plain, coded):
            assert other.embedding == pytest.approx(one.embedding)

    def test_models(self, client: openai.OpenAI) -> None:
        assert [model.id for model in client.models.list()] == ["auto", *(f"shop/{name}" for name in MODELS)]
        assert client.models.retrieve("shop/good").owned_by == "shop"

    def test_errors(self, client: openai.OpenAI, wall: FaultWall) -> None:
        with pytest.raises(openai.AuthenticationError):
            client.with_options(api_key="wrong").models.list()
        with pytest.raises(openai.NotFoundError) as missing:
            client.chat.completions.create(model="nobody", messages=HELLO)
        assert missing.value.code == "model_not_found"
        with pytest.raises(openai.BadRequestError):
            client.chat.completions.create(model="auto", messages=HELLO, extra_body={"temprature": 1})
        with pytest.raises(openai.RateLimitError):
            client.with_options(max_retries=0).chat.completions.create(model="shop/limited", messages=HELLO)
        before = wall.seen()["models"].get("down", {}).get("requests", 0)
        with pytest.raises(openai.InternalServerError):
            client.chat.completions.create(
                model="shop/down", messages=HELLO, extra_body={"llmagg": {"max_retries": 1}}
            )
        assert wall.seen()["models"]["down"]["requests"] - before <= 1, "the SDK does not retry"

    def test_a_stream_that_breaks(self, client: openai.OpenAI) -> None:
        texts = []
        with pytest.raises(openai.APIError, match=r"broke|closed|ended|interrupted|EOF"):
            for chunk in client.chat.completions.create(model="shop/breaks", messages=HELLO, stream=True):
                texts.append(chunk.choices[0].delta.content or "")
        assert "".join(texts).startswith("a")


@pytest.mark.skipif(shutil.which("node") is None or not NODE.name, reason="node or npm is not installed")
def test_node(url: str) -> None:
    """The same by serve.mjs, which prints a line for each case."""
    program = NODE / "serve.mjs"
    shutil.copy(Path(__file__).parent / "serve.mjs", program)
    env = {**os.environ, "OPENAI_BASE_URL": url, "OPENAI_API_KEY": KEY}
    done = subprocess.run(["node", str(program)], capture_output=True, text=True, timeout=60, env=env, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines() == ["chat", "stream", "tools", "embeddings", "models", "errors", "break", "abort"]
