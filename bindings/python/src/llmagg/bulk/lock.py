"""One run at a time on a ledger."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from .._shown import shown_path
from .report import LedgerError


class Lock:
    """A lock on the file beside a ledger; it ends with the process. The file stays: a removed file locks nobody."""

    def __init__(self, ledger: Path) -> None:
        try:
            self._file = os.open(f"{ledger}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            text = f"the ledger {shown_path(ledger)} cannot be written: {error.strerror}; use an output that can"
            raise LedgerError(text) from None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._file, 40, 0).decode("ascii", "replace").strip()
            os.close(self._file)
            by = f" (process {holder})" if holder else ""
            text = f"another run{by} uses the ledger {shown_path(ledger)}; wait until it has ended"
            raise LedgerError(f"{text}, or use another output") from None
        except OSError as error:
            os.close(self._file)
            text = f"the ledger {shown_path(ledger)} cannot be locked: {error.strerror}; use another file system"
            raise LedgerError(text) from None
        with suppress(OSError):  # a full disk: then nobody is told who holds it
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, str(os.getpid()).encode(), 0)

    def close(self) -> None:
        """Lets others use the ledger."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
