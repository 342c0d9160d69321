"""The ledger of bulk jobs in a real object store: shared by processes, merged, away in the middle, refused, killed workers."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import obstore
import pytest
from object_store import AZURITE, BUCKET, ENVIRONMENT, KEY, SECRET, AzureServer, Gate, ObjectServer
from shared_ledger import PLACES, asked, batches, job_with_kills, rows

from llmagg import LLMError, bulk
from llmagg.bulk import ledger_objects, parts
from llmagg.faultwall import FaultWall


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def wall() -> Iterator[FaultWall]:
    with FaultWall({"default": {"steps": [{"echo": True}]}, "options": {"max_requests": 20000}}) as wall:
        yield wall


@pytest.fixture
def store() -> Iterator[ObjectServer]:
    with ObjectServer() as store:
        yield store


@pytest.fixture
def gate(store: ObjectServer) -> Iterator[Gate]:
    with Gate(store) as gate:
        yield gate


def ask(wall: FaultWall, url: str, rows: list[Any], **options: Any) -> list[dict[str, Any]]:
    """Asks rows with a new worker."""
    return asyncio.run(batches(wall, url, **options).ask(rows))


def told(raised: pytest.ExceptionInfo[LLMError]) -> str:
    """All that an error shows."""
    shown = f"{raised.value!r} {raised.value} {raised.getrepr(showlocals=False)}"
    assert SECRET not in shown
    assert KEY not in shown
    return str(raised.value)


def test_workers_share_what_was_paid(wall: FaultWall, store: ObjectServer) -> None:
    first, second = (batches(wall, store.url()) for _ in range(2))
    answers = asyncio.run(first.ask([*rows(0, 1200), {"id": 1, "prompt": "row 0"}]))
    assert asyncio.run(second.ask([*rows(600, 1210), {"id": 1, "prompt": "row 0"}]))[:600] == answers[600:1200]
    assert len(asked(wall)) == 1210
    assert asked(wall).total() == 1211, "another id is another row"
    asyncio.run(first.ask(rows(1200, 1210)))
    assert asked(wall).total() == 1211, "what another worker wrote meanwhile is seen"
    ask(wall, store.url("others"), ["row 0"])
    assert asked(wall)["row 0"] == 3


def test_small_objects_are_merged_and_any_program_reads_them(wall: FaultWall, store: ObjectServer) -> None:
    worker = batches(wall, store.url())
    reader = batches(wall, store.url())
    for at in range(0, 460, 20):
        asyncio.run(worker.ask(rows(at, at + 20)))
    asyncio.run(reader.ask(rows(0, 460)))  # knows the small ones
    small = set(store.names(folder="small"))
    assert len(small) >= 23
    assert store.names(folder="parts") == []
    for at in range(460, 520, 20):
        asyncio.run(worker.ask(rows(at, at + 20)))
    assert small.isdisjoint(store.names(folder="small"))
    (part,) = store.names(folder="parts")
    lines = [json.loads(line) for line in gzip.decompress(part.read_bytes()).splitlines()]
    assert len(lines) == len({line["key"] for line in lines}) >= 500
    reader._ledger._lines.cache_clear()  # type: ignore[union-attr]
    asyncio.run(reader.ask(rows(0, 460)))
    assert asked(wall).total() == 520, "what the reader knew in small objects was not looked for in the merged one"
    late = f"small/{min(small).name}"  # as by a list that was begun before they were merged
    reader._ledger._learn(late, parts.marks(part.read_bytes()))  # type: ignore[union-attr]
    asyncio.run(reader.ask(rows(0, 520)))
    ask(wall, store.url(), rows(0, 520))
    assert asked(wall).total() == 520, "an answer was lost when it was merged"


def test_what_others_left_behind_is_merged(wall: FaultWall, store: ObjectServer) -> None:
    for at in range(0, 200, 20):
        ask(wall, store.url(), rows(at, at + 20))  # each by a worker that ends
    left = store.names(folder="small")
    damaged, torn = left[0], left[0].read_bytes()
    damaged.write_bytes(torn[:-9])
    workers = [batches(wall, store.url()) for _ in range(2)]
    for at in range(200, 1240, 20):  # they read the marks, which stand before the damage
        asyncio.run(workers[at // 20 % 2].ask(rows(at, at + 20)))
    assert [path for path in left if path.exists()] == [damaged]
    damaged.write_bytes(torn)
    ask(wall, store.url(), rows(0, 1240))
    assert asked(wall).total() == 1240, "an answer was lost when it was merged"


@pytest.mark.parametrize("way", ["ignores", "refuses"])
def test_a_store_without_conditions_is_refused(
    wall: FaultWall, store: ObjectServer, gate: Gate, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    put = obstore.put
    if way == "ignores":
        monkeypatch.setattr(obstore, "put", lambda to, name, data, **_: put(to, name, data, use_multipart=False))
    else:
        gate.refused = {"PUT": (501, "NotImplemented", "A header implies functionality that is not implemented")}
    for _ in range(2):
        with pytest.raises(bulk.LedgerAwayError, match="does not heed If-None-Match, so that two jobs could take"):
            ask(wall, gate.url(), ["a"])
    assert (store.names(), asked(wall).total()) == ([], 0)


def test_a_store_that_lets_nobody_remove(
    wall: FaultWall, store: ObjectServer, gate: Gate, caplog: pytest.LogCaptureFixture
) -> None:
    gate.refused = dict.fromkeys(("POST", "DELETE"), (403, "AccessDenied", "Access Denied"))
    worker = batches(wall, gate.url())
    for at in range(0, 1100, 20):
        asyncio.run(worker.ask(rows(at, at + 20)))
    assert caplog.text.count("small objects stay beside what is merged of them: AccessDenied: Access Denied; let") == 1
    assert SECRET not in caplog.text
    ask(wall, store.url(), rows(0, 1100))
    assert asked(wall).total() == 1100


def test_a_ledger_of_another_job_is_refused(wall: FaultWall, store: ObjectServer) -> None:
    ask(wall, store.url(), ["a"], params={"temperature": 0.5})
    with pytest.raises(
        bulk.LedgerError, match=r"another job: the parameters differ \(there .*0\.5.*, now \{\}\)"
    ) as raised:
        ask(wall, store.url(), ["a"])
    assert f"'s3://{BUCKET}/jobs/job'" in told(raised)
    assert "Name another path for this job, or remove what is below this one" in told(raised)
    for job, said in (("later", b'{"form":2}'), ("strange", b"5"), ("text", b"Hello")):
        (store.bucket / "jobs" / job).mkdir()
        (store.bucket / "jobs" / job / "job.json").write_bytes(said)
        with pytest.raises(bulk.LedgerError, match=r"job\.json below .* is no ledger of this version"):
            ask(wall, store.url(job), ["a"])
    assert asked(wall).total() == 1


def test_jobs_that_begin_together_do_not_take_each_others_path(wall: FaultWall, store: ObjectServer) -> None:
    async def both() -> list[Any]:
        workers = [batches(wall, store.url(), params={"temperature": n / 10}) for n in range(8)]
        return await asyncio.gather(*(worker.ask(["a"]) for worker in workers), return_exceptions=True)

    outcomes = asyncio.run(both())
    assert sum(isinstance(outcome, list) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, bulk.LedgerError) for outcome in outcomes) == 7


@pytest.mark.skipif(not Path(AZURITE).exists(), reason="azurite is installed where npm is")
@pytest.mark.parametrize("scheme", ["az://answers", "abfss://answers@devstoreaccount1.dfs.core.windows.net"])
def test_azure(wall: FaultWall, monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    async def all_at_once() -> list[Any]:
        workers = [batches(wall, f"{scheme}/other", params={"temperature": n / 10}) for n in range(8)]
        return await asyncio.gather(*(worker.ask(["a"]) for worker in workers), return_exceptions=True)

    with AzureServer() as azure:
        for name, value in azure.environment.items():
            monkeypatch.setenv(name, value)
        for at in range(0, 100, 20):
            ask(wall, f"{scheme}/job", rows(at, at + 20))  # each by a worker that ends
        workers = [batches(wall, f"{scheme}/job") for _ in range(2)]
        for at in range(100, 1140, 20):
            asyncio.run(workers[at // 20 % 2].ask(rows(at, at + 20)))
        ask(wall, f"{scheme}/job", rows(0, 1140))
        names = workers[0]._ledger._objects.names()  # type: ignore[union-attr]
        assert (sum(name.startswith("small/") for name in names) < 26, asked(wall).total()) == (True, 1140)
        outcomes = asyncio.run(all_at_once())
    assert sum(isinstance(outcome, list) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, bulk.LedgerError) for outcome in outcomes) == 7


def test_other_objects_below_the_path_are_left_alone(wall: FaultWall, store: ObjectServer) -> None:
    (store.bucket / "jobs" / "job").mkdir(parents=True)
    (store.bucket / "jobs" / "job" / "answers.jsonl.gz").write_bytes(gzip.compress(b"{}\n"))
    ask(wall, store.url("job/parts"), rows(0, 3))
    for part in store.names("job/parts", "small"):
        part.write_bytes(b"of another job")
    ask(wall, store.url(), rows(0, 3))
    ask(wall, store.url(), rows(0, 3))
    assert asked(wall).total() == 6


def test_a_list_that_still_has_a_removed_object(
    wall: FaultWall, store: ObjectServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = 0
    names = ledger_objects.Objects.names

    def late(self: Any) -> list[str]:
        nonlocal listed
        listed += 1
        assert listed < 10, "it is looked for again and again"
        return [*names(self), "small/removed.jsonl.gz"]

    monkeypatch.setattr(ledger_objects.Objects, "names", late)
    ask(wall, store.url(), rows(0, 3))
    assert listed == 2


@pytest.mark.parametrize("damage", ["torn", "empty", "foreign", "swapped"])
def test_a_damaged_object(wall: FaultWall, store: ObjectServer, damage: str) -> None:
    ask(wall, store.url(), rows(0, 3))
    part = max(store.names(folder="small"), key=lambda path: path.stat().st_size)
    whole = part.read_bytes()
    lines = [re.sub(rb'"key":"\w+"', b'"key":"00"', line) + b"\n" for line in parts.unpacked(whole)]
    swapped, foreign = parts.packed(parts.marks(whole), lines), gzip.compress(b"{}\n")
    part.write_bytes({"torn": whole[:-9], "empty": b"", "foreign": foreign, "swapped": swapped}[damage])
    with pytest.raises(
        bulk.LedgerError, match=rf"{part.name} below .* is no part of a ledger, or damaged: .*remove it"
    ):
        ask(wall, store.url(), rows(0, 3))
    assert asked(wall).total() == 3
    part.unlink()
    ask(wall, store.url(), rows(0, 3))
    assert 3 < asked(wall).total() <= 6


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"AWS_SECRET_ACCESS_KEY": f"{SECRET}1"}, "SignatureDoesNotMatch: .*; give this process the right credentials"),
        (
            {"bucket": "nowhere"},
            "NoSuchBucket: The specified bucket does not exist; make the bucket, or name the right",
        ),
        ({"port": "1"}, "cannot be reached: nothing listens at its address"),
        ({"host": "nowhere.invalid"}, "cannot be reached: there is no such host; name the right endpoint"),
    ],
)
def test_what_is_wrong_is_told(
    wall: FaultWall, store: ObjectServer, monkeypatch: pytest.MonkeyPatch, changed: dict[str, str], said: str
) -> None:
    url = store.url(options="&patience_s=1")
    if bucket := changed.pop("bucket", ""):
        url = url.replace(BUCKET, bucket)
    url = url.replace(str(store.port), changed.pop("port", str(store.port)))
    url = url.replace("127.0.0.1", changed.pop("host", "127.0.0.1"))
    for name, value in changed.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(bulk.LedgerAwayError, match=said) as raised:
        ask(wall, url, ["a"])
    assert "cannot be read" in told(raised)
    assert "Nothing was asked" in told(raised)
    assert asked(wall).total() == 0


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ((503, "SlowDown", "Reduce your request rate."), "the store asks for fewer requests"),
        ((507, "XMinioStorageFull", "Storage backend has reached its minimum free drive threshold."), "make room in"),
        ((403, "RequestTimeTooSkewed", "The difference is too large."), "set the clock of this machine"),
        ((403, "AccessDenied", "Access Denied"), "let these credentials read, write, list and delete"),
        ((403, "ExpiredToken", "The provided token has expired."), "give this process the right credentials"),
    ],
)
def test_a_store_that_takes_no_answers(wall: FaultWall, gate: Gate, error: tuple[int, str, str], said: str) -> None:
    worker = batches(wall, gate.url(options="&patience_s=1"))
    asyncio.run(worker.ask(["a"]))
    gate.refused["PUT"] = error
    with pytest.raises(
        bulk.LedgerAwayError, match=rf"cannot be written: ({error[1]}: |HTTP {error[0]} ).*; {said}"
    ) as raised:
        asyncio.run(worker.ask(rows(0, 400)))
    kept = asked(wall).total() - 1
    assert 0 < kept <= 2 * PLACES, "rows are not asked whose answers cannot be written"
    assert f"{kept} answers that were paid are not in it; this process keeps them" in told(raised)
    gate.refused.clear()
    asyncio.run(worker.ask(rows(0, 400)))
    ask(wall, gate.url(), ["a", *rows(0, 400)])
    assert asked(wall).total() == 401, "an answer was paid twice"


def test_a_store_that_is_away_for_a_moment(
    wall: FaultWall, store: ObjectServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "llmagg")
    wall.script({"default": {"steps": [{"echo": True, "delay_headers_s": 0.02}]}})

    async def job() -> list[dict[str, Any]]:
        running = asyncio.create_task(batches(wall, store.url()).ask(rows(0, 400)))
        while asked(wall).total() < 100:
            await asyncio.sleep(0.01)
        store.kill()
        while "kept back" not in caplog.text:
            await asyncio.sleep(0.01)
        assert asked(wall).total() < 400
        store.start()
        return await running

    answers = asyncio.run(job())
    assert [json.loads(answer["answer"])["messages"][0]["content"] for answer in answers] == rows(0, 400)
    assert "it takes answers again" in caplog.text
    assert asked(wall).total() == 400
    ask(wall, store.url(), rows(0, 400))
    assert asked(wall).total() == 400, "an answer was lost"


def test_objects_that_somebody_removed(wall: FaultWall, store: ObjectServer, caplog: pytest.LogCaptureFixture) -> None:
    worker = batches(wall, store.url())
    asyncio.run(worker.ask(rows(0, 20)))
    for path in store.names(folder="small"):
        path.unlink()
    asyncio.run(worker.ask(rows(0, 20)))
    assert "20 answers that it had are gone" in caplog.text
    assert asked(wall).total() == 40
    ask(wall, store.url(), rows(0, 20))
    assert asked(wall).total() == 40


def test_a_slow_store_has_no_more_unwritten_answers_than_rows_may_be_under_way(
    wall: FaultWall, store: ObjectServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    unwritten = []
    write = ledger_objects.ObjectLedger._write

    def slow(self: Any, group: Any) -> None:
        time.sleep(0.1)  # as a store far away
        unwritten.append(len(self._writer._waiting))
        write(self, group)

    monkeypatch.setattr(ledger_objects.ObjectLedger, "_write", slow)
    ask(wall, store.url(), rows(0, 200))
    assert max(unwritten) <= 2 * PLACES
    assert len(unwritten) < 60, "answers are written together"


def test_killed_workers(wall: FaultWall, store: ObjectServer) -> None:
    assert job_with_kills(wall, store.url(), longest=0.6) <= 2 * PLACES
