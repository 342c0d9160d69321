"""Runs a Python program whose wall clock is off: ``elsewhen.py SECONDS PROGRAM ARGUMENTS...``. Its monotonic clock is the machine's.

Go reads the clock from the kernel's vDSO, past the C library, so that preloading (libfaketime) does not reach the core. Where the vDSO
is, the kernel writes above a program's environment, and Go reads it there when llmagg's library is loaded: it finds clock.c instead.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import platform
import runpy
import subprocess
import sys
import tempfile
import time
from pathlib import Path

AT_NULL, AT_SYSINFO_EHDR = 0, 33
VERSION = {"x86_64": "LINUX_2.6", "aarch64": "LINUX_2.6.39"}


def built(seconds: int, folder: str) -> bytes:
    """A vDSO, as the kernel lays it out: nothing in it is relocated."""
    out, versions = Path(folder, "clock.so"), Path(folder, "clock.map")
    versions.write_text(f"{VERSION[platform.machine()]} {{ global: __vdso_*; __kernel_*; local: *; }};")
    flags = ["-O2", "-fPIC", "-shared", "-nostdlib", "-fno-stack-protector", f"-Wl,--hash-style=both,--version-script={versions}"]
    source = str(Path(__file__).with_name("clock.c"))
    subprocess.run([os.environ.get("CC", "cc"), *flags, f"-DSHIFT={seconds}", "-o", str(out), source], check=True)
    return out.read_bytes()


def mapped(image: bytes) -> int:
    """The address of an executable copy, which stays."""
    memory = mmap.mmap(-1, len(image), prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    memory.write(image)
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(memory))
    return ctypes.addressof(ctypes.c_char.from_buffer(memory))


def told(address: int) -> None:
    """Says that the vDSO is at an address, where the kernel said so."""
    words = ctypes.cast(ctypes.c_void_p.in_dll(ctypes.CDLL(None), "__libc_stack_end"), ctypes.POINTER(ctypes.c_size_t))
    at = 1 + words[0] + 1  # after the number of arguments, the arguments and a zero
    while words[at]:
        at += 1
    at += 1
    while words[at] != AT_SYSINFO_EHDR:
        assert words[at] != AT_NULL, "the kernel gave no vDSO"
        at += 2
    words[at + 1] = address


def main() -> None:
    seconds = int(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        told(mapped(built(seconds, folder)))
    real, real_ns = time.time, time.time_ns
    time.time, time.time_ns = (lambda: real() + seconds), (lambda: real_ns() + seconds * 10**9)
    sys.argv[:2] = []
    if sys.argv[0] == "-m":
        sys.argv[:1] = []
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    else:
        sys.path[0] = str(Path(sys.argv[0]).parent)
        runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
