"""Mocks as clients, methods replaced by mocks, and subclasses that override a hook or a method."""

from __future__ import annotations

import dataclasses
import gc
from typing import Any
from unittest import mock

import pytest

import llmagg
from clients import REQUEST, answer, my_aggregator
from conftest import HELLO, aggregator_for, chats
from llmagg import ChatCompletionRequest, ChatCompletionResponse
from llmagg.faultwall import FaultWall
from llmagg.providers import GeminiClient, OpenAIClient


def test_a_mock_as_a_client(run: Any) -> None:
    aggregator, provider = my_aggregator("m")
    client = mock.MagicMock()
    client.chat_completion = mock.AsyncMock(return_value=answer("mocked"))
    client.close = mock.AsyncMock()
    provider.clients["by-hand"] = client
    aggregator.models = ["by-hand"]
    response = run(aggregator.chat(HELLO))
    assert response.choices[0].message.content == "mocked"
    assert response.attempts[0].route == "mine/by-hand"
    assert client.chat_completion.await_args.args[0].messages[0].content == "Hello!"
    run(aggregator.close())
    assert client.close.await_count == 1


@pytest.mark.filterwarnings("error")
def test_a_client_and_a_manager_that_are_mocks_of_coroutines(run: Any) -> None:
    aggregator, provider = my_aggregator("m")
    client = provider.clients["m"] = mock.AsyncMock()
    client.chat_completion.return_value = answer("mocked")
    assert run(aggregator.generate_response(HELLO)) == "mocked"
    assert provider.get_available_models() == ["m"]
    with mock.patch.object(llmagg.Manager, "get_client_by_model", lambda *_: client):
        assert run(aggregator.generate_response(HELLO)) == "mocked"
    run(aggregator.close())
    gc.collect()


@pytest.mark.filterwarnings("error")
def test_a_coroutine_function_makes_no_client(run: Any, caplog: pytest.LogCaptureFixture) -> None:
    class Mine(llmagg.BaseProvider):
        async def create_client(self, model_config: llmagg.ModelConfig) -> Any:  # type: ignore[override]
            raise AssertionError(model_config)

    config = llmagg.ModelConfig("m", "mine", None, None)
    provider = Mine(llmagg.ProviderConfig("mine", {"m": config}))
    with pytest.raises(llmagg.InvalidArgumentError, match="create_client is a coroutine function"):
        run(provider.register_client(config))
    run(provider.initialize_all_models())
    assert provider.clients == {} and "could not be initialized" in caplog.text
    gc.collect()


def test_a_client_with_slots_put_in_by_hand(run: Any) -> None:
    class Slotted:
        __slots__ = ()

        async def chat_completion(self, _: Any) -> ChatCompletionResponse:
            return answer("slotted")

        def is_available(self) -> bool:
            return True

    aggregator, provider = my_aggregator("m")
    provider.clients["s"] = Slotted()
    assert run(aggregator.chat(HELLO, model="s")).choices[0].message.content == "slotted"


@pytest.mark.parametrize("on", ["instance", "class", "pkg"])
def test_a_method_replaced_by_a_mock(llm_wall: FaultWall, run: Any, on: str) -> None:
    aggregator = aggregator_for(llm_wall, "gpt-a")
    client = aggregator.manager.get_llm_client("openai", "gpt-a")
    replaced = mock.AsyncMock(return_value=answer("mocked"))
    patch = {
        "instance": lambda: mock.patch.object(client, "chat_completion", replaced),
        "class": lambda: mock.patch("llmagg.providers.openai_provider.OpenAIClient.chat_completion", replaced),
        "pkg": lambda: mock.patch("pkg.core.llm.providers.openai_provider.OpenAIClient.chat_completion", replaced),
    }[on]
    import pkg.core.llm  # noqa: F401

    with patch():
        assert run(aggregator.generate_response(HELLO)) == "mocked"
    assert replaced.await_count == 1
    assert run(aggregator.generate_response(HELLO)) == "Hello from gpt-a."


class Hooked(OpenAIClient):
    def __init__(self, config: llmagg.ModelConfig) -> None:
        super().__init__(config)
        self.validated: list[Any] = []

    def _get_headers(self) -> dict[str, str]:
        return {**super()._get_headers(), "X-Tenant": "t1"}

    def _prepare_request_data(self, request: ChatCompletionRequest) -> dict[str, Any]:
        return {**super()._prepare_request_data(request), "user": "u1"}

    async def _validate_response(self, data: Any) -> None:
        self.validated.append(data)
        await super()._validate_response(data)
        if data["choices"][0]["message"].get("content") == "refuse me":
            raise llmagg.APIError("validated away")


def hooked(wall: FaultWall, cls: type[OpenAIClient] = Hooked) -> tuple[llmagg.LLMAggregator, Any]:
    aggregator = aggregator_for(wall, "gpt-a", "gpt-b")
    provider = aggregator.manager.get_provider("openai")
    client = provider.clients["gpt-a"] = cls(provider.clients["gpt-a"].config)
    return aggregator, client


def test_hooks_are_used_in_calls_of_the_aggregator(llm_wall: FaultWall, run: Any) -> None:
    aggregator, client = hooked(llm_wall)
    response = run(aggregator.chat(HELLO))
    assert response.choices[0].message.content == "Hello from gpt-a."
    assert [a.route for a in response.attempts] == ["openai/gpt-a"]
    (request,) = chats(llm_wall)
    assert request["headers"]["x-tenant"] == "t1"
    assert request["headers"]["authorization"] == "Bearer sk-test-key-1234"
    assert request["body"]["user"] == "u1"
    assert client.validated[0]["choices"]

    async def read() -> str:
        return "".join([text async for text in aggregator.stream_text(HELLO)])

    assert run(read()) == "Hello from gpt-a."
    assert chats(llm_wall)[1]["headers"]["x-tenant"] == "t1"


def test_the_host_that_a_header_names_is_asked_for(llm_wall: FaultWall, run: Any) -> None:
    """As of a server behind a proxy that goes by it; it was left out in silence."""
    aggregator = aggregator_for(llm_wall, "gpt-a", headers={"host": "configured.test"})
    client = aggregator.manager.get_client_by_model("gpt-a")
    aggregator.chat_sync(HELLO)
    aggregator.chat_sync(HELLO, extra_headers={"HOST": "call.test"})
    assert run(aggregator.health_check()) == {"openai": {"gpt-a": True}}
    client._get_headers = lambda: {"Host": "hook.test:8080"}
    run(client.chat_completion(REQUEST))
    seen = [request["host"] for request in llm_wall.seen()["requests"]]
    assert seen == ["configured.test", "call.test", "configured.test", "hook.test:8080"]


def test_no_proxy_is_sent_to_the_host_that_a_header_names(llm_wall: FaultWall) -> None:
    """The key belongs to the origin of base_url."""
    proxied = aggregator_for(llm_wall, "gpt-a", proxy=llm_wall.url.removesuffix("/v1"), headers={"Host": "other.test"})
    with pytest.raises(llmagg.InvalidArgumentError, match="the header Host cannot be sent through an HTTP proxy"):
        proxied.chat_sync(HELLO)
    assert not llm_wall.seen()["requests"]


async def last_event(aggregator: Any, **options: Any) -> Any:
    return [event async for event in aggregator.stream(HELLO, **options)][-1]


def test_what_a_call_asks_for_reaches_the_wire_through_hooks(llm_wall: FaultWall, run: Any) -> None:
    aggregator, client = hooked(llm_wall)

    assert run(last_event(aggregator, extra_headers={"X-Trace": "t"})).response.usage.total_tokens == 12
    run(client.chat_completion(REQUEST))
    first, second = chats(llm_wall)
    assert (first["headers"]["x-trace"], first["headers"]["x-tenant"]) == ("t", "t1")
    assert first["body"]["stream_options"] == {"include_usage": True}
    assert "x-trace" not in second["headers"]
    run(last_event(aggregator, include_usage=False))
    assert "stream_options" not in chats(llm_wall)[2]["body"]


def test_hooks_are_used_in_direct_calls(llm_wall: FaultWall, run: Any) -> None:
    llm_wall.script({"default": {"steps": [{"status": 503}, {}]}})
    _, client = hooked(llm_wall)
    response = run(client.chat_completion(REQUEST))
    assert [a.outcome for a in response.attempts] == ["UNAVAILABLE", "OK"]
    assert [request["headers"]["x-tenant"] for request in chats(llm_wall)] == ["t1", "t1"]
    assert client.chat_completion_sync(REQUEST).choices[0].message.content == "Hello from m."
    assert "".join(chunk.text() for chunk in client.chat_completion_stream_sync(REQUEST)) == "Hello from m."
    assert {request["headers"]["x-tenant"] for request in chats(llm_wall)} == {"t1"}


def test_a_failing_hook_is_a_failed_attempt(llm_wall: FaultWall, run: Any) -> None:
    llm_wall.script({"models": {"gpt-a": {"steps": [{"text": "refuse me"}]}}})
    aggregator, _ = hooked(llm_wall)
    response = run(aggregator.chat(HELLO))
    assert response.attempts[0].outcome == "UNAVAILABLE"
    assert "validated away" in response.attempts[0].message
    assert response.model == "gpt-b"


def test_http_errors_behind_hooks_keep_their_codes(llm_wall: FaultWall, run: Any) -> None:
    llm_wall.script({"models": {"gpt-a": {"steps": [{"status": 401}]}}})
    aggregator, _ = hooked(llm_wall)
    attempts = run(aggregator.chat(HELLO)).attempts
    assert [(a.outcome, a.status) for a in attempts] == [("AUTHENTICATION", 401), ("OK", 200)]


class Logged(OpenAIClient):
    calls = 0

    async def chat_completion(self, request: ChatCompletionRequest) -> ChatCompletionResponse:
        type(self).calls += 1
        return await super().chat_completion(request)


def test_an_override_that_calls_super_runs_once(llm_wall: FaultWall, run: Any) -> None:
    aggregator, client = hooked(llm_wall, Logged)
    Logged.calls = 0
    assert run(client.chat_completion(REQUEST)).choices[0].message.content == "Hello from m."
    assert (Logged.calls, len(chats(llm_wall))) == (1, 1)
    assert run(aggregator.generate_response(HELLO)) == "Hello from gpt-a."
    assert (Logged.calls, len(chats(llm_wall))) == (2, 2)


def test_a_hook_may_choose_another_model(llm_wall: FaultWall, run: Any) -> None:
    class Other(OpenAIClient):
        def _prepare_request_data(self, request: ChatCompletionRequest) -> dict[str, Any]:
            return {**super()._prepare_request_data(request), "model": "gpt-other"}

    aggregator, _ = hooked(llm_wall, Other)
    assert run(aggregator.generate_response(HELLO)) == "Hello from gpt-other."


def test_a_client_with_nothing_but_chat_completion(run: Any) -> None:
    class Minimal:
        async def chat_completion(self, _: Any) -> ChatCompletionResponse:
            return answer("minimal")

    aggregator, provider = my_aggregator("m")
    provider.clients["least"] = Minimal()
    assert provider.get_available_models() == ["m", "least"]
    assert run(aggregator.chat(HELLO, model="least")).choices[0].message.content == "minimal"
    assert run(aggregator.health_check()) == {"mine": {"m": True, "least": True}}
    run(provider.close())
    run(aggregator.close())


@pytest.mark.parametrize(
    ("cls", "config", "header"),
    [
        (OpenAIClient, {}, {"Authorization": "Bearer sk-k"}),
        (OpenAIClient, {"provider": "anthropic"}, {"x-api-key": "sk-k"}),
        (OpenAIClient, {"provider": "my-own", "base_url": "not a URL"}, {"Authorization": "Bearer sk-k"}),
        (GeminiClient, {"provider": "gemini"}, {"x-goog-api-key": "sk-k"}),
        (GeminiClient, {"provider": "gemini", "base_url": "http://h/v1beta/openai"}, {"Authorization": "Bearer sk-k"}),
    ],
)
def test_the_key_stands_in_the_header_of_the_vendor(cls: Any, config: dict[str, Any], header: dict[str, str]) -> None:
    fields = {"model": "m", "provider": "openai", "api_key": "sk-k", "base_url": None, **config}
    assert cls(llmagg.ModelConfig(**fields))._get_headers() == {"Content-Type": "application/json", **header}


def test_a_get_config_that_reads_the_clients_own_attributes(llm_wall: FaultWall) -> None:
    """It sees them as they are without it."""

    class Described(OpenAIClient):
        def get_config(self) -> Any:
            return {"model": self.model_name, "url": self.base_url, "headers": self._get_headers()}

    class Renamed(OpenAIClient):
        def get_config(self) -> Any:
            return dataclasses.replace(super().get_config(), model=f"{self.model_name}-2")

    config = llmagg.ModelConfig("m", "openai", "sk-test-key-1234", llm_wall.url)
    request = ChatCompletionRequest("", [llmagg.Message("user", "Hello!")])
    described, renamed = Described(config), Renamed(config)
    assert described.get_config()["model"] == "m"
    assert described.get_config()["url"] == llm_wall.url.rstrip("/")
    assert described.get_config()["headers"]["Authorization"] == "Bearer sk-test-key-1234"
    assert described.chat_completion_sync(request).text == "Hello from m."
    assert renamed.model_name == "m-2"
    assert renamed.chat_completion_sync(request).text == "Hello from m-2."


def test_a_providers_get_config_for_the_application_alone(llm_wall: FaultWall) -> None:
    class Mine(llmagg.OpenAIProvider):
        def get_config(self) -> Any:
            return {"models": 1}

    config = llmagg.ModelConfig("m", "openai", "sk-test-key-1234", llm_wall.url)
    mine = Mine(llmagg.ProviderConfig("openai", {"m": config}))
    mine.initialize_all_models_sync()
    assert list(mine.clients) == ["m"]
    assert mine.get_model_config("m") is config
    assert mine.get_config() == {"models": 1}
