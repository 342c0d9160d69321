"""What of a caller's value may stand in a message: only what is known to be no secret, as in the core."""

from __future__ import annotations

import os
import re
from typing import Any

KEY_MARKS = (  # made by `make reference`
    "sk-", "sk_", "pk-", "gsk_", "xai-", "hf_", "aiza", "bearer ", "basic ", "ghp_", "glpat-", "nvapi-", "r8_", "akia",
    "-----begin",
)  # fmt: skip
"""What keys begin with, in lower case."""
# An address with a password, or a key: letters and digits without a gap, looked at from where they begin only.
_MIXED = re.compile(r"@|(?<![A-Za-z0-9])(?=[0-9]*[A-Za-z])(?=[A-Za-z]*[0-9])[A-Za-z0-9]{20}")
_MARKED = re.compile(f"(?<![a-z0-9])(?:{'|'.join(map(re.escape, KEY_MARKS))})")  # not in "task-1"
_HARMLESS = re.compile(r"[A-Za-z _.-]{0,32}|[+-]?[0-9.]{1,12}[A-Za-z]{0,2}")


def bare(name: str) -> str:
    """A name as it is, unless it looks like a credential."""
    credential = _MARKED.search(name.lower()) or _MIXED.search(name)
    return f"of {len(name)} characters (it looks like a credential and is not shown)" if credential else name


def without_keys(names: Any) -> Any:
    """A list of names, which may have lists in it, with ``***`` in the place of what looks like a credential."""
    if isinstance(names, (list, tuple)):
        return [without_keys(name) for name in names]
    if not isinstance(names, str):
        return names
    text = names if ":" in names else names.replace("@", "-")  # claude-haiku-4-5@20251001; a password has a colon
    return names if bare(text) == text else "***"


def shown_path(file: str | os.PathLike[str]) -> str:
    """The path of a file in quotes, unless it looks like a credential in a path's place or has lines, as the text of a
    file has. Of an absolute path the last part counts: folders may have long names of letters and digits.
    """
    text = os.fspath(file)
    name = text.rpartition("/")[2] if text.startswith("/") else text
    if _MARKED.search(name.lower()) or _MIXED.search(name) or "\n" in text or "\r" in text:
        return f"of {len(text)} characters (it looks like a credential and is not shown)"
    return repr(text)


def shown(value: Any) -> str:
    """Numbers, plain words and literals as they are, other texts by their length, the rest by its type."""
    if isinstance(value, int) and value.bit_length() > 128:
        return f"an int of {value.bit_length()} bits"
    if value is None or isinstance(value, (bool, int, float)):
        return repr(value)[:40]
    if not isinstance(value, str):
        return f"an object of type {type(value).__name__}"
    if _HARMLESS.fullmatch(value) and not _MARKED.search(value.lower()):
        return repr(value)
    return f"a string of {len(value.encode('utf-8', 'replace'))} bytes"


def in_json(value: Any) -> str:
    """What a value is that came as JSON, in JSON's words: who sent it need not know Python's."""
    if value is None:
        return "null"
    if isinstance(value, str):
        return "a string"
    if isinstance(value, dict):
        return "an object"
    return "an array" if isinstance(value, list) else "a boolean" if isinstance(value, bool) else "a number"
