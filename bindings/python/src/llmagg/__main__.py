"""``python -m llmagg``: tools around the package."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from . import dropin
from ._version import __version__


def main(arguments: list[str] | None = None) -> int:
    """Runs a command; returns 0 if it succeeded."""
    parser = argparse.ArgumentParser(prog="python -m llmagg", description=__doc__)
    parser.add_argument("--version", action="version", version=f"llmagg {__version__}")
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("dropin", help="make an application's pkg.core.llm an alias of llmagg")
    command.add_argument("path", type=Path, help="the application's folder, such as src/pkg/core/llm")
    command.add_argument("--replace", action="store_true", help="move what stands there to a backup beside it first")
    options = parser.parse_args(arguments)
    try:
        done = dropin.write(options.path, replace=options.replace)
    except OSError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print("\n".join(done))
    return 0


if __name__ == "__main__":
    sys.exit(main())
