"""What a page of documentation says: its blocks of code, and what stands in the comments before them.

===========================  ==================================================================================
a block of                   is
===========================  ==================================================================================
``json``                     a configuration: ``llm.json`` for the blocks below it, and read by the library
``python``, ``go``, ``c``,   a program: it runs, and prints what the ``text`` block below it says (``…`` stands
``cpp``                      for any text); with ``title="NAME"`` a file for the blocks below it
``py``                       tests, run by pytest
``sh``                       commands, see :mod:`commands`
===========================  ==================================================================================

Comments: ``<!-- wall: {…} -->`` scripts the wall for the blocks below it, ``<!-- needs: NAME, … -->`` names the packages of the
page (``make doc-examples`` installs them), ``<!-- serves: PATH -> TEXT -->`` says what the server of the next ``sh`` block answers,
``<!-- again: {…} -->`` runs the program above once more, and the ``text`` block below it says what it prints then.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
READMES = ["README.md", "README.zh.md", "bindings/python/README.md"]
PAGES = [*READMES, *sorted(str(path.relative_to(ROOT)) for path in DOCS.rglob("*.md"))]

_PART = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```|^<!-- (wall|needs|serves|again): (.*?) -->", re.DOTALL | re.MULTILINE)


@dataclass
class Block:
    """A block of code, and what holds for it."""

    language: str
    title: str
    code: str
    wall: str | None
    serves: str
    output: str | None = None  # the text block below it


def text_of(page: str) -> str:
    """The text of a page."""
    return (ROOT / page).read_text("utf-8")


def blocks(text: str) -> list[Block]:
    """The blocks of a page."""
    found: list[Block] = []
    wall, serves = None, ""
    again = None
    for part in _PART.finditer(text):
        language, rest, code, word, value = part.groups()
        if word == "wall":
            wall = value
        elif word == "serves":
            serves = value
        elif word == "again":
            again = value
        elif language == "text" and again is not None:
            found.append(replace(found[-1], wall=again, output=code))
            again = None
        elif language == "text":
            if found and found[-1].output is None:
                found[-1].output = code
        elif language:
            title = re.search(r'title="([^"]+)"', rest)
            found.append(Block(language, title[1] if title else "", code, wall, serves))
            serves = ""
    return found


def needs(text: str) -> list[str]:
    """The packages that the page's programs import."""
    return [name.strip() for names in re.findall(r"<!-- needs: (.*?) -->", text) for name in names.split(",")]


def matches(expected: str, printed: str) -> bool:
    """Whether a program printed what the page says."""
    wanted, lines = expected.strip().splitlines(), printed.strip().splitlines()
    patterns = [".*".join(map(re.escape, line.split("…"))) for line in wanted]
    return len(wanted) == len(lines) and all(map(re.fullmatch, patterns, lines))


def at_the_wall(config: str, url: str) -> str:
    """The configuration with its vendors' models at the wall."""
    providers = json.loads(config)
    for name, provider in providers.items():
        for model in provider.get("models", {}).values():
            model["base_url"] = url.removesuffix("/v1") + "/anthropic" if name == "anthropic" else url
    return json.dumps(providers)
