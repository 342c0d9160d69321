"""Constructors and functions whose TypeError for a parameter that they do not have says which one was meant."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

P = ParamSpec("P")
S = TypeVar("S")
T = TypeVar("T")
C = TypeVar("C", bound=type)
Init = Callable[Concatenate[S, P], None]


def told(elsewhere: Callable[[str], str] | None = None) -> Callable[[Init[S, P]], Init[S, P]]:
    """Makes an ``__init__`` say what was meant. ``elsewhere`` says where a parameter of that name belongs, or ""."""

    def made(init: Init[S, P]) -> Init[S, P]:
        code: Any = init.__code__
        known = code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount]
        return _checked(init, init.__qualname__.partition(".")[0], known, elsewhere)

    return made


def told_function(others: Mapping[str, str] | None = None) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Makes a function or class method say which parameter was meant; ``others`` are other libraries' names."""

    def made(function: Callable[P, T]) -> Callable[P, T]:
        code: Any = function.__code__
        names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        known = [name for name in names if name != "cls"]

        def elsewhere(name: str) -> str:
            return f"did you mean {others[name]!r}?" if others and name in others else ""

        return _checked(function, function.__name__, known, elsewhere)

    return made


def _checked(
    function: Callable[P, T], called: str, known: Sequence[str], elsewhere: Callable[[str], str] | None
) -> Callable[P, T]:
    @wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        except TypeError as error:
            what = _meant(error, called, known, kwargs, elsewhere)
            if what is None:
                raise
            raise what from None

    return checked


def _meant(
    error: TypeError, function: str, known: Sequence[str], given: Mapping[str, Any],
    elsewhere: Callable[[str], str] | None,
) -> TypeError | None:  # fmt: skip
    """What is said of a parameter that a function does not have; None if the error is one of what it calls."""
    name = next((name for name in given if name not in known), None)
    inside = error.__traceback__.tb_next if error.__traceback__ is not None else None
    if name is None or inside is not None:
        return None
    found = nearest(name, known)
    meant = f"did you mean {found!r}?" if found else elsewhere(name) if elsewhere is not None else ""
    return TypeError(f"{function}() has no parameter {name!r}; {meant or 'its parameters are ' + ', '.join(known)}")


def told_of(cls: C) -> C:
    """Makes the constructor of a dataclass say what was meant."""
    cls.__init__ = told()(cls.__init__)  # type: ignore[misc]
    return cls


def nearest(name: str, known: Iterable[str], alike: float = 0.8) -> str:
    """The known name that a name was probably meant to be, if the two are so much ``alike``, of 1; "" without any."""
    from difflib import get_close_matches  # slow to import

    return next(iter(get_close_matches(name.lower(), list(known), 1, alike)), "")
