"""Tells errors of what was looked at from those of handlers of signals.

Values and attributes may be of the application's own, whose code may raise anything; what raises is then taken for
changed or refused. But the handler of a signal raises wherever Python happens to be (an alarm of a timeout, the soft
limit of a worker's time), and the application waits for that very exception.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def check(error: Exception, look: Callable[..., Any], *args: Any, **more: Any) -> None:
    """Raises ``error`` unless ``look`` raises once more: what raises no second time was not looked at."""
    try:
        look(*args, **more)
    except Exception:
        return
    raise error
