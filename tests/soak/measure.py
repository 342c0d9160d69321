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


class MallInfo(ctypes.Structure):
    """What mallinfo2 (glibc 2.33 and later) tells: bytes handed out from the arenas are uordblks, from maps hblkhd."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
            *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    ]


@dataclass(frozen=True)
class Limit:
    """How much more there may be at the end than after warm-up."""

    share: float = 0.0
    absolute: float = 0.0
    most: float | None = None
    """Instead: how much there may be, whatever there was."""

    def of(self, before: float) -> float:
        """How much there may be at the end."""
        return before * (1 + self.share) + self.absolute if self.most is None else self.most


LIMITS = {
    "handles": Limit(),
    "operations": Limit(),
    "custom calls": Limit(),
    "sockets": Limit(),
    "connections at the wall": Limit(),
    "goroutines": Limit(0.05, 1),
    "descriptors": Limit(0.05),
    # Go keeps a thread that it needed once. How many come at the same moment to need one is chance: 9 to 17 were seen.
    "threads": Limit(most=23),
    # Go's runtime and the allocators reach their size slowly: 1.7 to 2.7 MB more were seen, in one minute as in ten.
    "resident MB": Limit(0.05, 2),
    "C blocks MB": Limit(0.05, 1),  # what C's allocator keeps for each thread counts, up to 0.2 MB
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
    libc = ctypes.CDLL(None)
    libc.mallinfo2.restype = MallInfo
    libc.malloc_trim(0)
    c = libc.mallinfo2()
    stats = llmagg.stats()
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return {
        "handles": sum(stats["handles"].values()),
        "operations": stats["operations"],
        "custom calls": stats["custom_calls"],
        "sockets": stats["sockets"],
        "connections at the wall": connections(),
        "goroutines": stats["goroutines"],
        "descriptors": len(list(Path("/proc/self/fd").iterdir())),
        "threads": int(status["Threads"]),
        "resident MB": int(status["VmRSS"].split()[0]) / 1e3,
        "C blocks MB": (c.uordblks + c.hblkhd) / 1e6,
        "Python blocks": sys.getallocatedblocks(),
        "Go runtime MB": stats["runtime_bytes"] / 1e6,
        "Go heap MB": min(heap) / 1e6,
    }


def differences(before: Measure, after: Measure) -> list[str]:
    """What grew by more than its limit."""
    return [
        f"{name}: {before[name]:g} after warm-up, {after[name]:g} at the end"
        for name, limit in LIMITS.items()
        if after[name] > limit.of(before[name]) + 1e-9
    ]


def settled(before: Measure | None, measure: Callable[[], Measure], patience: float = 20) -> Measure:
    """Measures until nothing differs from before, or patience is over: connections and goroutines end by themselves."""
    deadline = time.monotonic() + patience
    found = measure()
    while before is not None and differences(before, found) and time.monotonic() < deadline:
        time.sleep(0.2)
        found = measure()
    return found
