"""Tokens as an application gives them: a name lists what its function gives, one after another, the last one again and
again; "fail:why" is a failure.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

_functions: dict[str, Callable[[], Any]] = {}


def with_functions(config: Any) -> Any:
    """A configuration in which each ``{"auth": {"type": "function", "name": …}}`` is a function of that name. A model's
    own is its ``api_key``, a provider's its ``auth``.
    """
    if not isinstance(config, dict):
        return config
    made = {}
    for key, value in config.items():
        if key == "auth" and isinstance(value, dict) and value.get("type") == "function" and "api_key" not in config:
            made["auth" if "models" in config else "api_key"] = _function(value["name"])
        else:
            made[key] = with_functions(value)
    return made


def _function(name: str) -> Callable[[], Any]:
    """One of two is a coroutine function."""
    if name not in _functions:
        _functions[name] = _Function(name).later if len(_functions) % 2 else _Function(name).now
    return _functions[name]


class _Function:
    def __init__(self, name: str) -> None:
        self._gives = name.split(",")
        self._asked = 0

    def now(self) -> tuple[str, float]:
        token = self._gives[min(self._asked, len(self._gives) - 1)]
        self._asked += 1
        if token.startswith("fail:"):
            raise OSError(token.removeprefix("fail:"))
        return token, time.time() + 3600

    async def later(self) -> tuple[str, float]:
        return self.now()
