"""Reads a queue and passes each event to its operation or custom call. One thread at a time uses a reader."""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import weakref
from typing import TYPE_CHECKING, Any

from .. import errors, log
from .._wire import encode
from . import load
from .operation import Accept, Calls, Operation, Target
from .queue import Payload, Queue
from .signatures import ACCEPT, CACHE_GET, CACHE_PUT, CALL_CUSTOM, CANCEL_CUSTOM, DONE, ERROR, RESUME_CUSTOM

if TYPE_CHECKING:
    import asyncio

    from .custom import CustomCall
    from .handle import Routes

_tags = itertools.count(1)


class Reader:
    """A queue, the operations whose events arrive on it, and the custom calls that arrived on it."""

    def __init__(self) -> None:
        self.generation = load.generation
        self.operations: dict[int, Operation] = {}
        self.custom: dict[int, CustomCall] = {}
        self.queue = Queue()
        self._library = load.quick()
        self._op = ctypes.c_uint64()
        self._error = ctypes.c_void_p()
        self._outputs = (ctypes.byref(self._op), ctypes.byref(self._error))
        self._sizes = ctypes.c_size_t(), ctypes.c_size_t()  # of the request and the options of a call that begins
        self._tag = ctypes.c_uint64()

    def __del__(self) -> None:
        try:  # noqa: SIM105
            self.forget()
        except AttributeError:  # __init__ was interrupted before it set the operations; or as a Handle's
            pass

    def begin(
        self, routes: Routes, request: bytes, options: bytes | None, flags: int,
        targets: dict[int, Target] | None = None, owner: Calls | None = None, accept: Accept | None = None,
    ) -> Operation:  # fmt: skip
        """Begins a call. Its events arrive on this queue, also the error for bad arguments."""
        log.attach()
        tag = self._tag.value = next(_tags)
        operation = self.operations[tag] = Operation(tag, routes, targets, owner)
        operation.accept = accept
        tail = (*self._asked(request, options), flags, self._tag, *self._outputs)
        if routes.single:
            if routes.lifted is not None:
                routes.lifted.begin(operation)
            failed = self._library.llmagg_client_chat_submit(routes.pointer, *tail)
        else:
            failed = self._library.llmagg_routes_chat_submit(routes.pointers, routes.count, *tail)
        return self._begun(operation, failed)

    def begin_other(
        self, form: str, routes: Routes, request: bytes, options: bytes | None, owner: Calls | None = None
    ) -> Operation:
        """Begins a call that is no chat: ``form`` is "embed" or "rerank"."""
        log.attach()
        tag = self._tag.value = next(_tags)
        operation = self.operations[tag] = Operation(tag, routes, None, owner)
        begin = getattr(self._library, f"llmagg_routes_{form}_submit")
        tail = (*self._asked(request, options), self._tag, *self._outputs)
        return self._begun(operation, begin(routes.pointers, routes.count, *tail))

    def _asked(self, request: bytes, options: bytes | None) -> tuple[Any, ...]:
        """The queue, the request and the options, as the functions of ``signatures.QUICK`` take them."""
        of_request, of_options = self._sizes
        of_request.value = len(request)
        of_options.value = len(options) if options else 0
        return self.queue.handle.pointer, request, of_request, options, of_options

    def begin_health(self, routes: Routes) -> Operation:
        """Begins a health check of the routes; the payload of DONE is a list of bools."""
        log.attach()
        tag = next(_tags)
        operation = self.operations[tag] = Operation(tag, routes, None, None)
        tail = (self.queue.handle.pointer, tag, *self._outputs)
        return self._begun(operation, load.library().llmagg_routes_health_submit(routes.pointers, routes.count, *tail))

    def _begun(self, operation: Operation, failed: int) -> Operation:
        if failed:
            operation.end()
            del self.operations[operation.tag]
            raise load.take_error(self._error)
        operation.op = self._op.value
        if operation.owner is not None:
            operation.owner[operation.tag] = weakref.ref(operation)
        return operation

    def pump(self) -> None:
        """Handles one batch of events. Does nothing in a forked child, where an inherited loop may call it."""
        try:
            self._take()
        except BaseException:
            self.interrupted()
            raise

    def _take(self) -> None:
        if self.generation != load.generation:
            return
        operations = self.operations
        batch = self.queue.drain()
        while batch:
            kind, _, op, tag, payload = batch[-1]
            if kind <= ERROR:
                operation = operations.get(tag)
                if operation is None:
                    del batch[-1]
                    continue
                if kind >= DONE:
                    operation.end()
                del batch[-1]  # no call and no jump stands between these two lines
                operation.events.append((kind, payload))
                if operation.waiter is not None:
                    operation.wake()
                if kind >= DONE:
                    del operations[tag]
                continue
            if kind == CALL_CUSTOM:
                self._begin_custom(op, tag, payload)
            elif kind == ACCEPT:
                self._judge(op, operations.get(tag), payload)
            elif kind in (CACHE_GET, CACHE_PUT):
                from . import stored

                stored.told(op, kind == CACHE_PUT, payload)
            elif call := self.custom.get(op):
                if kind == CANCEL_CUSTOM:
                    call.cancel()
                elif kind == RESUME_CUSTOM:
                    call.resume()
            del batch[-1]

    def interrupted(self) -> None:
        """Called when a signal handler raised inside ``pump``: a loop that keeps running must call ``go_on``."""
        raise NotImplementedError

    def go_on(self) -> None:
        """Handles the rest of an interrupted batch, and wakes all waiters, since one may have been missed."""
        if not self.queue.handle.alive:
            return
        try:
            self._take()
            for operation in list(self.operations.values()):
                operation.wake()
                if operation.done:
                    del self.operations[operation.tag]
        except BaseException:
            self.interrupted()
            raise

    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop on which custom calls run."""
        raise NotImplementedError

    def _judge(self, op: int, operation: Operation | None, payload: Payload) -> None:
        """Lets the call's function look at an answer."""
        if operation is not None and operation.accept is not None:
            try:
                data = encode(operation.accept(payload))
            except Exception as error:  # of a signal's handler
                operation.interrupt(error)
                return
            with contextlib.suppress(errors.CanceledError):  # the call has ended meanwhile
                load.call("llmagg_accept_answer", op, data, len(data))

    def _begin_custom(self, op: int, tag: int, payload: Payload) -> None:
        from . import custom

        call = custom.CustomCall(op, payload)
        operation = self.operations.get(call.parent_tag)
        target = operation.targets.get(tag) if operation and operation.targets else None
        if operation is None or operation.context is None or target is None:
            call.fail(errors.CanceledError("the call that asked for this has ended"))
            return
        try:
            loop = self.loop()
        except errors.LLMError as error:
            call.fail(error)
            return
        try:
            self.custom[op] = call
            call.operation = operation
            call.task = operation.context.copy().run(loop.create_task, call.run(target))
            call.task.add_done_callback(lambda _: self._end_custom(call))
        except BaseException:  # a signal handler raised; the event stays in the batch and begins another custom call
            self._end_custom(call)
            call.cancel()
            raise

    def _end_custom(self, call: CustomCall) -> None:
        if self.custom.get(call.op) is call:
            del self.custom[call.op]
        if call.task is not None and call.task.done() and not call.task.cancelled():
            call.task.exception()  # an interrupt, which has ended the loop: asyncio need not report it

    def forget(self) -> None:
        """Drops the operations; their last events will not be read."""
        for operation in self.operations.values():
            operation.end()
        self.operations.clear()

    def close(self) -> None:
        """Frees the queue, which cancels the running operations."""
        self.queue.close()
        self.forget()
