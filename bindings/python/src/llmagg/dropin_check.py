"""``llmagg dropin --check PATH``: what an application uses of the original package, and what of that is not here."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from ._shown import shown_path

_ORIGINAL = "pkg.core.llm"
_SKIPPED = {".git", ".venv", "venv", "node_modules", "__pycache__", "site-packages"}


def _named(file: Path) -> str:
    """A file as compilers name it, which editors follow."""
    return str(file) if str(file).isprintable() else shown_path(file)


def run(path: Path) -> int:
    """Prints each use that would fail; returns 0 if there is none. Raises OSError."""
    if not path.exists():
        raise FileNotFoundError(f"{shown_path(path)} does not exist; expected the folder of an application's sources")
    files = [path] if path.is_file() else sorted(path.rglob("*.py"))
    files = [file for file in files if not _SKIPPED & set(file.parts) and "core/llm/" not in file.as_posix()]
    uses = 0
    failed = []
    for file in files:
        try:
            tree = ast.parse(file.read_bytes())
        except (SyntaxError, ValueError) as error:
            print(f"{_named(file)}: skipped, it cannot be parsed ({error})", file=sys.stderr)
            continue
        for line, module, name in _uses(tree):
            uses += 1
            if reason := _missing(module, name):
                failed.append(f"{_named(file)}:{line}: {reason}")
    print("\n".join([*failed, f"{uses} uses of {_ORIGINAL} in {len(files)} files; {len(failed)} would fail"]))
    return 1 if failed else 0


def _uses(tree: ast.Module) -> Iterator[tuple[int, str, str | None]]:
    """The line, the module and the name of each import from the original."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name == _ORIGINAL or alias.name.startswith(_ORIGINAL + "."):
                    yield node.lineno, alias.name, None
        elif isinstance(node, ast.ImportFrom) and not node.level:
            module = node.module or ""
            if module == _ORIGINAL or module.startswith(_ORIGINAL + "."):
                for alias in node.names:
                    yield node.lineno, module, alias.name


def _missing(module: str, name: str | None) -> str:
    """Why an import would fail; "" if it works."""
    ours = "llmagg" + module.removeprefix(_ORIGINAL)
    try:
        found = import_module(ours)
    except ImportError:
        return f"there is no module {module}"
    if name in (None, "*") or hasattr(found, str(name)):
        return ""
    try:
        import_module(f"{ours}.{name}")
    except ImportError:
        return f"{module} has no {name}"
    return ""
