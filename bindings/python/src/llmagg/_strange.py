"""Attributes that an application sets on an object of this package and that mean nothing there.

Applications may attach attributes of their own, so these are kept, with a warning where one is nearly a public
attribute of the object, a parameter of calls or a setting of models. Those of an application's subclass are its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from . import _late
from ._parameters import nearest
from .config import MODEL_KEYS
from .errors import InvalidArgumentError

T = TypeVar("T")


def place_of(name: str) -> str:
    """Where a parameter of calls or a setting of models belongs; "" for other names."""
    from .params import ChatParams

    if name in ChatParams.__annotations__:
        return f"it is a parameter of each call: chat(messages, {name}=…)"
    if name in MODEL_KEYS:
        return f"it is a setting of a model: initialize({{provider: {{'models': {{name: {{'{name}': …}}}}}}}})"
    return ""


def parameter(name: str) -> str:
    """Where a parameter belongs that an aggregator's constructor does not have; "" for other names."""
    if name in ("config", "configuration", "settings", "providers"):
        return "a configuration goes to initialize() or initialize_sync()"
    return place_of(name)


def attribute(owner: Any, name: str, value: Any, public: tuple[str, ...]) -> Any:
    """The value of an attribute that is set on an aggregator, as its constructor reads it. Warns of one that is none,
    if it is a parameter of calls, a setting of models or nearly one of the ``public`` attributes.
    """
    cls = type(owner)
    if name == "models" and isinstance(value, Iterator):
        return list(value)
    if name == "cache" and name in public and value is not None and is_ours(cls):
        from .cache import cache_of

        return None if value is False else cache_of(value)
    if name[:1] == "_" or name in public or hasattr(cls, name) or name in vars(owner) or not is_ours(cls):
        return value
    near = nearest(name, public)
    places = [place_of(name), f"did you mean {near!r}?" if near else ""]
    if meant := "; or ".join(filter(None, places)):
        _warn(owner, name, meant)
    return value


def meant(owner: Any, name: str, read: Callable[[Any], T]) -> T | None:
    """What an attribute of an aggregator means here. In an application's subclass an attribute of this name may be the
    application's own: then it is passed over, with a warning.
    """
    value = getattr(owner, name)
    if value is None:
        return None
    try:
        return read(value)
    except InvalidArgumentError as error:
        if is_ours(type(owner)):
            raise
        told: set[str] = vars(owner).setdefault("_llmagg_told", set())
        if f".{name}" not in told:
            told.add(f".{name}")
            _late.oldstyle.show(f"{type(owner).__name__}.{name} is passed over: {error.message}")
        return None


def keep(owner: Any, **given: Any) -> None:
    """Sets attributes, past a ``__setattr__`` of the application, but not past its properties. None is not set where
    a property cannot be.
    """
    for name, value in given.items():
        if value is not None or getattr(getattr(type(owner), name, None), "fset", True) is not None:
            object.__setattr__(owner, name, value)


def setting(owner: Any, name: str) -> None:
    """Warns of a setting of models that is set on a client, where only its configuration counts."""
    if name in MODEL_KEYS and name not in vars(owner) and is_ours(type(owner)):
        _warn(owner, name, f"it is a setting of the model: client.config.{name} = …")


def _warn(owner: Any, name: str, meant: str) -> None:
    _late.oldstyle.show(f"{type(owner).__name__} has no attribute {name!r}, so setting it has no effect; {meant}")


def is_ours(cls: type) -> bool:
    """Whether a class is one of this package."""
    return (cls.__module__ or "").partition(".")[0] == __package__
