"""Imports that other threads have begun are finished before the process forks.

Python gives the lock of a module that is being imported back to nobody in the child; and most of this package is
imported at its first use, maybe by another thread.
"""

from __future__ import annotations

import os
import threading


def _finish_imports() -> None:
    if threading.active_count() == 1:
        return  # nobody else can be inside an import
    import difflib
    import pathlib
    import urllib.parse

    import msgspec.json

    from . import plan
    from ._native import blocking, bridge, calls, custom, load, queue, reader, retry, route, watch

    _ = (
        difflib,
        pathlib,
        urllib.parse,
        msgspec.json,
        plan,
        blocking,
        bridge,
        calls,
        custom,
        load,
        queue,
        reader,
        retry,
        route,
        watch,
    )


os.register_at_fork(before=_finish_imports)
