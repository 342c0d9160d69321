"""Writes the blocking twins of coroutines: the methods whose names end in _sync, at the end of their classes, and the
functions of llmagg/default.py.

``make twins`` runs this; a test holds that it was run. A class whose last methods are generated has the line MARK. A
public coroutine or stream above it gets a twin below it, unless the class has one by hand. Where a method awaits
nothing but methods of ``self`` and ``self.aggregator``, or a call of the core, its twin is the same text with their
twins; for any other method, ``twin`` of llmagg/_twin.py makes the twin. Below FUNCTIONS, at the end of a module, stand
the twins of its public coroutines, each of which asks one method of an aggregator: the twin asks that method's.
"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

SOURCES = Path(__file__).parents[1] / "src/llmagg"
MARK = "    # Generated from the methods above: change those, then run `make twins`.\n"
FUNCTIONS = "# Generated from the functions above: change those, then run `make twins`.\n"
TWINNED = ("self", "self.aggregator", "self._call(messages, params)", "self._other_call(request, params)", "growing")
"""What has twins of its public methods or functions."""
WITHOUT = ("register_client",)
"""Coroutines without a twin: applications override them."""

Method = ast.FunctionDef | ast.AsyncFunctionDef


def renewed(source: str) -> str:
    """The source of a module with its twins as they should be."""
    classes = [node for node in ast.parse(source).body if isinstance(node, ast.ClassDef)]
    lines = source.splitlines(keepends=True)
    for mark in [i for i, line in enumerate(lines) if line == MARK][::-1]:  # what stands above keeps its place
        cls = max((cls for cls in classes if cls.lineno <= mark), key=lambda cls: cls.lineno)
        methods = [node for node in cls.body if isinstance(node, Method) and node.lineno <= mark]
        names = {method.name for method in methods}
        twinned = [method for method in methods if has_twin(method) and f"{method.name}_sync" not in names]
        texts = [text for method in twinned if (text := translated(method, lines))]
        short = "".join(f"    {m.name}_sync = twin({m.name})\n" for m in twinned if translated(m, lines) is None)
        lines[mark : max(cls.end_lineno or 0, mark + 1)] = [MARK, "\n", "\n".join([short, *texts] if short else texts)]
    if FUNCTIONS in lines:
        mark = lines.index(FUNCTIONS)
        functions = [node for node in ast.parse(source).body if isinstance(node, ast.AsyncFunctionDef)]
        asking = [node for node in functions if has_twin(node) and node.lineno <= mark and call_on("llm", node)]
        lines[mark:] = [FUNCTIONS, "\n\n", "\n\n".join(asked(node, source) for node in asking)]
    return "".join(lines)


def call_on(name: str, function: ast.AST) -> ast.Call | None:
    """The call of a method of a variable, None if a function has none."""
    calls = [node for node in ast.walk(function) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
    return next((call for call in calls if ast.unparse(call.func.value) == name), None)


def asked(function: ast.AsyncFunctionDef, source: str) -> str:
    """The twin of a function that asks an aggregator."""
    lines = source.splitlines(keepends=True)
    found = next(node.value for node in ast.walk(function) if isinstance(node, ast.Await))
    call = call_on("llm", function)
    assert call is not None
    of, what = (re.sub(r"\n\s*", " ", ast.get_source_segment(source, node) or "") for node in (found, call))
    of, what = of.replace("aggregator(", "aggregator_sync(", 1), re.sub(r"^llm\.(\w+)", r"\1_sync", what)
    what = what.replace("( ", "(").replace(" )", ")")
    body = f"    return {of}.{what}\n"
    if len(body) > 121:
        body = f"    llm = {of}\n    return llm.{what}\n"
    decorators = "".join(lines[node.lineno - 1] for node in function.decorator_list)
    return decorators + head(function, lines) + body


def has_twin(method: Method) -> bool:
    """Whether a method is a public coroutine, or gives a stream."""
    if method.name.startswith("_") or method.name in WITHOUT:
        return False
    return isinstance(method, ast.AsyncFunctionDef) or "AsyncGenerator" in ast.unparse(method.returns or ast.Tuple())


def head(method: Method, lines: list[str]) -> str:
    """The head of a method's twin, and its docstring."""
    stream = "AsyncGenerator" in ast.unparse(method.returns or ast.Tuple())
    head = "".join(lines[method.lineno - 1 : method.body[0].lineno - 1])
    head = re.sub(r"(async )?def \w+", f"def {method.name}_sync", head, count=1)
    head = re.sub(r"AsyncGenerator\[(.+), None\]", r"Iterator[\1]", head)
    what = "as a plain iterator; each step blocks" if stream else "for code without an event loop; it blocks"
    return head + " " * method.col_offset + f'    """``{method.name}`` {what}, and Ctrl-C ends it."""\n'


def translated(method: Method, lines: list[str]) -> str | None:
    """A twin whose text is the method's with the twins of what it awaits or returns; None if something has no twin."""
    calls = [node.value for node in ast.walk(method) if isinstance(node, ast.Await)]
    if isinstance(method, ast.FunctionDef):
        calls = [node.value for node in ast.walk(method) if isinstance(node, ast.Return) and node.value]
    edits: list[tuple[int, int, bytes, bytes]] = []
    for call in calls:
        function = call.func if isinstance(call, ast.Call) else None
        if not isinstance(function, ast.Attribute) or ast.unparse(function.value) not in TWINNED:
            return None
        if function.attr.startswith("_") or function.attr in WITHOUT:
            return None
        edits.append((function.end_lineno or 0, function.end_col_offset or 0, b"", b"_sync"))
        if isinstance(method, ast.AsyncFunctionDef):
            edits.append((call.lineno, call.col_offset - len("await "), b"await ", b""))
    if not edits:
        return None
    changed = {
        i: lines[i - 1].encode() for i in range((method.body[0].end_lineno or 0) + 1, (method.end_lineno or 0) + 1)
    }
    for line, column, old, new in sorted(edits, reverse=True):
        text = changed[line]
        changed[line] = text[:column] + new + text[column + len(old) :]
    return head(method, lines) + b"".join(changed.values()).decode()


def main() -> int:
    """Writes the twins anew; with --check only tells whose are out of date, and ends with 1."""
    stale = []
    for path in sorted(SOURCES.rglob("*.py")):
        source = path.read_text("utf-8")
        if (MARK in source or FUNCTIONS in source) and (made := renewed(source)) != source:
            stale.append(path)
            if "--check" not in sys.argv:
                path.write_text(made, "utf-8")
    for path in stale:
        print(f"{path}: the twins {'are out of date: run make twins' if '--check' in sys.argv else 'were written'}")
    return 1 if stale and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
