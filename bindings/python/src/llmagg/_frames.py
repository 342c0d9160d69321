"""Short tracebacks: a failed call shows the application's lines, and of the library's the one that was called."""

from __future__ import annotations

from types import TracebackType
from typing import NoReturn

from .errors import InternalError, LLMError, all_failed

_OURS = ("llmagg", "asyncio", "contextlib", "concurrent")
"""Top packages whose frames say nothing to an application about an error that the core explains."""


def shorten(error: BaseException | None) -> None:
    """Takes the library's frames below the caller's own out of the traceback of an LLMError that the caller handles.

    Frames of the application's functions stay, such as those of a client that it wrote, and so do those of
    other exceptions and of InternalError, which is a fault of the library.
    """
    if not isinstance(error, LLMError) or isinstance(error, InternalError) or error.__traceback__ is None:
        return
    last = error.__traceback__
    inner = last.tb_next
    while inner is not None:
        following = inner.tb_next
        if str(inner.tb_frame.f_globals.get("__name__")).partition(".")[0] not in _OURS:
            last.tb_next = inner
            last = inner
        inner = following
    last.tb_next = None


def raise_all_failed(error: LLMError) -> NoReturn:
    """Raises a failure as :func:`llmagg.errors.all_failed` has it, whose cause is then the failure."""
    raised = all_failed(error)
    if raised is not error:
        raise raised from error
    shorten(error)
    inside = error.__traceback__.tb_next if error.__traceback__ is not None else None
    raise error.with_traceback(inside)  # the caller's own frame comes again


class _Brief:
    """``with brief:`` shortens the traceback of an error that leaves the block."""

    __slots__ = ()

    def __enter__(self) -> None:
        return None

    def __exit__(self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None) -> None:
        if error is not None:
            shorten(error)


brief = _Brief()
