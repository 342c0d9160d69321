"""``run``, ``stream`` and ``export``."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import aclosing, closing, contextmanager, nullcontext
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar, overload

from .. import _called, _late, _misspelt, default
from .._native import blocking
from .._shown import shown, shown_path
from ..errors import InvalidArgumentError
from . import output, stores
from .asking import Asking
from .batching import Batching
from .engine import Engine
from .ledger import Ledger, SqliteLedger, refuse_another
from .ledger_jsonl import JsonlLedger
from .options import OTHERS, Chosen, Kind, Prompt, RunOptions, StreamOptions, Use
from .progress import Progress
from .report import Answer, LedgerError, Report
from .rows import Rows, form_of, parquet
from .window import Window

T = TypeVar("T")
_FORM = 1  # of ledgers


@_called.told
async def run(
    source: Any, destination: str | Path, llm: Any = None, *, models: default.Models | None = None,
    prompt: Prompt | None = None, parse: Any = None, resume: bool = False, retry_errors: bool = False,
    max_cost: float | None = None, errors: Literal["rows", "stop"] | None = None,
    stop_after_errors: float | None = None, progress: bool = False, ledger: Kind | Path | None = None,
    window: int | None = None, batch_api: Use | None = None, batch_wait: float = 86400.0, batch_poll: float = 5.0,
    **params: _late.Unpack[_late.RowParams],
) -> Report:  # fmt: skip
    """Asks each row of ``source``, and writes the answers to ``destination`` in the order of the rows.

    ``source`` is a file (.jsonl, .csv, or .parquet with pyarrow), a table of pandas, polars or pyarrow, or an iterable
    of rows, also asynchronous. A row is a text, or an object with ``prompt``, ``messages`` or ``body`` (a whole
    request). For any other row, ``prompt`` says what is asked: it is the name of a column, a text with names of columns
    in braces (``"Is this spam? {review}"``), or a function of a row. ``params`` are parameters and options of
    ``llm.chat`` for all rows. Without ``llm``, ``models`` are asked as by ``llmagg.chat``.

    Each answer is in the ledger, a file beside the output (``ledger``: "sqlite", the default, "jsonl", or a path),
    before the run looks at the next answer. After a kill, ``resume=True`` asks only the rows that are missing: rows
    that were in flight may be paid for twice, no other rows. A failed row is a row with ``error``;
    ``retry_errors=True`` asks failed rows again. ``errors="stop"`` ends the run at the first failed row;
    ``stop_after_errors`` ends it after this number of failed rows or, if it is below 1, after this share of rows.
    ``max_cost`` is for the whole job, earlier runs included; rows in flight may still exceed it. After a stop,
    ``report.stopped`` says why, and no output is made (:func:`export` makes an output of any ledger). ``window`` is how
    many rows are in flight at once (default: twice the routes' slots).

    With ``batch_api`` "auto" or "always" the rows go to the first route's vendor as batches, if that is OpenAI or
    Anthropic: half the price, a separate quota, and an answer within a day. If a batch does not answer a row, or has
    not answered after ``batch_wait`` seconds (then it is cancelled), "auto" asks the row in a call of its own, and
    "always" sends it in another batch, three times at most. For other vendors "always" is an error. The ledger knows
    the batches, so a later run finds them. ``batch_poll`` is the time between the first checks of a batch, in seconds.
    Rows in batches stay in memory, and ``max_cost`` ends no batch that was sent.

    Where ``max_cost``, ``errors``, ``stop_after_errors``, ``ledger`` or ``batch_api`` is None, the key ``bulk`` of the
    aggregator's configuration decides, if it has this key. An infinite ``max_cost`` or ``stop_after_errors`` is no
    bound.

    Raises LedgerError if another run holds the ledger or it belongs to another job, LedgerFullError on a full disk.
    """
    _called.refuse(params, source, destination)
    target = _target(destination, source, ledger)
    rows = Rows(source, prompted=prompt is not None)
    _misspelt.refuse("run", run.__kwdefaults__, params, OTHERS)
    llm = await _asked_of(llm, models, params.get("model"))
    asking = Asking(llm, prompt, parse, params)
    _check(max_cost, stop_after_errors, window, errors)
    _check_seconds(batch_wait, batch_poll)
    chosen = Chosen.of(asking.defaults(), max_cost, stop_after_errors, errors, ledger, batch_api)
    output.check(target, source, chosen.ledger)
    await asking.check(chosen.max_cost)
    kind = "sqlite" if chosen.ledger is None else chosen.ledger
    with closing(_opened(target, kind, asking.job, resume=resume)) as book:
        engine = Engine(
            rows, asking, book, Window(llm, window), max_cost=chosen.max_cost, retry_errors=retry_errors,
            stop_after_errors=chosen.stop_after_errors, replay=False, deliver=None,
        )  # fmt: skip
        batching = _batching(engine, asking, llm, book, chosen.batch_api, batch_wait, batch_poll)
        with _shown(engine, rows) if progress else nullcontext():
            if batching is not None:
                await batching.run()
            return _written(await engine.run(), book, target)


def _target(destination: str | Path, source: Any, ledger: Kind | Path | None) -> Path:
    target = Path(destination)
    if form_of(target, "the output") == "parquet":
        parquet()
    output.check(target, source, ledger)
    return target


def _written(report: Report, book: Ledger, target: Path) -> Report:
    """Returns the report of a run that has ended. Writes the output, unless the run was stopped."""
    report.ledger = book.path
    if report.stopped is None:
        output.write(target, (entry for entry in book.entries() if entry.n < report.rows))
        report.output = target
    return report


async def _asked_of(llm: Any, models: default.Models | None, model: str | None) -> Any:
    """The aggregator that is asked. Raises InvalidArgumentError."""
    if llm is None:
        return await default.aggregator(models, model)
    if models is not None:
        raise InvalidArgumentError("llm and models are both given; an aggregator has its own list of models")
    return llm


@_called.told
def run_sync(source: Any, destination: str | Path, llm: Any = None, **options: _late.Unpack[RunOptions]) -> Report:
    """``run`` for code without an event loop; it blocks, and Ctrl-C ends it. What was answered is in the ledger."""
    blocking.refuse_inside_loop()
    return asyncio.run(run(source, destination, llm, **options))


class Stream(Generic[T]):
    """Answers as they arrive, by ``for`` or ``async for``; leaving the loop ends the calls that are on their way."""

    def __init__(self, answers: Callable[[], AsyncGenerator[Answer[T], None]]) -> None:
        self._answers = answers

    async def __aiter__(self) -> AsyncIterator[Answer[T]]:
        async with aclosing(self._answers()) as answers:
            async for answer in answers:
                yield answer

    def __iter__(self) -> Iterator[Answer[T]]:
        blocking.refuse_inside_loop()
        loop = asyncio.new_event_loop()
        answers = self._answers()
        try:
            while True:
                try:
                    yield loop.run_until_complete(answers.__anext__())
                except StopAsyncIteration:
                    return
        finally:
            loop.run_until_complete(answers.aclose())
            loop.close()


@overload
def stream(
    rows: Any, llm: Any = None, *, parse: None = None, **options: _late.Unpack[StreamOptions]
) -> Stream[Any]: ...


@overload
def stream(rows: Any, llm: Any = None, *, parse: type[T], **options: _late.Unpack[StreamOptions]) -> Stream[T]: ...


@_called.told
def stream(
    rows: Any, llm: Any = None, *, models: default.Models | None = None, prompt: Prompt | None = None,
    parse: Any = None, ledger: str | Path | None = None, retry_errors: bool = False, max_cost: float | None = None,
    stop_after_errors: float | None = None, window: int | None = None, **params: Any,
) -> Stream[Any]:  # fmt: skip
    """The answers to rows as they arrive, in any order: ``answer.n`` and ``answer.row`` say to which row.

    ``rows``, ``llm``, ``models``, ``prompt``, ``parse`` and ``params`` are those of :func:`run`. With a ``ledger`` (a
    path; ``.jsonl`` for JSON lines) answers are kept, and rows that it has are not asked again. Rows are read as
    answers are taken. The key ``bulk`` of the configuration applies as in :func:`run`, its ``ledger`` only if a path.
    """
    _called.refuse(params, rows)
    _check(max_cost, stop_after_errors, window, None)
    stores.refuse(ledger)
    _misspelt.refuse("stream", stream.__kwdefaults__, params, OTHERS)

    async def answers() -> AsyncGenerator[Answer[Any], None]:
        read = Rows(rows, prompted=prompt is not None)
        user = await _asked_of(llm, models, params.get("model"))
        asking = Asking(user, prompt, parse, params)
        chosen = Chosen.of(asking.defaults(), max_cost, stop_after_errors)
        path = ledger if ledger is not None or not isinstance(chosen.ledger, Path) else chosen.ledger
        await asking.check(chosen.max_cost)
        book = None if path is None else _opened(Path(path), Path(path), asking.job, resume=True)
        arrived: asyncio.Queue[Answer[Any] | None] = asyncio.Queue(1)
        engine = Engine(
            read, asking, book, Window(user, window), max_cost=chosen.max_cost, retry_errors=retry_errors,
            stop_after_errors=chosen.stop_after_errors, replay=True, deliver=arrived.put,
        )  # fmt: skip
        running = asyncio.create_task(_ending(engine, arrived))
        try:
            while (answer := await arrived.get()) is not None:
                yield answer
            await running
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            if book is not None:
                book.close()

    return Stream(answers)


async def _ending(engine: Engine, arrived: asyncio.Queue[Answer[Any] | None]) -> None:
    """Runs to the end, then puts None, which ends the stream. A reader who has left cancels this task before."""
    try:
        await engine.run()
    except Exception:
        await arrived.put(None)
        raise
    await arrived.put(None)


def export(ledger: str | Path, destination: str | Path) -> int:
    """Writes the rows of a ledger, in their order, to a file and returns their number. No run may use the ledger."""
    path = Path(ledger)
    if not path.is_file():
        raise LedgerError(f"there is no ledger {shown_path(path)}")
    book = _ledger(path)
    count = 0

    def counted() -> Iterator[Any]:
        nonlocal count
        for entry in book.entries():
            count += 1
            yield entry

    try:
        output.write(Path(destination), counted())
    finally:
        book.close()
    return count


def _ledger(path: Path) -> Ledger:
    return JsonlLedger(path) if path.suffix == ".jsonl" else SqliteLedger(path)


def _opened(target: Path, kind: str | Path, job: dict[str, Any], *, resume: bool) -> Ledger:
    """Opens the ledger of a job. Raises LedgerError if it exists without ``resume``, or is another job's."""
    stores.refuse(kind)
    if kind in ("sqlite", "jsonl"):
        path = target.with_name(target.name + (".ledger" if kind == "sqlite" else ".ledger.jsonl"))
    elif isinstance(kind, Path):
        path = kind
    else:
        raise InvalidArgumentError(f'ledger is {shown(kind)}; expected "sqlite", "jsonl" or a pathlib.Path')
    if not path.parent.is_dir():
        raise InvalidArgumentError(f"the folder {shown_path(path.parent)} does not exist")
    if path.is_dir():
        raise InvalidArgumentError(f"the ledger {shown_path(path)} is a folder; expected the path of a file")
    book = _ledger(path)
    try:
        noted = book.meta()
        if "job" not in noted:
            if any(True for _ in book.entries()):
                text = f"the file {shown_path(path)} is no ledger of this version"
                raise LedgerError(f"{text}; name another, or another output")
            book.note("job", {"form": _FORM, "begun": time.time(), **job})
            return book
        if noted["job"].get("form") != _FORM:
            text = f"the ledger {shown_path(path)} was made by another version of llmagg; use another output"
            raise LedgerError(text)
        if not resume:
            text = f"the ledger {shown_path(path)} exists; resume=True (--resume) goes on with it"
            raise LedgerError(f"{text}. To begin anew, remove it")
        refuse_another(shown_path(path), noted["job"], job, "Use another output, or remove the ledger")
    except BaseException:
        book.close()
        raise
    return book


def _batching(
    engine: Engine, asking: Asking, llm: Any, book: Ledger, use: Use, wait: float, poll: float
) -> Batching | None:
    if use not in ("never", "auto", "always"):
        raise InvalidArgumentError(f'batch_api is {shown(use)}; expected "never", "auto" or "always"')
    if use != "never":
        return Batching(engine, asking, llm, book, use, wait, poll)
    if noted := book.meta().get("batches"):
        text = f"the ledger {shown_path(book.path)} waits for {len(noted)} batches; go on with batch_api"
        raise LedgerError(f'{text} "auto" or "always" (batch_wait=0 gives the batches up)')
    return None


@contextmanager
def _shown(engine: Engine, rows: Rows) -> Iterator[None]:
    """Shows the progress of a run while the block runs."""
    shown = Progress(engine.report, engine.window, rows.total())

    async def watch() -> None:
        while True:
            shown.tell()
            await asyncio.sleep(0.5)

    watching = asyncio.create_task(watch())
    try:
        yield
    finally:
        watching.cancel()
        shown.close()


def _check_seconds(batch_wait: Any, batch_poll: Any) -> None:
    for name, value, least in (("batch_wait", batch_wait, "0 or more"), ("batch_poll", batch_poll, "above 0")):
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not (number and (value > 0 or (value == 0 and name == "batch_wait"))):
            raise InvalidArgumentError(f"{name} is {shown(value)}; expected seconds, {least}")


def _check(max_cost: Any, stop_after_errors: Any, window: Any, errors: Any) -> None:
    for name, value in (("max_cost", max_cost), ("stop_after_errors", stop_after_errors), ("window", window)):
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if value is not None and not (number and value > 0):
            raise InvalidArgumentError(f"{name} is {shown(value)}; expected a number above 0")
    if window is not None and not isinstance(window, int):
        raise InvalidArgumentError(f"window is {shown(window)}; expected a whole number")
    if errors not in (None, "rows", "stop"):
        raise InvalidArgumentError(f'errors is {shown(errors)}; expected "rows" or "stop"')
