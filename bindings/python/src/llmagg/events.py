"""What a stream tells its reader."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Union

from .errors import LLMError
from .responses import ChatCompletionResponse, StreamResponse


@dataclass
class ChunkEvent:
    """A piece of the answer. One that comes from a call is decoded when its ``chunk`` is first looked at; ``text``
    needs no more than the text.
    """

    chunk: StreamResponse
    type: Literal["chunk"] = "chunk"

    @property
    def text(self) -> str:
        """The text that it adds to the first choice."""
        text: str = self._text
        return text

    def __getattr__(self, name: str) -> Any:
        """What is not there yet: the chunk, and without it the text."""
        if name == "_text":
            return self.chunk.text()
        if name != "chunk" or "_source" not in self.__dict__:
            raise AttributeError(f"ChunkEvent has no attribute {name}", name=name, obj=self)
        batch, index = self.__dict__.pop("_source")
        del self._text  # from now on the chunk's, which may be changed
        self.chunk = batch.chunks()[index]
        return self.chunk

    def __getstate__(self) -> dict[str, Any]:
        """For copies and pickles."""
        return {"chunk": self.chunk, "type": self.type}


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
