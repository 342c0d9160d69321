"""``stream_parse``: an object that grows while its answer arrives."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any

import pytest

import llmagg
from conftest import HELLO, aggregator_for, chats
from llmagg.faultwall import FaultWall
from llmagg.growing import Growing, Prefix

TEXTS = [
    '{"name": "Ulm", "tags": ["a", "b\\"c", {"x": null}], "n": -1.5e3, "ok": true, "e": "\\u00fc\\ud83d\\ude00\\\\"}',
    '[1, 22, [], {}, "", {"k": {"k": [false]}}]',
    'Here it is:\n```json\n{"a": "{[,:", "b": "\n"}\n```\nDone.',
]


@dataclass
class City:
    name: str
    districts: list[str]


def contains(whole: Any, part: Any) -> bool:
    """Whether a part is the beginning of a whole."""
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(key in whole and contains(whole[key], part[key]) for key in part)
    if isinstance(part, list):
        return isinstance(whole, list) and len(part) <= len(whole) and all(map(contains, whole, part))
    if isinstance(part, str):
        return isinstance(whole, str) and whole.startswith(part)
    return bool(whole == part and type(whole) is type(part))


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_each_prefix_is_a_part_of_the_whole(text: str, size: int) -> None:
    inner = text.partition("```json\n")[2].partition("\n```")[0] or text
    whole = json.loads(inner, strict=False)
    prefix, last = Prefix(), None
    for i in range(0, len(text), size):
        prefix.add(text[i : i + size])
        part = prefix.value()
        if part is not None:
            assert contains(whole, part), part
            assert last is None or contains(part, last)
        last = part
    assert last == whole


def test_what_is_no_json_is_nothing() -> None:
    for text in ("", "no", "{]", '{"a" 1}', "[}", '"text"'):
        prefix = Prefix()
        prefix.add(text)
        assert prefix.value() in (None, {}, [])


def test_an_object_grows(llm_wall: FaultWall, run: Any) -> None:
    answer = json.dumps({"name": "Ulm", "districts": ["Mitte", "Böfingen", "Wiblingen"]})
    llm_wall.script({"default": {"steps": [{"text": answer, "chunk_chars": 3}]}})
    llm = aggregator_for(llm_wall, "gpt-a")

    async def collected() -> list[Growing[City]]:
        return [growing async for growing in llm.stream_parse(HELLO, City)]

    for seen in (run(collected()), list(llm.stream_parse_sync(HELLO, City))):
        assert len(seen) > 5
        assert {"name": "Ul"} in [growing.data for growing in seen]
        assert all(contains(json.loads(answer), growing.data) for growing in seen)
        assert [growing.value for growing in seen[:-1]] == [None] * (len(seen) - 1)
        assert seen[-1].value == City("Ulm", ["Mitte", "Böfingen", "Wiblingen"])
        assert seen[-1].data == json.loads(answer)
        assert seen[-1].response is not None and seen[-1].response.id_of_call
    assert chats(llm_wall)[0]["body"]["response_format"]["json_schema"]["name"] == "City"


def test_a_list_grows(llm_wall: FaultWall) -> None:
    llm_wall.script({"default": {"steps": [{"text": '{"value": [1, 2, 3]}', "chunk_chars": 1}]}})
    seen = list(aggregator_for(llm_wall, "gpt-a").stream_parse_sync(HELLO, list[int]))
    assert [growing.data for growing in seen] == [[], [1], [1, 2], [1, 2, 3], [1, 2, 3]]
    assert seen[-1].value == [1, 2, 3]


def test_an_end_that_does_not_fit_is_an_error(llm_wall: FaultWall) -> None:
    llm_wall.script({"default": {"steps": [{"text": '{"name": "Ulm"}'}]}})
    llm = aggregator_for(llm_wall, "gpt-a")
    with pytest.raises(llmagg.BadResponseError, match=r"no answer fits City: .*districts") as caught:
        list(llm.stream_parse_sync(HELLO, City))
    assert [attempt.outcome for attempt in caught.value.attempts] == ["BAD_RESPONSE"] * 2
    assert "districts" in caught.value.attempts[0].message and caught.value.body == '{"name": "Ulm"}'
    with pytest.raises(llmagg.InvalidArgumentError, match="response_format"):
        llm.stream_parse_sync(HELLO, City, response_format={"type": "text"})


def test_an_answer_that_does_not_fit_is_asked_for_again_with_the_reason(llm_wall: FaultWall, run: Any) -> None:
    unfit, whole = {"text": '{"name": "Ulm"}'}, {"text": '{"name": "Ulm", "districts": []}'}
    llm_wall.script({"models": {"a": {"steps": [unfit, unfit]}, "b": {"steps": [whole]}}})
    llm = aggregator_for(llm_wall, "a", "b")

    async def collected() -> list[Growing[City]]:
        return [growing async for growing in llm.stream_parse(HELLO, City, deadline=20)]

    for seen in (run(collected()), list(llm.stream_parse_sync(HELLO, City, deadline=20))):
        assert {"name": "Ulm"} in [growing.data for growing in seen[:-1]]
        assert seen[-1].value == City("Ulm", []) and seen[-1].data == {"name": "Ulm", "districts": []}
        assert [attempt.outcome for attempt in seen[-1].attempts or ()] == ["BAD_RESPONSE", "BAD_RESPONSE", "OK"]
        llm_wall.script({"models": {"a": {"steps": [unfit, unfit]}, "b": {"steps": [whole]}}})
    asked = chats(llm_wall)[1]["body"]
    assert "stream" not in asked or not asked["stream"]
    assert asked["messages"][-2]["content"] == '{"name": "Ulm"}' and "districts" in asked["messages"][-1]["content"]


def test_after_a_restart_the_object_begins_again(llm_wall: FaultWall) -> None:
    cut = {"text": '{"name": "Bonn", "x', "chunk_chars": 4, "cut": {"how": "reset", "after_events": 4}}
    whole = {"text": '{"name": "Ulm", "districts": []}', "chunk_chars": 4}
    llm_wall.script({"models": {"a": {"steps": [cut]}, "b": {"steps": [whole]}}})
    seen = list(aggregator_for(llm_wall, "a", "b").stream_parse_sync(HELLO, City, on_interrupt="restart"))
    assert seen[-1].value == City("Ulm", [])


def test_a_long_answer_takes_linear_time(llm_wall: FaultWall) -> None:
    answer = json.dumps({"name": "Ulm", "districts": ["x" * 50] * 4000})
    llm_wall.script({"default": {"steps": [{"text": answer, "chunk_chars": 20}]}})
    begin = time.monotonic()
    seen = list(aggregator_for(llm_wall, "gpt-a").stream_parse_sync(HELLO, City))
    assert seen[-1].value is not None and len(seen) < 2000
    assert time.monotonic() - begin < 20
