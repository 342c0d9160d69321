"""Calls without an aggregator of one's own: ``llmagg.chat("Hello")`` with the environment's keys."""

from __future__ import annotations

import json
from collections import UserDict
from pathlib import Path
from typing import Any

import pytest

import llmagg
from conftest import HELLO, chats, python
from llmagg.faultwall import FaultWall


def test_hello_from_the_keys_of_the_environment(keys: FaultWall, run: Any) -> None:
    async def hello() -> tuple[str, str, list[str]]:
        response = await llmagg.chat("Hello")
        text = "".join([text async for text in llmagg.stream_text("Hello")])
        return response.text, text, [event.type async for event in llmagg.stream("Hello")]

    said = "Hello from gpt-4o-mini."
    answer, text, kinds = run(hello())
    assert (answer, text, kinds[-1]) == (said, said, "done")
    assert llmagg.chat_sync("Hello").text == said
    assert "".join(llmagg.stream_text_sync("Hello")) == said
    assert [event.type for event in llmagg.stream_sync("Hello")][-1] == "done"
    assert chats(keys)[0]["body"]["messages"] == [{"role": "user", "content": "Hello"}]
    assert llmagg.get_manager().providers == {}, "the shared registry stays the application's"


def test_the_next_vendor_answers(keys: FaultWall) -> None:
    keys.script({"models": {"gpt-4o-mini": {"steps": [{"status": 401}]}}})
    response = llmagg.chat_sync("Hello")
    assert response.route == "deepseek/deepseek-flash"
    assert [attempt.outcome for attempt in response.attempts] == ["AUTHENTICATION", "OK"]


def test_models_are_named_in_the_call_or_in_the_environment(keys: FaultWall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "k")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", keys.url.removesuffix("/v1") + "/anthropic")
    assert llmagg.chat_sync("Hello", models=["anthropic/claude-x"]).route == "anthropic/claude-x"
    monkeypatch.setenv("LLMAGG_MODELS", "anthropic/claude-y , openai/gpt-z")
    assert llmagg.chat_sync("Hello").route == "anthropic/claude-y"
    monkeypatch.setenv("LLMAGG_MODELS", "anthropic/claude-y openai/gpt-z")
    with pytest.raises(llmagg.InvalidArgumentError, match="separate models by commas"):
        llmagg.chat_sync("Hello")
    monkeypatch.setenv("LLMAGG_MODELS", "openai/gpt-z sk-proj-abcDEF0123456789abcDEF/x")
    with pytest.raises(llmagg.InvalidArgumentError, match="separate models by commas") as caught:
        llmagg.chat_sync("Hello")
    assert "sk-proj" not in str(caught.value)


def test_the_address_of_the_environment_holds_for_models_that_a_call_names(keys: FaultWall) -> None:
    assert llmagg.chat_sync("Hello", models=["openai/gpt-x"]).route == "openai/gpt-x"
    assert chats(keys)[-1]["headers"]["authorization"] == "Bearer sk-OPENAI"
    assert llmagg.chat_sync("Hello", models="deepseek/deepseek-x").text == "Hello from deepseek-x."


def test_a_name_without_a_vendor_is_told_how_to_be_written(keys: FaultWall) -> None:
    with pytest.raises(llmagg.NotInitializedError, match='write it as "openai/gpt-4o-mini"'):
        llmagg.chat_sync("Hello", models=["gpt-4o-mini"])


@pytest.mark.parametrize("name", ["openai", "openai/"])
def test_a_vendor_without_a_model_is_told_how_to_be_written(keys: FaultWall, name: str) -> None:
    with pytest.raises(llmagg.NotInitializedError, match=r'names a vendor and none of its models; .* "openai/MODEL"'):
        llmagg.chat_sync("Hello", models=[name])


def test_a_request_may_name_its_model_with_the_vendor(keys: FaultWall, run: Any) -> None:
    """As other libraries have it, also where the environment's own models are others."""
    assert llmagg.chat_sync("Hello", model="openai/gpt-x").route == "openai/gpt-x"
    assert llmagg.chat_sync("Hello", model="gpt-4o-mini").route == "openai/gpt-4o-mini"
    assert llmagg.chat_sync(llmagg.ChatCompletionRequest("openai/gpt-y", HELLO)).route == "openai/gpt-y"  # type: ignore[arg-type]
    assert run(llmagg.chat("Hello", model="deepseek/d")).route == "deepseek/d"


def test_vectors_and_rankings(keys: FaultWall, run: Any) -> None:
    texts, model = ["red", "blue"], "openai/text-embedding-3-small"
    vectors = llmagg.embed_sync(texts, model).embeddings
    assert len(vectors) == 2
    assert run(llmagg.embed(texts, model=model)).embeddings == vectors
    assert len(run(llmagg.embed("red", [model], dimensions=4)).embeddings[0]) == 4
    ranking = llmagg.rerank_sync("blue", texts, "openai/r", top_n=1)
    assert [document.index for document in ranking.results] == [1]
    assert run(llmagg.rerank("blue", texts, models=["openai/r"])).results[0].document == "blue"


def test_vectors_and_rankings_need_the_name_of_a_model(keys: FaultWall) -> None:
    """The models of the environment answer chats, and the vectors of another model mean something else."""
    for call in (lambda: llmagg.embed_sync("red"), lambda: llmagg.rerank_sync("red", ["blue"])):
        with pytest.raises(llmagg.InvalidArgumentError, match=r"needs the name of a model, such as models="):
            call()


def test_a_changed_key_holds_from_the_next_call_on(keys: FaultWall, monkeypatch: pytest.MonkeyPatch) -> None:
    llmagg.chat_sync("Hello")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-new")
    monkeypatch.setenv("OPENAI_MODEL", "gpt-new")
    assert llmagg.chat_sync("Hello").text == "Hello from gpt-new."
    assert [seen["headers"]["authorization"] for seen in chats(keys)] == ["Bearer sk-OPENAI", "Bearer sk-new"]


def test_the_file_of_the_environment_comes_before_keys(
    keys: FaultWall, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = {"mine": {"models": {"m": {"api_key": "k", "base_url": keys.url}}}}
    (tmp_path / "llm.json").write_text(json.dumps(config))
    (tmp_path / "llm.json").chmod(0o600)
    monkeypatch.setenv("LLMAGG_CONFIG", str(tmp_path / "llm.json"))
    assert llmagg.chat_sync("Hello").route == "mine/m"


def test_without_keys_the_error_says_what_to_set() -> None:
    with pytest.raises(llmagg.NotInitializedError) as caught:
        llmagg.chat_sync("Hello")
    for word in ("LLMAGG_CONFIG", "LLMAGG_MODELS", "a key of openai, anthropic", "docs/vendors.md"):
        assert word in str(caught.value)


def test_an_address_with_a_key_in_it_is_asked_and_not_shown(
    keys: FaultWall, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = "sk-gateway-Abc123Def456Ghi789"
    at = keys.url.removesuffix("/v1") + f"/{part}/v1"
    monkeypatch.setenv("OPENAI_BASE_URL", at)
    assert llmagg.chat_sync("Hello", models=["openai/gpt-x"]).route == "openai/gpt-x"
    provider = llmagg.OpenAIProvider.create_simple("k", "gpt-y")
    client = provider.create_client(provider.config.models["gpt-y"])
    assert (client.base_url, client.chat_url) == (at, f"{at}/chat/completions")
    bare = llmagg.providers.OpenAIClient(llmagg.ModelConfig("gpt-z", "openai", "k"))
    assert bare.base_url == at
    for made in (client, bare):
        assert run(made.chat_completion(llmagg.ChatCompletionRequest(made.model_name, HELLO))).text
    assert {seen["path"] for seen in chats(keys)} == {f"/{part}/v1/chat/completions"}
    for made in (client.config, provider.config, provider, client):
        assert part not in repr(made)
    other = llmagg.ModelConfig("m", "mine", "a-key-of-one's-own", "http://h/a-key-of-one's-own/v1")
    assert "base_url='http://h/***/v1'" in repr(other)


def test_a_misspelt_variable_is_told_once(keys: FaultWall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llmagg.settings._told", set())
    monkeypatch.setenv("LLMAGG_MODELES", "openai/gpt-b")
    with pytest.warns(UserWarning, match="nothing reads the environment variable LLMAGG_MODELES; did you mean LLMAGG_"):
        llmagg.chat_sync("Hello")
    monkeypatch.setenv("OTHER", "x")  # the configuration is looked for again
    assert llmagg.chat_sync("Hello").text


def test_an_empty_list_of_models_is_an_error(keys: FaultWall) -> None:
    for none in ([], ()):
        with pytest.raises(llmagg.InvalidArgumentError, match="models is an empty list; leave it out"):
            llmagg.chat_sync("Hello", models=none)
    assert llmagg.LLMAggregator([]).models == []  # all models, as in the original
    with pytest.raises(llmagg.InvalidArgumentError, match="models must be a list of names, got set"):
        llmagg.chat_sync("Hello", models={"openai/a", "openai/b"})  # type: ignore[arg-type]
    with pytest.raises(llmagg.InvalidArgumentError, match=r"got dict; .*; a configuration goes to initialize"):
        llmagg.LLMAggregator({"openai": {"models": {"a": {}}}})  # type: ignore[arg-type]


class Other:
    """A message of another library."""

    def model_dump(self, **_: Any) -> dict[str, Any]:
        return {"role": "user", "content": "Hello!"}


@pytest.mark.parametrize(
    "messages",
    [
        "Hello!",
        HELLO,
        tuple(HELLO),
        [UserDict(HELLO[0])],
        [llmagg.Message("user", "Hello!")],
        [Other()],
        iter(HELLO),
        llmagg.ChatCompletionRequest("", "Hello!"),  # type: ignore[arg-type]
    ],
    ids=["str", "dict", "tuple", "Mapping", "Message", "model_dump", "iterator", "request"],
)
def test_forms_of_messages(keys: FaultWall, messages: Any) -> None:
    assert llmagg.chat_sync(messages).text == "Hello from gpt-4o-mini."
    assert chats(keys)[0]["body"]["messages"] == HELLO


def test_import_stays_light() -> None:
    code = (
        "import sys, llmagg; print([m for m in ('llmagg.default', 'llmagg.plan', 'typer', 'rich') if m in sys.modules])"
    )
    assert python(code).stdout.strip() == "[]"
