"""Caches: a request that equals an earlier one is answered by the answer to that one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from importlib import import_module
from typing import Any

from . import errors
from ._native import load
from ._parameters import told
from ._shared import Shared
from ._shown import shown
from .config import seconds
from .diagnostics import stats


class Cache(Shared):
    """Keeps answers in memory, and gives them to equal requests of all aggregators that have it.

    Example::

        kept = llmagg.Cache("256MB", ttl_s=3600)
        aggregator = llmagg.LLMAggregator(["gpt-4o"], cache=kept)
        answer = await aggregator.chat("Name a city in Germany.")
        again = await aggregator.chat("Name a city in Germany.")
        print(again.cached, kept.report()["hits"])

    Requests are equal if they have the same routes, and the same values in all fields that may change an answer;
    ``deadline``, ``session``, ``user``, ``metadata`` and the like may differ. A request with a ``temperature`` gets the
    same answer again, too. Whole answers of ``chat`` and of streams that were read to their end are kept if they ended
    by themselves or at their length; failures and answers that were cut or filtered are not. Of several equal chats at
    the same time, one asks the server, and the others wait for its answer, each until its own ``deadline``; if it
    fails, each asks for itself. A stream is answered in chunks.

    ``size`` is how many bytes the kept answers may have together, a number or a text such as "64MB"; what was not used
    for the longest time is forgotten first. ``ttl_s`` is how many seconds an answer is kept; None: as long as there is
    room. Thread-safe. A forked child begins with an empty cache, and so does a pickled one; a copy is the cache itself.
    """

    _kind = "cache"

    @told()
    def __init__(self, size: int | str = "64MB", ttl_s: float | timedelta | None = None) -> None:
        self._set({"size": size, "ttl_s": seconds(ttl_s)})

    def _set(self, limits: dict[str, Any]) -> None:
        self._new_name()
        self._limits = limits
        self._begin()

    def clear(self) -> None:
        """Forgets all answers, and counts from 0."""
        self._begin()

    def _begin(self) -> None:
        self._tell(self._limits)

    def name(self) -> str:
        """The name by which the core knows the cache in this process."""
        if self._generation != load.generation:  # forked: this library does not know it yet
            self._begin()
        return self._name

    def report(self) -> dict[str, int]:
        """``hits``, ``joined`` (answers of equal calls at the same time), ``misses``, ``kept``, ``failed`` (failures of
        the store), and what the memory holds: ``entries``, ``bytes``, ``size``.
        """
        name = self.name()
        caches: dict[str, dict[str, int]] = stats()["caches"]
        return caches[name]

    def __reduce__(self) -> Any:
        return cache_of, ({key: limit for key, limit in self._limits.items() if key != "store"} | self._place(),)

    def _place(self) -> dict[str, str]:
        """The file that it has, for a pickle."""
        return {}

    def __repr__(self) -> str:
        limits = [f"{key}={limit!r}" for key, limit in self._limits.items() if limit is not None and key != "store"]
        return f"{type(self).__name__}({', '.join([*map(repr, self._place().values()), *limits])})"


def name_of(cache: Any) -> str:
    """The name of a cache, for the option of a call. Raises InvalidArgumentError."""
    if not isinstance(cache, Cache):
        raise errors.InvalidArgumentError(f"cache is {shown(cache)}; expected a llmagg.Cache")
    return cache.name()


def cache_of(value: Any) -> Any:
    """The cache of an aggregator's parameter. Raises InvalidArgumentError."""
    if isinstance(value, Cache):
        return value
    if value is True:
        return Cache()
    if not isinstance(value, Mapping):
        raise errors.InvalidArgumentError(
            f'cache is {shown(value)}; expected True, a dict such as {{"size": "64MB", "ttl_s": 3600}}, '
            "or a llmagg.Cache"
        )
    if value.get("path") is not None:
        kept = import_module(".sqlite_cache", __package__).SqliteCache  # not every Python has sqlite3
        on_disk: Any = kept.__new__(kept)
        on_disk._open(dict(value))
        return on_disk
    made = Cache.__new__(Cache)
    made._set({key: limit for key, limit in value.items() if key != "path"})
    return made
