"""Clients written in Python, hooks, mocks and clients put in by hand take part like any other."""

from __future__ import annotations

import asyncio
import contextvars
from typing import Any
from unittest import mock

import pytest

import llmagg
from conftest import FAST, HELLO, aggregator_for, chats, config_for
from llmagg import BaseLLMClient, BaseProvider, ChatCompletionRequest, ChatCompletionResponse, Message, StreamResponse
from llmagg.faultwall import FaultWall
from llmagg.providers.openai_provider import OpenAIClient

REQUEST = ChatCompletionRequest("m", [Message("user", "hi")])


def answer(text: str) -> ChatCompletionResponse:
    return ChatCompletionResponse.from_dict(
        {"id": "1", "model": "mine", "choices": [{"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}]}
    )


def piece(text: str | None, finish: str | None = None) -> StreamResponse:
    delta = {} if text is None else {"content": text}
    return StreamResponse.from_dict({"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})


class MyClient(BaseLLMClient):
    """Behaves as its test says."""

    def __init__(self, config: llmagg.ModelConfig) -> None:
        super().__init__(config)
        self.requests: list[ChatCompletionRequest] = []
        self.closed = 0
        self.failures: list[BaseException] = []
        self.running = self.most = 0
        self.delay = 0.0

    async def chat_completion(self, request: ChatCompletionRequest) -> ChatCompletionResponse:
        self.requests.append(request)
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await asyncio.sleep(self.delay)
        finally:
            self.running -= 1
        if self.failures:
            raise self.failures.pop(0)
        return answer(f"from {self.config.model}")

    async def chat_completion_stream(self, request: ChatCompletionRequest) -> Any:
        self.requests.append(request)
        for text in ("from ", self.config.model):
            if self.failures:
                raise self.failures.pop(0)
            yield piece(text)
        yield piece(None, "stop")

    async def close(self) -> None:
        self.closed += 1
        await super().close()


class MyProvider(BaseProvider):
    def create_client(self, model_config: llmagg.ModelConfig) -> MyClient:
        return MyClient(model_config)


def my_aggregator(*models: str, **options: Any) -> tuple[llmagg.LLMAggregator, MyProvider]:
    configs = {m: llmagg.ModelConfig(m, "mine", "", "", **{"retry": FAST["retry"], **options}) for m in models}
    provider = MyProvider(llmagg.ProviderConfig("mine", configs))
    provider.initialize_all_models_sync()
    llmagg.get_manager().register_provider(provider)
    aggregator = llmagg.LLMAggregator()
    aggregator.initialize_sync()
    return aggregator, provider


def test_a_custom_client_answers(run: Any) -> None:
    aggregator, provider = my_aggregator("m")
    response = run(aggregator.chat(HELLO, temperature=0.5))
    assert response.choices[0].message.content == "from m"
    assert [(a.route, a.outcome) for a in response.attempts] == [("mine/m", "OK")]
    (request,) = provider.clients["m"].requests
    assert (request.model, request.temperature, request.messages) == ("m", 0.5, [Message("user", "Hello!")])


def test_a_custom_client_streams(run: Any) -> None:
    aggregator, provider = my_aggregator("m")

    async def read() -> list[str]:
        return [text async for text in aggregator.stream_text(HELLO)]

    assert run(read()) == ["from ", "m"]
    assert provider.clients["m"].requests[0].stream is True


def test_blocking_calls_run_a_custom_client_in_their_thread() -> None:
    aggregator, provider = my_aggregator("m")
    assert aggregator.generate_response_sync(HELLO) == "from m"
    assert list(aggregator.stream_text_sync(HELLO)) == ["from ", "m"]
    provider.clients["m"].delay = 0.01
    assert aggregator.generate_response_sync(HELLO) == "from m"


def test_a_blocking_call_inside_a_loop_says_so(run: Any) -> None:
    aggregator, _ = my_aggregator("m")

    async def wrong() -> None:
        aggregator.chat_sync(HELLO)

    with pytest.raises(llmagg.LLMError, match="use 'await'"):
        run(wrong())


@pytest.mark.parametrize(
    ("failure", "outcome", "attempts"),
    [
        (ValueError("odd shape"), "UNAVAILABLE", 2),
        (llmagg.APIError("bare"), "UNAVAILABLE", 2),
        (TimeoutError("slow"), "TIMEOUT", 1),
        (llmagg.AuthenticationError("no key", status=401), "AUTHENTICATION", 1),
        (llmagg.RateLimitError("busy"), "RATE_LIMIT", 1),
        (asyncio.CancelledError(), "UNAVAILABLE", 2),
    ],
)
def test_what_it_raises_is_a_failed_attempt(run: Any, failure: BaseException, outcome: str, attempts: int) -> None:
    aggregator, provider = my_aggregator("bad", "good")
    provider.clients["bad"].failures = [failure] * 3
    response = run(aggregator.chat(HELLO))
    assert response.choices[0].message.content == "from good"
    trail = response.attempts
    assert [a.outcome for a in trail] == [outcome] * attempts + ["OK"]
    assert str(failure) in trail[0].message


def test_failover_between_python_and_http(llm_wall: FaultWall, run: Any) -> None:
    aggregator, provider = my_aggregator("m", max_retries=1)
    run(llmagg.LLMAggregator().initialize(config_for(llm_wall, "gpt-a")))
    aggregator.models = ["m", "gpt-a"]
    provider.clients["m"].failures = [RuntimeError("down")] * 9
    assert run(aggregator.generate_response(HELLO)) == "Hello from gpt-a."
    llm_wall.script({"default": {"steps": [{"status": 401}]}})
    provider.clients["m"].failures = []
    aggregator.models = ["gpt-a", "m"]
    assert run(aggregator.generate_response(HELLO)) == "from m"


def test_its_breaker_opens_and_its_failures_stop(run: Any) -> None:
    aggregator, provider = my_aggregator("bad", "good", max_retries=1)
    provider.clients["bad"].failures = [RuntimeError("down")] * 99
    for _ in range(12):
        assert run(aggregator.generate_response(HELLO)) == "from good"
    assert len(provider.clients["bad"].requests) == 5


def test_its_concurrency_is_limited(run: Any) -> None:
    aggregator, provider = my_aggregator("m", max_concurrent_calls=3)
    client = provider.clients["m"]
    client.delay = 0.02

    async def many() -> None:
        await asyncio.gather(*(aggregator.chat(HELLO) for _ in range(12)))

    run(many())
    assert client.most == 3


def test_it_is_cancelled_at_its_timeout(run: Any) -> None:
    aggregator, provider = my_aggregator("slow", "good", timeout=0.1)
    provider.clients["slow"].delay = 20
    response = run(aggregator.chat(HELLO))
    assert [a.outcome for a in response.attempts] == ["TIMEOUT", "OK"]
    assert provider.clients["slow"].running == 0


def test_it_is_cancelled_with_its_caller(run: Any) -> None:
    aggregator, provider = my_aggregator("slow")
    client = provider.clients["slow"]
    client.delay = 20

    async def cancel() -> None:
        task = asyncio.create_task(aggregator.chat(HELLO))
        while not client.running:
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        for _ in range(500):
            if not client.running:
                return
            await asyncio.sleep(0.001)
        raise AssertionError("the client runs on")

    run(cancel())


def test_a_broken_stream_before_the_first_token_fails_over(run: Any) -> None:
    aggregator, provider = my_aggregator("bad", "good", max_retries=1)
    provider.clients["bad"].failures = [RuntimeError("down")]

    async def read() -> list[str]:
        return [text async for text in aggregator.stream_text(HELLO)]

    assert run(read()) == ["from ", "good"]


def test_a_long_stream_waits_for_its_reader(run: Any) -> None:
    aggregator, provider = my_aggregator("m")
    sent = 0

    async def endless(_: Any) -> Any:
        nonlocal sent
        while True:
            sent += 1
            yield piece("x" * 10)

    provider.clients["m"].chat_completion_stream = endless

    async def read() -> None:
        stream = aggregator.stream_text(HELLO)
        for _ in range(10):
            await stream.__anext__()
        for _ in range(50):
            await asyncio.sleep(0)
        seen = sent
        await asyncio.sleep(0.1)
        assert sent - seen < 300, "the client is not held back"
        for _ in range(1000):
            await stream.__anext__()
        await stream.aclose()

    run(read())
    assert sent >= 1010


@pytest.mark.parametrize(
    ("result", "text"),
    [
        (None, "chat_completion gave None"),
        ("text", "chat_completion gave a str"),
        ({}, "no choices"),
        ({"choices": []}, "no choices"),
    ],
)
def test_garbage_is_a_bad_response(run: Any, result: Any, text: str) -> None:
    aggregator, provider = my_aggregator("m", max_retries=1)
    provider.clients["m"].chat_completion = mock.AsyncMock(return_value=result)
    with pytest.raises(llmagg.AllModelsFailedError) as caught:
        run(aggregator.chat(HELLO))
    assert isinstance(caught.value.__cause__, llmagg.BadResponseError)
    assert text in str(caught.value)


def test_a_dict_and_a_plain_function_are_taken(run: Any) -> None:
    aggregator, provider = my_aggregator("m", max_retries=1)
    provider.clients["m"].chat_completion = mock.AsyncMock(return_value=answer("dict").to_dict())
    assert run(aggregator.generate_response(HELLO)) == "dict"
    provider.clients["m"].chat_completion = lambda _: answer("not awaitable")
    with pytest.raises(llmagg.AllModelsFailedError, match="expected a coroutine"):
        run(aggregator.chat(HELLO))


def test_it_runs_in_the_context_of_the_call(run: Any) -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")
    aggregator, provider = my_aggregator("m")

    async def see(_: Any) -> ChatCompletionResponse:
        return answer(variable.get())

    provider.clients["m"].chat_completion = see

    async def call(value: str) -> str:
        variable.set(value)
        return await aggregator.generate_response(HELLO)

    async def both() -> list[str]:
        return await asyncio.gather(call("one"), call("two"))

    assert run(both()) == ["one", "two"]


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


def test_hooks_are_used_in_direct_calls(llm_wall: FaultWall, run: Any) -> None:
    llm_wall.script({"default": {"steps": [{"status": 503}, {}]}})
    _, client = hooked(llm_wall)
    response = run(client.chat_completion(REQUEST))
    assert [a.outcome for a in response.attempts] == ["UNAVAILABLE", "OK"]
    assert [request["headers"]["x-tenant"] for request in chats(llm_wall)] == ["t1", "t1"]
    assert client.chat_completion_sync(REQUEST).choices[0].message.content == "Hello from gpt-a."
    assert "".join(chunk.text() for chunk in client.chat_completion_stream_sync(REQUEST)) == "Hello from gpt-a."
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
    assert run(client.chat_completion(REQUEST)).choices[0].message.content == "Hello from gpt-a."
    assert (Logged.calls, len(chats(llm_wall))) == (1, 1)
    assert run(aggregator.generate_response(HELLO)) == "Hello from gpt-a."
    assert (Logged.calls, len(chats(llm_wall))) == (2, 2)


def test_retry_request_alone_retries_and_raises_api_error(run: Any) -> None:
    client = MyClient(llmagg.ModelConfig("m", "mine", "", "", **FAST))
    tried = 0

    async def flaky(value: int, *, times: int) -> int:
        nonlocal tried
        tried += 1
        if tried <= times:
            raise ConnectionError("down")
        return value

    assert run(client._retry_request(flaky, 7, times=2)) == 7
    assert tried == 3
    tried = 0
    with pytest.raises(llmagg.APIError, match="ConnectionError: down") as caught:
        run(client._retry_request(flaky, 7, times=9))
    assert tried == 3
    assert isinstance(caught.value.__cause__, ConnectionError)
    tried = 0
    forbidden = mock.AsyncMock(side_effect=llmagg.AuthenticationError("no"))
    with pytest.raises(llmagg.AuthenticationError):
        run(client._retry_request(forbidden))
    assert forbidden.await_count == 1


def test_retry_request_inside_a_call_runs_once(run: Any) -> None:
    class Retrying(MyClient):
        tried = 0

        async def chat_completion(self, request: ChatCompletionRequest) -> ChatCompletionResponse:
            return await self._retry_request(self._post, request)

        async def _post(self, _: ChatCompletionRequest) -> ChatCompletionResponse:
            Retrying.tried += 1
            raise llmagg.APIError("down")

    aggregator, provider = my_aggregator("m", max_retries=2)
    provider.clients["m"] = Retrying(provider.clients["m"].config)
    with pytest.raises(llmagg.AllModelsFailedError) as caught:
        run(aggregator.chat(HELLO))
    assert Retrying.tried == 2 == len(caught.value.attempts)


def test_a_client_that_delegates_to_another(llm_wall: FaultWall, run: Any) -> None:
    inner = llmagg.OpenAIProvider.create_simple("k", "gpt-a", llm_wall.url)
    inner.initialize_all_models_sync()

    class Delegating(MyClient):
        async def chat_completion(self, request: ChatCompletionRequest) -> ChatCompletionResponse:
            request.extra["x_seen"] = True
            return await inner.clients["gpt-a"].chat_completion(request)

    aggregator, provider = my_aggregator("m")
    provider.clients["m"] = Delegating(provider.clients["m"].config)
    assert run(aggregator.generate_response(HELLO)) == "Hello from gpt-a."
    assert chats(llm_wall)[0]["body"]["x_seen"] is True


def test_the_constructor_of_the_base_may_be_skipped(run: Any) -> None:
    class Bare(BaseLLMClient):
        def __init__(self) -> None:
            pass

        async def chat_completion(self, _: Any) -> ChatCompletionResponse:
            return answer("bare")

        def chat_completion_stream(self, _: Any) -> Any:
            raise NotImplementedError

    aggregator, provider = my_aggregator("m")
    provider.clients["bare"] = Bare()
    assert run(aggregator.chat(HELLO, model="bare")).choices[0].message.content == "bare"


def test_health_of_a_custom_client_is_its_switch(run: Any) -> None:
    aggregator, provider = my_aggregator("a", "b")
    provider.clients["a"].set_available(False)
    assert run(aggregator.health_check()) == {"mine": {"a": False, "b": True}}
    assert provider.clients["b"].requests == []
