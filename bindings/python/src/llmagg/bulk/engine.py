"""Asks the rows of a source, a window of them at a time, and puts each outcome into the ledger."""

from __future__ import annotations

import asyncio
import sys
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from .. import _bounds
from .._native.calls import Posted
from .._shown import shown_path
from .._wire import decode
from ..errors import InvalidArgumentError, LLMError
from .asking import Asking
from .ledger import FAILED, OK, Entry, Ledger
from .outcome import Asked, tokens
from .report import Answer, LedgerError, Report
from .room import full
from .rows import Rows
from .window import Window

_AT_ONCE = 100  # rows that are begun before the loop goes on
_ENOUGH = 50  # rows, before a share of errors says anything


class Engine:
    """One run of a job. ``deliver`` is called with each answer, also with those of the ledger if ``replay``.

    Used in one event loop.
    """

    def __init__(
        self, rows: Rows, asking: Asking, ledger: Ledger | None, window: Window, *, max_cost: float | None,
        retry_errors: bool, stop_after_errors: float | None, replay: bool, deliver: Callable[[Answer[Any]], Any] | None,
    ) -> None:  # fmt: skip
        self.report = Report()
        self.window = window
        self._rows = rows
        self._asking = asking
        self._ledger = ledger
        self._max_cost = max_cost
        self._retry_errors = retry_errors
        self._stop_after_errors = stop_after_errors
        self._replay = replay
        self._deliver = deliver
        self._ended = False  # no further row is asked
        self._exhausted = False  # the source has no more rows
        self._again: deque[Asked] = deque()
        self._failure: Exception | None = None
        self._flying: set[Posted[Asked] | asyncio.Task[None]] = set()  # rows on their way
        self._landed: list[Posted[Asked]] = []  # of them, those with an outcome, until the loop's next turn
        self._waiter: asyncio.Future[None] | None = None  # of run(), for a row that ends
        self._begun = 0
        self._written: list[Entry] = []  # until the loop's next turn
        self._writing = False
        self._failed_now = 0  # in this run
        self._room = sys.maxsize  # for the answers of so many rows
        self._spent = ledger.costs() if ledger is not None and max_cost is not None else {}
        self._earlier: dict[int, Entry] = {}  # failures of earlier runs that are asked again

    async def run(self) -> Report:
        """Asks all rows. Raises LedgerError, LedgerFullError, and what the source raises."""
        begun = time.monotonic()
        self._loop = asyncio.get_running_loop()  # a child that is forked has none while it is told of the fork
        if self._ledger is not None:
            self._room = max(self._ledger.room(2 * self.window.size()), 1)  # none is needed where all is answered
        try:
            while not self._over() or self._flying:
                if not self._over() and len(self._flying) < self._most():
                    await self._ask_next()
                elif self._flying:
                    await self._news()
                else:  # what is to be written has taken the last room
                    self.flush()
        finally:
            self._take()
            for flying in self._flying:
                flying.cancel()
            tasks = [flying for flying in self._flying if isinstance(flying, asyncio.Task)]
            await asyncio.gather(*tasks, return_exceptions=True)
            self.flush()
            self._written = []  # the ledger closes now: a flush that is still to come finds nothing
            self.report.seconds = time.monotonic() - begun
        if self._failure is not None:
            raise self._failure
        return self.report

    def _over(self) -> bool:
        """Whether no further row is to be begun."""
        return self._ended or (self._exhausted and not self._again)

    def again(self, asked: Asked) -> None:
        """Asks a row that a batch did not answer."""
        self._again.append(asked)

    def _end(self, failure: BaseException | None) -> None:
        """Ends the run with a failure, the first of several; rows on their way are waited for."""
        if failure is None:
            return
        self._ended = True
        if self._failure is None and isinstance(failure, Exception):
            self._failure = failure

    async def _ask_next(self) -> None:
        """Begins to ask the next row, if there is one."""
        try:
            asked = self._again.popleft() if self._again else await self.next_row()
            if asked is None:
                return
            posted = self._asking.post(asked, self._land) if self._deliver is None else None
        except Exception as error:
            self._end(error)
            return
        if posted is not None:
            self._flying.add(posted)
        else:
            task = asyncio.create_task(self._ask(asked))
            self._flying.add(task)
            task.add_done_callback(self._ended_task)
        self._begun += 1
        if self._begun % _AT_ONCE == 0:
            await asyncio.sleep(0)  # a large window does not keep the loop from its other work

    def _land(self, posted: Posted[Asked]) -> None:
        """A row that was posted has an outcome: it is taken together with others of the same turn of the loop."""
        if not self._landed:
            self._loop.call_soon(self._take)
        self._landed.append(posted)

    def _take(self) -> None:
        """Settles the rows that have an outcome, and writes them before the next ones are asked."""
        landed, self._landed = self._landed, []
        for posted in landed:
            if posted not in self._flying:
                continue
            try:
                entry = self._asking.landed(posted)
                if entry is None:
                    continue
                self.settle(entry)
            except Exception as error:
                self._end(error)
            self._flying.discard(posted)
        self.flush()
        self._wake()

    async def _ask(self, asked: Asked) -> None:
        """Asks a row, and gives its answer to whom takes answers."""
        entry, response, value = await self._asking.ask(asked)
        self.settle(entry)
        if self._deliver is not None:
            answer: Answer[Any] = Answer(asked.n, asked.row, value=value, response=response)
            if response is not None:
                answer.text = response.text
            if entry.error is not None:
                answer.error = decode(entry.error.encode())
            await self._deliver(answer)

    def _ended_task(self, task: asyncio.Task[None]) -> None:
        self._flying.discard(task)
        if not task.cancelled():
            self._end(task.exception())
        self._wake()

    async def _news(self) -> None:
        """Waits until a row on its way has ended, a second at most: the window may have grown."""
        self._waiter = self._loop.create_future()
        timer = self._loop.call_later(1.0, self._wake)
        try:
            await self._waiter
        finally:
            timer.cancel()
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def next_row(self) -> Asked | None:
        """The next row that is to be asked."""
        while not self._ended and not self._exhausted:
            n = self.report.rows
            try:
                row = await self._rows.next()
            except StopAsyncIteration:
                self._exhausted = True
                return None
            self.report.rows += 1
            asked = self._asking.asked(n, row)
            entry = self._ledger.find(n) if self._ledger is not None else None
            if entry is None:
                return self._affordable(asked)
            if entry.key != asked.key:
                assert self._ledger is not None
                raise LedgerError(
                    f"row {n} of {self._rows.name} is not the row that the ledger {shown_path(self._ledger.path)} "
                    "answered: it was made for another input. Use another output, or remove the ledger"
                )
            if entry.state == FAILED and self._retry_errors:
                self._earlier[n] = entry
                return self._affordable(asked)
            self._count(entry)
            if self._replay and self._deliver is not None:
                await self._deliver(self._from_ledger(row, entry))
        return None

    def _affordable(self, asked: Asked) -> Asked | None:
        """The row, unless the job's money is spent or its answer has no room."""
        if not self.report.asked:
            self._look_for_room()
        if self._max_cost is not None and sum(self._spent.values()) >= self._max_cost:
            self.report.rows -= 1
            self.report.stopped, self._ended = "max_cost", True
            return None
        return None if self._ended else asked

    def _from_ledger(self, row: Any, entry: Entry) -> Answer[Any]:
        text = decode(entry.answer.encode())["answer"] if entry.answer else ""
        error = decode(entry.error.encode()) if entry.error else None
        return Answer(entry.n, row, text, self._asking.value(entry, text), error, from_ledger=True)

    def settle(self, entry: Entry) -> None:
        """Counts an outcome, and writes it at the end of the loop's turn together with others."""
        if entry.cost is not None:
            currency = entry.currency or "USD"
            self._spent[currency] = self._spent.get(currency, 0.0) + entry.cost
        earlier = self._earlier.pop(entry.n, None)
        if earlier is not None and earlier.cost is not None:
            cost = earlier.cost + (entry.cost or 0.0)
            entry = entry._replace(cost=cost, currency=entry.currency or earlier.currency)
        self.report.asked += 1
        self._count(entry)
        if entry.state == FAILED:
            self._failed_now += 1
        self._judge(entry)
        if self._ledger is None:
            return
        self._written.append(entry)
        if not self._writing:
            self._writing = True
            asyncio.get_running_loop().call_soon(self.flush)

    def flush(self) -> None:
        """Writes what arrived. What cannot be written is kept for one more try at the end of the run."""
        self._writing = False
        if not self._written or self._ledger is None:
            return
        try:
            self._ledger.put(self._written)
        except LLMError as error:
            self._end(error)
            return
        self._written = []
        self._look_for_room()

    def _look_for_room(self) -> None:
        """Looks how many rows may be on their way; ends the run while the ledger can still take those that are."""
        if self._ended or self._ledger is None:
            return
        self._room = self._ledger.room(2 * self.window.size())
        if self._room == 0:
            self._end(full(self._ledger.path, self._ledger.crowded()))

    def _most(self) -> int:
        """How many rows may be on their way: a window of them, if the ledger has room for their answers and for those
        that are not written yet.
        """
        return min(self.window.size(), self._room - len(self._written))

    def _count(self, entry: Entry) -> None:
        report = self.report
        if entry.state == OK:
            report.answered += 1
        else:
            told = decode(entry.error.encode()) if entry.error else {}
            report.fail(entry.n, told.get("name", "ERROR"), told.get("message", ""))
        prompt, completion = tokens(entry)
        report.prompt_tokens += prompt
        report.completion_tokens += completion
        if entry.cost is not None:
            currency = entry.currency or "USD"
            report.costs[currency] = report.costs.get(currency, 0.0) + entry.cost
        elif entry.state == OK:
            report.unpriced += 1

    def _judge(self, entry: Entry) -> None:
        """Ends the job at its cap, or after too many errors."""
        if self._ended:
            return
        report = self.report
        if self._max_cost is not None:
            if report.unpriced and entry.state == OK and entry.cost is None:
                self._end(InvalidArgumentError(_bounds.UNKNOWN))
            elif len(self._spent) > 1:
                names = ", ".join(self._spent)
                self._end(InvalidArgumentError(f"max_cost cannot be kept over several currencies: {names}"))
            elif sum(self._spent.values()) >= self._max_cost:
                report.stopped, self._ended = "max_cost", True
        limit = self._stop_after_errors
        if limit is not None and entry.state == FAILED:
            finished = report.asked if limit < 1 else 0
            if (limit >= 1 and self._failed_now >= limit) or (
                limit < 1 and finished >= _ENOUGH and self._failed_now > limit * finished
            ):
                report.stopped, self._ended = "errors", True
