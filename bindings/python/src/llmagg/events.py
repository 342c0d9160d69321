"""What a stream tells its reader."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Union

from .errors import LLMError
from .responses import ChatCompletionResponse, StreamResponse


@dataclass
class ChunkEvent:
    """A piece of the answer."""

    chunk: StreamResponse
    type: Literal["chunk"] = "chunk"

    @property
    def text(self) -> str:
        """The text that it adds to the first choice."""
        return self.chunk.text()


@dataclass
class RestartEvent:
    """The answer begins again: forget what came before. Routes are "provider/model"."""

    from_route: str
    to_route: str
    reason: LLMError | None = None
    type: Literal["restart"] = "restart"


@dataclass
class DoneEvent:
    """The last event of a complete stream, with the whole answer and its attempts."""

    response: ChatCompletionResponse
    type: Literal["done"] = "done"


StreamEvent = Union[ChunkEvent, RestartEvent, DoneEvent]
