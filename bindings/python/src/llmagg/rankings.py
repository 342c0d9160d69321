"""Rankings of documents."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ._wire import decode
from .responses import OtherAnswer


@dataclass
class RankedDocument:
    """A document's fit: ``index`` in the list that was sent, the document, its score (a higher one fits better).

    The scores of two models do not compare.
    """

    index: int
    relevance_score: float
    document: str


class RerankResponse(OtherAnswer):
    """``results``: the documents, the best first. ``usage`` is unknown (false) if the provider sent none; ``meta`` is
    what Cohere and others tell beside, such as billed units. ``cost`` is None if it is not known. ``attempts`` lists
    the attempts of the call, ``id_of_call`` is its number, as observations carry it.
    """

    def __init__(self, payload: bytes | bytearray | memoryview, documents: Sequence[str]) -> None:
        answer = decode(payload)
        self._read(answer)
        texts = documents if isinstance(documents, (list, tuple)) else [documents]
        self.results = [RankedDocument(r["index"], r["relevance_score"], texts[r["index"]]) for r in answer["results"]]
        self.meta: dict[str, Any] | None = answer.get("meta")

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
        results = [{"index": r.index, "relevance_score": r.relevance_score} for r in self.results]
        made = {"results": results, **self._written()}
        return made if self.meta is None else {**made, "meta": self.meta}
