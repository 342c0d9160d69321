"""LlamaIndex's LLM over an aggregator."""

from __future__ import annotations

from typing import Any

import openai
import pytest
from llama_index.core.llms import ChatMessage
from llama_index.core.tools import FunctionTool
from pydantic import BaseModel

import llmagg
from llmagg.adapters import llama_index as adapter


class City(BaseModel):
    name: str
    people: int


def weather(city: str) -> str:
    """The weather in a city."""
    return f"rain in {city}"


def test_chat(llm: llmagg.LLMAggregator, run: Any) -> None:
    model = adapter.llm(llm)
    hello = [ChatMessage(role="user", content="hi")]
    for answer in (model.chat(hello), run(adapter.llm(llm).achat(hello))):
        assert answer.message.content == "Hello from good."
        assert answer.raw.usage.total_tokens == 12
    assert model.complete("hi").text == "Hello from good."


def test_stream(llm: llmagg.LLMAggregator, run: Any) -> None:
    async def later() -> list[str]:
        return [piece.delta async for piece in await adapter.llm(llm).astream_complete("hi")]

    assert "".join(piece.delta for piece in adapter.llm(llm).stream_complete("hi")) == "Hello from good."
    assert "".join(run(later())) == "Hello from good."


def test_tools(llm: llmagg.LLMAggregator) -> None:
    done = adapter.llm(llm, "shop/tools").predict_and_call([FunctionTool.from_defaults(weather)], "Rain in Ulm?")
    assert done.response == "rain in Ulm"


def test_structured_output(llm: llmagg.LLMAggregator) -> None:
    model = adapter.llm(llm, "json", is_function_calling_model=False).as_structured_llm(City)
    assert model.complete("Name a city.").raw == City(name="Ulm", people=130000)


def test_a_failure(llm: llmagg.LLMAggregator) -> None:
    with pytest.raises(openai.InternalServerError):
        adapter.llm(llm, "shop/down").complete("hi")
