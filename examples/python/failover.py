"""Two models: when the first fails the second answers, and the trail tells what happened."""

import asyncio
import os

from llmagg import AllModelsFailedError, LLMAggregator

CONFIG = {
    "openai": {
        "models": {
            "gpt-4o": {"api_key": os.environ.get("OPENAI_API_KEY"), "base_url": os.environ.get("OPENAI_BASE_URL")},
        }
    },
    "deepseek": {
        "models": {
            "deepseek-flash": {
                "api_key": os.environ.get("DEEPSEEK_API_KEY"),
                "base_url": os.environ.get("DEEPSEEK_BASE_URL"),
                "timeout": 20,
                "max_retries": 2,
            },
        }
    },
}


async def main() -> None:
    async with LLMAggregator() as llm:
        await llm.initialize(CONFIG)
        try:
            response = await llm.chat([{"role": "user", "content": "Which of you answers?"}], deadline=60)
        except AllModelsFailedError as error:
            print(error)  # one line for each attempt
            return
        print(response.choices[0].message.content)
        for attempt in response.attempts:
            print(" ", attempt)
        for route in llm.health_report():
            print(" ", route["provider"], route["model"], route["circuit"])


if __name__ == "__main__":
    asyncio.run(main())
