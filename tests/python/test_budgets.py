"""Budgets that calls share."""

from __future__ import annotations

import gc
import math
import os
from collections.abc import Callable
from typing import Any

import pytest

import llmagg
from conftest import config_for
from llmagg import _bounds, log
from llmagg._native import load
from llmagg.faultwall import FaultWall

USAGE = {"prompt_tokens": 1000, "completion_tokens": 100}  # 0.002 by the price below


def aggregator_of(wall: FaultWall, budget: llmagg.Budget | None = None) -> llmagg.LLMAggregator:
    wall.script({"default": {"steps": [{"usage": USAGE}]}})
    config = config_for(wall, "gpt-a", "gpt-b")
    for model in config["openai"]["models"].values():
        model["price"] = {"input": 1, "output": 10}
    aggregator = llmagg.LLMAggregator(["gpt-a", "gpt-b"], budget=budget)
    aggregator.initialize_sync(config)
    return aggregator


def test_an_aggregator_keeps_its_budget(llm_wall: FaultWall) -> None:
    budget = llmagg.Budget(0.003)
    aggregator = aggregator_of(llm_wall, budget)
    aggregator.chat_sync("hi")
    assert [event.type for event in aggregator.stream_sync("hi")][-1] == "done"
    assert budget.spent == pytest.approx(0.004)
    with pytest.raises(llmagg.QuotaExceededError, match=r"is spent: its calls have cost 0\.004 of 0\.003"):
        aggregator.chat_sync("hi")
    own = llmagg.Budget(0.001)
    budget.set(1)
    aggregator.chat_sync("hi", budgets=own)
    with pytest.raises(llmagg.QuotaExceededError):
        aggregator.chat_sync("hi", budgets=[own])
    assert budget.report()["unknown"] == 0
    assert budget.spent == pytest.approx(0.006)
    assert repr(budget) == "Budget(1)"


def test_the_process_has_a_budget(llm_wall: FaultWall) -> None:
    aggregator = aggregator_of(llm_wall)
    llmagg.process_budget(0.001)
    try:
        aggregator.chat_sync("hi")
        assert llmagg.stats()["budgets"][""]["spent"] == pytest.approx(0.002)
        with pytest.raises(llmagg.QuotaExceededError, match="the budget of the process is spent"):
            aggregator.chat_sync("hi")
    finally:
        llmagg.process_budget(None)
    aggregator.chat_sync("hi")


BOUNDS: dict[str, Callable[[], dict[str, Any]]] = {
    "of the aggregator": lambda: {"budget": llmagg.Budget(1)},
    "of the process": lambda: llmagg.process_budget(1) or {},
    "of the call": dict,
}
CALLS: dict[str, Callable[..., Any]] = {
    "chat": lambda llm, **options: llm.chat_sync("hi", **options),
    "events": lambda llm, **options: list(llm.stream_sync("hi", **options)),
    "texts": lambda llm, **options: list(llm.stream_text_sync("hi", **options)),
    "embed": lambda llm, **options: llm.embed_sync("hi", model="m", **options),
}


@pytest.mark.parametrize("bound", BOUNDS)
@pytest.mark.parametrize("call", CALLS)
def test_a_budget_that_no_call_can_reach_is_told(
    llm_wall: FaultWall, monkeypatch: pytest.MonkeyPatch, bound: str, call: str
) -> None:
    """Nobody says what answers of this vendor cost: a soft budget would never be spent."""
    monkeypatch.setattr(_bounds, "_told", set())
    monkeypatch.setattr(log, "is_heard", lambda: False)  # pytest's handlers are an application's log
    options = {"budgets": [llmagg.Budget(1)]} if bound == "of the call" else {}
    try:
        aggregator = llmagg.LLMAggregator(**BOUNDS[bound]())
        model = {"api_key": "k", "base_url": llm_wall.url}
        free = {**model, "price": {"input": 0, "output": 0}}
        aggregator.initialize_sync({"mistral": {"models": {"m": model, "free": free}}})
        with pytest.warns(UserWarning, match=r"budget has no effect at mistral/m: .* is not known; .*LLMAGG_PRICES"):
            CALLS[call](aggregator, **options)
        CALLS[call](aggregator, **options)  # it is told once
        with pytest.raises(llmagg.AllModelsFailedError, match="price of the route is not known"):
            aggregator.chat_sync("hi", model="m", max_tokens=5, budgets=[llmagg.Budget(1, hard=True)])
    finally:
        llmagg.process_budget(None)
    aggregator.chat_sync("hi", model="free", budgets=[llmagg.Budget(1)])


def test_a_budget_goes_with_its_object() -> None:
    budget = llmagg.Budget(1)
    name = budget.name()
    assert name in llmagg.stats()["budgets"]
    assert name in load.soft_budgets
    budget.set(1, hard=True)
    assert name not in load.soft_budgets
    budget.set(1)
    del budget
    gc.collect()
    assert name not in load.soft_budgets
    assert name not in llmagg.stats().get("budgets", {})


@pytest.mark.parametrize("amount", [0, -1, math.nan, math.inf, "much", None, True])
def test_an_amount_that_is_none(amount: object) -> None:
    with pytest.raises(llmagg.InvalidArgumentError):
        llmagg.Budget(amount)  # type: ignore[arg-type]


def test_what_is_no_budget(llm_wall: FaultWall) -> None:
    aggregator = aggregator_of(llm_wall)
    with pytest.raises(llmagg.InvalidArgumentError, match=r'option "budgets" holds 5; expected llmagg\.Budget objects'):
        aggregator.chat_sync("hi", budgets=5)  # type: ignore[arg-type]


def test_a_forked_child_counts_by_itself() -> None:
    budget = llmagg.Budget(1.5, hard=True)
    assert budget.spent == 0
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = 0 if budget.report()["amount"] == 1.5 and budget.report()["hard"] else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
