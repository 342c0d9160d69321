"""Blocking twins of coroutine methods, for code without an event loop."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

S = TypeVar("S")
P = ParamSpec("P")
T = TypeVar("T")


def twin(method: Callable[Concatenate[S, P], Coroutine[Any, Any, T]]) -> Callable[Concatenate[S, P], T]:
    """A method that runs the coroutine method (a subclass's override, if there is one) and blocks until its end."""
    name = method.__name__

    @wraps(method)
    def run(self: S, /, *args: P.args, **kwargs: P.kwargs) -> T:
        from ._native import blocking

        coroutine: Coroutine[Any, Any, T] = getattr(self, name)(*args, **kwargs)
        return blocking.run(coroutine)

    run.__name__, run.__qualname__ = f"{name}_sync", f"{method.__qualname__}_sync"
    run.__doc__ = f"``{name}`` for code without an event loop; it blocks, and Ctrl-C ends it."
    return run
