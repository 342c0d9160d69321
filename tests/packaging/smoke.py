"""What an installed wheel must do: one call, one stream and one failover against the scripted server inside it. Prints 'works'."""

import asyncio
import platform
import sys

import llmagg
from llmagg.faultwall import FaultWall


def config(*walls: FaultWall) -> dict:
    return {f"p{i}": {"models": {f"m{i}": {"api_key": "k", "base_url": w.url}}} for i, w in enumerate(walls)}


async def main() -> None:
    question = [{"role": "user", "content": "Hello!"}]
    script = {"default": {"steps": [{"status": 503}, {"status": 503}, {"status": 503}, {"status": 503}]}}
    with FaultWall(script) as bad, FaultWall() as good:
        async with llmagg.LLMAggregator() as llm:
            await llm.initialize(config(bad, good))
            response = await llm.chat(question)
            assert response.choices[0].message.content, response
            assert response.attempts[-1].outcome == "OK", response.attempts
            assert len(response.attempts) > 1, response.attempts
            text = "".join([piece async for piece in llm.stream_text(question)])
            assert text, "an empty stream"


asyncio.run(main())
print("works", platform.machine(), sys.version.split()[0])
