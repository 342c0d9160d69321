"""JSON in and out, and the traps of msgspec that the types must not fall into.

msgspec writes NaN and infinities as null, raises UnicodeEncodeError on lone surrogates and RecursionError on deep
nesting; each becomes an :class:`InvalidArgumentError` that names the field.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

from .errors import BadResponseError, InvalidArgumentError

T = TypeVar("T")


@cache
def _codec() -> tuple[Callable[[Any], bytes], Callable[[Any], Any]]:
    from msgspec import json  # half of the time of 'import llmagg', if it stood above

    return json.Encoder().encode, json.Decoder().decode


def encode(value: Any, what: str = "the request") -> bytes:
    """Writes JSON; what JSON cannot carry is an InvalidArgumentError that names its place in ``what``."""
    try:
        data = _codec()[0](value)
    except RecursionError:
        raise InvalidArgumentError(f"{what} is nested too deeply or contains itself") from None
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidArgumentError(f"{what} cannot be written as JSON: {_blame(value) or error}") from None
    if b"null" in data and (place := _blame(value)):
        raise InvalidArgumentError(f"{what} cannot be written as JSON: {place}")
    return data


def decode(data: bytes | bytearray | memoryview, what: str = "the answer") -> Any:
    """Reads JSON that came from the core or a server."""
    try:
        return _codec()[1](data)
    except (ValueError, RecursionError) as error:
        raise BadResponseError(f"{what} cannot be read: {error}") from None


def _blame(root: Any) -> str:
    """Finds what JSON cannot carry, as 'temperature is nan'; without recursion, since depth may be the trouble."""
    stack: list[tuple[str, Any]] = [("", root)]
    seen: set[int] = set()
    while stack:
        place, value = stack.pop()
        if isinstance(value, (dict, list, tuple)):
            if id(value) in seen:
                continue
            seen.add(id(value))
        if isinstance(value, float):
            if not math.isfinite(value):
                return f"{place or 'the value'} is {value}; expected a finite number"
        elif isinstance(value, str):
            try:
                value.encode()
            except UnicodeEncodeError as error:
                code = ord(value[error.start])
                return f"{place or 'the text'} holds a lone surrogate (U+{code:04X}) at character {error.start}"
        elif isinstance(value, dict):
            for key, item in reversed(value.items()):
                if not isinstance(key, (str, int, float)):
                    return f"{place or 'an object'} has a key of type {type(key).__name__}; expected str"
                stack.append((f"{place}.{key}" if place else str(key), item))
                stack.append((place, key))
        elif isinstance(value, (list, tuple)):
            stack.extend((f"{place}[{i}]", value[i]) for i in range(len(value) - 1, -1, -1))
        else:
            try:
                _codec()[0](value)
            except Exception:
                return f"{place or 'the value'} has the type {type(value).__name__}, which JSON cannot carry"
    return ""


def build(cls: type[T], data: dict[str, Any], template: dict[str, Any]) -> T:
    """Makes a dataclass instance from a JSON object: missing fields from ``template``, unknown ones into ``extra``.

    Runs once for each object of each chunk: it fills ``__dict__`` at once instead of calling ``__init__``.
    """
    values = template.copy()
    if data.keys() <= template.keys():
        values.update(data)
        values["extra"] = {}
    else:
        extra: dict[str, Any] = {}
        values["extra"] = extra
        for key, value in data.items():
            (values if key in template else extra)[key] = value
    made = object.__new__(cls)
    made.__dict__ = values
    return made


def expect_list(data: Any, what: str) -> list[Any]:
    """Refuses what is no JSON array; None is an empty one."""
    if data is not None and not isinstance(data, (list, tuple)):
        raise BadResponseError(f"{what} is {type(data).__name__}; expected an array")
    return list(data or ())


def expect_object(data: Any, what: str) -> dict[str, Any]:
    """Refuses what is no JSON object."""
    if not isinstance(data, dict):
        raise BadResponseError(f"{what} is {type(data).__name__}; expected an object")
    return data
