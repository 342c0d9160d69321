"""The socket on which a process with ``LLMAGG_TOP=1`` reports what it does: a line of JSON each second.

The socket is ``PID.sock`` in a folder that only the owner can open: ``llmagg`` in ``XDG_RUNTIME_DIR``, else
``llmagg-UID`` in the folder for temporary files.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import select
import socket
import stat
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from llmagg._shown import shown_path
from llmagg.errors import InvalidArgumentError

from .feed import Feed, told_safely, untold

PERIOD = 1.0  # seconds between two lines
_VIEWERS = 8  # at the same time
_SILENCE = 10  # seconds without a line that a viewer waits

_START = "start one with LLMAGG_TOP=1 in its environment: it reports from its first call on"


def folder() -> Path:
    """The folder of the sockets, made if it is missing. Raises InvalidArgumentError if others can open it."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    place = Path(runtime) / "llmagg" if runtime else Path(tempfile.gettempdir()) / f"llmagg-{os.getuid()}"
    with contextlib.suppress(FileExistsError):
        place.mkdir(0o700, parents=True)
    found = place.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise InvalidArgumentError(f"{shown_path(place)} must be a folder that only its owner can open (chmod 700)")
    return place


def start(*sources: Any) -> Path:
    """Starts reporting what this process does, until it ends. Returns the path of its socket."""
    path = folder() / f"{os.getpid()}.sock"
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    path.chmod(0o600)
    listener.listen(_VIEWERS)
    feed = Feed(*sources)
    threading.Thread(target=_accept, args=(listener, feed), name="llmagg-top", daemon=True).start()
    atexit.register(_remove, path, os.getpid())
    return path


def _remove(path: Path, pid: int) -> None:
    if os.getpid() == pid:  # not in a forked child
        path.unlink(missing_ok=True)


def _accept(listener: socket.socket, feed: Feed) -> None:
    room = threading.Semaphore(_VIEWERS)
    while True:
        try:
            viewer, _ = listener.accept()
        except OSError:
            return
        if not room.acquire(blocking=False):
            with viewer, contextlib.suppress(OSError):
                viewer.sendall(_line(untold(f"{_VIEWERS} viewers watch this process already; close one of them")))
            continue
        threading.Thread(target=_tell, args=(viewer, feed, room), name="llmagg-top", daemon=True).start()


def _tell(viewer: socket.socket, feed: Feed, room: threading.Semaphore) -> None:
    try:
        with viewer, contextlib.suppress(OSError):
            left = select.poll()
            left.register(viewer, 0)  # poll tells without a mask that a viewer has left: its place is free at once
            viewer.settimeout(5)
            while True:
                viewer.sendall(_line(told_safely(feed.snapshot)))
                if left.poll(PERIOD * 1000):
                    return
    finally:
        room.release()


def _line(snapshot: dict[str, Any]) -> bytes:
    return json.dumps(snapshot, separators=(",", ":")).encode() + b"\n"


def processes() -> list[int]:
    """The processes that report, the youngest last. Removes the sockets of processes that have ended."""
    found = []
    for path in folder().glob("*.sock"):
        try:
            pid = int(path.stem)
            with socket.socket(socket.AF_UNIX) as probe:
                probe.settimeout(2)
                probe.connect(str(path))
            found.append((path.stat().st_mtime, pid))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
        except (OSError, ValueError):
            continue
    return [pid for _, pid in sorted(found)]


def lines(pid: int) -> Iterator[dict[str, Any]]:
    """Yields the snapshots of a process, one each second, until the process ends.

    Raises InvalidArgumentError if the process has no socket, ends before its first snapshot, or is silent for ten
    seconds.
    """
    with socket.socket(socket.AF_UNIX) as source:
        source.settimeout(_SILENCE)
        try:
            source.connect(str(folder() / f"{pid}.sock"))
        except OSError as error:
            raise InvalidArgumentError(f"process {pid} does not report ({error.strerror}); {_START}") from None
        told = False
        try:
            with source.makefile("rb") as file:
                for line in file:
                    told = True
                    yield json.loads(line)
        except TimeoutError:
            raise InvalidArgumentError(f"process {pid} has reported nothing for {_SILENCE} s; is it stopped?") from None
        except OSError:
            pass
        if not told:
            raise InvalidArgumentError(f"process {pid} ended before it reported anything; {_START}")


def chosen(pid: int | None) -> int:
    """The process to show: ``pid``, or the youngest process that reports."""
    if pid is not None:
        return pid
    if not (found := processes()):
        raise InvalidArgumentError(f"no process reports; {_START}")
    return found[-1]
