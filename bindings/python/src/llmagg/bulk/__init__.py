"""Many rows through the models of an aggregator: every paid answer is kept, and a killed run goes on where it was.

::

    report = await llmagg.bulk.run("prompts.jsonl", "answers.jsonl", llm, resume=True, max_cost=50.0, progress=True)

    for answer in llmagg.bulk.stream(rows, llm, prompt=lambda row: row["question"], parse=City):
        print(answer.n, answer.value)

Rates, retries and failover are those of the aggregator. ``import llmagg`` does not import this package.
"""

from __future__ import annotations

from .job import Stream, export, run, run_sync, stream
from .report import Answer, LedgerAwayError, LedgerError, LedgerFullError, Report

__all__ = (
    "Answer", "LedgerAwayError", "LedgerError", "LedgerFullError", "Report", "Stream", "export", "run", "run_sync",
    "stream",
)  # fmt: skip
