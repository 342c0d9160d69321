"""What a client may ask of the server at most."""

from __future__ import annotations

from dataclasses import dataclass

from llmagg._parameters import told_of

MEBIBYTE = 1 << 20


@told_of
@dataclass(frozen=True)
class Limits:
    """``body_bytes`` is the size of a request, ``body_s`` the time in which it must arrive, ``calls`` how many calls
    run at the same time; further calls get 503 with Retry-After.
    """

    body_bytes: int = 32 * MEBIBYTE
    body_s: float = 60
    calls: int = 1000
