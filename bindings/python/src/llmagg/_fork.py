"""Finishes imports that other threads have begun before the process forks.

In the child, nobody releases the lock of a module that another thread of the parent was importing, and most modules of
this package are imported at their first use. A test compares ``LATE`` with the imports in the package's functions.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from importlib import import_module

#: Every module that a function of this package imports and that ``import llmagg`` does not load. An import of a loaded
#: module takes no lock.
LATE = (
    "asyncio",
    "decimal",
    "difflib",
    "fnmatch",
    "importlib.util",
    "json",
    "logging",
    "mmap",
    "msgspec",
    "pathlib",
    "signal",
    "traceback",
    "urllib.parse",
    "llmagg._bounds",
    "llmagg._elsewhere",
    "llmagg._foreign",
    "llmagg._gathered",
    "llmagg._given",
    "llmagg._identities",
    "llmagg._misspelt",
    "llmagg._native",
    "llmagg._native.blocking",
    "llmagg._native.bridge",
    "llmagg._native.calls",
    "llmagg._native.custom",
    "llmagg._native.fleet",
    "llmagg._native.handle",
    "llmagg._native.load",
    "llmagg._native.operation",
    "llmagg._native.queue",
    "llmagg._native.retry",
    "llmagg._native.route",
    "llmagg._native.signatures",
    "llmagg._native.stored",
    "llmagg._native.tokens",
    "llmagg._native.watch",
    "llmagg._notebook",
    "llmagg._values",
    "llmagg.budget",
    "llmagg.cache",
    "llmagg.configfile",
    "llmagg.default",
    "llmagg.embeddings",
    "llmagg.growing",
    "llmagg.llm_aggrator",
    "llmagg.observers",
    "llmagg.oldstyle",
    "llmagg.other_params",
    "llmagg.params",
    "llmagg.parsing",
    "llmagg.plan",
    "llmagg.rankings",
    "llmagg.registration",
    "llmagg.settings",
    "llmagg.summary",
    "llmagg.tools",
)


def _finish_imports() -> None:
    if threading.active_count() == 1:
        return  # no other thread can be importing
    late: list[Callable[..., object]] = []
    register = os.register_at_fork

    def registering(*, before: Callable[..., object] | None = None, **after: Callable[..., object]) -> None:
        if before is not None:
            late.append(before)
            after["before"] = before
        register(**after)

    # What a module registers now (logging, and pools of threads) is run after this fork, but not before it: the parent
    # would release locks that nobody has taken.
    os.register_at_fork = registering  # type: ignore[assignment]
    try:
        for name in LATE:
            import_module(name)
    finally:
        os.register_at_fork = register
    for function in reversed(late):
        function()


os.register_at_fork(before=_finish_imports)
