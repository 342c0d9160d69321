"""One question to whichever model answers first of those that are configured.

Run with OPENAI_API_KEY, DEEPSEEK_API_KEY or GEMINI_API_KEY set.
"""

import asyncio

from llmagg import LLMAggregator


async def main() -> None:
    async with LLMAggregator() as llm:
        response = await llm.chat([{"role": "user", "content": "Say hello in one sentence."}], temperature=0)
        print(response.choices[0].message.content)
        print(f"{response.model}, {response.usage.total_tokens if response.usage else 'unknown'} tokens")


if __name__ == "__main__":
    asyncio.run(main())
