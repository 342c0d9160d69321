"""Attributes that an object or a module does not have, and items of what is no dict: the error says what was meant.

Only ``__getattr__`` and ``__getitem__`` are used, which Python asks where nothing was found: type checkers do not see
them. ``extra`` is the advice where a package is not installed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from ._parameters import nearest

C = TypeVar("C", bound=type)

OF_EVENT: dict[str, str] = {
    **dict.fromkeys(("choices", "usage", "id", "model"), "the chunk has it: event.chunk"),
    **dict.fromkeys(("content", "delta", "message", "data"), "the chunk's text is 'text'"),
}
OF_RESTART: dict[str, str] = {
    "text": "it has none; the text before it is to be discarded",
    **dict.fromkeys(("route", "model"), "the route that begins again is 'to_route'"),
}
OF_DONE: dict[str, str] = {
    **dict.fromkeys(("text", "content", "message"), "the text of the whole answer is 'response.text'"),
    **dict.fromkeys(("choices", "usage", "route", "attempts", "cost"), "the whole answer has it: event.response"),
}


def extra(name: str) -> str:
    """How what an extra of the package needs is installed."""
    return f"pip install 'llmagg[{name}]' (in a checkout: pip install './bindings/python[{name}]')"


def error(what: str, name: str, known: list[str], meant: str | Mapping[str, str]) -> AttributeError:
    """The error for an attribute that ``what`` does not have. ``meant`` may be the name of a table."""
    if name[:1] == "_":  # Python, pytest and notebooks ask for many of these
        return AttributeError(f"{what} has no attribute {name!r}")
    if hint := _hint(name, known, meant):
        hint = f"; {hint}"
    return AttributeError(f"{what} has no attribute {name!r}{hint}")


def _hint(name: str, known: list[str], meant: str | Mapping[str, str]) -> str:
    if isinstance(meant, str):
        from . import _elsewhere

        meant = _elsewhere.TABLES[meant]
    hint = meant.get(name, "")
    if not hint and name in _OF_DICTS and "to_dict" in known:
        return "it is no dict; to_dict() makes one"
    if not hint:
        names = {other.lower(): other for other in known if other[:1] != "_"}
        found = nearest(name, names, 0.75)
        hint = f"did you mean {names[found]!r}?" if found else ""
    return hint


_OF_DICTS = ("get", "keys", "items", "values")


def no_dict(cls: C, meant: str | Mapping[str, str] = "") -> C:
    """Makes a class say how an attribute is read that was asked for as the item of a dict, as other libraries' answers
    are: ``response["choices"]``. A base behind it that has items, of an application's class, keeps them.
    """

    def item(self: Any, key: Any) -> Any:
        if own := getattr(super(cls, self), "__getitem__", None):
            return own(key)
        what = f"{type(self).__name__!r} object"
        if not isinstance(key, str):
            raise TypeError(f"{what} is not subscriptable or iterable")
        known = dir(self)
        hint = f"write .{key}" if key in known else _hint(key, known, meant)
        raise TypeError(f"{what} is not subscriptable" + (f"; {hint}" if hint else ""))

    cls.__getitem__ = item  # type: ignore[index]
    return cls


def told(meant: str | Mapping[str, str] = "") -> Callable[[C], C]:
    """Makes a class say which attribute was meant: its nearest one, or what ``meant``, a table of
    :mod:`llmagg._elsewhere` or one of its own, says of another library's.
    """

    def made(cls: C) -> C:
        def absent(self: Any, name: str) -> Any:
            if hasattr(type(self), name):  # a property raised the error: raise that one
                return object.__getattribute__(self, name)
            raise error(f"{type(self).__name__!r} object", name, dir(self), meant)

        cls.__getattr__ = absent  # type: ignore[attr-defined]
        return cls if hasattr(cls, "__getitem__") else no_dict(cls, meant)

    return made


class _Elsewhere:
    """An attribute that a class does not have. Unlike ``__getattr__`` it costs other attributes nothing."""

    def __init__(self, name: str, hint: str) -> None:
        self.name, self.hint = name, hint

    def __get__(self, instance: Any, owner: type) -> Any:
        what = f"{owner.__name__!r} object" if instance is not None else f"type object {owner.__name__!r}"
        raise AttributeError(f"{what} has no attribute {self.name!r}; {self.hint}")


def told_few(meant: Mapping[str, str]) -> Callable[[C], C]:
    """Makes a class say what is meant by the names of ``meant`` alone: for the objects of a stream, which are many."""

    def made(cls: C) -> C:
        for name, hint in meant.items():
            setattr(cls, name, _Elsewhere(name, hint))

        def listed(self: Any) -> list[str]:
            return sorted(set(object.__dir__(self)) - set(meant))

        cls.__dir__ = listed  # type: ignore[method-assign,assignment]
        return no_dict(cls, meant)

    return made
