"""What a response shows of itself: its text, its calls of tools, one line in a shell, a cell in a notebook."""

from __future__ import annotations

import pytest

import llmagg
from conftest import HELLO, aggregator_for
from llmagg.faultwall import FaultWall


def test_text_usage_and_route(llm_wall: FaultWall) -> None:
    llm_wall.script({"models": {"gpt-a": {"steps": [{"status": 503}, {"text": "At last."}]}}})
    response = aggregator_for(llm_wall, "gpt-a").chat_sync(HELLO)
    assert response.text == "At last."
    assert response.route == "openai/gpt-a"
    assert response.usage
    assert response.tool_calls == []
    assert "route" not in response.to_dict()


def test_an_unknown_usage_is_false(llm_wall: FaultWall) -> None:
    llm_wall.script({"default": {"steps": [{"usage": None}]}})
    response = aggregator_for(llm_wall, "gpt-a").chat_sync(HELLO)
    assert not response.usage
    assert repr(response.usage) == "Usage(unknown)"
    assert "tokens unknown" in repr(response)


def test_tool_calls_are_objects(llm_wall: FaultWall) -> None:
    calls = [{"name": "weather", "arguments": '{"city": "Ulm"}'}, {"name": "stop", "arguments": ""}]
    llm_wall.script({"default": {"steps": [{"tool_calls": calls}]}})
    response = aggregator_for(llm_wall, "gpt-a").chat_sync(HELLO)
    first, second = response.tool_calls
    assert (first.name, first.parsed(), bool(first.id)) == ("weather", {"city": "Ulm"}, True)
    assert second.parsed() == {}
    assert "tool_calls=['weather', 'stop']" in repr(response)


@pytest.mark.parametrize("arguments", ["", " \n"])
def test_no_arguments_are_those_of_a_call_that_was_cut_off(arguments: str) -> None:
    with pytest.raises(llmagg.BadResponseError, match="call of f are empty: the answer may have been cut off"):
        llmagg.ToolCall("1", "f", arguments).parsed()


@pytest.mark.parametrize("arguments", ['["a"]', '{"a": ', "3"])
def test_arguments_that_are_no_object_are_a_bad_response(arguments: str) -> None:
    with pytest.raises(llmagg.BadResponseError, match="arguments of the call of f"):
        llmagg.ToolCall("1", "f", arguments).parsed()


def test_a_custom_tool() -> None:
    call = llmagg.ToolCall.from_dict({"id": "1", "type": "custom", "custom": {"name": "sql", "input": "SELECT 1"}})
    assert (call.type, call.name, call.arguments) == ("custom", "sql", "SELECT 1")
    assert llmagg.ToolCall.from_dict({}) == llmagg.ToolCall("", "")


def test_a_repr_is_one_short_line(llm_wall: FaultWall) -> None:
    llm_wall.script({"default": {"steps": [{"status": 503}, {"text": "word " * 100}]}})
    response = aggregator_for(llm_wall, "gpt-a").chat_sync(HELLO)
    shown = repr(response)
    assert shown.startswith("<ChatCompletionResponse 'word word")
    assert "attempts=2" in shown
    assert len(shown) < 250
    assert repr(llmagg.Message("user", "hi")) == "Message(role=<MessageRole.USER: 'user'>, content='hi')"
    assert repr(llmagg.Usage(0, 0, 0)) == "Usage(prompt_tokens=0, completion_tokens=0, total_tokens=0)"
    assert repr(response.attempts[0]).startswith("Attempt(route='openai/gpt-a'")
    assert "None" not in repr(response.attempts[0])
    llm_wall.script({"default": {"steps": [{"text": "{}"}]}})
    parsed = aggregator_for(llm_wall, "gpt-a").parse_sync(HELLO, dict[str, int])
    assert repr(parsed) == f"Parsed(value={{}}, response={parsed.response!r})"

    def weather(city: str) -> str:
        return city

    run = aggregator_for(llm_wall, "gpt-a").run_tools_sync(HELLO, tools=[weather])
    assert repr(run) == f"ToolRun(response={run.response!r}, rounds=1, tokens={run.tokens}, cost=0.0, stopped='answer')"


def test_a_notebook_shows_text_routes_time_and_tokens(llm_wall: FaultWall) -> None:
    script = {"a": {"steps": [{"status": 401}]}, "b": {"steps": [{"text": "<script>alert(1)</script> & *more*"}]}}
    llm_wall.script({"models": script})
    response = aggregator_for(llm_wall, "a", "b").chat_sync(HELLO)
    html, markdown = response._repr_html_(), response._repr_markdown_()
    assert "<script>" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; *more*" in html
    for shown in (html, markdown):
        assert "openai/b · 2 attempts · 0." in shown
        assert "openai/a: AUTHENTICATION" in shown
        assert " tokens" in shown
    assert markdown.startswith("<script>")  # the answer's own markdown is the answer


def test_the_cost_is_shown_where_it_is_known() -> None:
    response = llmagg.ChatCompletionResponse.from_dict(
        {"model": "m", "cost": {"amount": 0.00123456, "currency": "USD"}}
    )
    assert "m · 0.001235 USD" in response._repr_markdown_()


def test_an_empty_response_can_be_shown() -> None:
    empty = llmagg.ChatCompletionResponse.from_dict({})
    assert (empty.text, empty.tool_calls, empty.route) == ("", [], "")
    assert "ChatCompletionResponse" in repr(empty)
    assert "tokens unknown" in empty._repr_html_() + empty._repr_markdown_()
