"""Embeddings and rankings: what Python gives beside what the contract cases hold for all doors."""

from __future__ import annotations

import importlib.util
import math
from typing import Any

import pytest

import llmagg
from conftest import aggregator_for, chats
from llmagg.faultwall import FaultWall


def test_lists_and_what_stands_beside_them(llm_wall: FaultWall, run: Any) -> None:
    aggregator = aggregator_for(llm_wall, "e")
    response = run(aggregator.embed(["one", "two", "three"], dimensions=4))
    assert isinstance(response, llmagg.EmbeddingResponse)
    assert isinstance(response.embeddings, list)
    assert response.embeddings is response.embeddings
    assert [len(vector) for vector in response] == [4, 4, 4]
    assert response[1] == response.embeddings[1]
    assert len(response) == 3
    assert response.dimensions == 4
    assert all(math.isclose(math.hypot(*vector), 1, rel_tol=1e-4) for vector in response)
    assert response.model == "e"
    assert response.usage.prompt_tokens == 3
    assert [(a.route, a.outcome) for a in response.attempts] == [("openai/e", "OK")]
    assert repr(response) == "EmbeddingResponse(model='e', 3 vectors of 4 numbers)"
    document = response.to_dict()
    assert [item["index"] for item in document["data"]] == [0, 1, 2]
    assert document["data"][2]["embedding"] == response[2]
    assert document["usage"]["total_tokens"] == 3


def test_many_vectors_stay_when_others_come(llm_wall: FaultWall) -> None:
    aggregator = aggregator_for(llm_wall, "e")
    texts = [f"text {i}" for i in range(1000)]
    first = aggregator.embed_sync(texts, dimensions=1536)  # 6 MB: pages that are moved, not copied
    some = [first[i] for i in (0, 499, 999)]
    others = [aggregator.embed_sync([f"other {text}" for text in texts], dimensions=1536) for _ in range(2)]
    assert others[0][999] != some[2]
    del others
    aggregator.close_sync()
    assert [first[i] for i in (0, 499, 999)] == some
    assert all(math.isclose(math.hypot(*vector), 1, rel_tol=1e-4) for vector in some)
    assert first.attempts


def test_one_text_and_other_sequences(llm_wall: FaultWall) -> None:
    aggregator = aggregator_for(llm_wall, "e", "f")
    one = aggregator.embed_sync("one", "f")
    assert one.embeddings == aggregator.embed_sync(("one",)).embeddings
    assert one.model == "f"
    assert [request["body"]["input"] for request in chats(llm_wall)] == [["one"], ["one"]]


@pytest.mark.skipif(importlib.util.find_spec("numpy") is None, reason="numpy is not installed")
def test_numpy(llm_wall: FaultWall) -> None:
    aggregator = aggregator_for(llm_wall, "e")
    response = aggregator.embed_sync(["one", "two"], numpy=True)
    assert response.embeddings.shape == (2, 8)
    assert str(response.embeddings.dtype) == "float32"
    assert response.embeddings.tolist() == aggregator.embed_sync(["one", "two"]).embeddings
    assert response.to_numpy().base is not None, "no copy"


def test_many_come_in_one_piece(llm_wall: FaultWall, run: Any) -> None:
    # Two requests, whose vectors the core writes into one piece of memory.
    aggregator = aggregator_for(llm_wall, "e")
    texts = [f"text {i}" for i in range(2100)]
    response = run(aggregator.embed(texts, dimensions=600))
    assert (len(response), response.dimensions, len(chats(llm_wall))) == (2100, 600, 2)
    few = aggregator.embed_sync([texts[0], texts[2047], texts[2048], texts[2099]], dimensions=600)
    assert [response[0], response[2047], response[2048], response[2099]] == few.embeddings
    assert response.usage.prompt_tokens == 4200


def test_options_and_errors(llm_wall: FaultWall) -> None:
    aggregator = aggregator_for(llm_wall, "e")
    aggregator.embed_sync("one", extra_body={"task": "x"}, extra_headers={"X-A": "b"}, max_retries=1, user="u")
    [request] = chats(llm_wall)
    assert request["body"]["task"] == "x"
    assert request["body"]["user"] == "u"
    for arguments, text in (
        ({"input": []}, "has no text"),
        ({"input": [1]}, "expected a string"),
        ({"input": "a", "dimension": 3}, 'did you mean "dimensions"'),
        ({"input": "a", "max_retry": 3}, 'did you mean "max_retries"'),
        ({"input": "a", "model": 3}, "expected the name of a model"),
    ):
        with pytest.raises(llmagg.InvalidArgumentError, match=text):
            aggregator.embed_sync(**arguments)
    with pytest.raises(llmagg.NotInitializedError):
        llmagg.LLMAggregator().embed_sync("one")


def test_rankings(llm_wall: FaultWall, run: Any) -> None:
    aggregator = aggregator_for(llm_wall, "r", provider="vllm")
    documents = ["a car", "red fish", "blue fish"]
    response = run(aggregator.rerank("red fish", documents, top_n=2))
    assert isinstance(response, llmagg.RerankResponse)
    assert response.results == [llmagg.RankedDocument(1, 1.0, "red fish"), llmagg.RankedDocument(2, 0.5, "blue fish")]
    assert [document.index for document in response] == [1, 2]
    assert len(response) == 2
    assert response[0].document == "red fish"
    assert response.model == "r"
    assert response.meta is None
    assert response.usage.known
    assert response.attempts[0].route == "vllm/r"
    assert [item["index"] for item in response.to_dict()["results"]] == [1, 2]
    assert "RankedDocument(index=1" in repr(response)
    assert aggregator.rerank_sync("one", ("two", "one"))[0].index == 1
    with pytest.raises(llmagg.InvalidArgumentError, match="query"):
        aggregator.rerank_sync("", documents)


@pytest.mark.parametrize("texts", [b"x", [b"x"], ["x", bytearray(b"y")], ("x", memoryview(b"y"))])
def test_bytes_are_not_embedded_as_base64(llm_wall: FaultWall, texts: Any) -> None:
    aggregator = aggregator_for(llm_wall, "e")
    with pytest.raises(llmagg.InvalidArgumentError, match=r"input.* must not hold .*decode it first"):
        aggregator.embed_sync(texts)
    with pytest.raises(llmagg.InvalidArgumentError, match=r"documents.* must not hold .*decode it first"):
        aggregator.rerank_sync("q", texts)
    assert chats(llm_wall) == []


def test_iterators_of_texts_are_read_once(llm_wall: FaultWall) -> None:
    aggregator = aggregator_for(llm_wall, "e")
    assert len(aggregator.embed_sync(str(n) for n in range(3))) == 3  # type: ignore[arg-type]
    ranked = aggregator.rerank_sync("q", iter(["a", "b"]))  # type: ignore[arg-type]
    assert sorted(result.document for result in ranked) == ["a", "b"]


def test_options_of_chats_are_refused(llm_wall: FaultWall) -> None:
    aggregator = aggregator_for(llm_wall, "e")
    for name, value in {"hedge_after": 1, "accept": bool, "temperature": 1, "stream": True}.items():
        with pytest.raises(llmagg.InvalidArgumentError, match=f'"{name}" is for chats'):
            aggregator.embed_sync("x", **{name: value})
    assert chats(llm_wall) == []
