"""What a port that cannot be listened at is told."""

from __future__ import annotations

import errno

from .errors import InvalidArgumentError


def cannot_listen(host: str, port: int, error: Exception) -> InvalidArgumentError:
    """The error for a server's address that cannot be used: what is wrong with it, and what to do."""
    advice = "; choose another port (0: any free port)" if getattr(error, "errno", None) == errno.EADDRINUSE else ""
    return InvalidArgumentError(
        f"cannot listen at {host}, port {port}: {getattr(error, 'strerror', None) or error}{advice}"
    )
