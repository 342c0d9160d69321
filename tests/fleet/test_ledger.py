"""The ledger of bulk jobs in a real Valkey or Redis: shared by processes, away in the middle, refused, killed workers."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from server import Certificates, Server, redis
from shared_ledger import PLACES, asked, batches, job_with_kills, rows

from llmagg import LLMError, bulk
from llmagg.bulk import ledger_valkey
from llmagg.faultwall import FaultWall

SECRET = "hunter2-Zx81"


@pytest.fixture(params=["valkey", "redis"], autouse=True)
def package(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The client of the ledger."""
    monkeypatch.setattr(ledger_valkey, "_package", lambda: __import__(request.param))
    return __import__(request.param)


@pytest.fixture
def wall() -> Iterator[FaultWall]:
    with FaultWall({"default": {"steps": [{"echo": True}]}, "options": {"max_requests": 20000}}) as wall:
        yield wall


@pytest.fixture
def store() -> Iterator[Server]:
    with Server() as store:
        yield store


def told(raised: pytest.ExceptionInfo[LLMError]) -> str:
    """All that an error shows."""
    shown = f"{raised.value!r} {raised.value} {raised.getrepr(showlocals=False)}"
    assert SECRET not in shown
    return str(raised.value)


def test_workers_share_what_was_paid(wall: FaultWall, store: Server) -> None:
    first, second = (batches(wall, f"{store.url}/1?name=reviews&expire_s=600") for _ in range(2))
    answers = asyncio.run(first.ask([*rows(0, 1200), {"id": 1, "prompt": "row 0"}]))
    assert asyncio.run(second.ask([*rows(600, 1210), {"id": 1, "prompt": "row 0"}]))[:600] == answers[600:1200]
    assert len(asked(wall)) == 1210
    assert asked(wall).total() == 1211, "another id is another row"
    in_db = {"before": ("SELECT", "1")}
    assert store.say("HLEN", "llmagg:bulk:reviews", **in_db) == b":1212\r\n"
    assert 500 < int(store.say("TTL", "llmagg:bulk:reviews", **in_db)[1:]) <= 600
    asyncio.run(batches(wall, f"{store.url}/1?name=others").ask(["row 0"]))
    assert asked(wall)["row 0"] == 3


def test_a_ledger_of_another_job_is_refused(wall: FaultWall, store: Server) -> None:
    asyncio.run(batches(wall, store.url, params={"temperature": 0.5}).ask(["a"]))
    with pytest.raises(
        bulk.LedgerError, match=r"another job: the parameters differ \(there .*0\.5.*, now \{\}\)"
    ) as raised:
        asyncio.run(batches(wall, store.url).ask(["a"]))
    assert "Name this job otherwise (?name=…), or remove the store's key llmagg:bulk:default" in told(raised)
    store.say("HSET", "llmagg:bulk:strange", "job", "5")
    with pytest.raises(bulk.LedgerError, match="is no ledger of this version"):
        asyncio.run(batches(wall, f"{store.url}?name=strange").ask(["a"]))
    store.say("SET", "llmagg:bulk:text", "5")
    with pytest.raises(bulk.LedgerAwayError, match=r"WRONGTYPE .*; the key holds something else"):
        asyncio.run(batches(wall, f"{store.url}?name=text").ask(["a"]))
    assert asked(wall).total() == 1


@pytest.mark.parametrize(
    ("user", "said"),
    [
        ("", r"NOAUTH|Authentication required.*; give the URL the"),
        (f":{SECRET}1@", r"give the URL the right user and password"),
        (f"robot:{SECRET}@", r"NOPERM .*; let this user use HMGET"),
    ],
)
def test_who_is_not_let_in_is_told(wall: FaultWall, user: str, said: str) -> None:
    with Server("--requirepass", SECRET) as store:
        store.say("ACL", "SETUSER", "robot", "on", f">{SECRET}", "+info", before=("AUTH", SECRET))
        url = f"{store.url.replace('//', '//' + user)}?patience_s=30"
        begun = time.monotonic()
        with pytest.raises(bulk.LedgerAwayError, match=said) as raised:
            asyncio.run(batches(wall, url).ask(["a"]))
        assert "cannot be read" in told(raised)
        assert "Nothing was asked" in told(raised)
        assert time.monotonic() - begun < 10, "waiting does not help"
        assert asked(wall).total() == 0
        asyncio.run(batches(wall, store.url.replace("//", f"//:{SECRET}@")).ask(["a"]))


def test_a_store_that_is_away_for_a_moment(wall: FaultWall, store: Server, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "llmagg")
    wall.script({"default": {"steps": [{"echo": True, "delay_headers_s": 0.02}]}})
    store.say("CONFIG", "SET", "appendonly", "yes", "appendfsync", "always")

    async def job() -> list[dict[str, Any]]:
        running = asyncio.create_task(batches(wall, store.url).ask(rows(0, 400)))
        while asked(wall).total() < 100:
            await asyncio.sleep(0.01)
        store.kill()
        while "kept back" not in caplog.text:
            await asyncio.sleep(0.01)
        seen = asked(wall).total()
        await asyncio.sleep(0.3)  # what is on its way arrives, and no further row is asked
        assert asked(wall).total() <= seen + 2 * PLACES < 400
        store.arguments += ("--appendonly", "yes")
        store.start()
        return await running

    answers = asyncio.run(job())
    assert [json.loads(answer["answer"])["messages"][0]["content"] for answer in answers] == rows(0, 400)
    assert "it takes answers again" in caplog.text
    assert asked(wall).total() == 400
    asyncio.run(batches(wall, store.url).ask(rows(0, 400)))
    assert asked(wall).total() == 400, "an answer was lost"


def test_a_store_that_stays_away(wall: FaultWall, store: Server) -> None:
    worker = batches(wall, f"{store.url}?patience_s=1")
    asyncio.run(worker.ask(["a"]))
    store.say("CONFIG", "SET", "maxmemory", "1", "maxmemory-policy", "noeviction")
    with pytest.raises(bulk.LedgerAwayError, match=r"cannot be written: OOM .*; raise the store's maxmemory") as raised:
        asyncio.run(worker.ask(rows(0, 400)))
    kept = asked(wall).total() - 1
    assert 0 < kept < 400, "rows are not asked whose answers cannot be written"
    assert f"{kept} answers that were paid are not in it; this process keeps them" in told(raised)
    store.say("CONFIG", "SET", "maxmemory", "0")
    asyncio.run(worker.ask(rows(0, 400)))
    asyncio.run(batches(wall, store.url).ask(["a", *rows(0, 400)]))
    assert asked(wall).total() == 401, "an answer was paid twice"
    store.kill()
    with pytest.raises(bulk.LedgerAwayError, match=r"cannot be read: .*Nothing was asked"):
        asyncio.run(worker.ask(["b"]))
    assert asked(wall).total() == 401


def test_what_is_written_while_a_batch_looks_is_not_asked(
    wall: FaultWall, store: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = batches(wall, f"{store.url}?patience_s=1")
    asyncio.run(worker.ask(["a"]))
    store.say("CONFIG", "SET", "maxmemory", "1", "maxmemory-policy", "noeviction")
    with pytest.raises(bulk.LedgerAwayError, match="OOM"):
        asyncio.run(worker.ask(rows(0, 5)))
    store.say("CONFIG", "SET", "maxmemory", "0")
    writer = worker._ledger._writer  # type: ignore[union-attr]
    again = writer.again

    def again_to_the_end() -> None:
        again()
        for thread in threading.enumerate():
            if thread.name == "llmagg-ledger":
                thread.join()

    monkeypatch.setattr(writer, "again", again_to_the_end)
    asyncio.run(worker.ask(rows(0, 5)))
    assert asked(wall).total() == 6, "an answer was paid twice"


def test_a_store_that_answers_no_longer(wall: FaultWall, store: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_valkey, "_TIMEOUT_S", 0.2)
    worker = batches(wall, f"{store.url}?patience_s=1")
    asyncio.run(worker.ask(["a"]))
    store.process.send_signal(signal.SIGSTOP)
    with pytest.raises(bulk.LedgerAwayError, match=r"cannot be read: .*[Tt]imeout"):
        asyncio.run(worker.ask(["a"]))
    store.process.send_signal(signal.SIGCONT)
    asyncio.run(worker.ask(["a"]))
    assert asked(wall).total() == 1


def test_a_replica_and_a_store_that_loads(wall: FaultWall, store: Server) -> None:
    primary = r"READONLY .*; the URL names a replica; name the primary"
    with (
        Server("--replicaof", "127.0.0.1", str(store.port)) as replica,
        pytest.raises(bulk.LedgerAwayError, match=primary),
    ):
        asyncio.run(batches(wall, f"{replica.url}?patience_s=1").ask(["a"]))
    asyncio.run(batches(wall, store.url).ask(rows(0, 100)))
    for n in range(100):
        store.say("SET", f"k{n}", "x" * 200)
    store.say("SAVE")
    store.kill()
    store.arguments += ("--key-load-delay", "10000", "--loading-process-events-interval-bytes", "1024")
    store.start()
    assert store.say("GET", "k1").startswith(b"-LOADING")
    asyncio.run(batches(wall, store.url).ask(rows(0, 100)))
    assert asked(wall).total() == 100


def test_a_store_that_lost_its_data_is_told(wall: FaultWall, store: Server, caplog: pytest.LogCaptureFixture) -> None:
    worker = batches(wall, store.url)
    asyncio.run(worker.ask(["a"]))
    store.say("FLUSHALL")
    asyncio.run(worker.ask(["a", "b"]))
    assert "has lost what was in it" in caplog.text
    asyncio.run(batches(wall, store.url).ask(["a", "b"]))
    assert asked(wall) == {"a": 2, "b": 1}
    store.say("CONFIG", "SET", "maxmemory", "100mb", "maxmemory-policy", "allkeys-lru")
    with pytest.warns(UserWarning, match="maxmemory-policy allkeys-lru"):
        asyncio.run(batches(wall, store.url).ask(["a"]))


def test_tls(wall: FaultWall, tmp_path: Path) -> None:
    certificates = Certificates(str(tmp_path))
    arguments = ("--tls-auth-clients", "no", "--requirepass", SECRET)
    with Server(*arguments, program=redis(), certificates=certificates) as store:
        url = store.url.replace("//", f"//:{SECRET}@")
        asyncio.run(batches(wall, f"{url}?ca_file={certificates.ca}").ask(["a"]))
        with pytest.raises(bulk.LedgerAwayError, match=r"certificate is not trusted .*\?ca_file=") as raised:
            asyncio.run(batches(wall, url).ask(["a"]))
        told(raised)
    with Server(*arguments, "--bind", "127.0.0.2", "127.0.0.1", program=redis(), certificates=certificates) as store:
        url = f"{store.url.replace('127.0.0.1', f':{SECRET}@127.0.0.2')}?ca_file={certificates.ca}"
        with pytest.raises(bulk.LedgerAwayError, match=r"mismatch.*; name the host as the certificate does") as raised:
            asyncio.run(batches(wall, url).ask(["a"]))
        told(raised)
    with Server() as plain, pytest.raises(bulk.LedgerAwayError, match=r"speaks no TLS|cannot be read"):
        asyncio.run(batches(wall, f"{plain.url.replace('redis', 'valkeys')}?patience_s=1").ask(["a"]))


def test_killed_workers(wall: FaultWall, store: Server) -> None:
    assert job_with_kills(wall, store.url, longest=0.4) <= PLACES
