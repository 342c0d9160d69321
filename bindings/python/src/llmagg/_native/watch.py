"""Passes the core's observations to the observers. The first observer makes the one queue and its daemon thread.

The core sends observations only while an observer is open; without one, the thread sleeps in poll.
"""

from __future__ import annotations

import threading
from typing import Any, Protocol

from .._wire import decode
from . import load
from .queue import Queue
from .signatures import DROPPED, OBSERVE


class Sink(Protocol):
    """A receiver of observations. ``put`` must not wait."""

    def put(self, observation: dict[str, Any]) -> None:
        """Takes one observation, as the core's JSON."""


_lock = threading.Lock()  # guards the variables below, and draining the queue
_queue: Queue | None = None
_thread: threading.Thread | None = None
_sinks: list[Sink] = []


def add(sink: Sink) -> None:
    """Passes all later observations to ``sink`` too."""
    global _queue, _thread
    with _lock:
        if _queue is None:
            _queue = Queue()
        load.call("llmagg_observe_to_queue", _queue.handle.pointer)  # flushes earlier observations into the queue
        _drain(_queue)
        _sinks.append(sink)
        if _thread is None:
            _thread = _queue.follow("llmagg-observe", _read)


def remove(sink: Sink) -> None:
    """Passes all earlier observations to ``sink`` and removes it. A second call does nothing."""
    with _lock:
        if sink not in _sinks or _queue is None:
            return
        load.call("llmagg_observe_to_queue", _queue.handle.pointer if len(_sinks) > 1 else None)
        _drain(_queue)
        _sinks.remove(sink)


def _read(queue: Queue) -> None:
    with _lock:
        _drain(queue)


def _drain(queue: Queue) -> None:
    while batch := queue.drain():
        while batch:
            kind, _, _, _, payload = batch.pop()
            if kind in (OBSERVE, DROPPED):
                observation = decode(payload, "an observation")
                if kind == DROPPED:
                    observation = {"event": "dropped", "dropped": observation["count"]}
                for sink in _sinks:
                    sink.put(observation)


def _forget() -> None:
    global _lock, _queue, _thread, _sinks
    _lock, _queue, _thread, _sinks = threading.Lock(), None, None, []


load.on_fork(_forget)
