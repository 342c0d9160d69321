"""Tells errors of what was looked at from those of handlers of signals.

Values and attributes may be of the application's own, whose code may raise anything; what raises is then taken for
changed or refused. But the handler of a signal raises wherever Python happens to be (an alarm of a timeout, the soft
limit of a worker's time), and the application waits for that very exception.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any


def of_handler(error: BaseException) -> bool:
    """Whether the handler of a signal raised the error, as a frame of its traceback tells. What of the application may
    run only once (an iterator, a client, a function that judges) is asked so, and not by a second look.
    """
    import signal
    import threading

    if threading.current_thread() is not threading.main_thread():
        return False  # Python runs handlers in the main thread
    trace, codes = error.__traceback__, None
    while trace is not None:
        if codes is None:
            codes = {_code(signal.getsignal(number)) for number in signal.valid_signals()}
        if trace.tb_frame.f_code in codes:
            return True
        trace = trace.tb_next
    return False


def pass_on(error: BaseException) -> None:
    """Raises the error of a signal's handler, also where msgspec has wrapped it, as it wraps each ValueError and
    TypeError of an application's type.
    """
    cause = error.__cause__
    try:
        for one in (error, cause):
            if one is not None and of_handler(one):
                raise one
    finally:
        del error, cause, one  # the traceback has this frame


def _code(handler: Any) -> Any:
    """The code that runs where a handler is called: of a function, a method, a partial or an object; None of others."""
    while isinstance(handler, partial):
        handler = handler.func
    if not callable(handler):
        return None
    return getattr(handler, "__code__", None) or getattr(type(handler).__call__, "__code__", None)


def check(error: Exception, look: Callable[..., Any], *args: Any, **more: Any) -> None:
    """Raises ``error`` unless ``look`` raises the like once more: what raises no second time was not looked at.

    Where the second look raises another type, one of the two is a handler's; a third look tells which. A handler that
    leaves no frame, as one written in C does, is told from the value only so.
    """
    second = None if of_handler(error) else _raised(look, *args, **more)
    if type(second) is type(error):
        return
    of_signal = error
    if second is not None and type(_raised(look, *args, **more)) is type(error):
        of_signal = second
    try:
        raise of_signal
    finally:
        del error, second, of_signal  # the traceback has this frame


def _raised(look: Callable[..., Any], *args: Any, **more: Any) -> Exception | None:
    try:
        look(*args, **more)
    except Exception as error:
        return error
    return None
