"""Parameters that constructors do not have, and attributes that mean nothing on the object on which they are set."""

from __future__ import annotations

from typing import Any
from unittest import mock

import pytest

import llmagg
from llmagg import InvalidArgumentError, ModelConfig
from llmagg.providers import GeminiClient, OpenAIClient


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: llmagg.LLMAggregator(modles=["m"]), "did you mean 'models'?"),
        (lambda: llmagg.LLMAggrator(model="m"), "did you mean 'models'?"),
        (lambda: llmagg.LLMAggregator(deadline=3), "chat(messages, deadline=…)"),
        (lambda: llmagg.LLMAggrator(api_key="k"), "initialize({provider: "),
        (lambda: llmagg.LLMAggregator(colour=1), "its parameters are models, strategy, budget, cache"),
        (lambda: llmagg.ModelConfig("m", "p", apiKey="k"), "did you mean 'api_key'?"),
        (lambda: llmagg.ProviderConfig("p", model={}), "did you mean 'models'?"),
        (lambda: llmagg.ChatCompletionRequest("m", [], maxTokens=3), "did you mean 'max_tokens'?"),
        (lambda: llmagg.ChatCompletionRequest("m", [], colour=3), "its parameters are model, messages, "),
        (lambda: llmagg.Message("user", contents="x"), "did you mean 'content'?"),
    ],
)
def test_a_parameter_that_a_constructor_does_not_have(make: Any, says: str) -> None:
    with pytest.raises(TypeError, match="has no parameter") as raised:
        make()
    assert says in str(raised.value)


@pytest.mark.parametrize(
    ("make", "name", "says"),
    [
        (llmagg.LLMAggregator, "deadline", "chat(messages, deadline=…)"),
        (llmagg.LLMAggregator, "api_key", "it is a setting of a model"),
        (llmagg.LLMAggregator, "model", "or did you mean 'models'?"),
        (llmagg.LLMAggrator, "temperature", "chat(messages, temperature=…)"),
        (lambda: OpenAIClient(ModelConfig("m", "openai", "k")), "timeout", "client.config.timeout = …"),
        (lambda: GeminiClient(ModelConfig("m", "gemini", "k")), "api_key", "client.config.api_key = …"),
    ],
)
def test_an_attribute_without_effect_is_told(make: Any, name: str, says: str) -> None:
    owner = make()
    with pytest.warns(UserWarning, match=f"has no attribute '{name}'") as told:
        setattr(owner, name, 3)
    assert says in str(told[0].message) and told[0].filename == __file__
    setattr(owner, name, 4)  # told once
    assert getattr(owner, name) == 4


def test_an_attribute_that_is_nearly_the_aggregators_is_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="no attribute 'modles'; did you mean 'models'"):
        llmagg.LLMAggregator().modles = ["m"]  # type: ignore[attr-defined]
    with pytest.raises(InvalidArgumentError, match="did you mean 'aggregator'"):
        llmagg.LLMAggrator().agregator = None  # type: ignore[attr-defined]


def test_an_applications_own_attributes_are_its_own() -> None:
    class Mine(llmagg.LLMAggregator):
        seed: int

        def __init__(self) -> None:
            super().__init__()
            self.timeout = 5

    class Client(OpenAIClient):
        def __init__(self, config: ModelConfig) -> None:
            super().__init__(config)
            self.api_key = config.api_key

    mine = Mine()
    mine.seed, mine.timeout, mine.tenant = 3, 6, "t"  # type: ignore[attr-defined]
    mine.chat = mock.AsyncMock()  # type: ignore[method-assign]
    Client(ModelConfig("m", "openai", "k")).api_key = "other"
    llmagg.LLMAggrator()._cache = {}  # type: ignore[attr-defined]
