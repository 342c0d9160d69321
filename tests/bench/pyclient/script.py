"""Many rows as scripts ask them that are passed around (OpenAI's cookbook has one): a loop, a task for each row."""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contestants import KEY, MODEL, WrongAnswerError, check_answer

TURN_S = 0.001  # between two rows, so that answers are read
PAUSE_S = 15.0  # after a 429
TRIES = 5
PER_MINUTE = 1e9  # requests and tokens: nothing of these is what is measured


@dataclass
class Row:
    n: int
    request: dict[str, Any]
    tokens: float
    tries: int = TRIES


class Script:
    """An allowance of requests and tokens that time refills, a task for each row, each answer appended to a file.

    It does not resume, and keeps no order. It counts tokens by length, which costs less than a tokenizer.
    """

    def __init__(self, url: str, ca: str, concurrency: int) -> None:
        import aiohttp

        self.url = url + "/chat/completions"
        self.session = aiohttp.ClientSession()
        self.again: deque[Row] = deque()
        self.limited_at = float("-inf")
        self.running: set[asyncio.Task[None]] = set()

    async def bulk(self, rows: Iterable[dict[str, Any]], count: int) -> None:
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder) / "answers.jsonl"
            await self.ask_all(iter(rows), target)
            with target.open() as file:
                answers = sum(1 for _ in file)
        if answers != count:
            raise WrongAnswerError(f"{answers} answers to {count} rows")

    async def ask_all(self, rows: Any, target: Path) -> None:
        requests = tokens = PER_MINUTE
        then = time.monotonic()
        waiting: Row | None = None
        ended = False
        while not ended or waiting or self.again or self.running:
            if waiting is None and self.again:
                waiting = self.again.popleft()
            elif waiting is None and not ended:
                row = next(rows, None)
                ended = row is None
                waiting = None if row is None else self.row(row)
            now = time.monotonic()
            requests = min(requests + PER_MINUTE * (now - then) / 60, PER_MINUTE)
            tokens = min(tokens + PER_MINUTE * (now - then) / 60, PER_MINUTE)
            then = now
            if waiting is not None and requests >= 1 and tokens >= waiting.tokens:
                requests, tokens = requests - 1, tokens - waiting.tokens
                task = asyncio.create_task(self.ask(waiting, target))
                self.running.add(task)
                task.add_done_callback(self.running.discard)
                waiting = None
            await asyncio.sleep(TURN_S)
            if (left := self.limited_at + PAUSE_S - time.monotonic()) > 0:
                await asyncio.sleep(left)

    def row(self, row: dict[str, Any]) -> Row:
        request = {"model": MODEL, "messages": [{"role": "user", "content": row["prompt"]}]}
        return Row(row["id"], request, len(row["prompt"]) / 4 + 16)

    async def ask(self, row: Row, target: Path) -> None:
        answer: dict[str, Any] = {}
        try:
            async with self.session.post(
                self.url, headers={"Authorization": f"Bearer {KEY}"}, json=row.request
            ) as response:
                answer = await response.json()
                if response.status == 429:
                    self.limited_at = time.monotonic()
                if response.status >= 400:
                    raise OSError(f"status {response.status}")
            check_answer(answer["choices"][0]["message"]["content"])
        except (OSError, asyncio.TimeoutError) as error:
            row.tries -= 1
            if row.tries > 0:
                self.again.append(row)
                return
            answer = {"error": str(error)}
        with target.open("a") as file:
            file.write(json.dumps([row.n, row.request, answer]) + "\n")

    async def close(self) -> None:
        await self.session.close()
