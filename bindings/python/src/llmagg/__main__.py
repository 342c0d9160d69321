"""The command ``llmagg``, also as ``python -m llmagg``.

``batch``, ``dropin``, ``wall``, ``prices`` and ``c-library`` need nothing more than the package, ``serve-metrics``
needs ``pip install 'llmagg[metrics]'``; the other commands need ``pip install 'llmagg[cli]'``.
"""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from pathlib import Path

from . import dropin, dropin_check, faultwall
from ._version import __version__


def main(arguments: list[str] | None = None) -> int:
    """Runs a command; returns 0 if it succeeded."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["dropin"]:
        return _dropin(arguments[1:])
    if arguments[:1] == ["wall"]:
        return faultwall.main(arguments[1:], prog="llmagg wall")
    if arguments[:1] == ["prices"]:
        from . import prices

        return prices.main(arguments[1:])
    if arguments[:1] == ["c-library"]:
        from . import clibrary

        return clibrary.main(arguments[1:])
    if arguments[:1] == ["batch"]:
        batch: int = import_module("llmagg.bulk.command").main(arguments[1:])
        return batch
    if arguments[:1] == ["serve-metrics"]:
        return _serve_metrics(arguments[1:])
    if arguments == ["--version"]:
        print(f"llmagg {__version__}")
        return 0
    try:
        app = import_module("llmagg.cli.app")
    except ImportError as error:
        if (error.name or "").partition(".")[0] not in ("typer", "rich"):
            raise
        print(
            f"error: {error.name} is not installed; the commands but 'batch', 'dropin', 'wall', 'prices' and "
            "'c-library' need it: pip install 'llmagg[cli]'",
            file=sys.stderr,
        )
        return 2
    code: int = app.main(arguments)
    return code


def _serve_metrics(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="llmagg serve-metrics",
        description="Runs a Python program and serves the metrics of its routes. Needs pip install 'llmagg[metrics]'.",
    )
    parser.add_argument("--port", type=int, default=9464, help="the port of /metrics (9464)")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen at (127.0.0.1)")
    parser.add_argument("-m", action="store_true", dest="module", help="the program is a module's name, not a file")
    parser.add_argument("program", help="the program, a file or with -m a module")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="the program's arguments")
    options = parser.parse_args(arguments)
    try:
        metrics = import_module("llmagg.metrics")
    except ImportError as error:  # --help works without the library that may be missing
        print(f"error: {error}", file=sys.stderr)
        return 2
    code: int = metrics.main(options)
    return code


def _dropin(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="llmagg dropin", description="Makes an application's pkg.core.llm an alias of llmagg, or checks its code."
    )
    parser.add_argument("path", type=Path, help="the folder pkg/core/llm of the application; with --check its sources")
    parser.add_argument("--replace", action="store_true", help="move what stands there to a backup beside it first")
    parser.add_argument(
        "--check",
        action="store_true",
        help="change nothing: list what the sources use of pkg.core.llm and llmagg lacks",
    )
    options = parser.parse_args(arguments)
    try:
        if options.check:
            return dropin_check.run(options.path)
        done = dropin.write(options.path, replace=options.replace)
    except OSError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print("\n".join(done))
    return 0


if __name__ == "__main__":
    sys.exit(main())
