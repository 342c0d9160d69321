"""A streamed answer, printed as it arrives, with the usage at its end."""

import asyncio

from llmagg import LLMAggregator


async def main() -> None:
    async with LLMAggregator() as llm:
        async for event in llm.stream([{"role": "user", "content": "Count to five."}], on_interrupt="restart"):
            match event.type:
                case "chunk":
                    print(event.text, end="", flush=True)
                case "restart":
                    print(f"\n{event.from_route} broke off, {event.to_route} begins again")
                case "done":
                    print(f"\n{event.response.usage.total_tokens if event.response.usage else 'unknown'} tokens")


if __name__ == "__main__":
    asyncio.run(main())
