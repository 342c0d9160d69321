"""Every example runs against the wall, and is short."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from conftest import chats
from llmagg.faultwall import FaultWall

EXAMPLES = Path(__file__).parents[2] / "examples" / "python"
TOOL_CALL = {"tool_calls": [{"name": "temperature", "arguments": {"city": "Oslo"}, "id": "c1"}]}
CASES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "chat.py": ({}, ["Hello from gpt-4o-mini.", "12 tokens"]),
    "stream.py": ({}, ["Hello from gpt-4o-mini.\n12 tokens"]),
    "failover.py": (
        {"models": {"gpt-4o": {"steps": [{"status": 401}]}}},
        ["Hello from deepseek-flash.", "openai/gpt-4o: AUTHENTICATION (HTTP 401)", "deepseek deepseek-flash closed"],
    ),
    "custom_client.py": ({}, ["You said: Hello there\n", "one two three"]),
    "blocking.py": ({}, ["What is a comet? Hello from gpt-4o-mini.", "\nHello from gpt-4o-mini.\n"]),
    "observe.py": (
        {},
        ["answer:  Hello from gpt-4o-mini.", "failover: openai/first → openai/second", "breaker changed: openai/first"],
    ),
    "tools.py": ({"default": {"steps": [TOOL_CALL, {"text": "4 degrees."}]}}, ["4 degrees."]),
}


@pytest.mark.long
@pytest.mark.parametrize("name", CASES)
def test_example(llm_wall: FaultWall, name: str) -> None:
    script, expected = CASES[name]
    llm_wall.script(script)
    urls = {f"{vendor}_BASE_URL": llm_wall.url for vendor in ("OPENAI", "DEEPSEEK")}
    keys = {"OPENAI_API_KEY": "k", "DEEPSEEK_API_KEY": "k"}
    result = subprocess.run(
        [sys.executable, str(EXAMPLES / name)],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **urls, **keys},
    )
    assert (result.returncode, result.stderr) == (0, "")
    for text in expected:
        assert text in result.stdout
    if name == "tools.py":
        assert chats(llm_wall)[1]["body"]["messages"][2] == {
            "role": "tool", "content": "4 degrees in Oslo", "tool_call_id": "c1",
        }  # fmt: skip


@pytest.mark.long
def test_observe_without_a_key_asks_a_server_of_its_own() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")}
    result = subprocess.run(
        [sys.executable, str(EXAMPLES / "observe.py")], capture_output=True, text=True, timeout=60, env=environment
    )
    assert result.returncode == 0, result.stderr
    for text in (
        "retry scheduled: openai/first in 0.0",
        "attempt ended: openai/first: UNAVAILABLE (HTTP 503)",
        "failover: openai/first → openai/second",
        "breaker changed: openai/first closed → open",
        "breaker changed: openai/first half_open → closed",
        "health changed: openai/second up",
        "answer:  Hello from second.",
        "answer:  Hello from first.",
    ):
        assert text in result.stdout


def test_every_example_is_tested_and_short() -> None:
    assert {path.name for path in EXAMPLES.glob("*.py")} == set(CASES)
    for name in CASES:
        assert len((EXAMPLES / name).read_text().splitlines()) <= 60
