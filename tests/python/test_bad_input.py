"""Bad input: the error of the table of codes, what and where, and everything usable afterwards."""

from __future__ import annotations

import os
import threading
from collections import UserString
from typing import Any

import pytest

import llmagg
from conftest import HELLO, aggregator_for, chats, config_for, until
from llmagg.faultwall import FaultWall


def nested(depth: int) -> Any:
    value: Any = "x"
    for _ in range(depth):
        value = [value]
    return value


BAD_REQUESTS: dict[str, tuple[Any, dict[str, Any], str]] = {
    "empty messages": ([], {}, '"messages" is empty; a chat needs at least one message'),
    "no messages": (None, {}, "messages is None; expected a text or a list of messages"),
    "an empty text": ("", {}, "the text of the call is empty, so nothing is asked; pass a question"),
    "a blank text": (" \n", {}, "the text of the call is empty"),
    "an empty text of another class": (UserString(""), {}, "the text of the call is empty"),
    "messages is a dict": ({"role": "user"}, {}, "messages must be a text or a list of messages, got dict"),
    "messages is a number": (7, {}, "messages must be a text or a list of messages, got int"),
    "message is a text": (["hello"], {}, "messages[0]"),
    "unknown role": ([{"role": "robot", "content": "x"}], {}, 'messages[0].role is "robot"'),
    "no role": ([{"content": "x"}], {}, "messages[0].role"),
    "role is a number": ([{"role": 3, "content": "x"}], {}, "messages[0].role"),
    "a part is a text": ([{"role": "user", "content": [{"type": "text", "text": "a"}, "b"]}], {}, 'content[1] is "b"'),
    "content is a number": ([{"role": "user", "content": 3}], {}, "messages[0].content"),
    "temperature is a text": (HELLO, {"temperature": "hot"}, '"temperature"'),
    "temperature is NaN": (HELLO, {"temperature": float("nan")}, "temperature is nan"),
    "temperature is infinite": (HELLO, {"temperature": float("inf")}, "temperature is inf"),
    "max_tokens is a fraction": (HELLO, {"max_tokens": 1.5}, '"max_tokens"'),
    "a character in two halves": (
        [{"role": "user", "content": "a\ud83d\ude00"}],
        {},
        "in two halves (surrogates) from character 1; join them: text.encode('utf-16', 'surrogatepass')",
    ),
    "a lone surrogate": ([{"role": "user", "content": "a\ud800"}], {}, "messages[0].content holds a lone surrogate"),
    "an object": (HELLO, {"metadata": {"a": object()}}, "metadata.a has the type object"),
    "deep nesting": (HELLO, {"extra_body": {"x_deep": nested(1000)}}, "nest"),
    "very deep nesting": (HELLO, {"extra_body": {"x_deep": nested(100_000)}}, "nested too deeply"),
    "unknown option value": (HELLO, {"on_interrupt": "explode"}, "on_interrupt"),
    "negative deadline": (HELLO, {"deadline": -1}, "deadline"),
    "NaN deadline": (HELLO, {"deadline": float("nan")}, "deadline is nan"),
    "retries is a text": (HELLO, {"max_retries": "many"}, "max_retries"),
    "header with a line break": (HELLO, {"extra_headers": {"X-A": "a\r\nb"}}, "control character"),
}


@pytest.mark.parametrize("name", BAD_REQUESTS)
def test_bad_requests(llm_wall: FaultWall, run: Any, name: str) -> None:
    messages, params, text = BAD_REQUESTS[name]
    aggregator = aggregator_for(llm_wall, "gpt-a")
    calls = [
        lambda: run(aggregator.chat(messages, **params)),
        lambda: run(aggregator.generate_response(messages, **params)),
        lambda: aggregator.chat_sync(messages, **params),
        lambda: list(aggregator.stream_sync(messages, **params)),
    ]
    for call in calls:
        with pytest.raises(llmagg.InvalidArgumentError) as caught:
            call()
        assert isinstance(caught.value, ValueError)
        assert text in str(caught.value)
    assert chats(llm_wall) == []
    assert run(aggregator.generate_response(HELLO)) == "Hello from gpt-a."


def test_embedded_nul_and_large_prompts_work(llm_wall: FaultWall, run: Any) -> None:
    aggregator = aggregator_for(llm_wall, "gpt-a")
    assert run(aggregator.generate_response([{"role": "user", "content": "a\0b"}])) == "Hello from gpt-a."
    assert chats(llm_wall)[0]["body"]["messages"][0]["content"] == "a\0b"
    large = [{"role": "user", "content": "世界 " * 2_500_000}]
    assert run(aggregator.generate_response(large)) == "Hello from gpt-a."
    assert chats(llm_wall)[1]["body_bytes"] > 10_000_000


BAD_CONFIGS: dict[str, tuple[Any, str]] = {
    "a list": ([1], "the configuration must be "),
    "no providers": ({"openai": {"models": {}}}, '"models" of provider "openai" is empty'),
    "models is a list": ({"openai": {"models": ["gpt"]}}, "must be an object {name"),
    "model is a text": ({"openai": {"models": {"gpt": "key"}}}, 'model "openai/gpt" must be an object, got a string'),
    "a key that is no text": ({3: {}}, "has the key 3"),
    "no key": ({"openai": {"models": {"gpt": {}}}}, "model openai/gpt has no api_key"),
    "unknown provider without URL": (
        {"acme": {"models": {"m": {"api_key": "k"}}}},
        "no vendor has this name",
    ),
    "no scheme": ({"openai": {"models": {"m": {"api_key": "k", "base_url": "api.example.com/v1"}}}}, "base_url"),
    "ftp": ({"openai": {"models": {"m": {"api_key": "k", "base_url": "ftp://example.com"}}}}, "base_url"),
    "credentials": (
        {"openai": {"models": {"m": {"api_key": "k", "base_url": "http://u:secretpw@e.com"}}}},
        "credentials",
    ),
    "negative timeout": ({"openai": {"models": {"m": {"api_key": "k", "timeout": -1}}}}, "timeout"),
    "timeout is a text": ({"openai": {"models": {"m": {"api_key": "k", "timeout": "soon"}}}}, "timeout"),
    "zero concurrency": (
        {"openai": {"models": {"m": {"api_key": "k", "max_concurrent_calls": 0}}}},
        "max_concurrent_calls",
    ),
    "concurrency is a word": (
        {"openai": {"models": {"m": {"api_key": "k", "max_concurrent_calls": "many"}}}},
        '"max_concurrent_calls" is "many"; expected an integer, at least 1, or "auto"',
    ),
    "concurrency of nothing": (
        {"openai": {"models": {"m": {"api_key": "k", "max_concurrent_calls": {"min": 0}}}}},
        '"max_concurrent_calls.min" is 0; expected an integer, at least 1',
    ),
    "concurrency with its bounds in the wrong order": (
        {"openai": {"models": {"m": {"api_key": "k", "max_concurrent_calls": {"min": 5, "max": 3}}}}},
        "max_concurrent_calls has min 5, start 3 and max 3; expected 1 <= min <= start <= max",
    ),
    "key with a line break": ({"openai": {"models": {"m": {"api_key": "k\nx-a: b"}}}}, "control character"),
    "unset variable": ({"openai": {"models": {"m": {"api_key": "${NOT_SET_HERE}"}}}}, "NOT_SET_HERE"),
    "unknown type": ({"acme": {"type": "soap", "models": {"m": {"api_key": "k"}}}}, "soap"),
}


@pytest.mark.parametrize("name", BAD_CONFIGS)
def test_bad_configurations(llm_wall: FaultWall, run: Any, name: str) -> None:
    config, text = BAD_CONFIGS[name]
    aggregator = llmagg.LLMAggregator()
    with pytest.raises(llmagg.InvalidArgumentError) as caught:
        run(aggregator.initialize(config))
    assert text in str(caught.value)
    assert "secretpw" not in str(caught.value)
    assert aggregator.manager.providers == {}
    assert not aggregator._initialized
    run(aggregator.initialize(config_for(llm_wall, "gpt-a")))
    assert run(aggregator.generate_response(HELLO)) == "Hello from gpt-a."


@pytest.mark.parametrize("key", [None, ""])
def test_create_simple_needs_a_key_for_the_vendors_own_origin(llm_wall: FaultWall, key: Any) -> None:
    for provider in (llmagg.OpenAIProvider, llmagg.DeepSeekProvider, llmagg.GeminiProvider):
        with pytest.raises(llmagg.InvalidArgumentError, match="api_key"):
            provider.create_simple(key)
        assert provider.create_simple(key, base_url=llm_wall.url).config.models


def test_an_environment_change_after_import_is_seen(
    llm_wall: FaultWall, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    aggregator_for(llm_wall, "warm")
    monkeypatch.setenv("A_KEY_SET_LATE", "sk-late")
    aggregator = llmagg.LLMAggregator()
    run(aggregator.initialize(config_for(llm_wall, "gpt-a", api_key="${A_KEY_SET_LATE}")))
    run(aggregator.chat(HELLO))
    assert chats(llm_wall)[0]["headers"]["authorization"] == "Bearer sk-late"
    assert os.environ["A_KEY_SET_LATE"] not in repr(aggregator.manager.get_provider("openai").config)


def test_a_model_without_key_is_skipped_with_a_warning(
    llm_wall: FaultWall, run: Any, caplog: pytest.LogCaptureFixture
) -> None:
    config = {
        **config_for(llm_wall, "gpt-a"),
        "deepseek": {"models": {"deepseek-chat": {"api_key": "", "timeout": None}}},
    }
    aggregator = llmagg.LLMAggregator()
    with pytest.warns(UserWarning, match="deepseek-chat has no api_key"):
        run(aggregator.initialize(config))
    assert aggregator.models == ["gpt-a"]
    assert "model deepseek/deepseek-chat has no api_key; deepseek needs one: set api_key" in caplog.text
    assert "DEEPSEEK_API_KEY; the model is left out" in caplog.text


def test_a_local_server_needs_no_key(llm_wall: FaultWall, run: Any) -> None:
    aggregator = llmagg.LLMAggregator()
    run(aggregator.initialize({"ollama": {"models": {"llama": {"base_url": llm_wall.url}}}}))
    assert run(aggregator.generate_response(HELLO)) == "Hello from llama."
    assert "authorization" not in chats(llm_wall)[0]["headers"]


def test_unknown_models_and_providers() -> None:
    manager = llmagg.get_manager()
    for look_up in (manager.get_provider, manager.must_get_provider):
        with pytest.raises(llmagg.ProviderNotFoundError, match="acme"):
            look_up("acme")
    with pytest.raises(llmagg.ModelNotFoundError):
        manager.get_client_by_model("gpt")
    assert manager.find_model_provider("gpt") is None


def test_a_duplicate_provider_replaces_and_calls_of_the_old_one_end_well(llm_wall: FaultWall, run: Any) -> None:
    import asyncio

    llm_wall.script({"models": {"old": {"steps": [{"delay_headers_s": 0.3}]}}})
    old = aggregator_for(llm_wall, "old")

    async def replace() -> str:
        task = asyncio.create_task(old.generate_response(HELLO))
        await until(lambda: llm_wall.seen()["totals"]["in_flight"] == 1)
        with pytest.warns(UserWarning, match="asks it for old"):
            await llmagg.LLMAggregator().initialize(config_for(llm_wall, "new"))
        return await task

    assert run(replace()) == "Hello from old."
    assert old.manager.get_all_models() == {"openai": ["new"]}


def test_wrong_input_from_many_threads_leaves_everything_usable(llm_wall: FaultWall) -> None:
    aggregator = aggregator_for(llm_wall, "gpt-a")
    failures: list[Exception] = []

    def work() -> None:
        for _ in range(20):
            try:
                aggregator.chat_sync([])
            except llmagg.InvalidArgumentError:
                continue
            except Exception as error:
                failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert failures == []
    assert aggregator.generate_response_sync(HELLO) == "Hello from gpt-a."
