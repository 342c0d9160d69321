"""The events of a stream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Union

from . import _absent
from ._fields import Later, Record
from .errors import LLMError
from .responses import ChatCompletionResponse, StreamResponse


@_absent.told_few(_absent.OF_EVENT)
@dataclass(repr=False, eq=False)
class ChunkEvent(Record):
    """A piece of the answer. ``chunk`` is decoded lazily; use ``text`` if you need only the text."""

    chunk: StreamResponse
    type: Literal["chunk"] = "chunk"

    _text: ClassVar[str | None] = None  # before the chunk is made: its text, and the function that makes it
    _make: ClassVar[Any] = None

    @property
    def text(self) -> str:
        """The text that the chunk adds to the first choice."""
        return self.chunk.text() if self._text is None else self._text

    def __getstate__(self) -> dict[str, Any]:
        """For copies and pickles."""
        return {"chunk": self.chunk, "type": self.type}


def _chunk_of(event: ChunkEvent) -> StreamResponse:
    if event._make is None:
        raise AttributeError("chunk")
    chunk: StreamResponse = event._make(event._text)
    event._make = event._text = None  # type: ignore[misc]  # the text is now the chunk's, which may change
    return chunk


ChunkEvent.chunk = Later("chunk", _chunk_of)  # type: ignore[assignment]


@_absent.told_few(_absent.OF_RESTART)
@dataclass(repr=False, eq=False)
class RestartEvent(Record):
    """The answer begins again: discard the chunks received before. Routes are "provider/model"."""

    from_route: str
    to_route: str
    reason: LLMError | None = None
    type: Literal["restart"] = "restart"


@_absent.told_few(_absent.OF_DONE)
@dataclass(repr=False, eq=False)
class DoneEvent(Record):
    """The last event of a complete stream, with the whole answer and its attempts."""

    response: ChatCompletionResponse
    type: Literal["done"] = "done"


StreamEvent = Union[ChunkEvent, RestartEvent, DoneEvent]
