"""Attributes that an application sets on an object of this package and that mean nothing there.

Applications may attach attributes of their own, so an attribute is only refused where it is nearly one of the object's,
and only warned about where it is a parameter of calls or a setting of models.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import Any

from . import oldstyle
from ._parameters import nearest
from .config import MODEL_KEYS
from .errors import InvalidArgumentError


def place_of(name: str) -> str:
    """Where a parameter of calls or a setting of models belongs; "" for other names."""
    from .params import ChatParams

    if name in ChatParams.__annotations__:
        return f"it is a parameter of each call: chat(messages, {name}=…)"
    if name in MODEL_KEYS:
        return f"it is a setting of a model: initialize({{provider: {{'models': {{name: {{'{name}': …}}}}}}}})"
    return ""


def attribute(owner: Any, name: str, own: Iterable[str]) -> None:
    """Judges an attribute that is set on an aggregator and that its class does not have. Raises InvalidArgumentError if
    it is nearly one of its ``own``. Says nothing of an attribute that a subclass of the application uses.
    """
    cls = type(owner)
    if name[:1] == "_" or name in vars(owner) or is_used(cls, name):
        return
    near = nearest(name, own)
    if place := place_of(name):
        _warn(cls, name, f"{place}; or did you mean {near!r}?" if near else place)
    elif near:
        raise InvalidArgumentError(f"{cls.__name__} has no attribute {name!r}; did you mean {near!r}?")


def setting(owner: Any, name: str) -> None:
    """Warns of a setting of models that is set on a client, where only its configuration counts."""
    if name in MODEL_KEYS and name not in vars(owner) and not is_used(type(owner), name):
        _warn(type(owner), name, f"it is a setting of the model: client.config.{name} = …")


def _warn(cls: type, name: str, place: str) -> None:
    oldstyle.show(f"{cls.__name__} has no attribute {name!r}, so setting it has no effect; {place}")


def is_used(cls: type, name: str) -> bool:
    """Whether the application's code in a class or its bases has a name."""
    classes = [known for known in cls.__mro__ if not (known.__module__ or "").startswith("llmagg")]
    if any(name in vars(known).get("__annotations__", ()) for known in classes):
        return True
    return any(_mentions(value, name) for known in classes for value in vars(known).values())


def _mentions(value: Any, name: str) -> bool:
    value = getattr(value, "fget", None) or getattr(value, "__func__", value)
    pending = [code] if (code := getattr(inspect.unwrap(value), "__code__", None)) else []
    while pending:
        code = pending.pop()
        if name in code.co_names or name in code.co_consts:
            return True
        pending += [inner for inner in code.co_consts if inspect.iscode(inner)]
    return False
