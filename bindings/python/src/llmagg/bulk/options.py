"""The keyword parameters of ``run_sync`` and ``stream``, for editors and type checkers. ``run`` has them one by one."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple, cast

from ..default import Models
from ..params import RowParams
from . import stores

Kind = Literal["sqlite", "jsonl"]
Use = Literal["never", "auto", "always"]
Prompt = str | Callable[[Any], Any]
"""The name of a column, a text with names of columns in braces, or a function of a row."""


class _JobOptions(RowParams, total=False):
    models: Models | None
    prompt: Prompt | None
    retry_errors: bool
    max_cost: float | None
    stop_after_errors: float | None
    window: int | None


class StreamOptions(_JobOptions, total=False):
    """The parameters of :func:`llmagg.bulk.stream` but ``parse``."""

    ledger: str | Path | None


class RunOptions(_JobOptions, total=False):
    """The parameters of :func:`llmagg.bulk.run`."""

    parse: Any
    resume: bool
    errors: Literal["rows", "stop"] | None
    progress: bool
    ledger: Kind | Path | None
    batch_api: Use | None
    batch_wait: float
    batch_poll: float


class Chosen(NamedTuple):
    """What a call of ``run`` or ``stream`` says, else the key ``bulk`` of the configuration, else what is usual."""

    max_cost: float | None
    stop_after_errors: float | None
    ledger: Kind | Path | None
    """None where the call and the configuration say nothing."""
    batch_api: Use

    @classmethod
    def of(
        cls, configured: Mapping[str, Any], max_cost: float | None, stop_after_errors: float | None,
        errors: str | None = None, ledger: Any = None, batch_api: Use | None = None,
    ) -> Chosen:  # fmt: skip
        """``max_cost`` and ``stop_after_errors`` may be infinite: then they bound nothing, whatever is configured."""
        if errors is None and stop_after_errors is None:
            errors = configured.get("errors")
        if errors == "stop":
            stop_after_errors = 1
        elif stop_after_errors is None:
            stop_after_errors = configured.get("stop_after_errors")
        if max_cost is None:
            max_cost = configured.get("max_cost")
        if ledger is None:
            said: Any = configured.get("ledger")
            stores.refuse(said)
            ledger = said if said in (None, "sqlite", "jsonl") else Path(said)
        use = cast("Use", configured.get("batch_api", "never")) if batch_api is None else batch_api
        return cls(None if max_cost == math.inf else max_cost, stop_after_errors, ledger, use)


OTHERS = {
    **dict.fromkeys(("concurrency", "max_concurrency", "max_workers", "parallel", "n_jobs"), "window"),
    **dict.fromkeys(("response_model", "response_type", "output_type", "result_type", "output_cls", "schema"), "parse"),
    **dict.fromkeys(("show_progress", "verbose", "show_progress_bar"), "progress"),
    **dict.fromkeys(("budget", "max_budget", "cost_limit"), "max_cost"),
}
"""What other libraries call parameters of these functions."""
