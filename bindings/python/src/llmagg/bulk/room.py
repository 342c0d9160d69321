"""Room for the answers of rows that are on their way: on the disk, and below the largest file that may be written."""

from __future__ import annotations

import errno
import os
import resource
from pathlib import Path

from .._shown import shown_path
from .report import LedgerFullError

_LEAST = 4 << 20  # of the file that is given back
_KNOWN = 20  # answers, before their size says anything
_GUESS = 64 << 10  # bytes of an answer, until then
_PAGE = 4 << 10  # what an answer may take beside its text
_LONGEST_LOG = 64 << 20
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


class Ballast:
    """A file that is given back when the disk is full, so that answers on their way can still be written.

    It has the size of the largest answer for each of them, ``copies`` times: so often the ledger writes each.
    """

    def __init__(self, ledger: Path, copies: int) -> None:
        limit = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
        self._limit = None if limit == resource.RLIM_INFINITY else limit
        self._ledger = ledger
        self._path = Path(f"{ledger}.reserve")
        self._copies = copies
        self._size = 0  # of the file; 0: a file system that cannot do it goes without
        self._grows = True
        self.dropped = False
        self._answers = 0
        self._largest = 0
        if (error := self._grow(_LEAST)) is not None and error.errno in _NO_ROOM:
            self.drop()
            raise full(ledger, error) from None

    def _grow(self, size: int) -> OSError | None:
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            os.posix_fallocate(file, 0, size)
        except OSError as error:
            self._grows = False
            os.ftruncate(file, self._size)
            return error
        finally:
            os.close(file)
        self._size = size
        return None

    @property
    def longest_log(self) -> int:
        """What a log beside the ledger may have before it is emptied."""
        return _LONGEST_LOG if self._limit is None else min(_LONGEST_LOG, self._limit // 4)

    def drop(self) -> None:
        """Gives the room back."""
        self.dropped = True
        self._path.unlink(missing_ok=True)

    def learn(self, answers: int, largest: int) -> None:
        """Notes how many answers were written, and how long the largest was."""
        self._answers += answers
        self._largest = max(self._largest, largest)

    def rows(self, wanted: int, size: int) -> int:
        """How many rows, up to ``wanted``, may be on their way to a ledger of this size; 0: see ``why``."""
        if self.dropped:
            return 0
        known = self._answers >= _KNOWN
        row = self._largest + self._largest // 4 + _PAGE
        if self._limit is not None:
            least = row if known else max(row, _GUESS)
            wanted = min(wanted, max(self._limit - size, 0) // least)
        row *= self._copies
        if known and self._grows and wanted * row > self._size:
            self._grow(wanted * row)
        return min(wanted, max(self._size // row, 1)) if known and self._size else wanted

    def why(self) -> OSError:
        """Why no row may be asked."""
        if self.dropped:
            return OSError(errno.ENOSPC, "the disk is full")
        return OSError(errno.EFBIG, "it comes near to the largest file that this process may write (ulimit -f)")


def full(path: Path, error: Exception) -> LedgerFullError:
    """The error for a file that cannot be written."""
    why = getattr(error, "strerror", None) or error
    number = getattr(error, "errno", None)
    space = number in _NO_ROOM or any(word in str(why) for word in ("full", "I/O"))
    advice = "Free some space" if space else "Raise that limit" if number == errno.EFBIG else "Mend that"
    text = f"the file {shown_path(path)} cannot be written: {why}. {advice} and run again with resume"
    return LedgerFullError(f"{text}: what is in the ledger stays, and is not asked again")
