"""How the sources of the package are built: imports go one way, and what is generated is up to date."""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

import pytest

from llmagg import _fork, _late, _names

SOURCES = Path(__file__).parents[2] / "bindings/python/src"
MODULES = {
    ".".join(path.relative_to(SOURCES).with_suffix("").parts).removesuffix(".__init__"): path
    for path in (SOURCES / "llmagg").rglob("*.py")
}


def imported(module: str, tree: ast.Module) -> set[str]:
    """The modules of the package that a module imports: anywhere in it, also in functions and for type checkers only.

    What it does as a program (``if __name__ == "__main__"``) is left out: then it is not the module of that name.
    """
    package = module.split(".") if MODULES.get(module, Path()).name == "__init__.py" else module.split(".")[:-1]
    found = set()
    program = (node for node in tree.body if isinstance(node, ast.If) and "__main__" in ast.unparse(node.test))
    skipped = {inner for node in program for inner in ast.walk(node)}
    for node in ast.walk(tree):
        if node in skipped:
            continue
        if isinstance(node, ast.Import):
            found.update(name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = [*package[: len(package) + 1 - node.level], node.module or ""] if node.level else [node.module or ""]
            source = ".".join(filter(None, base))
            found.update(
                f"{source}.{name.name}" if f"{source}.{name.name}" in MODULES else source for name in node.names
            )
    return (found & MODULES.keys()) - {module}


@cache
def imports_of(module: str, source: str) -> set[str]:
    return imported(module, ast.parse(source))


def circle(sources: dict[str, str]) -> list[str]:
    graph = {module: imports_of(module, source) for module, source in sources.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(reversed(error.args[1]))
    return []


def test_no_circle_of_imports() -> None:
    assert circle({module: path.read_text("utf-8") for module, path in MODULES.items()}) == []


def test_files_and_functions_are_short() -> None:
    """CONTRIBUTING.md names the bounds; tests/architecture holds them for Go and C."""
    long = []
    for path in SOURCES.rglob("*.py"):
        source = path.read_text("utf-8")
        if (lines := source.count("\n")) > 400:
            long.append(f"{path}: {lines} lines")
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                lines = (node.end_lineno or 0) - node.lineno + 1
                long += [f"{path}: {node.name} has {lines} lines"] * (lines > 60)
    assert long == []


@pytest.mark.parametrize(
    "line",
    [
        "from .plan import call",
        "import llmagg.plan",
        "def late():\n    from . import plan",
        "if TYPE_CHECKING:\n    from .plan import Plan",
    ],
)
def test_a_circle_of_imports_is_found(line: str) -> None:
    sources = {module: path.read_text("utf-8") for module, path in MODULES.items()}
    sources["llmagg.catalog"] += f"\n{line}\n"
    found = circle(sources)
    assert found[0] == found[-1]
    assert {"llmagg.catalog", "llmagg.plan"} <= set(found)


def imported_late(module: str, tree: ast.Module) -> set[str]:
    """The modules, of the package or not, that the functions of a module import."""
    functions = [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    inside = [node for function in functions for node in ast.walk(function)]
    found = {name.name for node in inside if isinstance(node, ast.Import) for name in node.names}
    found |= {str(node.module) for node in inside if isinstance(node, ast.ImportFrom) and not node.level}
    return found | imported(module, ast.Module([node for node in inside if isinstance(node, ast.ImportFrom)], []))


def test_each_late_import_is_finished_before_a_fork() -> None:
    code = "import sys, llmagg; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    named = {f"llmagg.{place}" for place in _late._PLACES.values()}
    found = {"llmagg.default", "llmagg.llm_aggrator", "llmagg.observers", *_names._LATE, *named}  # by import_module
    for module, path in MODULES.items():
        if module != "llmagg.pytest_plugin":  # pytest's own process
            found |= imported_late(module, ast.parse(path.read_text("utf-8")))
    assert sorted(_fork.LATE) == sorted(found - set(loaded))


def test_an_import_of_the_package_makes_no_hint_for_a_name() -> None:
    code = (
        "import sys, llmagg; config = {'openai': {'models': {'m': {'api_key': 'k-123456789'}}}}\n"
        "llmagg.LLMAggregator(['openai/m']).initialize_sync(config)\n"
        "assert 'llmagg.registration' in sys.modules and 'difflib' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def twins() -> Any:
    spec = importlib.util.spec_from_file_location("twins", SOURCES.parent / "_build/twins.py")
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def test_blocking_twins_are_up_to_date() -> None:
    script = twins()
    sources = {module: path.read_text("utf-8") for module, path in MODULES.items()}
    marked = [module for module, source in sources.items() if script.MARK in source or script.FUNCTIONS in source]
    assert len(marked) >= 6
    assert [module for module in marked if script.renewed(sources[module]) != sources[module]] == [], "run make twins"


def test_a_twin_follows_its_coroutine() -> None:
    script = twins()
    before = (
        "class Client:\n"
        "    async def ask(self, text: str, **more: Any) -> str:\n"
        '        """Asks."""\n'
        "        # a comment stays\n"
        "        return _text(await self.chat(text, **more))\n\n"
        "    async def close(self, *, now: bool) -> None:\n"
        '        """Closes."""\n'
        "        await elsewhere.close()\n\n" + script.MARK + "\n\nafter = 1\n"
    )
    made = script.renewed(before)
    assert "    def ask_sync(self, text: str, **more: Any) -> str:\n" in made
    assert "        # a comment stays\n        return _text(self.chat_sync(text, **more))\n" in made
    assert "\n    close_sync = twin(close)\n" in made
    assert made.endswith("\n\n\nafter = 1\n")
    assert script.renewed(made) == made
    assert script.renewed(made.replace("self.chat_sync(text", "self.chat_sync(other")) == made


def test_a_twin_of_a_function_asks_the_blocking_method() -> None:
    script = twins()
    before = (
        "@told\nasync def ask(\n    text: str, *, models: Models,\n) -> str:\n"
        '    """Asks."""\n'
        "    llm = await aggregator(models, text)\n"
        "    return await llm.chat(\n        text\n    )\n\n\n"
        "async def pieces(text: str) -> AsyncGenerator[str, None]:\n"
        '    """Asks."""\n'
        "    llm = await aggregator(None)\n"
        "    async with aclosing(llm.stream(text)) as found:\n"
        "        async for piece in found:\n            yield piece\n\n\n"
        "async def other() -> None:\n    return await elsewhere()\n\n\n" + script.FUNCTIONS
    )
    made = script.renewed(before)
    assert "@told\ndef ask_sync(\n    text: str, *, models: Models,\n) -> str:\n" in made
    assert "\n    return aggregator_sync(models, text).chat_sync(text)\n" in made
    assert "def pieces_sync(text: str) -> Iterator[str]:\n" in made
    assert made.endswith("    return aggregator_sync(None).stream_sync(text)\n")
    assert "other_sync" not in made
    assert script.renewed(made) == made
