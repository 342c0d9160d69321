"""Finds and loads the shared library: once per process, and again in each forked child.

The library's file is opened at the first load and stays open, so that an upgrade of the package cannot mix versions.
A forked child loads a private copy from a memory file: for the same inode the loader would return the parent's
library, whose threads do not exist in the child. Objects of the parent's library carry the parent's generation; a child
never touches them.
"""

from __future__ import annotations

import ctypes
import os
import resource
import sys
import threading
from collections.abc import Callable
from importlib import import_module
from typing import Any

from .. import errors
from .._wire import decode
from . import signatures
from .signatures import Buf

_lock = threading.Lock()
_library: ctypes.CDLL | None = None
_quick: ctypes.PyDLL | None = None
_file = -1
_identity: tuple[int, ...] = ()  # of the file behind _file
generation = 0
"""Grows by one in each forked child; an object of another generation belongs to a parent process."""
soft_budgets: set[str] = set()
"""The names of budgets that are not hard; "" is that of the process."""
_after_fork: list[Callable[[], None]] = []


def library() -> ctypes.CDLL:
    """Returns this process's library; the first call loads it. Raises ImportError; in a forked child ForkedError."""
    return _library or _load()


def quick() -> ctypes.PyDLL:
    """Returns the same library for the functions in ``signatures.QUICK``, which keep the interpreter's lock."""
    global _quick
    if _quick is None:
        made = ctypes.PyDLL(None, handle=library()._handle)
        signatures.declare_quick(made)
        _quick = made
    return _quick


def on_fork(forget: Callable[[], None]) -> None:
    """Registers a function that drops the parent's objects in a forked child, without closing them."""
    _after_fork.append(forget)


def _load() -> ctypes.CDLL:
    global _library, _file, _identity
    with _lock:
        if _library is not None:
            return _library
        path = f"{__file__.rpartition('/')[0]}/libllmagg.so"  # a first call does without pathlib and its 0.6 MB
        if _file < 0:
            _file = _open(path)
            _identity = _identity_of(_file)
            loaded = _dlopen(path)
        else:
            loaded = _dlopen_copy(path)
        _library = loaded
    if os.environ.get("LLMAGG_TOP") == "1":
        threading.Thread(target=_tell, name="llmagg-top", daemon=True).start()
    return loaded


def _tell() -> None:
    """Tells ``llmagg top`` what this process does. In a thread, since the caller may be importing the package."""
    try:
        import_module("llmagg.monitor.sockets").start()
    except Exception as error:
        sys.stderr.write(f"llmagg: LLMAGG_TOP has no effect: {error}\n")


def _open(path: str) -> int:
    if sys.platform != "linux":
        raise ImportError(f"llmagg runs on Linux; this is {sys.platform}")
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except NotADirectoryError:
        raise ImportError(
            f"llmagg's native library cannot be loaded from inside an archive ({path!r}); unpack the archive, or "
            "let its maker do so (pex --venv, shiv, zipapp with an unpacked site-packages)"
        ) from None
    except FileNotFoundError:
        raise ImportError(
            "llmagg was installed without its native library; install a wheel, or build from a checkout with "
            "'pip install ./bindings/python' (needs Go and a C compiler)"
        ) from None


_ADDRESSES = 3 << 29
"""The address space that the library needs; with less, Go's runtime would end the process at the first calls."""
_DATA = 96 << 20
"""The memory for data that it needs beside the stacks of eight threads."""


def _check_room() -> None:
    stack, _ = resource.getrlimit(resource.RLIMIT_STACK)
    data = _DATA + 8 * (8 << 20 if stack == resource.RLIM_INFINITY else stack)
    for limit, field, needed, what, names in (
        (resource.RLIMIT_AS, 0, _ADDRESSES, "1.5 GiB of address space", "RLIMIT_AS, ulimit -v"),
        (resource.RLIMIT_DATA, 5, data, f"{data >> 20} MiB of memory for data", "RLIMIT_DATA, ulimit -d"),
    ):
        soft, _ = resource.getrlimit(limit)
        if soft == resource.RLIM_INFINITY:
            continue
        from pathlib import Path

        try:
            used = int(Path("/proc/self/statm").read_text().split()[field]) * resource.getpagesize()
        except OSError:  # no /proc
            used = 0
        if soft - used < needed:
            raise ImportError(
                f"llmagg's native library needs {what}; the limit ({names}) leaves {max(soft - used, 0) >> 20} MiB; "
                "raise the limit"
            )


def _dlopen(path: str) -> ctypes.CDLL:
    _check_room()
    try:
        loaded = signatures.Library(path)
    except OSError as error:
        hint = ""
        if _is_musl():
            hint = "; Go shared libraries cannot be loaded with musl; use a Python for glibc"
        elif "static TLS" in str(error):
            hint = (
                "; the libraries that this process loaded before have taken all of the C library's room for variables "
                "of threads: make the first call of llmagg before you import them, or start the program with "
                "GLIBC_TUNABLES=glibc.rtld.optional_static_tls=16384"
            )
        raise ImportError(f"llmagg's native library cannot be loaded: {error}{hint}") from None
    if (version := loaded.llmagg_abi_version()) != signatures.ABI_VERSION:
        raise ImportError(f"llmagg's native library has ABI {version}, not {signatures.ABI_VERSION}; reinstall llmagg")
    return loaded


def _is_musl() -> bool:
    """Returns whether this process uses a C library other than glibc."""
    return not hasattr(ctypes.CDLL(None), "gnu_get_libc_version")


def _identity_of(file: int) -> tuple[int, ...]:
    found = os.fstat(file)
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _still_open(path: str) -> int:
    """The descriptor of the file that the parent loaded. A daemon closes all descriptors after it has forked, and the
    number may mean another file now; then the same file is opened again. Raises ForkedError.
    """
    try:
        if _identity_of(_file) == _identity:
            return _file
    except OSError:
        pass
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        if _identity_of(file) == _identity:
            return file
        os.close(file)
        reason = "another version of it was installed"
    except OSError as error:
        reason = f"it cannot be opened again: {error.strerror}"
    raise errors.ForkedError(
        f"this forked child has closed the descriptor of llmagg's native library, and {reason}; use llmagg only after "
        "the fork, or start processes with 'spawn'"
    )


def _copy(source: int, to: int, size: int) -> None:
    """Copies a file of that size. Some file systems and sandboxes have no sendfile: there it is read and written."""
    done = 0
    while done < size:
        try:
            more = os.sendfile(to, source, done, size - done)
        except OSError:
            more = os.write(to, os.pread(source, 1 << 20, done))
        if more == 0:
            raise OSError(f"the library's file ended after {done} of {size} bytes")
        done += more


def _dlopen_copy(path: str) -> ctypes.CDLL:
    """Loads a private copy of the library that the parent loaded."""
    global _file
    _file = _still_open(path)
    try:
        copy = os.memfd_create("libllmagg.so")
    except (AttributeError, OSError) as error:
        raise errors.ForkedError(
            f"this forked child cannot load its own copy of the library ({error}); start processes with 'spawn'"
        ) from None
    try:
        size = os.fstat(_file).st_size
        most, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
        if most != resource.RLIM_INFINITY and most < size:  # more would be a signal, which may end the process
            raise ImportError(
                f"this forked child cannot load its own copy of the library: it has {size} bytes, and the process may "
                f"write files of {most} (RLIMIT_FSIZE, ulimit -f)"
            )
        _copy(_file, copy, size)
        # The loader returns an already loaded library for a path that it knows, so each generation needs a new path.
        return _dlopen(f"/proc/self/{'./' * generation}fd/{copy}")
    except ImportError as error:
        hint = "" if os.access("/proc/self/fd", os.F_OK) else "; there is no /proc here, through which it is loaded"
        raise errors.ForkedError(f"{error}{hint}; start processes with 'spawn'") from None
    except OSError as error:
        raise errors.ForkedError(
            f"this forked child cannot make its own copy of the library ({error}); start processes with 'spawn'"
        ) from None
    finally:
        os.close(copy)


def _forget() -> None:
    global _library, _quick, _lock, generation
    _library = _quick = None
    _lock = threading.Lock()  # another thread of the parent may have held it
    generation += 1
    for forget in _after_fork:
        forget()


os.register_at_fork(after_in_child=_forget)  # registered before the first load, which another thread may be doing


def call(name: str, *args: Any) -> None:
    """Calls a function that returns a status. Raises the function's error."""
    error = ctypes.c_void_p()
    if getattr(library(), name)(*args, ctypes.byref(error)):
        raise take_error(error)


def call_for_json(name: str, *args: Any) -> Any:
    """Calls a function whose last output is a llmagg_buf; returns the decoded JSON of that buffer."""
    return decode(call_for_bytes(name, *args), name)


def call_for_bytes(name: str, *args: Any) -> bytes:
    """Calls a function whose last output is a llmagg_buf; returns the bytes of that buffer."""
    buf = Buf()
    call(name, *args, ctypes.byref(buf))
    try:
        return ctypes.string_at(buf.ptr, buf.len) if buf.ptr else b""
    finally:
        library().llmagg_buf_free(ctypes.byref(buf))


def take_error(error: ctypes.c_void_p) -> errors.LLMError:
    """Makes an exception from a llmagg_error, frees the llmagg_error and clears ``error``."""
    size = ctypes.c_size_t()
    try:
        made = errors.from_payload(decode(library().llmagg_error_json(error, ctypes.byref(size)) or b"{}", "an error"))
        if isinstance(made, errors.ForkedError):  # where Python knows of the fork, _forget has run
            return errors.ForkedError(
                "this process was forked by code that did not tell Python; uWSGI does with --py-call-osafterfork, or "
                "loads the application in each worker with --lazy-apps; a C program calls PyOS_AfterFork_Child"
            )
        return made
    finally:
        library().llmagg_error_free(error)
        error.value = None


def manager() -> ctypes.c_void_p:
    """The core's own registry of this process."""
    pointer = ctypes.c_void_p()
    call("llmagg_manager_default", ctypes.byref(pointer))
    return pointer
