"""The package itself: what importing it does, what it exports, and that its sources are clean."""

from __future__ import annotations

import ast
import ctypes
import importlib.metadata
import pkgutil
import re
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest

import llmagg
from conftest import python

SOURCES = Path(llmagg.__file__).parent
ROOT = Path(__file__).parents[2]
PROJECT = ROOT / "bindings" / "python"


def test_version() -> None:
    assert importlib.metadata.version("llmagg") == llmagg.__version__
    assert f'version = "{llmagg.__version__}"' in (PROJECT / "pyproject.toml").read_text()
    from llmagg._native import load

    assert load.library().llmagg_version().decode() == llmagg.__version__


@pytest.mark.parametrize("name", ["llmagg", "pkg.core.llm"])
def test_import_loads_no_library_and_starts_no_thread(name: str) -> None:
    code = f"""
import sys, threading
import {name}
assert threading.active_count() == 1
assert "libllmagg" not in open("/proc/self/maps").read()
assert "ctypes" not in sys.modules and "asyncio" not in sys.modules
{name}.LLMAggregator(), {name}.get_manager()
assert "libllmagg" not in open("/proc/self/maps").read()
"""
    result = python(code)
    if sys.version_info >= (3, 11):  # before, asyncio.TimeoutError is a class of its own
        assert result.returncode == 0, result.stderr


def test_the_only_dependency_is_msgspec() -> None:
    requires = [line for line in importlib.metadata.requires("llmagg") or [] if "extra ==" not in line]
    assert [re.split(r"[ ><=;]", line)[0] for line in requires] == ["msgspec"]


def test_every_public_name_is_exported() -> None:
    for name in llmagg.__all__:
        assert getattr(llmagg, name) is not None
    public = {name for name in vars(llmagg) if name[0].isalpha()} - {"annotations", "instrument"}  # it needs an extra
    modules = {module.name for module in pkgutil.iter_modules(llmagg.__path__)}
    assert public - modules <= set(llmagg.__all__)


def test_everything_public_has_a_docstring() -> None:
    for path in SOURCES.rglob("*.py"):
        tree = ast.parse(path.read_text())
        assert ast.get_docstring(tree), path
        for node in tree.body:
            if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
                if node.name.startswith("_") or any(ast.unparse(d) == "overload" for d in node.decorator_list):
                    continue
                assert ast.get_docstring(node), f"{path}: {node.name}"


def test_only_native_knows_ctypes() -> None:
    for path in SOURCES.rglob("*.py"):
        if "_native" not in path.parts:
            assert not re.search(r"^\s*(import|from) ctypes", path.read_text(), re.MULTILINE), path


def test_files_stay_small() -> None:
    for path in [*SOURCES.rglob("*.py"), *Path(__file__).parent.glob("*.py")]:
        assert len(path.read_text().splitlines()) <= 500, path


def test_the_layouts_are_those_of_the_header() -> None:
    from llmagg._native import signatures

    assert signatures.EVENT.size == 40
    header = (ROOT / "include" / "llmagg.h").read_text()
    body = re.search(r"typedef struct llmagg_drain \{(.*?)\} llmagg_drain;", header, re.DOTALL)
    assert body is not None
    fields = re.findall(r"^\s+[\w ]+?[ *](\w+);", body[1], re.MULTILINE)
    assert fields == [name for name, *_ in signatures.Drain._fields_]
    assert ctypes.sizeof(signatures.Drain) == 88
    assert f"LLMAGG_ABI_VERSION {signatures.ABI_VERSION}" in header
    for name in (
        "CHUNK",
        "RESTART",
        "DONE",
        "ERROR",
        "CALL_CUSTOM",
        "CANCEL_CUSTOM",
        "RESUME_CUSTOM",
        "LOG",
        "OBSERVE",
        "DROPPED",
    ):
        assert re.search(rf"LLMAGG_EVENT_{name} = {getattr(signatures, name)},?\s", header), name


def test_the_layouts_are_those_that_c_has() -> None:
    """tests/capi/header.sh holds the same list against C's sizeof and offsetof."""
    from llmagg._native import signatures

    lines = (ROOT / "tests" / "capi" / "layout.golden").read_text().splitlines()
    golden = {name: int(value) for name, value in (line.split() for line in lines)}
    ours = {}
    for name, structure in (("llmagg_buf", signatures.Buf), ("llmagg_drain", signatures.Drain)):
        ours[name] = ctypes.sizeof(structure)
        ours |= {f"{name}.{field}": getattr(structure, field).offset for field, _ in structure._fields_}
    for name, form, fields in (
        ("llmagg_event", signatures.EVENT.format, ("type", "status", "op", "tag", "payload", "payload_len")),
        ("llmagg_vectors", signatures.VECTORS.format, ("count", "dimensions", "offset", "json_offset", "json_len")),
    ):
        ours[name] = struct.calcsize(form)
        for i, field in enumerate(fields):
            ours[f"{name}.{field}"] = struct.calcsize(form[: i + 2]) - struct.calcsize("@" + form[i + 1])
    assert ours == golden


@pytest.mark.parametrize("musl", [True, False])
def test_on_musl_the_error_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, musl: bool) -> None:
    from llmagg._native import load

    assert not load._is_musl()  # on the machine that runs this, whatever is installed beside
    monkeypatch.setattr(load, "_is_musl", lambda: musl)
    broken = tmp_path / "libllmagg.so"
    broken.write_bytes(b"static TLS")
    with pytest.raises(ImportError, match="native library cannot be loaded") as caught:
        load._dlopen(str(broken))
    assert ("Go shared libraries cannot be loaded with musl" in str(caught.value)) is musl


def test_the_signatures_are_those_of_the_header() -> None:
    from llmagg._native import signatures

    header = (ROOT / "include" / "llmagg.h").read_text()
    for name, parameters in signatures.STATUS_FUNCTIONS.items():
        match = re.search(rf"LLMAGG_API llmagg_status {name}\((.*?)\);", header, re.DOTALL)
        assert match is not None, name
        assert len(match[1].split(",")) == len(parameters), name
    for name in signatures.OTHER_FUNCTIONS:
        assert f"{name}(" in header


@pytest.mark.parametrize(
    "command", [["mypy"], ["ruff", "check", "."], ["ruff", "format", "--check", "."]], ids=" ".join
)
def test_sources_are_clean(command: list[str]) -> None:
    result = subprocess.run([sys.executable, "-m", *command], cwd=PROJECT, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("folder", ["tests/python", "examples/python"])
def test_tests_and_examples_are_clean(folder: str) -> None:
    for command in (["check"], ["format", "--check"]):
        result = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "."],
            cwd=ROOT / folder,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert result.returncode == 0, result.stdout + result.stderr


def test_examples_are_typed() -> None:
    files = sorted(map(str, (ROOT / "examples" / "python").glob("*.py")))
    command = [sys.executable, "-m", "mypy", "--strict", *files]  # with what mypy has kept of the sources
    result = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stdout + result.stderr


def test_keys_show_in_no_repr() -> None:
    config = llmagg.ModelConfig("m", "openai", "sk-secret", "http://127.0.0.1:9")
    provider = llmagg.OpenAIProvider(llmagg.ProviderConfig("openai", {"m": config}))
    provider.initialize_all_models_sync()
    shown = "".join(map(repr, (config, provider.config, provider, provider.clients, vars(provider))))
    assert "sk-secret" not in shown


def test_late_names_are_plain_ones_once_their_module_is_there() -> None:
    code = "import llmagg, llmagg.observers as o; print([vars(llmagg)[n] is getattr(o, n) for n in sys.argv[1:]])"
    done = python("import sys; " + code, "Observation", "Observer", "SyncObserver", "observe", "observe_sync")
    assert done.stdout.strip() == str([True] * 5), done.stderr


def test_the_c_library_of_the_package(tmp_path: Path) -> None:
    include, library = Path(llmagg.get_include()), Path(llmagg.get_library())
    assert (include / "llmagg.h").read_bytes() == (ROOT / "include/llmagg.h").read_bytes()
    assert (include / "llmagg.hpp").read_bytes() == (ROOT / "examples/cpp/llmagg.hpp").read_bytes()
    assert ctypes.CDLL(str(library)).llmagg_abi_version() == 1
    command = [sys.executable, "-m", "llmagg", "c-library"]
    for option, path in (("--include", include), ("--library", library)):
        done = subprocess.run([*command, option], capture_output=True, text=True, check=True)
        assert done.stdout == f"{path}\n"
    prefix = tmp_path / "a prefix"
    for _ in range(2):  # again: an upgrade
        subprocess.run([*command, str(prefix)], capture_output=True, check=True)
    assert [*map(str, sorted(p.relative_to(prefix) for p in prefix.rglob("*") if not p.is_dir()))] == [
        "include/llmagg.h", "include/llmagg.hpp", "lib/cmake/llmagg/llmaggConfig.cmake",
        "lib/cmake/llmagg/llmaggConfigVersion.cmake", "lib/libllmagg.so", "lib/libllmagg.so.1",
        "lib/pkgconfig/llmagg.pc",
    ]  # fmt: skip
    assert f"Version: {llmagg.__version__}\n" in (prefix / "lib/pkgconfig/llmagg.pc").read_text()
    assert not [p for p in (*prefix.rglob("*.pc"), *prefix.rglob("*.cmake")) if "@" in p.read_text()]
    program = "#include <llmagg.hpp>\n#include <cstdio>\nint main() { std::puts(llmagg_version()); }\n"
    (tmp_path / "hello.cpp").write_text(program)
    built = ["c++", "-std=c++17", str(tmp_path / "hello.cpp"), f"-I{prefix}/include", f"-L{prefix}/lib", "-lllmagg"]
    subprocess.run([*built, f"-Wl,-rpath,{prefix}/lib", "-o", str(tmp_path / "hello")], check=True)
    assert subprocess.run([tmp_path / "hello"], capture_output=True, text=True).stdout == f"{llmagg.__version__}\n"
    done = subprocess.run([*command, "/dev/null/x"], capture_output=True, text=True)
    assert (done.returncode, done.stderr.startswith("Error: ")) == (1, True)
    if cmake := shutil.which("cmake"):
        (tmp_path / "CMakeLists.txt").write_text(
            "cmake_minimum_required(VERSION 3.15)\nproject(hello CXX)\nset(CMAKE_CXX_STANDARD 17)\n"
            f"find_package(llmagg {llmagg.__version__} REQUIRED)\nadd_executable(hello hello.cpp)\n"
            "target_link_libraries(hello llmagg::llmagg)\n"
            'if(TARGET llmagg::static)\n  message(FATAL_ERROR "there is no archive")\nendif()\n'
        )
        made = tmp_path / "made"
        subprocess.run([cmake, "-S", tmp_path, "-B", made, f"-DCMAKE_PREFIX_PATH={prefix}"], check=True)
        subprocess.run([cmake, "--build", made], check=True)
        assert subprocess.run([made / "hello"], capture_output=True, text=True).stdout == f"{llmagg.__version__}\n"
