"""Rankings of documents."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ._wire import decode
from .attempt import Attempt
from .cost import Cost
from .responses import Usage, usage_to_dict


@dataclass
class RankedDocument:
    """A document's fit: ``index`` in the list that was sent, the document, its score (a higher one fits better).

    The scores of two models do not compare.
    """

    index: int
    relevance_score: float
    document: str


class RerankResponse:
    """``results``: the documents, the best first. ``usage`` is unknown (false) if the provider sent none; ``meta`` is
    what Cohere and others tell beside, such as billed units. ``cost`` is None if it is not known. ``attempts`` lists
    the attempts of the call, ``id_of_call`` is its number, as observations carry it.
    """

    def __init__(self, payload: bytes | bytearray | memoryview, documents: Sequence[str]) -> None:
        answer = decode(payload)
        self.model: str = answer["model"]
        texts = documents if isinstance(documents, (list, tuple)) else [documents]
        self.results = [RankedDocument(r["index"], r["relevance_score"], texts[r["index"]]) for r in answer["results"]]
        self.usage = Usage.from_dict(answer["usage"])
        self.cost = Cost.from_dict(answer.get("cost"))
        self.meta: dict[str, Any] | None = answer.get("meta")
        self.id_of_call: int = answer.get("id_of_call", 0)
        self.attempts = [Attempt.from_dict(attempt) for attempt in answer["attempts"]]

    def __len__(self) -> int:
        return len(self.results)

    def __getitem__(self, index: int) -> RankedDocument:
        return self.results[index]

    def __iter__(self) -> Iterator[RankedDocument]:
        return iter(self.results)

    def __repr__(self) -> str:
        return f"RerankResponse(model={self.model!r}, results={self.results!r})"

    def to_dict(self) -> dict[str, Any]:
        """The answer in Cohere's shape, with "model", "usage" and "attempts"."""
        made: dict[str, Any] = {
            "results": [{"index": r.index, "relevance_score": r.relevance_score} for r in self.results],
            "model": self.model, "usage": usage_to_dict(self.usage),
            "id_of_call": self.id_of_call, "attempts": [attempt.to_dict() for attempt in self.attempts],
        }  # fmt: skip
        if self.cost is not None:
            made["cost"] = self.cost.to_dict()
        return made if self.meta is None else {**made, "meta": self.meta}
