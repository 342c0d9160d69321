"""What an answer costs in a ledger, written and looked up, in sqlite, in a folder, in Valkey and in an object store:
microseconds an answer of 720 bytes, groups of 256; medians of rounds that take turns, wall time and this process's CPU.
The packages and the object store are those of ``make engines``.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from server import Server

sys.path.append(str(Path(__file__).parents[1] / "engines"))
from object_store import ENVIRONMENT, ObjectServer

from llmagg.bulk.ledger import OK, Entry, SqliteLedger
from llmagg.bulk.ledger_folder import FolderLedger
from llmagg.bulk.ledger_objects import ObjectLedger
from llmagg.bulk.ledger_valkey import ValkeyLedger
from llmagg.bulk.stores import Shared, place_of

COUNT, GROUP, ROUNDS = 25_600, 256, 7
JOB: dict[str, Any] = {"models": ["openai/gpt-a"], "params": {}, "schema": None}


def entries() -> list[Entry]:
    words = random.Random(1)

    def answer() -> str:  # words, which are compressed to about a half, as a language is
        text = " ".join(f"{words.randrange(1 << 12):x}" for _ in range(170))[:660]
        return json.dumps({"answer": text, "finish_reason": "stop", "route": "openai/gpt-a"})

    usage = json.dumps({"prompt_tokens": 20, "completion_tokens": 160, "total_tokens": 180})
    keys = (hashlib.blake2b(str(n).encode(), digest_size=16).digest() for n in range(COUNT))
    return [Entry(n, key, OK, None, answer(), usage, 0.001, "USD", 1) for n, key in enumerate(keys)]


def groups(all: list[Entry]) -> list[list[Entry]]:
    return [all[at : at + GROUP] for at in range(0, COUNT, GROUP)]


async def through(ledger: Shared, all: list[Entry], note: Callable[[str], None]) -> None:
    await ledger.begin(JOB)
    note("")
    for group in groups(all):
        for entry in group:
            ledger.put(entry.key, entry)
        await ledger.written({entry.key for entry in group})
    note("written")
    found = 0
    for group in groups(all):
        found += len(await ledger.find([entry.key for entry in group]))
    note("found")
    assert found == COUNT


async def opened(ledger: Shared, all: list[Entry], note: Callable[[str], None]) -> None:
    """What a process pays that did not write the answers."""
    await ledger.begin(JOB)
    note("")
    found = 0
    for group in groups(all):
        found += len(await ledger.find([entry.key for entry in group]))
    note("found")
    assert found == COUNT


def main() -> None:
    all, took = entries(), defaultdict(list)

    def noting(name: str) -> Callable[[str], None]:
        at = [0.0, 0.0]

        def note(what: str) -> None:
            now = [time.perf_counter(), time.process_time()]
            if what:
                took[name, what].append([1e6 * (n - a) / COUNT for n, a in zip(now, at)])
            at[:] = now

        return note

    os.environ.update(ENVIRONMENT)
    with Server() as store, ObjectServer() as objects:
        for n in range(ROUNDS):
            with tempfile.TemporaryDirectory() as folder:
                note = noting("sqlite")
                book = SqliteLedger(Path(folder, "l"))
                note("")
                for group in groups(all):
                    book.put(group)
                note("written")
                assert sum(book.find(n) is not None for n in range(COUNT)) == COUNT
                note("found")
                book.close()
                asyncio.run(through(FolderLedger(Path(folder, "shared")), all, noting("folder")))
            asyncio.run(through(ValkeyLedger(place_of(f"{store.url}?name=n{n}")), all, noting("valkey")))
            store.say("FLUSHALL")
            asyncio.run(through(ObjectLedger(place_of(objects.url(f"n{n}"))), all, noting("objects")))
            asyncio.run(opened(ObjectLedger(place_of(objects.url(f"n{n}"))), all, noting("opened")))
    for (name, what), values in took.items():
        wall, cpu = (statistics.median(value[i] for value in values) for i in (0, 1))
        print(f"{name:8} {what:8} {wall:6.1f} µs, CPU {cpu:6.1f} µs an answer")


main()
