"""How many rows are in flight at once: twice the slots of the routes that take calls first."""

from __future__ import annotations

import time
from typing import Any

from .. import catalog, lookup

_LOOK_S = 1.0
_PLACES = 10  # the default of max_concurrent_calls, and the start of "auto"


class Window:
    """The size of the window, which follows limits that change ("auto"), and what binds the routes."""

    def __init__(self, llm: Any, fixed: int | None) -> None:
        self._llm = llm
        self._fixed = fixed
        self._looked = float("-inf")
        self._size = fixed or 2
        self.binding = ""

    def size(self) -> int:
        """How many rows may be on their way."""
        now = time.monotonic()
        if now - self._looked >= _LOOK_S:
            self._looked = now
            self._look()
        return self._size

    def _look(self) -> None:
        if getattr(self._llm, "manager", None) is None:
            self._size = self._fixed or 2 * _PLACES
            return
        entries = lookup.tried(self._llm)
        told = {_route(row): row for row in catalog.report(entries)}
        rows = [told.get(f"{entry.provider}/{entry.name}", {}) for entry in entries]
        places = [int(row.get("limit") or _configured(entry)) for entry, row in zip(entries, rows)]
        if getattr(self._llm, "strategy", None) in (None, "order"):
            usable = [n for n, row in zip(places, rows) if row.get("circuit", "closed") == "closed"]
            places = (usable or places)[:1]
        self._size = self._fixed or max(2 * sum(places), 2)
        bound = [row for row in rows if row.get("binding")]
        self.binding = ", ".join(f"{_route(row)}: {row['binding']} {_share(row)}".strip() for row in bound)


def _route(row: dict[str, Any]) -> str:
    return f"{row.get('provider')}/{row.get('model')}"


def _configured(entry: catalog.Entry) -> int:
    value = getattr(getattr(entry.client, "config", None), "max_concurrent_calls", None)
    if isinstance(value, dict):
        value = value.get("start")
    return value if isinstance(value, int) and value > 0 else _PLACES


def _share(row: dict[str, Any]) -> str:
    used = row.get("rate_used")
    return f"{100 * used:.0f} %" if isinstance(used, (int, float)) and row["binding"] in ("rpm", "tpm") else ""
