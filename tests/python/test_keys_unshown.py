"""A key in a place that was not meant for one stands in no message."""

from __future__ import annotations

import time
from typing import Any

import pytest

import llmagg
from conftest import HELLO, aggregator_for
from llmagg import _shown
from llmagg.faultwall import FaultWall

_KEY = "sk-proj-Zq8Wm4Kt7Rb2Xv9Lc5Nd1Jh3"


@pytest.mark.parametrize(
    "config",
    [
        {"p": {"auth": {"type": _KEY}, "models": {"m": {}}}},
        {"p": {"models": {"m": {"model": f"{_KEY}\n"}}}},
        {"p": {"headers": {_KEY: "x\n"}, "models": {"m": {}}}},
        {"p": {"models": {"m": {"like": _KEY, "type": "openai"}}}},
        {"deepseek": {"api_key": "other-key", "models": {"m": {"site": _KEY}}}},
        {"bedrock": {"region": f"{_KEY}!", "models": {"m": {}}}},
        {_KEY: {"models": {"m": {}}}},
        {"fleet": {"url": f"redis://127.0.0.1:1/{_KEY}"}},
    ],
)
def test_a_key_in_a_wrong_place_of_a_configuration_is_not_shown(config: Any, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(llmagg.LLMError) as raised:
        aggregator = llmagg.LLMAggregator()
        aggregator.initialize_sync(config)
        aggregator.chat_sync(HELLO)
    assert _KEY[3:] not in f"{raised.value!r} {raised.value} {caplog.text}"


@pytest.mark.parametrize(
    "params",
    [
        {"model": _KEY}, {"model": [_KEY]}, {"model": {_KEY: 1}}, {"cache": [_KEY]}, {"cache": _KEY},
        {"strategy": _KEY}, {"deadline": _KEY}, {"metadata": {_KEY.encode(): 1}}, {"metadata": {_KEY: b"x"}},
        {"extra_body": {"a": {_KEY.encode(): 1}}},
    ],
)  # fmt: skip
def test_a_key_in_a_wrong_parameter_is_not_shown(params: dict[str, Any], llm_wall: FaultWall) -> None:
    with pytest.raises(llmagg.LLMError) as raised:
        aggregator_for(llm_wall, "m").chat_sync(HELLO, **params)
    assert _KEY[3:] not in f"{raised.value!r} {raised.value}"


def test_a_key_in_the_place_of_a_file_of_prices_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLMAGG_PRICES", _KEY)
    with pytest.raises(llmagg.LLMError, match="LLMAGG_PRICES cannot be read") as raised:
        llmagg.LLMAggregator().initialize_sync({"p": {"base_url": "http://127.0.0.1:1", "models": {"m": {}}}})
    assert _KEY[3:] not in str(raised.value)


@pytest.mark.parametrize("keys", [{"api_key": "sk-abc12345"}, {"api_keys": ["other", "sk-abc12345"]}])
def test_a_short_key_in_an_address_is_not_shown(keys: dict[str, Any]) -> None:
    config = llmagg.ModelConfig("m", "mine", base_url="http://h/t-sk-abc12345/v1", **keys)
    assert "base_url='http://h/t-***/v1'" in repr(config)


@pytest.mark.parametrize("key", ["ollama", "ollama-at-home", "sk-abc1"])
def test_what_may_stand_in_an_address_by_chance_is_shown(key: str) -> None:
    assert f"'http://h/a-{key}/v1'" in repr(llmagg.ModelConfig("m", "mine", key, base_url=f"http://h/a-{key}/v1"))


@pytest.mark.parametrize("keys", [5, True, "sk-abc12345", {}])
def test_keys_that_are_no_list_can_be_shown(keys: Any) -> None:
    assert "base_url='http://h/v1'" in repr(llmagg.ModelConfig("m", "mine", base_url="http://h/v1", api_keys=keys))


def test_names_are_looked_at_in_linear_time() -> None:
    for name in ("a" * 20_000, "1" * 20_000, "a-" * 10_000):
        begun = time.process_time()
        assert _shown.bare(name) == name
        assert time.process_time() - begun < 1  # by squares: 7 s
    for name in ("a" * 20_000 + "1", "1" * 19 + "a", "a" * 19 + "1", "1b" * 10, "words " + "a1" * 10):
        assert "not shown" in _shown.bare(name)
    for name in ("a" * 18 + "1", "a" * 19 + "-1", "1" * 30, "a1-" * 20):
        assert _shown.bare(name) == name


def test_marks_of_keys_begin_words() -> None:
    for name in ("task-one", "disk_usage", "wxai-a", "Task-one"):
        assert _shown.bare(name) == name
        assert _shown.shown(name) == _shown.shown_path(name) == repr(name)
    for name in ("sk-a", "SK-a", "my sk-a", "key_sk-a", "task-sk-a", "Bearer x"):
        assert "not shown" in _shown.bare(name)
        assert "not shown" in _shown.shown_path(name)
        assert _shown.shown(name) == f"a string of {len(name)} bytes"


def test_a_key_in_the_list_of_models_is_not_shown() -> None:
    for models in ([_KEY, "a"], [f"openai/{_KEY}", "a"], [[_KEY, "a"], ["b"]]):
        text = repr(llmagg.LLMAggregator(models))
        assert _KEY[3:] not in text
        assert "***" in text
        assert "'a'" in text
    versions = ["vertex-anthropic/claude-haiku-4-5@20251001", "claude-opus-5@default", "user:word@host"]
    assert "['vertex-anthropic/claude-haiku-4-5@20251001', 'claude-opus-5@default', '***']" in repr(
        llmagg.LLMAggregator(versions)
    )
