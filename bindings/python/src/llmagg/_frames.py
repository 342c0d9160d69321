"""Short tracebacks: a failed call shows the application's lines, and of the library's the one that was called."""

from __future__ import annotations

from types import TracebackType

from .errors import InternalError, LLMError

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


class _Brief:
    """``with brief:`` shortens the traceback of an error that leaves the block."""

    __slots__ = ()

    def __enter__(self) -> None:
        return None

    def __exit__(self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None) -> None:
        if error is not None:
            shorten(error)


brief = _Brief()
