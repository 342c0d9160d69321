"""The pages of docs and both READMEs: each block of code is run as it stands (see :mod:`pages`), each link leads somewhere."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from commands import run as run_commands
from pages import PAGES, READMES, ROOT, Block, at_the_wall, blocks, exports, matches, needs, text_of

from llmagg.faultwall import FaultWall

EXAMPLES = ROOT / "build" / "doc-examples" / "venv" / "bin" / "python"
OWN = re.compile(r"_API_KEY$|_BASE_URL$|^LLMAGG_(CONFIG|MODELS|SETTINGS)$")  # variables that say whom calls ask
RULES = {"python": ".py", "go": ".go", "c": ".c", "cpp": ".cpp", "py": ".py"}
WITH_CODE = [page for page in PAGES if blocks(text_of(page)) and (page in READMES or not page.endswith(".zh.md"))]


def environment(wall: FaultWall, folder: Path, python: str) -> dict[str, str]:
    """What the first page exports; the variables of litellm, too."""
    return {
        **{name: value for name, value in os.environ.items() if not OWN.search(name)},
        **exports(wall.url),
        "ANTHROPIC_API_BASE": wall.url.removesuffix("/v1"),
        "OPENAI_API_BASE": wall.url,
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "PYTHONPATH": str(folder),
        "LD_LIBRARY_PATH": str(ROOT / "build"),
        "PATH": f"{Path(python).parent}{os.pathsep}{os.environ['PATH']}",
    }


def interpreter(packages: list[str]) -> str:
    """The Python that has the packages."""
    if not packages:
        return sys.executable
    wanted = bool(os.environ.get("LLMAGG_DOC_EXAMPLES"))  # these libraries are slow to import
    for python in (sys.executable, *([str(EXAMPLES)] if wanted else [])):
        imports = "import " + ", ".join(packages)
        if subprocess.run([python, "-c", imports], capture_output=True).returncode == 0:
            return python
    assert not wanted, f"none of the Pythons has {packages}"
    pytest.skip(f"needs {', '.join(packages)} (make doc-examples)")


def command(block: Block, file: Path, python: str) -> list[str]:
    """What runs a program or a page's tests."""
    library = ROOT / "build"
    if block.language == "py":
        return [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(file.parent), str(file)]
    if block.language == "go":
        return ["go", *(["test"] if "testing.T" in block.code else ["run"]), str(file)]
    if block.language in ("c", "cpp"):
        compiler = ["cc", "-std=c99"] if block.language == "c" else ["c++", "-std=c++17"]
        built = [
            *compiler,
            "-Wall",
            f"-I{ROOT}/include",
            f"-I{ROOT}/examples/cpp",
            str(file),
            f"-L{library}",
            "-lllmagg",
        ]
        done = subprocess.run([*built, "-o", str(file.with_suffix(""))], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return [str(file.with_suffix(""))]
    if re.search(r"^(?:\w+ = )?(?:await|async for|async with) ", block.code, re.MULTILINE):
        return [python, str(ROOT / "tests/readme/cell.py"), str(file)]
    return [python, str(file)]


def run_program(block: Block, wall: FaultWall, folder: Path, python: str) -> None:
    name = "test_pasted.py" if block.language == "py" else f"program{RULES[block.language]}"
    if block.language == "go" and "testing.T" in block.code:
        name = "program_test.go"
    file = folder / name
    file.write_text(at_the_wall(block.code, wall.url), "utf-8")
    cwd = ROOT if block.language == "go" else folder
    ran = command(block, file, python)
    env = environment(wall, folder, python)
    limit = 600 if block.language == "go" else 120  # the first Go program has all that it imports compiled
    done = subprocess.run(ran, cwd=cwd, env=env, capture_output=True, text=True, timeout=limit)
    assert done.returncode == 0, f"{block.code}\n{done.stdout}{done.stderr}"
    if block.language != "py" and not name.endswith("_test.go"):
        assert block.output is not None, f"no text block says what this prints:\n{block.code}"
        # The wall stands for the vendors' own servers, which a refused key's message does not mention.
        printed = re.sub(r"; http://127\.0\.0\.1:\d+ answered, which is not a server of .*", "", done.stdout)
        assert matches(block.output, printed), f"{block.code}\n{done.stdout}{done.stderr}"


def read_configuration(block: Block, wall: FaultWall, folder: Path, python: str) -> None:
    """The library takes the configuration of the page."""
    file = folder / "llm.json"
    file.write_text(block.code)
    file.chmod(0o600)
    names = dict.fromkeys(re.findall(r"\$\{(\w+)\}", block.code), "set-by-the-test")
    env = {**environment(wall, folder, python), "GROQ_API_KEY": "k", **names}
    check = "import llmagg; llmagg.LLMAggregator().initialize_sync('llm.json')"
    done = subprocess.run([python, "-c", check], cwd=folder, env=env, capture_output=True, text=True, timeout=60)
    if (
        "no store for it" in done.stderr
    ):  # the library of this checkout, unlike that of wheels; the rest is read all the same
        file.write_text(json.dumps({name: value for name, value in json.loads(block.code).items() if name != "fleet"}))
        done = subprocess.run([python, "-c", check], cwd=folder, env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"{block.code}\n{done.stderr}"


@pytest.mark.parametrize("page", WITH_CODE)
def test_programs(page: str, tmp_path: Path) -> None:
    text = text_of(page)
    python = interpreter(needs(text))
    page_blocks = blocks(text)
    (tmp_path / "build").symlink_to(ROOT / "build")
    with FaultWall(page_blocks[0].wall) as wall:  # one for the page, as a reader has
        for i, block in enumerate(page_blocks):
            if block.wall != page_blocks[0].wall:
                wall.script(block.wall)
            if block.title == "wall.json":
                continue
            if block.title:
                used = "".join(later.code for later in page_blocks[i + 1 :])
                assert Path(block.title).stem in used, f"no block below uses {block.title}"
                assert f"`{block.title}`" in text, f"the page does not say that this is {block.title}"
                file = tmp_path / block.title
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(at_the_wall(block.code, wall.url), "utf-8")
            elif block.language == "json":
                read_configuration(block, wall, tmp_path, python)
            elif block.language == "sh":
                run_commands(block, tmp_path, environment(wall, tmp_path, python))
            else:
                assert block.language in RULES, f"no rule how to run a block of {block.language!r}"
                run_program(block, wall, tmp_path, python)


@pytest.mark.parametrize("page", PAGES)
def test_links(page: str) -> None:
    prose = re.sub(r"^```.*?^```", "", text_of(page), flags=re.DOTALL | re.MULTILINE)
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", prose):
        assert ((ROOT / page).parent / target).exists(), target


@pytest.mark.parametrize("page", [page for page in PAGES if page.startswith("docs/")])
def test_extras_have_their_form_for_a_checkout(page: str) -> None:
    if "pip install 'llmagg[" in text_of(page):
        assert "./bindings/python[" in text_of(page) or "first-call.md#from-a-checkout" in text_of(page)


def test_each_page_stands_in_the_navigation() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text().partition("\nnav:\n")[2]
    listed = set(re.findall(r"\b([\w/-]+\.md)$", navigation, re.MULTILINE))
    assert {f"docs/{page}" for page in listed} == {
        page for page in PAGES if not page.endswith("README.md") and not page.endswith(".zh.md")
    }
