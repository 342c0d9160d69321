"""Budgets: what many calls may cost together."""

from __future__ import annotations

import weakref
from typing import Any

from . import errors
from ._native import load
from ._parameters import told
from ._shared import Shared, tell
from ._shown import shown
from .diagnostics import stats


class Budget(Shared):
    """What all calls that have it may cost together, in the currency of their prices.

    Example::

        team = llmagg.Budget(20.0)
        aggregator = llmagg.LLMAggregator(["gpt-4o"], budget=team)
        answer = await aggregator.chat("Hello", budgets=[llmagg.Budget(0.5)])

    No attempt begins after the known cost of these calls has reached ``amount``: a call then raises
    QuotaExceededError. A ``hard`` budget also skips routes where an attempt could exceed it, as estimated from the
    route's price, the size of the request and its ``max_tokens``. Attempts in flight count, and an attempt whose cost
    is not known counts as the most that it could cost. Thread-safe. A forked child counts by itself, from 0, and so
    does a pickled budget; a copy is the budget itself.
    """

    _kind = "budget"

    @told()
    def __init__(self, amount: float, *, hard: bool = False) -> None:
        self._new_name()
        self.set(amount, hard=hard)
        weakref.finalize(self, _note, self._name, soft=False).atexit = False

    def set(self, amount: float, *, hard: bool = False) -> None:
        """Gives the budget another limit; what is spent stays. Raises InvalidArgumentError."""
        self._tell({"amount": amount, "hard": hard})
        self._limit = (amount, hard)
        _note(self._name, soft=not hard)

    def name(self) -> str:
        """The name by which the core knows the budget in this process."""
        if self._generation != load.generation:  # forked: this library does not know it yet
            self.set(self._limit[0], hard=self._limit[1])
        return self._name

    def report(self) -> dict[str, Any]:
        """``amount``, ``hard``, ``spent``, ``reserved`` (by attempts under way), ``unknown`` (attempts whose cost is
        not known), ``currency``.
        """
        name = self.name()
        return report()[name]

    @property
    def spent(self) -> float:
        """The known cost of all calls so far."""
        return float(self.report()["spent"])

    def __reduce__(self) -> Any:
        return _again, self._limit

    def __repr__(self) -> str:
        amount, hard = self._limit
        return f"Budget({amount!r}{', hard=True' if hard else ''})"


def _again(amount: float, hard: bool) -> Budget:
    return Budget(amount, hard=hard)


def process_budget(amount: float | None, *, hard: bool = False) -> None:
    """Bounds what all calls of this process cost together, as a :class:`Budget`; None removes the bound and forgets
    what was spent. ``llmagg.stats()["budgets"][""]`` says how much is spent.
    """
    tell("budget", "", None if amount is None else {"amount": amount, "hard": hard})
    _note("", soft=amount is not None and not hard)


def _note(name: str, *, soft: bool) -> None:
    """Notes whether a budget is there that is not hard."""
    if soft:
        load.soft_budgets.add(name)
    else:
        load.soft_budgets.discard(name)


def report() -> dict[str, dict[str, Any]]:
    """The state of each budget of the process by its name; that of the process itself has the name ""."""
    budgets: dict[str, dict[str, Any]] = stats().get("budgets", {})
    return budgets


def names_of(budgets: Any) -> list[str]:
    """The names of a budget or of several, for the option of a call."""
    found = []
    for budget in budgets if isinstance(budgets, (list, tuple, set, frozenset)) else [budgets]:
        if not isinstance(budget, Budget):
            raise errors.InvalidArgumentError(
                f'option "budgets" holds {shown(budget)}; expected llmagg.Budget objects, such as [llmagg.Budget(5.0)]'
            )
        found.append(budget.name())
    return found
