"""Reads answers as the core gathers them (``LLMAGG_GATHER``): straight into the types, in one pass.

The core has read the provider's JSON leniently, so what arrives fits the types, but for values that are passed through
as they came (logprobs, audio, an unknown role): an answer with such a one of an unexpected type is read once more, as
``from_dict`` reads it. Imported with the first call, since msgspec takes its time.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct, json

from ._wire import decode
from .errors import BadResponseError
from .events import ChunkEvent
from .responses import ChatCompletionResponse, StreamResponse

_Payload = bytes | bytearray
# Made by the import, which one thread does: msgspec crashes where two threads look at types for the first time.
_decode_response = json.Decoder(ChatCompletionResponse).decode
_decode_chunks = json.Decoder(list[StreamResponse]).decode


class _Delta(Struct, gc=False):
    content: str | None = None


class _Choice(Struct, gc=False):
    delta: _Delta
    index: int


class _Texts(Struct, gc=False):
    """As much of a chunk as its text needs."""

    choices: list[_Choice]


_decode_texts = json.Decoder(list[_Texts]).decode
_new = object.__new__


class Batch:
    """The chunks of one event of the core, decoded as far as somebody looks at them. Thread-safe."""

    __slots__ = ("_chunks", "_payload")

    def __init__(self, payload: _Payload) -> None:
        self._payload = payload
        self._chunks: list[StreamResponse] | None = None

    def chunks(self) -> list[StreamResponse]:
        """All of them, whole; the same list each time."""
        if self._chunks is None:
            self._chunks = chunks(self._payload)
        return self._chunks

    def texts(self) -> list[str]:
        """What each of them adds to the first choice."""
        try:
            read = _decode_texts(self._payload)
        except (ValueError, RecursionError):
            return [chunk.text() for chunk in self.chunks()]
        return [
            (piece.choices[0].delta.content or "")
            if len(piece.choices) == 1 and not piece.choices[0].index
            else next((choice.delta.content or "" for choice in piece.choices if not choice.index), "")
            for piece in read
        ]

    def events(self) -> list[ChunkEvent]:
        """An event for each of them."""
        events = []
        for index, text in enumerate(self.texts()):
            event = _new(ChunkEvent)
            event._text, event._source = text, (self, index)  # type: ignore[attr-defined]
            events.append(event)
        return events


def response(payload: _Payload) -> ChatCompletionResponse:
    """A whole answer."""
    try:
        return _decode_response(payload)
    except (ValueError, RecursionError):
        return ChatCompletionResponse.from_dict(_spread(decode(payload)))


def chunks(payload: _Payload) -> list[StreamResponse]:
    """The chunks of a batch (``LLMAGG_BATCH``)."""
    try:
        return _decode_chunks(payload)
    except (ValueError, RecursionError):
        listed = decode(payload, "a batch of chunks")
        if not isinstance(listed, list):
            raise BadResponseError(f"a batch of chunks is {type(listed).__name__}; expected an array") from None
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
