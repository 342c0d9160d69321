"""The command ``llmagg``, also as ``python -m llmagg``. It needs ``pip install 'llmagg[cli]'``."""

from __future__ import annotations

import sys
from importlib import import_module


def main(arguments: list[str] | None = None) -> int:
    """Runs a command; returns 0 if it succeeded."""
    try:
        app = import_module("llmagg.cli.app")
    except ImportError as error:
        if (error.name or "").partition(".")[0] not in ("typer", "rich"):
            raise
        print(
            f"Error: {error.name} is not installed; the command llmagg needs it: pip install 'llmagg[cli]'",
            file=sys.stderr,
        )
        return 2
    except KeyboardInterrupt:  # the commands' modules take a moment to import
        return 130
    code: int = app.main(sys.argv[1:] if arguments is None else arguments)
    return code


if __name__ == "__main__":
    sys.exit(main())
