"""The keys of the server's clients."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable

from llmagg._parameters import told
from llmagg.errors import InvalidArgumentError

SHORTEST = 16


class Keys:
    """The keys that open the server, of which only digests are kept. Raises InvalidArgumentError for a key that can be
    guessed, and without any key.
    """

    @told()
    def __init__(self, keys: Iterable[str]) -> None:
        given = [key.strip() for key in keys if key.strip()]
        if not given:
            raise InvalidArgumentError("the server has no key; give it one, or let Keys.generate() make one")
        for key in given:
            if len(key) < SHORTEST or not key.isascii() or not key.isprintable() or " " in key:
                expected = f"expected at least {SHORTEST}, of ASCII without spaces"
                raise InvalidArgumentError(f"a key of the server has {len(key)} characters; {expected}")
        self._digests = [_digest(key) for key in given]

    @staticmethod
    def generate() -> str:
        """A new key of 256 random bits."""
        return f"sk-llmagg-{secrets.token_urlsafe(32)}"

    def accept(self, authorization: str) -> bool:
        """Whether the value of an Authorization header holds one of the keys. All wrong keys take the same time."""
        scheme, _, key = authorization.partition(" ")
        digest = _digest(key.strip())
        matches = [hmac.compare_digest(digest, known) for known in self._digests]  # all of them, found or not
        return scheme.lower() == "bearer" and any(matches)


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "replace")).digest()
