"""``llmagg batch prompts.jsonl answers.jsonl``: a bulk job as a command."""

from __future__ import annotations

import json
import signal
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from llmagg import InvalidArgumentError, default

from . import FAILED, INTERRUPTED, ROWS_FAILED
from .options import AsJSON, Config, Models, only

if TYPE_CHECKING:
    from llmagg.bulk import Report

Flag = typer.Option


def batch(
    context: typer.Context,
    source: Annotated[Path, typer.Argument(metavar="INPUT", help="the rows: .jsonl, .csv or .parquet")],
    output: Annotated[Path, typer.Argument(metavar="OUTPUT", help="the answers: .jsonl, .csv or .parquet")],
    model: Models = None, config: Config = None,
    prompt: Annotated[
        str | None,
        Flag("-p", "--prompt", metavar="TEXT", help='a column, or a text such as "Is this spam? {review}"'),
    ] = None,
    resume: Annotated[bool, Flag("--resume", help="go on with the ledger of an earlier run")] = False,
    retry_errors: Annotated[bool, Flag("--retry-errors", help="ask the rows again that failed")] = False,
    max_cost: Annotated[float | None, Flag(metavar="SUM", help="stop at this cost of the whole job")] = None,
    errors: Annotated[
        Literal["rows", "stop"] | None, Flag(help="stop: end at the first failed row; default: rows")
    ] = None,
    stop_after_errors: Annotated[float | None, Flag(metavar="N", help="failed rows; below 1: a share of rows")] = None,
    ledger: Annotated[
        str | None, Flag(metavar="KIND", help="sqlite (the default), jsonl, or the path of the ledger")
    ] = None,
    window: Annotated[int | None, Flag(metavar="N", help="rows at once; default: twice the routes' slots")] = None,
    batch_api: Annotated[
        Literal["never", "auto", "always"] | None,
        Flag(help="send batches to OpenAI or Anthropic; auto: rows without an answer get a call; default: never"),
    ] = None,
    batch_wait: Annotated[float, Flag(metavar="SECONDS", help="with auto: the longest wait for a batch")] = 86400,
    batch_poll: Annotated[float, Flag(hidden=True)] = 5,
    param: Annotated[
        list[str] | None,
        Flag(metavar="NAME=VALUE", help="a parameter of all calls, in JSON or as a text: --param temperature=0"),
    ] = None,
    quiet: Annotated[bool, Flag("--quiet", help="no progress")] = False, as_json: AsJSON = False,
    export: Annotated[bool, Flag("--export", help="ask nothing: INPUT is a ledger, written to OUTPUT")] = False,
) -> None:  # fmt: skip
    """Asks each row of a file, and keeps every paid answer.

    A row is a text, or an object with 'prompt', 'messages' or 'body' (a whole request); --prompt asks any other column.
    The answers are written in the order of the rows. Each answer goes to a ledger beside the output at once: after a
    kill, --resume asks only the rows that are missing. The key 'bulk' of the configuration sets other defaults for
    --max-cost, --errors, --stop-after-errors, --ledger and --batch-api.

    Exit codes: 0 every row is answered, 1 no output: the run was stopped by --max-cost or by errors, or failed, 2 wrong
    use, 4 the output has failed rows (rows with 'error'), 130 interrupted.
    """
    bulk: Any = import_module("llmagg.bulk")
    if export:
        only(context, "--export asks nothing", "source", "output", "export", "quiet")
        print(f"{bulk.export(source, output)} rows written to {output}", file=sys.stderr)
        return
    signal.signal(signal.SIGTERM, _stopped)
    try:
        report = bulk.run_sync(
            source, output, default.of_command(model, config), prompt=prompt, resume=resume, retry_errors=retry_errors,
            max_cost=max_cost, errors=errors, stop_after_errors=stop_after_errors,
            ledger=ledger if ledger in (None, "sqlite", "jsonl") else Path(ledger), window=window, batch_api=batch_api,
            batch_wait=batch_wait, batch_poll=batch_poll, progress=not quiet, **_params(param or []),
        )  # fmt: skip
    except KeyboardInterrupt:
        print("interrupted; --resume goes on with the ledger", file=sys.stderr)
        raise typer.Exit(INTERRUPTED) from None
    _tell(report, as_json=as_json)


def _tell(report: Report, *, as_json: bool) -> None:
    if as_json:
        paths = {name: path and str(path) for name, path in (("output", report.output), ("ledger", report.ledger))}
        print(json.dumps({**vars(report), **paths}))
    else:
        print(report if report.rows else "the input has no rows: nothing was asked", file=sys.stderr)
    if report.stopped is not None:
        more = "a higher --max-cost and --resume" if report.stopped == "max_cost" else "--resume --retry-errors"
        print(f"stopped by {report.stopped}: no output was made. Go on with {more}; --export {report.ledger} FILE "
              "writes what there is", file=sys.stderr)  # fmt: skip
        raise typer.Exit(FAILED)
    if report.errors:
        print("failed rows are rows with 'error'; --resume --retry-errors asks them again", file=sys.stderr)
        raise typer.Exit(ROWS_FAILED)


def _stopped(*_: Any) -> None:
    signal.raise_signal(signal.SIGINT)  # which the event loop knows how to end on


def _params(given: list[str]) -> dict[str, Any]:
    params = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals:
            raise InvalidArgumentError(f"--param is {text!r}; expected NAME=VALUE")
        try:
            params[name] = json.loads(value)
        except ValueError:
            params[name] = value
    return params
