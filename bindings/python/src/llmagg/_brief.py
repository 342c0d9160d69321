"""A short ``repr`` for dataclasses with many fields."""

from __future__ import annotations

from typing import Any


def brief(value: Any) -> str:
    """The ``repr`` of a dataclass without the fields that are empty."""
    shown = ((name, getattr(value, name)) for name in value.__dataclass_fields__)
    kept = (f"{name}={item!r}" for name, item in shown if item or (item is not None and not isinstance(item, _EMPTY)))
    return f"{type(value).__name__}({', '.join(kept)})"


_EMPTY = (str, list, dict, bool)
