"""The key ``bulk`` of a configuration: the defaults of jobs."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from test_bulk import prompts
from test_bulk_command import begin, ended  # noqa: F401 - a fixture

import llmagg
from conftest import chats, config_for
from llmagg import bulk
from llmagg.faultwall import FaultWall

PRICED = {"input": 1000, "output": 1000}
REFUSED = {"default": {"steps": [{"status": 400}]}}


@pytest.fixture
def configured(llm_wall: FaultWall, run: Any) -> Any:
    """Makes an aggregator whose configuration has the key ``bulk``."""

    def make(**key: Any) -> llmagg.LLMAggregator:
        llm = llmagg.LLMAggregator()
        run(llm.initialize({**config_for(llm_wall, "gpt-a", price=PRICED), "bulk": key}))
        return llm

    return make


def test_what_a_run_does_not_say_the_configuration_says(
    llm_wall: FaultWall, tmp_path: Path, run: Any, configured: Any
) -> None:
    source = prompts(tmp_path, 20)
    llm = configured(max_cost=0.1, ledger="jsonl")
    report = run(bulk.run(source, tmp_path / "a.jsonl", llm, window=1))
    assert (report.stopped, report.ledger) == ("max_cost", tmp_path / "a.jsonl.ledger.jsonl")
    report = run(bulk.run(source, tmp_path / "a.jsonl", llm, window=1, max_cost=math.inf, resume=True))
    assert (report.stopped, report.answered) == (None, 20)
    report = run(bulk.run(source, tmp_path / "b.jsonl", llm, window=1, max_cost=1000.0, ledger="sqlite"))
    assert (report.answered, report.ledger) == (20, tmp_path / "b.jsonl.ledger")
    path = tmp_path / "named.jsonl"
    report = run(bulk.run(source, tmp_path / "c.jsonl", configured(ledger=str(path)), window=1))
    assert (report.answered, report.ledger) == (20, path)
    with pytest.raises(llmagg.InvalidArgumentError, match="is the ledger"):
        run(bulk.run(source, path, llm=configured(ledger=str(path))))


@pytest.mark.parametrize(
    ("key", "given", "errors"),
    [
        ({"errors": "stop"}, {}, 1),
        ({"errors": "stop", "stop_after_errors": 3}, {}, 1),
        ({"stop_after_errors": 3}, {}, 3),
        ({"stop_after_errors": 3}, {"errors": "rows"}, 3),
        ({"stop_after_errors": 3}, {"errors": "stop"}, 1),
        ({"errors": "stop"}, {"stop_after_errors": 2}, 2),
        ({"errors": "stop"}, {"errors": "rows"}, 20),
        ({"stop_after_errors": 3}, {"stop_after_errors": math.inf}, 20),
    ],
)
def test_which_errors_end_a_run(
    llm_wall: FaultWall, tmp_path: Path, run: Any, configured: Any, key: Any, given: Any, errors: int
) -> None:
    llm_wall.script(REFUSED)
    report = run(bulk.run(prompts(tmp_path, 20), tmp_path / "a.jsonl", configured(**key), window=1, **given))
    assert report.errors == errors


def test_a_stream_heeds_it_too(llm_wall: FaultWall, tmp_path: Path, configured: Any) -> None:
    path = tmp_path / "l.jsonl"
    llm = configured(max_cost=0.1, ledger=str(path))
    rows = [f"row {i}" for i in range(20)]
    first = list(bulk.stream(rows, llm, window=1))
    assert 0 < len(first) < 20
    assert path.exists()
    assert len(list(bulk.stream(rows, llm, window=1, max_cost=math.inf))) == 20
    assert len(chats(llm_wall)) == 20, "the ledger has what was paid"
    other = configured(ledger="sqlite", errors="stop")
    assert len(list(bulk.stream(rows, other, window=1))) == 20, "there is no output beside which a ledger could be"
    llm_wall.script(REFUSED)
    assert len(list(bulk.stream(rows, other, window=1))) == 1


def test_batches_of_the_configuration(llm_wall: FaultWall, tmp_path: Path, run: Any) -> None:
    llm = llmagg.LLMAggregator()
    model = {"api_key": "k-123456789", "base_url": llm_wall.url}
    run(llm.initialize({"own": {"models": {"gpt-a": model}}, "bulk": {"batch_api": "always"}}))
    with pytest.raises(llmagg.InvalidArgumentError, match="batch"):
        run(bulk.run(["a"], tmp_path / "a.jsonl", llm))
    assert run(bulk.run(["a"], tmp_path / "b.jsonl", llm, batch_api="never")).answered == 1


def test_another_configuration_replaces_it(llm_wall: FaultWall, tmp_path: Path, run: Any, configured: Any) -> None:
    llm = configured(max_cost=0.001)
    run(llm.initialize(config_for(llm_wall, "gpt-a", price=PRICED, timeout=20)))
    assert run(bulk.run(prompts(tmp_path, 20), tmp_path / "a.jsonl", llm)).answered == 20


def test_an_aggregator_that_finds_its_configuration(
    llm_wall: FaultWall, tmp_path: Path, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "c.json"
    file.write_text(json.dumps({**config_for(llm_wall, "gpt-a", price=PRICED), "bulk": {"max_cost": 0.1}}))
    file.chmod(0o600)
    monkeypatch.setenv("LLMAGG_CONFIG", str(file))
    for name, llm in {"own": llmagg.LLMAggregator(), "default": None}.items():
        assert run(bulk.run(prompts(tmp_path, 20), tmp_path / f"{name}.jsonl", llm, window=1)).stopped == "max_cost"


def test_the_command_takes_it(begin: Any, tmp_path: Path) -> None:  # noqa: F811 - a fixture
    config = json.loads((tmp_path / "c.json").read_text())
    (tmp_path / "c.json").write_text(json.dumps({**config, "bulk": {"max_cost": 0.1, "ledger": "jsonl"}}))
    usual = ("prompts.jsonl", "answers.jsonl", "--config", "c.json", "--quiet", "--window", "1")
    code, _, err = ended(begin(*usual))
    assert (code, "stopped by max_cost" in err) == (1, True)
    assert (tmp_path / "answers.jsonl.ledger.jsonl").exists()
    code, _, err = ended(begin(*usual, "--max-cost", "1000", "--ledger", "sqlite"))
    assert code == 0, err
    assert (tmp_path / "answers.jsonl.ledger").exists()


def test_engines_say_that_they_do_not_heed_it(llm_wall: FaultWall, run: Any) -> None:
    from llmagg.bulk.shared import Batches

    batches = Batches({**config_for(llm_wall, "gpt-a"), "bulk": {"max_cost": 5}})
    with pytest.warns(UserWarning, match="'bulk' has max_cost, which"):
        assert len(run(batches.ask(["a", "b"]))) == 2
