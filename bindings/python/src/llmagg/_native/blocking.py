"""Calls that block the calling thread. They poll the queue's descriptor, so that Ctrl-C ends them at once.

Each thread keeps one reader. A call has it to itself, also a stream until its end; a call that begins meanwhile, as
where a thread reads several streams in turn, gets another. Clients written in Python run on a private event loop of the
thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from .. import errors
from .._frames import brief
from . import load
from .operation import Operation
from .queue import Payload, poll_for
from .reader import Reader

T = TypeVar("T")

# Python runs signal handlers in the main thread, between two of its instructions. A signal that arrives after the last
# instruction and before poll() does not interrupt poll(); so in the main thread each poll() is short. Elsewhere it is
# without a limit, and the kernel sets no timer.
LOOK_UP_MS = 200
_main = threading.main_thread().ident


def _forget() -> None:
    """In a forked child the thread that forked is the main one."""
    global _main
    _main = threading.get_ident()


load.on_fork(_forget)


class _PrivateLoop:
    """A thread's private event loop. It is closed when the thread ends."""

    def __init__(self) -> None:
        self.generation = load.generation
        self.loop = asyncio.new_event_loop()

    def __del__(self) -> None:
        try:
            if not self.loop.is_running() and self.generation == load.generation:
                self.loop.close()
        except Exception:  # as a Handle's
            pass


class _Thread(threading.local):
    private: _PrivateLoop | None = None
    reader: BlockingReader | None = None


_thread = _Thread()


def _private_loop() -> asyncio.AbstractEventLoop:
    private = _thread.private
    if private is None or private.generation != load.generation or private.loop.is_closed():
        private = _thread.private = _PrivateLoop()
    return private.loop


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Runs a coroutine to its end on the calling thread's private loop."""
    try:
        refuse_inside_loop()
        loop = _private_loop()
    except BaseException:
        coroutine.close()
        raise
    with brief:
        return _complete(loop, coroutine)


def _complete(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, T]) -> T:
    """Runs a coroutine to its end. What a signal's handler raises in the loop ends the coroutine too; else the thread's
    next call would go on with it.
    """
    task = loop.create_task(coroutine)
    try:
        return loop.run_until_complete(task)
    except BaseException:
        if not task.done():
            task.cancel()
            with contextlib.suppress(BaseException):  # a second interrupt; the first one is raised
                loop.run_until_complete(task)
        if task.done() and not task.cancelled():
            task.exception()  # so that asyncio does not report it
        raise
    finally:
        del task  # an error has this frame in its traceback


def refuse_inside_loop() -> None:
    """Raises InvalidArgumentError if an event loop is running in the calling thread."""
    with contextlib.suppress(RuntimeError):
        asyncio.get_running_loop()
        raise errors.InvalidArgumentError(
            "a blocking call cannot be made in a thread whose event loop is running (as in a notebook); use the "
            "method without '_sync' and await it (a stream: 'async for'), or 'async with' instead of 'with'"
        )


class BlockingReader(Reader):
    """The reader of a thread, or of a call that began while the thread's was in use."""

    def __init__(self) -> None:
        super().__init__()
        self._thread = threading.get_ident()
        self._poll = poll_for(self.queue.fileno())
        self._loop: asyncio.AbstractEventLoop | None = None
        self._watched = False  # the loop watches the queue

    def loop(self) -> asyncio.AbstractEventLoop:
        """Returns the private loop of the first thread that called this method."""
        refuse_inside_loop()
        if self._loop is None or self._loop.is_closed():
            self._loop = _private_loop()
        return self._loop

    def wait(self, operation: Operation) -> None:
        """Blocks until the operation may have an event."""
        if self.custom:
            loop = self.loop()
            _complete(loop, self._run_custom(operation))
        else:
            self._poll(LOOK_UP_MS if threading.get_ident() == _main else None)
            self.pump()

    async def _run_custom(self, operation: Operation) -> None:
        """Runs clients written in Python until the operation has an event, or no client is running."""
        loop = asyncio.get_running_loop()
        loop.add_reader(self.queue.fileno(), self.pump)
        self._watched = True
        try:
            while self.custom and not operation.events:
                operation.waiter = news = loop.create_future()
                tasks = [call.task for call in self.custom.values() if call.task is not None]
                await asyncio.wait([news, *tasks], return_when=asyncio.FIRST_COMPLETED)
                news.cancel()
        finally:
            self._unwatch()

    def _unwatch(self) -> None:
        """Makes the loop stop watching the queue. Call this before the queue is closed, since another file may get the
        number of the descriptor.
        """
        if self._watched and self._loop is not None:
            self._watched = False
            self._loop.remove_reader(self.queue.fileno())

    def interrupted(self) -> None:
        """Schedules the rest of the batch if the loop is running; otherwise the exception ends the blocking call."""
        if self._watched and self._loop is not None and self._loop.is_running():
            self._loop.call_soon(self.go_on)

    def close(self) -> None:
        """Frees the queue, which cancels the running operations."""
        self._unwatch()
        super().close()

    def settle(self) -> None:
        """Cancels the clients whose operation has ended. Does nothing in a forked child."""
        if self.generation != load.generation:
            return
        for call in list(self.custom.values()):
            call.cancel()
        if self.custom:
            with contextlib.suppress(errors.InvalidArgumentError):  # the thread's loop runs; it cancels them itself
                loop = self.loop()
                loop.run_until_complete(asyncio.sleep(0))

    def give_back(self) -> None:
        """Keeps this reader for the thread's next call; closes it where the thread has another, or where this one was
        interrupted and may have lost an event, or has moved to another thread.
        """
        if (
            self.operations or self.custom or _thread.reader is not None
            or self._thread != threading.get_ident() or self.generation != load.generation
        ):  # fmt: skip
            self.close()
        else:
            self._loop = None  # it may be that of another thread, which read the stream for a while
            _thread.reader = self


def take_reader() -> BlockingReader:
    """The thread's reader, which is the caller's until :meth:`BlockingReader.give_back`: a signal handler may begin
    another call at any line.
    """
    reader, _thread.reader = _thread.reader, None
    return BlockingReader() if reader is None or reader.generation != load.generation else reader


def last_event(begin: Callable[[Reader], Operation]) -> Payload:
    """Blocks until the payload of the operation's DONE event has arrived. KeyboardInterrupt cancels the call."""
    reader, operation = take_reader(), None
    try:
        operation = begin(reader)
        while (event := operation.take()) is None:
            reader.wait(operation)
        return event[1]
    finally:
        try:
            if operation is not None and not operation.done:
                operation.cancel()
            if reader.custom:
                reader.settle()
        finally:
            reader.give_back()
