"""Imports that other threads have begun are finished before the process forks.

Python gives the lock of a module that is being imported back to nobody in the child; and most of this package is
imported at its first use, maybe by another thread. A test compares ``LATE`` with what the package's functions import.
"""

from __future__ import annotations

import os
import threading
from importlib import import_module

#: Every module that a function of this package imports and that ``import llmagg`` does not load. No lock is taken to
#: import a module that is loaded.
LATE = (
    "asyncio",
    "difflib",
    "fnmatch",
    "json",
    "logging",
    "msgspec",
    "pathlib",
    "urllib.parse",
    "llmagg._native.blocking",
    "llmagg._native.calls",
    "llmagg._native.custom",
    "llmagg._native.handle",
    "llmagg._native.load",
    "llmagg._native.queue",
    "llmagg._native.retry",
    "llmagg._native.route",
    "llmagg._native.signatures",
    "llmagg._native.watch",
    "llmagg._values",
    "llmagg.observers",
    "llmagg.plan",
    "llmagg.registration",
)


def _finish_imports() -> None:
    if threading.active_count() == 1:
        return  # nobody else can be inside an import
    for name in LATE:
        import_module(name)


os.register_at_fork(before=_finish_imports)
