"""A signal's handler may raise wherever Python calls something. Wherever it does in the reader, nothing is lost.

Python looks for signals when a call returns and when a function begins; a profile function stands there too.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from forks import HEAD, run_script

import llmagg
from conftest import HELLO, aggregator_for
from llmagg._native import blocking, bridge
from llmagg._native.reader import Reader
from llmagg.faultwall import FaultWall

pytestmark = pytest.mark.long

LARGE = 40_000  # bytes of a text that needs a larger buffer than drains have
SCRIPT = {"models": {"large": {"steps": [{"text_bytes": LARGE}]}}, "default": {"steps": [{"delay_event_s": 0.001}]}}


def ours(frame: FrameType) -> bool:
    """Whether code of the reader runs in the frame."""
    return "llmagg/_native" in frame.f_code.co_filename


def finalizes(frame: FrameType) -> bool:
    """Whether the frame runs for a ``__del__``: Python swallows what is raised there."""
    outer: FrameType | None = frame
    while outer is not None and ours(outer):
        if outer.f_code.co_name == "__del__":
            return True
        outer = outer.f_back
    return False


class Interrupter:
    """Raises at one of the points where the reader may be interrupted."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]) -> None:
        self.at = self.passed = 0
        self.error = error
        self._pump = Reader.pump
        # Kept, as Python 3.11 does not while it makes the frame for a profile function: should the collector run there
        # and a finalizer's call raise, Python frees the function and then calls it.
        self._profile = self.profile
        monkeypatch.setattr(Reader, "pump", lambda reader: self.pump(reader))

    def pump(self, reader: Reader) -> None:
        gc.disable()  # the collector runs finalizers, too
        sys.setprofile(self._profile)
        try:
            self._pump(reader)
        finally:
            sys.setprofile(None)
            gc.enable()

    def profile(self, frame: FrameType, event: str, _: Any) -> None:
        place = frame.f_code
        if place.co_name in ("interrupted", "run_until_complete") or not ours(frame):
            return
        if event in ("call", "c_return") and not finalizes(frame):
            self.passed += 1
            if self.passed == self.at:
                raise self.error("by a signal's handler")


class Client(llmagg.BaseLLMClient):
    """Answers in Python, and takes a while to do so."""

    async def chat_completion(self, request: llmagg.ChatCompletionRequest) -> llmagg.ChatCompletionResponse:
        await asyncio.sleep(0.001)
        answer = {"index": 0, "message": {"role": "assistant", "content": "Python"}, "finish_reason": "stop"}
        return llmagg.ChatCompletionResponse.from_dict({"id": "1", "model": request.model, "choices": [answer]})

    async def chat_completion_stream(
        self, request: llmagg.ChatCompletionRequest
    ) -> AsyncIterator[llmagg.StreamResponse]:
        for number in range(100):  # more than the core takes before the reader has caught up
            yield llmagg.StreamResponse.from_dict({"choices": [{"index": 0, "delta": {"content": f"{number} "}}]})
        yield llmagg.StreamResponse.from_dict({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})


NUMBERS = "".join(f"{number} " for number in range(100))


def made(wall: FaultWall) -> llmagg.LLMAggregator:
    """Two routes at the wall, and one that is answered in Python."""
    wall.script(SCRIPT)
    aggregator = aggregator_for(wall, "gpt-a", "large")
    provider = llmagg.OpenAIProvider(llmagg.ProviderConfig("own", {}))
    provider.clients = {"python": Client(llmagg.ModelConfig("python", "python", "own", "", ""))}
    aggregator.manager.register_provider(provider)
    return aggregator


# asyncio repeats on its log what a handler raises, if that is no KeyboardInterrupt
@pytest.mark.parametrize("error", [KeyboardInterrupt, TimeoutError])
def test_in_a_loop_that_goes_on(
    llm_wall: FaultWall, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    aggregator = made(llm_wall)
    interrupter = Interrupter(monkeypatch, error)

    async def text(model: str) -> str:
        return "".join([piece async for piece in aggregator.stream_text(HELLO, model=model)])

    for at in itertools.count(1):
        interrupter.at, interrupter.passed = at, 0
        loop = asyncio.new_event_loop()
        try:
            calls = (
                *(aggregator.generate_response(HELLO, model=model) for model in ("gpt-a", "large", "python")),
                *(text(model) for model in ("gpt-a", "python")),
            )
            all_of_them = asyncio.gather(*map(loop.create_task, calls), return_exceptions=True)
            try:
                loop.run_until_complete(asyncio.wait([all_of_them], timeout=10))
            except KeyboardInterrupt:
                loop.run_until_complete(asyncio.wait([all_of_them], timeout=10))
            assert all_of_them.done(), f"interrupted at point {at}, a call waits for ever"
            plain, large, own, streamed, own_streamed = all_of_them.result()
            assert (plain, own, streamed, own_streamed) == ("Hello from gpt-a.", "Python", "Hello from gpt-a.", NUMBERS)
            assert len(large) == LARGE
        finally:
            loop.close()
        if interrupter.passed < at:
            assert at > 50
            return


def test_what_raises_again_and_again_does_so_once_a_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    raised = 0

    def drain() -> Any:
        nonlocal raised
        raised += 1
        raise TimeoutError("by a signal's handler")

    async def turns() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        reader = bridge.bridge()
        monkeypatch.setattr(reader.queue, "drain", drain)
        with pytest.raises(TimeoutError):
            reader.pump()
        for _ in range(10):
            await asyncio.sleep(0)
        assert raised in (10, 11)  # by hand, and in each turn; the last one may be to come

    asyncio.run(turns())


@pytest.mark.parametrize("error", [KeyboardInterrupt, TimeoutError])
@pytest.mark.parametrize("model", ["gpt-a", "large", "python"])
def test_in_a_blocking_call(
    llm_wall: FaultWall, monkeypatch: pytest.MonkeyPatch, error: type[BaseException], model: str
) -> None:
    aggregator = made(llm_wall)
    interrupter = Interrupter(monkeypatch, error)
    expected = aggregator.generate_response_sync(HELLO, model=model)
    for at in itertools.count(1):
        interrupter.at, interrupter.passed = at, 0
        try:
            assert aggregator.generate_response_sync(HELLO, model=model) == expected
        except error as raised:
            assert "by a signal's handler" in str(raised)
            reader = blocking._thread.reader
            assert reader is None or not reader.operations, f"interrupted at point {at}, it waits for what nobody reads"
            assert aggregator.generate_response_sync(HELLO, model=model) == expected, f"after point {at}"
        if interrupter.passed < at:
            assert at > 5
            break
    assert llmagg.stats()["operations"] == 0


def test_the_garbage_of_an_interrupted_call_is_collected(llm_wall: FaultWall, tmp_path: Path) -> None:
    """What a traceback keeps of the reader, in a circle, must not be what crashes Python's garbage collector."""
    code = """
import gc, itertools
aggregator = ready()
assert aggregator.generate_response_sync(HELLO) == "Hello from m."
for at in itertools.count(1):
    passed = 0
    def profile(frame, event, _):
        global passed
        if event in ("call", "c_return") and frame.f_code.co_filename.endswith("llmagg/_native/queue.py"):
            passed += 1
            if passed == at:
                raise KeyboardInterrupt
    try:
        sys.setprofile(profile)
        aggregator.generate_response_sync(HELLO)
    except KeyboardInterrupt as error:
        error.itself = error
    finally:
        sys.setprofile(None)
    gc.collect()
    if passed < at:
        break
assert at > 5
"""
    run_script(tmp_path, HEAD + code, llm_wall.url)


def test_a_reader_whose_start_was_interrupted_is_deleted_in_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    ignored: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", ignored.append)
    monkeypatch.setattr(Reader, "__init__", interrupt)
    with pytest.raises(KeyboardInterrupt):
        blocking.BlockingReader()
    gc.collect()
    assert ignored == []
