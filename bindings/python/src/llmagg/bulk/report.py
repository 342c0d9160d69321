"""What a bulk job gives: an answer for each row, and a report at the end."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypedDict, TypeVar

from ..errors import InvalidArgumentError, LLMError
from ..responses import ChatCompletionResponse

T = TypeVar("T")


class LedgerError(InvalidArgumentError):
    """The ledger cannot be used: another run holds it, or it belongs to another job."""


class LedgerFullError(LLMError):
    """The ledger or the output cannot be written, as on a full disk. Everything in the ledger is kept."""


class LedgerAwayError(LLMError):
    """A ledger that several machines share cannot be reached, or refuses to be read or written. Its content is
    kept; the message says how many paid answers are missing in it.
    """


@dataclass
class Answer(Generic[T]):
    """The answer to a row: ``text``, or ``error`` (an object with ``code``, ``name`` and ``message``).

    ``n`` counts the rows from 0. ``value`` is the object that ``parse`` made. ``response`` is None, and ``row`` holds
    the row as it was read, for an answer that an earlier run left in the ledger (``from_ledger``).
    """

    n: int
    row: Any
    text: str = ""
    value: T | None = None
    error: dict[str, Any] | None = None
    response: ChatCompletionResponse | None = field(default=None, repr=False)
    from_ledger: bool = False


class Failures(TypedDict):
    """The failed rows with one name of an error: how many, and the first of them (``n`` and ``message``)."""

    rows: int
    n: int
    message: str


@dataclass
class Report:
    """The sums of a job. Rows that earlier runs answered count in ``answered``, ``errors``, tokens and ``costs``.

    ``asked`` is how many rows this run asked, and ``seconds`` how long it took. ``costs`` maps currencies to sums;
    ``unpriced`` answers have a cost that is not known. ``stopped`` is None if all rows were asked, else "max_cost" or
    "errors". ``output`` is None if no output was made. ``failures`` maps the names of errors (``error["name"]`` of an
    answer) to how many rows failed so, and why the first of them did; a printed report shows it.
    """

    rows: int = 0
    answered: int = 0
    errors: int = 0
    asked: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    costs: dict[str, float] = field(default_factory=dict)
    unpriced: int = 0
    seconds: float = 0.0
    stopped: str | None = None
    output: Path | None = None
    ledger: Path | None = None
    failures: dict[str, Failures] = field(default_factory=dict)

    @property
    def cost(self) -> float | None:
        """The sum, if all costs are in one currency; None if nothing had a known cost."""
        return next(iter(self.costs.values())) if len(self.costs) == 1 else None

    def __str__(self) -> str:
        parts = [f"{self.answered} answered", f"{self.errors} failed", f"{self.asked} asked in {self.seconds:.1f} s"]
        parts.append(f"{self.prompt_tokens} + {self.completion_tokens} tokens")
        parts += [f"{amount:.4f} {currency}" for currency, amount in self.costs.items()]
        if self.unpriced:
            parts.append(f"{self.unpriced} answer{'' if self.unpriced == 1 else 's'} without a known cost")
        if self.stopped:
            parts.append(f"stopped by {self.stopped}")
        return "\n".join([", ".join(parts), *map(_shown, self.failures.items())])

    def fail(self, n: int, name: str, message: str) -> None:
        """Counts a failed row."""
        self.errors += 1
        known = self.failures.setdefault(name, {"rows": 0, "n": n, "message": message})
        known["rows"] += 1


def _shown(failed: tuple[str, Failures]) -> str:
    name, failures = failed
    message = failures["message"].partition("\n")[0]
    rows = "1 row," if failures["rows"] == 1 else f"{failures['rows']} rows, the first is"
    return f"  {name}: {rows} row {failures['n']}: {message}"
