"""What a signal's handler raises inside the application's own code comes out of the call that ran that code.

Such code runs once: an iterator, a client, a hook, a function that judges an answer. What it raises itself is told in
other ways: as a refusal, as a failed attempt, as a line of the log. A handler's exception is none of these.
"""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import gc
import logging
import signal
import tempfile
from collections.abc import Callable, Coroutine, Iterator, Mapping
from typing import Any

import pytest

import llmagg
from conftest import HELLO, aggregator_for, chats, config_for
from llmagg import bulk
from llmagg.faultwall import FaultWall
from llmagg.providers import OpenAIProvider
from llmagg.providers.openai_provider import OpenAIClient

ASKS = llmagg.ChatCompletionRequest("m", [llmagg.Message("user", "x")])


class AlarmError(Exception):
    pass


class Alarm:
    """A handler that raises at the first of its signals."""

    def __init__(self, kind: type[BaseException]) -> None:
        self.kind = kind
        self.rung = 0

    def __call__(self, *_: Any) -> None:
        self.rung += 1
        if self.rung == 1:
            raise self.kind("too late")


class Own:
    """What the application wrote; a signal arrives in the function of that name."""

    at = ""

    def passes(self, name: str) -> None:
        if self.at == name:
            signal.raise_signal(signal.SIGALRM)


class Items(Own, Mapping[str, Any]):
    """A mapping, and what else can be iterated over."""

    def __init__(self, items: dict[str, Any], at: str = "iter") -> None:
        self.items_ = items
        self.at = at

    def __getitem__(self, key: str) -> Any:
        return self.items_[key]

    def __len__(self) -> int:
        return len(self.items_)

    def __iter__(self) -> Iterator[str]:
        self.passes(self.at)
        return iter(self.items_)


def each(*items: Any) -> Iterator[Any]:
    Items({}).passes("iter")
    yield from items


class Client(Own, llmagg.BaseLLMClient):
    async def chat_completion(self, request: Any) -> Any:
        self.passes("chat")
        if self.at == "choices":
            return OddAnswer()
        choice = {"message": {"role": "assistant", "content": "ok"}, "finish_reason": "stop"}
        return {"id": "1", "model": "m", "choices": [choice]}

    async def chat_completion_stream(self, request: Any) -> Any:
        for n, finish in enumerate((None, "stop")):
            self.passes(f"chunk {n}")
            yield {"id": "1", "model": "m", "choices": [{"delta": {"content": "ok"}, "finish_reason": finish}]}

    def is_available(self) -> bool:
        self.passes("is_available")
        return True


class OddAnswer:
    class Choices(Own):
        at = "choices"

        def __getitem__(self, _: int) -> Any:
            self.passes("choices")
            raise IndexError

    choices = Choices()


class Hooked(Own, OpenAIClient):
    def _get_headers(self) -> dict[str, str]:
        self.passes("headers")
        return super()._get_headers()

    def _prepare_request_data(self, request: Any) -> dict[str, Any]:
        self.passes("body")
        return super()._prepare_request_data(request)

    async def _validate_response(self, data: Any = None) -> None:
        self.passes("validate")
        await super()._validate_response(data)

    def get_config(self) -> Any:
        self.passes("config")
        return super().get_config()


class Provider(Own, OpenAIProvider):
    def get_available_models(self) -> list[str]:
        self.passes("models")
        return list(self.clients)

    def get_llm_client(self, model_name: str) -> Any:
        self.passes("find")
        return self.clients[model_name]

    def create_client(self, model_config: Any) -> Any:
        self.passes("create")
        return super().create_client(model_config)

    async def close(self) -> None:
        self.passes("close")


class Manager(Own):
    def __init__(self, client: Any) -> None:
        self.client = client

    def get_client_by_model(self, _: str) -> Any:
        self.passes("get")
        return self.client

    def get_all_models(self) -> dict[str, list[str]]:
        return {"openai": ["m"]}


class Records(Own, logging.Handler):
    at = "emit"

    def emit(self, _: logging.LogRecord) -> None:
        self.passes("emit")


def made(wall: FaultWall, at: str, of: type[Own]) -> tuple[llmagg.LLMAggregator, Any]:
    """An aggregator of one model, and its client; the code of one class is the application's own."""
    [entry] = config_for(wall, "m")["openai"]["models"].values()
    config = llmagg.ModelConfig("m", "openai", **entry)
    provider = (of if of is Provider else llmagg.BaseProvider)(llmagg.ProviderConfig("openai", {"m": config}))  # type: ignore[call-arg]
    client = (of if issubclass(of, llmagg.BaseLLMClient) else Client)(config)  # type: ignore[call-arg]
    provider.clients["m"] = client  # type: ignore[attr-defined]
    llmagg.get_manager().register_provider(provider)
    aggregator = llmagg.LLMAggregator(["m"])
    aggregator._initialized = True
    if of is Manager:
        aggregator.manager = Manager(client)  # type: ignore[assignment]
    {Provider: provider, Manager: aggregator.manager}.get(of, client).at = at  # type: ignore[call-overload]
    return aggregator, client


def judge(_: Any) -> bool:
    signal.raise_signal(signal.SIGALRM)
    return True


async def tool(city: str) -> str:
    """The weather."""
    judge(city)
    return city


async def waiting() -> None:
    """Runs until the run of tools ends it."""
    await asyncio.Event().wait()


async def listed(chunks: Any) -> list[Any]:
    return [chunk async for chunk in chunks]


CALLS = [{"name": "waiting"}, {"name": "tool", "arguments": {"city": "Ulm"}}]
BLOCKING: dict[str, Callable[[FaultWall], Any]] = {
    "messages": lambda w: aggregator_for(w, "m").chat_sync(each(*HELLO)),
    "a message": lambda w: aggregator_for(w, "m").chat_sync([Items({"role": "user", "content": "x"})]),
    "extra_body": lambda w: aggregator_for(w, "m").chat_sync(HELLO, extra_body={"a": Items({"b": 1})}),
    "texts": lambda w: aggregator_for(w, "m").embed_sync(each("a")),
    "documents": lambda w: aggregator_for(w, "m").rerank_sync("q", each("a")),
    "models": lambda _: llmagg.LLMAggregator(each("m")),
    "accept": lambda w: aggregator_for(w, "m").chat_sync(HELLO, accept=judge),
    "accept of a stream": lambda w: list(aggregator_for(w, "m").stream_text_sync(HELLO, accept=judge)),
    "a configuration": lambda w: llmagg.LLMAggregator().initialize_sync(Items(config_for(w, "m"))),
    "a provider's": lambda w: llmagg.LLMAggregator().initialize_sync({"openai": Items(config_for(w, "m")["openai"])}),
    "LLM_MODEL": lambda _: llmagg.LLMAggregator().initialize_from_settings_sync({"LLM_MODEL": Items({"gpt-4": {}})}),
    "a client": lambda w: made(w, "chat", Client)[0].chat_sync(HELLO),
    "a client's own call": lambda w: made(w, "chat", Client)[1].chat_completion_sync(ASKS),
    "an odd answer": lambda w: made(w, "choices", Client)[0].chat_sync(HELLO),
    "the first chunk": lambda w: list(made(w, "chunk 0", Client)[0].stream_sync(HELLO)),
    "a later chunk": lambda w: list(made(w, "chunk 1", Client)[0].stream_sync(HELLO)),
    "a switch": lambda w: made(w, "is_available", Client)[0].chat_sync(HELLO),
    "a switch in a list": lambda w: made(w, "is_available", Client)[0].get_available_models(),
    "a switch in a check": lambda w: made(w, "is_available", Client)[0].health_check_sync(),
    "headers": lambda w: made(w, "headers", Hooked)[0].chat_sync(HELLO),
    "headers of a client's own call": lambda w: made(w, "headers", Hooked)[1].chat_completion_sync(ASKS),
    "a body": lambda w: made(w, "body", Hooked)[0].chat_sync(HELLO),
    "validation": lambda w: made(w, "validate", Hooked)[0].chat_sync(HELLO),
    "get_config": lambda w: made(w, "config", Hooked)[0].chat_sync(HELLO),
    "get_available_models": lambda w: made(w, "models", Provider)[0].chat_sync(HELLO),
    "get_llm_client": lambda w: made(w, "find", Provider)[0].chat_sync(HELLO),
    "a look-up": lambda w: made(w, "find", Provider)[0].manager.get_client_by_model("m"),
    "create_client": lambda w: Provider.initialize_all_models_sync(unmade(w)),
    "close": lambda w: made(w, "close", Provider)[0].manager.close_all_sync(),
    "a manager": lambda w: made(w, "get", Manager)[0].chat_sync(HELLO),
    "a tool": lambda w: with_calls(w).run_tools_sync(HELLO, tools=[waiting, tool]),
    "an answer's form": lambda w: formed(w),
    "a log handler": lambda w: recorded(w),
    "a row": lambda w: rows(w, each("x")),
    "a prompt": lambda w: rows(w, ["x"], prompt=judge),
}
AWAITED: dict[str, Callable[[FaultWall], Coroutine[Any, Any, Any]]] = {
    "messages": lambda w: aggregator_for(w, "m").chat(each(*HELLO)),
    "accept": lambda w: aggregator_for(w, "m").chat(HELLO, accept=judge),
    "accept of a stream": lambda w: listed(aggregator_for(w, "m").stream_text(HELLO, accept=judge)),
    "a client": lambda w: made(w, "chat", Client)[0].chat(HELLO),
    "the first chunk": lambda w: listed(made(w, "chunk 0", Client)[0].stream(HELLO)),
    "a later chunk": lambda w: listed(made(w, "chunk 1", Client)[0].stream_text(HELLO)),
    "a switch in a check": lambda w: made(w, "is_available", Client)[0].health_check(),
    "headers": lambda w: made(w, "headers", Hooked)[0].chat(HELLO),
    "validation": lambda w: made(w, "validate", Hooked)[0].chat(HELLO),
    "close": lambda w: made(w, "close", Provider)[0].manager.close_all(),
    "a tool": lambda w: with_calls(w).run_tools(HELLO, tools=[waiting, tool]),
    "accept of a row": lambda w: judged_rows(aggregator_for(w, "m")),
    "_retry_request": lambda w: made(w, "", Client)[1]._retry_request(tool, "Ulm"),
}


def rows(wall: FaultWall, source: Any, **options: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        bulk.run_sync(source, f"{folder}/out.jsonl", aggregator_for(wall, "m"), **options)


async def judged_rows(llm: llmagg.LLMAggregator) -> None:
    with tempfile.TemporaryDirectory() as folder:
        await bulk.run(["x"], f"{folder}/out.jsonl", llm, accept=judge)


def unmade(wall: FaultWall) -> Provider:
    provider = Provider(llmagg.ProviderConfig("openai", {"m": made(wall, "", Client)[1].config}))
    provider.at = "create"
    return provider


def with_calls(wall: FaultWall) -> llmagg.LLMAggregator:
    wall.script({"models": {"m": {"steps": [{"tool_calls": CALLS}, {}]}}})
    return aggregator_for(wall, "m")


@dataclasses.dataclass
class City:
    name: str

    def __post_init__(self) -> None:
        judge(self)


def formed(wall: FaultWall) -> None:
    wall.script({"models": {"m": {"steps": [{"text": '{"name": "Ulm"}'}]}}})
    aggregator_for(wall, "m").parse_sync(HELLO, City)


def recorded(wall: FaultWall) -> None:
    """A call of a provider whose failure is logged at once, in the caller's thread."""
    records, logger = Records(), logging.getLogger("llmagg")
    logger.addHandler(records)
    try:
        broken = made(wall, "", Provider)[0].manager.providers["openai"]
        broken.get_available_models = lambda: 1 / 0
        llmagg.LLMAggregator(["m"]).chat_sync(HELLO)
    finally:
        logger.removeHandler(records)


@pytest.fixture(params=[AlarmError, TimeoutError, ValueError, KeyboardInterrupt])
def alarm(request: Any) -> Iterator[Alarm]:
    """The handler of SIGALRM: an object, bound to a partial, as some libraries set it."""
    made = Alarm(request.param)
    before = signal.signal(signal.SIGALRM, functools.partial(made))
    yield made
    signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("place", BLOCKING)
def test_out_of_a_blocking_call(
    llm_wall: FaultWall, alarm: Alarm, place: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(alarm.kind, match=r"^too late$"):
        BLOCKING[place](llm_wall)
    assert alarm.rung == 1  # nothing was asked a second time
    gc.collect()
    assert "never retrieved" not in caplog.text  # asyncio's words for a task whose exception nobody has seen


@pytest.mark.parametrize("place", AWAITED)
def test_out_of_an_awaited_call(llm_wall: FaultWall, alarm: Alarm, place: str) -> None:
    with pytest.raises(alarm.kind, match=r"^too late$"):
        asyncio.run(asyncio.wait_for(AWAITED[place](llm_wall), 10))
    assert alarm.rung >= 1


def test_what_the_code_itself_raises_is_told_as_before(llm_wall: FaultWall) -> None:
    def refuses(_: Any) -> bool:
        raise AlarmError("no")

    before = signal.signal(signal.SIGALRM, Alarm(AlarmError))
    try:
        with pytest.raises(llmagg.AllModelsFailedError, match="AlarmError: no"):
            aggregator_for(llm_wall, "m", max_retries=0).chat_sync(HELLO, accept=refuses)
        with pytest.raises(llmagg.InvalidArgumentError, match="input cannot be read: ZeroDivisionError"):
            aggregator_for(llm_wall, "m").embed_sync(1 / n for n in (1, 0))
    finally:
        signal.signal(signal.SIGALRM, before)
    assert len(chats(llm_wall)) == 1


def test_what_an_interrupt_ended_does_not_go_on_with_the_next_call(llm_wall: FaultWall) -> None:
    """Else the tool's result would be sent, and paid, while another call waits."""
    said: list[str] = []

    async def tool(city: str) -> str:
        """The weather."""
        asyncio.get_running_loop().call_soon(signal.raise_signal, signal.SIGALRM)
        await asyncio.sleep(0.001)
        said.append(city)
        return city

    aggregator = with_calls(llm_wall)
    before = signal.signal(signal.SIGALRM, Alarm(KeyboardInterrupt))
    try:
        with pytest.raises(KeyboardInterrupt):
            aggregator.run_tools_sync(HELLO, tools=[waiting, tool])
        aggregator.run_tools_sync(HELLO, tools=[waiting, tool])
    finally:
        signal.signal(signal.SIGALRM, before)
    assert said == []
    assert len(chats(llm_wall)) == 2


def test_a_handler_that_raises_while_a_tool_is_ended_leaves_no_error_behind(
    llm_wall: FaultWall, caplog: pytest.LogCaptureFixture
) -> None:
    def raises(*_: Any) -> None:
        raise AlarmError("too late")

    async def waiting() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            judge("the end")

    llm_wall.script({"models": {"m": {"steps": [{"tool_calls": CALLS[::-1]}]}}})
    before = signal.signal(signal.SIGALRM, raises)
    try:
        with pytest.raises(AlarmError):
            aggregator_for(llm_wall, "m").run_tools_sync(HELLO, tools=[waiting, tool])
        with pytest.raises(AlarmError):  # also where the deadline ends the tool
            aggregator_for(llm_wall, "m").run_tools_sync(HELLO, tools=[waiting], deadline=1)
    finally:
        signal.signal(signal.SIGALRM, before)
    gc.collect()
    assert "never retrieved" not in caplog.text
