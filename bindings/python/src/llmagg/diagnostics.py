"""Counts of what the native library holds in this process."""

from __future__ import annotations

from typing import Any


def stats() -> dict[str, Any]:
    """Counts of what the native library holds, for monitoring and to find leaks. Does not stop calls.

    ``handles`` (kind → number), ``operations`` (running calls), ``custom_calls``, ``sockets`` (connections to
    providers, idle ones included), ``goroutines``, ``heap_bytes``, ``runtime_bytes``, ``budgets`` and ``caches``; see
    ``llmagg_stats`` in ``llmagg.h``. Loads the library if it is not loaded yet. Thread-safe.
    """
    from ._native import load

    found: dict[str, Any] = load.call_for_json("llmagg_stats")
    return found
