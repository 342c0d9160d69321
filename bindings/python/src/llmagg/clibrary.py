"""The C library of the package, for C, C++ and whatever else calls C: ``llmagg c-library``.

A wheel cannot hold the links under which linkers and loaders look for a library; ``install`` makes them.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from ._version import __version__

HEADERS = ("llmagg.h", "llmagg.hpp")
SONAME = "libllmagg.so.1"

_HERE = Path(__file__).resolve().parent


def get_include() -> str:
    """The folder of ``llmagg.h`` and ``llmagg.hpp``, for a compiler's ``-I``."""
    return str(_HERE / "include")


def get_library() -> str:
    """The path of ``libllmagg.so``, for ``dlopen``, ctypes and other foreign function interfaces."""
    return str(_HERE / "_native" / "libllmagg.so")


def install(prefix: Path) -> list[Path]:
    """Copies the headers and the library below a folder, with ``llmagg.pc`` for pkg-config. Returns the files."""
    prefix = prefix.resolve()
    include, lib = prefix / "include", prefix / "lib"
    for folder in (include, lib / "pkgconfig"):
        folder.mkdir(parents=True, exist_ok=True)
    done = [Path(shutil.copyfile(Path(get_include()) / name, include / name)) for name in HEADERS]
    new = lib / f".{SONAME}"
    shutil.copyfile(get_library(), new)
    new.chmod(0o755)
    done.append(new.replace(lib / SONAME))  # a process that runs keeps the file that it has
    link = lib / "libllmagg.so"
    link.unlink(missing_ok=True)
    link.symlink_to(SONAME)
    text = (_HERE / "include" / "llmagg.pc.in").read_text("utf-8")
    for name, value in (("PREFIX", prefix), ("INCLUDEDIR", include), ("LIBDIR", lib), ("VERSION", __version__)):
        text = text.replace(f"@{name}@", str(value))
    described = lib / "pkgconfig" / "llmagg.pc"
    described.write_text(text, "utf-8")
    return [*done, link, described]


def main(arguments: list[str]) -> int:
    """Runs the command; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="llmagg c-library", formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Gives the C library of this package to C and C++ programs.\n\n"
        "  llmagg c-library ~/llmagg\n"
        "  cc hello.c $(PKG_CONFIG_PATH=~/llmagg/lib/pkgconfig pkg-config --cflags --libs llmagg) "
        "-Wl,-rpath,$HOME/llmagg/lib",
    )  # fmt: skip
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("prefix", nargs="?", type=Path, help="where to put include/ and lib/, with llmagg.pc")
    what.add_argument("--include", action="store_true", help="print the folder of llmagg.h and llmagg.hpp")
    what.add_argument("--library", action="store_true", help="print the path of libllmagg.so, for dlopen and ctypes")
    options = parser.parse_args(arguments)
    if options.include or options.library:
        print(get_include() if options.include else get_library())
        return 0
    try:
        print("\n".join(map(str, install(options.prefix.expanduser()))))
    except OSError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0
