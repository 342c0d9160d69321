"""What a page of documentation says: its blocks of code, and what stands in the comments before them.

===========================  ==================================================================================
a block of                   is
===========================  ==================================================================================
``json``                     a configuration: ``llm.json`` for the blocks below it, and read by the library; with the title
                             ``wall.json`` the wall's script for the whole page
``python``, ``go``, ``c``,   a program: it runs, and prints what the ``text`` block below it says (``…`` stands
``cpp``                      for any text); with ``title="NAME"`` a file for the blocks below it
``py``                       tests, run by pytest
``sh``                       commands, see :mod:`commands`
===========================  ==================================================================================

A program finds the wall as a reader's does: by the variables that the first page exports, or at its address there.

Comments: ``<!-- needs: NAME, … -->`` names the packages of the page (``make doc-examples`` installs them),
``<!-- serves: PATH -> TEXT -->`` says what the server of the next ``sh`` block answers, ``<!-- again: FILE -->`` runs the program
above once more with this script of the wall, and the ``text`` block below it says what it prints then.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
READMES = ["README.md", "README.zh.md", "bindings/python/README.md"]
PAGES = [*READMES, *sorted(str(path.relative_to(ROOT)) for path in DOCS.rglob("*.md"))]

READERS_WALL = "http://127.0.0.1:8000"  # of `llmagg wall --port 8000`

_PART = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```|^<!-- (needs|serves|again): (.*?) -->", re.DOTALL | re.MULTILINE)
_SCRIPT = re.compile(r'^```json title="wall\.json"\n(.*?)^```', re.DOTALL | re.MULTILINE)


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
    script = _SCRIPT.search(text)
    wall = script[1] if script else None
    again, serves = None, ""
    for part in _PART.finditer(text):
        language, rest, code, word, value = part.groups()
        if word == "serves":
            serves = value
        elif word == "again":
            again = (ROOT / value).read_text("utf-8")
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


def at_the_wall(text: str, url: str) -> str:
    """The text with the address of the test's wall instead of the reader's."""
    return text.replace(READERS_WALL, url.removesuffix("/v1"))


def exports(url: str) -> dict[str, str]:
    """What the first page exports, so that calls go to the wall."""
    first = text_of("docs/tutorial/first-call.md")
    words = re.findall(r"\w+=key-for-the-wall|\w+=" + re.escape(READERS_WALL) + r"\S*", first)
    assert len(words) > 3, "the first page does not say how calls get to the wall"
    return dict(at_the_wall(word, url).split("=", 1) for word in words)
