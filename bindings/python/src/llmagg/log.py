"""The core's log goes to ``logging.getLogger("llmagg")``, which is silent unless the application configures logging.

A daemon thread reads the core's log queue. The thread starts with the first call after a handler was added to the
logger or to a parent of the logger. The core sends the records at or above the level that the logger has when a call
begins. ``record.llmagg`` is a dict for handlers that write JSON. It has ``event``, ``time``, ``route``, ``provider``
and ``model``; for a failed attempt also ``code``, ``error_owner``, ``status``, ``wait`` and ``duration`` (seconds),
``error`` and ``call`` (``id_of_call`` of the response or error, and ``llmagg.call`` of its span); for a circuit breaker
also ``from`` and ``to``. A call that succeeds at once writes no record.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from functools import cache
from typing import TYPE_CHECKING, Any

from . import _again

if TYPE_CHECKING:
    import logging

    from ._native.queue import Queue

_lock = threading.Lock()
_thread: threading.Thread | None = None
_queue: Queue | None = None
_level: int | None = None  # the level that the core knows
_own: logging.Logger | None = None  # the package's logger; None until it is needed first
_ours: list[logging.Handler] = []
_INFO, _WARNING = 20, 30


@cache
def _found() -> logging.Logger:
    global _own
    import logging

    found = logging.getLogger("llmagg")
    silent = logging.NullHandler()
    found.addHandler(silent)
    _ours.append(silent)
    _own = found
    if _stands_in:
        found.parent = logging.getLogger(_stands_in)
    return found


def _open() -> logging.Logger:
    """The logger for a record. ``logging.config`` disables the loggers that its configuration does not name: if it
    names only the original's modules, the records go to the logger of their name.
    """
    found = _found()
    if found.disabled and _stands_in:
        import logging

        return logging.getLogger(_stands_in)
    return found


def _write(level: int, message: str, *arguments: object, **more: Any) -> None:
    """Writes a record. A handler or a filter of the application that raises ends no call and no thread; its traceback
    goes to stderr, as :meth:`logging.Handler.handleError` writes it.
    """
    try:
        _open().log(level, message, *arguments, stacklevel=3, **more)
    except Exception as error:
        if _again.of_handler(error):
            raise
        import logging
        import traceback

        if logging.raiseExceptions and sys.stderr is not None:
            with contextlib.suppress(OSError, ValueError):  # as with a closed stderr
                traceback.print_exc()


class _Logger:
    """``logger()`` returns the package's logger; ``logger.warning`` and ``logger.info`` write records. The first record
    imports ``logging``, since this import takes a tenth of the time of ``import llmagg``.
    """

    def __call__(self) -> logging.Logger:
        return _found()

    def info(self, message: str, *arguments: object) -> None:
        """Writes a record if the application has imported ``logging``; otherwise no handler can exist."""
        if "logging" in sys.modules:
            _write(_INFO, message, *arguments)

    def warning(self, message: str, *arguments: object) -> None:
        """Writes a record."""
        _write(_WARNING, message, *arguments)

    def __getattr__(self, name: str) -> Any:
        return getattr(_found(), name)


logger = _Logger()

_stands_in = ""  # the second name by which the package is imported


def stand_in(name: str) -> None:
    """Makes the logger ``name`` the parent of the logger "llmagg". Some applications configure logging for the modules
    of the original: the handlers of ``name`` then get llmagg's records, and the level of ``name`` applies if "llmagg"
    has no level.
    """
    global _stands_in
    _stands_in = name
    if "logging" in sys.modules:
        import logging

        _found().parent = logging.getLogger(name)


def _wanted() -> bool:
    module = sys.modules.get("logging")
    if module is None:
        return False
    silent = module.NullHandler
    at: logging.Logger | None = _found()
    while at is not None:
        for handler in at.handlers:
            if not isinstance(handler, silent):
                return True
        at = at.parent if at.propagate else None
    return False


def is_heard() -> bool:
    """Whether the application's handlers get the core's warnings."""
    return _level is not None and _level <= _WARNING


def attach() -> None:
    """Starts passing on the core's records if a handler exists, and tells the core if the level has changed. Each call
    begins with this function, which takes a tenth of a microsecond if no handler exists. It is thread-safe.
    """
    global _thread, _queue, _level
    if _thread is None:
        if (own := _own) is not None and own.handlers == _ours:
            above = own.parent
            while above is not None and not above.handlers:
                above = above.parent
            if above is None:
                return
        if not _wanted():
            return
    elif _level == _found().getEffectiveLevel():
        return
    from ._native import load
    from ._native.queue import Queue

    with _lock:
        if _queue is None:
            _queue = Queue()
        if _thread is None:
            _thread = _queue.follow("llmagg-log", _drain)
        _level = logger().getEffectiveLevel()
        slog = max(-4, min(8, (_level - _INFO) * 4 // 10))  # the core's levels are those of Go's slog: -4, 0, 4, 8
        load.call("llmagg_log_to_queue", slog, _queue.handle.pointer)


def _forget() -> None:
    global _lock, _thread, _queue, _level
    _lock, _thread, _queue, _level = threading.Lock(), None, None, None


os.register_at_fork(after_in_child=_forget)


def _drain(queue: Queue) -> None:
    batch = queue.drain()
    while batch:
        kind, _, _, _, payload = batch.pop()
        _emit(kind, bytes(payload))


def _line(text: str) -> str:
    """Escapes unprintable characters: a server's text must not imitate other records or control a terminal."""
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def _extra(record: dict[str, Any], attributes: dict[str, Any]) -> dict[str, Any]:
    """The value of ``record.llmagg``, for handlers that write structured records: attributes, route and event."""
    about = {"event": record.get("message", ""), "time": record.get("time"), **attributes}
    if "provider" in attributes and "model" in attributes:
        about["route"] = f"{attributes['provider']}/{attributes['model']}"
    return about


def _emit(kind: int, payload: bytes) -> None:
    from ._native.signatures import DROPPED, LOG
    from ._wire import decode

    record: dict[str, Any] = decode(payload, "a log record")
    if kind == LOG:
        attributes = record.get("attrs") or {}
        told = (f"{key}={value if key == 'stack' else _line(str(value))}" for key, value in attributes.items())
        text = " ".join([_line(record.get("message", "")), *told])
        level = _INFO + record.get("level", 0) * 10 // 4
        _write(level, "%s", text, extra={"llmagg": _extra(record, attributes)})
    elif kind == DROPPED:
        logger.warning("%d log records of the core were dropped", record.get("count", 0))
