"""Handles of the library. The owner of a handle frees it once, and never in another process."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

from . import load


class Handle:
    """An owned native handle, freed when the last reference to this object is gone, and never in another process.

    Thread-safe: ``close`` may run more than once and from any thread; the library ignores a freed handle.
    """

    __slots__ = ("__weakref__", "_free", "available", "direct", "generation", "pointer")

    def __init__(self, free: str, pointer: ctypes.c_void_p) -> None:
        self.pointer = pointer
        self.generation = load.generation
        self.available = True  # of a client: what the core was told of the application's own switch (route._lock)
        self.direct: set[int] = set()  # running calls for which the core's switch is on meanwhile (route._lock)
        self._free = getattr(load.library(), free)

    @classmethod
    def new(cls, create: str, free: str, *args: Any) -> Handle:
        """Calls a function whose last output is a handle."""
        pointer = ctypes.c_void_p()
        load.call(create, *args, ctypes.byref(pointer))
        return cls(free, pointer)

    @property
    def alive(self) -> bool:
        """Whether the handle can be used in this process."""
        return bool(self.pointer) and self.generation == load.generation

    def close(self) -> None:
        """Frees the handle; a second time does nothing."""
        pointer, self.pointer = self.pointer, ctypes.c_void_p()
        if pointer and self.generation == load.generation:
            self._free(pointer)

    def __del__(self) -> None:
        try:  # noqa: SIM105
            self.close()
        except Exception:  # the interpreter may be shutting down, and its modules be empty
            pass


class Routes:
    """The native routes of a call, in the order of trial, as the library takes them. Immutable; keeps handles alive.

    ``single``: the only route is called directly, without an aggregator's failover. ``lifted``: see
    :meth:`Route.lifted`.
    """

    __slots__ = ("count", "handles", "lifted", "pointer", "pointers", "single")

    def __init__(self, handles: Sequence[Handle], *, single: bool = False, lifted: Any = None) -> None:
        self.handles = handles
        self.single = single
        self.lifted = lifted
        self.count = ctypes.c_size_t(len(handles))
        self.pointer = handles[0].pointer
        self.pointers = (ctypes.c_void_p * len(handles))(*(handle.pointer for handle in handles))
