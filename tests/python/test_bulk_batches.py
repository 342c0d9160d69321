"""Batches of OpenAI and Anthropic under ``llmagg.bulk``: unordered, torn, expired, refused, found by a later run."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import llmagg
from conftest import FAST, chats, until
from llmagg import bulk
from llmagg.bulk.asking import Asking
from llmagg.bulk.mirror import Mirror
from llmagg.bulk.vendors import OpenAIBatches, Place, exchange
from llmagg.config import ModelConfig
from llmagg.faultwall import FaultWall

VENDORS = ["openai", "anthropic"]
COUNT = 150


def aggregator_at(wall: FaultWall, vendor: str, **options: Any) -> llmagg.LLMAggregator:
    url = wall.url if vendor == "openai" else wall.url.removesuffix("/v1")
    price = {"input": 2, "output": 2}
    model = {"api_key": "k-123456789", "base_url": url, "price": price, **FAST, **options}
    llm = llmagg.LLMAggregator()
    llm.initialize_sync({vendor: {"models": {"m-1": model}}})
    return llm


def rows(count: int = COUNT) -> list[dict[str, Any]]:
    return [{"id": n, "prompt": f"row {n}"} for n in range(count)]


def script(wall: FaultWall, *steps: dict[str, Any], **batches: Any) -> None:
    plan = {"steps": list(steps) or [{"echo": True}]}
    wall.script({"default": plan, "require_key": "k-123456789", "batches": {"polls": 1, **batches}})


def made(wall: FaultWall) -> int:
    """How many batches there were."""
    return sum(r["method"] == "POST" and r["path"].endswith("/batches") for r in wall.seen()["requests"])


def job(source: Any, target: Path, llm: Any, **options: Any) -> Any:
    return bulk.run(source, target, llm, **{"batch_api": "auto", "batch_poll": 0.02, "max_tokens": 50, **options})


def check(target: Path, count: int = COUNT) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in target.read_text().splitlines()]
    assert [(row["n"], row["id"]) for row in found] == [(n, n) for n in range(count)]
    for row in found:
        assert f"row {row['n']}" in row["answer"]
        assert json.loads(row["answer"])["max_tokens"] == 50
    return found


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_job_in_a_batch(llm_wall: FaultWall, tmp_path: Path, run: Any, vendor: str) -> None:
    script(llm_wall, unordered=True, duplicate=20)
    target = tmp_path / "a.jsonl"
    report = run(job(rows(), target, aggregator_at(llm_wall, vendor), batch_api="always"))
    found = check(target)
    assert (report.answered, report.asked, made(llm_wall), chats(llm_wall)) == (COUNT, COUNT, 1, [])
    assert {row["route"] for row in found} == {f"{vendor}/m-1"}
    usage = found[0]["usage"]
    assert found[0]["cost"]["amount"] == pytest.approx(usage["total_tokens"] * 2e-6 / 2), "half the price"
    again = run(job(rows(), target, aggregator_at(llm_wall, vendor), resume=True))
    assert (again.asked, made(llm_wall)) == (0, 1)


def test_the_mirror_of_a_batch_leaves_no_connection_open() -> None:
    async def ended() -> bytes:
        config = ModelConfig(model="m-1", provider="openai")
        mirror = Mirror("openai", "m-1", config, "http://127.0.0.1:1/v1")
        await mirror.open(Asking(llmagg.LLMAggregator(["openai/m-1"]), None, None, {}))
        assert mirror._server is not None
        reader, writer = await asyncio.open_connection(*mirror._server.sockets[0].getsockname())
        writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: 0\r\n\r\n")
        assert b"200 Batch" in await reader.readuntil(b"\r\n\r\n")
        await mirror.close()
        rest = await asyncio.wait_for(reader.read(), 5)
        writer.close()
        await writer.wait_closed()
        return rest

    assert b"kept for a batch" in asyncio.run(ended())


def test_a_batch_goes_to_an_address_with_a_key_in_it(llm_wall: FaultWall, tmp_path: Path, run: Any) -> None:
    script(llm_wall)
    part = "sk-gateway-Abc123Def456Ghi789"
    at = llm_wall.url.removesuffix("/v1") + f"/{part}/v1"
    run(job(rows(), tmp_path / "a.jsonl", aggregator_at(llm_wall, "openai", base_url=at), batch_api="always"))
    check(tmp_path / "a.jsonl")
    assert {r["path"].split("/")[1] for r in llm_wall.seen()["requests"]} == {part}


@pytest.mark.parametrize(
    ("says", "tiers", "times"),
    [
        ("batch", {}, 0.5),
        ("batch", {"batch": 0.8}, 0.8),
        ("standard", {"batch": 0.8}, 0.8),
        ("standard", {"Batch": 0.8}, 0.8),
    ],
)
def test_a_batch_costs_its_part_once(
    llm_wall: FaultWall, tmp_path: Path, run: Any, says: str, tiers: Any, times: float
) -> None:
    usage = {"prompt_tokens": 100, "completion_tokens": 10, "service_tier": says}
    script(llm_wall, {"echo": True, "usage": usage})
    price = {"input": 2, "output": 2, "service_tiers": tiers}
    llm = aggregator_at(llm_wall, "anthropic", price=price)
    report = run(job(rows(3), tmp_path / "a.jsonl", llm, batch_api="always"))
    assert report.costs == {"USD": pytest.approx(3 * 110 * 2e-6 * times)}


@dataclasses.dataclass
class Never:
    missing: int


def test_answers_of_a_batch_that_do_not_fit_cost_its_part(llm_wall: FaultWall, tmp_path: Path, run: Any) -> None:
    script(llm_wall, {"text": "{}", "usage": {"prompt_tokens": 100, "completion_tokens": 10}})
    report = run(job(rows(3), tmp_path / "a.jsonl", aggregator_at(llm_wall, "openai"), parse=Never, batch_api="always"))
    assert (report.errors, report.costs) == (3, {"USD": pytest.approx(3 * 110 * 2e-6 / 2)})


@pytest.mark.parametrize("vendor", VENDORS)
def test_what_a_batch_does_not_answer_is_asked_live(llm_wall: FaultWall, tmp_path: Path, run: Any, vendor: str) -> None:
    script(llm_wall, {"echo": True, "times": 40}, {"status": 400, "times": 10}, {"echo": True}, done=100, missing=5)
    target = tmp_path / "a.jsonl"
    report = run(job(rows(), target, aggregator_at(llm_wall, vendor)))
    check(target)
    assert (report.answered, made(llm_wall)) == (COUNT, 1)
    lost = 5 if vendor == "openai" else 0  # Anthropic's file ends with the expired ones
    assert len(chats(llm_wall)) == 10 + 50 + lost


@pytest.mark.parametrize("vendor", VENDORS)
def test_always_sends_again(llm_wall: FaultWall, tmp_path: Path, run: Any, vendor: str) -> None:
    script(llm_wall, {"echo": True, "times": 10}, {"status": 400}, {"echo": True}, done=60)
    target = tmp_path / "a.jsonl"
    report = run(job(rows(), target, aggregator_at(llm_wall, vendor), batch_api="always"))
    found = [json.loads(line) for line in target.read_text().splitlines()]
    assert (report.answered, report.errors, made(llm_wall), chats(llm_wall)) == (COUNT - 1, 1, 3, [])
    assert "HTTP 400" in found[10]["error"]["message"]
    script(llm_wall, done=0)
    report = run(job(rows(5), tmp_path / "b.jsonl", aggregator_at(llm_wall, vendor), batch_api="always"))
    assert (report.errors, made(llm_wall), chats(llm_wall)) == (5, 6, [])
    assert "3 batches came back without an answer" in (tmp_path / "b.jsonl").read_text()


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_batch_that_takes_too_long_is_cancelled(llm_wall: FaultWall, tmp_path: Path, run: Any, vendor: str) -> None:
    script(llm_wall, polls=1_000_000)
    target = tmp_path / "a.jsonl"
    report = run(job(rows(), target, aggregator_at(llm_wall, vendor), batch_wait=0.2))
    check(target)
    assert (report.answered, len(chats(llm_wall))) == (COUNT, COUNT)
    assert sum(r["path"].endswith("/cancel") for r in llm_wall.seen()["requests"]) == 1


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_later_run_finds_the_batch(llm_wall: FaultWall, tmp_path: Path, run: Any, vendor: str) -> None:
    script(llm_wall, polls=1_000_000)
    llm, target = aggregator_at(llm_wall, vendor), tmp_path / "a.jsonl"

    async def left() -> None:
        task = asyncio.create_task(job(rows(), target, llm))
        await until(lambda: any("/batches/" in request["path"] for request in llm_wall.seen()["requests"]))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    run(left())
    with pytest.raises(bulk.LedgerError, match="waits for 1 batches"):
        run(job(rows(), target, llm, resume=True, batch_api="never"))
    script(llm_wall, polls=0)
    report = run(job(rows(COUNT + 10), target, llm, resume=True))
    check(target, COUNT + 10)
    assert (report.answered, made(llm_wall), chats(llm_wall)) == (COUNT + 10, 2, [])


def test_a_kill_before_the_batch_is_noted(llm_wall: FaultWall, tmp_path: Path, run: Any, monkeypatch: Any) -> None:
    script(llm_wall)
    llm, target = aggregator_at(llm_wall, "openai"), tmp_path / "a.jsonl"

    def killed(self: Any, lines: list[bytes], mark: str) -> str:
        begin(self, lines, mark)
        raise RuntimeError("killed")

    begin = OpenAIBatches.begin
    monkeypatch.setattr(OpenAIBatches, "begin", killed)
    with pytest.raises(RuntimeError, match="killed"):
        run(job(rows(), target, llm))
    monkeypatch.undo()
    run(job(rows(), target, llm, resume=True))
    check(target)
    assert (made(llm_wall), chats(llm_wall)) == (1, [])


def test_a_refused_batch(llm_wall: FaultWall, tmp_path: Path, run: Any) -> None:
    script(llm_wall, refuse=True)
    llm, target = aggregator_at(llm_wall, "openai"), tmp_path / "a.jsonl"
    report = run(job(rows(), target, llm))
    check(target)
    assert (report.answered, len(chats(llm_wall))) == (COUNT, COUNT)
    llm.close_sync()
    script(llm_wall, polls=0)
    wrong = aggregator_at(llm_wall, "openai", api_key="k-another-key")
    with pytest.raises(llmagg.ServiceUnavailableError, match="HTTP 401") as caught:
        run(job(rows(), tmp_path / "b.jsonl", wrong, batch_api="always"))
    assert "another-key" not in str(caught.value)


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("end", ["", "/"])
def test_a_refusal_does_not_show_a_key_in_the_address(llm_wall: FaultWall, whole: bool, end: str) -> None:
    script(llm_wall)
    at = llm_wall.url.removesuffix("/v1") + "/t-my-own-gateway-key"
    path = "/v1/messages/batches/none/results"
    with pytest.raises(llmagg.ServiceUnavailableError, match=f"refused GET {path}: HTTP 4") as caught:
        exchange(Place(at + end, {}, None, None), "GET", at + path if whole else path)
    assert "gateway-key" not in str(caught.value)


def test_batches_of_a_vendor_without_batches(llm_wall: FaultWall, tmp_path: Path, run: Any) -> None:
    llm = aggregator_at(llm_wall, "openai")
    llm.manager.clear()
    llm.initialize_sync({"deepseek": {"models": {"m-1": {"api_key": "k-123456789", "base_url": llm_wall.url}}}})
    with pytest.raises(llmagg.InvalidArgumentError, match="deepseek/m-1 takes no batches"):
        run(job(["a"], tmp_path / "a.jsonl", llm, batch_api="always"))
    assert run(job(["a"], tmp_path / "b.jsonl", llm)).answered == 1
    with pytest.raises(llmagg.InvalidArgumentError, match="batch_api is 'yes'"):
        run(job(["a"], tmp_path / "c.jsonl", llm, batch_api="yes"))


def test_large_jobs_are_several_batches(llm_wall: FaultWall, tmp_path: Path, run: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("llmagg.bulk.vendors.OpenAIBatches.most_requests", 40)
    script(llm_wall, max_requests=40)
    target = tmp_path / "a.jsonl"
    run(job(rows(), target, aggregator_at(llm_wall, "openai"), batch_api="always"))
    check(target)
    assert made(llm_wall) == 4


@dataclasses.dataclass
class City:
    name: str


def test_objects_tools_and_bad_rows(llm_wall: FaultWall, tmp_path: Path, run: Any) -> None:
    script(llm_wall, {"text": '{"name": "Ulm"}'}, {"text": "no object"}, {"text": '{"name": "Bonn"}'})
    target = tmp_path / "a.jsonl"
    given = [{"prompt": "a"}, {"question": "?"}, {"prompt": "b"}, {"prompt": "c"}]
    report = run(job(given, target, aggregator_at(llm_wall, "openai"), parse=City))
    found = [json.loads(line) for line in target.read_text().splitlines()]
    assert [row.get("parsed") for row in found] == [{"name": "Ulm"}, None, {"name": "Bonn"}, {"name": "Bonn"}]
    assert "no 'prompt'" in found[1]["error"]["message"]
    assert (report.answered, report.errors) == (3, 1)
    assert Counter(len(r["body"]["messages"]) for r in chats(llm_wall)) == {1: 1}, "the unfit answer was asked live"
    asked = llm_wall.seen()["requests"][0]["body_text"]
    assert '"response_format"' in asked


def test_a_refusal_of_another_server_shows_no_password() -> None:
    with pytest.raises(llmagg.ServiceUnavailableError) as caught:
        exchange(Place("https://me:s3cret@here:1/v1", {}, None, None), "GET", "https://you:hidden@there:2/results")
    assert str(caught.value) == "here:1 refers to another server for a batch's results: there:2"


def test_a_batch_goes_through_a_proxy_with_its_password(llm_wall: FaultWall) -> None:
    proxy = llm_wall.url.removesuffix("/v1").replace("://", "://me:a%40b@")
    given = {"Authorization": "Bearer k", "user-agent": "mine", "content-type": "text/plain"}
    place = Place("http://vendor.invalid/v1", given, proxy, None)
    with pytest.raises(llmagg.ServiceUnavailableError, match=r"vendor\.invalid refused GET /batches/none: HTTP 404"):
        exchange(place, "GET", "/batches/none")
    (seen,) = llm_wall.seen()["requests"]
    assert (seen["host"], seen["path"]) == ("vendor.invalid", "/v1/batches/none")
    assert seen["headers"]["proxy-authorization"] == "Basic bWU6YUBi"
    assert [seen["headers"][name] for name in ("user-agent", "content-type")] == ["mine", "application/json"]
