"""The request of ``generate_summary``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ._shown import bare
from .errors import InvalidArgumentError

_TASK = (
    "You summarize passages. Answer with the summary alone, in the language of the passage, in one paragraph of at "
    "most {count} characters."
)


def messages(passage: Mapping[str, Any], count: int) -> list[dict[str, str]]:
    """The messages for a passage with ``title``, ``description`` and ``content``, each of which may be missing.

    As in the original, ``count`` is a number of characters, and an empty passage is sent to the model.
    """
    if not isinstance(passage, Mapping):
        kind = type(passage).__name__
        raise InvalidArgumentError(f"passage must be a dict with title, description, content, got {kind}")
    if passage and not any(key in passage for key, _ in _PARTS):
        names = ", ".join(bare(str(key)) for key in [*passage][:5])
        raise InvalidArgumentError(f"passage has none of title, description and content; its keys are {names}")
    try:  # the original put it into its prompt as it was: a text of a form's field worked, too
        most = -1 if isinstance(count, bool) else int(count)
    except (TypeError, ValueError, OverflowError):
        most = -1
    if most < 0:
        raise InvalidArgumentError(f"count is {count!r}; expected a number of characters")
    parts = [f"{label}: {passage[key]}" for key, label in _PARTS if passage.get(key)]
    parts = parts or [f"{label}:" for _, label in _PARTS]
    return [{"role": "system", "content": _TASK.format(count=most)}, {"role": "user", "content": "\n\n".join(parts)}]


_PARTS = (("title", "Title"), ("description", "Description"), ("content", "Content"))
