"""Streams of answers as the lines of server-sent events."""

from __future__ import annotations

import time
import uuid
from typing import Any

from msgspec import json

from llmagg.errors import LLMError
from llmagg.events import ChunkEvent, DoneEvent, StreamEvent

from .failures import payload
from .trail import field_of

_encode = json.Encoder().encode
_END = b"data: [DONE]\n\n"
CONTENT_TYPE = "text/event-stream; charset=utf-8"


class Lines:
    """Writes events. What follows a finish reason waits for the end of the call, whose trail the last chunk has."""

    def __init__(self, *, usage: bool) -> None:
        self._usage = usage
        self._held: list[dict[str, Any]] = []
        self._begun: set[int] = set()  # the choices whose role the client knows
        self._head: dict[str, Any] = {}

    def of(self, event: StreamEvent) -> bytes:
        """The lines of an event, which may be none."""
        if isinstance(event, ChunkEvent):
            return self._chunk(event.chunk.to_dict())
        return self._done(event) if isinstance(event, DoneEvent) else b""

    def _chunk(self, chunk: dict[str, Any]) -> bytes:
        chunk.pop("usage", None)  # it stands in a chunk of its own
        chunk["object"] = "chat.completion.chunk"
        for key, made in self._first(chunk).items():
            chunk[key] = chunk[key] or made
        if not chunk["choices"]:
            return b""
        for choice in chunk["choices"]:
            self._shorten(choice["index"], choice["delta"])
        if self._held or any(choice.get("finish_reason") for choice in chunk["choices"]):
            self._held.append(chunk)
            return b""
        return _event(chunk)

    def _shorten(self, index: int, delta: dict[str, Any]) -> None:
        """Leaves out what a client would only skip, as OpenAI does."""
        if index in self._begun:
            delta.pop("role", None)
            if not delta.get("content"):
                delta.pop("content", None)
        self._begun.add(index)

    def _first(self, chunk: dict[str, Any]) -> dict[str, Any]:
        """What all chunks have alike."""
        if not self._head:
            self._head = {
                "id": chunk["id"] or f"chatcmpl-{uuid.uuid4().hex}",
                "created": chunk["created"] or int(time.time()),
                "model": chunk["model"],
            }
        return self._head

    def _done(self, event: DoneEvent) -> bytes:
        response = event.response
        told = field_of(response.attempts, response.cost)
        if self._usage:
            counts = response.usage.to_dict() if response.usage else None
            self._held.append({**self._head, "object": "chat.completion.chunk", "choices": [], "usage": counts})
        if self._held:
            self._held[-1]["llmagg"] = told
        return b"".join(map(_event, self._held)) + _END

    def failed(self, error: LLMError) -> bytes:
        """The last event of a stream that broke; ``[DONE]`` does not follow."""
        return b"".join(map(_event, self._held)) + _event({"error": payload(error)})


def _event(data: Any) -> bytes:
    return b"data: " + _encode(data) + b"\n\n"
