"""The Python contestants: each makes one call, or one whole stream, and looks at what came.

A contestant is opened in the running event loop and used by all tasks, or by all threads; it keeps one session with its
connections. ``chat``, ``stream`` and ``text`` are coroutines, ``chat_blocking`` and ``stream_blocking`` are for threads.
"""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

MODEL = "bench-1"
KEY = "bench-key"
MESSAGES = [
    {"role": "system", "content": "You are a concise assistant."},
    {
        "role": "user",
        "content": "Explain in a few sentences what a circuit breaker does for a service that calls others.",
    },
]
ANSWER = 318  # characters of the completion's text
EVENTS = 202
TEXTS = [f"text {i} of a corpus" for i in range(10_000)]
DIMENSIONS = 1536


class WrongAnswerError(Exception):
    """What came is not what the server sends."""


def check_answer(text: str) -> None:
    if len(text) != ANSWER:
        raise WrongAnswerError(f"an answer of {len(text)} characters instead of {ANSWER}")


def check_stream(events: int, text: int) -> None:
    if events < EVENTS or text < EVENTS:
        raise WrongAnswerError(f"a stream of {events} events with {text} characters instead of {EVENTS} events")


def check_vectors(count: int, first: list[float], last: list[float]) -> None:
    if (count, len(first), len(last)) != (len(TEXTS), DIMENSIONS, DIMENSIONS) or not -0.1 < last[-1] < 0.1:
        raise WrongAnswerError(f"{count} vectors, the first of {len(first)} numbers, the last of {len(last)}")


class Aiohttp:
    """What one writes by hand: one session, json.loads, no retries, no types."""

    def __init__(self, url: str, ca: str, concurrency: int) -> None:
        import aiohttp

        context = ssl.create_default_context(cafile=ca) if ca else True
        self.session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=concurrency, ssl=context),
            headers={"Authorization": f"Bearer {KEY}"},
            timeout=aiohttp.ClientTimeout(total=None, sock_read=30),
        )
        self.url = url + "/chat/completions"

    async def chat(self) -> None:
        async with self.session.post(self.url, json={"model": MODEL, "messages": MESSAGES}) as response:
            response.raise_for_status()
            answer = json.loads(await response.read())
        check_answer(answer["choices"][0]["message"]["content"])

    async def stream(self) -> None:
        events = text = 0
        async with self.session.post(self.url, json={"model": MODEL, "messages": MESSAGES, "stream": True}) as response:
            response.raise_for_status()
            async for line in response.content:
                if not line.startswith(b"data: ") or line.startswith(b"data: [DONE]"):
                    continue
                event = json.loads(line[6:])
                events += 1
                text += len(event["choices"][0]["delta"].get("content") or "")
        check_stream(events, text)

    async def paced(self, on_text: Any) -> None:
        async with self.session.post(self.url, json={"model": MODEL, "messages": MESSAGES, "stream": True}) as response:
            response.raise_for_status()
            async for line in response.content:
                if line.startswith(b"data: ") and not line.startswith(b"data: [DONE]"):
                    on_text(json.loads(line[6:])["choices"][0]["delta"].get("content") or "")

    async def close(self) -> None:
        await self.session.close()


class Httpx:
    """httpx.Client, blocking, one for all threads."""

    def __init__(self, url: str, ca: str, concurrency: int) -> None:
        import httpx

        self.client = httpx.Client(
            verify=ssl.create_default_context(cafile=ca) if ca else True,
            limits=httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency),
            headers={"Authorization": f"Bearer {KEY}"},
            timeout=30,
        )
        self.url = url + "/chat/completions"

    def chat_blocking(self) -> None:
        response = self.client.post(self.url, json={"model": MODEL, "messages": MESSAGES})
        response.raise_for_status()
        check_answer(response.json()["choices"][0]["message"]["content"])


class OpenAI:
    """The openai SDK as it comes, with and without an event loop."""

    def __init__(self, url: str, ca: str, concurrency: int) -> None:
        import openai

        self.client = openai.AsyncOpenAI(api_key=KEY, base_url=url)
        self.blocking = openai.OpenAI(api_key=KEY, base_url=url)

    async def chat(self) -> None:
        answer = await self.client.chat.completions.create(model=MODEL, messages=MESSAGES)
        check_answer(answer.choices[0].message.content)

    async def stream(self) -> None:
        events = text = 0
        async for event in await self.client.chat.completions.create(model=MODEL, messages=MESSAGES, stream=True):
            events += 1
            text += len(event.choices[0].delta.content or "")
        check_stream(events, text)

    async def embed(self) -> None:
        """In requests of 2048 texts, as many as OpenAI takes, at the same time."""
        parts = [TEXTS[i : i + 2048] for i in range(0, len(TEXTS), 2048)]
        answers = await asyncio.gather(*(self.client.embeddings.create(model=MODEL, input=part) for part in parts))
        vectors = [item.embedding for answer in answers for item in answer.data]
        check_vectors(len(vectors), vectors[0], vectors[-1])

    def chat_blocking(self) -> None:
        answer = self.blocking.chat.completions.create(model=MODEL, messages=MESSAGES)
        check_answer(answer.choices[0].message.content)


class LiteLLM:
    """litellm's Router with one fallback."""

    def __init__(self, url: str, ca: str, concurrency: int) -> None:
        os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # else it asks a server for its prices
        import litellm

        self.url = url
        litellm.telemetry = False
        litellm.suppress_debug_info = True
        route = {"model": f"openai/{MODEL}", "api_base": url, "api_key": KEY}
        self.router = litellm.Router(
            model_list=[{"model_name": name, "litellm_params": dict(route)} for name in ("first", "second")],
            fallbacks=[{"first": ["second"]}],
            num_retries=2,
        )

    async def chat(self) -> None:
        answer = await self.router.acompletion(model="first", messages=MESSAGES)
        check_answer(answer.choices[0].message.content)

    async def stream(self) -> None:
        events = text = 0
        async for event in await self.router.acompletion(model="first", messages=MESSAGES, stream=True):
            events += 1
            text += len(event.choices[0].delta.content or "")
        if events < EVENTS - 2 or text < EVENTS:  # it drops or joins events without text
            raise WrongAnswerError(f"a stream of {events} events with {text} characters")

    async def bulk(self, rows: Iterable[dict[str, Any]], count: int) -> None:
        """A hundred threads, all answers in memory; it takes no iterator."""
        import litellm

        messages = [[{"role": "user", "content": row["prompt"]}] for row in rows]
        answers = await asyncio.to_thread(
            litellm.batch_completion, model=f"openai/{MODEL}", messages=messages, api_base=self.url, api_key=KEY
        )
        if len(answers) != count:
            raise WrongAnswerError(f"{len(answers)} answers to {count} rows")
        check_answer(answers[-1].choices[0].message.content)


class LLMAgg:
    """The product with everything on: two routes, breakers, retries, the trail, types."""

    def __init__(self, url: str, ca: str, concurrency: int, **more: Any) -> None:
        import llmagg

        route: dict[str, Any] = {"api_key": KEY, "base_url": url, "max_concurrent_calls": max(concurrency, 10), **more}
        if ca:
            route["ca_file"] = ca
        self.llm = llmagg.LLMAggregator()
        self.config = {name: {"models": {MODEL: dict(route)}} for name in ("first", "second")}

    async def open(self) -> None:
        await self.llm.initialize(self.config)

    def open_blocking(self) -> None:
        self.llm.initialize_sync(self.config)

    async def chat(self) -> None:
        answer = await self.llm.chat(MESSAGES)
        if len(answer.attempts) != 1:
            raise WrongAnswerError(f"{len(answer.attempts)} attempts")
        check_answer(answer.choices[0].message.content)

    async def bulk(self, rows: Iterable[dict[str, Any]], count: int) -> None:
        """The job with its ledger, from rows to the output file."""
        from llmagg import bulk

        with tempfile.TemporaryDirectory() as folder:
            report = await bulk.run(rows, Path(folder) / "answers.jsonl", self.llm)
            if (report.answered, report.asked) != (count, count):
                raise WrongAnswerError(str(report))

    async def stream(self) -> None:
        """Looks at each event's typed chunk, as the others look at theirs."""
        events = text = 0
        async for event in self.llm.stream(MESSAGES):
            if event.type == "chunk":
                events += 1
                text += len(event.chunk.choices[0].delta.content or "")
        check_stream(events, text)

    async def text(self) -> None:
        """Looks at the text of each event only; then chunks are not decoded further."""
        events = text = 0
        async for event in self.llm.stream(MESSAGES):
            if event.type == "chunk":
                events += 1
                text += len(event.text)
        check_stream(events, text)

    async def paced(self, on_text: Any) -> None:
        async for event in self.llm.stream(MESSAGES):
            if event.type == "chunk":
                on_text(event.text)

    async def embed(self) -> None:
        """One call; the vectors stay in the buffer in which they came."""
        answer = await self.llm.embed(TEXTS)
        check_vectors(len(answer), answer[0], answer[-1])

    async def embed_lists(self) -> None:
        """The same with all vectors as lists of floats, which the openai SDK gives."""
        vectors = (await self.llm.embed(TEXTS)).embeddings
        check_vectors(len(vectors), vectors[0], vectors[-1])

    def chat_blocking(self) -> None:
        answer = self.llm.chat_sync(MESSAGES)
        if len(answer.attempts) != 1:
            raise WrongAnswerError(f"{len(answer.attempts)} attempts")
        check_answer(answer.choices[0].message.content)

    async def close(self) -> None:
        await self.llm.close()


class Anthropic:
    """The anthropic SDK as it comes."""

    def __init__(self, url: str, ca: str, concurrency: int) -> None:
        import anthropic

        self.client = anthropic.AsyncAnthropic(api_key=KEY, base_url=url)
        self.system, self.messages = MESSAGES[0]["content"], MESSAGES[1:]

    async def chat(self) -> None:
        answer = await self.client.messages.create(
            model=MODEL, max_tokens=1024, system=self.system, messages=self.messages
        )
        check_answer(answer.content[0].text)

    async def stream(self) -> None:
        events = text = 0
        async for event in await self.client.messages.create(
            model=MODEL, max_tokens=1024, system=self.system, messages=self.messages, stream=True
        ):
            events += 1
            if event.type == "content_block_delta":
                text += len(event.delta.text)
        check_stream(events, text)


class Boto3:
    """boto3's client of Converse, blocking, one for all threads."""

    def __init__(self, url: str, ca: str, concurrency: int) -> None:
        import boto3
        import botocore.config

        self.client = boto3.client(
            "bedrock-runtime", endpoint_url=url, region_name="us-east-1", aws_access_key_id="AKIDEXAMPLE", aws_secret_access_key=KEY,
            config=botocore.config.Config(max_pool_connections=concurrency),
        )  # fmt: skip
        self.request = {
            "modelId": MODEL,
            "system": [{"text": MESSAGES[0]["content"]}],
            "messages": [{"role": "user", "content": [{"text": MESSAGES[1]["content"]}]}],
        }

    def chat_blocking(self) -> None:
        answer = self.client.converse(**self.request)
        check_answer(answer["output"]["message"]["content"][0]["text"])

    def stream_blocking(self) -> None:
        events = text = 0
        for event in self.client.converse_stream(**self.request)["stream"]:
            events += 1
            if "contentBlockDelta" in event:
                text += len(event["contentBlockDelta"]["delta"]["text"])
        check_stream(events, text)


class LLMAggAnthropic(LLMAgg):
    """The product in Anthropic's format, whose streams have no event of the role's own."""

    def __init__(self, url: str, ca: str, concurrency: int) -> None:
        super().__init__(url, ca, concurrency, type="anthropic")

    async def stream(self) -> None:
        events = text = 0
        async for event in self.llm.stream(MESSAGES):
            if event.type == "chunk":
                events += 1
                text += len(event.chunk.choices[0].delta.content or "")
        check_stream(events + 2, text)


class LLMAggBedrock(LLMAgg):
    """The product at Bedrock, signing as boto3 does."""

    def __init__(self, url: str, ca: str, concurrency: int) -> None:
        auth = {"type": "aws", "access_key_id": "AKIDEXAMPLE", "secret_access_key": KEY}
        super().__init__(url, ca, concurrency, type="bedrock", region="us-east-1", auth=auth, api_key=None)

    def stream_blocking(self) -> None:
        events = text = 0
        for event in self.llm.stream_sync(MESSAGES):
            if event.type == "chunk":
                events += 1
                for choice in event.chunk.choices:  # its numbers have none
                    text += len(choice.delta.content or "")
        check_stream(events, text)


CONTESTANTS: dict[str, Any] = {
    "aiohttp": Aiohttp, "httpx": Httpx, "openai": OpenAI, "litellm": LiteLLM, "anthropic": Anthropic, "boto3": Boto3,
    "llmagg": LLMAgg, "llmagg-anthropic": LLMAggAnthropic, "llmagg-bedrock": LLMAggBedrock,
}  # fmt: skip
