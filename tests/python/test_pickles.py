"""Copies and pickles: of answers, and of what makes calls."""

from __future__ import annotations

import copy
import multiprocessing
import pickle
from pathlib import Path
from typing import Any

import pytest

import llmagg
from conftest import HELLO, aggregator_for, config_for
from llmagg.faultwall import FaultWall
from llmagg.manager import Manager


def again(value: Any) -> Any:
    return pickle.loads(pickle.dumps(value))


@pytest.mark.parametrize("way", [again, copy.deepcopy, copy.copy])
@pytest.mark.parametrize("numpy", [False, True])
def test_vectors_and_rankings(llm_wall: FaultWall, way: Any, numpy: bool) -> None:
    if numpy:
        pytest.importorskip("numpy")
    llm = aggregator_for(llm_wall, "e")
    made = llm.embed_sync(["a", "b"], numpy=numpy)
    copied = way(made)
    assert type(copied.embeddings) is type(made.embeddings)
    assert [list(vector) for vector in copied] == [list(vector) for vector in made]
    assert copied.to_dict() == made.to_dict()
    ranked = llm.rerank_sync("q", ["a", "b"])
    assert way(ranked).to_dict() == ranked.to_dict()


@pytest.mark.parametrize("way", [again, copy.deepcopy, copy.copy])
def test_an_aggregator_that_has_made_calls(llm_wall: FaultWall, way: Any) -> None:
    llm = aggregator_for(llm_wall, "gpt-a")
    assert llm.chat_sync(HELLO).text == "Hello from gpt-a."
    assert way(llm).chat_sync(HELLO).text == "Hello from gpt-a."
    assert llm.chat_sync(HELLO).text == "Hello from gpt-a."


class Registry(Manager):
    """One of its own."""


def test_a_copy_leaves_the_registry_as_it_is(llm_wall: FaultWall) -> None:
    llm = aggregator_for(llm_wall, "gpt-a")
    provider = llm.manager.providers["openai"]
    assert copy.deepcopy(llm).manager is copy.copy(llm.manager) is llm.manager
    assert llm.manager.providers["openai"] is provider
    own = Registry()
    own.register_provider(provider)
    copied = copy.deepcopy(own)
    assert type(copied) is Registry
    assert copied.providers["openai"] is not provider
    assert own.providers["openai"] is provider is copy.copy(own).providers["openai"]


def test_a_copied_budget_is_the_same_and_a_pickled_one_counts_by_itself(tmp_path: Path) -> None:
    for made in (llmagg.Budget(1.5, hard=True), llmagg.Cache("1MB", ttl_s=5)):
        assert copy.copy(made) is copy.deepcopy(made) is made
        other = again(made)
        assert repr(other) == repr(made)
        assert other.name() != made.name()
    kept = llmagg.LLMAggregator(cache={"path": str(tmp_path / "kept.db")}).cache
    other = again(kept)
    assert repr(other) == repr(kept)
    other.close()
    kept.close()


def _ask(llm: Any) -> tuple[str, float]:
    first = llmagg.Budget(7.0)  # has the name that the parent's has there
    return llm.chat_sync(HELLO).text, first.report()["amount"] + llm.budget.report()["amount"]


@pytest.mark.parametrize("how", ["spawn", "forkserver"])
def test_an_aggregator_goes_to_another_process(llm_wall: FaultWall, how: str) -> None:
    llm = llmagg.LLMAggregator(["openai/gpt-a"], budget=llmagg.Budget(2.0))
    llm.initialize_sync(config_for(llm_wall, "gpt-a", price={"input": 1, "output": 1}))
    llm.chat_sync(HELLO)
    with multiprocessing.get_context(how).Pool(1) as pool:
        assert pool.apply_async(_ask, (llm,)).get(60) == ("Hello from gpt-a.", 9.0)


def test_a_pickle_holds_one_aggregator(llm_wall: FaultWall) -> None:
    config = config_for(llm_wall, "gpt-a")
    first, second = llmagg.LLMAggregator(), llmagg.LLMAggregator(strategy=lambda names, _: names)  # has no pickle
    first.initialize_sync(config)
    second.initialize_sync(config)
    other = again(first)  # its registry takes the place of the process's
    other.initialize_sync({"other": config["openai"]})
    assert list(other.manager.providers) == ["other"]  # the other provider was its own, and only its own
    assert other.chat_sync(HELLO).text == "Hello from gpt-a."
