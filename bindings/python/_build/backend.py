"""The build backend: setuptools, with the Go core compiled into the package first.

``LLMAGG_PREBUILT_LIBRARY`` names a library to take instead; by default it is compiled here. See also setup.py.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from setuptools import build_meta
from setuptools.build_meta import get_requires_for_build_sdist, prepare_metadata_for_build_wheel

__all__ = [
    "build_editable", "build_sdist", "build_wheel", "get_requires_for_build_editable", "get_requires_for_build_sdist",
    "get_requires_for_build_wheel", "prepare_metadata_for_build_editable", "prepare_metadata_for_build_wheel",
]  # fmt: skip

PROJECT = Path(__file__).resolve().parent.parent
LIBRARY = PROJECT / "src" / "llmagg" / "_native" / "libllmagg.so"
GO_FOLDER = "go"
GO_SOURCES = ("core", "capi", "include", "packaging", "go.mod", "go.sum")
GO_AT_LEAST = (1, 25)

get_requires_for_build_editable = build_meta.get_requires_for_build_editable
get_requires_for_build_wheel = build_meta.get_requires_for_build_wheel
prepare_metadata_for_build_editable = build_meta.prepare_metadata_for_build_editable


def build_wheel(directory: str, config_settings: Any = None, metadata_directory: str | None = None) -> str:
    """Builds a wheel that holds the library and fits every Python 3 of its platform."""
    provide_library()
    shutil.rmtree(PROJECT / "build", ignore_errors=True)  # setuptools would pack what an earlier version left there
    return build_meta.build_wheel(directory, config_settings, metadata_directory)


def build_sdist(directory: str, config_settings: Any = None) -> str:
    """Builds a source archive that can be built: with this backend, and the Go sources in the folder ``go``."""
    root = sources()
    into = PROJECT / GO_FOLDER
    if root != into:
        shutil.rmtree(into, ignore_errors=True)
        for name in GO_SOURCES:
            copied = (into / name).parent
            copied.mkdir(parents=True, exist_ok=True)
            if (root / name).is_dir():
                shutil.copytree(root / name, into / name, ignore=shutil.ignore_patterns("*_test.go", "testdata"))
            else:
                shutil.copy2(root / name, into / name)
    try:
        return build_meta.build_sdist(directory, config_settings)
    finally:
        if root != into:
            shutil.rmtree(into)


def sources() -> Path:
    """Where the Go sources are: the checkout, or the source archive's own folder."""
    for root in (PROJECT / GO_FOLDER, PROJECT.parent.parent):
        if (root / "capi").is_dir():
            return root
    stop(f"the Go sources are not beside the package ({root}); build from a checkout of llmagg, or install a wheel")
    raise AssertionError


def build_editable(directory: str, config_settings: Any = None, metadata_directory: str | None = None) -> str:
    """Links the sources into an environment, for work on the package."""
    provide_library()
    return build_meta.build_editable(directory, config_settings, metadata_directory)


def provide_library() -> None:
    """Puts the library into the package. Ends the build with a clear line when something is missing."""
    if prebuilt := os.environ.get("LLMAGG_PREBUILT_LIBRARY"):
        shutil.copyfile(prebuilt, LIBRARY)
        return
    root = sources()
    if sys.platform != "linux":
        stop(f"llmagg is built on Linux; this is {sys.platform}")
    go = find_go()
    if not (compiler := shutil.which(os.environ.get("CC", "cc").split()[0]) or shutil.which("gcc")):
        stop("a C compiler is needed to build llmagg; install gcc or clang, or set CC")
    if not (make := shutil.which("make")):
        stop("make is needed to build llmagg; install it")
    command = [make, "-f", "packaging/build.mk", "lib", "FLEET=1", f"GO={go}"]
    if (
        built := subprocess.run(command, cwd=root, env={**os.environ, "CC": os.environ.get("CC", compiler)})
    ).returncode:
        stop(f"compiling the Go core failed with status {built.returncode}; its messages stand above")
    shutil.copyfile(root / "build" / LIBRARY.name, LIBRARY)


def find_go() -> str:
    """The go command, if it is new enough."""
    wanted = ".".join(map(str, GO_AT_LEAST))
    if not (go := shutil.which("go")):
        stop(f"Go {wanted} or newer is needed to build llmagg, and no 'go' was found; see https://go.dev/dl")
    version = subprocess.run([go, "env", "GOVERSION"], capture_output=True, text=True).stdout.strip()
    numbers = version.removeprefix("go").split("rc")[0].split("-")[0].split(".")
    if tuple(int(part) for part in numbers[:2] if part.isdigit()) < GO_AT_LEAST:
        stop(f"Go {wanted} or newer is needed to build llmagg; {go} is {version or 'of an unknown version'}")
    return go


def stop(message: str) -> Any:
    """Ends the build."""
    raise SystemExit(f"llmagg: {message}")
