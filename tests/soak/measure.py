"""What the process holds, counted from outside and by ``llmagg.stats()``."""

from __future__ import annotations

import ctypes
import gc
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import llmagg

Measure = dict[str, float]
# A freed handle leaves its address in the library for ever, so that it never becomes another object (llmagg.h).
# Measured over 60,000 of them: 97 bytes of the Go heap each, 183 resident. Applications make few, this load thousands.
FREED_HANDLE_HEAP, FREED_HANDLE_RESIDENT = 100e-6, 190e-6


@dataclass(frozen=True)
class Limit:
    """How much more there may be at the end than after warm-up."""

    share: float = 0.0
    absolute: float = 0.0


LIMITS = {
    "handles": Limit(),
    "operations": Limit(),
    "custom calls": Limit(),
    "sockets": Limit(),
    "connections at the wall": Limit(),
    "goroutines": Limit(0.05, 1),
    "descriptors": Limit(0.05),
    # Go never gives a thread back, and C's allocator keeps an arena for each: 9 to 12 threads were seen, and 2 MB for
    # three of them. That they stay few is held elsewhere (tests/capi/host.c).
    "threads": Limit(0.05, 6),
    "resident MB without Go's": Limit(0.05, 3),
    # What the Go runtime keeps in reserve follows the bursts of the load and is given back slowly: 11 to 21 MB were
    # seen. A leak in Go is one of the heap or of goroutines.
    "Go runtime MB": Limit(0.05, 8),
    "Python blocks": Limit(0.05),
    "Go heap MB": Limit(0.05, 0.5),
}


def take(call: Callable[[], Any], connections: Callable[[], int]) -> Measure:
    """Measures a process at rest. ``call`` is one small call: enough of them let the Go collector run, which comes
    after 5 MB, at 9 KB a call.
    """
    gc.collect()
    heap = []
    for _ in range(1500):
        call()
        heap.append(llmagg.stats()["heap_bytes"])
    llmagg.LLMAggregator().manager.close_all_sync()
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    stats = llmagg.stats()
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    freed = stats["freed_handles"]
    resident = int(status["VmRSS"].split()[0]) / 1e3 - freed * FREED_HANDLE_RESIDENT
    runtime = stats["runtime_bytes"] / 1e6 - freed * FREED_HANDLE_HEAP
    return {
        "handles": sum(stats["handles"].values()),
        "operations": stats["operations"],
        "custom calls": stats["custom_calls"],
        "sockets": stats["sockets"],
        "connections at the wall": connections(),
        "goroutines": stats["goroutines"],
        "descriptors": len(list(Path("/proc/self/fd").iterdir())),
        "threads": int(status["Threads"]),
        "resident MB": resident,
        "resident MB without Go's": resident - runtime,
        "Python blocks": sys.getallocatedblocks(),
        "Go runtime MB": runtime,
        "Go heap MB": min(heap) / 1e6 - freed * FREED_HANDLE_HEAP,
    }


def differences(before: Measure, after: Measure) -> list[str]:
    """What grew by more than its limit."""
    return [
        f"{name}: {before[name]:g} after warm-up, {after[name]:g} at the end"
        for name, limit in LIMITS.items()
        if after[name] > before[name] * (1 + limit.share) + limit.absolute + 1e-9
    ]


def settled(before: Measure | None, measure: Callable[[], Measure], patience: float = 20) -> Measure:
    """Measures until nothing differs from before, or patience is over: connections and goroutines end by themselves."""
    deadline = time.monotonic() + patience
    found = measure()
    while before is not None and differences(before, found) and time.monotonic() < deadline:
        time.sleep(0.2)
        found = measure()
    return found
