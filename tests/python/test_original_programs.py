"""The programs of the original README run unchanged; only key and base URL are given."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from conftest import chats, python
from llmagg.faultwall import FaultWall

PROGRAMS = Path(__file__).with_name("original")


def with_base_url(source: str, url: str) -> str:
    """Gives the base URL where the program gives only a key, or a vendor's URL."""
    source = re.sub(r'"base_url": "[^"]*"', f'"base_url": "{url}"', source)
    return re.sub(r'(create_simple\(\n\s+api_key="[^"]*",)', rf'\1 base_url="{url}",', source)


def test_basic_usage(llm_wall: FaultWall) -> None:
    result = python(with_base_url((PROGRAMS / "basic_usage.py").read_text(), llm_wall.url))
    assert result.returncode == 0, result.stderr
    assert result.stdout == "Hello from gpt-3.5-turbo.\n"
    (request,) = chats(llm_wall)
    assert request["headers"]["authorization"] == "Bearer your-openai-key"
    assert request["body"] == {
        "stream": False,
        "model": "gpt-3.5-turbo",
        "messages": [
            {"role": "system", "content": "You are a helpful assistant."},
            {"role": "user", "content": "Hello!"},
        ],
    }


def test_aggregator_usage(llm_wall: FaultWall) -> None:
    llm_wall.script({"models": {"gpt-3.5-turbo": {"steps": [{"status": 401}]}}})
    result = python(with_base_url((PROGRAMS / "aggregator_usage.py").read_text(), llm_wall.url))
    assert result.returncode == 0, result.stderr
    answer, health = result.stdout.splitlines()
    assert answer == "Hello from gpt-4."
    assert health == (
        "Health status: {'openai': {'gpt-3.5-turbo': True, 'gpt-4': True}, 'deepseek': {'deepseek-chat': True}}"
    )


@pytest.mark.parametrize("url_variable", ["OPENAI_BASE_URL", "OPENAI_API_BASE_URL"])
def test_compatibility_usage_finds_its_configuration(llm_wall: FaultWall, url_variable: str) -> None:
    source = (PROGRAMS / "compatibility_usage.py").read_text()
    result = python(source, env={"OPENAI_API_KEY": "sk-x", url_variable: llm_wall.url})
    assert result.returncode == 0, result.stderr
    assert result.stdout == "Hello from gpt-4o-mini.\n"


def test_compatibility_usage_says_what_it_looked_for() -> None:
    result = python((PROGRAMS / "compatibility_usage.py").read_text())
    assert result.returncode == 1
    assert "no configuration was given, and none was found" in result.stderr
    for name in ("LLMAGG_CONFIG: not set", "LLMAGG_SETTINGS: not set", "app.config.settings", "OPENAI_API_KEY"):
        assert name in result.stderr


def test_custom_provider_as_written_gives_a_bad_response() -> None:
    """Its methods are "pass": the answer None is a failed attempt with a clear text, not a crash."""
    source = (
        (PROGRAMS / "custom_provider.py").read_text()
        + """
import asyncio
from pkg.core.llm import LLMAggregator, ModelConfig, ProviderConfig, get_manager

async def main():
    provider = MyCustomProvider(ProviderConfig("mine", {"m": ModelConfig("m", "mine", "", "", max_retries=1)}))
    await provider.initialize_all_models()
    get_manager().register_provider(provider)
    aggregator = LLMAggregator()
    await aggregator.initialize()
    try:
        await aggregator.generate_response([{"role": "user", "content": "x"}])
    except RuntimeError as error:
        print(error)
asyncio.run(main())
"""
    )
    result = python(source)
    assert result.returncode == 0, result.stderr
    assert "mine/m: BAD_RESPONSE" in result.stdout
    assert "chat_completion must return a ChatCompletionResponse, got None" in result.stdout
