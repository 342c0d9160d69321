"""Rows of Ray Data through llmagg::

    answers = ray.data.read_parquet("prompts.parquet").map_batches(
        llmagg.bulk.ray.Chat,
        fn_constructor_kwargs={"config": config, "ledger": "/shared/answers"},
        compute=ray.data.ActorPoolStrategy(size=4), batch_size=256,
    )

Ray spreads, retries and checkpoints blocks; the ledger knows what was paid. ``import llmagg.bulk.ray`` needs no ray.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

from .shared import ANSWER_COLUMNS, Batches


class Chat:
    """A class for ``map_batches``: the batches get the columns of ``ANSWER_COLUMNS``. A failed row has an ``error``.

    ``config`` and ``models`` are those of :class:`llmagg.LLMAggregator`; ``ledger`` is a folder that all machines
    share, or a URL as "valkey://host" or "s3://bucket/job"; an answer is found there again after a crash. ``prompt``
    is the name of a column, or a function of a row; ``params`` are those of all calls. The method is asynchronous, so
    that an actor works on several batches at once.
    """

    def __init__(
        self, config: Any, models: list[Any] | None = None, ledger: str | Path | None = None,
        prompt: str | Callable[[Any], Any] | None = None, parse: Any = None, params: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        self._batches = Batches(config, models, ledger, prompt, parse, params)

    async def __call__(self, batch: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
        """Asks the rows of a batch."""
        names = list(batch)
        columns = [column.tolist() if hasattr(column, "tolist") else list(column) for column in batch.values()]
        answers = await self._batches.ask([dict(zip(names, values)) for values in zip(*columns)])
        yield {**batch, **{name: [answer[name] for answer in answers] for name in ANSWER_COLUMNS}}
