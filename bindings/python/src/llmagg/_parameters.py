"""Constructors whose TypeError for a parameter that they do not have says which parameter was meant."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from .errors import InvalidArgumentError

P = ParamSpec("P")
S = TypeVar("S")
C = TypeVar("C", bound=type)
Init = Callable[Concatenate[S, P], None]


def told(elsewhere: Callable[[str], str] | None = None) -> Callable[[Init[S, P]], Init[S, P]]:
    """Makes an ``__init__`` say what was meant. ``elsewhere`` says where a parameter of that name belongs, or ""."""

    def made(init: Init[S, P]) -> Init[S, P]:
        code: Any = init.__code__
        known = code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount]
        names = frozenset(known)

        @wraps(init)
        def checked(self: S, /, *args: P.args, **kwargs: P.kwargs) -> None:
            try:
                init(self, *args, **kwargs)
            except TypeError as error:
                name = next((name for name in kwargs if name not in names), None)
                if name is None or error.__traceback__ is None or error.__traceback__.tb_next is not None:
                    raise  # of what init calls
                found = nearest(name, known)
                meant = f"did you mean {found!r}?" if found else elsewhere(name) if elsewhere is not None else ""
                meant = meant or f"its parameters are {', '.join(known)}"
                what = f"{init.__qualname__.partition('.')[0]}() has no parameter {name!r}; {meant}"
                raise TypeError(what) from None

        return checked

    return made


def told_of(cls: C) -> C:
    """Makes the constructor of a dataclass say what was meant."""
    cls.__init__ = told()(cls.__init__)  # type: ignore[misc]
    return cls


def refuse_alias(name: str) -> None:
    """Refuses a name that is nearly Python's own name of an option, which the core does not know."""
    if nearest(name, ["extra_headers"]):
        raise InvalidArgumentError(f'unknown call option "{name}"; did you mean "extra_headers"?')


def nearest(name: str, known: Iterable[str]) -> str:
    """The known name that a name was probably meant to be; "" without any."""
    from difflib import get_close_matches  # slow to import

    return next(iter(get_close_matches(name.lower(), list(known), 1, 0.8)), "")
