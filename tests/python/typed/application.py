"""An application as users write it, clean under ``mypy --strict`` and pyright's strict mode.

test_typing.py checks its types and runs it against the fault wall: ``python application.py URL``.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Optional

import llmagg
from llmagg import ChunkEvent, DoneEvent, LLMAggrator, LLMAggregator, Message, MessageRole, RestartEvent

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from llmagg.other_params import RerankParams
    from llmagg.params import ChatParams, MessageDict, ToolDict

ROUTES = ["shop/first", "shop/second"]


def configuration(url: str) -> dict[str, Any]:
    """Two models at one server."""
    models = {name: {"api_key": "sk-test", "base_url": url} for name in ("first", "second", "broken", "parsed")}
    return {"shop": {"models": models}}


# Conversations


@dataclass
class Conversation:
    """A conversation that grows with each question."""

    llm: LLMAggregator
    messages: list[Message] = field(default_factory=list[Message])
    spent: int = 0

    async def ask(self, question: str, **params: Unpack[ChatParams]) -> str:
        """Asks with all earlier messages; every parameter of ``chat`` may be given."""
        self.messages.append(Message(MessageRole.USER, question))
        response = await self.llm.chat(self.messages, **params)
        self.messages.append(response.choices[0].message)
        if response.usage:
            self.spent += response.usage.total_tokens
        return response.text

    def last_role(self) -> str:
        """The role of the last message."""
        role = self.messages[-1].role
        return role.value if isinstance(role, MessageRole) else role


async def summary(llm: LLMAggregator, texts: Iterable[str]) -> str:
    """TypedDicts as messages."""
    system: MessageDict = {"role": "system", "content": "Summarize in one sentence."}
    users: list[MessageDict] = [{"role": "user", "content": text} for text in texts]
    return await llm.generate_response([system, *users], 2, temperature=0.2, max_tokens=100, deadline=20)


async def describe(llm: LLMAggregator, url: str) -> llmagg.ChatCompletionResponse:
    """A message with an image."""
    message: MessageDict = {
        "role": "user",
        "content": [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": url}}],
    }
    return await llm.chat([message], model="shop/first", timeout=5.0, max_retries=1, headers={"X-Trace": "7"})


# Tools


def weather(city: str) -> str:
    """A tool."""
    return f"It rains in {city}."


TOOLS: dict[str, Callable[..., str]] = {"weather": weather}
WEATHER: ToolDict = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather in a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


async def with_tools(llm: LLMAggregator, question: str) -> str:
    """Calls what the model asks for until it answers with a text."""
    messages: list[Message | Mapping[str, Any]] = [{"role": "user", "content": question}]
    for _ in range(4):
        response = await llm.chat(messages, tools=[WEATHER], tool_choice="auto", parallel_tool_calls=False)
        if not response.tool_calls:
            return response.text
        messages.append(response.choices[0].message)
        for call in response.tool_calls:
            arguments = {name: str(value) for name, value in call.parsed().items()}
            messages.append({"role": "tool", "tool_call_id": call.id, "content": TOOLS[call.name](**arguments)})
    return ""


async def structured(llm: LLMAggregator) -> str:
    """Answers of a given form."""
    schema = {"type": "object", "properties": {"city": {"type": "string"}}}
    first = await llm.chat(
        "A city as JSON.",
        response_format={"type": "json_schema", "json_schema": {"name": "city", "schema": schema, "strict": True}},
    )
    second = await llm.chat(
        "A city as JSON.",
        response_format={"type": "json_object"},
        reasoning_effort="low",
        seed=1,
        prompt_cache_key="cities",
        prompt_cache_options={"mode": "implicit", "ttl": "30m"},
        prompt_cache_retention="24h",
        safety_identifier="3f9a0c",
        moderation={"model": "omni-moderation-latest", "policy": {"input": {"mode": "score"}}},
        web_search_options={
            "search_context_size": "low",
            "user_location": {"type": "approximate", "approximate": {"country": "DE"}},
        },
    )
    return first.text + second.text


@dataclass
class City:
    """What an answer is read as."""

    name: str
    people: int


async def parsed(llm: LLMAggregator) -> tuple[str, int]:
    """An answer as an object, and how many attempts that took."""
    city = await llm.parse("A city.", City, model="shop/parsed", temperature=0)
    name: str = city.value.name
    async for growing in llm.stream_parse("A city.", City, model="shop/parsed", temperature=0):
        if growing.value is not None:
            name = growing.value.name
    perhaps: City | None = (await llm.parse("A city, or null.", City | None, model="shop/parsed")).value
    cities: list[City] = [city.value, *([] if perhaps is None else [perhaps])]
    if len(cities) > 2:  # other forms
        cities = llm.parse_sync("Cities.", list[City]).value
        word: Literal["yes", "no"] = llm.parse_sync("Yes or no?", Literal["yes", "no"]).value
        number: int | str = (await llmagg.parse("A number or a word.", int | str)).value
        another: City | None = llmagg.parse_sync("A city?", Optional[City]).value
        name += f"{word} {number} {another}"
    return name, len(city.attempts) + (llm.parse_sync("A city.", City).value.people if not city.attempts else 0)


# Vectors and rankings


async def nearest(llm: LLMAggregator, question: str, texts: list[str], **params: Unpack[RerankParams]) -> str:
    """The best text, and vectors of all."""
    vectors = await llm.embed(texts, "shop/first", 256, input_type="document", deadline=20, late_chunking=True)
    more = llmagg.embed_sync(texts, model="openai/text-embedding-3-small", max_retries=2, extra_body={"x": 1})
    ranked = await llm.rerank(question, texts, top_n=1, **params)
    again = await llmagg.rerank(question, texts, model="cohere/rerank-v3.5", max_tokens_per_doc=512)
    return f"{ranked[0].document} {again[0].relevance_score} {len(vectors) + len(more)}"


# Streams


async def words(llm: LLMAggregator, question: str) -> AsyncIterator[str]:
    """The text as it arrives."""
    async for text in llm.stream_text(question, hedge_after=2.5, include_usage=False):
        yield text


async def events(llm: LLMAggregator, question: str) -> tuple[str, list[str], int]:
    """All that a stream tells: its text, the failed attempts, the tokens."""
    text = ""
    async for event in llm.stream(question, on_interrupt="restart", stop=["END"]):
        if isinstance(event, ChunkEvent):
            text += event.text
        elif isinstance(event, RestartEvent):
            text = ""
        else:
            failed = [attempt.route for attempt in event.response.attempts if attempt.outcome != "OK"]
            return text, failed, event.response.usage.completion_tokens
    raise AssertionError("a stream ends with its DoneEvent, or raises")


def blocking_events(llm: LLMAggregator) -> list[str]:
    """The kinds of events, without an event loop."""
    kinds: list[str] = []
    for event in llm.stream_sync("Hello", max_completion_tokens=20):
        if event.type == "chunk":
            kinds.append(event.chunk.model)
        elif event.type == "done":
            done: DoneEvent = event
            kinds.append(done.response.choices[0].finish_reason or "")
    return kinds


# Errors


@dataclass
class Failure:
    """What a user of the application is told."""

    code: int
    routes: list[str]
    partial: str = ""


async def failure(llm: LLMAggregator, model: str) -> Failure | None:
    """How a call failed."""
    try:
        await llm.chat("Hello", model=model, max_retries=1)
    except llmagg.RateLimitError as error:
        return Failure(error.code, [], f"wait {error.retry_after} s")
    except llmagg.LLMError as error:
        return Failure(int(error.code), [attempt.route for attempt in error.attempts], error.partial_text)
    return None


async def health(llm: LLMAggregator) -> list[str]:
    """The models that are alive."""
    alive = await llm.health_check()
    return [f"{provider}/{model}" for provider, models in alive.items() for model, up in models.items() if up]


async def observed(llm: LLMAggregator) -> list[str]:
    """What observers are told of a call."""
    async with llmagg.observe() as seen:
        await llm.chat("Hello")
        told: list[str] = []
        async for event in seen:
            told.append(event.event)
            if event.event == "attempt_ended":
                return told
    return told


def in_the_original_spelling(url: str) -> str:
    """The class of the original, without an event loop."""
    with LLMAggrator(["shop/second"]) as llm:
        llm.initialize_sync(configuration(url))
        answer = llm.generate_response_sync([{"role": "user", "content": "Hello"}], max_retries=2, top_p=0.9)
        return answer + "".join(llm.stream_text_sync([Message("user", "Hello")]))


async def module_calls() -> tuple[str, str]:
    """The calls of the module itself; LLMAGG_CONFIG names the configuration."""
    response = await llmagg.chat("Hello", models=["shop/second"], user="u-1", metadata={"a": "b"}, top_k=5)
    return response.text, response.route


async def main(url: str) -> None:
    """Uses all of it."""
    async with LLMAggregator(ROUTES) as llm:
        await llm.initialize(configuration(url))
        conversation = Conversation(llm)
        print(await conversation.ask("Hello", temperature=0), conversation.last_role(), conversation.spent > 0)
        print(await summary(llm, ["one", "two"]))
        print((await describe(llm, "https://example.org/cat.png")).model)
        print(await with_tools(llm, "Is it raining in Ulm?"))
        print(await structured(llm))
        print("".join([text async for text in words(llm, "Hello")]))
        print(*await events(llm, "Hello"))
        print(await failure(llm, "shop/broken"))
        print(sorted(await health(llm)))
        print(*await parsed(llm))
        print(await observed(llm))
        print(*await asyncio.to_thread(blocking_events, llm))
        print(await asyncio.to_thread(in_the_original_spelling, url))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
