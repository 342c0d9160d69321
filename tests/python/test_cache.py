"""Caches of aggregators, in memory."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import pytest

import llmagg
from conftest import config_for
from llmagg.faultwall import FaultWall


def aggregator_of(wall: FaultWall, cache: Any, *texts: str) -> llmagg.LLMAggregator:
    wall.script({"models": {"gpt-a": {"steps": [{"text": text} for text in texts or ("one", "two", "three")]}}})
    aggregator = llmagg.LLMAggregator(["gpt-a"], cache=cache)
    aggregator.initialize_sync(config_for(wall, "gpt-a"))
    return aggregator


def test_an_equal_request_asks_no_server(llm_wall: FaultWall) -> None:
    aggregator = aggregator_of(llm_wall, True)
    first = aggregator.chat_sync("hi", temperature=1)
    assert not first.cached and first.cache is None and len(first.attempts) == 1
    again = aggregator.chat_sync([{"content": "hi", "role": "user"}], temperature=1.0, user="u", deadline=5)
    assert (again.text, again.cached, again.cache, again.attempts) == ("one", True, "hit", [])
    assert again.cost is not None and (again.cost.amount, again.cost.source) == (0, "cache")
    assert again.usage == first.usage
    assert again.to_dict()["cache"] == "hit"
    assert llmagg.ChatCompletionResponse.from_dict(again.to_dict()).cached
    assert "from the cache (hit)" in again._repr_markdown_()
    assert aggregator.chat_sync("hi", temperature=1, cache="off").text == "two"
    assert aggregator.chat_sync("hi", temperature=1, cache="refresh").text == "three"
    assert aggregator.chat_sync("hi", temperature=1, cache="use").text == "three"


def test_a_cache_that_is_set_later_is_read_as_the_parameter_is(llm_wall: FaultWall) -> None:
    aggregator = aggregator_of(llm_wall, None)
    for value in (True, {"size": "1MB"}, llmagg.Cache()):
        aggregator.cache = value
        assert [aggregator.chat_sync("hi").cached for _ in range(2)] == [False, True]
    for value in (False, None):
        aggregator.cache = value
        assert not aggregator.chat_sync("hi").cached
    for wrong in (5, "yes", {"tt_s": 5}):
        with pytest.raises(llmagg.InvalidArgumentError, match="cache"):
            aggregator.cache = wrong


def test_a_stream_is_told_again(llm_wall: FaultWall) -> None:
    aggregator = aggregator_of(llm_wall, {"size": "1MB"})
    assert "".join(aggregator.stream_text_sync("hi")) == "one"
    assert aggregator.chat_sync("hi").cached
    events = list(aggregator.stream_sync("hi"))
    assert [event.type for event in events] == ["chunk", "chunk", "chunk", "done"]
    assert "".join(event.text for event in events[:-1]) == "one"
    done = events[-1]
    assert isinstance(done, llmagg.DoneEvent) and done.response.cached and done.response.text == "one"
    assert events[-2].chunk.usage.known


def test_aggregators_share_a_cache(llm_wall: FaultWall) -> None:
    shared = llmagg.Cache("2MB", ttl_s=100)
    one, other = aggregator_of(llm_wall, shared), aggregator_of(llm_wall, shared)
    one.chat_sync("hi")
    assert other.chat_sync("hi").cached
    report = shared.report()
    assert (report["hits"], report["misses"], report["kept"], report["entries"]) == (1, 1, 1, 1)
    assert report["size"] == 2 << 20 and 0 < report["bytes"] < 4096
    shared.clear()
    assert not other.chat_sync("hi").cached
    assert repr(shared) == "Cache(size='2MB', ttl_s=100)"


def test_equal_calls_at_the_same_time_are_one_request(llm_wall: FaultWall) -> None:
    aggregator = aggregator_of(llm_wall, True)
    llm_wall.script({"models": {"gpt-a": {"steps": [{"delay_headers_s": 0.3, "text": "one"}]}}})

    async def ask() -> list[llmagg.ChatCompletionResponse]:
        return await asyncio.gather(*(aggregator.chat("hi") for _ in range(64)))

    answers = asyncio.run(ask())
    assert {answer.text for answer in answers} == {"one"}
    assert sum(answer.cache == "joined" for answer in answers) == 63
    assert len(llm_wall.seen()["requests"]) == 1


def test_a_kept_answer_must_be_accepted(llm_wall: FaultWall) -> None:
    aggregator = aggregator_of(llm_wall, True)
    aggregator.chat_sync("hi")
    assert aggregator.chat_sync("hi", accept=lambda response: response.text == "two").text == "two"
    assert aggregator.chat_sync("hi", accept=lambda response: response.text == "two").cached


@pytest.mark.parametrize(
    ("cache", "match"),
    [
        (5, "expected True, a dict"), ("yes", "expected True, a dict"), ({"sise": 1}, 'did you mean "size"'),
        ({"size": "big"}, "64MB"), ({"size": 0}, "greater than 0"), ({"ttl_s": -1}, "greater than 0"),
    ],
)  # fmt: skip
def test_bad_limits(cache: Any, match: str) -> None:
    with pytest.raises(llmagg.InvalidArgumentError, match=match):
        llmagg.LLMAggregator(cache=cache)


@pytest.mark.parametrize(("word", "match"), [("of", 'did you mean "off"'), (True, "parameter of the aggregator")])
def test_bad_words(llm_wall: FaultWall, word: Any, match: str) -> None:
    with pytest.raises(llmagg.InvalidArgumentError, match=match):
        aggregator_of(llm_wall, True).chat_sync("hi", cache=word)
    with pytest.raises(llmagg.InvalidArgumentError, match="C interface only"):
        aggregator_of(llm_wall, None).chat_sync("hi", cache_name="x")  # type: ignore[call-arg]


def test_no_cache_by_default(llm_wall: FaultWall) -> None:
    for nothing in (None, False):
        aggregator = aggregator_of(llm_wall, nothing)
        aggregator.chat_sync("hi")
        assert not aggregator.chat_sync("hi", cache="use").cached


def test_a_forgotten_cache_is_gone() -> None:
    before = set(llmagg.stats().get("caches", ()))
    cache = llmagg.Cache()
    assert len(set(llmagg.stats()["caches"]) - before) == 1
    del cache
    assert set(llmagg.stats().get("caches", ())) == before


def test_a_forked_child_begins_anew(llm_wall: FaultWall) -> None:
    aggregator = aggregator_of(llm_wall, True)
    aggregator.chat_sync("hi")
    child = os.fork()
    if child == 0:
        ok = False
        try:
            ok = not aggregator.chat_sync("hi").cached and aggregator.chat_sync("hi").cached
        finally:
            os._exit(0 if ok else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert aggregator.chat_sync("hi").cached
