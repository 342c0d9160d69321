"""The requests that a route would send, and what the core makes of answers that came another way.

A loopback server stands in the place of the route's: it keeps the bodies that the core writes in the vendor's format,
and gives it the bodies that a batch brought. So batches need no wire format of their own, and their answers are judged,
parsed and priced as all others are.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import msgspec

from ..aggregator import LLMAggregator
from ..config import ModelConfig
from ..errors import BadRequestError
from ..manager import PrivateManager
from ..responses import ChatCompletionResponse
from .asking import Asking
from .ledger import Entry
from .outcome import Asked

_HEADER = "x-llmagg-row"
_KEPT = ("type", "like", "site", "name", "price", "unsupported", "api_version", "context_window")


_CHOICE = '{"index": 0, "message": {"role": "assistant", "content": "kept for a batch"}, "finish_reason": "stop"}'
_SHOWN = {
    "/chat/completions": f'{{"id": "-", "object": "chat.completion", "model": "-", "choices": [{_CHOICE}]}}'.encode(),
    "/messages": b'{"id": "-", "type": "message", "role": "assistant", "model": "-", "stop_reason": "end_turn", '
    b'"content": [{"type": "text", "text": "kept for a batch"}], "usage": {"input_tokens": 0, "output_tokens": 0}}',
    "": b'{"error": {"message": "kept for a batch"}}',
}
"""What a request is told that is kept, by the end of its path: an answer, so that nobody warns of a failure."""


def _shown(path: str) -> tuple[int, bytes]:
    for end, answer in _SHOWN.items():
        if path.endswith(end):
            return 200 if end else 400, answer
    raise AssertionError("every path ends so")


_fields = msgspec.json.Decoder(dict[str, msgspec.Raw] | None).decode
_BATCH = msgspec.Raw(b'"batch"')


def _as_batch(body: bytes) -> bytes:
    """An answer that says in its usage that it is a batch's, as Anthropic's do themselves: the core prices it so."""
    try:
        answer = _fields(body) or {}
        if usage := _fields(answer.get("usage", b"null")):
            answer["usage"] = msgspec.Raw(msgspec.json.encode({**usage, "service_tier": _BATCH}))
        else:
            answer["service_tier"] = _BATCH
    except (ValueError, RecursionError, msgspec.MsgspecError):  # the core says what is wrong
        return body
    return msgspec.json.encode(answer)


class Mirror:
    """The mirror of a route, whose configuration is ``config``; ``base_url`` is the route's."""

    def __init__(self, provider: str, name: str, config: ModelConfig, base_url: str) -> None:
        self._provider = provider
        self._name = name
        self._config = config
        self._path = urlsplit(base_url).path
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.StreamWriter] = set()
        self._llm = LLMAggregator()
        self._llm.manager = PrivateManager()
        self._asking: Asking | None = None
        self._kept: dict[str, tuple[str, bytes]] = {}
        self._answers: dict[str, tuple[int, bytes]] = {}

    async def open(self, like: Asking) -> None:
        """Begins to serve; rows are asked as ``like`` asks them."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=1 << 20)
        port = self._server.sockets[0].getsockname()[1]
        model = {key: value for key in _KEPT if (value := getattr(self._config, key, None)) is not None}
        model |= {
            "model": self._config.model, "api_key": "mirror-0123456789", "max_retries": 1,
            "max_concurrent_calls": 64, "base_url": f"http://127.0.0.1:{port}{self._path}",
            "breaker": {"failures": 1_000_000}, "rate": {"learn": False},
        }  # fmt: skip
        model.pop("name", None)
        await self._llm.initialize({self._provider: {"models": {self._name: model}}})
        self._asking = like.through(self._llm)

    async def close(self) -> None:
        """Ends the server, and the connections that the core keeps for its next requests."""
        await self._llm.close()
        if self._server is not None:
            self._server.close()
            for writer in list(self._connections):
                writer.close()
                with suppress(OSError):
                    await writer.wait_closed()
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._server.wait_closed(), 5)

    async def request(self, asked: Asked) -> tuple[str, bytes]:
        """The path and the body of a row's request. Raises LLMError if the core refuses the row."""
        entry, _, _ = await self._ask(asked)
        kept = self._kept.pop(str(asked.n), None)
        if kept is None:
            raise BadRequestError(entry.error or "the row cannot be asked")
        return kept

    async def outcome(self, asked: Asked, status: int, body: bytes) -> tuple[Entry, ChatCompletionResponse | None, Any]:
        """What an answer of a batch comes to; batches cost half, or what "service_tiers" of the price says."""
        row = str(asked.n)
        self._answers[row] = (status, _as_batch(body) if status == 200 else body)
        outcome = await self._ask(asked)
        self._answers.pop(row, None)
        self._kept.pop(row, None)
        return outcome

    async def _ask(self, asked: Asked) -> tuple[Entry, ChatCompletionResponse | None, Any]:
        """What the mirror's answer to a row comes to; the request says whose it is."""
        assert self._asking is not None
        params = {**asked.params, "extra_headers": {_HEADER: str(asked.n)}, "max_retries": 1}
        params.pop("headers", None)
        return await self._asking.ask(asked._replace(params=params))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(writer)
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.LimitOverrunError):
                while True:
                    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                    fields = dict(line.lower().split(": ", 1) for line in head[1:] if ": " in line)
                    body = await reader.readexactly(int(fields.get("content-length", 0)))
                    row = fields.get(_HEADER, "")
                    path = head[0].split(" ")[1]
                    status, answer = self._answers.pop(row) if row in self._answers else _shown(path)
                    if answer in _SHOWN.values():
                        self._kept.setdefault(row, (path, body))
                    writer.write(
                        b"HTTP/1.1 %d Batch\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                        % (status, len(answer), answer)
                    )
                    await writer.drain()
        finally:
            self._connections.discard(writer)
            writer.close()
