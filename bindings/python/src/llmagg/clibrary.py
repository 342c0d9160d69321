"""The C library of the package, for C, C++ and whatever else calls C: ``llmagg c-library``.

A wheel cannot hold the links under which linkers and loaders look for a library; ``install`` makes them.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from ._version import __version__

HEADERS = ("llmagg.h", "llmagg.hpp")
SONAME = "libllmagg.so.1"
_DESCRIPTIONS = (
    "pkgconfig/llmagg.pc", "cmake/llmagg/llmaggConfig.cmake", "cmake/llmagg/llmaggConfigVersion.cmake",
)  # fmt: skip

_HERE = Path(__file__).resolve().parent


def get_include() -> str:
    """The folder of ``llmagg.h`` and ``llmagg.hpp``, for a compiler's ``-I``."""
    return str(_HERE / "include")


def get_library() -> str:
    """The path of ``libllmagg.so``, for ``dlopen``, ctypes and other foreign function interfaces."""
    return str(_HERE / "_native" / "libllmagg.so")


def install(prefix: Path) -> list[Path]:
    """Copies the headers and the library below a folder, described for pkg-config and CMake. Returns the files."""
    prefix = prefix.resolve()
    include, lib = prefix / "include", prefix / "lib"
    include.mkdir(parents=True, exist_ok=True)
    lib.mkdir(exist_ok=True)
    done = [Path(shutil.copyfile(Path(get_include()) / name, include / name)) for name in HEADERS]
    new = lib / f".{SONAME}"
    shutil.copyfile(get_library(), new)
    new.chmod(0o755)
    done.append(new.replace(lib / SONAME))  # a process that runs keeps the file that it has
    link = lib / "libllmagg.so"
    link.unlink(missing_ok=True)
    link.symlink_to(SONAME)
    major, minor = __version__.split(".")[:2]
    values = {"PREFIX": prefix, "INCLUDEDIR": include, "LIBDIR": lib, "SOVERSION": SONAME.rpartition(".")[2],
              "VERSION": __version__, "MAJOR": major, "MINOR": minor}  # fmt: skip
    return [*done, link, *(_described(lib / name, values) for name in _DESCRIPTIONS)]


def _described(path: Path, values: dict[str, object]) -> Path:
    """Writes a description from its form, with these values."""
    text = (_HERE / "include" / f"{path.name}.in").read_text("utf-8")
    for name, value in values.items():
        text = text.replace(f"@{name}@", str(value))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path
