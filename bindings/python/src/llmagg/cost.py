"""What an attempt or a call cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ._absent import no_dict
from ._fields import Record


@no_dict
@dataclass(repr=False, eq=False)
class Cost(Record):
    """A sum of money. A cost that is not known is None in its place, never 0. ``float(cost)`` is the amount.

    ``source`` is "provider" (the answer says it), "price" (the usage times the ``price`` of the configuration), "table"
    (times the prices of the file that LLMAGG_PRICES names, whose day is ``date``), "cache" (nothing, as the answer was
    kept) or "mixed". ``unknown`` is how many further attempts of the call may have cost something that is not known.
    """

    amount: float
    currency: str = "USD"
    source: str = ""
    unknown: int = 0
    date: str = ""

    def __float__(self) -> float:
        return float(self.amount)

    @classmethod
    def from_dict(cls, data: Any) -> Cost | None:
        """Reads the JSON object; None for anything else."""
        if not isinstance(data, dict) or not isinstance(data.get("amount"), (int, float)):
            return None
        return cls(**{name: data[name] for name in cls.__dataclass_fields__ if name in data})

    def to_dict(self) -> dict[str, Any]:
        """The JSON object; ``unknown`` and ``date`` are omitted if they are 0 and empty."""
        return {key: value for key, value in vars(self).items() if value or key not in ("unknown", "date")}
