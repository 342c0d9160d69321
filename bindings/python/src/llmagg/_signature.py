"""Functions of the application, looked at before anything is paid for."""

from __future__ import annotations

import inspect
from typing import Any

from .errors import InvalidArgumentError


def refuse_other(function: Any, what: str, *arguments: str) -> None:
    """Raises InvalidArgumentError if a function cannot be called with ``arguments``, or has to be awaited."""
    if inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(function.__call__):
        raise InvalidArgumentError(f"{what} is a coroutine function; expected a plain one")
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # some of C's functions have none
        return
    try:
        signature.bind(*arguments)
    except TypeError as error:
        given = " and ".join(arguments)
        raise InvalidArgumentError(f"{what} is a function that cannot be called with {given}: {error}") from None
