"""close(): what was begun through the object ends, connections go, the next use opens them; others notice nothing."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import llmagg
from conftest import HELLO, aggregator_for, until
from llmagg.faultwall import FaultWall

REQUEST = llmagg.ChatCompletionRequest("gpt-a", [llmagg.Message("user", "x")])


def closers(aggregator: llmagg.LLMAggregator) -> dict[str, Any]:
    manager = aggregator.manager
    provider = manager.get_provider("openai")
    return {
        "aggregator": aggregator.close,
        "manager": manager.close_all,
        "provider": provider.close,
        "client": provider.clients["gpt-a"].close,
    }


@pytest.mark.parametrize("which", ["aggregator", "manager", "provider", "client"])
def test_close_twice_and_use_again(llm_wall: FaultWall, run: Any, which: str) -> None:
    aggregator = aggregator_for(llm_wall, "gpt-a")
    client = aggregator.manager.get_llm_client("openai", "gpt-a")

    async def use() -> None:
        for _ in range(2):
            assert await aggregator.generate_response(HELLO) == "Hello from gpt-a."
            if which != "aggregator":
                assert (await client.chat_completion(REQUEST)).model == "gpt-a"
            close = closers(aggregator)[which]
            await close()
            await close()
            await until(lambda: llm_wall.seen()["totals"]["connections_open"] == 0, "a connection stays open")

    run(use())
    assert llm_wall.seen()["totals"]["connections_opened"] == 2


@pytest.mark.parametrize("which", ["manager", "provider", "client"])
def test_close_ends_direct_calls(llm_wall: FaultWall, run: Any, which: str) -> None:
    llm_wall.script({"default": {"steps": [{"delay_headers_s": 20}]}})
    aggregator = aggregator_for(llm_wall, "gpt-a")
    client = aggregator.manager.get_llm_client("openai", "gpt-a")

    async def close() -> None:
        task = asyncio.create_task(client.chat_completion(REQUEST))
        await until(lambda: llm_wall.seen()["totals"]["in_flight"] == 1, "the call did not arrive")
        await closers(aggregator)[which]()
        with pytest.raises(llmagg.ClosedError, match="closed while the call ran"):
            await task

    run(close())


def test_close_ends_the_aggregators_calls_and_streams(llm_wall: FaultWall, run: Any) -> None:
    llm_wall.script({"default": {"steps": [{"forever": True, "delay_event_s": 0.01}]}})
    aggregator = aggregator_for(llm_wall, "gpt-a")

    async def close() -> None:
        stream = aggregator.stream_text(HELLO)
        await stream.__anext__()
        call = asyncio.create_task(aggregator.generate_response(HELLO))
        await until(lambda: llm_wall.seen()["totals"]["in_flight"] == 2, "the calls did not arrive")
        await aggregator.close()
        with pytest.raises(llmagg.AllModelsFailedError) as caught:
            await call
        assert isinstance(caught.value.__cause__, llmagg.ClosedError)
        with pytest.raises(llmagg.ClosedError) as interrupted:
            async for _ in stream:
                pass
        assert interrupted.value.partial_text

    run(close())


@pytest.mark.parametrize("which", ["aggregator", "manager", "provider", "client"])
def test_others_notice_nothing(llm_wall: FaultWall, run: Any, which: str) -> None:
    llm_wall.script({"default": {"steps": [{"delay_headers_s": 0.3}]}})
    closing = aggregator_for(llm_wall, "gpt-a")
    other = llmagg.LLMAggregator(models=["gpt-a"])
    other._initialized = True

    async def close() -> str:
        task = asyncio.create_task(other.generate_response(HELLO))
        await until(lambda: llm_wall.seen()["totals"]["in_flight"] == 1, "the call did not arrive")
        await closers(closing)[which]()
        return await task

    assert run(close()) == "Hello from gpt-a."


def test_an_aggregator_keeps_the_connections_that_another_uses(llm_wall: FaultWall, run: Any) -> None:
    closing = aggregator_for(llm_wall, "gpt-a")
    other = llmagg.LLMAggregator(models=["gpt-a"])
    other._initialized = True

    async def use() -> None:
        await other.chat(HELLO)
        await closing.chat(HELLO)
        await closing.close()
        await other.chat(HELLO)
        assert llm_wall.seen()["totals"]["connections_opened"] == 1
        await other.close()
        await until(lambda: llm_wall.seen()["totals"]["connections_open"] == 0, "the last user's connection stays open")

    run(use())


def test_async_with(llm_wall: FaultWall, run: Any) -> None:
    aggregator_for(llm_wall, "gpt-a")

    async def use() -> None:
        manager = llmagg.get_manager()
        provider = manager.get_provider("openai")
        async with manager as one, provider as two, provider.clients["gpt-a"] as three:
            assert (one, two) == (manager, provider)
            assert (await three.chat_completion(REQUEST)).model == "gpt-a"
        async with llmagg.LLMAggregator(["gpt-a"]) as aggregator, llmagg.LLMAggrator() as aggrator:
            aggregator._initialized = True
            aggrator.aggregator = aggregator
            aggrator._config_initialized = True
            assert await aggrator.generate_response(HELLO) == "Hello from gpt-a."
        await until(lambda: llm_wall.seen()["totals"]["connections_open"] == 0, "a connection stays open")

    run(use())


def test_one_failing_close_does_not_stop_the_others(run: Any, caplog: pytest.LogCaptureFixture) -> None:
    closed = []

    class Client:
        def __init__(self, name: str) -> None:
            self.name = name

        async def close(self) -> None:
            closed.append(self.name)
            raise OSError("cannot close")

    provider = llmagg.OpenAIProvider(llmagg.ProviderConfig("p", {}))
    provider.clients = {"a": Client("a"), "b": Client("b")}
    llmagg.get_manager().register_provider(provider)
    run(llmagg.get_manager().close_all())
    assert closed == ["a", "b"]
    assert "cannot close" in caplog.text


def test_with(llm_wall: FaultWall, run: Any) -> None:
    aggregator_for(llm_wall, "gpt-a")
    manager = llmagg.get_manager()
    provider = manager.get_provider("openai")
    with manager as one, provider as two, provider.clients["gpt-a"] as three:
        assert (one, two) == (manager, provider)
        assert three.chat_completion_sync(REQUEST).model == "gpt-a"
    with llmagg.LLMAggregator(["gpt-a"]) as aggregator, llmagg.LLMAggrator() as aggrator:
        assert aggregator.chat_sync(HELLO).text == "Hello from gpt-a.", "a registered model needs no initialize()"
        aggregator.initialize_sync()
        aggrator.initialize_sync({"other": {"models": {"gpt-b": {"base_url": llm_wall.url}}}})
        assert aggregator.generate_response_sync(HELLO) == aggrator.generate_response_sync(HELLO) == "Hello from gpt-a."
    run(until(lambda: llm_wall.seen()["totals"]["connections_open"] == 0, "a connection stays open"))

    async def inside() -> None:
        for opened in (manager, provider, provider.clients["gpt-a"], llmagg.LLMAggregator(), llmagg.LLMAggrator()):
            with pytest.raises(llmagg.InvalidArgumentError, match="'async with' instead of 'with'"), opened:
                raise AssertionError("the block must not begin")

    run(inside())
