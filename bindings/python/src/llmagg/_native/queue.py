"""A native queue and its reader: many events in one ctypes call, into memory that is used again.

One queue belongs to one event loop, one blocking thread or one blocking stream; it has one reader at a time.
"""

from __future__ import annotations

import ctypes

from . import load
from .handle import Handle
from .signatures import EVENT, Drain

# What one drain takes at most, so that an event loop is not kept from its other work: so many answers, or chunks of so
# many bytes. A larger event gets a larger buffer for itself.
_MAX_EVENTS = 32
_BUFFER = 12 << 10

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
        self._batch: list[Event] = []  # given to the reader, which takes them from the end
        self._give_buffer(_BUFFER)

    def _give_buffer(self, size: int) -> None:
        drain, buffer = self._drain, bytearray(size)
        base = _address(buffer)
        # Without a call in between: the library must never have the address of memory that is gone.
        self._buffer, self._base, drain.buffer, drain.buffer_size = buffer, base, base, size

    def fileno(self) -> int:
        """The descriptor to poll; it stays the library's."""
        return self._fd

    def drain(self) -> list[Event]:
        """What waits, at most 32 events, the first one last; never blocks. The caller deletes each that it has taken.

        So nothing is lost where a signal's handler raises, be it between two lines of the caller or in here: what was
        not deleted is given again.
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
        # A buffer that was made for one event is that event's: a large answer is not copied once more.
        source = buffer if len(buffer) == _BUFFER else memoryview(buffer)
        # A copy, not a view: the traceback of a handler that raises here keeps the iterator, and before 3.12.7 Python
        # crashes when its garbage collector takes a memoryview that another object reads (gh-77894).
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
        # Again without a call in between: what comes next must not be written over what was given.
        self._batch, drain.count = batch, 0
        self._buffer, self._base, drain.buffer, drain.buffer_size = buffer, base, base, _BUFFER
        return batch

    def close(self) -> None:
        """Cancels the operations that report here and frees the queue."""
        self.handle.close()


def _address(buffer: bytearray) -> int:
    return ctypes.addressof(ctypes.c_char.from_buffer(buffer))
