"""Configuration files: reading them, and a warning about keys in a file that others may read.

The words are those of the core's ``LoadConfig``, which has no door in the C ABI: that takes texts.
"""

from __future__ import annotations

import os
import stat

from .log import logger


def read(path: str | os.PathLike[str]) -> tuple[bytes, int]:
    """A file's content and its permission bits. Raises OSError, and ValueError for what is no path."""
    from pathlib import Path  # not at the top: 'import llmagg' needs no files

    with Path(path).open("rb") as file:
        return file.read(), stat.S_IMODE(os.fstat(file.fileno()).st_mode)


def warn_if_exposed(path: str | os.PathLike[str], mode: int) -> None:
    """Warns about a file that holds keys where others than its owner may read or write it.

    Reading gives them the keys, writing lets them send the keys elsewhere. What a file refers to as ``${NAME}`` it
    does not hold.
    """
    if mode & 0o066:
        logger().warning(
            "the configuration file %s holds keys, and other users may read or write it (mode %04o); "
            "restrict it to its owner (chmod 600), or refer to environment variables in it as ${NAME}",
            os.fspath(path),
            mode,
        )
