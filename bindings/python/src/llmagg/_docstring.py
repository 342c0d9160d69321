"""What a docstring says of a function and of its parameters, in the styles of Google, numpy and Sphinx."""

from __future__ import annotations

import re

_GOOGLE = re.compile(r"(?:Args|Arguments|Parameters|Params):\s*$")
_NUMPY = re.compile(r"Parameters\s*$")
_ENTRY = re.compile(r"(?P<indent> *)(?P<name>\w+)\s*(?:\([^)]*\))?:\s*(?P<text>.*)$")
_NAMES = re.compile(r"(?P<names>\w+(?:\s*,\s*\w+)*)\s*(?::.*)?$")
_FIELD = re.compile(r":param\s+(?:[^:]*\s)?(?P<name>\w+):\s*(?P<text>.*)$")


def read(docstring: str) -> tuple[str, dict[str, str]]:
    """The first paragraph of a docstring without its indentation, and name → text of its parameters."""
    lines = docstring.splitlines()
    said: dict[str, list[str]] = {}
    for i, line in enumerate(lines):
        if found := _FIELD.match(line):
            said[found["name"]] = [found["text"], *_indented(lines[i + 1 :])]
        elif _GOOGLE.match(line):
            _google(lines[i + 1 :], said)
        elif _NUMPY.match(line) and i + 1 < len(lines) and re.fullmatch(r"-{3,}\s*", lines[i + 1]):
            _numpy(lines[i + 2 :], said)
    first = docstring.partition("\n\n")[0]
    head = "\n".join(line for line in first.splitlines() if not _FIELD.match(line) and not line.startswith(":"))
    texts = {name: " ".join(" ".join(text).split()) for name, text in said.items()}
    return head, {name: text for name, text in texts.items() if text}


def _indented(lines: list[str]) -> list[str]:
    """The lines up to the first that is empty or not indented."""
    for i, line in enumerate(lines):
        if not line.startswith(" "):
            return lines[:i]
    return lines


def _google(lines: list[str], said: dict[str, list[str]]) -> None:
    """Enters "name (type): text", each with its further lines, which stand deeper."""
    depth, text = None, None
    for line in lines:
        if line.strip() and not line.startswith(" "):
            return
        entry = _ENTRY.match(line)
        if entry and (depth is None or len(entry["indent"]) == depth):
            depth = len(entry["indent"])
            text = said[entry["name"]] = [entry["text"]]
        elif text is not None:
            text.append(line)


def _numpy(lines: list[str], said: dict[str, list[str]]) -> None:
    """Enters "name : type" with the indented lines below it, up to the next underlined section."""
    for i, line in enumerate(lines):
        if i + 1 < len(lines) and re.fullmatch(r"-{3,}\s*", lines[i + 1]):
            return
        if found := _NAMES.match(line):
            for name in re.split(r"\s*,\s*", found["names"]):
                said[name] = _indented(lines[i + 1 :])
