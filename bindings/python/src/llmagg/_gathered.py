"""Reads answers as the core gathers them (``LLMAGG_GATHER``): straight into the types, in one pass.

The core has read the provider's JSON leniently, so what arrives fits the types, but for values that are passed through
as they came (logprobs, audio, an unknown role): an answer with such a one of an unexpected type is read once more, as
``from_dict`` reads it. Imported with the first call, since msgspec takes its time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol, TypeVar

from msgspec import Struct, json

from ._wire import decode
from .errors import BadResponseError
from .events import ChunkEvent
from .messages import Message, MessageRole
from .responses import ChatCompletionResponse, StreamChoice, StreamResponse, Usage

T = TypeVar("T")
_Payload = bytes | bytearray | memoryview
Batch = tuple[int, Iterator[T]]
"""How many chunks, and what is made of each."""


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

    def chunk(self) -> StreamResponse:
        """The chunk; fields that it did not have are the class's defaults. Takes two thirds of msgspec's time."""
        chunk = _new(StreamResponse)
        chunk.id = self.id
        chunk.object = self.object
        chunk.created = self.created
        chunk.model = self.model
        chunk.choices = choices = []
        for sent in self.choices:
            delta = _new(Message)
            delta.role = sent.delta.role
            delta.content = sent.delta.content
            choice = _new(StreamChoice)
            choice.delta = delta
            choice.index = sent.index
            choice.finish_reason = sent.finish_reason
            choices.append(choice)
        if self.usage is not None:
            chunk.usage = self.usage
        if self.system_fingerprint is not None:
            chunk.system_fingerprint = self.system_fingerprint
        if self.service_tier is not None:
            chunk.service_tier = self.service_tier
        if self.extra is not None:
            chunk.extra = self.extra
        return chunk

    def text(self) -> str:
        """What it adds to the first choice."""
        for choice in self.choices:
            if choice.index == 0:
                return choice.delta.content
        return ""


# Made by the import, which one thread does: msgspec crashes where two threads look at types for the first time.
_decode_response = json.Decoder(ChatCompletionResponse).decode
_decode_chunks = json.Decoder(list[StreamResponse]).decode
_decode_pieces = json.Decoder(list[Piece]).decode
_new = object.__new__
_UNFIT = (ValueError, RecursionError)


def response(payload: _Payload) -> ChatCompletionResponse:
    """A whole answer."""
    try:
        return _decode_response(payload)
    except _UNFIT:
        return ChatCompletionResponse.from_dict(_spread(decode(payload)))


# Those that follow make each item when it is asked for: what a reader has done with is gone before the next is made, so
# that Python's garbage collector has little to look at.


class Reading(Protocol):
    """Who reads a stream."""

    looked_at: bool
    """It has looked at the chunk of an event."""


def chunks(payload: _Payload, _: Reading) -> Batch[StreamResponse]:
    """The chunks of a batch (``LLMAGG_BATCH``)."""
    try:
        pieces = _decode_pieces(payload)
    except _UNFIT:
        others = _any_chunks(payload)
        return len(others), iter(others)
    return len(pieces), map(Piece.chunk, pieces)


def texts(payload: _Payload, _: Reading) -> Batch[str]:
    """What each chunk of a batch adds to the first choice."""
    try:
        pieces = _decode_pieces(payload)
    except _UNFIT:
        others = _any_chunks(payload)
        return len(others), map(StreamResponse.text, others)
    return len(pieces), map(Piece.text, pieces)


def events(payload: _Payload, reading: Reading) -> Batch[ChunkEvent]:
    """An event for each chunk of a batch. Where these are text alone, the chunk is made when it is looked at; at once
    for a reader who has looked at one.
    """
    try:
        pieces = _decode_pieces(payload)
    except _UNFIT:
        others = _any_chunks(payload)
        return len(others), map(ChunkEvent, others)
    return len(pieces), _events(pieces, reading)


def _events(pieces: list[Piece], reading: Reading) -> Iterator[ChunkEvent]:
    for piece in pieces:
        event = _new(ChunkEvent)
        if reading.looked_at:
            event.chunk = piece.chunk()
            yield event
        else:
            event._text, event._piece = piece.text(), piece  # type: ignore[misc]
            yield event
            reading.looked_at = event._piece is None


def _any_chunks(payload: _Payload) -> list[StreamResponse]:
    try:
        return _decode_chunks(payload)
    except _UNFIT:
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
