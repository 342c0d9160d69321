"""Writes ``pkg/core/llm``: files that make ``pkg.core.llm`` a second name of this package.

The package installs the files as a namespace package. An application's own ``pkg/__init__.py`` hides them, so
``python -m llmagg dropin PATH/pkg/core/llm`` writes the same files into the application.
"""

from __future__ import annotations

import os
import time
from itertools import count
from pathlib import Path

from ._shown import shown_path

MODULES = (
    "types", "client", "provider", "providers", "providers.openai_provider", "providers.deepseek_provider",
    "providers.gemini_provider", "manager", "aggregator", "llm_aggrator", "errors", "events",
)  # fmt: skip
"""The original's modules, and the modules of new types; each is the same module object as in this package."""

_MARK = "Written by ``python -m llmagg dropin``."
_PACKAGE = f'''"""``pkg.core.llm`` is ``llmagg``. {_MARK}"""

import sys
from typing import TYPE_CHECKING

import llmagg

if TYPE_CHECKING:
    from llmagg import *  # noqa: F403

# The same module objects under both names, so that classes are identical and mock.patch works through either.
sys.modules[__name__] = llmagg
llmagg._names.answer_to(__name__)
'''
# Read by type checkers and editors: Python finds the module in sys.modules, where the package has put it, except in a
# thread that asks for it while another thread imports the package; Python does not wait for a package.
_MODULE = f'''"""The same as ``llmagg.{{name}}``. {_MARK}"""

import sys

import llmagg  # noqa: F401 - first: it waits for another thread that imports it
from llmagg.{{name}} import *  # noqa: F403

_ours = sys.modules["llmagg.{{name}}"]
globals().update({{{{**vars(_ours), **globals()}}}})  # a thread that waits for this import gets this module itself
sys.modules[__name__] = _ours
'''


def files() -> dict[str, str]:
    """Relative path → content of every file."""
    made = {"py.typed": "", "__init__.py": _PACKAGE}
    for module in MODULES:
        path = "providers/__init__.py" if module == "providers" else module.replace(".", "/") + ".py"
        made[path] = _MODULE.format(name=module)
    return made


def write(target: Path, *, replace: bool = False) -> list[str]:
    """Writes the files into ``target``; returns lines that say what was done.

    Replaces the files of an earlier run. If the folder holds other files, raises FileExistsError; with ``replace`` it
    first moves the folder to a backup beside it. Raises NotADirectoryError if ``target`` does not end in ``core/llm``
    or its application's folder does not exist.
    """
    done = []
    target = _checked(target)
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise FileExistsError(f"{shown_path(target)} is not a folder; expected a folder such as PATH/pkg/core/llm")
    foreign = _foreign(target)
    if foreign and not replace:
        shown = ", ".join(shown_path(path.relative_to(target)) for path in foreign[:5])
        text = f"{shown_path(target)} holds other files ({shown})"
        raise FileExistsError(f"{text}; --replace moves the folder to a backup first")
    if foreign:
        backup = _backup_name(target)
        target.rename(backup)
        done.append(f"moved {shown_path(target)} to {shown_path(backup)}")
    for path, content in files().items():
        place = target / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(content, encoding="utf-8")
    done.append(f"wrote {len(files())} files to {shown_path(target)}: pkg.core.llm is now llmagg")
    return done


def _checked(target: Path) -> Path:
    place = Path(os.path.abspath(target))  # noqa: PTH100 - a symbolic link in it stays
    if place.parts[-2:] != ("core", "llm"):
        text = f"{shown_path(target)} does not end in core/llm"
        raise NotADirectoryError(f"{text}; expected a folder such as PATH/pkg/core/llm")
    if not place.parents[1].is_dir():
        text = f"{shown_path(target)} is not inside an application"
        raise NotADirectoryError(f"{text}: the folder {shown_path(place.parents[1])} does not exist")
    return place


def _foreign(target: Path) -> list[Path]:
    return [path for path in sorted(target.rglob("*")) if path.is_file() and not _is_ours(path)]


def _is_ours(path: Path) -> bool:
    if "__pycache__" in path.parts or path.name == "py.typed":
        return True
    return _MARK in path.read_text("utf-8", "replace")[:400]


def _backup_name(target: Path) -> Path:
    name = f"{target.name}.backup-{time.strftime('%Y%m%d-%H%M%S')}"
    names = (target.with_name(f"{name}-{number}" if number else name) for number in count())
    return next(path for path in names if not path.exists())
