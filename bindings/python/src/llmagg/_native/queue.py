"""A native queue, read in batches: one ctypes call takes many events, into memory that is reused.

A queue belongs to one event loop, one blocking thread or one blocking stream; it has one reader at a time.
"""

from __future__ import annotations

import ctypes
import select
import threading
from typing import TYPE_CHECKING, Any

from .. import errors
from . import load
from .handle import Handle
from .signatures import EVENT, Drain

if TYPE_CHECKING:
    import mmap
    from collections.abc import Callable

# The most that one drain takes, so that an event loop gets back to its other work: this many events, of this many bytes
# together. A larger event gets a buffer of its own.
_MAX_EVENTS = 32
_BUFFER = 12 << 10
# A buffer of this size or more is a mapping. The library moves the pages of the payload into it where the system can;
# elsewhere it takes memory when it is written to.
_LARGE = 4 << 20

Payload = bytearray | memoryview

Event = tuple[int, int, int, int, Payload]
"""type, status, op, tag, payload."""


class Queue:
    """Owns a native queue. ``fileno()`` is readable while events wait."""

    def __init__(self) -> None:
        self.handle = Handle.new("llmagg_queue_new", "llmagg_queue_free")
        fd = ctypes.c_int()
        load.call("llmagg_queue_fd", self.handle.pointer, ctypes.byref(fd))
        self._fd = fd.value
        self._events = bytearray(EVENT.size * _MAX_EVENTS)
        self._drain = Drain(
            struct_size=ctypes.sizeof(Drain),
            event_size=EVENT.size,
            events=_address(self._events),
            max_events=_MAX_EVENTS,
        )
        self._drain_ref = ctypes.byref(self._drain)
        self._call = load.quick().llmagg_queue_drain
        self._error = ctypes.c_void_p()
        self._error_ref = ctypes.byref(self._error)
        self._batch: list[Event] = []  # shared with the reader, which deletes events from the end
        self._give_buffer(_BUFFER)

    def _give_buffer(self, size: int) -> None:
        drain, large = self._drain, size >= _LARGE
        buffer = _pages(size) if large else bytearray(size)
        base = _address(buffer)
        # One line without a call: no signal handler can leave the library with the address of freed memory.
        self._buffer, self._base, drain.buffer, drain.buffer_size, drain.is_mapping = buffer, base, base, size, large

    def fileno(self) -> int:
        """The descriptor to poll. The library owns it."""
        return self._fd

    def drain(self) -> list[Event]:
        """At most 32 waiting events, the first event last. Never blocks. The caller deletes each event after its work.

        Events that were not deleted are returned again. So none is lost if a signal handler raises, here or in the
        caller.
        """
        if self._batch:
            return self._batch
        drain = self._drain
        while not drain.count:
            if self._call(self.handle.pointer, self._drain_ref, self._error_ref):
                raise load.take_error(self._error)
            if drain.count or not drain.needed:
                break
            self._give_buffer(drain.needed)
        buffer, base = self._buffer, self._base
        # A buffer that was made for one large event becomes its payload, without a copy.
        source = buffer if isinstance(buffer, bytearray) and len(buffer) == _BUFFER else memoryview(buffer)
        if drain.count == 1:
            kind, status, op, tag, address, size = EVENT.unpack_from(self._events)
            batch = [(kind, status, op, tag, source[address - base : address - base + size])]
        else:
            # A copy of the events, not a view: if a handler raises here, its traceback keeps the iterator, and Python
            # before 3.12.7 crashes when it collects a memoryview that another object reads (gh-77894).
            batch = [
                (kind, status, op, tag, source[address - base : address - base + size])
                for kind, status, op, tag, address, size in EVENT.iter_unpack(self._events[: drain.count * EVENT.size])
            ]
            batch.reverse()
        if source is buffer:
            self._batch, drain.count = batch, 0
            return batch
        buffer = bytearray(_BUFFER)
        base = _address(buffer)
        # Again without a call: the next drain must not write into the payload.
        self._batch, drain.count = batch, 0
        self._buffer, self._base, drain.buffer, drain.buffer_size, drain.is_mapping = buffer, base, base, _BUFFER, False
        return batch

    def follow(self, name: str, drain: Callable[[Queue], None]) -> threading.Thread:
        """Starts a daemon thread that calls ``drain`` with this queue whenever events wait."""

        def read() -> None:
            poll = poll_for(self._fd)
            while True:
                poll(None)
                drain(self)

        thread = threading.Thread(target=read, name=name, daemon=True)
        thread.start()
        return thread

    def close(self) -> None:
        """Cancels the operations of this queue and frees it."""
        self.handle.close()


def poll_for(descriptor: int) -> Callable[[int | None], Any]:
    """A function that waits so many milliseconds, None for any time, until a descriptor can be read. It raises
    InternalError if somebody has closed the descriptor.
    """
    if not hasattr(select, "poll"):  # eventlet takes it away; its select() lets other green threads run
        return lambda ms: select.select([descriptor], [], [], None if ms is None else ms / 1000)[0]
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)

    def wait(ms: int | None) -> Any:
        found = poll.poll(ms)
        if found and found[0][1] & select.POLLNVAL:  # poll() would say so again at once, for ever
            raise errors.InternalError(
                f"the descriptor {descriptor} of llmagg's queue was closed by other code of this process; close "
                "descriptors of others (os.closerange, closefrom) before the first use of llmagg"
            )
        return found

    return wait


def _pages(size: int) -> mmap.mmap:
    import mmap

    return mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)


def _address(buffer: bytearray | mmap.mmap) -> int:
    return ctypes.addressof(ctypes.c_char.from_buffer(buffer))
