"""The official ``openai`` client over an aggregator."""

from __future__ import annotations

import json
import time
from typing import Any

import openai
import pytest
from pydantic import BaseModel

import llmagg
from llmagg.adapters import openai as adapter
from llmagg.faultwall import FaultWall

HELLO: Any = [{"role": "user", "content": "hi"}]
TOOLS: Any = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}]


class City(BaseModel):
    name: str
    people: int


@pytest.fixture
def client(llm: llmagg.LLMAggregator) -> openai.OpenAI:
    return openai.OpenAI(**adapter.arguments(llm))


def test_chat_with_failover(client: openai.OpenAI) -> None:
    raw = client.chat.completions.with_raw_response.create(model="auto", messages=HELLO)
    assert raw.parse().choices[0].message.content == "Hello from good."
    assert raw.headers["x-llmagg-route"] == "shop/good"
    assert raw.parse().usage.total_tokens == 12


def test_stream_with_tools_and_usage(client: openai.OpenAI) -> None:
    usage: Any = {"include_usage": True}
    chunks = list(client.chat.completions.create(model="auto", messages=HELLO, stream=True, stream_options=usage))
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "Hello from good."
    assert chunks[-1].usage.total_tokens == 12
    with client.chat.completions.stream(model="shop/tools", messages=HELLO, tools=TOOLS) as stream:
        call = stream.get_final_completion().choices[0].message.tool_calls[0]
    assert (call.function.name, json.loads(call.function.arguments)) == ("weather", {"city": "Ulm"})


def test_parse_embeddings_and_models(client: openai.OpenAI) -> None:
    parsed = client.chat.completions.parse(model="json", messages=HELLO, response_format=City)
    assert parsed.choices[0].message.parsed == City(name="Ulm", people=130000)
    assert len(client.embeddings.create(model="good", input=["a", "b"]).data[1].embedding) == 8
    assert [model.id for model in client.models.list()] == ["auto", "shop/down", "shop/good"]
    assert client.models.retrieve("shop/good").id == "shop/good"


def test_errors(client: openai.OpenAI, wall: FaultWall) -> None:
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(model="nobody", messages=HELLO)
    with pytest.raises(openai.NotFoundError, match="not POST /v1/responses"):
        client.responses.create(model="auto", input="hi")
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(model="auto", messages=HELLO, extra_body={"temprature": 1})
    with pytest.raises(openai.InternalServerError) as failed:
        client.chat.completions.create(model="shop/down", messages=HELLO, extra_body={"llmagg": {"max_retries": 1}})
    assert (failed.value.code, failed.value.status_code) == ("unavailable", 503)
    assert wall.seen()["models"]["down"]["requests"] == 1
    with pytest.raises(openai.APIError):
        list(client.chat.completions.create(model="shop/breaks", messages=HELLO, stream=True))


def test_leaving_a_stream_ends_the_call(client: openai.OpenAI, wall: FaultWall) -> None:
    with client.chat.completions.create(model="endless", messages=HELLO, stream=True) as stream:
        assert next(iter(stream))
    until = time.monotonic() + 10
    while not wall.seen()["totals"]["disconnects"]:
        assert time.monotonic() < until
        time.sleep(0.01)


def test_async(llm: llmagg.LLMAggregator, wall: FaultWall, run: Any) -> None:
    async def calls() -> None:
        async with openai.AsyncOpenAI(**adapter.async_arguments(llm)) as client:
            answer = await client.chat.completions.create(model="auto", messages=HELLO)
            assert answer.choices[0].message.content == "Hello from good."
            stream = await client.chat.completions.create(model="auto", messages=HELLO, stream=True)
            assert "".join([c.choices[0].delta.content or "" async for c in stream]) == "Hello from good."
            async with await client.chat.completions.create(model="endless", messages=HELLO, stream=True) as endless:
                assert await anext(aiter(endless))
            with pytest.raises(openai.NotFoundError):
                await client.chat.completions.create(model="nobody", messages=HELLO)
            assert len((await client.embeddings.create(model="good", input="a")).data) == 1
            assert "auto" in [model.id async for model in client.models.list()]

    run(calls())
