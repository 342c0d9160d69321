"""Parameters that constructors do not have, and attributes that mean nothing on the object on which they are set."""

from __future__ import annotations

from typing import Any
from unittest import mock

import pytest

import llmagg
from llmagg import ModelConfig
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
        (llmagg.LLMAggrator, "cache", "chat(messages, cache=…)"),
        (llmagg.LLMAggregator, "modles", "; did you mean 'models'?"),
        (llmagg.LLMAggregator, "caches", "; did you mean 'cache'?"),
        (llmagg.LLMAggrator, "agregator", "; did you mean 'aggregator'?"),
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


def test_attributes_that_the_original_kept_are_kept() -> None:
    """A warning is an error in these tests: nothing is said of a name that is near only to a private attribute."""
    llm: Any = llmagg.LLMAggregator()
    llm.initialized, llm.config, llm.tenant = True, {}, "t"
    drop_in: Any = llmagg.LLMAggrator()
    drop_in.config_initialized = True
    assert (llm.initialized, llm.config, drop_in.config_initialized) == (True, {}, True)


def test_an_applications_own_attributes_are_its_own() -> None:
    class Mine(llmagg.LLMAggregator):
        seed: int

        def __init__(self) -> None:
            super().__init__()
            self.timeout = 5

    class Kept(llmagg.LLMAggregator):
        __module__ = "llmagg_app"

        def __init__(self, **options: Any) -> None:
            super().__init__()
            for name, value in options.items():
                setattr(self, name, value)

    class Client(OpenAIClient):
        def __init__(self, config: ModelConfig) -> None:
            super().__init__(config)
            self.api_key = config.api_key

    assert vars(Kept(timeout=3, caches={}, modles=[]))["timeout"] == 3
    mine = Mine()
    mine.seed, mine.timeout, mine.tenant = 3, 6, "t"  # type: ignore[attr-defined]
    mine.chat = mock.AsyncMock()  # type: ignore[method-assign]
    Client(ModelConfig("m", "openai", "k")).api_key = "other"
    llmagg.LLMAggrator()._cache = {}  # type: ignore[attr-defined]


def test_a_property_of_a_subclass_gets_what_the_constructor_gets() -> None:
    class Mine(llmagg.LLMAggregator):
        @property
        def strategy(self) -> Any:
            return self.chosen

        @strategy.setter
        def strategy(self, value: Any) -> None:
            self.chosen = value

        @property
        def budget(self) -> None:
            """One that cannot be set."""

    assert Mine(strategy="latency").strategy == "latency"  # type: ignore[misc]
    assert Mine().strategy is None


def test_what_a_constructor_gets_counts_before_an_attribute_of_the_class() -> None:
    class Mine(llmagg.LLMAggregator):
        strategy = "latency"

    assert (Mine().strategy, Mine(strategy="cost").strategy) == (None, "cost")


def test_a_type_error_of_the_constructor_itself_stays() -> None:
    """Only a call that does not fit the parameters is told anew."""
    with pytest.raises(TypeError, match="missing 2 required positional arguments"):
        llmagg.Message()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="has no parameter 'contents'; did you mean 'content'"):
        llmagg.Message(contents="x")  # type: ignore[call-arg]
