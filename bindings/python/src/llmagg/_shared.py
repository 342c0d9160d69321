"""Objects that the core knows by a name in this process: budgets and caches."""

from __future__ import annotations

from typing import Any, TypeVar

S = TypeVar("S", bound="Shared")


class Shared:
    """A copy is the object itself, which its users share. A pickle makes a new one, since its name means nothing, or
    another object, in another process.
    """

    def __copy__(self: S) -> S:
        return self

    def __deepcopy__(self: S, _: Any) -> S:
        return self
