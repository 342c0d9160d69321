"""Manager, Provider and Client: the original's interface, each layer usable alone."""

from __future__ import annotations

import inspect
from typing import Any
from unittest import mock

import pytest

import llmagg
from conftest import HELLO, aggregator_for, chats, config_for
from llmagg import ModelConfig, ProviderConfig
from llmagg.faultwall import FaultWall
from llmagg.providers import (
    DeepSeekClient,
    DeepSeekProvider,
    GeminiClient,
    GeminiProvider,
    OpenAIClient,
    OpenAIProvider,
)

REQUEST = llmagg.ChatCompletionRequest("gpt-a", [llmagg.Message("user", "x")])
DEFAULTS = {
    OpenAIProvider: ("openai", "gpt-3.5-turbo", "https://api.openai.com/v1", OpenAIClient),
    DeepSeekProvider: ("deepseek", "deepseek-chat", "https://api.deepseek.com/v1", DeepSeekClient),
    GeminiProvider: ("gemini", "gemini-2.5-flash", "https://generativelanguage.googleapis.com/v1beta", GeminiClient),
}


@pytest.mark.parametrize("cls", DEFAULTS, ids=lambda cls: cls.__name__)
def test_create_simple(cls: Any, run: Any) -> None:
    name, model, base_url, client_class = DEFAULTS[cls]
    for given in (None, ""):
        provider = cls.create_simple("k", base_url=given)
        run(provider.initialize_all_models())
        client = provider.get_llm_client(model)
        assert type(client) is client_class
        assert provider.get_provider_name() == name == client.get_provider()
        assert (client.get_model(), client.get_config().base_url) == (model, base_url)
        assert provider.get_model_config(model) is client.config
        assert provider.get_model_config("other") is None
        assert provider.get_config().models == {model: client.config}


@pytest.mark.parametrize("cls", DEFAULTS, ids=lambda cls: cls.__name__)
def test_create_from_config(cls: Any, run: Any) -> None:
    name, _, base_url, client_class = DEFAULTS[cls]
    provider = cls.create_from_config(
        models_config={"fast": {"api_key": "k", "model": "upstream", "timeout": 5, "max_retries": 1, "base_url": None}}
    )
    assert (list(provider.clients) == ["fast"]) is (cls is GeminiProvider)
    run(provider.initialize_all_models())
    assert type(provider.clients["fast"]) is client_class
    config = provider.clients["fast"].config
    assert (config.model, config.name, config.provider, config.timeout, config.max_retries, config.base_url) == (
        "upstream", "fast", name, 5, 1, base_url,
    )  # fmt: skip
    assert cls.create_from_config().clients == {}
    assert cls.create_from_config("mine", {"m": {"api_key": "k"}}).get_provider_name() == "mine"
    with pytest.raises(llmagg.InvalidArgumentError, match="api_key"):
        cls.create_from_config(models_config={"m": {}})


def test_a_custom_provider_name_keeps_the_vendors_format(llm_wall: FaultWall, run: Any) -> None:
    provider = GeminiProvider.create_from_config("vertex", {"m": {"api_key": "k", "base_url": llm_wall.url}})
    response = run(provider.get_llm_client("m").chat_completion(REQUEST))
    assert response.attempts[0].route == "vertex/m"
    assert chats(llm_wall)[0]["path"].endswith(":generateContent")


def test_initialize_all_models_keeps_what_is_there(run: Any) -> None:
    provider = GeminiProvider.create_simple("k")
    client = provider.clients["gemini-2.5-flash"]
    run(provider.initialize_all_models())
    assert provider.clients["gemini-2.5-flash"] is client


def test_one_model_that_fails_does_not_stop_the_others(run: Any, caplog: pytest.LogCaptureFixture) -> None:
    class Picky(llmagg.BaseProvider):
        def create_client(self, model_config: ModelConfig) -> Any:
            if model_config.model == "bad":
                raise ValueError("cannot make this one")
            return OpenAIClient(model_config)

    models = {name: ModelConfig(name, "p", "k", "http://127.0.0.1:9") for name in ("bad", "good")}
    provider = Picky(ProviderConfig("p", models))
    run(provider.initialize_all_models())
    assert provider.get_available_models() == ["good"]
    assert "model p/bad could not be initialized: cannot make this one" in caplog.text


def test_provider_look_ups(llm_wall: FaultWall, run: Any) -> None:
    provider = OpenAIProvider.create_from_config(models_config={"fast": {"api_key": "k", "model": "gpt-4"}})
    run(provider.initialize_all_models())
    assert provider.get_llm_client("fast") is provider.get_llm_client("gpt-4")
    with pytest.raises(llmagg.ModelNotFoundError, match="no model other; registered: fast"):
        provider.get_llm_client("other")
    run(provider.register_client(ModelConfig("extra", "openai", "k", llm_wall.url)))
    assert provider.get_available_models() == ["fast", "extra"]
    provider.clients["fast"].set_available(False)
    assert provider.get_available_models() == ["extra"]
    assert not provider.clients["fast"].is_available()


def test_the_manager_is_one(run: Any) -> None:
    manager = llmagg.get_manager()
    assert llmagg.Manager() is manager is llmagg.Manager()
    llmagg.Manager._instance = None
    try:
        other = llmagg.get_manager()
        assert other is not manager
        assert other.providers == {}
    finally:
        llmagg.Manager._instance = manager


def test_manager_look_ups(llm_wall: FaultWall, run: Any) -> None:
    config = {**config_for(llm_wall, "shared", "only-openai"), **config_for(llm_wall, "shared", provider="local")}
    run(llmagg.LLMAggregator().initialize(config))
    manager = llmagg.get_manager()
    assert manager.get_all_providers() == ["openai", "local"]
    assert manager.get_all_models() == {"openai": ["shared", "only-openai"], "local": ["shared"]}
    assert manager.find_model_provider("shared") == "openai"
    assert manager.find_model_provider("local/shared") == "local"
    assert manager.get_client_by_model("shared") is manager.get_llm_client("openai", "shared")
    assert llmagg.get_client("local", "shared") is manager.get_provider("local").clients["shared"]
    assert llmagg.get_client_by_model("only-openai").get_model() == "only-openai"
    assert manager.get_provider_config("local").provider == "local"
    assert manager.get_model_config("local", "shared").model == "shared"
    with pytest.raises(llmagg.ModelNotFoundError, match="nope"):
        manager.get_model_config("local", "nope")
    for look_up in (manager.get_provider_config, lambda name: manager.get_llm_client(name, "shared")):
        with pytest.raises(llmagg.ProviderNotFoundError):
            look_up("nobody")
    with pytest.raises(llmagg.ModelNotFoundError):
        manager.get_llm_client("openai", "nobody")
    manager.clear()
    assert manager.providers == {}


def test_direct_calls_retry_and_carry_a_trail(llm_wall: FaultWall, run: Any) -> None:
    llm_wall.script({"default": {"steps": [{"status": 500}, {"status": 429}, {}]}})
    client = aggregator_for(llm_wall, "gpt-a").manager.get_llm_client("openai", "gpt-a")
    response = run(client.chat_completion(REQUEST))
    assert [a.outcome for a in response.attempts] == ["UNAVAILABLE", "RATE_LIMIT", "OK"]
    llm_wall.script({"default": {"steps": [{"status": 404}]}})
    with pytest.raises(llmagg.ModelNotFoundError) as caught:
        run(client.chat_completion(REQUEST))
    assert (caught.value.status, caught.value.provider, caught.value.model) == (404, "openai", "gpt-a")
    assert len(caught.value.attempts) == 1


def test_a_client_that_is_switched_off_for_aggregators_can_be_called(llm_wall: FaultWall, run: Any) -> None:
    aggregator = aggregator_for(llm_wall, "gpt-a", "gpt-b")
    client = aggregator.manager.get_llm_client("openai", "gpt-a")
    client.set_available(False)
    for _ in range(2):
        assert run(aggregator.generate_response(HELLO)) == "Hello from gpt-b."
        assert run(client.chat_completion(REQUEST)).model == "gpt-a"
    client.set_available(True)
    assert run(aggregator.generate_response(HELLO)) == "Hello from gpt-a."


def test_a_client_that_is_mocked_after_a_call_is_switched_off(llm_wall: FaultWall, run: Any) -> None:
    """Aggregators ask another handle of it then, which hears of the switch; the first one does when it is back."""
    aggregator = aggregator_for(llm_wall, "gpt-a", "gpt-b")
    client = aggregator.manager.get_llm_client("openai", "gpt-a")
    assert run(aggregator.generate_response(HELLO)) == "Hello from gpt-a."
    answer = run(client.chat_completion(REQUEST))
    client.chat_completion = mock.AsyncMock(return_value=answer)
    assert run(aggregator.generate_response(HELLO)) == "Hello from gpt-a."
    client.set_available(False)
    assert run(aggregator.generate_response(HELLO)) == "Hello from gpt-b."
    assert client.chat_completion.await_count == 1
    del client.chat_completion
    assert run(aggregator.generate_response(HELLO)) == "Hello from gpt-b."
    client.set_available(True)
    assert run(aggregator.generate_response(HELLO)) == "Hello from gpt-a."


def test_health_checks(llm_wall: FaultWall, run: Any, caplog: pytest.LogCaptureFixture) -> None:
    aggregator_for(llm_wall, "gpt-a")
    manager = llmagg.get_manager()

    class Broken(OpenAIProvider):
        async def health_check(self) -> dict[str, bool]:
            raise RuntimeError("cannot tell")

    broken = Broken(ProviderConfig("broken", {"m": ModelConfig("m", "broken", "k", llm_wall.url)}))
    run(broken.initialize_all_models())
    manager.register_provider(broken)
    wrong = OpenAIProvider(ProviderConfig("wrong", {"m": ModelConfig("m", "wrong", "k", "ftp://x")}))
    run(wrong.initialize_all_models())
    manager.register_provider(wrong)
    assert run(manager.health_check_all()) == {"openai": {"gpt-a": True}, "broken": {"m": False}, "wrong": {"m": False}}
    assert "cannot tell" in caplog.text
    assert "base_url" in caplog.text
    llm_wall.close()
    assert run(manager.get_provider("openai").health_check()) == {"gpt-a": False}


def test_signatures_of_the_original() -> None:
    aggregator = inspect.signature(llmagg.LLMAggregator.generate_response).parameters
    assert list(aggregator)[:3] == ["self", "messages", "max_retries"]
    for cls in (llmagg.LLMAggregator, llmagg.LLMAggrator):
        assert next(iter(inspect.signature(cls).parameters)) == "models"
        assert list(inspect.signature(cls.generate_summary).parameters) == ["self", "passage", "count"]
        assert list(inspect.signature(cls.initialize).parameters) == ["self", "config"]
    for cls in DEFAULTS:
        assert list(inspect.signature(cls.create_simple).parameters) == ["api_key", "model_name", "base_url"]
        assert list(inspect.signature(cls.create_from_config).parameters) == ["provider_name", "models_config"]


def test_aggrator_has_the_methods_of_the_aggregator() -> None:
    for name, method in inspect.getmembers(llmagg.LLMAggregator, inspect.isfunction):
        if not name.startswith("_"):
            assert list(inspect.signature(getattr(llmagg.LLMAggrator, name)).parameters) == list(
                inspect.signature(method).parameters
            ), name


def test_aggrator_delegates(llm_wall: FaultWall, run: Any) -> None:
    aggrator = llmagg.LLMAggrator(["gpt-a"])
    run(aggrator.initialize(config_for(llm_wall, "gpt-a")))
    run(aggrator.initialize({}))  # the second call does nothing

    async def streams() -> tuple[str, list[str]]:
        text = "".join([text async for text in aggrator.stream_text(HELLO)])
        return text, [event.type async for event in aggrator.stream(HELLO)]

    text, kinds = run(streams())
    assert (text, kinds[-1]) == ("Hello from gpt-a.", "done")
    assert run(aggrator.generate_summary({"title": "t"}, 3)) == "Hello from gpt-a."
    assert run(aggrator.health_check()) == {"openai": {"gpt-a": True}} == aggrator.health_check_sync()
    assert aggrator.get_available_models() == ["gpt-a"]
    assert aggrator.health_report()[0]["circuit"] == "closed"
    assert aggrator.chat_sync(HELLO).model == "gpt-a"
    assert aggrator.generate_summary_sync({"title": "t"}, 3) == "Hello from gpt-a."
    assert "".join(aggrator.stream_text_sync(HELLO)) == "Hello from gpt-a."
    assert [event.type for event in aggrator.stream_sync(HELLO)][-1] == "done"
    aggrator.close_sync()


@pytest.mark.parametrize("cls", [llmagg.LLMAggregator, llmagg.LLMAggrator])
@pytest.mark.parametrize("source", ["config", "settings"])
def test_an_aggregator_for_each_request_keeps_breakers(llm_wall: FaultWall, run: Any, cls: Any, source: str) -> None:
    llm_wall.script({"models": {"broken": {"steps": [{"status": 503}]}}})
    options = {"breaker": {"failures": 5, "open_s": 60}, "type": "openai-compatible"}

    async def request() -> str:
        config = config_for(llm_wall, "broken", "helper", provider="openai", **options)
        async with cls(["openai/broken", "openai/helper"]) as aggregator:
            if source == "config":
                await aggregator.initialize(config)
            else:
                await aggregator.initialize_from_settings({"LLM_MODEL": config["openai"]["models"]})
            return str(await aggregator.generate_response(HELLO))

    for _ in range(12):
        assert run(request()) == "Hello from helper."
    assert len([chat for chat in chats(llm_wall) if chat["model"] == "broken"]) <= 6


def test_only_an_equal_untouched_provider_is_kept(llm_wall: FaultWall) -> None:
    manager = llmagg.get_manager()

    def registered(**options: Any) -> Any:
        aggregator_for(llm_wall, "gpt-a", "gpt-b", **options)
        return manager.get_provider("openai")

    first = registered()
    assert registered() is first
    second = registered(timeout=5)
    assert second is not first
    second.clients["gpt-a"].config.timeout = 6
    third = registered(timeout=5)
    assert third is not second, "its configuration was changed"
    third.clients["gpt-b"] = object()
    fourth = registered(timeout=5)
    assert fourth is not third, "a client was put in by hand"
    fourth.clients["gpt-b"].chat_completion = None
    fifth = registered(timeout=5)
    assert fifth is not fourth, "a method was replaced"
    del fifth.clients["gpt-b"]
    sixth = registered(timeout=5)
    assert sixth is not fifth, "a client was taken out"
    manager.providers["openai"] = own = type("Own", (llmagg.OpenAIProvider,), {})(sixth.config)
    own.clients = sixth.clients
    assert registered(timeout=5) is not own, "a class of the application's own"


def test_a_changed_environment_replaces_the_provider(llm_wall: FaultWall, monkeypatch: pytest.MonkeyPatch) -> None:
    manager = llmagg.get_manager()
    config = {"openai": {"models": {"gpt-a": {"api_key": "${A_KEY_THAT_TURNS}", "base_url": llm_wall.url}}}}
    seen = []
    for key in ("first-key", "first-key", "second-key"):
        monkeypatch.setenv("A_KEY_THAT_TURNS", key)
        aggregator = llmagg.LLMAggregator()
        aggregator.initialize_sync(config)
        aggregator.generate_response_sync(HELLO)
        seen.append(manager.get_provider("openai"))
    assert seen[0] is seen[1]
    assert seen[1] is not seen[2]
    assert chats(llm_wall)[-1]["headers"]["authorization"] == "Bearer second-key"
