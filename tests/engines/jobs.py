"""Programs of the tests, each in a process of its own, which may be killed: ``jobs.py ray|dask URL LEDGER ROWS WORKERS``."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

PLACES = 8


def config_for(url: str) -> dict[str, Any]:
    model = {"api_key": "k-123456789", "base_url": url, "max_concurrent_calls": PLACES, "retry": {"backoff_s": 0.01}}
    return {"openai": {"models": {"gpt-a": model}}}


def rows_of(count: int) -> list[dict[str, Any]]:
    """A row in a hundred asks nothing."""
    return [{"id": n, "prompt": "" if n % 100 == 99 else f"row {n}"} for n in range(count)]


def ask_ray(url: str, ledger: str, count: int, workers: int) -> list[dict[str, Any]]:
    import ray

    from llmagg.bulk.ray import Chat

    ray.init(num_cpus=2, include_dashboard=False, logging_level="ERROR", log_to_driver=False)
    ray.data.DataContext.get_current().enable_progress_bars = False
    rows = ray.data.from_items(rows_of(count), override_num_blocks=20)
    answers = rows.map_batches(
        Chat, fn_constructor_kwargs={"config": config_for(url), "ledger": ledger},
        compute=ray.data.ActorPoolStrategy(size=workers), batch_size=16,
    )  # fmt: skip
    return list(answers.take_all())


def ask_dask(url: str, ledger: str, count: int, workers: int) -> list[dict[str, Any]]:
    import distributed

    from llmagg.bulk import dask

    cluster = distributed.LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address="127.0.0.1:0")
    with cluster, distributed.Client(cluster) as client:
        rows = rows_of(count)
        found = dask.ask(client, rows, config=config_for(url), ledger=ledger, batch_size=16)
        return [{**row, **answer, "id": row["id"]} for row, answer in zip(rows, found, strict=True)]


if __name__ == "__main__":
    engine, url, ledger, count, workers = sys.argv[1:]
    answers = (ask_ray if engine == "ray" else ask_dask)(url, ledger, int(count), int(workers))
    keys = ("id", "prompt", "answer", "error", "route")
    print(json.dumps([{key: answer[key] for key in keys} for answer in answers]), flush=True)
    os._exit(0)  # without the seconds that an engine takes to leave
