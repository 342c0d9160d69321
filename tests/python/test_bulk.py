"""``llmagg.bulk``: files in, files out, a ledger of what was paid."""

from __future__ import annotations

import asyncio
import csv
import dataclasses
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

import llmagg
from conftest import aggregator_for, chats, config_for, kept, python, until
from llmagg import bulk
from llmagg.faultwall import FaultWall

ECHO = {"default": {"steps": [{"echo": True}]}}
LEDGERS = ["sqlite", "jsonl"]


def prompts(folder: Path, count: int, **more: Any) -> Path:
    path = folder / "prompts.jsonl"
    path.write_text("".join(json.dumps({"id": f"r{i}", "prompt": f"row {i}", **more}) + "\n" for i in range(count)))
    return path


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def asked(wall: FaultWall) -> list[str]:
    """The texts of the rows that the wall saw, in order."""
    return [request["body"]["messages"][-1]["content"] for request in chats(wall)]


def said(answer: str) -> str:
    """The prompt that an echo repeats."""
    return json.loads(answer)["messages"][-1]["content"]


@pytest.mark.parametrize("ledger", LEDGERS)
def test_answers_stand_in_the_order_of_the_rows(llm_wall: FaultWall, tmp_path: Path, run: Any, ledger: Any) -> None:
    llm_wall.script(ECHO)
    llm = aggregator_for(llm_wall, "gpt-a", price={"input": 1, "output": 1})
    target = tmp_path / "answers.jsonl"
    report = run(bulk.run(prompts(tmp_path, 200), target, llm, ledger=ledger, temperature=0.5))
    found = read(target)
    wanted = [(i, f"r{i}", f"row {i}") for i in range(200)]
    assert [(row["n"], row["id"], said(row["answer"])) for row in found] == wanted
    assert json.loads(found[0]["answer"])["temperature"] == 0.5
    assert {row["route"] for row in found} == {"openai/gpt-a"}
    assert (report.rows, report.answered, report.errors, report.asked) == (200, 200, 0, 200)
    assert report.prompt_tokens == 200 * 9
    assert report.cost == pytest.approx(sum(row["cost"]["amount"] for row in found))
    assert report.unpriced == 0
    assert sorted(asked(llm_wall)) == sorted(f"row {i}" for i in range(200))
    assert not list(tmp_path.glob("*.part")) + list(tmp_path.glob("*.reserve"))


@pytest.mark.parametrize("ledger", LEDGERS)
def test_a_second_run_asks_nothing(llm_wall: FaultWall, tmp_path: Path, run: Any, ledger: Any) -> None:
    llm = aggregator_for(llm_wall, "gpt-a")
    source, target = prompts(tmp_path, 30), tmp_path / "answers.jsonl"
    run(bulk.run(source, target, llm, ledger=ledger))
    before = target.read_bytes()
    with pytest.raises(bulk.LedgerError, match="resume=True"):
        run(bulk.run(source, target, llm, ledger=ledger))
    source.write_text(source.read_text() + '{"prompt": "one more"}\n')
    report = run(bulk.run(source, target, llm, ledger=ledger, resume=True, deadline=20))
    assert (report.answered, report.asked) == (31, 1)
    assert len(chats(llm_wall)) == 31
    assert target.read_bytes().startswith(before)


def test_failed_rows_are_rows(llm_wall: FaultWall, tmp_path: Path, run: Any) -> None:
    llm_wall.script({"default": {"steps": [{"status": 400, "times": 3}, {}], "after": "repeat_last"}})
    llm = aggregator_for(llm_wall, "gpt-a", max_concurrent_calls=1)
    source, target = prompts(tmp_path, 10), tmp_path / "answers.jsonl"
    with source.open("a") as file:
        file.write('not JSON\n{"question": "?"}\n')
    report = run(bulk.run(source, target, llm))
    found = read(target)
    assert (report.rows, report.answered, report.errors) == (12, 7, 5)
    assert [row["n"] for row in found] == list(range(12))
    errors = [row["error"] for row in found if "error" in row]
    assert [error["name"] for error in errors].count("INVALID_ARGUMENT") == 2
    assert "line 11 of 'prompts.jsonl' is not valid JSON" in errors[-2]["message"]
    assert "no 'prompt', 'messages' or 'body'; it has 'question'" in errors[-1]["message"]
    assert run(bulk.run(source, target, llm, resume=True)).asked == 0
    report = run(bulk.run(source, target, llm, resume=True, retry_errors=True))
    assert (report.asked, report.answered, report.errors) == (5, 10, 2)
    assert len(chats(llm_wall)) == 13


def test_a_run_stops_after_errors(llm_wall: FaultWall, tmp_path: Path, run: Any) -> None:
    llm_wall.script({"default": {"steps": [{"status": 400}]}})
    llm = aggregator_for(llm_wall, "gpt-a", max_concurrent_calls=2)
    source = prompts(tmp_path, 1000)
    for i, options in enumerate(({"stop_after_errors": 5}, {"stop_after_errors": 0.2}, {"errors": "stop"})):
        target = tmp_path / f"answers{i}.jsonl"
        report = run(bulk.run(source, target, llm, **options))
        assert report.stopped == "errors"
        assert report.errors < 60
        assert report.output is None
        assert not target.exists()
        assert bulk.export(report.ledger, target) == report.errors == len(read(target))


@pytest.mark.parametrize("ledger", LEDGERS)
def test_money_is_for_the_whole_job(llm_wall: FaultWall, tmp_path: Path, run: Any, ledger: Any) -> None:
    usage = {"prompt_tokens": 1_000_000, "completion_tokens": 0, "total_tokens": 1_000_000}
    llm_wall.script({"default": {"steps": [{"usage": usage}]}})
    llm = aggregator_for(llm_wall, "gpt-a", price={"input": 1, "output": 1}, max_concurrent_calls=2)
    source, target = prompts(tmp_path, 100), tmp_path / "answers.jsonl"
    report = run(bulk.run(source, target, llm, max_cost=10, ledger=ledger))
    assert report.stopped == "max_cost"
    assert 10 <= report.cost <= 10 + 4
    before = len(chats(llm_wall))
    report = run(bulk.run(source, target, llm, max_cost=10, ledger=ledger, resume=True))
    assert (report.stopped, report.asked, len(chats(llm_wall))) == ("max_cost", 0, before)
    report = run(bulk.run(source, target, llm, max_cost=1000, ledger=ledger, resume=True))
    assert (report.stopped, report.answered, report.cost) == (None, 100, 100)
    llm.initialize_sync(config_for(llm_wall, "gpt-b"))
    before = len(chats(llm_wall))
    with pytest.raises(llmagg.InvalidArgumentError, match=r"no price is known of openai/gpt-b; .* LLMAGG_PRICES"):
        run(bulk.run(source, tmp_path / "other.jsonl", llm, max_cost=10, ledger=ledger))
    assert len(chats(llm_wall)) == before
    assert not list(tmp_path.glob("other*"))


@pytest.mark.parametrize("ledger", LEDGERS)
def test_a_ledger_of_another_job_is_refused(llm_wall: FaultWall, tmp_path: Path, run: Any, ledger: Any) -> None:
    llm = aggregator_for(llm_wall, "gpt-a", "gpt-b")
    source, target = prompts(tmp_path, 10), tmp_path / "answers.jsonl"
    report = run(bulk.run(source, target, llm, ledger=ledger, temperature=1))
    before = report.ledger.read_bytes()

    def again(*, models: list[str] | None = None, **options: Any) -> None:
        llm.models = models or llm.models
        run(bulk.run(source, target, llm, **{"ledger": ledger, "resume": True, "temperature": 1, **options}))

    with pytest.raises(bulk.LedgerError, match="another job: the parameters differ"):
        again(temperature=0)
    with pytest.raises(bulk.LedgerError, match="another job: the form of answers differ"):
        again(parse=City)
    source.write_text('{"prompt": "a new first row"}\n' + source.read_text())
    with pytest.raises(bulk.LedgerError, match=r"row 0 of .* is not the row that the ledger"):
        again()
    with pytest.raises(bulk.LedgerError, match="another job: the models differ"):
        again(models=["gpt-b"])
    assert report.ledger.read_bytes() == before
    assert len(chats(llm_wall)) == 10
    (tmp_path / "other.jsonl.ledger").write_bytes(b"no ledger " * 1000)
    (tmp_path / "other.jsonl.ledger.jsonl").write_bytes(b"no ledger\n" * 1000)
    with pytest.raises(bulk.LedgerError, match="is not a ledger"):
        run(bulk.run(source, tmp_path / "other.jsonl", llm, ledger=ledger))


def test_two_runs_on_one_ledger(llm_wall: FaultWall, tmp_path: Path, run: Any) -> None:
    llm_wall.script({"default": {"steps": [{"delay_headers_s": 0.3}]}})
    llm = aggregator_for(llm_wall, "gpt-a")
    source, target = prompts(tmp_path, 5), tmp_path / "answers.jsonl"

    async def both() -> list[Any]:
        runs = [bulk.run(source, target, llm, resume=True) for _ in range(2)]
        return await asyncio.gather(*runs, return_exceptions=True)

    first, second = run(both())
    assert first.answered == 5
    assert isinstance(second, bulk.LedgerError)
    assert f"another run (process {os.getpid()}) uses the ledger" in str(second)
    assert len(chats(llm_wall)) == 5


@dataclasses.dataclass
class City:
    name: str


def test_answers_as_objects(llm_wall: FaultWall, tmp_path: Path, run: Any) -> None:
    llm_wall.script({"default": {"steps": [{"text": '{"name": "Ulm"}'}]}})
    llm = aggregator_for(llm_wall, "gpt-a")
    rows = [{"question": f"{i}?"} for i in range(20)]
    answers = list(bulk.stream(rows, llm, prompt=lambda row: row["question"], parse=City))
    assert sorted(answer.n for answer in answers) == list(range(20))
    assert all(answer.value == City("Ulm") and answer.row is rows[answer.n] for answer in answers)
    report = run(bulk.run(rows, tmp_path / "a.jsonl", llm, prompt=lambda row: row["question"], parse=City))
    assert report.answered == 20
    assert read(tmp_path / "a.jsonl")[3]["parsed"] == {"name": "Ulm"}


@pytest.mark.parametrize("name", ["kept.ledger", "kept.jsonl"])
def test_a_stream_with_a_ledger(llm_wall: FaultWall, tmp_path: Path, name: str) -> None:
    llm_wall.script({"default": {"steps": [{"text": '{"name": "Ulm"}'}]}})
    llm = aggregator_for(llm_wall, "gpt-a")
    rows = [f"{i}?" for i in range(40)]
    stream = bulk.stream(rows, llm, parse=City, ledger=tmp_path / name, window=4)
    for count, answer in enumerate(stream, 1):
        assert not answer.from_ledger
        if count == 10:
            break
    before = len(chats(llm_wall))
    assert 10 <= before <= 15

    async def rest() -> list[bulk.Answer]:
        return [answer async for answer in stream]

    answers = asyncio.run(rest())
    assert {answer.n for answer in answers} == set(range(40))
    assert all(answer.value == City("Ulm") for answer in answers)
    assert len([answer for answer in answers if answer.from_ledger]) >= 10


def test_rows_of_every_kind(llm_wall: FaultWall, tmp_path: Path, run: Any) -> None:
    llm_wall.script(ECHO)
    llm = aggregator_for(llm_wall, "gpt-a")

    async def rows() -> AsyncIterator[Any]:
        yield "a text"
        yield [{"role": "system", "content": "s"}, llmagg.Message("user", "messages")]
        body = {"model": "other", "messages": [{"role": "user", "content": "b"}], "top_p": 0.5}
        yield {"custom_id": "x", "body": body}
        yield {"id": 7, "messages": '[{"role": "user", "content": "JSON text"}]'}

    run(bulk.run(rows(), tmp_path / "answers.csv", llm))
    with (tmp_path / "answers.csv").open(newline="") as file:
        found = list(csv.DictReader(file))
    assert [said(row["answer"]) for row in found] == ["a text", "messages", "b", "JSON text"]
    assert [row["id"] for row in found] == ["", "", "x", "7"]
    assert json.loads(found[2]["answer"])["top_p"] == 0.5
    assert json.loads(found[2]["answer"])["model"] == "gpt-a"
    run(bulk.run(tmp_path / "answers.csv", tmp_path / "again.jsonl", llm, prompt=lambda row: "x" + row["n"]))
    assert [said(row["answer"]) for row in read(tmp_path / "again.jsonl")] == ["x0", "x1", "x2", "x3"]


def test_parquet(llm_wall: FaultWall, tmp_path: Path, run: Any) -> None:
    llm = aggregator_for(llm_wall, "gpt-a")
    try:
        import pyarrow as arrow
        from pyarrow import parquet
    except ImportError:
        with pytest.raises(llmagg.InvalidArgumentError, match="pip install pyarrow"):
            run(bulk.run(["a"], tmp_path / "answers.parquet", llm))
        return
    parquet.write_table(arrow.table({"prompt": [f"row {i}" for i in range(2500)]}), tmp_path / "p.parquet")
    run(bulk.run(tmp_path / "p.parquet", tmp_path / "answers.parquet", llm))
    found = parquet.read_table(tmp_path / "answers.parquet").to_pylist()
    assert [row["n"] for row in found] == list(range(2500))
    assert {row["answer"] for row in found} == {"Hello from gpt-a."}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"source": "prompts.txt"}, "expected a file .jsonl, .csv or .parquet"),
        ({"source": "missing.jsonl"}, "does not exist"),
        ({"source": 7}, "a path or an iterable"),
        ({"destination": "answers.txt"}, "expected a file .jsonl, .csv or .parquet"),
        ({"destination": "no/such/folder/a.jsonl"}, "does not exist"),
        ({"max_cost": 0}, "max_cost is 0"),
        ({"max_cost": float("nan")}, "max_cost is nan"),
        ({"window": 1.5}, "window is 1.5"),
        ({"batch_wait": float("nan")}, "batch_wait is nan; expected seconds, 0 or more"),
        ({"batch_wait": -1}, "batch_wait is -1"),
        ({"batch_poll": 0}, "batch_poll is 0; expected seconds, above 0"),
        ({"errors": "ignore"}, "errors is 'ignore'"),
        ({"ledger": "redis"}, "ledger is 'redis'"),
        ({"stop_after_errors": -1}, "stop_after_errors is -1"),
        ({"parse": 7}, "cannot describe"),
    ],
)
def test_bad_input(
    llm_wall: FaultWall, tmp_path: Path, run: Any, monkeypatch: Any, options: dict[str, Any], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    given = {"source": ["a"], "destination": "answers.jsonl", **options}
    with pytest.raises(llmagg.InvalidArgumentError, match=message):
        run(bulk.run(given.pop("source"), given.pop("destination"), aggregator_for(llm_wall, "gpt-a"), **given))
    assert list(tmp_path.iterdir()) == []
    assert chats(llm_wall) == []


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"temprature": 1}, 'did you mean "temperature"'),
        ({"max_tokens": "many"}, '"max_tokens" is "many"'),
        ({"deadline": -1}, '"deadline" is -1'),
        ({"model": "gpt-z"}, "gpt-z"),
        ({"stream": True}, "stream=True is not for llmagg.bulk"),
    ],
)
def test_wrong_parameters_of_all_rows_end_the_run(
    llm_wall: FaultWall, tmp_path: Path, run: Any, params: dict[str, Any], message: str
) -> None:
    llm = aggregator_for(llm_wall, "gpt-a")
    with pytest.raises(llmagg.LLMError, match=message):
        run(bulk.run(["a"], tmp_path / "a.jsonl", llm, **params))
    with pytest.raises(llmagg.LLMError, match=message):
        list(bulk.stream(["a"], llm, **params))
    assert list(tmp_path.iterdir()) == []
    assert chats(llm_wall) == []


def test_a_wrong_row_is_an_error_of_its_own(llm_wall: FaultWall, tmp_path: Path, run: Any) -> None:
    llm = aggregator_for(llm_wall, "gpt-a")
    rows = [{"body": {"messages": [], "temperature": 1}}, "b"]
    report = run(bulk.run(rows, tmp_path / "a.jsonl", llm, max_tokens=10))
    assert (report.answered, report.errors) == (1, 1)
    assert '"messages" is empty' in read(tmp_path / "a.jsonl")[0]["error"]["message"]


def test_a_list_is_no_aggregator(tmp_path: Path) -> None:
    with pytest.raises(llmagg.InvalidArgumentError, match="expected an LLMAggregator"):
        bulk.run_sync(["a"], tmp_path / "a.jsonl", ["openai/gpt-a"])


def test_what_the_rows_raise_is_raised(llm_wall: FaultWall, tmp_path: Path, run: Any) -> None:
    llm = aggregator_for(llm_wall, "gpt-a")

    def rows() -> Any:
        yield "a"
        raise OSError("the tape is torn")

    with pytest.raises(OSError, match="the tape is torn"):
        run(bulk.run(rows(), tmp_path / "a.jsonl", llm))
    assert run(bulk.run(["a", "b"], tmp_path / "a.jsonl", llm, resume=True)).asked == 1


def test_a_cancelled_run_keeps_its_answers(llm_wall: FaultWall, tmp_path: Path, run: Any) -> None:
    llm_wall.script({"default": {"steps": [{"times": 10}, {"hold": "rest"}]}})
    llm = aggregator_for(llm_wall, "gpt-a", max_concurrent_calls=10)
    source, target = prompts(tmp_path, 30), tmp_path / "a.jsonl"

    async def cancelled() -> None:
        task = asyncio.create_task(bulk.run(source, target, llm))
        await until(lambda: llm_wall.seen()["totals"]["requests"] == 20)
        await until(lambda: kept(tmp_path / "a.jsonl.ledger") == 10)  # the wall's answers are on their way before
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled()

    run(cancelled())
    assert bulk.export(tmp_path / "a.jsonl.ledger", target) == 10
    llm_wall.script(None)
    assert run(bulk.run(source, target, llm, resume=True)).asked == 20


def test_progress_without_tqdm(llm_wall: FaultWall, tmp_path: Path, run: Any, monkeypatch: Any, capsys: Any) -> None:
    monkeypatch.setitem(sys.modules, "tqdm", None)
    llm = aggregator_for(llm_wall, "gpt-a")
    run(bulk.run(prompts(tmp_path, 20), tmp_path / "a.jsonl", llm, progress=True))
    assert "llmagg.bulk: 20 of 20 rows, " in capsys.readouterr().err


def test_importing_the_package_does_not_import_this() -> None:
    code = "import sys, llmagg; assert not {'llmagg.bulk', 'sqlite3'} & sys.modules.keys(); print(llmagg.bulk.run)"
    assert "function run" in python(code).stdout


def test_a_closed_aggregator_ends_the_run(llm_wall: FaultWall, tmp_path: Path, run: Any) -> None:
    llm_wall.script({"default": {"steps": [{"times": 5}, {"hold": "rest"}]}})
    llm = aggregator_for(llm_wall, "gpt-a", max_concurrent_calls=10)
    target, begun = tmp_path / "a.jsonl", 0

    async def rows() -> AsyncIterator[str]:
        nonlocal begun
        for begun in range(1, 1001):
            yield f"row {begun}"

    async def closed() -> None:
        task = asyncio.create_task(bulk.run(rows(), target, llm))
        await until(lambda: llm_wall.seen()["totals"]["requests"] == 15)
        await until(lambda: kept(tmp_path / "a.jsonl.ledger") == 5)
        await until(lambda: begun == 25)  # a row that begins later has a new connection, and is waited for
        await llm.close()
        with pytest.raises(llmagg.ClosedError):
            await task

    run(closed())
    assert bulk.export(tmp_path / "a.jsonl.ledger", target) == 5
    llmagg.get_manager().clear()
    with pytest.raises(llmagg.NotInitializedError):
        run(bulk.run(["a"], tmp_path / "b.jsonl", llmagg.LLMAggregator(["gpt-a"])))
