"""The modules of the package import each other in one direction only."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

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


def circle(sources: dict[str, str]) -> list[str]:
    graph = {module: imported(module, ast.parse(source)) for module, source in sources.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(reversed(error.args[1]))
    return []


def test_no_circle_of_imports() -> None:
    assert circle({module: path.read_text("utf-8") for module, path in MODULES.items()}) == []


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
