"""Tells errors of what was looked at from those of handlers of signals.

Values and attributes may be of the application's own, whose code may raise anything; what raises is then taken for
changed or refused. But the handler of a signal raises wherever Python happens to be (an alarm of a timeout, the soft
limit of a worker's time), and the application waits for that very exception.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def check(error: Exception, look: Callable[..., Any], *args: Any, **more: Any) -> None:
    """Raises ``error`` unless ``look`` raises the like once more: what raises no second time was not looked at.

    Where the second look raises another type, one of the two is a handler's; a third look tells which.
    """
    second = _raised(look, *args, **more)
    if type(second) is type(error):
        return
    of_handler = error
    if second is not None and type(_raised(look, *args, **more)) is type(error):
        of_handler = second
    try:
        raise of_handler
    finally:
        del error, second, of_handler  # the traceback has this frame


def _raised(look: Callable[..., Any], *args: Any, **more: Any) -> Exception | None:
    try:
        look(*args, **more)
    except Exception as error:
        return error
    return None
