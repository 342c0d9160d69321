"""Agents of ``pydantic-ai`` over an aggregator."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel
from pydantic_ai import Agent, NativeOutput
from pydantic_ai.exceptions import ModelHTTPError
from pydantic_ai.messages import (
    BinaryContent,
    FilePart,
    ImageUrl,
    ModelRequest,
    ModelResponse,
    RetryFeedbackPart,
    RetryInfo,
    SystemPromptPart,
    TextContent,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models.test import TestModel

import llmagg
from llmagg.adapters import pydantic_ai as adapter
from llmagg.faultwall import FaultWall

IMAGE = BinaryContent(b"x", media_type="image/png")


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


def test_messages_go_without_the_adapter(llm: llmagg.LLMAggregator, wall: FaultWall) -> None:
    parts = ["Rain?", ImageUrl("https://example.org/map.png"), IMAGE, TextContent("Well?")]
    answer = ModelResponse([ThinkingPart("hm"), TextPart("I look."), ToolCallPart("weather", {"city": "Ulm"}, "c1")])
    feedback = RetryFeedbackPart("Be brief.", retry=RetryInfo("output_validation"))
    results = [ToolReturnPart("weather", {"sky": "grey"}, "c1"), feedback]
    history = [
        ModelRequest([SystemPromptPart("s"), UserPromptPart(parts)], instructions="first"),
        answer,
        ModelRequest(results, instructions="Short."),
        {"role": "user", "content": "Now?"},
    ]
    assert llm.chat_sync(history, model="shop/good").text
    sent = wall.seen()["requests"][-1]["body"]["messages"]
    assert [m["role"] for m in sent] == ["system", "system", "user", "assistant", "tool", "user", "user"]
    assert [m["content"] for m in sent[:2]] == ["Short.", "s"]
    assert [part["type"] for part in sent[2]["content"]] == ["text", "image_url", "image_url", "text"]
    assert sent[2]["content"][2]["image_url"]["url"] == IMAGE.data_uri
    assert sent[3]["content"] == "I look."
    assert sent[3]["tool_calls"][0]["function"] == {"name": "weather", "arguments": '{"city":"Ulm"}'}
    assert (sent[4]["tool_call_id"], sent[4]["content"]) == ("c1", '{"sky":"grey"}')
    assert "Be brief." in sent[5]["content"]


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        (ModelResponse([FilePart(BinaryContent(b"x", media_type="text/csv"))]), "file"),
        (ModelRequest([ToolReturnPart("map", ["It is wet.", IMAGE], "c1")]), "tool-return with binary"),
    ],
    ids=["file", "image-of-a-tool"],
)
def test_messages_that_cannot_be_said_are_refused(llm: llmagg.LLMAggregator, message: Any, kind: str) -> None:
    with pytest.raises(llmagg.InvalidArgumentError, match=rf"messages\[1\] has a part of the kind '{kind}'"):
        llm.chat_sync([{"role": "user", "content": "hi"}, message])


def test_an_answer_by_a_tool_keeps_the_instructions(llm: llmagg.LLMAggregator, wall: FaultWall) -> None:
    """The request that ends the run of such an agent has none of its own."""
    ran = Agent(TestModel(), output_type=City, instructions="Be brief.").run_sync("Ulm?").all_messages()
    assert [m.instructions for m in ran if m.kind == "request"] == ["Be brief.", None]
    assert llm.chat_sync([*ran, {"role": "user", "content": "And now?"}], model="shop/good").text
    sent = wall.seen()["requests"][-1]["body"]["messages"]
    assert sent[0] == {"role": "system", "content": "Be brief."}
    assert [m["role"] for m in sent[1:]] == ["user", "assistant", "tool", "user"]
