"""The bridge to the shared library: the only place that knows ctypes, descriptors and operation ids.

``load`` finds and loads the library, ``signatures`` types its functions, ``handle`` owns native handles, ``queue``
reads events in batches, ``operation`` is a running call. ``bridge`` belongs to an event loop, ``blocking`` to a thread;
both are a ``reader``. ``route`` is the native side of a client, ``custom`` runs clients written in Python.
"""

from __future__ import annotations

try:
    import ctypes  # noqa: F401 - what the library and msgspec are loaded with

    import msgspec  # noqa: F401
except ImportError as error:
    if "subinterpreter" not in str(error):
        raise
    raise ImportError(
        f"llmagg cannot be used in a subinterpreter with a lock of its own (GIL): {error}; use it in the main "
        "interpreter, in a subinterpreter that shares the lock, or in processes"
    ) from None
