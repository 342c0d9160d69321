"""Reads one queue and hands each event to whom it concerns. One reader has one thread at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import errors
from . import custom, load
from .operation import Operation
from .queue import Queue
from .signatures import CALL_CUSTOM, CANCEL_CUSTOM, ERROR, RESUME_CUSTOM, TERMINAL

if TYPE_CHECKING:
    import asyncio


class Reader:
    """A queue, the operations that report to it, and the custom calls that arrived on it."""

    def __init__(self) -> None:
        self.queue = Queue()
        self.generation = load.generation
        self.operations: dict[int, Operation] = {}
        self.custom: dict[int, custom.CustomCall] = {}

    def submit(self, operation: Operation, request: bytes, options: bytes | None, stream: bool) -> Operation:
        """Begins a call whose events arrive here."""
        self.operations[operation.tag] = operation
        try:
            operation.submit(self.queue.handle.pointer, request, options, stream)
        except errors.LLMError:
            del self.operations[operation.tag]
            raise
        return operation

    def submit_health(self, operation: Operation) -> Operation:
        """Begins a health check whose result arrives here."""
        self.operations[operation.tag] = operation
        try:
            operation.submit_health(self.queue.handle.pointer)
        except errors.LLMError:
            del self.operations[operation.tag]
            raise
        return operation

    def pump(self) -> None:
        """Takes one batch of events from the queue; none in a forked child, where an inherited loop may call this."""
        if self.generation != load.generation:
            return
        for kind, _, op, tag, payload in self.queue.drain():
            if kind <= ERROR:
                operation = self.operations.get(tag)
                if operation is not None:
                    if kind in TERMINAL:
                        del self.operations[tag]
                    operation.add(kind, payload)
            elif kind == CALL_CUSTOM:
                self._begin_custom(op, tag, bytes(payload))
            elif kind == CANCEL_CUSTOM:
                if call := self.custom.get(op):
                    call.cancel()
            elif kind == RESUME_CUSTOM and (call := self.custom.get(op)):
                call.resume()

    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop on which custom calls run."""
        raise NotImplementedError

    def _begin_custom(self, op: int, tag: int, payload: bytes) -> None:
        call = custom.CustomCall(op, payload)
        operation = self.operations.get(call.parent_tag)
        target = operation.targets.get(tag) if operation else None
        if operation is None or operation.context is None or target is None:
            call.fail(errors.CanceledError("the call that asked for this has ended"))
            return
        try:
            loop = self.loop()
        except errors.LLMError as error:
            call.fail(error)
            return
        self.custom[op] = call
        call.task = operation.context.copy().run(loop.create_task, call.run(target))
        call.task.add_done_callback(lambda _: self.custom.pop(op, None))

    def close(self) -> None:
        """Frees the queue; the operations that still run are cancelled by that."""
        self.queue.close()
        self.operations.clear()
