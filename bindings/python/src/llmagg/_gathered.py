"""Reads answers as the core gathers them (``LLMAGG_GATHER``): straight into the types, in one pass.

The core has read the provider's JSON leniently, so what arrives fits the types, but for values that are passed through
as they came (logprobs, audio, an unknown role): an answer with such a one of an unexpected type is read once more, as
``from_dict`` reads it. Imported with the first call, since msgspec takes its time.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any, Protocol

from msgspec import Struct, json

from ._wire import decode
from .errors import BadResponseError
from .events import ChunkEvent, LaterChunk
from .messages import Message, MessageRole
from .responses import ChatCompletionResponse, StreamChoice, StreamResponse, Usage

_Payload = bytes | bytearray | memoryview


class _Delta(Struct, gc=False, forbid_unknown_fields=True):
    role: MessageRole
    content: str


class _Choice(Struct, gc=False, forbid_unknown_fields=True):
    index: int
    delta: _Delta
    finish_reason: str | None


class Piece(Struct, gc=False, forbid_unknown_fields=True):
    """A chunk of text alone, which nearly all chunks are."""

    id: str
    object: str
    created: int
    model: str
    choices: list[_Choice]
    usage: Usage | None = None
    system_fingerprint: str | None = None
    service_tier: str | None = None
    extra: dict[str, Any] | None = None


# Made by the import, which one thread does: msgspec crashes where two threads look at types for the first time.
_decode_response = json.Decoder(ChatCompletionResponse).decode
_decode_chunks = json.Decoder(list[StreamResponse]).decode
_decode_pieces = json.Decoder(list[Piece]).decode
_new = object.__new__


def response(payload: _Payload) -> ChatCompletionResponse:
    """A whole answer."""
    try:
        return _decode_response(payload)
    except (ValueError, RecursionError):
        return ChatCompletionResponse.from_dict(_spread(decode(payload)))


# Those that follow make each item when it is asked for: what a reader has done with is gone before the next is made, so
# that Python's garbage collector has little to look at.


class Reading(Protocol):
    """Who reads a stream."""

    looked_at: bool
    """It has looked at the chunk of an event."""


def chunks(payload: _Payload, _: Reading) -> Iterator[StreamResponse]:
    """The chunks of a batch (``LLMAGG_BATCH``)."""
    try:
        pieces = _decode_pieces(payload)
    except (ValueError, RecursionError):
        return iter(_any_chunks(payload))
    return map(chunk_of, pieces)


def events(payload: _Payload, reading: Reading) -> Iterator[ChunkEvent]:
    """An event for each chunk of a batch. Where these are text alone, the chunk is made when it is looked at; at once
    for a reader who has looked at one.
    """
    try:
        pieces = _decode_pieces(payload)
    except (ValueError, RecursionError):
        for chunk in _any_chunks(payload):
            yield ChunkEvent(chunk)
        return
    for piece in pieces:
        event = _new(ChunkEvent)
        if reading.looked_at:
            event.chunk = chunk_of(piece)
            yield event
        else:
            event._text, event._piece = _text(piece), piece  # type: ignore[misc]
            yield event
            reading.looked_at = event._piece is None


def texts(payload: _Payload, _: Reading) -> Iterator[str]:
    """What each chunk of a batch adds to the first choice."""
    try:
        pieces = _decode_pieces(payload)
    except (ValueError, RecursionError):
        return (chunk.text() for chunk in _any_chunks(payload))
    return map(_text, pieces)


def _text(piece: Piece) -> str:
    for choice in piece.choices:
        if choice.index == 0:
            return choice.delta.content
    return ""


def chunk_of(piece: Piece) -> StreamResponse:
    """The chunk; what it did not have stands as the class's defaults. A third faster than msgspec makes dataclasses."""
    chunk = _new(StreamResponse)
    chunk.id = piece.id
    chunk.object = piece.object
    chunk.created = piece.created
    chunk.model = piece.model
    chunk.choices = choices = []
    for sent in piece.choices:
        delta = _new(Message)
        delta.role = sent.delta.role
        delta.content = sent.delta.content
        choice = _new(StreamChoice)
        choice.delta = delta
        choice.index = sent.index
        choice.finish_reason = sent.finish_reason
        choices.append(choice)
    if piece.usage is not None:
        chunk.usage = piece.usage
    if piece.system_fingerprint is not None:
        chunk.system_fingerprint = piece.system_fingerprint
    if piece.service_tier is not None:
        chunk.service_tier = piece.service_tier
    if piece.extra is not None:
        chunk.extra = piece.extra
    return chunk


ChunkEvent.chunk = LaterChunk(chunk_of)  # type: ignore[assignment]


def _extra_when_looked_at(cls: type) -> None:
    """Makes the empty ``extra`` of what ``chunk_of`` made when it is first looked at: nearly nobody does."""
    later: functools.cached_property[dict[str, Any]] = functools.cached_property(lambda _: {})
    later.__set_name__(cls, "extra")
    setattr(cls, later.attrname or "", later)


for _cls in StreamResponse, StreamChoice, Message:
    _extra_when_looked_at(_cls)


def _any_chunks(payload: _Payload) -> list[StreamResponse]:
    try:
        return _decode_chunks(payload)
    except (ValueError, RecursionError):
        listed = decode(payload, "a batch of chunks")
        if not isinstance(listed, list):
            raise BadResponseError(f"a batch of chunks must be an array, got {type(listed).__name__}") from None
        return [StreamResponse.from_dict(_spread(chunk)) for chunk in listed]


def _spread(answer: dict[str, Any]) -> dict[str, Any]:
    """The answer with what was gathered beside the known fields again."""
    answer = _beside(answer)
    if isinstance(answer.get("usage"), dict):
        answer["usage"] = _beside(answer["usage"])
    answer["choices"] = [_beside(choice) for choice in answer.get("choices", ())]
    for choice in answer["choices"]:
        for key in choice.keys() & {"message", "delta"}:
            choice[key] = _beside(choice[key])
    return answer


def _beside(data: dict[str, Any]) -> dict[str, Any]:
    extra = data.pop("extra", {})
    return {**data, **extra}
