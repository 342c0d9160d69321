"""The parameters of calls that the core knows."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from ._native import route


class Names(NamedTuple):
    """What the core's tables call the parameters of calls."""

    plain: frozenset[str]
    """Request fields that need no change."""
    options: frozenset[str]
    internal: frozenset[str]
    """Options of the C interface only."""
    fields: frozenset[str]
    """All request fields."""


@cache
def names() -> Names:
    """The names, from the core."""
    _, options, internal, fields = route.known()
    options = options - internal | {"extra_headers"}
    return Names(fields - options - {"functions", "messages", "model", "stream"}, options, internal, fields)


def is_known(name: str) -> bool:
    """Whether a parameter of calls has this name."""
    found = names()
    return name in found.fields or name in found.options
