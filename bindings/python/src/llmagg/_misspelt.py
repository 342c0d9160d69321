"""Parameters that a function has beside those of a call: which of them a wrong name was meant to be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from . import plan
from .errors import InvalidArgumentError


def refuse(
    function: str, own: Iterable[str] | None, params: Mapping[str, object], others: Mapping[str, str] | None = None
) -> None:
    """Refuses a name that is nearly one of the function's own (its ``__kwdefaults__``, or names), or what ``others``
    say that other libraries call it. Raises InvalidArgumentError. The core refuses what no call knows.
    """
    for key in params:
        if plan.is_known(key):
            continue
        from difflib import get_close_matches  # slow to import

        if near := (others or {}).get(key) or next(iter(get_close_matches(key, list(own or ()), 1, 0.8)), None):
            raise InvalidArgumentError(f'{function}() has no parameter {key!r}; did you mean "{near}"?')
