"""Arguments under names that other libraries use: the error says which parameter is meant, and nothing is asked."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from types import FunctionType
from typing import Any

import pytest

import llmagg
from conftest import HELLO, aggregator_for, chats
from llmagg import _called, _misspelt, bulk, default, serve
from llmagg.faultwall import FaultWall


@dataclass
class City:
    city: str


def weather(city: str) -> str:
    """The weather in a city."""
    return city


@pytest.fixture
def llm(llm_wall: FaultWall) -> Any:
    yield aggregator_for(llm_wall, "gpt-a")
    assert chats(llm_wall) == []


def refused(call: Callable[[], Any], name: str, meant: str, cls: type[Exception] = llmagg.InvalidArgumentError) -> str:
    with pytest.raises(cls, match=rf"has no parameter '{name}'; did you mean [\"']{meant}[\"']") as caught:
        call()
    return str(caught.value)


@pytest.mark.parametrize(
    "name",
    ["response_model", "response_format", "schema", "output_type", "model_cls", "text_format", "result_type",
     "pydantic_object", "output_cls", "fomr", "my_own_word"],
)  # fmt: skip
def test_the_class_of_parse(llm: Any, name: str, run: Any) -> None:
    for parse in (
        llm.parse_sync,
        lambda *a, **k: run(llm.parse(*a, **k)),
        lambda *a, **k: run(llm.stream_parse(*a, **k)),
    ):
        assert "parse(messages, City)" in refused(lambda p=parse: p(HELLO, **{name: City}), name, "form")
    for function in (llmagg.parse_sync, llmagg.stream_parse_sync):
        refused(lambda f=function: f(HELLO, models="p/m", **{name: City}), name, "form")


def test_the_class_of_parse_twice(llm: Any) -> None:
    refused(lambda: llm.parse_sync(HELLO, City, response_model=City), "response_model", "form")
    with pytest.raises(llmagg.InvalidArgumentError, match="response_format is made from the second argument"):
        llm.parse_sync(HELLO, City, response_format=City)


def test_a_class_for_chat(llm: Any) -> None:
    for call in (llm.chat_sync, lambda *a, **k: list(llm.stream_text_sync(*a, **k))):
        with pytest.raises(llmagg.InvalidArgumentError, match='unknown call option "output_type"') as caught:
            call(HELLO, output_type=City)
        assert "parse(messages, City)" in str(caught.value)


def test_the_messages_of_each_call(llm: Any, run: Any) -> None:
    for name in ("prompt", "input", "mesages"):
        calls = [llm.chat_sync, llm.generate_response_sync, lambda **k: list(llm.stream_sync(**k))]
        calls += [lambda **k: run(llm.chat(**k)), lambda **k: run(llmagg.chat(models="p/m", **k))]
        calls += [lambda **k: llm.parse_sync(form=City, **k), lambda **k: llm.run_tools_sync(tools=[weather], **k)]
        for call in calls:
            refused(lambda c=call, n=name: c(**{n: "Hello"}), name, "messages")
    with pytest.raises(TypeError, match=r"chat_sync\(\) needs the argument 'messages': chat_sync\('Hello'\)"):
        llm.chat_sync(temperature=0)


def test_embeddings_rankings_and_tools(llm: Any) -> None:
    refused(lambda: llm.embed_sync(texts=["a"]), "texts", "input")
    refused(lambda: llmagg.embed_sync(text=["a"], models="p/m"), "text", "input")
    refused(lambda: llm.embed_sync(["a"], output_dimensionality=3), "output_dimensionality", "dimensions")
    refused(lambda: llmagg.embed_sync(["a"], "p/m", task_type="x"), "task_type", "input_type")
    refused(lambda: llm.rerank_sync(q="a", documents=["a"]), "q", "query")
    refused(lambda: llm.rerank_sync("a", docs=["a"]), "docs", "documents")
    for name in ("top_k", "k", "limit", "top"):
        refused(lambda n=name: llm.rerank_sync("a", ["a"], **{n: 2}), name, "top_n")
    refused(lambda: llm.run_tools_sync(HELLO, functions=[weather]), "functions", "tools")
    refused(lambda: llm.run_tools_sync(HELLO, helpers=[weather]), "helpers", "tools")
    for name in ("max_turns", "recursion_limit", "max_iterations"):
        refused(lambda n=name: llm.run_tools_sync(HELLO, tools=[weather], **{n: 2}), name, "max_rounds")


def test_what_servers_themselves_call_a_field_is_sent(llm_wall: FaultWall) -> None:
    """Jina's tasks and Mistral's dimensions have no other names here; the rest goes into extra_body, as it is told."""
    llm = aggregator_for(llm_wall, "gpt-a")
    own = {"task": "code.query", "output_dimension": 3, "late_chunking": True}
    llm.embed_sync(["a"], **own)
    body = llm_wall.seen()["requests"][-1]["body"]
    assert {name: body.get(name) for name in own} == own
    for call in (lambda: llm.embed_sync(["a"], size=3), lambda: llm.rerank_sync("a", ["a"], limit=3)):
        with pytest.raises(llmagg.InvalidArgumentError, match=r'server-specific fields go into "extra_body"\)$'):
            call()


def test_many_rows(llm: Any, tmp_path: Any) -> None:
    source = tmp_path / "rows.jsonl"
    source.write_text('"Hello"\n')
    out = tmp_path / "answers.jsonl"
    refused(lambda: bulk.run_sync(input=source), "input", "source")
    refused(lambda: bulk.run_sync(source, output=out), "output", "destination")
    refused(lambda: bulk.run_sync(source, out, llm, response_model=City), "response_model", "parse")
    refused(lambda: bulk.run_sync(source, out, llm, show_progress=True), "show_progress", "progress")
    refused(lambda: bulk.stream(source=["a"]), "source", "rows")
    assert not out.exists()


def test_functions_without_parameters_of_calls(llm: Any) -> None:
    refused(lambda: serve.application(llm=llm, api_keys=[]), "api_keys", "keys", TypeError)  # type: ignore[call-arg]
    refused(lambda: serve.Keys(key=["a" * 20]), "key", "keys", TypeError)  # type: ignore[call-arg]
    refused(lambda: serve.Limits(body_byte=1), "body_byte", "body_bytes", TypeError)  # type: ignore[call-arg]
    for cls in (llmagg.OpenAIProvider, llmagg.DeepSeekProvider, llmagg.GeminiProvider):
        refused(lambda c=cls: c.create_simple("k", model="m"), "model", "model_name", TypeError)
        refused(lambda c=cls: c.create_simple("k", api_base="http://h"), "api_base", "base_url", TypeError)
        refused(lambda c=cls: c.create_from_config(models={}), "models", "models_config", TypeError)


def test_an_error_inside_stays_what_it_is() -> None:
    class Mine(llmagg.OpenAIProvider):
        def __init__(self, config: Any) -> None:
            raise TypeError("mine")

    with pytest.raises(TypeError, match=r"^mine$"):
        Mine.create_simple("k")


def test_each_argument_has_its_names_and_coroutines_stay_coroutines() -> None:
    functions = [
        llmagg.LLMAggregator.chat,
        *(f for f in vars(llmagg.LLMAggregator).values() if isinstance(f, FunctionType)),
    ]
    functions += [getattr(default, name) for name in ("chat", "parse", "run_tools", "stream", "embed", "rerank")]
    functions += [bulk.run, bulk.stream, bulk.run_sync]
    found = set()
    for function in functions:
        given = [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]
        found |= {value.name for value in given if type(value) is _called.Missing}
    assert found == set(_misspelt.NEEDED)
    assert inspect.iscoroutinefunction(llmagg.chat)
    assert inspect.iscoroutinefunction(llmagg.LLMAggregator.parse)


def test_arguments_by_their_place(llm_wall: FaultWall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    monkeypatch.setenv("OPENAI_BASE_URL", llm_wall.url)
    assert llmagg.chat_sync("Hello", ["openai/a"]).text == "Hello from a."
    assert "".join(llmagg.stream_text_sync("Hello", "openai/a")) == "Hello from a."
    assert llmagg.run_tools_sync("Hello", [weather], models="openai/a").text == "Hello from a."
    for several in ("openai/a, openai/b", "openai/a;openai/b", "openai/a|openai/b"):
        with pytest.raises(llmagg.InvalidArgumentError, match="a list in one text"):
            llmagg.chat_sync("Hello", several)
