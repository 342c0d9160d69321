"""The keyword parameters of ``run_sync`` and ``stream``, for editors and type checkers. ``run`` has them one by one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from ..default import Models
from ..params import RowParams

Kind = Literal["sqlite", "jsonl"]
Use = Literal["never", "auto", "always"]
Prompt = str | Callable[[Any], Any]
"""The name of a column, a text with names of columns in braces, or a function of a row."""


class StreamOptions(RowParams, total=False):
    """The parameters of :func:`llmagg.bulk.stream` but ``parse``."""

    models: Models | None
    prompt: Prompt | None
    ledger: str | Path | None
    retry_errors: bool
    max_cost: float | None
    stop_after_errors: float | None
    window: int | None


class RunOptions(RowParams, total=False):
    """The parameters of :func:`llmagg.bulk.run`."""

    models: Models | None
    prompt: Prompt | None
    parse: Any
    resume: bool
    retry_errors: bool
    max_cost: float | None
    errors: Literal["rows", "stop"]
    stop_after_errors: float | None
    progress: bool
    ledger: Kind | Path
    window: int | None
    batch_api: Use
    batch_wait: float
    batch_poll: float


OTHERS = {
    **dict.fromkeys(("concurrency", "max_concurrency", "max_workers", "parallel", "n_jobs"), "window"),
    **dict.fromkeys(("response_model", "response_type", "output_type", "result_type", "output_cls", "schema"), "parse"),
    **dict.fromkeys(("show_progress", "verbose", "show_progress_bar"), "progress"),
    **dict.fromkeys(("budget", "max_budget", "cost_limit"), "max_cost"),
}
"""What other libraries call parameters of these functions."""
