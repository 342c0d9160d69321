"""Rows over the workers of a Dask cluster::

    client = distributed.Client(...)
    for answer in llmagg.bulk.dask.ask(client, rows, config=config, ledger="/shared/answers"):
        print(answer["n"], answer["answer"])

``import llmagg.bulk.dask`` needs no dask.
"""

from __future__ import annotations

import asyncio
import itertools
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from .shared import Batches
from .stores import is_url, place_of

_kept: dict[str, Batches] = {}  # of this worker, by job; guarded by _lock
_lock = threading.Lock()


class Job(dict[str, Any]):
    """The arguments of :class:`Batches`. Dask writes what a task was given into its log; there are keys in it."""

    def __repr__(self) -> str:
        return "<a job of llmagg.bulk>"


def ask(
    client: Any, rows: Iterable[Any], *, config: Any, models: list[Any] | None = None, ledger: str | Path | None = None,
    prompt: str | Callable[[Any], Any] | None = None, parse: Any = None, params: Mapping[str, Any] | None = None,
    batch_size: int = 256, ahead: int = 4,
) -> Iterator[dict[str, Any]]:  # fmt: skip
    """The answers in the order of the rows; ``n`` counts them, and a failed row has an ``error``.

    ``client`` is a ``distributed.Client``. Each worker makes an aggregator of ``config``. Batches are sent as answers
    are taken, ``ahead`` of them for each thread of the workers. ``ledger`` is a folder that all workers share, or a URL
    as "valkey://host" or "s3://bucket/job"; an answer is found there again after a crash.
    """
    if ledger is not None and is_url(ledger):
        place_of(ledger)  # a mistake is told here, before any worker
    job = Job(config=config, models=models, ledger=ledger, prompt=prompt, parse=parse, params=params)
    name = uuid.uuid4().hex
    left = iter(rows)
    waiting: list[Any] = []
    most = max(ahead * sum(client.nthreads().values()), 1)
    done = 0
    try:
        while True:
            while len(waiting) < most and (batch := list(itertools.islice(left, batch_size))):
                waiting.append(client.submit(answers, batch, name, job, pure=False))
            if not waiting:
                return
            for answer in waiting.pop(0).result():
                yield {**answer, "n": done}
                done += 1
    finally:
        client.cancel(waiting)


def answers(rows: list[Any], name: str, job: dict[str, Any]) -> list[dict[str, Any]]:
    """Asks rows in the worker that calls it; ``job`` holds the arguments of :class:`Batches`, ``name`` names it."""
    with _lock:
        batches = _kept.get(name)
        if batches is None:
            batches = _kept[name] = Batches(**job)
    return asyncio.run(batches.ask(rows))
