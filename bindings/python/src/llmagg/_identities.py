"""Sets of objects of the application, whose classes may have no hash or an equality of their own."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from typing import Any


class Identities:
    """A set of objects by their identity, which keeps none of them alive. Thread-safe: each method is one step."""

    def __init__(self) -> None:
        self._found: dict[int, weakref.ref[Any]] = {}

    def add(self, item: Any) -> None:
        """Adds an object, until it is discarded or deleted."""
        found, key = self._found, id(item)

        def forget(reference: weakref.ref[Any]) -> None:
            if found.get(key) is reference:  # else a later object has the place of the deleted one
                del found[key]

        found[key] = weakref.ref(item, forget)

    def discard(self, item: Any) -> None:
        """Removes an object, if it is there."""
        self._found.pop(id(item), None)

    def __contains__(self, item: Any) -> bool:
        return id(item) in self._found

    def __iter__(self) -> Iterator[Any]:
        return (item for reference in list(self._found.values()) if (item := reference()) is not None)

    def __len__(self) -> int:
        return len(self._found)


closed = Identities()
"""The aggregators that have been closed, and neither used nor initialized since."""
