"""Reads answers as the core gathers them (``LLMAGG_GATHER``): straight into the types, in one pass.

The core has read the provider's JSON leniently, so what arrives fits the types, but for values that are passed through
as they came (logprobs, audio, an unknown role): an answer with such a one of an unexpected type is read once more, as
``from_dict`` reads it. Imported with the first call, since msgspec takes its time.
"""

from __future__ import annotations

from typing import Any

from msgspec import json

from ._wire import decode
from .errors import BadResponseError
from .responses import ChatCompletionResponse, StreamResponse

_Payload = bytes | bytearray
# Made by the import, which one thread does: msgspec crashes where two threads look at types for the first time.
_decode_response = json.Decoder(ChatCompletionResponse).decode
_decode_chunks = json.Decoder(list[StreamResponse]).decode


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
