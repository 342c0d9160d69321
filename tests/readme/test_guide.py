"""The pages of docs/guide: each program is run as it stands, and prints what the page says.

A page may script the wall in a comment, ``<!-- wall: {…} -->``. ``…`` in an expected output stands for any text.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from llmagg.faultwall import FaultWall

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guide"
PAGES = sorted(path.name for path in GUIDE.glob("*.md"))
MODELS = {
    "openai": ["gpt-4o-mini", "slow", "json"],
    "anthropic": ["claude-sonnet-4-5"],
    "deepseek": ["deepseek-chat"],
}


def blocks(page: str) -> list[tuple[str, str]]:
    """The language and the text of each block."""
    return re.findall(r"^```(\w+)\n(.*?)^```", (GUIDE / page).read_text("utf-8"), re.DOTALL | re.MULTILINE)


def environment(wall: FaultWall, folder: Path) -> dict[str, str]:
    """Keys of three vendors, whose models are at the wall."""
    roots = dict.fromkeys(MODELS, wall.url) | {"anthropic": wall.url.removesuffix("/v1") + "/anthropic"}
    config = {
        vendor: {"models": {name: {"api_key": "k-123456789", "base_url": roots[vendor]} for name in names}}
        for vendor, names in MODELS.items()
    }
    file = folder / "config-of-the-test.json"
    file.write_text(json.dumps(config))
    file.chmod(0o600)
    names = {f"{vendor.upper()}_API_KEY": "k-123456789" for vendor in MODELS}
    return {**os.environ, **names, "LLMAGG_CONFIG": str(file), "ANTHROPIC_BASE_URL": roots["anthropic"]}


def matches(expected: str, printed: str) -> bool:
    wanted, lines = expected.strip().splitlines(), printed.strip().splitlines()
    patterns = [".*".join(map(re.escape, line.split("…"))) for line in wanted]
    return len(wanted) == len(lines) and all(map(re.fullmatch, patterns, lines))


def run(language: str, code: str, folder: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Runs a program (``python``) or tests (``py``) of a page."""
    file = folder / ("program.py" if language == "python" else "test_pasted.py")
    file.write_text(code, "utf-8")
    tests = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(folder)]
    command = [sys.executable, *(tests if language == "py" else []), str(file)]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("page", PAGES)
def test_programs(page: str, tmp_path: Path) -> None:
    found = blocks(page)
    script = re.search(r"<!-- wall: (.*) -->", (GUIDE / page).read_text("utf-8"))
    for i, (language, code) in enumerate(found):
        if language not in ("json", "python", "py"):
            continue
        with FaultWall(script[1] if script else None) as wall:
            if language == "json":
                (tmp_path / "llm.json").write_text(code)
                continue
            if (file := tmp_path / "llm.json").exists():
                config = json.loads(file.read_text())
                config["openai"]["models"]["gpt-4o-mini"]["base_url"] = wall.url
                file.write_text(json.dumps(config))
                file.chmod(0o600)
            code = code.replace("https://api.openai.com/v1", wall.url)
            done = run(language, code, tmp_path, environment(wall, tmp_path))
            assert done.returncode == 0, f"{page}, block {i}:\n{done.stdout}{done.stderr}"
            if language == "python":
                assert found[i + 1][0] == "text", f"{page}: block {i} has no output below it"
                assert matches(found[i + 1][1], done.stdout), f"{page}, block {i}:\n{done.stdout}"


@pytest.mark.parametrize("page", PAGES)
def test_links(page: str) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", (GUIDE / page).read_text("utf-8")):
        assert (GUIDE / target).exists(), target


def test_the_index_names_each_page() -> None:
    listed = re.findall(r"\]\(([\w-]+\.md)\)", (GUIDE / "README.md").read_text("utf-8"))
    assert sorted([*listed, "README.md"]) == PAGES
