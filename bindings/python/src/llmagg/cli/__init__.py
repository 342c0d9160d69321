"""The command ``llmagg``: ``ask``, ``chat``, ``doctor`` and ``models``, built on typer and rich (``llmagg[cli]``).

The library does not import this package. The exit codes are the same for all commands.
"""

from __future__ import annotations

OK = 0
FAILED = 1  # all models failed, or a check did
WRONG_USE = 2  # the command line or the configuration
BROKEN_OFF = 3  # the answer broke off; what came is on standard output
ROWS_FAILED = 4  # the output of a batch has rows with an error
INTERRUPTED = 130
