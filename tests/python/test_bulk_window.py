"""How many rows of ``llmagg.bulk`` are under way at once."""

from __future__ import annotations

import asyncio
import dataclasses
import pickle
import statistics
from pathlib import Path
from typing import Any

import msgspec
import pytest
from test_bulk import prompts

import llmagg
from conftest import aggregator_for
from llmagg import ModelConfig, bulk
from llmagg.bulk.window import Window
from llmagg.faultwall import FaultWall


def test_the_window_follows_the_routes(llm_wall: FaultWall, tmp_path: Path, run: Any) -> None:
    llm_wall.script({"default": {"steps": [{"delay_headers_s": 0.05}]}})
    llm = aggregator_for(llm_wall, "gpt-a", "gpt-b", max_concurrent_calls=7)
    assert Window(llm, None).size() == 14
    assert Window(llm, 3).size() == 3
    llm.strategy = "least_busy"
    assert Window(llm, None).size() == 28
    llm.strategy = None
    run(bulk.run(prompts(tmp_path, 100), tmp_path / "a.jsonl", llm))
    models = llm_wall.seen()["models"]
    assert models["gpt-a"] == {**models["gpt-a"], "requests": 100, "max_simultaneous": 7}
    window = Window(llm, None)
    assert llm.health_report()[0]["limit"] == 7
    assert window.size() == 14


def test_the_window_grows_with_the_limit(llm_wall: FaultWall, tmp_path: Path, run: Any) -> None:
    llm_wall.script({"default": {"steps": [{"delay_headers_s": 0.05}]}})
    llm = aggregator_for(llm_wall, "gpt-a", max_concurrent_calls="auto")
    run(bulk.run(prompts(tmp_path, 1500), tmp_path / "a.jsonl", llm))
    assert llm_wall.seen()["models"]["gpt-a"]["max_simultaneous"] > 20


def quota(headers: bool) -> dict[str, Any]:
    """600 000 tokens a minute, a tenth of them there at the start; an answer of 420 tokens takes half a second."""
    usage = {"prompt_tokens": 20, "completion_tokens": 400, "total_tokens": 420}
    return {
        "steps": [{"usage": usage, "delay_headers_s": 0.5}], "after": "loop",
        "quota": {"tpm": 600_000, "level": 0.1, "headers": headers},
    }  # fmt: skip


@pytest.mark.long
@pytest.mark.parametrize("headers", [True, False], ids=["told", "not told"])
def test_auto_is_the_default_of_bulk(llm_wall: FaultWall, tmp_path: Path, run: Any, headers: bool) -> None:
    llm_wall.script({"models": {"gpt-a": quota(headers)}})
    llm = aggregator_for(llm_wall, "gpt-a")
    report = run(bulk.run(prompts(tmp_path, 300), tmp_path / "a.jsonl", llm))
    assert (report.answered, report.errors) == (300, 0)
    seen = llm_wall.seen()
    refused = sum(r.get("status") == 429 for r in seen["requests"])
    beside = statistics.mean(r["simultaneous"] for r in seen["requests"])
    print(f"{refused} refused, {seen['models']['gpt-a']['max_simultaneous']} at once, in the mean {beside:.1f}")
    assert seen["models"]["gpt-a"]["max_simultaneous"] > 20
    assert beside > 12, "ten at once are what a route without 'auto' has"
    assert llm.health_report()[0]["limit"] == 10, "the run has given back what it had"


def test_a_number_that_was_set_stays(llm_wall: FaultWall, tmp_path: Path, run: Any) -> None:
    llm_wall.script({"default": {"steps": [{"delay_headers_s": 0.02}]}})
    llm = aggregator_for(llm_wall, "gpt-a", max_concurrent_calls=10)
    run(bulk.run(prompts(tmp_path, 200), tmp_path / "a.jsonl", llm))
    assert llm_wall.seen()["models"]["gpt-a"]["max_simultaneous"] == 10
    llmagg.get_manager().clear()
    free = aggregator_for(llm_wall, "gpt-b")
    run(bulk.run(prompts(tmp_path, 200), tmp_path / "b.jsonl", free, bulk=False))
    assert llm_wall.seen()["models"]["gpt-b"]["max_simultaneous"] == 10


def test_two_runs_and_other_calls_at_once(llm_wall: FaultWall, tmp_path: Path, run: Any) -> None:
    llm_wall.script({"default": {"steps": [{"delay_headers_s": 0.05}]}})
    llm = aggregator_for(llm_wall, "gpt-a")
    rows = prompts(tmp_path, 200)

    async def both() -> list[int]:
        first = asyncio.create_task(bulk.run(rows, tmp_path / "a.jsonl", llm))
        await bulk.run(rows, tmp_path / "b.jsonl", llm)
        beside = await asyncio.gather(*(llm.chat("hello") for _ in range(30)))
        report = await first
        limit = llm.health_report()[0]["limit"]
        return [len(beside), report.answered, limit]

    assert run(both()) == [30, 200, 10]
    assert llm_wall.seen()["models"]["gpt-a"]["max_simultaneous"] > 20


def test_a_default_is_told_from_a_number_that_was_set() -> None:
    assert "max_concurrent_calls" not in ModelConfig("m", "openai", "k").to_core()
    assert ModelConfig("m", "openai", "k").max_concurrent_calls == 10
    assert ModelConfig("m", "openai", "k", max_concurrent_calls=10).to_core()["max_concurrent_calls"] == 10
    assert "max_concurrent_calls" not in pickle.loads(pickle.dumps(ModelConfig("m", "openai", "k"))).to_core()
    assert b'"max_concurrent_calls":10,' in msgspec.json.encode(dataclasses.asdict(ModelConfig("m", "openai", "k")))
