"""Decodes answers in the core's normalized form (``LLMAGG_GATHER``) into the types, in one pass.

The core has read the provider's JSON leniently, so its JSON fits the types. Exceptions are values that the core passes
on unread (logprobs, audio, an unknown role): if one of these does not fit, ``from_dict`` reads the answer. This module
is imported with the first call, since msgspec is slow to import.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from operator import getitem
from typing import Any, Protocol, TypeVar, Union

from msgspec import Struct, json

from . import _plain_answers
from ._fields import whole
from ._wire import decode
from .events import ChunkEvent
from .messages import Message, Role
from .responses import READ_BY, ChatCompletionResponse, StreamChoice, StreamResponse, Usage

T = TypeVar("T")
_Payload = bytes | bytearray | memoryview
Batch = tuple[int, Iterator[T]]
"""The number of chunks, and an item for each chunk."""


class _Delta(Struct, gc=False, forbid_unknown_fields=True):
    role: Role
    content: str


class _Choice(Struct, gc=False, forbid_unknown_fields=True):
    index: int
    delta: _Delta
    finish_reason: str | None


class Piece(Struct, gc=False, forbid_unknown_fields=True):
    """A chunk that holds only text, as nearly all chunks do."""

    id: str
    object: str
    created: int
    model: str
    choices: list[_Choice]
    usage: Usage | None = None
    system_fingerprint: str | None = None
    service_tier: str | None = None
    extra: dict[str, Any] | None = None

    def chunk(self, _: str | None = None) -> StreamResponse:
        """The chunk; missing fields have the defaults of the class. Takes two thirds of the time of msgspec."""
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

    def like(self, text: str) -> StreamResponse:
        """A chunk of which only the text is new (``LLMAGG_BRIEF``)."""
        delta = _new(Message)
        delta.role = self.choices[0].delta.role
        delta.content = text
        choice = _new(StreamChoice)
        choice.delta = delta
        choice.index = 0
        choice.finish_reason = None
        chunk = _new(StreamResponse)
        chunk.id = self.id
        chunk.object = self.object
        chunk.created = self.created
        chunk.model = self.model
        chunk.choices = [choice]
        if self.system_fingerprint is not None:
            chunk.system_fingerprint = self.system_fingerprint
        if self.service_tier is not None:
            chunk.service_tier = self.service_tier
        return chunk

    def text(self) -> str:
        """The text that the chunk adds to the first choice, which some servers list several times."""
        if len(self.choices) == 1 and self.choices[0].index == 0:
            return self.choices[0].delta.content
        return "".join([choice.delta.content for choice in self.choices if choice.index == 0])


# Made by the import, which runs in one thread: msgspec crashes if two threads inspect types for the first time.
_decode_response = json.Decoder(ChatCompletionResponse).decode
_decode_chunks = json.Decoder(list[Union[StreamResponse, str]]).decode
_decode_pieces = json.Decoder(list[Union[Piece, str]]).decode
_new = object.__new__
_UNFIT = (ValueError, RecursionError)


def response(payload: _Payload) -> ChatCompletionResponse:
    """A whole answer. If the application has replaced ``from_dict`` of a class, or a class in a module of providers,
    that reads it.
    """
    if (reader := reader_of(ChatCompletionResponse)) is not None:
        made: ChatCompletionResponse = reader.from_dict(_spread(decode(payload)))
        return made
    try:
        return _plain_answers.made_of(_plain_answers.decode(payload))
    except _UNFIT:
        return _any_response(payload)


def _any_response(payload: _Payload) -> ChatCompletionResponse:
    try:
        made = _decode_response(payload)
    except _UNFIT:
        return ChatCompletionResponse.from_dict(_spread(decode(payload)))
    parts: list[Any] = [made, made.usage, *made.choices, *(choice.message for choice in made.choices)]
    for part in parts:
        if part.extra:
            whole(part)
    return made


_NAMES = ("openai", "deepseek", "gemini")
_PROVIDERS = [vars(sys.modules[f"{__package__}.providers.{name}_provider"]) for name in _NAMES]
_READ_BY: dict[type[ChatCompletionResponse] | type[StreamResponse], tuple[list[Any], list[str], list[Any]]] = {
    kind: (
        [*_PROVIDERS, *(attributes for attributes, _ in READ_BY[kind])],
        [*(kind.__name__ for _ in _PROVIDERS), *("from_dict" for _ in READ_BY[kind])],
        [*(kind for _ in _PROVIDERS), *(own for _, own in READ_BY[kind])],
    )
    for kind in (ChatCompletionResponse, StreamResponse)
}
"""Where an application's test may have replaced what reads an answer: the names of modules and the attributes of
classes, one name in each of them, and what each stands for.
"""


def reader_of(kind: type[ChatCompletionResponse] | type[StreamResponse]) -> Any:
    """What reads an answer, as an application's test has replaced it; None in the usual case."""
    places, names, own = _READ_BY[kind]
    if (found := [*map(getitem, places, names)]) == own:  # without a loop: each answer and each batch is asked
        return None
    for name, now, then in zip(names, found, own):
        if now is not then:
            return kind if name == "from_dict" else now
    return None


# The functions below make each item when the reader asks for it, after the reader has dropped the last item. So there
# are few objects for Python's garbage collector.


class Reading(Protocol):
    """The reader of a stream."""

    looked_at: bool
    """Whether it has used the ``chunk`` of an event."""
    head: Any
    """The last chunk that was no bare text, as a :class:`Piece`: the next ones may be like it (``LLMAGG_BRIEF``)."""


def chunks(payload: _Payload, reading: Reading) -> Batch[StreamResponse]:
    """The chunks of a batch (``LLMAGG_BATCH``)."""
    return _batch(payload, reading, lambda pieces: _chunks(pieces, reading), iter)


def texts(payload: _Payload, reading: Reading) -> Batch[str]:
    """The texts that the chunks of a batch add to the first choice."""
    return _batch(
        payload, reading, lambda pieces: _texts(pieces, reading), lambda others: (chunk.text() for chunk in others)
    )


def events(payload: _Payload, reading: Reading) -> Batch[ChunkEvent]:
    """An event for each chunk of a batch. A chunk that holds only text is made when it is first used, or at once for a
    reader that has used a chunk before.
    """
    return _batch(payload, reading, lambda pieces: _events(pieces, reading), lambda others: map(ChunkEvent, others))


_Pieces = list[Union[Piece, str]]


def _batch(
    payload: _Payload, reading: Reading, of_pieces: Callable[[_Pieces], Iterator[T]],
    of_others: Callable[[Iterator[StreamResponse]], Iterator[T]],
) -> Batch[T]:  # fmt: skip
    if (reader := reader_of(StreamResponse)) is not None:
        others = _any_chunks(payload)
        return len(others), of_others(reader.from_dict(chunk.to_dict()) for chunk in _whole(others, reading))
    try:
        pieces = _decode_pieces(payload)
    except _UNFIT:
        others = _any_chunks(payload)
        return len(others), of_others(_whole(others, reading))
    return len(pieces), of_pieces(pieces)


def _chunks(pieces: _Pieces, reading: Reading) -> Iterator[StreamResponse]:
    for piece in pieces:
        if isinstance(piece, str):
            yield reading.head.like(piece)
        else:
            reading.head = piece
            yield piece.chunk()


def _texts(pieces: _Pieces, reading: Reading) -> Iterator[str]:
    for piece in pieces:
        if isinstance(piece, str):
            yield piece
        else:
            reading.head = piece
            yield piece.text()


def _events(pieces: _Pieces, reading: Reading) -> Iterator[ChunkEvent]:
    for piece in pieces:
        event = _new(ChunkEvent)
        if isinstance(piece, str):
            text, make = piece, reading.head.like
        else:
            reading.head = piece
            text, make = piece.text(), piece.chunk
        if reading.looked_at:
            event.chunk = make(text)
            yield event
        else:
            event._text, event._make = text, make  # type: ignore[misc]
            yield event
            reading.looked_at = event._make is None


def _whole(others: list[StreamResponse | str], reading: Reading) -> Iterator[StreamResponse]:
    """The chunks of a batch in which not all are pieces."""
    for chunk in others:
        if isinstance(chunk, str):
            yield reading.head.like(chunk)
            continue
        choices = [_Choice(c.index, _Delta(c.delta.role, ""), None) for c in chunk.choices]
        reading.head = Piece(chunk.id, chunk.object, chunk.created, chunk.model, choices,
                             system_fingerprint=chunk.system_fingerprint, service_tier=chunk.service_tier)  # fmt: skip
        yield chunk


def _any_chunks(payload: _Payload) -> list[StreamResponse | str]:
    try:
        return _decode_chunks(payload)
    except _UNFIT:
        listed: list[Any] = decode(payload, "a batch of chunks")
        return [chunk if isinstance(chunk, str) else StreamResponse.from_dict(_spread(chunk)) for chunk in listed]


def _spread(answer: dict[str, Any]) -> dict[str, Any]:
    """The answer with its unknown fields beside the known fields again, as ``from_dict`` expects them."""
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
