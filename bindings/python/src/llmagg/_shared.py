"""Objects that the core knows by a name in this process: budgets and caches."""

from __future__ import annotations

import contextlib
import itertools
import weakref
from typing import Any, ClassVar, TypeVar

from . import errors
from ._native import load
from ._wire import encode

S = TypeVar("S", bound="Shared")
_numbers = itertools.count(1)


class Shared:
    """A copy is the object itself, which its users share. A pickle makes a new one, since its name means nothing, or
    another object, in another process.
    """

    _kind: ClassVar[str]
    """What the object is: "budget" or "cache"."""
    _name: str
    _generation: int
    """The generation of the library that knows the object: a forked child has another."""

    def _new_name(self) -> None:
        self._name, self._generation = f"python-{next(_numbers)}", -1

    def _tell(self, limits: dict[str, Any]) -> None:
        """Gives the core the object, or its new limits. The core forgets the object when Python deletes it."""
        tell(self._kind, self._name, limits)
        if self._generation != load.generation:
            self._generation = load.generation
            weakref.finalize(self, _remove, self._kind, self._name, load.generation).atexit = False

    def __copy__(self: S) -> S:
        return self

    def __deepcopy__(self: S, _: Any) -> S:
        return self


def tell(kind: str, name: str, limits: dict[str, Any] | None) -> None:
    """Gives the core the limits of a named object; None means that the object is no longer needed."""
    data, text = encode(limits, f"the {kind}") if limits is not None else None, name.encode()
    load.call(f"llmagg_{kind}_set", text or None, len(text), data, len(data or b""))


def _remove(kind: str, name: str, generation: int) -> None:
    if generation == load.generation:
        with contextlib.suppress(errors.LLMError):
            tell(kind, name, None)
