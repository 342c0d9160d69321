"""Writes and reads JSON, and turns msgspec's odd cases into errors.

msgspec writes NaN and infinities as null, raises UnicodeEncodeError for lone surrogates and RecursionError for deep
nesting. Each becomes an :class:`InvalidArgumentError` that names the field.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, TypeVar

from . import _again
from ._fields import spread
from .errors import BadResponseError, InvalidArgumentError

T = TypeVar("T")
_N, _I = b"NI"


@cache
def _codec() -> tuple[Callable[[Any], bytes], Callable[[Any], Any]]:
    from . import _native  # noqa: F401 - says where msgspec cannot be used

    # Neither is at the top of the file: that would double the time of 'import llmagg'.
    from msgspec import json  # isort: skip

    return json.Encoder(enc_hook=_plain, decimal_format="number").encode, json.Decoder().decode


def _plain(value: Any) -> Any:
    from ._values import plain

    return plain(value)


def is_suspect(data: bytes) -> bool:
    """Whether JSON that msgspec wrote may hold a number that is not finite: it writes them as null; as NaN or Infinity
    if they are Decimals.
    """
    # A byte is found ten times as fast as a word, and a word twice as fast from the end.
    return (
        data.rfind(b"null") >= 0
        or (_N in data and data.rfind(b"NaN") >= 0)
        or (_I in data and data.rfind(b"Infinity") >= 0)
    )


def encode(value: Any, what: str = "the request") -> bytes:
    """Writes JSON. Raises InvalidArgumentError, with the place in ``what``, for a value that JSON cannot hold.

    :mod:`llmagg._values` says which Python values become which JSON values.
    """
    try:
        data = _codec()[0](value)
        if is_suspect(data):
            from ._values import blame, without_none

            if place := blame(value):
                raise InvalidArgumentError(f"{what} cannot be written as JSON: {place}")
            if (plain := without_none(value)) is not value:
                data = _codec()[0](plain)
        return data
    except (InvalidArgumentError, ImportError, MemoryError):
        raise
    except RecursionError:
        from ._values import deep

        place = f"cannot be written as JSON: {place}is" if (place := deep(value)) else "cannot be written: it is"
        raise InvalidArgumentError(f"{what} {place} nested too deeply or contains itself") from None
    except Exception as error:  # also of the code of an application's own types
        if _again.of_handler(error):
            raise
        from ._values import blame

        if not (place := blame(value)):
            _again.check(error, _codec()[0], value)
        raise InvalidArgumentError(f"{what} cannot be written as JSON: {place or error}") from error


def decode(data: bytes | bytearray | memoryview, what: str = "the answer") -> Any:
    """Reads JSON of the core or of a server. Raises BadResponseError."""
    try:
        return _codec()[1](data)
    except (ValueError, RecursionError) as error:
        raise BadResponseError(f"{what} cannot be read: {_encoding(bytes(data)) or error}") from None


def _encoding(data: bytes) -> str:
    """Which encoding a text has that is not UTF-8, as editors and shells of Windows write it; "" for UTF-8."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "it is UTF-16; expected UTF-8"
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return f"it is not UTF-8 at byte {error.start}; expected UTF-8"
    return ""


def build(cls: type[T], data: dict[str, Any], template: dict[str, Any]) -> T:
    """Makes a dataclass instance from a JSON object: missing fields from ``template``, unknown fields in ``extra``.

    It runs for each object of each chunk, so it sets ``__dict__`` instead of calling ``__init__``.
    """
    values = template.copy()
    if data.keys() <= template.keys():
        values.update(data)
        values["extra"] = {}
    else:
        data = spread(data, template.keys())
        extra: dict[str, Any] = {}
        values["extra"] = extra
        for key, value in data.items():
            (values if key in template else extra)[key] = value
    made = object.__new__(cls)
    made.__dict__ = values
    return made


def template(cls: type, **defaults: Any) -> dict[str, Any]:
    """A template for ``build``: the fields of a dataclass, with None for all but the given defaults."""
    return {**{name: None for name in cls.__dataclass_fields__ if name != "extra"}, **defaults}  # type: ignore[attr-defined]


def expect_list(data: Any, what: str) -> list[Any]:
    """``data`` as a list; None is an empty list. Raises BadResponseError for other types."""
    if data is not None and (not isinstance(data, Sequence) or isinstance(data, (str, bytes, bytearray, memoryview))):
        raise BadResponseError(f"{what} must be an array, got {type(data).__name__}")
    return list(data or ())


def expect_object(data: Any, what: str) -> dict[str, Any]:
    """``data`` as a dict; a dict is returned itself. Raises BadResponseError if it is no mapping."""
    if isinstance(data, dict):
        return data
    if not isinstance(data, Mapping):
        raise BadResponseError(f"{what} must be an object, got {type(data).__name__}")
    return dict(data)
