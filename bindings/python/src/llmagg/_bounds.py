"""The bounds of a task that makes several calls: one deadline and one ``max_cost`` for all of them together."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from . import _values, log
from ._native import load
from ._shown import shown
from .attempt import Attempt
from .errors import InvalidArgumentError, QuotaExceededError

if TYPE_CHECKING:
    from ._native.handle import Handle
    from .responses import ChatCompletionResponse

_told: set[str] = set()  # the routes
ADVICE = (  # made by `make reference`
    'name a table of prices in LLMAGG_PRICES (llmagg prices --path is one), or set "price" in the configuration (0 '
    "for what is free)"
)
UNKNOWN = f"max_cost cannot be kept: the cost of an answer is not known; {ADVICE}"


def tell_silent(route_names: list[str], handles: list[Handle]) -> bool:
    """The same for the routes of a call with a budget that is not hard, if nobody would ever tell what they cost.
    Whether it is told now; not where the application has a log.
    """
    if log.is_heard():
        return False
    for name, handle in zip(route_names, handles):
        if name not in _told and not load.call_for_json("llmagg_client_info", handle.pointer)["tells_cost"]:
            _tell(name)
    return True


def _tell(route: str) -> None:
    from . import oldstyle

    _told.add(route)
    oldstyle.show(f"max_cost or a budget has no effect at {route}: the cost of its answers is not known; {ADVICE}")


def tell_unpriced(response: ChatCompletionResponse) -> ChatCompletionResponse:
    """Warns, once for each route, that a bound of money has no effect, since nobody knows what the answer cost. Where
    the application has a log, the core has told it there.
    """
    if response.cost is None and response.route not in _told and not log.is_heard():
        _tell(response.route)
    return response


class Bounds:
    """Takes ``deadline`` and ``max_cost`` out of the parameters of a task. Raises InvalidArgumentError for a deadline
    that is no time; the core checks ``max_cost`` in the first call.
    """

    def __init__(self, params: dict[str, Any]) -> None:
        deadline = _values.number(_values.seconds(params.pop("deadline", None)))
        number = isinstance(deadline, (int, float)) and not isinstance(deadline, bool)
        if deadline is not None and not (number and math.isfinite(deadline) and deadline > 0):
            expected = "expected seconds, a number greater than 0, such as 1.5"
            raise InvalidArgumentError(f'option "deadline" is {shown(deadline)}; {expected}')
        self._until = None if deadline is None else time.monotonic() + deadline
        self._most = params.pop("max_cost", None)
        self._amount: Any = self._most["amount"] if isinstance(self._most, Mapping) and "amount" in self._most else None
        if self._amount is None:
            self._amount = self._most
        self.cost = 0.0
        """What the attempts so far cost, as far as it is known."""

    def late(self) -> bool:
        """Whether the deadline has passed."""
        return self._until is not None and time.monotonic() >= self._until

    def seconds(self) -> float | None:
        """What is left of the deadline; None without one."""
        return None if self._until is None else max(self._until - time.monotonic(), 0)

    def options(self) -> dict[str, Any]:
        """The options of the next call: what is left."""
        options: dict[str, Any] = {}
        if self._until is not None:
            options["deadline"] = max(self._until - time.monotonic(), 1e-6)
        if self._most is not None:
            options["max_cost"] = self._most
            if self.cost:
                known = dict(self._most) if isinstance(self._most, Mapping) else {}
                options["max_cost"] = {**known, "amount": self._amount - self.cost}
        return options

    def count(self, attempts: Sequence[Attempt]) -> None:
        """Counts the attempts of a call in."""
        self.cost += sum(attempt.cost.amount for attempt in attempts if attempt.cost is not None)

    def is_spent(self) -> bool:
        """Whether ``max_cost`` is reached."""
        return self._most is not None and self.cost >= self._amount

    def refuse_unknown(self, cost: Any, attempts: list[Attempt]) -> None:
        """Raises InvalidArgumentError before another call if ``max_cost`` cannot be kept."""
        if self._most is not None and cost is None:
            raise InvalidArgumentError(UNKNOWN, attempts=attempts)

    def refuse_spent(self, attempts: list[Attempt]) -> None:
        """Raises QuotaExceededError if ``max_cost`` is reached."""
        if self.is_spent():
            text = f"the calls have cost {self.cost:.6g}, and their max_cost is {self._amount:.6g}"
            raise QuotaExceededError(text, attempts=attempts)
