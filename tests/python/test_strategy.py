"""The order of an aggregator's models: strategies, groups, a function of the application."""

from __future__ import annotations

from typing import Any

import pytest

import llmagg
from conftest import config_for
from llmagg import catalog
from llmagg.faultwall import FaultWall

HI = [{"role": "user", "content": "hi"}]


@pytest.fixture
def aggregator(llm_wall: FaultWall, run: Any) -> Any:
    def make(models: Any = None, strategy: Any = None) -> llmagg.LLMAggregator:
        made = llmagg.LLMAggregator(models, strategy)
        run(made.initialize(config_for(llm_wall, "gpt-a", "gpt-b", "gpt-c")))
        return made

    return make


def asked(aggregator: llmagg.LLMAggregator, **options: Any) -> str:
    return aggregator.chat_sync(HI, **options).attempts[0].model


def test_a_function_chooses_the_order(aggregator: Any) -> None:
    given: list[Any] = []

    def last_first(routes: list[str], request: dict[str, Any]) -> Any:
        given.append((routes, request))
        return reversed(routes)

    chosen = aggregator(["gpt-a", "gpt-b", "gpt-c"], last_first)
    assert asked(chosen) == "gpt-c"
    routes, request = given[0]
    assert [name.rpartition("/")[2] for name in routes] == ["gpt-a", "gpt-b", "gpt-c"]
    assert request["messages"] == HI
    assert asked(chosen, strategy="order") == "gpt-a"  # the call's own option comes first
    chosen.strategy = lambda routes, request: routes[1:2]
    assert asked(chosen) == "gpt-b"
    chosen.strategy = lambda routes, request: ["gpt-x"]
    with pytest.raises(llmagg.InvalidArgumentError, match="'gpt-x', which is not one of the routes"):
        asked(chosen)
    for wrong in (None, 5, "openai/gpt-a"):
        chosen.strategy = lambda routes, request, wrong=wrong: wrong
        with pytest.raises(llmagg.InvalidArgumentError, match=r"function returned .*expected a list of routes"):
            asked(chosen)
    chosen.strategy = lambda routes, request: request["no such key"]
    with pytest.raises(KeyError):
        asked(chosen)
    chosen.strategy = lambda routes, request: 1 / 0
    with pytest.raises(ZeroDivisionError):
        asked(chosen)


def test_groups_keep_their_order(aggregator: Any) -> None:
    grouped = aggregator([["gpt-b", "gpt-c"], "gpt-a"], "weighted")
    assert grouped.get_available_models() == ["gpt-b", "gpt-c", "gpt-a"]
    assert {asked(grouped) for _ in range(60)} == {"gpt-b", "gpt-c"}
    grouped.models = ["gpt-a", ["gpt-b", "gpt-c"]]  # read at each call
    assert {asked(grouped) for _ in range(20)} == {"gpt-a"}
    assert asked(grouped, model="gpt-c") == "gpt-c"
    assert {asked(aggregator([("gpt-a", "gpt-b")], "weighted")) for _ in range(60)} == {"gpt-a", "gpt-b"}


def test_mistakes_say_what_is_expected(aggregator: Any) -> None:
    with pytest.raises(llmagg.InvalidArgumentError, match='did you mean "weighted"'):
        llmagg.LLMAggregator(["gpt-a", "gpt-b"], "wieghted")
    changed = aggregator(["gpt-a", "gpt-b"])
    changed.strategy = "wieghted"  # seen by the next call
    *names, last = [f'"{name}"' for name in catalog._STRATEGIES]
    with pytest.raises(llmagg.InvalidArgumentError, match=f"expected {', '.join(names)} or {last}; did you"):
        asked(changed)
    with pytest.raises(llmagg.InvalidArgumentError, match="strategy"):
        llmagg.LLMAggregator(["gpt-a", "gpt-b"], 7)  # type: ignore[arg-type]
    with pytest.raises(llmagg.InvalidArgumentError, match="strategy is a function that cannot be called with the rou"):
        llmagg.LLMAggregator(["gpt-a", "gpt-b"], lambda routes: routes)  # type: ignore[arg-type]
    for models, text in (
        ([[]], "empty group"),
        ([["a", 3]], "int"),
        ([["a", ["b"]]], "list"),
        ([["a", " "]], "is empty"),
    ):
        with pytest.raises(llmagg.InvalidArgumentError, match=text):
            llmagg.LLMAggregator(models)
    with pytest.raises(llmagg.InvalidArgumentError, match="C interface only"):
        asked(aggregator(["gpt-a"]), order=[0])


def test_a_cost_is_a_number_with_its_source(llm_wall: FaultWall) -> None:
    llm_wall.script(
        {"default": {"steps": [{"usage": {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}}]}}
    )
    priced = llmagg.LLMAggregator()
    priced.initialize_sync(config_for(llm_wall, "gpt-a", price={"input": 2, "output": 8, "currency": "EUR"}))
    response = priced.chat_sync(HI)
    assert response.cost == llmagg.Cost(0.0028, "EUR", "price")
    assert float(response.cost) == 0.0028
    assert response.attempts[0].cost == response.cost
    assert response.to_dict()["cost"] == {"amount": 0.0028, "currency": "EUR", "source": "price"}
    assert llmagg.ChatCompletionResponse.from_dict(response.to_dict()).cost == response.cost
    foreign = llmagg.ChatCompletionResponse.from_dict({"choices": [], "cost": 0.5})  # a provider's own field
    assert foreign.cost is None
    assert foreign.extra["cost"] == 0.5
    for event in priced.stream_sync(HI):
        if event.type == "done":
            assert event.response.cost == response.cost
