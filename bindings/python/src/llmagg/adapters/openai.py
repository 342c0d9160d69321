"""A transport for the official ``openai`` client: its requests become calls of an aggregator, in the same process.

Example::

    client = openai.OpenAI(**llmagg.adapters.openai.arguments(llm))
    answer = client.chat.completions.create(model="auto", messages=[{"role": "user", "content": "Hello!"}])

Chat completions (whole, streamed, with tools, parsed), embeddings and models work; any other request is a 404. The
model "auto" means the aggregator's list. Options of a call go through ``extra_body={"llmagg": {"deadline": 30}}``.
Answers and failures are those of ``llmagg serve``: the last chunk and the answer have a field ``llmagg``, responses the
header ``x-llmagg-route``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from functools import cache
from importlib import import_module
from typing import Any

from llmagg import LLMAggregator
from llmagg._openai import calls, failures, lines
from llmagg._wire import encode
from llmagg.errors import LLMError

URL = "http://llmagg.invalid/v1"
"""A base URL that no request is sent to."""


def http_client(llm: LLMAggregator) -> Any:
    """For ``openai.OpenAI(http_client=…)``."""
    return import_module("openai").DefaultHttpxClient(transport=_transport()(llm))


def async_http_client(llm: LLMAggregator) -> Any:
    """For ``openai.AsyncOpenAI(http_client=…)``."""
    return import_module("openai").DefaultAsyncHttpxClient(transport=_transport()(llm))


def arguments(llm: LLMAggregator) -> dict[str, Any]:
    """The arguments of ``openai.OpenAI``. The aggregator retries, the client does not."""
    return {"http_client": http_client(llm), "base_url": URL, "api_key": "unused", "max_retries": 0}


def async_arguments(llm: LLMAggregator) -> dict[str, Any]:
    """The arguments of ``openai.AsyncOpenAI``."""
    return {"http_client": async_http_client(llm), "base_url": URL, "api_key": "unused", "max_retries": 0}


class _Stream:
    def __init__(self, first: Any, events: Any, usage: bool) -> None:
        self._events, self._first, self._lines = events, first, lines.Lines(usage=usage)

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield self._lines.of(self._first)
            for event in self._events:
                yield self._lines.of(event)
        except LLMError as error:
            yield self._lines.failed(error)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            yield self._lines.of(self._first)
            async for event in self._events:
                yield self._lines.of(event)
        except LLMError as error:
            yield self._lines.failed(error)

    def close(self) -> None:
        self._events.close()

    async def aclose(self) -> None:
        await self._events.aclose()


class _Transport:
    response: Any
    stream: Any
    """The classes of responses and of their streams."""

    def __init__(self, llm: LLMAggregator) -> None:
        self._llm = llm

    def handle_request(self, request: Any) -> Any:
        try:
            asked = calls.read(request.method, request.url.path, request.read())
            if not isinstance(asked, calls.Asked) or asked.method == "models":
                return self._known(request, asked)
            found = getattr(self._llm, f"{asked.method}_sync")(**asked.arguments)
            if asked.method == "stream":
                return self._streamed(next(found), found, asked)
            return self._whole(*calls.answered(asked, found))
        except LLMError as error:
            return self._failed(error)

    async def handle_async_request(self, request: Any) -> Any:
        try:
            asked = calls.read(request.method, request.url.path, await request.aread())
            if not isinstance(asked, calls.Asked) or asked.method == "models":
                return self._known(request, asked)
            found = getattr(self._llm, asked.method)(**asked.arguments)
            if asked.method == "stream":
                return self._streamed(await anext(found), found, asked)
            return self._whole(*calls.answered(asked, await found))
        except LLMError as error:
            return self._failed(error)

    def _whole(self, answer: dict[str, Any], headers: dict[str, str], status: int = 200) -> Any:
        content = encode(answer, "the answer")
        return self.response(status, headers={"content-type": "application/json", **headers}, content=content)

    def _streamed(self, first: Any, events: Any, asked: calls.Asked) -> Any:
        headers = {"content-type": lines.CONTENT_TYPE}
        return self.response(200, headers=headers, stream=self.stream(first, events, asked.form))

    def _failed(self, error: LLMError) -> Any:
        status, headers = failures.status_and_headers(error)
        return self._whole({"error": failures.payload(error)}, headers, status)

    def _known(self, request: Any, asked: calls.Asked | None) -> Any:
        """The answer to what needs no call."""
        if asked is not None:
            return self._whole(calls.listed(self._llm, asked.form), {})
        text = f"llmagg answers chat completions, embeddings and models, not {request.method} {request.url.path}"
        error = {"message": text, "type": "invalid_request_error", "param": None, "code": "unknown_url"}
        return self._whole({"error": error}, {}, 404)


@cache
def _transport() -> Any:
    """The class of transports, of the httpx that the installed ``openai`` uses."""
    client = import_module("openai").DefaultHttpxClient
    name = next(base.__module__ for base in client.__mro__ if base.__name__ == "Client")
    httpx: Any = import_module(name.partition(".")[0])
    stream = type("Stream", (_Stream, httpx.SyncByteStream, httpx.AsyncByteStream), {})
    bases = (_Transport, httpx.BaseTransport, httpx.AsyncBaseTransport)
    return type("Transport", bases, {"response": httpx.Response, "stream": stream})
