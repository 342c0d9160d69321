"""How many rows of ``llmagg.bulk`` are under way at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from test_bulk import prompts

from conftest import aggregator_for
from llmagg import bulk
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
