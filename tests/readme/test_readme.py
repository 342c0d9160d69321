"""The quick starts of both READMEs, copied literally: only the address of the API is another one."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from llmagg.faultwall import FaultWall

ROOT = Path(__file__).resolve().parents[2]
READMES = ["README.md", "README.zh.md"]
ANSWER = "Hello from gpt-4o-mini."


@pytest.fixture
def api() -> Iterator[str]:
    with FaultWall() as wall:
        yield wall.url


def blocks(readme: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / readme).read_text(), re.DOTALL)


def run(command: list[str], api: str, **more: str) -> str:
    environment = {**os.environ, "OPENAI_API_KEY": "a-key-for-the-test", **more}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def here(code: str, api: str) -> str:
    assert "https://api.openai.com/v1" in code
    return code.replace("https://api.openai.com/v1", api)


@pytest.mark.parametrize("readme", READMES)
def test_first_screen(readme: str, api: str, tmp_path: Path) -> None:
    script = tmp_path / "first_screen.py"
    script.write_text(blocks(readme, "python")[0])
    keys = {"ANTHROPIC_API_KEY": "k", "DASHSCOPE_API_KEY": "k"}
    out = run([sys.executable, str(script)], api, ANTHROPIC_BASE_URL=api.removesuffix("/v1") + "/anthropic", **keys)
    assert out == "Hello from claude-sonnet-4-5.\n"


@pytest.mark.parametrize("readme", READMES)
@pytest.mark.parametrize("which", [1, 2], ids=["package", "ctypes"])
def test_python(readme: str, which: int, api: str, tmp_path: Path) -> None:
    script = tmp_path / "quick_start.py"
    script.write_text(here(blocks(readme, "python")[which], api))
    assert ANSWER in run([sys.executable, str(script)], api)


@pytest.mark.parametrize("readme", READMES)
def test_the_example_of_a_test_passes_as_pasted(readme: str, api: str, tmp_path: Path) -> None:
    (pasted,) = blocks(readme, "py")
    (tmp_path / "test_pasted.py").write_text(pasted)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-W",
        "error",
        "--rootdir",
        str(tmp_path),
    ]
    assert "1 passed" in run([*command, str(tmp_path)], api)


@pytest.mark.parametrize("readme", READMES)
def test_go(readme: str, api: str, tmp_path: Path) -> None:
    (tmp_path / "main.go").write_text(here(blocks(readme, "go")[0], api))
    assert ANSWER in run(["go", "run", str(tmp_path / "main.go")], api)


@pytest.mark.parametrize("readme", READMES)
def test_c(readme: str, api: str, tmp_path: Path) -> None:
    source, program = tmp_path / "hello.c", tmp_path / "hello"
    source.write_text(here(blocks(readme, "c")[0], api))
    library = str(ROOT / "build")
    run(
        [
            "cc",
            str(source),
            f"-I{ROOT}/include",
            f"-L{library}",
            "-lllmagg",
            f"-Wl,-rpath,{library}",
            "-o",
            str(program),
        ],
        api,
    )
    assert ANSWER in run([str(program)], api)


def test_paths_in_contributing_exist() -> None:
    table = re.findall(r"^\| [^|]+ \| ([^|]+) \|$", (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE)
    named = [name for cell in table for name in re.findall(r"`([^`]+)`", cell)]
    paths = [name for name in named if not name.startswith("make ")]
    assert len(paths) > 20
    missing = [path for path in paths if not (ROOT / path).exists()]
    assert not missing


def test_every_target_of_the_readme_exists() -> None:
    targets = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in set(re.findall(r"(?:^|`)make ([a-z]+)", (ROOT / "README.md").read_text(), re.MULTILINE)):
        assert re.search(rf"^\s+{name}\b", targets, re.MULTILINE), name
