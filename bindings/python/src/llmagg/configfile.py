"""Reads configuration files, and warns about keys in a file that other users may read.

The warning is the same as that of Go's ``config.Load``. The C ABI takes texts, not files.
"""

from __future__ import annotations

import os
import stat

from ._shown import shown_path
from .log import logger


def read(path: str | os.PathLike[str]) -> tuple[bytes, int]:
    """A file's content and its permission bits. Raises OSError; ValueError for a text that cannot be a path."""
    from pathlib import Path  # not at the top: 'import llmagg' needs no files

    with Path(path).open("rb") as file:
        return file.read(), stat.S_IMODE(os.fstat(file.fileno()).st_mode)


def warn_if_exposed(path: str | os.PathLike[str], mode: int) -> None:
    """Warns about a file with keys that other users may read, or may write to send the keys elsewhere.

    A reference ``${NAME}`` is not a key.
    """
    if mode & 0o066:
        logger.warning(
            "the configuration file %s holds keys, and other users may read or write it (mode %04o); "
            "restrict it to its owner (chmod 600), or refer to environment variables in it as ${NAME}",
            shown_path(path),
            mode,
        )
