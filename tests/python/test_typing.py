"""What an editor and a type checker know: an application of a few hundred lines, and mistakes that they find."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import typing
from pathlib import Path

import pytest

import llmagg
from llmagg import params
from llmagg._native import route
from llmagg.faultwall import FaultWall

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


def test_each_parameter_is_told() -> None:
    """A text below each of the names, for hover."""
    _, _, source = Path(params.__file__).read_text("utf-8").partition("class RowOptions")
    for cls in (params.Options, params.GenerateParams, params.ChatParams, params.RowParams):
        for name in cls.__annotations__.keys() - typing.get_type_hints(params.VendorParams).keys():
            _, _, after = source.partition(f"\n    {name}: ")
            assert after.partition("\n")[2].startswith('    """'), name
