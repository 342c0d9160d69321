"""A path in a message: what a terminal would obey is escaped, and a key in a path's place is not shown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import llmagg
import llmagg.prices
from llmagg import dropin, dropin_check, faultwall
from llmagg.cli import checks, serving, top
from llmagg.monitor import fleet, sockets
from llmagg.sqlite_cache import SqliteCache

ODD = "a\x1b[31m\u202eb"
KEY = "sk-abcdefghij0123456789"


def cached(file: Path) -> None:
    file.write_bytes(b"no database at all" * 100)
    SqliteCache(file)._begin()


def configured(file: Path, text: str | None = None) -> None:
    if text is not None:
        file.write_text(text)
    next(fleet.lines("redis://127.0.0.1:1", None, file))


def doctored(file: Path) -> None:
    (found,) = checks.permissions(file)
    raise ValueError(f"{found.subject}: {found.text}; {found.advice}")


def readable(file: Path) -> None:
    file.write_text("x")
    file.chmod(0o666)
    doctored(file)


def initialized(file: Path, text: str = "{") -> None:
    file.write_text(text)
    llmagg.LLMAggregator().initialize_sync(file)


def folder(file: Path) -> None:
    file.mkdir()
    (file / "llmagg").mkdir(mode=0o777)
    (file / "llmagg").chmod(0o777)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(file))
        sockets.folder()


def priced(file: Path) -> None:
    file.write_text("{")
    llmagg.prices.from_litellm(file)


def wall(file: Path) -> None:
    faultwall._with_port(file, 1)


MESSAGES: dict[str, Callable[[Path], Any]] = {
    "html": lambda file: top._write(file, {"error": "it is busy"}),
    "fleet, no file": configured,
    "fleet, no JSON": lambda file: configured(file, "{"),
    "fleet, a list": lambda file: configured(file, "[]"),
    "keys": serving.keys,
    "script": wall,
    "dropin": dropin.write,
    "dropin, nowhere": lambda file: dropin.write(file / "pkg/core/llm"),
    "dropin --check": dropin_check.run,
    "cache": cached,
    "doctor": doctored,
    "doctor, readable": readable,
    "configuration": initialized,
    "prices": priced,
    "runtime": folder,
}


@pytest.mark.parametrize("name", MESSAGES)
def test_a_path_in_a_message_is_escaped(name: str, tmp_path: Path) -> None:
    with pytest.raises((llmagg.LLMError, OSError, ValueError)) as error:
        MESSAGES[name](tmp_path / ODD)
    said = str(error.value)
    assert "\x1b" not in said and "\u202e" not in said
    assert r"a\x1b[31m\u202eb" in said, said


@pytest.mark.parametrize("name", sorted(set(MESSAGES) - {"dropin, nowhere", "runtime", "doctor, readable"}))
def test_a_key_in_the_place_of_a_path_is_not_shown(name: str, tmp_path: Path) -> None:
    with pytest.raises((llmagg.LLMError, OSError, ValueError)) as error:
        MESSAGES[name](tmp_path / KEY)
    assert KEY not in str(error.value)
