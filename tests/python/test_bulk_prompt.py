"""What ``llmagg.bulk`` asks of a row, of which models, and what it says of rows that fail."""

from __future__ import annotations

import csv
import datetime
import json
import uuid
from pathlib import Path
from typing import Any

import pytest

import llmagg
from conftest import aggregator_for, chats
from llmagg import bulk
from llmagg.bulk.options import RunOptions, StreamOptions
from llmagg.bulk.prompt import maker
from llmagg.faultwall import FaultWall
from llmagg.params import RowParams

ROWS = [{"id": 1, "review": "good", "stars": 5}, {"id": 2, "review": "bad", "stars": None}]


def asked(wall: FaultWall) -> list[tuple[str, str]]:
    """The models and texts that the wall saw."""
    return sorted((request["body"]["model"], request["body"]["messages"][-1]["content"]) for request in chats(wall))


@pytest.fixture
def only_a_key(llm_wall: FaultWall, monkeypatch: pytest.MonkeyPatch) -> FaultWall:
    """A wall as OpenAI, with no configuration but a key."""
    monkeypatch.setenv("OPENAI_API_KEY", "k-123456789")
    monkeypatch.setenv("OPENAI_BASE_URL", llm_wall.url)
    return llm_wall


@pytest.mark.parametrize("named", [{"models": ["openai/gpt-b"]}, {"models": "openai/gpt-b"}, {"model": "openai/gpt-b"}])
def test_models_are_named_as_in_a_chat(only_a_key: FaultWall, tmp_path: Path, run: Any, named: dict[str, Any]) -> None:
    report = run(bulk.run(["Hello!"], tmp_path / "a.jsonl", **named))
    assert report.answered == 1, str(report)
    assert [answer.text for answer in bulk.stream(["Hi!"], **named)] == ["Hello from gpt-b."]
    assert asked(only_a_key) == [("gpt-b", "Hello!"), ("gpt-b", "Hi!")]


def test_an_aggregator_has_its_models(llm_wall: FaultWall, tmp_path: Path, run: Any) -> None:
    llm = aggregator_for(llm_wall, "gpt-a")
    with pytest.raises(llmagg.InvalidArgumentError, match="llm and models are both given"):
        run(bulk.run(["Hello!"], tmp_path / "a.jsonl", llm, models=["openai/gpt-a"]))


@pytest.mark.parametrize(
    ("prompt", "texts"),
    [
        ("review", ["bad", "good"]),
        ("Is it spam? {review} {{…}}", ["Is it spam? bad {…}", "Is it spam? good {…}"]),
        ("{id}: {review}", ["1: good", "2: bad"]),
        (lambda row: row["review"], ["bad", "good"]),
    ],
)
def test_a_column_or_a_text_with_columns(
    llm_wall: FaultWall, tmp_path: Path, run: Any, prompt: Any, texts: list[str]
) -> None:
    llm = aggregator_for(llm_wall, "gpt-a")
    source = tmp_path / "reviews.csv"
    with source.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(ROWS[0]))
        writer.writeheader()
        writer.writerows(ROWS)
    report = run(bulk.run(source, tmp_path / "answers.csv", llm, prompt=prompt))
    assert (report.answered, report.failures) == (2, {})
    assert [text for _, text in asked(llm_wall)] == texts


@pytest.mark.parametrize(
    ("prompt", "message"),
    [
        ("", "prompt is ''; expected the name of a column"),
        (7, "prompt is 7; expected the name of a column"),
        ("{", "prompt cannot be read"),
        ('Answer as {"a": 1}: {review}', "prompt has braces without the name of a column"),
        ("{}", "prompt has braces without the name of a column"),
    ],
)
def test_a_prompt_that_cannot_be_read(llm_wall: FaultWall, tmp_path: Path, run: Any, prompt: Any, message: str) -> None:
    with pytest.raises(llmagg.InvalidArgumentError) as caught:
        run(bulk.run(ROWS, tmp_path / "a.jsonl", aggregator_for(llm_wall, "gpt-a"), prompt=prompt))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("prompt", "row", "message"),
    [
        ("rview", ROWS[0], "the row has no 'rview', which prompt names; it has 'id', 'review', 'stars'"),
        ("{stars}", ROWS[1], "'stars' of the row is empty"),
        ("stars", {"stars": float("nan")}, "'stars' of the row is empty"),
        ("review", "a text", "the row is of str"),
    ],
)
def test_a_row_without_what_is_asked(prompt: str, row: Any, message: str) -> None:
    made = maker(prompt)
    assert made is not None
    with pytest.raises(llmagg.InvalidArgumentError, match=message):
        made(row)


def test_a_report_says_why_rows_failed(llm_wall: FaultWall, tmp_path: Path, run: Any) -> None:
    llm_wall.script({"default": {"steps": [{"status": 400, "body": {"error": {"message": "no such thing"}}}]}})
    rows = [{"question": "a"}, {"question": "b"}, {"prompt": "c"}]
    target = tmp_path / "a.jsonl"
    report = run(bulk.run(rows, target, aggregator_for(llm_wall, "gpt-a")))
    (invalid, refused) = str(report).splitlines()[1:]
    assert invalid.startswith("  INVALID_ARGUMENT: 2 rows, the first is row 0: the row has no 'prompt', 'messages'")
    assert "it has 'question'. Name the column" in invalid
    assert "1 row, row 2: " in refused
    assert "no such thing" in refused
    again = run(bulk.run(rows, target, aggregator_for(llm_wall, "gpt-a"), resume=True))
    assert (again.asked, again.failures) == (0, report.failures), "also of an earlier run"


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_rows_have_any_names(llm_wall: FaultWall, tmp_path: Path, run: Any, form: str) -> None:
    """What JSON has is given back as it is, all else as a text."""
    when, name = datetime.datetime(2026, 11, 30, 12), uuid.UUID(int=7)
    ids = [1, 1.5, "1", True, {"a": [1]}, [2], name, when, float("nan"), complex(1, 2), "\ud800", None]
    rows = [{"id": each, "prompt": "hi"} for each in ids]
    target = tmp_path / f"a.{form}"
    assert run(bulk.run(rows, target, aggregator_for(llm_wall, "gpt-a"))).answered == len(ids)
    if form == "jsonl":
        told = [json.loads(line).get("id") for line in target.read_text().splitlines()]
        assert told[:6] == ids[:6]
        assert told[6:] == [str(name), "2026-11-30T12:00:00", "nan", "(1+2j)", "?", None]
    else:
        told = [row["id"] for row in csv.DictReader(target.read_text().splitlines())]
        assert told[:6] == ["1", "1.5", "1", "true", '{"a":[1]}', "[2]"]
    assert run(bulk.run(rows, target, aggregator_for(llm_wall, "gpt-a"), resume=True)).asked == 0


class Polars:
    """What polars' DataFrame says of itself."""

    columns = list(ROWS[0])

    def __len__(self) -> int:
        return len(ROWS)

    def __iter__(self) -> Any:
        return iter(self.columns)

    def iter_rows(self, *, named: bool) -> Any:
        assert named
        return iter(ROWS)


def test_tables_are_rows_not_names_of_columns(llm_wall: FaultWall, tmp_path: Path, run: Any) -> None:
    report = run(bulk.run(Polars(), tmp_path / "a.jsonl", aggregator_for(llm_wall, "gpt-a"), prompt="review"))
    assert report.answered == 2, str(report)


def test_a_table_of_pandas(llm_wall: FaultWall, tmp_path: Path, run: Any) -> None:
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame(ROWS)
    target = tmp_path / "a.jsonl"
    report = run(bulk.run(table, target, aggregator_for(llm_wall, "gpt-a"), prompt="{review}: {stars}"))
    assert (report.answered, report.errors) == (1, 1)
    assert "'stars' of the row is empty" in str(report)
    assert '"id":1,' in target.read_text().replace(" ", ""), "a number of Python's, not of numpy's"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"promt": len}, "run() has no parameter 'promt'; did you mean \"prompt\"?"),
        ({"concurrency": 3}, "run() has no parameter 'concurrency'; did you mean \"window\"?"),
        ({"retry_error": True}, "run() has no parameter 'retry_error'; did you mean \"retry_errors\"?"),
        ({"deadlin": 3}, 'unknown call option "deadlin"; did you mean "deadline"?'),
    ],
)
def test_misspelt_parameters(
    llm_wall: FaultWall, tmp_path: Path, run: Any, wrong: dict[str, Any], message: str
) -> None:
    with pytest.raises(llmagg.InvalidArgumentError) as caught:
        run(bulk.run(ROWS, tmp_path / "a.jsonl", aggregator_for(llm_wall, "gpt-a"), **wrong))
    assert str(caught.value) == message


def test_editors_know_the_parameters() -> None:
    """The TypedDicts name what the functions take."""

    calls = RowParams.__annotations__.keys()
    assert bulk.run.__kwdefaults__.keys() == RunOptions.__annotations__.keys() - calls
    assert bulk.stream.__kwdefaults__.keys() - {"parse"} == StreamOptions.__annotations__.keys() - calls
