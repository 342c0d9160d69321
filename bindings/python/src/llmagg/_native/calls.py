"""Begins calls and gives their answers: awaited, blocking, as async generators and as iterators.

These four loops are the only ones that read operations; the public classes choose routes and options and come here.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Sequence
from dataclasses import dataclass, field
from typing import Any

from .. import errors
from .._wire import decode, encode
from ..events import ChunkEvent, DoneEvent, RestartEvent, StreamEvent
from ..responses import ChatCompletionResponse, StreamResponse
from . import blocking, bridge
from .load import Handle
from .operation import Calls, Operation, Target
from .signatures import CHUNK, RESTART


@dataclass
class Call:
    """What is needed to begin a call: the routes in order, who answers custom ones, and the request."""

    handles: Sequence[Handle]
    request: dict[str, Any]
    options: dict[str, Any] = field(default_factory=dict)
    targets: dict[int, Target] = field(default_factory=dict)
    single: bool = False
    owned_by: Calls | None = None

    def _begin(self, reader: Any, stream: bool) -> Operation:
        options = encode(self.options, "the options") if self.options else None
        operation = Operation(self.handles, self.targets, single=self.single)
        reader.submit(operation, encode(self.request), options, stream)
        if self.owned_by is not None:
            self.owned_by[operation.tag] = operation
        return operation

    async def answer(self) -> dict[str, Any]:
        """The whole response, as the core gives it."""
        answer: dict[str, Any] = decode(await bridge.last_event(self._begin(bridge.bridge(), False)))
        return answer

    async def response(self) -> ChatCompletionResponse:
        """The whole response."""
        return ChatCompletionResponse.from_dict(await self.answer())

    def response_sync(self) -> ChatCompletionResponse:
        """The whole response; blocks."""
        reader = blocking.reader()
        return ChatCompletionResponse.from_dict(decode(blocking.last_event(reader, self._begin(reader, False))))

    async def stream(self) -> AsyncGenerator[StreamEvent, None]:
        """The events of a streamed answer. Leaving it cancels the call."""
        operation = self._begin(bridge.bridge(), True)
        try:
            while True:
                event = _event(*(operation.take() or await bridge.next_event(operation)))
                yield event
                if isinstance(event, DoneEvent):
                    return
        finally:
            operation.cancel()

    async def chunks(self) -> AsyncGenerator[StreamResponse, None]:
        """The chunks of a streamed answer."""
        operation = self._begin(bridge.bridge(), True)
        try:
            while True:
                kind, payload = operation.take() or await bridge.next_event(operation)
                if kind == CHUNK:
                    yield StreamResponse.from_dict(decode(payload, "a chunk"))
                elif kind != RESTART:
                    return
        finally:
            operation.cancel()

    async def text(self) -> AsyncGenerator[str, None]:
        """The texts of the first choice, as they come."""
        operation = self._begin(bridge.bridge(), True)
        try:
            while True:
                kind, payload = operation.take() or await bridge.next_event(operation)
                if kind == CHUNK:
                    if text := StreamResponse.from_dict(decode(payload, "a chunk")).text():
                        yield text
                elif kind != RESTART:
                    return
        finally:
            operation.cancel()

    def stream_sync(self) -> Generator[StreamEvent, None, None]:
        """The events of a streamed answer; each step blocks. Leaving it cancels the call."""
        reader = blocking.BlockingReader()
        operation = None
        try:
            operation = self._begin(reader, True)
            while True:
                event = _event(*reader.next_event(operation))
                yield event
                if isinstance(event, DoneEvent):
                    return
        finally:
            if operation is not None:
                operation.cancel()
            reader.settle()
            reader.close()


def _event(kind: int, payload: bytes) -> StreamEvent:
    data = decode(payload, "an event")
    if kind == CHUNK:
        return ChunkEvent(StreamResponse.from_dict(data))
    if kind == RESTART:
        reason = data.get("reason")
        return RestartEvent(data.get("from", ""), data.get("to", ""), errors.from_payload(reason) if reason else None)
    return DoneEvent(ChatCompletionResponse.from_dict(data))


async def health(handles: Sequence[Handle]) -> list[bool]:
    """Asks the routes at the same time whether they are alive."""
    operation = bridge.bridge().submit_health(Operation(handles, {}))
    alive: list[bool] = decode(await bridge.last_event(operation))
    return alive
