"""What the ledger of ``llmagg.bulk`` keeps of an answer, and rows that are posted without a task each."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import llmagg
from conftest import aggregator_for, chats
from llmagg import _gathered, bulk
from llmagg.bulk.outcome import Asked, answered, read
from llmagg.faultwall import FaultWall

TRIED = {"route": "a/b", "provider": "a", "model": "b", "start": 1.5, "duration": 0.1, "outcome": "OK", "code": 0}
USAGE = {"prompt_tokens": 4, "completion_tokens": 6, "total_tokens": 10}
CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def choice(**message: Any) -> dict[str, Any]:
    return {"index": 0, "message": {"role": "assistant", "content": "A text.", **message}, "finish_reason": "stop"}


@pytest.mark.parametrize(
    ("changed", "plain"),
    [
        ({}, True),
        ({"choices": [{**choice(content='null "NaN" é\n'), "finish_reason": None}]}, True),
        ({"choices": [choice(reasoning_content="Hm.", extra={"name": 1})]}, True),
        ({"choices": [choice(tool_calls=[CALL])]}, False),
        ({"choices": [choice(refusal="No.")]}, False),
        ({"choices": [choice(content=[{"type": "text", "text": "in parts"}])]}, False),
        ({"choices": [choice(), {**choice(), "index": 1}]}, False),
        ({"choices": []}, False),
        ({"usage": {**USAGE, "prompt_tokens_details": {"cached_tokens": 3}, "completion_tokens_details": {}}}, True),
        ({"usage": {**USAGE, "extra": {"queue_time": 0.5}}}, False),
        ({"usage": {"prompt_tokens": 4}}, False),
        ({"usage": None}, True),
        ({"cost": {"amount": 0.25, "currency": "EUR", "source": "price", "unknown": 1}}, True),
        ({"cache": "hit", "attempts": []}, True),
        ({"attempts": [{**TRIED, "route": "x/y", "outcome": "TIMEOUT", "code": 5}, TRIED]}, True),
    ],
)
def test_the_short_way_gives_the_same_entry(
    changed: dict[str, Any], plain: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = {
        "id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice()], "usage": USAGE,
        "id_of_call": 1, "attempts": [TRIED], **changed,
    }  # fmt: skip
    payload = bytearray(json.dumps({name: value for name, value in answer.items() if value is not None}).encode())
    asked = Asked(7, {"id": "row 7"}, b"key", [], {})
    response = _gathered.response(payload)
    whole: list[Any] = []
    monkeypatch.setattr(_gathered, "response", lambda _: whole.append(1) or response)
    assert read(asked, payload) == answered(asked, response, response.attempts)
    assert bool(whole) is not plain


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_method_of_the_application_is_called(
    llm_wall: FaultWall, tmp_path: Path, run: Any, monkeypatch: pytest.MonkeyPatch, wrapped: bool
) -> None:
    """Rows go past the aggregator's ``chat`` only as long as that is the library's own."""
    llm, asked = aggregator_for(llm_wall, "gpt-a"), []
    own = llm.chat

    async def chat(messages: Any, **params: Any) -> llmagg.ChatCompletionResponse:
        asked.append(messages)
        return await own(messages, **params)

    if wrapped:
        monkeypatch.setattr(llm, "chat", chat)
    report = run(bulk.run(["a", "b", "c"], tmp_path / "a.jsonl", llm))
    assert (report.answered, len(asked)) == (3, 3 if wrapped else 0)


def test_rows_of_a_turn_keep_their_own_requests(llm_wall: FaultWall, tmp_path: Path, run: Any) -> None:
    """What rows share is not what they ask: messages, and parameters of a row's own."""
    llm_wall.script({"default": {"steps": [{"echo": True}]}})
    rows: list[Any] = [
        {"body": {"messages": [{"role": "user", "content": f"row {n}"}], **({"seed": n} if n % 3 == 0 else {})}}
        for n in range(60)
    ]
    rows[5] = {"prompt": ""}
    report = run(bulk.run(rows, tmp_path / "a.jsonl", aggregator_for(llm_wall, "gpt-a"), temperature=0.5))
    assert (report.answered, report.errors) == (59, 1)
    for sent in (chat["body"] for chat in chats(llm_wall)):
        n = int(sent["messages"][0]["content"].split()[1])
        assert (sent.get("seed"), sent["temperature"]) == (n if n % 3 == 0 else None, 0.5)


FORKS = """
import asyncio, os, sys, llmagg
url, target = sys.argv[1:]
llm = llmagg.LLMAggregator()
model = {"api_key": "k-123456789", "base_url": url, "max_concurrent_calls": 5}
llm.initialize_sync({"openai": {"models": {"gpt-a": model}}})
child = None
def rows():
    global child
    for n in range(60):
        if n == 5 and not (child := os.fork()):  # five rows are on their way
            return
        yield f"row {n}"
try:
    report = asyncio.run(llmagg.bulk.run(rows(), target, llm))
except llmagg.ForkedError:
    os._exit(7 if child == 0 else 1)
print(report.answered, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="asyncio runs no task in a child that is forked by a task")
def test_a_fork_ends_the_childs_run(llm_wall: FaultWall, tmp_path: Path) -> None:
    """A child that is forked by a row's source is told, and the parent's rows are answered."""
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORKS, llm_wall.url, str(tmp_path / "a.jsonl")]
    told = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (told.stdout, told.stderr) == ("60 7\n", "")
