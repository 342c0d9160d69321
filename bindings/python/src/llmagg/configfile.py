"""Configuration files: reading them, and a warning about keys in a file that others may read.

The same words, and the same rule, as the core's ``LoadConfig``: it has no door in the C ABI, which takes texts.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from typing import Any

from .log import logger


def read(path: str | os.PathLike[str]) -> tuple[bytes, int]:
    """A file's content and its permission bits. Raises OSError, and ValueError for what is no path."""
    from pathlib import Path  # not at the top: 'import llmagg' needs no files

    with Path(path).open("rb") as file:
        return file.read(), stat.S_IMODE(os.fstat(file.fileno()).st_mode)


def warn_if_exposed(path: str | os.PathLike[str], mode: int, config: Any) -> None:
    """Warns about a file that holds keys and that others than its owner may read or write.

    Reading gives them the keys, writing lets them send the keys elsewhere. What a file refers to as ``${NAME}`` it
    does not hold.
    """
    if mode & 0o066 and _holds_secret(config):
        logger().warning(
            "the configuration file %s holds keys, and others than its owner may read or write it (mode %04o); "
            "make it the owner's alone (chmod 600), or refer to the environment in it, as ${NAME}",
            os.fspath(path),
            mode,
        )


def _holds_secret(value: Any) -> bool:
    if not isinstance(value, Mapping):
        return False
    return any(_is_secret(str(name).lower(), inner) or _holds_secret(inner) for name, inner in value.items())


def _is_secret(name: str, value: Any) -> bool:
    if not isinstance(value, str) or not value or "${" in value:
        return False
    return not _SECRET_PARTS.isdisjoint(re.split("[-_. ]", name)) or (name == "proxy" and "@" in value)


# The whole parts of a name that say that its value is a secret, as the core has them (core/llm/secret.go).
_SECRET_PARTS = frozenset(
    {
        "key", "apikey", "accesskey", "secretkey", "privatekey", "appkey", "licensekey", "subscriptionkey",
        "functionskey", "apikeys", "token", "apitoken", "accesstoken", "authtoken", "sessiontoken", "idtoken",
        "refreshtoken", "bearer", "jwt", "auth", "authorization", "authentication", "authenticate",
        "credential", "credentials", "cookie", "cookies", "secret", "secrets", "clientsecret", "appsecret",
        "apisecret", "password", "passwd", "passphrase", "pwd", "signature", "sig", "hmac",
    }
)  # fmt: skip
