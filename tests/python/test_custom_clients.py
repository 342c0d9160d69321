"""Clients written in Python, hooks, mocks and clients put in by hand take part like any other."""

from __future__ import annotations

import asyncio
import contextvars
from typing import Any
from unittest import mock

import pytest

import llmagg
from clients import MyClient, answer, my_aggregator, piece
from conftest import FAST, HELLO, chats, config_for, until
from llmagg import BaseLLMClient, ChatCompletionRequest, ChatCompletionResponse, Message
from llmagg.faultwall import FaultWall


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

    with pytest.raises(llmagg.LLMError, match="method without '_sync' and await it"):
        run(wrong())


@pytest.mark.parametrize(("reason", "outcome"), [("error", "UNAVAILABLE"), ("MALFORMED_FUNCTION_CALL", "BAD_RESPONSE")])
def test_an_answer_that_says_it_failed_is_a_failed_attempt(run: Any, reason: str, outcome: str) -> None:
    aggregator, provider = my_aggregator("bad", "good")

    async def failed(request: ChatCompletionRequest) -> ChatCompletionResponse:
        response = answer("half")
        response.choices[0].finish_reason = reason
        return response

    provider.clients["bad"].chat_completion = failed
    response = run(aggregator.chat(HELLO))
    assert response.choices[0].message.content == "from good"
    assert {a.outcome for a in response.attempts if a.route == "mine/bad"} == {outcome}


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
        await until(lambda: client.running == 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until(lambda: client.running == 0, "the client runs on")

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
        await asyncio.sleep(0.1)  # in which a client that nobody holds back sends thousands
        assert sent - seen < 300, "the client is not held back"
        for _ in range(1000):
            await stream.__anext__()
        await stream.aclose()

    run(read())
    assert sent >= 1010


@pytest.mark.parametrize(
    ("result", "text"),
    [
        (None, "chat_completion must return a ChatCompletionResponse, got None"),
        ("text", "chat_completion must return a ChatCompletionResponse, got a str"),
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
    with pytest.raises(llmagg.AllModelsFailedError, match="must return a coroutine"):
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
            request.model = "gpt-a"
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
