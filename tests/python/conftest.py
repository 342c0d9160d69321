"""What the Python tests share: a clean manager, and configurations that point at a fault wall."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

import llmagg
from llmagg.faultwall import FaultWall

sys.path.append(str(Path(__file__).parents[1]))  # what several folders of tests share

T = TypeVar("T")
HELLO = [{"role": "user", "content": "Hello!"}]
FAST = {"retry": {"backoff_s": 0.01, "backoff_max_s": 0.02}}


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--deep``: the long forms of tests that have one."""
    parser.addoption("--deep", action="store_true", help="run tests that repeat something as often as they should")


def pytest_configure(config: pytest.Config) -> None:
    """A warning is a failure: an unclosed loop or socket, a coroutine that nobody awaited. ``long`` is a mark."""
    config.addinivalue_line("filterwarnings", "error")
    config.addinivalue_line("markers", "long: takes seconds, as processes and clocks do; `make quick` leaves it out")
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        # A shell gives it so to what it starts in the background; the processes that the tests start would inherit it.
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def not_instrumented(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a test instruments ends with it."""
    from llmagg import otel
    from llmagg._native import route

    monkeypatch.setattr(route, "counting", False)
    yield
    otel.uninstrument()


@pytest.fixture(autouse=True)
def _clean_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No provider, key or proxy of an earlier test or of this machine."""
    for name in list(os.environ):
        if name.endswith(("_API_KEY", "_BASE_URL")) or name.lower().endswith("_proxy") or name.startswith("LLMAGG_"):
            monkeypatch.delenv(name)
    llmagg.get_manager().clear()
    yield
    llmagg.get_manager().clear()
    logging.getLogger("llmagg").setLevel(logging.NOTSET)


@pytest.fixture
def run() -> Callable[[Coroutine[Any, Any, T]], T]:
    """Runs a coroutine in a loop of its own, within 30 s."""
    return lambda coroutine: asyncio.run(asyncio.wait_for(coroutine, 30))


@pytest.fixture
def keys(_clean_process: None, llm_wall: FaultWall, monkeypatch: pytest.MonkeyPatch) -> FaultWall:
    """The keys and addresses of two vendors."""
    for vendor in ("OPENAI", "DEEPSEEK"):
        monkeypatch.setenv(f"{vendor}_API_KEY", f"sk-{vendor}")
        monkeypatch.setenv(f"{vendor}_BASE_URL", llm_wall.url)
    return llm_wall


def config_for(wall: FaultWall, *models: str, provider: str = "openai", **options: Any) -> dict[str, Any]:
    """A configuration of models at the wall, with short waits before retries."""
    entry = {"api_key": "sk-test-key-1234", "base_url": wall.url, **FAST, **options}
    return {provider: {"models": {model: dict(entry) for model in models}}}


def aggregator_for(wall: FaultWall, *models: str, cache: bool = False, **options: Any) -> llmagg.LLMAggregator:
    """An initialized aggregator of models at the wall."""
    aggregator = llmagg.LLMAggregator(cache=cache)
    aggregator.initialize_sync(config_for(wall, *models, **options))
    return aggregator


async def until(condition: Callable[[], bool], what: str = "the condition did not come true") -> None:
    """Waits for what another process or thread does, which no event tells; fails with ``what`` after 5 s."""
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0.005)
    raise AssertionError(what)


def kept(ledger: Path) -> int:
    """The rows of a ledger; 0 before there is its table."""
    try:
        with contextlib.closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as file:
            return int(file.execute("SELECT count(*) FROM item").fetchone()[0])
    except sqlite3.OperationalError:
        return 0


def chats(wall: FaultWall) -> list[dict[str, Any]]:
    """The chat requests that the wall saw."""
    return [request for request in wall.seen()["requests"] if request["kind"] == "chat"]


def python(
    code: str, *arguments: str, env: dict[str, str] | None = None, cwd: Any = None
) -> subprocess.CompletedProcess[str]:
    """Runs code in a process of its own, within 60 s."""
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True, text=True, timeout=60, cwd=cwd, env={**os.environ, **(env or {})},
    )  # fmt: skip
