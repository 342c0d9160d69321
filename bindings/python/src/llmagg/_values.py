"""Values as Python has them, as values that JSON has. Imported when msgspec meets a type that it does not write.

What stands for what: subclasses of str, int, float, list and dict, and Enum members, are written as their value;
numbers of numpy and other libraries, Decimal and Fraction as numbers; numpy's arrays and every sequence as arrays;
every Mapping as an object; pydantic models and dataclasses as objects without the fields that are None; UUID and
datetime as texts (RFC 4122, RFC 3339); bytes inside a content part as base64 text.
"""

from __future__ import annotations

import dataclasses
import inspect
import math
from collections import UserString
from collections.abc import Mapping, Sequence, Set, ValuesView
from decimal import Decimal
from enum import Enum
from numbers import Integral, Real
from typing import Any

from msgspec import json

_URLS = ("pydantic", "pydantic_core")


def plain(value: Any) -> Any:
    """The same value in a type that msgspec writes; TypeError where JSON has no such value.

    msgspec asks for keys of objects too. None and bools come here as keys only; they are spelled as json.dumps does it.
    """
    kind = type(value)
    if value is None:
        return "null"
    if kind is bool:
        return "true" if value else "false"
    if kind in (tuple, list, dict, set, frozenset):  # msgspec asks for these as keys only
        raise TypeError(refusal(value))
    if isinstance(value, str):
        return str.__str__(value)  # str(value) may be overridden
    if isinstance(value, int):
        return int.__int__(value)
    if isinstance(value, float):
        return float.__float__(value)
    if isinstance(value, Mapping):
        return dict(value)
    if not isinstance(value, type):
        if hasattr(kind, "model_dump"):  # pydantic 2; mode "json" would write Decimals as texts
            return value.model_dump(by_alias=True, exclude_none=True)
        if hasattr(kind, "__fields_set__"):  # pydantic 1
            return value.dict(by_alias=True, exclude_none=True)
        if hasattr(kind, "tolist") and hasattr(kind, "dtype"):  # numpy and its kin: scalars and arrays
            return value.tolist()
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return float(value)
    if isinstance(value, UserString):
        return str(value)
    if isinstance(value, (Sequence, Set, ValuesView)):
        return list(value)
    if kind.__module__.split(".")[0] in _URLS and "Url" in kind.__name__:
        return str(value)
    raise TypeError(refusal(value))


def without_none(value: Any) -> Any:
    """``value`` with dataclasses as dicts without the fields that are None, since these are unset. What holds no
    dataclass is given back itself.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = ((f.name, getattr(value, f.name)) for f in dataclasses.fields(value))
        return {name: without_none(item) for name, item in fields if item is not None}
    if isinstance(value, dict):
        made = {key: without_none(item) for key, item in value.items()}
        return made if any(made[key] is not value[key] for key in value) else value
    if isinstance(value, (list, tuple)):
        listed = [without_none(item) for item in value]
        return listed if any(new is not old for new, old in zip(listed, value)) else value
    return value


def refusal(value: Any) -> str:
    """Why JSON cannot carry a value, to stand behind its place."""
    if isinstance(value, type):
        return f"is the class {value.__name__}; expected a value, such as a dict"
    if inspect.isawaitable(value):
        return f"is a {type(value).__name__} that was not awaited; put 'await' before the call that made it"
    if hasattr(value, "get_secret_value"):
        return f"is a {type(value).__name__}; pass its get_secret_value() if it is to be sent"
    return f"has the type {type(value).__name__}, which JSON cannot carry"


def blame(root: Any) -> str:
    """Finds what JSON cannot carry, as 'temperature is nan'; without recursion, since depth may be the trouble."""
    stack: list[tuple[str, Any]] = [("", root)]
    seen: dict[int, Any] = {}  # keeps what is made here alive, so that its id does not come back
    while stack:
        place, value = stack.pop()
        if value is None or isinstance(value, int):
            continue
        if isinstance(value, (float, Decimal)):
            if not math.isfinite(value):
                return f"{place or 'the value'} is {str(value).lower()}; expected a finite number"
        elif isinstance(value, Enum):
            stack.append((place, value.value))
        elif isinstance(value, str):
            try:
                value.encode()
            except UnicodeEncodeError as error:
                code = ord(value[error.start])
                return f"{place or 'the text'} holds a lone surrogate (U+{code:04X}) at character {error.start}"
        elif id(value) in seen:
            continue
        else:
            seen[id(value)] = value
            try:
                stack.extend(reversed(_inside(place, value)))
            except TypeError as error:
                return str(error)
    return ""


def _inside(place: str, value: Any) -> list[tuple[str, Any]]:
    """The values inside one, each with its place; TypeError, which says the place, where JSON cannot carry it."""
    if isinstance(value, dict):
        inside: list[tuple[str, Any]] = []
        for key, item in value.items():
            if not isinstance(key, str) and not _writable({key: None}):
                raise TypeError(f"{place or 'an object'} has a key of type {type(key).__name__}; expected str")
            inside += (place, key), (f"{place}.{key}" if place else str(key), item)
        return inside
    if isinstance(value, (list, tuple)):
        return [(f"{place}[{i}]", item) for i, item in enumerate(value)]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return [(f"{place}.{f.name}", getattr(value, f.name)) for f in dataclasses.fields(value)]
    try:
        return [(place, plain(value))]
    except (TypeError, ValueError) as error:
        if _writable(value):  # msgspec itself knows it: UUID, datetime, bytes
            return []
        reason = str(error) if type(error) is TypeError else refusal(value)
        raise TypeError(f"{place or 'the value'} {reason}") from None


_encode = json.Encoder(enc_hook=plain).encode


def _writable(value: Any) -> bool:
    try:
        _encode(value)
    except Exception:
        return False
    return True
