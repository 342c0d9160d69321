"""What an editor and a type checker know: an application of a few hundred lines, and mistakes that they find."""

from __future__ import annotations

import ast
import importlib.util
import json
import re
import subprocess
import sys
import typing
from pathlib import Path

import pytest

import llmagg
from conftest import aggregator_for
from llmagg import openai_params, other_params, params
from llmagg._native import route
from llmagg.faultwall import FaultWall

pytestmark = pytest.mark.long

TYPED = Path(__file__).parent / "typed"
APPLICATION, MISTAKES = TYPED / "application.py", TYPED / "mistakes.py"
SOURCES = str(Path(llmagg.__file__).parents[1])


def checked(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


def test_mypy_strict(tmp_path: Path) -> None:
    files = [str(APPLICATION), str(MISTAKES)]
    checked([sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), *files], tmp_path)


@pytest.mark.skipif(importlib.util.find_spec("pyright") is None, reason="pyright is not installed")
def test_pyright_strict(tmp_path: Path) -> None:
    for path in (APPLICATION, MISTAKES):
        (tmp_path / path.name).write_text(path.read_text("utf-8"))
    settings = {
        "typeCheckingMode": "strict",
        "enableTypeIgnoreComments": False,
        "reportUnnecessaryTypeIgnoreComment": "error",
        "extraPaths": [SOURCES],
    }
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings))
    checked([sys.executable, "-m", "pyright", "--pythonpath", sys.executable, "-p", str(tmp_path)], tmp_path)


def test_the_application_runs(llm_wall: FaultWall) -> None:
    call = {"tool_calls": [{"name": "weather", "arguments": '{"city": "Ulm"}'}]}
    first = [{}, {}, {}, call, {"text": "It rains."}, {"text": "{}", "times": 20}]
    city = {"steps": [{"text": '{"name": "Ulm", "people": 126000}'}]}
    llm_wall.script({"models": {"first": {"steps": first}, "broken": {"steps": [{"status": 400}]}, "parsed": city}})
    command = [sys.executable, str(APPLICATION), llm_wall.url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "Hello from first. assistant True"
    assert lines[3] == "It rains."
    assert "Failure(code=" in lines[7]
    assert "'shop/first'" in lines[8]
    assert lines[9] == "Ulm 1"
    assert lines[10] == "['attempt_started', 'attempt_ended']"
    assert lines[-1] == "Hello from second." * 2


def test_the_parameters_are_those_of_the_core() -> None:
    tables = route.tables()
    known = {row["name"] for row in tables["request"]} - {"messages"}
    known |= {row["name"] for row in tables["options"] if not row.get("internal")} | {"extra_headers"}
    assert set(params.ChatParams.__annotations__) == known


TOLD = {
    "a default": r"\b[Dd]efault",
    "an example": r"Example: ``|Examples: ``",
    "a unit or a range": r"\b(seconds|tokens|attempts|answers|dollars)\b|\bfrom -?\d|\bany integer\b",
}


def test_the_options_of_vectors_and_rankings_are_those_of_the_core(llm_wall: FaultWall) -> None:
    aggregator = aggregator_for(llm_wall, "e")
    chats_have = params.RowOptions.__annotations__.keys() - params.CommonOptions.__annotations__.keys()
    values = {"on_interrupt": "error", "hedge_after": 1, "accept": bool, "unsupported": "adapt", "cache": "use"}
    for name in chats_have:
        with pytest.raises(llmagg.InvalidArgumentError, match="for chats"):
            aggregator.embed_sync("x", **{name: values.get(name, True)})  # type: ignore[arg-type]
    options = {row["name"] for row in route.tables()["options"] if not row.get("internal")} - chats_have
    for cls in (other_params.EmbedParams, other_params.RerankParams):
        assert options <= cls.__annotations__.keys() | typing.get_type_hints(cls).keys()


def test_each_parameter_is_told() -> None:
    """For hover: a text below each name, with the default, an example and, of numbers, the unit or the range."""
    lacking: list[str] = []
    sources = [Path(module.__file__).read_text("utf-8") for module in (params, openai_params, other_params)]
    for cls in (node for source in sources for node in ast.parse(source).body if isinstance(node, ast.ClassDef)):
        if not cls.name.endswith(("Options", "Params")):
            continue
        for field, below in zip(cls.body, [*cls.body[1:], None]):
            if not isinstance(field, ast.AnnAssign):
                continue
            kind = re.sub(r"(Mapping|Sequence)\[[^]]*\]", "", ast.unparse(field.annotation))
            of_numbers = re.search(r"(?<!')\b(int|float)\b", kind)
            text = below.value.value if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) else ""
            text = " ".join(str(text).split())
            for what, pattern in TOLD.items():
                if not re.search(pattern, text) and (of_numbers or what != "a unit or a range"):
                    lacking.append(f"{cls.name}.{ast.unparse(field.target)} lacks {what}")
    assert not lacking, "\n".join(lacking)
