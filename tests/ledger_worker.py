"""A worker of a job, which may be killed: ``ledger_worker.py URL LEDGER FIRST LAST PLACES`` asks the rows in batches."""

from __future__ import annotations

import asyncio
import sys

from llmagg.bulk.shared import Batches


async def main() -> None:
    url, ledger, first, last, places = sys.argv[1:]
    model = {"api_key": "k-123456789", "base_url": url, "max_concurrent_calls": int(places)}
    batches = Batches({"openai": {"models": {"gpt-a": model}}}, ledger=ledger)
    print("begins", flush=True)
    for at in range(int(first), int(last), 25):
        for answer in await batches.ask([f"row {n}" for n in range(at, min(at + 25, int(last)))]):
            assert answer["error"] is None, answer
            print(answer["answer"], flush=True)


asyncio.run(main())
