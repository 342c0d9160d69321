"""LangChain's chat model over an aggregator."""

from __future__ import annotations

from typing import Any

import openai
import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool
from pydantic import BaseModel

import llmagg
from llmagg.adapters import langchain as adapter
from llmagg.faultwall import FaultWall


class City(BaseModel):
    name: str
    people: int


@tool
def weather(city: str) -> str:
    """The weather in a city."""
    return f"rain in {city}"


def test_invoke(llm: llmagg.LLMAggregator, run: Any) -> None:
    model = adapter.chat_model(llm)
    for answer in (model.invoke("hi"), run(model.ainvoke("hi"))):
        assert answer.content == "Hello from good."
        assert answer.usage_metadata["total_tokens"] == 12
        assert answer.response_metadata["headers"]["x-llmagg-route"] == "shop/good"


def test_stream(llm: llmagg.LLMAggregator, run: Any) -> None:
    async def later() -> list[Any]:
        return [chunk async for chunk in adapter.chat_model(llm).astream("hi")]

    for chunks in (list(adapter.chat_model(llm).stream("hi")), run(later())):
        assert "".join(chunk.content for chunk in chunks) == "Hello from good."
        assert len(chunks) > 2
        total = chunks[0]
        for chunk in chunks[1:]:
            total += chunk
        assert total.usage_metadata["total_tokens"] == 12


def test_tools(llm: llmagg.LLMAggregator) -> None:
    model = adapter.chat_model(llm, "shop/tools").bind_tools([weather])
    messages: list[Any] = [HumanMessage("Is it raining in Ulm?")]
    messages.append(model.invoke(messages))
    (call,) = messages[-1].tool_calls
    assert (call["name"], call["args"]) == ("weather", {"city": "Ulm"})
    messages.append(ToolMessage(weather.invoke(call["args"]), tool_call_id=call["id"]))
    assert model.invoke(messages).content == "It rains in Ulm."


def test_structured_output(llm: llmagg.LLMAggregator) -> None:
    model = adapter.chat_model(llm, "json").with_structured_output(City, method="json_schema")
    assert model.invoke("Name a city.") == City(name="Ulm", people=130000)


def test_options_and_failures(llm: llmagg.LLMAggregator) -> None:
    model = adapter.chat_model(llm, "shop/down", extra_body={"llmagg": {"max_retries": 1}})
    with pytest.raises(openai.InternalServerError):
        model.invoke("hi")


def test_messages_go_without_the_adapter(llm: llmagg.LLMAggregator, wall: FaultWall) -> None:
    call = {"name": "weather", "args": {"city": "Ulm"}, "id": "c1", "type": "tool_call"}
    asked = [SystemMessage("be short"), HumanMessage("Rain?"), AIMessage("", tool_calls=[call])]
    assert llm.chat_sync([*asked, ToolMessage("rain", tool_call_id="c1")], model="shop/good").text
    sent = wall.seen()["requests"][-1]["body"]["messages"]
    assert [m["role"] for m in sent] == ["system", "user", "assistant", "tool"]
    assert sent[2]["tool_calls"][0]["function"] == {"name": "weather", "arguments": '{"city": "Ulm"}'}
    assert (sent[3]["tool_call_id"], sent[3]["content"]) == ("c1", "rain")
    two = HumanMessage([{"type": "tool_result", "tool_use_id": "c1", "content": "x"}, {"type": "text", "text": "y"}])
    with pytest.raises(llmagg.InvalidArgumentError, match=r"messages\[0\] is a HumanMessage that stands for 2 messages"):
        llm.chat_sync([two])
