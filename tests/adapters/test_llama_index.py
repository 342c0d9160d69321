"""LlamaIndex's LLM over an aggregator."""

from __future__ import annotations

from typing import Any

import openai
import pytest
from llama_index.core.base.llms.types import AudioBlock, ImageBlock, TextBlock, ToolCallBlock
from llama_index.core.llms import ChatMessage
from llama_index.core.tools import FunctionTool
from pydantic import BaseModel

import llmagg
from llmagg.adapters import llama_index as adapter
from llmagg.faultwall import FaultWall


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


def test_messages_go_without_the_adapter(llm: llmagg.LLMAggregator, wall: FaultWall) -> None:
    seen = [TextBlock(text="Rain?"), ImageBlock(url="https://example.com/sky.png")]
    calls = [ToolCallBlock(tool_call_id=f"c{i}", tool_name="weather", tool_kwargs=a) for i, a in enumerate(({"city": "Ulm"}, "{}"))]
    asked = [ChatMessage(role="user", blocks=seen), ChatMessage(role="assistant", blocks=calls)]
    done = [ChatMessage(role="tool", content="rain", additional_kwargs={"tool_call_id": f"c{i}"}) for i in range(2)]
    assert llm.chat_sync([ChatMessage(role="system", content="be short"), *asked, *done], model="shop/good").text
    sent = wall.seen()["requests"][-1]["body"]["messages"]
    assert [m["role"] for m in sent] == ["system", "user", "assistant", "tool", "tool"]
    assert [part["type"] for part in sent[1]["content"]] == ["text", "image_url"]
    assert [c["function"]["arguments"] for c in sent[2]["tool_calls"]] == ['{"city":"Ulm"}', "{}"]
    assert [m["tool_call_id"] for m in sent[3:]] == ["c0", "c1"]
    with pytest.raises(llmagg.InvalidArgumentError, match=r"messages\[0\] has a block of type 'audio'"):
        llm.chat_sync([ChatMessage(role="user", blocks=[AudioBlock(audio=b"x")])])
