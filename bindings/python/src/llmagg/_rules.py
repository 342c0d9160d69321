"""Whose rules stand in a type: msgspec passes over those of pydantic, and pydantic over those of msgspec.

A rule is what ``Annotated`` says of a value (``Field(ge=0)``, ``AfterValidator(even)``, ``msgspec.Meta(ge=0)``), a
``Field(…)`` in the place of a default, or the validators of pydantic's dataclasses and models.
"""

from __future__ import annotations

import dataclasses
import re
import typing
from typing import Any

import msgspec

CHECKED = {"pydantic", "annotated_types"}
OF_PYDANTIC = {*CHECKED, "notes"}
#: Modules whose classes have no fields. Those that are made (make_dataclass) are in "types".
_WITHOUT = {"builtins", "typing", "datetime", "decimal", "uuid"}
_CHECKS = ("gt", "ge", "lt", "le", "multiple_of", "pattern", "min_length", "max_length", "tz")


def owners(form: Any) -> set[str]:
    """The libraries whose rules stand in a type and in its fields: "pydantic", "annotated_types", "msgspec", others.

    "notes" stands for pydantic's Field that only describes, "pydantic 1" for that version's models. A Meta that only
    describes is no rule.
    """
    found: set[str] = set()
    seen: list[Any] = []
    left = [form]
    while left:
        part = left.pop()
        if any(part is one for one in seen):
            continue
        seen.append(part)
        found.update(filter(None, map(_owner, getattr(part, "__metadata__", ()))))
        left += typing.get_args(part)
        left += [inner for key in ("__value__", "__supertype__") if (inner := getattr(part, key, None)) is not None]
        kind = typing.get_origin(part) or part
        if isinstance(kind, type) and kind.__module__ not in _WITHOUT:
            if "__pydantic_validator__" in vars(kind):
                found.add("pydantic")
            elif hasattr(kind, "__fields_set__") and hasattr(kind, "parse_raw"):
                found.add("pydantic 1")
            left += _hints(kind).values()
            defaults = [field.default for field in dataclasses.fields(kind)] if dataclasses.is_dataclass(kind) else []
            found.update("pydantic" for default in defaults if is_field(default))
    return found


def _owner(rule: Any) -> str:
    if isinstance(rule, msgspec.Meta):
        return "msgspec" if any(getattr(rule, check) is not None for check in _CHECKS) else ""
    if is_field(rule) and not rule.metadata and rule.is_required():
        return "notes"
    return (rule if isinstance(rule, type) else type(rule)).__module__.partition(".")[0]


def _hints(kind: type) -> dict[str, Any]:
    """The types of a class's fields. A class that nobody can read has none: whoever describes it tells why."""
    try:
        return typing.get_type_hints(kind, include_extras=True)
    except (TypeError, NameError, AttributeError):
        return {}


def is_field(default: Any) -> bool:
    """Whether a default is pydantic's ``Field(…)``, which says what the default is."""
    return type(default).__module__ == "pydantic.fields" and hasattr(default, "get_default")


def told(error: Exception) -> str:
    """What an error says of values, without pydantic's links."""
    return re.sub(r"\n *For further information visit \S+", "", str(error))


def of_names(error: Exception) -> str:
    """What an error of annotations says, and where their names are looked for."""
    if not isinstance(error, NameError):
        return str(error)
    return f"{error}; names in annotations that are texts are looked up in the module, not in the function around it"
