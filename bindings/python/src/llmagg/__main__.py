"""The command ``llmagg``, also as ``python -m llmagg``. It needs ``pip install 'llmagg[cli]'``."""

from __future__ import annotations

import sys
from importlib import import_module

from llmagg._absent import extra


def main(arguments: list[str] | None = None) -> int:
    """Runs a command; returns 0 if it succeeded."""
    try:
        return _run(sys.argv[1:] if arguments is None else arguments)
    except KeyboardInterrupt:  # the commands' modules take a moment to import, and their options one to read
        return 130


def _run(arguments: list[str]) -> int:
    try:
        app = import_module("llmagg.cli.app")
    except ImportError as error:
        if (error.name or "").partition(".")[0] not in ("typer", "rich"):
            raise
        print(f"Error: {error.name} is not installed; the command llmagg needs it: {extra('cli')}", file=sys.stderr)
        return 2
    code: int = app.main(arguments)
    return code


if __name__ == "__main__":
    sys.exit(main())
