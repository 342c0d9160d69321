"""The vectors of texts."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from typing import Any

from . import _absent
from ._wire import decode
from .responses import OtherAnswer


@_absent.told("embeddings")
class EmbeddingResponse(OtherAnswer):
    """The vectors of texts, in the order of the texts.

    ``model`` is the upstream name of the model that answered. ``usage`` is that of all requests; it is unknown (false)
    if a provider sent none. ``cost`` is what all requests cost, None if that is not known. ``attempts`` lists the
    attempts of all requests. ``id_of_call`` is the number of the call, as observations carry it. ``dimensions`` is the
    length of each vector. ``len(response)`` is the number of vectors; ``response[i]`` and a loop give vectors as lists
    of floats.
    """

    def __init__(self, payload: bytes | bytearray | memoryview, *, numpy: bool = False) -> None:
        from ._native.signatures import VECTORS

        data = memoryview(payload)
        count, dimensions, offset, json_offset, json_size = VECTORS.unpack_from(data)
        self._read(decode(data[json_offset : json_offset + json_size]))
        self.dimensions: int = dimensions
        self._numbers = data[offset : offset + 4 * count * dimensions]
        self._count: int = count
        self._embeddings: Any = self.to_numpy() if numpy else None

    def __getstate__(self) -> dict[str, Any]:
        """For copies and pickles, which have numbers of their own."""
        numpy = not (self._embeddings is None or isinstance(self._embeddings, list))
        return {**vars(self), "_numbers": bytes(self._numbers), "_embeddings": numpy}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._numbers = memoryview(bytearray(state["_numbers"]))  # writable, as the answer's own
        self._embeddings = self.to_numpy() if state["_embeddings"] else None

    @property
    def embeddings(self) -> Any:
        """A list of the vectors, each a list of floats, made when it is first used; with ``numpy=True`` an array."""
        if self._embeddings is None:
            self._embeddings = self._lists()
        return self._embeddings

    def _list(self, index: int) -> list[float]:
        numbers = array("f")
        size = 4 * self.dimensions
        numbers.frombytes(self._numbers[index * size : (index + 1) * size])
        return numbers.tolist()

    def _lists(self) -> list[list[float]]:
        return [self._list(i) for i in range(self._count)]

    def to_numpy(self) -> Any:
        """The vectors as a float32 array of numpy, one row for each text, without a copy. Needs numpy."""
        from importlib import import_module

        return import_module("numpy").asarray(self._numbers.cast("f")).reshape(self._count, self.dimensions)

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> Any:
        """One vector, a list of floats; with ``numpy=True`` a row of the array."""
        if self._embeddings is not None:
            return self._embeddings[index]
        index = range(self._count)[index]
        return self._list(index)

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(self._count))

    def __repr__(self) -> str:
        return f"EmbeddingResponse(model={self.model!r}, {len(self)} vectors of {self.dimensions} numbers)"

    def to_dict(self) -> dict[str, Any]:
        """The answer in OpenAI's shape, with ``"attempts"``."""
        data = [{"object": "embedding", "index": i, "embedding": v} for i, v in enumerate(self._lists())]
        return {"object": "list", "data": data, **self._written()}
