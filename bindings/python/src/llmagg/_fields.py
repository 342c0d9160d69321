"""The fields of the data types: those that are made when they are first read, those that the original has not, and
their ``repr``.
"""

from __future__ import annotations

import dataclasses
import reprlib
from collections.abc import Callable, Set
from typing import Any, TypeVar

T = TypeVar("T")


def spread(data: dict[str, Any], names: Set[str]) -> dict[str, Any]:
    """What ``vars`` or ``dataclasses.asdict`` made of an object in the shape of the wire: the fields of its ``extra``
    stand beside the others. It has all ``names``, or its ``extra`` is empty. Any other dict is returned itself, since
    its "extra" is a server's own field.
    """
    extra = data.get("extra")
    if isinstance(extra, dict) and (not extra or names <= data.keys()):
        return {**{key: value for key, value in data.items() if key != "extra"}, **extra}
    return data


class Record:
    """The comparison and the ``repr`` of the dataclasses that ``import llmagg`` makes, which say ``repr=False`` and
    ``eq=False``: ``dataclass`` compiles both anew for each class, 3 ms of the 37 of the import.
    """

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return _compared(self) == _compared(other)

    @reprlib.recursive_repr("...")
    def __repr__(self) -> str:
        shown = (f"{each.name}={getattr(self, each.name)!r}" for each in dataclasses.fields(self) if each.repr)  # type: ignore[arg-type]
        return f"{type(self).__qualname__}({', '.join(shown)})"


def _compared(made: Any) -> list[Any]:
    return [getattr(made, each.name) for each in dataclasses.fields(made) if each.compare]


class Later:
    """An attribute that is made when it is first read, unless it was set before."""

    def __init__(self, name: str, make: Callable[[Any], Any]) -> None:
        self._name = name
        self._make = make

    def __get__(self, instance: Any, _: Any = None) -> Any:
        if instance is None:  # the class has no such attribute, as with a plain field
            raise AttributeError(self._name)
        value = instance.__dict__[self._name] = self._make(instance)
        return value


def whole(made: Any) -> None:
    """Gives an object an attribute for each field, by which ``spread`` knows its ``vars``: fields that no server sent
    are attributes of the class alone.
    """
    for each in dataclasses.fields(made):
        setattr(made, each.name, getattr(made, each.name))


def later(cls: type[T]) -> type[T]:
    """Makes the empty containers of a dataclass's instances when they are first read, which is rare for chunks of a
    stream. So an instance may have fewer attributes than fields: one that was pickled by the original package.
    """
    for each in dataclasses.fields(cls):  # type: ignore[arg-type]
        if callable(factory := each.default_factory):
            setattr(cls, each.name, Later(each.name, lambda _, make=factory: make()))  # type: ignore[misc]
    return cls


def grown(original: int, *, needed: bool = False) -> Callable[[type[T]], type[T]]:
    """Says how many fields a dataclass has in the original package, and whether they are all ``needed`` there. A
    dataclass that an application derives from it takes the others by keyword only, so that its own fields stand where
    they stood; where the original's fields have no defaults, its own need none. Until then these fields keep their
    defaults for what reads the fields, such as pydantic.
    """

    def marked(cls: type[T]) -> type[T]:
        fields = dataclasses.fields(cls)  # type: ignore[arg-type]
        for each in fields[original:]:
            each.kw_only = True

        def derived(own: type[T], /, **arguments: Any) -> None:
            super(cls, own).__init_subclass__(**arguments)  # type: ignore[misc]
            for each in fields[:original]:  # the constructor of the class itself is made already
                each.default = each.default_factory = dataclasses.MISSING

        if needed:
            cls.__init_subclass__ = classmethod(derived)  # type: ignore[assignment]
        return cls

    return marked


def brief(value: Any) -> str:
    """The ``repr`` of a dataclass without the fields that are empty."""
    shown = ((name, getattr(value, name)) for name in value.__dataclass_fields__)
    kept = (f"{name}={item!r}" for name, item in shown if item or (item is not None and not isinstance(item, _EMPTY)))
    return f"{type(value).__name__}({', '.join(kept)})"


_EMPTY = (str, list, dict, bool)
