"""Converts Python values to JSON values. Imported when msgspec meets a type that it cannot write.

Subclasses of str, int, float, list and dict, and members of Enums, are written as their value; numbers of numpy and
other libraries, Decimal and Fraction as numbers; numpy's arrays and all sequences as arrays; all Mappings as objects;
pydantic models, dataclasses, Structs and classes of attrs as objects without the fields that are None; UUID and times
as texts (RFC 4122, RFC 3339, ISO 8601), also those of numpy and pandas; bytes inside a content part as base64 text.
"""

from __future__ import annotations

import dataclasses
import inspect
import math
import operator
import os
from collections import UserString
from collections.abc import Iterator, Mapping, Sequence, Set, ValuesView
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from io import IOBase
from numbers import Integral, Rational, Real
from typing import Any
from uuid import UUID

from msgspec import UNSET, Struct, json

from . import _again
from ._foreign import dumped

_URLS = ("pydantic", "pydantic_core")


def plain(value: Any) -> Any:
    """The same value in a type that msgspec writes. Raises TypeError if JSON has no such value.

    msgspec calls this for keys of objects too. None and bools come only as keys and are spelled as in json.dumps.
    """
    kind = type(value)
    if value is None:
        return "null"
    if kind is bool:
        return "true" if value else "false"
    if kind in (tuple, list, dict, set, frozenset):  # these come only as keys
        raise TypeError(refusal(value))
    if isinstance(value, str):
        return str.__str__(value) if issubclass(kind, str) else str(value)  # str(value) may be overridden
    if isinstance(value, int):
        return int.__int__(value) if issubclass(kind, int) else _proxied(value, int)
    if isinstance(value, float):
        return float.__float__(value) if issubclass(kind, float) else float(value)
    if isinstance(value, Mapping):
        return dict(value)
    if not isinstance(value, type):
        if hasattr(kind, "model_dump"):  # of pydantic 2 or as there
            return dumped(value)
        if hasattr(kind, "__fields_set__"):  # pydantic 1
            return value.dict(by_alias=True, exclude_none=True)
        if hasattr(kind, "tolist") and hasattr(kind, "dtype"):  # numpy and its kin: scalars and arrays
            return _of_array(value)
        if kind not in _STANDARD and isinstance(value, _STANDARD):
            return _standard(value)
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Rational) and value.denominator == 1:  # a whole Fraction
        return int(value.numerator)
    if isinstance(value, Real):
        return float(value)
    if is_text(value):
        return str(value)
    if isinstance(value, (Sequence, Set, ValuesView)):
        return list(value)
    if kind.__module__.split(".")[0] in _URLS and "Url" in kind.__name__:
        return str(value)
    raise TypeError(refusal(value))


def _of_array(value: Any) -> Any:
    """The values of an array or of a scalar of numpy's or its kin. Raises TypeError for times that it cannot tell."""
    if getattr(value.dtype, "kind", "") in ("M", "m"):
        return _of_times(value)
    listed = value.tolist()
    return listed if type(listed) is not type(value) else float(listed)  # a longdouble remains one


def _of_times(value: Any) -> Any:
    if operator.ne(value, value).any():
        raise TypeError("holds NaT, which is no time; expected a time, or None")
    listed = value.tolist()
    if not _holds_int(listed):  # pandas lists times of its own, also where its dtypes say less than numpy's
        return listed
    kind, unit = value.dtype.kind, value.dtype.str[3:]  # of "<m8[3M]"
    base = unit.strip("[]0123456789")
    if kind == "m" and base in ("", "Y", "M"):
        raise TypeError(f"is a timedelta64{unit}, whose length is not known; expected a unit of fixed length")
    if base in ("ns", "ps", "fs", "as"):  # finer than a microsecond
        listed = value.astype(f"{kind}8[us]").tolist()
    if _holds_int(listed):
        wide = "999999999 days" if kind == "m" else "the years 1 to 9999"
        raise TypeError(f"holds a time beyond {wide}, which cannot be written")
    return listed


def seconds(value: Any) -> Any:
    """A duration as its seconds, of the standard library, pandas or numpy; other values themselves."""
    if hasattr(type(value), "dtype") and getattr(value.dtype, "kind", "") == "m":
        try:
            value = _of_times(value)
        except TypeError:
            return value  # where it is written it is refused, with its place
    return value.total_seconds() if hasattr(type(value), "total_seconds") else value


def number(value: Any) -> Any:
    """A number of any type as an int or a float; other values themselves."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, Real) or (hasattr(type(value), "dtype") and getattr(value, "ndim", 1) == 0):
        return plain(value) if type(value) not in (int, float, bool) else value
    return value


def _holds_int(listed: Any) -> bool:
    """Whether what ``tolist()`` gave holds bare numbers."""
    pending = [listed]
    while pending:
        item = pending.pop()
        if isinstance(item, list):
            pending += item
        elif isinstance(item, int):
            return True
    return False


_STANDARD = (datetime, date, time, timedelta, UUID)
"""Types that msgspec writes, but not their subclasses, as those of pandas, pendulum and freezegun."""


def _standard(value: Any) -> Any:
    """The same time or UUID in the type of the standard library. Raises TypeError for a time that is none (NaT)."""
    if not operator.eq(value, value):
        raise TypeError(refusal(value))
    if isinstance(value, datetime):
        day = (value.year, value.month, value.day, value.hour, value.minute, value.second, value.microsecond)
        return datetime(*day, tzinfo=value.tzinfo, fold=value.fold)
    if isinstance(value, date):
        return date(value.year, value.month, value.day)
    if isinstance(value, time):
        return time(value.hour, value.minute, value.second, value.microsecond, value.tzinfo, fold=value.fold)
    if isinstance(value, timedelta):
        return timedelta(value.days, value.seconds, value.microseconds)
    return UUID(int=value.int)


def _proxied(value: Any, kind: type) -> Any:
    """The number or bool for which a proxy stands: its ``__class__`` says so, and its type does not."""
    return bool(value) if isinstance(value, bool) else kind(value)


_LAZY_NAMES = frozenset(("LazyString", "LazyProxy", "_LazyString"))


def is_text(value: Any) -> bool:
    """Whether an object stands for a text: a UserString, a proxy of a str, or a text that is translated when it is
    read, as of Django, Babel and Flask.
    """
    if isinstance(value, (str, UserString)):
        return True
    names = [base.__name__ for base in type(value).__mro__]
    if "Promise" in names:  # of Django; it has the methods of what it gives
        return hasattr(type(value), "casefold")
    return not _LAZY_NAMES.isdisjoint(names)


def without_none(value: Any) -> Any:
    """``value`` with each object of :func:`fields_of` as a dict, without the fields that are None, which are unset.
    Returns ``value`` itself if it holds none.
    """
    if (fields := fields_of(value)) is not None:
        return {name: without_none(item) for name, item in fields if item is not None}
    if isinstance(value, dict):
        made = {key: without_none(item) for key, item in value.items()}
        return made if any(made[key] is not value[key] for key in value) else value
    if isinstance(value, (list, tuple)):
        listed = [without_none(item) for item in value]
        return listed if any(new is not old for new, old in zip(listed, value)) else value
    return value


def as_dict(value: Any) -> dict[str, Any]:
    """The dict that is written for a dataclass, a Struct, a class of attrs or a model of pydantic."""
    fields = fields_of(value)
    made: dict[str, Any]
    made = plain(value) if fields is None else {name: item for name, item in fields if item is not None}
    return made


def fields_of(value: Any) -> list[tuple[str, Any]] | None:
    """The names in JSON and the values of the fields of a dataclass, a Struct of msgspec or a class of attrs, as
    msgspec writes them; None for all else.
    """
    kind = type(value)
    if dataclasses.is_dataclass(kind):
        names = [field.name for field in dataclasses.fields(value)]
    elif isinstance(value, Struct):
        return None if value.__struct_config__.array_like else _fields_of_struct(value)
    elif hasattr(kind, "__attrs_attrs__"):
        slots = [name for base in kind.__mro__ for name, it in vars(base).items() if inspect.ismemberdescriptor(it)]
        names = [name for name in (*getattr(value, "__dict__", ()), *slots) if name[0] != "_"]
    else:
        return None
    return [(name, item) for name in names if (item := getattr(value, name, UNSET)) is not UNSET]


def _fields_of_struct(value: Struct) -> list[tuple[str, Any]]:
    config = value.__struct_config__
    written = [(config.tag_field, config.tag)] if config.tag_field is not None else []
    fields = value.__struct_fields__
    defaults = value.__struct_defaults__ if config.omit_defaults else ()
    usual = [UNSET] * (len(fields) - len(defaults)) + list(defaults)
    for name, field, default in zip(value.__struct_encode_fields__, fields, usual):
        item = getattr(value, field)
        # As msgspec looks at it: the same object, or an empty container that its type makes.
        made = getattr(default, "factory", None) in (list, dict, set) and type(item) is default.factory and not item
        if item is not UNSET and item is not default and not made:
            written.append((name, item))
    return written


def refusal(value: Any) -> str:
    """The reason why JSON cannot hold a value, to follow the value's place in a message."""
    if isinstance(value, type):
        return f"is the class {value.__name__}; expected a value, such as a dict (parse() takes a class for the answer)"
    if inspect.isawaitable(value):
        return f"is a {type(value).__name__} that was not awaited; put 'await' before the call that made it"
    if hasattr(type(value), "get_secret_value"):
        return f"is a {type(value).__name__}; pass its get_secret_value() if it is to be sent"
    if inspect.isroutine(value):
        return (
            f"is the function {getattr(value, '__name__', '')}; expected a value (run_tools() takes functions as tools)"
        )
    if isinstance(value, os.PathLike):
        advice = "pass str() of it, or what the file holds"
    elif isinstance(value, IOBase):
        advice = "pass what its read() gives"
    elif isinstance(value, Iterator):
        advice = "pass list() of it"
    else:
        advice = "expected a str, a number, a bool, None, a list or a dict"
    return f"has the type {type(value).__name__}, which JSON cannot represent; {advice}"


def blame(root: Any, *, numbers: bool = False) -> str:
    """Finds a value that JSON cannot hold, as 'temperature is nan'; with ``numbers`` only a number, for callers that
    write all other values in some way. Does not recurse, since nesting may be deep.
    """
    stack: list[tuple[str, Any]] = [("", root)]
    seen: dict[int, Any] = {}  # keeps the values alive, so that no id is used twice
    while stack:
        place, value = stack.pop()
        if id(value) in seen:
            continue
        try:
            reason, found = _looked_at(place, value, numbers=numbers)
        except Exception as error:  # also of the value's own code
            _again.check(error, _looked_at, place, value, numbers=numbers)
            if numbers:
                continue
            if isinstance(error, _RefusedError):
                return str(error)
            return f"{place or 'the value'} cannot be read: {type(error).__name__}: {error}"
        if reason:
            return f"{place or 'the value'} {reason}"
        if found:
            seen[id(value)] = value
            stack.extend(reversed(found))
    return ""


def _looked_at(place: str, value: Any, *, numbers: bool) -> tuple[str, list[tuple[str, Any]]]:
    """Why JSON cannot hold a value itself, and the values inside it with their places."""
    if reason := _infinite(value) or ("" if numbers else _half_in(value)):
        return reason, []
    if isinstance(value, Enum):
        return "", [(place, value.value)]
    if value is None or isinstance(value, (int, float, str, Decimal)):
        return "", []
    return "", _inside(place, value, any_key=numbers)


_DEEP = 200
"""Where the search for the place of what is nested too deeply stops."""


def deep(root: Any) -> str:
    """The place of a value that is nested too deeply, or that contains itself, with a blank behind it."""
    stack: list[tuple[str, Any, int]] = [("", root, 0)]
    while stack:
        place, value, depth = stack.pop()
        if depth == _DEEP:
            return f"{place[:60]}… "
        if not (value is None or isinstance(value, (int, float, str, Decimal, Enum))):
            stack.extend((where, item, depth + 1) for where, item in reversed(inside(value, place, arrays=True)))
    return ""


class _RefusedError(TypeError):
    """What JSON cannot hold, with its place."""


def _infinite(value: Any) -> str:
    """Why JSON cannot hold a number; "" for all else."""
    if not (value.is_finite() if isinstance(value, Decimal) else not isinstance(value, float) or math.isfinite(value)):
        return f"is {str(value).lower()}; expected a finite number"
    if isinstance(value, int) and value.bit_length() > _LONG and not _writable(value):
        return f"is an int of {value.bit_length()} bits, which Python does not write; expected a shorter number"
    return ""


_LONG = 2000  # bits; Python refuses to write ints from 640 digits on at the earliest


def _half_in(value: Any) -> str:
    """Why JSON cannot hold a text; "" for all else."""
    if isinstance(value, str) and not isinstance(value, Enum):
        try:
            value.encode()
        except UnicodeEncodeError as error:
            return _half(value, error.start)
    return ""


def _half(text: str, at: int) -> str:
    """What to do about half of a character, as readers of JSON and UTF-16 that join nothing leave it."""
    code = ord(text[at])
    if code < 0xDC00 and "\udc00" <= text[at + 1 : at + 2] <= "\udfff":
        return (
            f"holds a character in two halves (surrogates) from character {at}; "
            "join them: text.encode('utf-16', 'surrogatepass').decode('utf-16')"
        )
    return (
        f"holds a lone surrogate (U+{code:04X}) at character {at}, which is no character; "
        "replace it: text.encode('utf-8', 'replace').decode()"
    )


def _inside(place: str, value: Any, *, any_key: bool = False) -> list[tuple[str, Any]]:
    """The values inside a value, each with its place. Raises _RefusedError if JSON cannot hold the value; ``any_key``
    passes over keys that are no texts.
    """
    if isinstance(value, dict):
        inside: list[tuple[str, Any]] = []
        for key, item in value.items():
            if not (any_key or isinstance(key, str) or _writable({key: None})):
                raise _RefusedError(f"{place or 'an object'} has a key of type {type(key).__name__}; expected str")
            inside += (place, key), (f"{place}.{key}" if place else str(key), item)
        return inside
    if isinstance(value, (list, tuple, set, frozenset)):
        return [(f"{place}[{i}]", item) for i, item in enumerate(value)]
    if isinstance(value, Struct) and value.__struct_config__.array_like:
        return [(f"{place}.{name}", getattr(value, name)) for name in value.__struct_fields__]
    if (fields := fields_of(value)) is not None:
        return [(f"{place}.{name}", item) for name, item in fields]
    try:
        return [(place, plain(value))]
    except (TypeError, ValueError) as error:
        if _again.of_handler(error):
            raise
        if _writable(value):  # a type that msgspec knows: UUID, datetime, bytes
            return []
        reason = str(error) if type(error) is TypeError else refusal(value)
        raise _RefusedError(f"{place or 'the value'} {reason}") from None


def inside(value: Any, place: str = "", *, arrays: bool = False) -> list[tuple[str, Any]]:
    """The values inside a container of any type, each with its place; none if it cannot be written. ``arrays`` are
    those of numpy that hold numbers or texts.
    """

    def look() -> list[tuple[str, Any]]:
        passed = not arrays and hasattr(type(value), "dtype") and value.dtype.kind not in "OSV"
        return [] if passed else _inside(place, value)

    try:
        return look()
    except Exception as error:  # also of the value's own code; where it is written it is refused
        _again.check(error, look)
        return []


_encode = json.Encoder(enc_hook=plain).encode


def _writable(value: Any) -> bool:
    try:
        _encode(value)
    except Exception as error:
        _again.check(error, _encode, value)
        return False
    return True
