"""Agents of ``pydantic-ai`` over an aggregator."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel
from pydantic_ai import Agent, NativeOutput
from pydantic_ai.exceptions import ModelHTTPError

import llmagg
from llmagg.adapters import pydantic_ai as adapter


class City(BaseModel):
    name: str
    people: int


def test_an_agent(llm: llmagg.LLMAggregator, run: Any) -> None:
    done = run(Agent(adapter.model(llm)).run("hi"))
    assert done.output == "Hello from good."
    usage = done.usage
    assert (usage.input_tokens, usage.output_tokens) == (9, 3)


def test_a_stream(llm: llmagg.LLMAggregator, run: Any) -> None:
    async def texts() -> tuple[list[str], int]:
        async with Agent(adapter.model(llm)).run_stream("hi") as stream:
            found = [text async for text in stream.stream_text(delta=True, debounce_by=None)]
            usage = stream.usage
            return found, usage.output_tokens

    found, tokens = run(texts())
    assert len(found) > 1
    assert ("".join(found), tokens) == ("Hello from good.", 3)


def test_tools(llm: llmagg.LLMAggregator, run: Any) -> None:
    asked = []
    agent = Agent(adapter.model(llm, "shop/tools"))

    @agent.tool_plain
    def weather(city: str) -> str:
        """The weather in a city."""
        asked.append(city)
        return "rain"

    assert run(agent.run("Is it raining in Ulm?")).output == "It rains in Ulm."
    assert asked == ["Ulm"]


def test_structured_output(llm: llmagg.LLMAggregator, run: Any) -> None:
    done = run(Agent(adapter.model(llm, "json"), output_type=NativeOutput(City)).run("Name a city."))
    assert done.output == City(name="Ulm", people=130000)


def test_a_failure(llm: llmagg.LLMAggregator, run: Any) -> None:
    with pytest.raises(ModelHTTPError) as failed:
        run(Agent(adapter.model(llm, "shop/down")).run("hi"))
    assert failed.value.status_code == 503
