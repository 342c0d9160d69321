"""What a row asks: its own ``prompt``, ``messages`` or ``body``, or what the job's ``prompt`` makes of it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from string import Formatter
from typing import Any

from ..errors import InvalidArgumentError
from .rows import ASKED, NAME_IT, Unreadable


def maker(prompt: Any) -> Callable[[Any], Any] | None:
    """The function that makes the request of a row, for a job's ``prompt``: a function, the name of a column, or a text
    with names of columns in braces. None for None. Raises InvalidArgumentError.
    """
    if prompt is None or callable(prompt):
        return prompt  # type: ignore[no-any-return]
    if not isinstance(prompt, str) or not prompt:
        raise InvalidArgumentError(
            f"prompt is {prompt!r}; expected the name of a column, a text with names of columns in braces, or a "
            "function of a row"
        )
    if "{" not in prompt:
        return lambda row: _column(row, prompt)
    try:
        pieces = list(Formatter().parse(prompt))
    except ValueError as error:
        raise InvalidArgumentError(f"prompt cannot be read: {error}; {_BRACES}") from None
    for _, name, form, conversion in pieces:
        if name is not None and (not name or form or conversion):
            raise InvalidArgumentError(f"prompt has braces without the name of a column; {_BRACES}")
    return lambda row: "".join(text + ("" if name is None else _text(row, name)) for text, name, _, _ in pieces)


_BRACES = 'expected "{COLUMN}" for the value of a column, and "{{" or "}}" for a brace itself'


def _value(row: Any, name: str) -> Any:
    """What a row has in a column. Raises InvalidArgumentError where it has nothing."""
    if not isinstance(row, Mapping):
        raise InvalidArgumentError(f"prompt names the column {name!r}; the row is of {type(row).__name__}")
    if name not in row:
        raise InvalidArgumentError(f"the row has no {name!r}, which prompt names; it has {_names(row)}")
    value = row[name]
    if value is None or value == "" or (isinstance(value, float) and math.isnan(value)):
        raise InvalidArgumentError(f"{name!r} of the row is empty")
    return value


def _column(row: Any, name: str) -> Any:
    value = _value(row, name)
    return value if isinstance(value, (str, list, Mapping)) else str(value)


def _text(row: Any, name: str) -> str:
    value = _value(row, name)
    return json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, (list, Mapping)) else str(value)


def _names(row: Mapping[Any, Any]) -> str:
    return ", ".join(map(repr, list(row)[:8])) + (", …" if len(row) > 8 else "")


def request_of(row: Any, prompt: Callable[[Any], Any] | None) -> Any:
    """What a row asks: a text, messages, or a dict of a whole request. Raises InvalidArgumentError.

    Without ``prompt`` a row is a text, or a dict with ``prompt`` (a text), ``messages``, or ``body`` (a whole request,
    as in OpenAI's batch files). In csv and parquet files messages may be JSON text.
    """
    if isinstance(row, Unreadable):
        raise InvalidArgumentError(row.reason)
    if prompt is not None:
        return prompt(row)
    if isinstance(row, (str, list)):
        return row
    if isinstance(row, dict):
        for key in ASKED:
            value = row.get(key)
            if value is None or value == "":
                continue
            if key != "prompt" and isinstance(value, str):
                try:
                    value = json.loads(value)
                except ValueError:
                    raise InvalidArgumentError(f"{key!r} of the row is not valid JSON") from None
            return value
        empty = [repr(key) for key in ASKED if key in row]
        if empty:
            raise InvalidArgumentError(f"{' and '.join(empty)} of the row is empty")
        raise InvalidArgumentError(f"the row has no 'prompt', 'messages' or 'body'; it has {_names(row)}. {NAME_IT}")
    raise InvalidArgumentError(f"a row must be a text or an object, got {type(row).__name__}")
