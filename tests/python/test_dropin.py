"""pkg.core.llm is llmagg: as a namespace package, and written into an application with its own pkg/__init__.py."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import llmagg
from conftest import python
from llmagg import dropin

pytestmark = pytest.mark.long

EXPORTS = [
    "Message",
    "MessageRole",
    "ChatCompletionRequest",
    "ChatCompletionResponse",
    "StreamResponse",
    "ModelConfig",
    "ProviderConfig",
    "LLMError",
    "ModelNotFoundError",
    "ProviderNotFoundError",
    "APIError",
    "LLMClient",
    "BaseLLMClient",
    "Provider",
    "BaseProvider",
    "Manager",
    "OpenAIProvider",
    "DeepSeekProvider",
    "GeminiProvider",
    "LLMAggregator",
    "get_manager",
    "get_client",
]

PROGRAM = """
import asyncio
from unittest import mock
from pkg.service.chat import answer
import llmagg, llmagg.types, llmagg.providers.gemini_provider
import pkg.core.llm
import pkg.core.llm.types
from pkg.core.llm.providers.gemini_provider import GeminiClient
from pkg.core.llm.errors import AllModelsFailedError
from pkg.core.llm import LLMAggregator, Message, EXPORTS
from pkg.core.llm.llm_aggrator import LLMAggrator

assert pkg.core.llm is llmagg
assert pkg.core.llm.types is llmagg.types
assert GeminiClient is llmagg.providers.gemini_provider.GeminiClient
assert AllModelsFailedError is llmagg.AllModelsFailedError
assert isinstance(Message("user", "x"), llmagg.types.Message)
assert isinstance(llmagg.LLMAggregator(), LLMAggregator)
reply = mock.AsyncMock(return_value="mocked")
for name in ("pkg.core.llm.aggregator", "llmagg.aggregator", "pkg.core.llm", "llmagg"):
    with mock.patch(f"{name}.LLMAggregator.generate_response", reply):
        assert asyncio.run(answer("hi")) == "mocked"
with mock.patch("pkg.core.llm.manager.get_manager", return_value="other"):
    assert llmagg.manager.get_manager() == "other"
print("fine")
""".replace("EXPORTS", ", ".join(EXPORTS))

SERVICE = """
from pkg.core.llm import LLMAggregator

async def answer(text):
    return await LLMAggregator().generate_response([{"role": "user", "content": text}])
"""


def application(folder: Path, *, regular: bool) -> Path:
    """A small application with pkg.service.chat, which uses pkg.core.llm."""
    (folder / "pkg" / "service").mkdir(parents=True)
    (folder / "pkg" / "service" / "chat.py").write_text(SERVICE)
    if regular:
        (folder / "pkg" / "core").mkdir()
        for package in ("pkg", "pkg/service", "pkg/core"):
            (folder / package / "__init__.py").write_text("")
    return folder


def test_an_application_without_pkg_init(tmp_path: Path) -> None:
    result = python(PROGRAM, cwd=application(tmp_path, regular=False))
    assert (result.returncode, result.stdout) == (0, "fine\n"), result.stderr


def test_an_application_with_its_own_pkg_init(tmp_path: Path) -> None:
    app = application(tmp_path, regular=True)
    assert "No module named 'pkg.core.llm'" in python(PROGRAM, cwd=app).stderr
    run_dropin(app)
    result = python(PROGRAM, cwd=app)
    assert (result.returncode, result.stdout) == (0, "fine\n"), result.stderr
    assert "wrote" in run_dropin(app).stdout, "a second run renews the files"


def run_dropin(app: Path, *options: str, status: int = 0) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "llmagg", "dropin", str(app / "pkg" / "core" / "llm"), *options]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert result.returncode == status, result.stderr
    return result


def test_replace_moves_the_original_to_a_backup(tmp_path: Path) -> None:
    app = application(tmp_path, regular=True)
    original = app / "pkg" / "core" / "llm"
    original.mkdir()
    (original / "__init__.py").write_text("raise ImportError('the original')\n")
    (original / "utils.py").write_text("x = 1\n")
    refused = run_dropin(app, status=1)
    assert "--replace" in refused.stderr
    assert (original / "__init__.py").read_text().startswith("raise")
    replaced = run_dropin(app, "--replace")
    (backup,) = [path for path in original.parent.iterdir() if "backup" in path.name]
    assert f"moved '{original}' to '{backup}'" in replaced.stdout
    assert sorted(path.name for path in backup.iterdir()) == ["__init__.py", "utils.py"]
    assert not (original / "utils.py").exists()
    assert python(PROGRAM, cwd=app).stdout == "fine\n"


def test_a_file_in_the_way_is_refused(tmp_path: Path) -> None:
    target = tmp_path / "core" / "llm"
    target.parent.mkdir()
    target.write_text("not a folder")
    with pytest.raises(FileExistsError):
        dropin.write(target, replace=True)
    assert target.read_text() == "not a folder"


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        (".", "does not end in core/llm"),
        ("pkg", "does not end in core/llm"),
        ("pkg/core/llm/x", "does not end in core/llm"),
        ("pgk/core/llm", "pgk' does not exist"),
    ],
)
def test_a_path_elsewhere_is_refused(tmp_path: Path, path: str, reason: str) -> None:
    application(tmp_path, regular=True)
    before = sorted(tmp_path.rglob("*"))
    command = [sys.executable, "-m", "llmagg", "dropin", path, "--replace"]
    refused = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert refused.returncode == 1
    assert reason in refused.stderr
    assert sorted(tmp_path.rglob("*")) == before


def test_the_installed_files_are_those_that_are_written() -> None:
    import importlib.util

    spec = importlib.util.find_spec("pkg.core")
    assert spec is not None
    assert spec.origin is None, "pkg.core must be a namespace package"
    (folder,) = [
        Path(place) / "llm" for place in spec.submodule_search_locations or () if (Path(place) / "llm").is_dir()
    ]
    for path, content in dropin.files().items():
        assert (folder / path).read_text() == content


def test_exports_of_the_original() -> None:
    for name in EXPORTS:
        assert name in llmagg.__all__
        assert hasattr(llmagg, name)


def test_threads_that_import_the_modules_at_the_same_time(tmp_path: Path) -> None:
    code = """
import sys, threading
names, failed, begin = %r * 4, [], threading.Barrier(40)
def bring(name):
    begin.wait()
    try:
        module = __import__(f"pkg.core.llm.{name}", fromlist=["x"])
        ours = vars(sys.modules[f"llmagg.{name}"])
        # A thread that waited for another one's import gets the file's own module; what is in it is the same.
        failed.extend((name, each) for each in ours if each[:2] != "__" and getattr(module, each) is not ours[each])
    except BaseException as error:
        failed.append(error)
threads = [threading.Thread(target=bring, args=(name,)) for name in names]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
failed += [name for name in names if __import__(f"pkg.core.llm.{name}", fromlist=["x"]).__name__ != f"llmagg.{name}"]
assert not failed, failed[:3]
"""
    names = [name for name in dropin.MODULES if name not in ("errors", "events")]
    for _ in range(3):
        done = python(code % (names,))
        assert done.returncode == 0, done.stderr
