"""Batches whose vendor forgets them, fails them, or answers what is no answer: the job ends, and says why."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from test_bulk_batches import VENDORS, aggregator_at, job, made, rows, script

import llmagg
from conftest import chats
from llmagg.bulk import batching, vendors
from llmagg.errors import ServiceUnavailableError
from llmagg.faultwall import FaultWall

COUNT = 12
Change = Callable[[str, str, bytes], bytes]


def change_answers(monkeypatch: pytest.MonkeyPatch, change: Change) -> None:
    """Answers about batches are what ``change`` makes of them; it has the method, the path and the answer."""
    plain = vendors.exchange

    def changed(place: vendors.Place, method: str, path: str, *more: Any) -> bytes:
        return change(method, path, plain(place, method, path, *more))

    monkeypatch.setattr(vendors, "exchange", changed)


def refuse(status: int) -> bytes:
    raise ServiceUnavailableError(f"the vendor refused it: HTTP {status}", status=status)


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("use", ["auto", "always"])
@pytest.mark.parametrize("what", ["batches/", "results"])
def test_what_the_vendor_has_forgotten(
    llm_wall: FaultWall, tmp_path: Path, run: Any, monkeypatch: Any, vendor: str, use: Any, what: str
) -> None:
    script(llm_wall)

    def forget(method: str, path: str, answer: bytes) -> bytes:
        results = path.endswith(("/content", "/results"))
        return refuse(404) if method == "GET" and (results if what == "results" else "batches/" in path) else answer

    change_answers(monkeypatch, forget)
    report = run(job(rows(COUNT), tmp_path / "a.jsonl", aggregator_at(llm_wall, vendor), batch_api=use))
    if use == "auto":
        assert (report.answered, made(llm_wall), len(chats(llm_wall))) == (COUNT, 1, COUNT)
    else:
        assert (report.errors, made(llm_wall), chats(llm_wall)) == (COUNT, 3, [])
        assert "without an answer to the row; the vendor refused it: HTTP 404" in str(report)


@pytest.mark.parametrize("use", ["auto", "always"])
def test_a_key_that_is_refused_meanwhile(
    llm_wall: FaultWall, tmp_path: Path, run: Any, monkeypatch: Any, use: Any
) -> None:
    script(llm_wall)
    with monkeypatch.context() as patch:
        change_answers(patch, lambda method, path, answer: refuse(401) if "/batches/" in path else answer)
        with pytest.raises(ServiceUnavailableError, match="HTTP 401"):
            run(job(rows(COUNT), tmp_path / "a.jsonl", aggregator_at(llm_wall, "openai"), batch_api=use))
    llm = aggregator_at(llm_wall, "openai")
    report = run(job(rows(COUNT), tmp_path / "a.jsonl", llm, batch_api=use, resume=True))
    assert (report.answered, made(llm_wall), chats(llm_wall)) == (COUNT, 1, []), "the batch is there still"


@pytest.mark.long
@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("page", [b"<html>We are down for maintenance.</html>", b"[]", b"{}", b"null", b""])
def test_an_answer_that_is_none_is_asked_for_again(
    llm_wall: FaultWall, tmp_path: Path, run: Any, monkeypatch: Any, caplog: Any, vendor: str, page: bytes
) -> None:
    script(llm_wall)
    looks = iter(range(1000))

    def maintain(method: str, path: str, answer: bytes) -> bytes:
        return page if method == "GET" and "batches/" in path and next(looks) < 5 else answer

    change_answers(monkeypatch, maintain)
    with caplog.at_level(logging.WARNING, "llmagg"):
        report = run(job(rows(COUNT), tmp_path / "a.jsonl", aggregator_at(llm_wall, vendor), batch_api="always"))
    assert (report.answered, made(llm_wall)) == (COUNT, 1)
    [record] = [record for record in caplog.records if "cannot be read now" in record.getMessage()]
    assert "is not an object with" in record.getMessage()


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("lasting", [False, True])
def test_results_with_lines_that_are_none(
    llm_wall: FaultWall, tmp_path: Path, run: Any, monkeypatch: Any, vendor: str, lasting: bool
) -> None:
    """A file that was cut on its way is fetched again. One that stays as it is gives the answers that it has."""
    script(llm_wall)
    fetched = iter(range(1000))

    def cut(method: str, path: str, answer: bytes) -> bytes:
        if not path.endswith(("/content", "/results")) or (next(fetched) and not lasting):
            return answer
        lines = answer.splitlines()
        return b"\r\n".join(
            [*lines[:5], b"", b"null", b'{"custom_id": "x", "result": 5, "response": 5}', lines[5][:40]]
        )

    change_answers(monkeypatch, cut)
    report = run(job(rows(COUNT), tmp_path / "a.jsonl", aggregator_at(llm_wall, vendor)))
    assert (report.answered, made(llm_wall)) == (COUNT, 1)
    assert len(chats(llm_wall)) == (COUNT - 5 if lasting else 0)


class Answers:
    """What is answered to a look at a batch, or for its results, before the vendor answers: each look has the next."""

    def __init__(self, looks: list[Any], results: list[Any]) -> None:
        self._looks, self._results = iter(looks), iter(results)

    def __call__(self, method: str, path: str, answer: bytes) -> bytes:
        results = path.endswith(("/content", "/results"))
        if method != "GET" or not (results or "batches/" in path):
            return answer
        said = next(self._results if results else self._looks, None)
        if isinstance(said, int):
            return refuse(said)
        return answer if said is None else said(answer)


def half(answer: bytes) -> bytes:
    return answer[: answer.index(b"\n") + 20]


def page(_: bytes) -> bytes:
    return b"<html>\n<p>We are down for maintenance.</p>\n</html>"


@pytest.mark.long
@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("use", ["auto", "always"])
@pytest.mark.parametrize(
    ("looks", "results"),
    [
        ([503, 503, 502, 429], [half]),
        ([503, 503, 503, 503, 404], []),
        ([404, 503, 404, 503, 503], [half]),
        ([], [503, 503, 503, half, half]),
        ([], [page] * 5),
        ([], [page, 503, half, page, 404, half, 404]),
    ],
    ids=["away", "forgotten-at-last", "half", "half-after-away", "pages", "all-in-turn"],
)
def test_an_outage_says_nothing_of_a_batch_and_its_results(
    llm_wall: FaultWall, tmp_path: Path, run: Any, monkeypatch: Any, vendor: str, use: Any, looks: Any, results: Any
) -> None:
    script(llm_wall)
    change_answers(monkeypatch, Answers(looks, results))
    report = run(job(rows(COUNT), tmp_path / "a.jsonl", aggregator_at(llm_wall, vendor), batch_api=use))
    assert (report.answered, made(llm_wall), chats(llm_wall)) == (COUNT, 1, [])


def test_results_that_stay_cut_off_are_read_after_three_looks_and_said(
    llm_wall: FaultWall, tmp_path: Path, run: Any, monkeypatch: Any, caplog: Any
) -> None:
    script(llm_wall)
    change_answers(monkeypatch, Answers([], [half, 503, half, page, half, half]))
    with caplog.at_level(logging.WARNING, "llmagg"):
        report = run(job(rows(COUNT), tmp_path / "a.jsonl", aggregator_at(llm_wall, "openai")))
    assert (report.answered, made(llm_wall), len(chats(llm_wall))) == (COUNT, 1, COUNT - 1)
    said = [record.getMessage() for record in caplog.records]
    torn = "line 2 of a batch's results cannot be read; the results may be cut off"
    assert sum(f"{torn}; llmagg tries again" in one for one in said) == 1
    assert sum("HTTP 503; llmagg tries again" in one for one in said) == 1
    [last] = [one for one in said if "has no answers to" in one]
    assert f"to {COUNT - 1} rows: {torn}; each is asked" in last


@pytest.mark.parametrize("away", [503, page], ids=["refused", "page"])
def test_a_vendor_that_stays_away_ends_the_run_and_not_the_batch(
    llm_wall: FaultWall, tmp_path: Path, run: Any, monkeypatch: Any, away: Any
) -> None:
    script(llm_wall)
    with monkeypatch.context() as patch:
        patch.setattr(batching, "_AWAY_S", 0.02)
        change_answers(patch, Answers([away] * 1000, []))
        with pytest.raises(llmagg.LLMError, match=r"could not be read for .* run the job again to go on"):
            run(job(rows(COUNT), tmp_path / "a.jsonl", aggregator_at(llm_wall, "openai"), batch_api="always"))
    llm = aggregator_at(llm_wall, "openai")
    report = run(job(rows(COUNT), tmp_path / "a.jsonl", llm, batch_api="always", resume=True))
    assert (report.answered, made(llm_wall), chats(llm_wall)) == (COUNT, 1, [])


@pytest.mark.parametrize("use", ["auto", "always"])
def test_a_batch_that_fails_says_why(
    llm_wall: FaultWall, tmp_path: Path, run: Any, monkeypatch: Any, caplog: Any, use: Any
) -> None:
    script(llm_wall, refuse=True)

    def told(method: str, path: str, answer: bytes) -> bytes:
        if method == "GET" and "batches/" in path:
            data = [{"code": "billing_limit", "message": "Your billing limit is reached."}]
            return json.dumps({**json.loads(answer), "errors": {"object": "list", "data": data}}).encode()
        return answer

    change_answers(monkeypatch, told)
    with caplog.at_level(logging.WARNING, "llmagg"):
        report = run(job(rows(COUNT), tmp_path / "a.jsonl", aggregator_at(llm_wall, "openai"), batch_api=use))
    why = "the batch failed: Your billing limit is reached."
    if use == "auto":
        assert report.answered == COUNT
        assert f"has no answers to {COUNT} rows: {why}; each is asked in a call of its own" in caplog.text
    else:
        assert why in str(report)


@pytest.mark.parametrize(
    ("errors", "why"),
    [
        ({"data": ["over the limit"]}, "over the limit"),
        ({"data": {"message": "over the limit"}}, "over the limit"),
        ([{"code": "limit"}], "limit"),
        ({"message": "over the limit"}, "over the limit"),
        ("over the limit", "over the limit"),
        ({"data": []}, "no reason is told"),
        (5, "no reason is told"),
        (None, "no reason is told"),
    ],
)
def test_the_reason_of_a_failure_in_other_forms(errors: Any, why: str) -> None:
    batches = vendors.OpenAIBatches(vendors.Place("http://127.0.0.1:1/v1", {}, None, None), "/v1/chat/completions")
    assert batches.why({"status": "failed", "errors": errors}) == f"the batch failed: {why}"


@pytest.mark.parametrize("listed", [None, {}, 5, [None, 5, {"metadata": 5}, {"id": "b", "metadata": {"llmagg": "m"}}]])
def test_a_list_of_batches_in_other_forms(monkeypatch: Any, listed: Any) -> None:
    monkeypatch.setattr(vendors, "exchange", lambda *_: json.dumps({"data": listed}).encode())
    batches = vendors.OpenAIBatches(vendors.Place("http://127.0.0.1:1/v1", {}, None, None), "/v1/chat/completions")
    assert batches.find("m") == ("b" if isinstance(listed, list) else None)


@pytest.mark.parametrize(
    ("error", "status"), [({"error": "no"}, 500), ({"error": {"type": "invalid_request_error"}}, 400)]
)
def test_a_failed_row_in_other_forms(monkeypatch: Any, error: Any, status: int) -> None:
    line = {"custom_id": "0", "result": {"type": "errored", "error": error}}
    monkeypatch.setattr(vendors, "exchange", lambda *_: json.dumps(line).encode())
    batches = vendors.AnthropicBatches(vendors.Place("http://127.0.0.1:1/v1", {}, None, None), "/messages")
    [result] = batches.results({"results_url": "/results"}, lenient=False)
    assert (result.name, result.status) == ("0", status)


@pytest.mark.parametrize("use", ["auto", "always"])
def test_a_batch_whose_answer_was_lost_is_not_paid_twice(
    llm_wall: FaultWall, tmp_path: Path, run: Any, monkeypatch: Any, use: Any
) -> None:
    script(llm_wall)
    change_answers(
        monkeypatch,
        lambda method, path, answer: refuse(502) if method == "POST" and path.endswith("/batches") else answer,
    )
    report = run(job(rows(COUNT), tmp_path / "a.jsonl", aggregator_at(llm_wall, "openai"), batch_api=use))
    assert (report.answered, made(llm_wall), chats(llm_wall)) == (COUNT, 1, [])


def test_a_file_that_is_not_taken(llm_wall: FaultWall, tmp_path: Path, run: Any, monkeypatch: Any, caplog: Any) -> None:
    script(llm_wall)
    change_answers(monkeypatch, lambda method, path, answer: b"<html>" if path == "/files" else answer)
    llm = aggregator_at(llm_wall, "openai")
    with pytest.raises(llmagg.BadResponseError, match="not an object with 'id': <html>"):
        run(job(rows(COUNT), tmp_path / "a.jsonl", llm, batch_api="always"))
    with caplog.at_level(logging.WARNING, "llmagg"):
        assert run(job(rows(COUNT), tmp_path / "b.jsonl", llm)).answered == COUNT
    assert f"a batch of {COUNT} rows could not be sent" in caplog.text
