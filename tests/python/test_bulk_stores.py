"""The URLs of ledgers that several machines share, and what is said of wrong ones."""

from __future__ import annotations

import asyncio
import threading
import urllib.request
from pathlib import Path
from typing import Any

import pytest

import llmagg
from conftest import aggregator_for, chats, config_for, until
from llmagg import InvalidArgumentError, LLMAggregator, bulk
from llmagg.bulk import dask, shared, writer
from llmagg.bulk.ledger import OK, Entry
from llmagg.bulk.shared import Batches
from llmagg.bulk.stores import place_of
from llmagg.bulk.window import Window
from llmagg.bulk.writer import StoreError, Writer
from llmagg.faultwall import FaultWall

SECRET = "hunter2-Zx"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("valky://h", "begins with 'valky'; expected valkey://"),
        ("https://h", "begins with 'https'; expected valkey://"),
        (f"s3://{SECRET}@bucket/x", "Credentials do not stand in it: the environment has them"),
        (f"s3://robot:{SECRET}@bucket/x", "Credentials do not stand in it"),
        (f"abfss://answers:{SECRET}@account/x", "Credentials do not stand in it"),
        ("s3://bucket", "names no bucket or no path in it; expected s3://bucket/path"),
        ("gs:///x", "names no bucket"),
        ("s3://bucket/a//b", "has an empty part"),
        ("s3://bucket/a/../b", "has an empty part, '.', '..'"),
        (f"s3://bucket/x?secret={SECRET}", "unknown option 'secret'; the known ones are endpoint, region, ca_file"),
        ("s3://bucket/x?region", "cannot be read; expected"),
        ("s3://bucket/x?endpoint=localhost:9000", "endpoint that does not begin with https:// or http://"),
        ("gs://bucket/x?region=eu", "has region, which is for s3://"),
        (Path("s3://bucket/x"), "is a Path"),
        ("valkey://", "names no host"),
        (f"valkey://:{SECRET}@h:70000", "cannot be read"),
        (f"valkey://:a/{SECRET}@h", "cannot be read"),
        (f"valkey://robot:12/{SECRET}@h", "cannot be read.* In a password '/', .* written as %2F"),
        (f"valkey://robot:12?{SECRET}=@h", "cannot be read"),
        (Path(f"valkey://:{SECRET}@h"), "is a Path, which has lost a '/'; give it as a str"),
        (f"valkey://:{SECRET}@h#x", "has a '#'"),
        (f"valkey://:{SECRET}@h/job", "expected the number of a database"),
        (f"valkey://:{SECRET}@h?nam=x", "unknown option 'nam'; the known ones are name, expire_s"),
        ("valkey://h?expire_s=0", "expire_s=a string of 1 bytes|expire_s='0'; expected a whole number of seconds"),
        ("valkey://h?patience_s=1.5", "expected a whole number of seconds above 0"),
        ("valkey://h?name=", "name= without a value"),
        ("valkey://h?ca_file=/x.pem", "begins with valkeys:// or rediss://"),
        ("valkeys://h?ca_file=/nowhere/x.pem", "there is no ca_file '/nowhere/x.pem'"),
    ],
)
def test_a_url_that_names_no_store_is_refused(llm_wall: FaultWall, url: Any, said: str) -> None:
    config = config_for(llm_wall, "gpt-a")
    for told in (lambda: Batches(config, ledger=url), lambda: next(dask.ask(None, [], config=config, ledger=url))):
        with pytest.raises(InvalidArgumentError, match=said) as raised:
            told()
        assert SECRET not in str(raised.value)


def test_a_place_shows_no_password() -> None:
    place = place_of(f"valkeys://robot:{SECRET}%40@cache.example:6380/2?name=reviews&expire_s=60")
    assert (place.username, place.password) == ("robot", f"{SECRET}@")
    assert str(place) == repr(place) == "'valkeys://cache.example:6380/2?name=reviews'"
    place = place_of("abfss://answers@account.dfs.core.windows.net/jobs/reviews/?patience_s=5")
    assert str(place) == "'abfss://answers@account.dfs.core.windows.net/jobs/reviews'"
    assert SECRET not in repr(dask.Job(ledger=f"valkey://:{SECRET}@h", config={}))


def test_a_run_of_one_process_refuses_a_url(llm_wall: FaultWall, tmp_path: Path, run: Any) -> None:
    llm, url = aggregator_for(llm_wall, "gpt-a"), f"valkey://:{SECRET}@h"
    asked: Any
    for asked in (
        lambda: run(bulk.run(["a"], tmp_path / "a.jsonl", llm, ledger=url)),
        lambda: run(bulk.run(["a"], tmp_path / "a.jsonl", llm, ledger=Path(url))),
        lambda: list(bulk.stream(["a"], llm, ledger=url)),
    ):
        with pytest.raises(InvalidArgumentError, match=r"for llmagg\.bulk\.ray and llmagg\.bulk\.dask") as raised:
            asked()
        assert SECRET not in str(raised.value)
    llmagg.get_manager().clear()
    configured = LLMAggregator()
    run(configured.initialize({**config_for(llm_wall, "gpt-b"), "bulk": {"ledger": url}}))
    with pytest.raises(InvalidArgumentError, match=r"for llmagg\.bulk\.ray") as raised:
        run(bulk.run(["a"], tmp_path / "b.jsonl", configured))
    assert SECRET not in str(raised.value)
    assert chats(llm_wall) == []
    assert list(tmp_path.iterdir()) == []


def test_an_error_of_the_stores_client_ends_no_wait(run: Any) -> None:
    def write(_: Any) -> None:
        raise AttributeError(SECRET)

    async def job() -> None:
        writer = Writer("'valkey://h'", write, 60)
        writer.put(b"k", Entry(0, b"k", OK))
        await asyncio.wait_for(writer.written({b"k"}), 10)

    with pytest.raises(bulk.LedgerAwayError, match=r"its client raised AttributeError\. 1 answers") as raised:
        run(job())
    assert SECRET not in str(raised.value)
    assert isinstance(raised.value.__cause__, AttributeError)


def test_a_store_that_is_there_again_has_the_answers_at_once(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    tries = 0

    def write(_: Any) -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise StoreError("away")

    async def job() -> None:
        made = Writer("'valkey://h'", write, 7200)
        made.put(b"k", Entry(0, b"k", OK))
        while not made._away:
            await asyncio.sleep(0)
        made.again()
        await asyncio.wait_for(made.written({b"k"}), 10)

    monkeypatch.setattr(writer, "_PAUSES_S", (3600, 3600))
    run(job())
    assert tries == 2


def test_rows_are_held_back_while_answers_wait_to_be_written(run: Any) -> None:
    go = threading.Event()

    async def job() -> None:
        made = Writer("'valkey://h'", lambda _: go.wait() and None, 60)
        await made.ready(lambda unwritten: unwritten < 1)
        made.put(b"k", Entry(0, b"k", OK))
        waiting = asyncio.create_task(made.ready(lambda unwritten: unwritten < 1))
        await asyncio.sleep(0)
        held = not waiting.done()
        go.set()
        await asyncio.wait_for(waiting, 10)
        assert held

    run(job())


def test_a_window_that_shrinks_while_answers_are_written(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    places, held, written = 4, threading.Event(), threading.Event()

    class Shrinking(Window):
        def size(self) -> int:
            return places

    class Memory(Writer):
        async def begin(self, _: Any) -> None: ...

        async def find(self, _: Any) -> dict[bytes, Entry]:
            return {}

        async def ready(self, room: Any) -> None:
            if self._waiting:
                held.set()
            await super().ready(room)

    async def job(wall: FaultWall) -> list[dict[str, Any]]:
        nonlocal places
        made = Batches(config_for(wall, "gpt-a", max_retries=0))
        made._ledger = ledger = Memory("'valkey://h'", lambda _: written.wait() and None, 60)  # type: ignore[assignment]
        running = asyncio.create_task(made.ask(f"row {n}" for n in range(8)))
        await until(held.is_set)
        places = 2
        written.set()
        await until(lambda: not ledger._waiting)
        release = urllib.request.Request(wall.url.rsplit("/v1", 1)[0] + "/_wall/release?name=rest", method="POST")
        (await asyncio.to_thread(urllib.request.urlopen, release)).close()
        return await asyncio.wait_for(running, 20)

    monkeypatch.setattr(shared, "Window", Shrinking)
    steps = [{"text": "x"}, {"hold": "rest", "status": 400}]
    with FaultWall({"options": {"control": True}, "default": {"steps": steps}}) as wall:
        answers = run(job(wall))
    assert sum(answer["error"] is None for answer in answers) == 1


def test_the_package_is_named(llm_wall: FaultWall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "obstore", None)
    with pytest.raises(InvalidArgumentError, match=r"pip install 'llmagg\[object-store\]'"):
        Batches(config_for(llm_wall, "gpt-a"), ledger="s3://bucket/x")
    monkeypatch.setitem(__import__("sys").modules, "valkey", None)
    monkeypatch.setitem(__import__("sys").modules, "redis", None)
    with pytest.raises(InvalidArgumentError, match=r"pip install 'llmagg\[valkey\]'"):
        Batches(config_for(llm_wall, "gpt-a"), ledger="valkey://h")
