"""Building the package from a checkout: a clear line for what is missing."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

BACKEND = Path(__file__).parents[2] / "bindings" / "python" / "_build"
CODE = "import sys; sys.path.insert(0, sys.argv[1]); import backend; {}"


def tool(folder: Path, name: str, output: str = "") -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{output}'\n")
    path.chmod(0o755)


@pytest.mark.long
@pytest.mark.parametrize(
    ("tools", "message"),
    [
        ({}, "Go 1.25 or newer is needed to build llmagg, and no 'go' was found"),
        ({"go": "go1.21.3"}, "is go1.21.3"),
        ({"go": "go1.25.0"}, "a C compiler is needed to build llmagg"),
        ({"go": "go1.25rc1", "cc": ""}, "make is needed to build llmagg"),
    ],
)
def test_what_is_missing_is_said(tmp_path: Path, tools: dict[str, str], message: str) -> None:
    for name, output in tools.items():
        tool(tmp_path, name, output)
    command = [sys.executable, "-c", CODE.format("backend.provide_library()"), str(BACKEND)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, env={"PATH": str(tmp_path)})
    assert result.returncode == 1
    assert result.stderr.startswith("llmagg: ")
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_away_from_the_sources_is_said(tmp_path: Path) -> None:
    place = tmp_path / "deep" / "down"
    place.mkdir(parents=True)
    (place / "backend.py").write_text((BACKEND / "backend.py").read_text())
    command = [sys.executable, "-c", CODE.format("backend.provide_library()"), str(place)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert result.returncode == 1
    assert "the Go sources are not beside the package" in result.stderr


@pytest.mark.long
def test_a_source_archive_has_all_that_a_build_needs(tmp_path: Path) -> None:
    root = BACKEND.parents[2]
    copy = tmp_path / "bindings" / "python"
    shutil.copytree(BACKEND.parent, copy, ignore=shutil.ignore_patterns("build", "*.egg-info", "*.so", "__pycache__"))
    for name in ("core", "capi", "include", "packaging", "go.mod", "go.sum"):
        (tmp_path / name).symlink_to(root / name)
    code = CODE.format("import os; os.chdir(sys.argv[2]); print(backend.build_sdist(sys.argv[3]))")
    command = [sys.executable, "-c", code, str(copy / "_build"), str(copy), str(tmp_path)]
    made = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert made.returncode == 0, made.stderr
    with tarfile.open(tmp_path / made.stdout.splitlines()[-1]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {
        "_build/backend.py",
        "go/go.mod",
        "go/capi/main.go",
        "go/include/llmagg.h",
        "go/packaging/build.mk",
    } <= names
    sources = [str(path.relative_to(root)) for path in (root / "core").rglob("*.go") if "_test.go" not in path.name]
    assert {f"go/{name}" for name in sources if "testdata" not in name} <= names
    assert not (copy / "go").exists()
