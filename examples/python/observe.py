"""Events live: a first model fails until its breaker opens, the second one answers.

With OPENAI_API_KEY (and perhaps OPENAI_BASE_URL) the second one is asked there, and the first where nobody listens;
without a key both are models of a scripted server on this machine.
"""

import asyncio
import os
import sys
from collections.abc import Mapping
from datetime import datetime

import llmagg
from llmagg.faultwall import FaultWall

SCRIPT = {"models": {"first": {"steps": [{"status": 503, "times": 3}, {}]}}}
FRAIL = {"breaker": {"failures": 3, "open_s": 0.2}, "retry": {"backoff_s": 0.05}}


async def tell(events: llmagg.Observer) -> None:
    """Prints each event as it happens."""
    async for event in events:
        print(f"{datetime.fromtimestamp(event.time):%T.%f}", event, flush=True)


async def ask(models: Mapping[str, object]) -> None:
    """Three calls; the third one after the breaker may have closed again."""
    question = [{"role": "user", "content": "Say hello in one word."}]
    async with llmagg.observe() as events:
        told = asyncio.create_task(tell(events))
        async with llmagg.LLMAggregator() as llm:
            await llm.initialize({"openai": {"models": models}})
            for _ in range(3):
                print("answer: ", await llm.generate_response(question))
                await asyncio.sleep(0.25)
            await llm.health_check()
    await told  # it ends when observing has ended, with what had happened until then


def main() -> None:
    if key := os.environ.get("OPENAI_API_KEY"):
        nobody = {"api_key": key, "base_url": "http://127.0.0.1:9/v1"}
        second = {"api_key": key, "base_url": os.environ.get("OPENAI_BASE_URL"), "model": "gpt-4o-mini"}
        asyncio.run(ask({"first": {**nobody, **FRAIL}, "second": second}))
        return
    print("No OPENAI_API_KEY: this asks a scripted server on this machine.", file=sys.stderr)
    with FaultWall(SCRIPT) as wall:
        at = {"api_key": "none", "base_url": wall.url}
        asyncio.run(ask({"first": {**at, **FRAIL}, "second": {**at}}))


if __name__ == "__main__":
    main()
