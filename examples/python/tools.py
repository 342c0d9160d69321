"""The model calls a function of the program and uses its answer."""

import asyncio
import json

from llmagg import LLMAggregator, Message

TOOL = {
    "type": "function",
    "function": {
        "name": "temperature",
        "description": "The temperature of a city now, in degrees Celsius.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def temperature(city: str) -> str:
    return f"{len(city)} degrees in {city}"


async def main() -> None:
    async with LLMAggregator() as llm:
        messages = [Message("user", "How warm is it in Oslo?")]
        response = await llm.chat(messages, tools=[TOOL])
        messages.append(response.choices[0].message)
        for call in response.choices[0].message.tool_calls or ():
            arguments = json.loads(call["function"]["arguments"])
            messages.append(Message("tool", temperature(**arguments), tool_call_id=call["id"]))
        print(await llm.generate_response(messages, tools=[TOOL]))


if __name__ == "__main__":
    asyncio.run(main())
