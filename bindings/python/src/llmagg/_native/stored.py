"""Passes what the core asks of caches to the stores that live in Python."""

from __future__ import annotations

import contextlib
import weakref
from typing import Any, Protocol

from .. import errors
from .._wire import decode
from . import load


class Store(Protocol):
    """Keeps values by their keys. Its methods return at once."""

    def get(self, op: int, key: str) -> None:
        """Has ``answer`` called for ``op`` with the value of a key, from any thread."""

    def put(self, key: str, value: bytes, ttl_s: float | None) -> None:
        """Keeps a value."""


stores: weakref.WeakValueDictionary[str, Any] = weakref.WeakValueDictionary()
"""The stores of the process, by the name of their cache."""


def told(op: int, put: bool, payload: bytearray | memoryview) -> None:
    """Handles an event: a value is asked for, or is to be kept."""
    header, _, value = bytes(payload).partition(b"\n")
    asked: dict[str, Any] = decode(header, "an event")
    store: Store | None = stores.get(asked["cache"])
    if store is None:
        if not put:
            answer(op, None)
    elif put:
        store.put(asked["key"], value, asked.get("ttl_s"))
    else:
        store.get(op, asked["key"])


def answer(op: int, value: bytes | None) -> None:
    """Tells the core what is kept; None: nothing."""
    with contextlib.suppress(errors.CanceledError):  # the call has ended meanwhile
        load.call("llmagg_cache_answer", op, value or None, len(value or b""))
