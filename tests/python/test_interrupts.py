"""A signal's handler may raise wherever Python calls something. Wherever it does in the reader, nothing is lost.

Python looks for signals when a call returns and when a function begins; a profile function stands there too.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
from types import FrameType
from typing import Any

import pytest

import llmagg
from conftest import HELLO, aggregator_for
from llmagg._native import blocking
from llmagg._native.reader import Reader
from llmagg.faultwall import FaultWall


class Interrupter:
    """Raises KeyboardInterrupt at one of the points where the reader may be interrupted."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.at = self.passed = 0
        self._pump = Reader.pump
        monkeypatch.setattr(Reader, "pump", lambda reader: self.pump(reader))

    def pump(self, reader: Reader) -> None:
        sys.setprofile(self.profile)
        try:
            self._pump(reader)
        finally:
            sys.setprofile(None)

    def profile(self, frame: FrameType, event: str, _: Any) -> None:
        place = frame.f_code
        if place.co_name in ("interrupted", "run_until_complete") or "llmagg/_native" not in place.co_filename:
            return
        if event in ("call", "c_return"):
            self.passed += 1
            if self.passed == self.at:
                raise KeyboardInterrupt


def test_in_a_loop_that_goes_on(llm_wall: FaultWall, monkeypatch: pytest.MonkeyPatch) -> None:
    llm_wall.script({"default": {"steps": [{"delay_event_s": 0.001}]}})
    aggregator = aggregator_for(llm_wall, "gpt-a")
    interrupter = Interrupter(monkeypatch)

    async def text() -> str:
        return "".join([piece async for piece in aggregator.stream_text(HELLO)])

    for at in itertools.count(1):
        interrupter.at, interrupter.passed = at, 0
        loop = asyncio.new_event_loop()
        try:
            both = asyncio.gather(
                loop.create_task(aggregator.generate_response(HELLO)), loop.create_task(text()), return_exceptions=True
            )
            try:
                loop.run_until_complete(both)
            except KeyboardInterrupt:
                loop.run_until_complete(asyncio.wait_for(both, 10))
            assert both.result() == ["Hello from gpt-a.", "Hello from gpt-a."], f"interrupted at point {at}"
        finally:
            loop.close()
        if interrupter.passed < at:
            assert at > 20
            return


def test_in_a_blocking_call(llm_wall: FaultWall, monkeypatch: pytest.MonkeyPatch) -> None:
    aggregator = aggregator_for(llm_wall, "gpt-a")
    interrupter = Interrupter(monkeypatch)
    for at in itertools.count(1):
        interrupter.at, interrupter.passed = at, 0
        try:
            assert aggregator.generate_response_sync(HELLO) == "Hello from gpt-a."
        except KeyboardInterrupt:
            assert interrupter.passed >= at
            reader = blocking._thread.reader
            assert reader is None or not reader.operations, f"interrupted at point {at}, it waits for what nobody reads"
            assert aggregator.generate_response_sync(HELLO) == "Hello from gpt-a.", f"after point {at}"
        else:
            assert at > 5
            break
    assert llmagg.stats()["operations"] == 0
