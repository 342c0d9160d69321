"""The function that builds an aggregator's calls; its module is imported at the first call, since that is slow."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._native.calls import Call


@cache
def planned_call() -> Callable[..., Call]:
    """:func:`llmagg.plan.call`."""
    from . import plan

    return plan.call
