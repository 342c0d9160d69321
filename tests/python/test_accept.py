"""Functions of the application that look at answers."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import llmagg
from conftest import chats, config_for
from llmagg.faultwall import FaultWall


def aggregator_of(wall: FaultWall) -> llmagg.LLMAggregator:
    wall.script({"models": {"gpt-a": {"steps": [{"text": "no"}]}, "gpt-b": {"steps": [{"text": "yes, I do"}]}}})
    aggregator = llmagg.LLMAggregator(["gpt-a", "gpt-b"])
    config = config_for(wall, "gpt-a", "gpt-b")
    for model in config["openai"]["models"].values():
        model["max_retries"] = 1
    aggregator.initialize_sync(config)
    return aggregator


def agrees(response: llmagg.ChatCompletionResponse) -> bool:
    return "yes" in response.text


def test_a_refused_answer_is_a_failed_attempt(llm_wall: FaultWall) -> None:
    response = aggregator_of(llm_wall).chat_sync("hi", accept=agrees)
    assert response.text == "yes, I do"
    assert [attempt.outcome for attempt in response.attempts] == ["BAD_RESPONSE", "OK"]
    assert "the application refused the answer" in response.attempts[0].message


def test_it_runs_in_the_callers_loop(llm_wall: FaultWall) -> None:
    aggregator = aggregator_of(llm_wall)

    async def ask() -> str:
        loop = asyncio.get_running_loop()
        accept = lambda response: asyncio.get_running_loop() is loop and agrees(response)  # noqa: E731
        return (await aggregator.chat("hi", accept=accept)).text

    assert asyncio.run(ask()) == "yes, I do"


@pytest.mark.parametrize(
    ("said", "told"), [("too short", "too short"), (False, "it gave no reason"), (0, "it gave no reason")]
)
def test_what_refuses(llm_wall: FaultWall, said: Any, told: str) -> None:
    with pytest.raises(llmagg.AllModelsFailedError, match=told):
        aggregator_of(llm_wall).chat_sync("hi", accept=lambda _: said)


@pytest.mark.parametrize("said", [None, True, 1])
def test_what_accepts(llm_wall: FaultWall, said: Any) -> None:
    assert aggregator_of(llm_wall).chat_sync("hi", accept=lambda _: said).text == "no"


def test_an_exception_is_told(llm_wall: FaultWall) -> None:
    def broken(_: llmagg.ChatCompletionResponse) -> bool:
        raise ValueError("not a city \ud800")

    with pytest.raises(llmagg.AllModelsFailedError, match="refused the answer: ValueError: not a city"):
        aggregator_of(llm_wall).chat_sync("hi", accept=broken)


def test_a_function_that_cannot_judge_is_refused_before_anything_is_paid(llm_wall: FaultWall) -> None:
    async def later(_: llmagg.ChatCompletionResponse) -> bool:
        return True

    for accept, told in (
        (later, 'option "accept" is a coroutine function; expected a plain one'),
        (lambda: True, 'option "accept" is a function that cannot be called with the response: too many'),
        (lambda _, other: True, "missing a required argument: 'other'"),
        ("ask", 'option "accept" is "ask", a word of C; expected "nonempty" or a function'),
    ):
        with pytest.raises(llmagg.InvalidArgumentError, match=told):
            aggregator_of(llm_wall).chat_sync("hi", accept=accept)
    assert not chats(llm_wall)


def test_a_stream_is_judged_at_its_end(llm_wall: FaultWall) -> None:
    aggregator = aggregator_of(llm_wall)
    with pytest.raises(llmagg.StreamInterruptedError, match="refused the answer") as caught:
        list(aggregator.stream_sync("hi", accept=agrees))
    assert caught.value.partial_text == "no"
    events = [event.type for event in aggregator.stream_sync("hi", accept=agrees, on_interrupt="restart")]
    assert "restart" in events
    assert events[-1] == "done"
    text = "".join(aggregator.stream_text_sync("hi", accept=lambda r: len(r.text) < 5))
    assert text == "no"
