"""Carries the core's observations to the observers: one queue and one daemon thread, made for the first of them.

The core is subscribed only while an observer is open; the thread sleeps in poll otherwise.
"""

from __future__ import annotations

import select
import threading
from typing import Any, Protocol

from .._wire import decode
from . import load
from .queue import Queue
from .signatures import DROPPED, OBSERVE


class Sink(Protocol):
    """What observations are put into. ``put`` must not wait."""

    def put(self, observation: dict[str, Any]) -> None:
        """Takes one observation, as the core tells it."""


_lock = threading.Lock()  # guards what follows, and draining the queue
_queue: Queue | None = None
_thread: threading.Thread | None = None
_sinks: list[Sink] = []


def add(sink: Sink) -> None:
    """Puts what happens from now on into ``sink`` too."""
    global _queue, _thread
    with _lock:
        if _queue is None:
            _queue = Queue()
        load.call("llmagg_observe_to_queue", _queue.handle.pointer)  # a second time: what came before is in the queue
        _drain(_queue)
        _sinks.append(sink)
        if _thread is None:
            _thread = threading.Thread(target=_read, args=(_queue,), name="llmagg-observe", daemon=True)
            _thread.start()


def remove(sink: Sink) -> None:
    """Ends that, after all that has happened until now was put into ``sink``. A second time does nothing."""
    with _lock:
        if sink not in _sinks or _queue is None:
            return
        load.call("llmagg_observe_to_queue", _queue.handle.pointer if len(_sinks) > 1 else None)
        _drain(_queue)
        _sinks.remove(sink)


def _read(queue: Queue) -> None:
    poll = select.poll()
    poll.register(queue.fileno(), select.POLLIN)
    while True:
        poll.poll()
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
