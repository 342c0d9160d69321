"""Streams of answers as server-sent events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable
from contextlib import aclosing, suppress
from typing import TypeVar

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from llmagg._openai.lines import CONTENT_TYPE, Lines
from llmagg.errors import LLMError
from llmagg.events import StreamEvent

T = TypeVar("T")


class EventStream:
    """An ASGI response: the events of a call that has begun, as OpenAI's API writes them.

    A client that reads slowly slows the call down. A client that goes away ends it.
    """

    def __init__(self, first: StreamEvent, rest: AsyncGenerator[StreamEvent, None], *, usage: bool) -> None:
        self._first = first
        self._rest = rest
        self._lines = Lines(usage=usage)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends the answer."""
        del scope
        async with aclosing(self._rest):
            with suppress(ClientDisconnect):
                await unless_gone(receive, self._send(send))

    async def _send(self, send: Send) -> None:
        headers = [(b"content-type", CONTENT_TYPE.encode()), (b"cache-control", b"no-cache")]
        headers.append((b"x-accel-buffering", b"no"))
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        try:
            async for event in self._events():
                if lines := self._lines.of(event):
                    await send({"type": "http.response.body", "body": lines, "more_body": True})
        except LLMError as error:
            told = self._lines.failed(error)
            await send({"type": "http.response.body", "body": told, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async def _events(self) -> AsyncIterator[StreamEvent]:
        yield self._first
        async for event in self._rest:
            yield event


async def unless_gone(receive: Receive, call: Awaitable[T]) -> T:
    """The result of a call, which ends when the client closes its connection. Raises ClientDisconnect then."""
    calling, leaving = asyncio.ensure_future(call), asyncio.ensure_future(_gone(receive))
    try:
        await asyncio.wait((calling, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not calling.done():
            raise ClientDisconnect
        return calling.result()
    finally:
        calling.cancel()
        leaving.cancel()
        await asyncio.gather(calling, leaving, return_exceptions=True)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
