"""Streams of answers as server-sent events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

from starlette.types import Receive, Scope, Send

from llmagg._openai.lines import CONTENT_TYPE, Lines
from llmagg.errors import LLMError
from llmagg.events import StreamEvent


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
            sending = asyncio.ensure_future(self._send(send))
            leaving = asyncio.ensure_future(gone(receive))
            try:
                await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
            finally:
                unfinished = [task for task in (sending, leaving) if not task.done()]
                for task in unfinished:
                    task.cancel()
                await asyncio.gather(*unfinished, return_exceptions=True)
            if sending.done() and not sending.cancelled():
                sending.result()

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


async def gone(receive: Receive) -> None:
    """Waits until the client has closed its connection."""
    while (await receive())["type"] != "http.disconnect":
        pass
