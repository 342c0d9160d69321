"""``llmagg batch prompts.jsonl answers.jsonl``: a bulk job as a command; it needs no extra."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from pathlib import Path
from typing import Any

from .. import default
from ..errors import InvalidArgumentError, LLMError, ModelNotFoundError, NotInitializedError, ProviderNotFoundError
from .job import export, run_sync
from .report import Report

FAILED, WRONG_USE, INTERRUPTED = 1, 2, 130
_WRONG = (InvalidArgumentError, NotInitializedError, ModelNotFoundError, ProviderNotFoundError)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="llmagg batch",
        description="Asks each row of a file (.jsonl, .csv, .parquet) and writes the answers in the order of the rows. "
        "A row is a text, or an object with 'prompt', 'messages' or 'body' (a whole request). Every answer is in a "
        "ledger beside the output at once: after a kill, --resume asks only the rows that are missing.",
        epilog="Exit codes: 0 all rows were asked (failed rows are rows with 'error'), 1 the run was stopped by "
        "--max-cost or by errors, or failed, 2 wrong use, 130 interrupted.",
    )
    parser.add_argument("input", type=Path)
    parser.add_argument("output", type=Path, help="with --export: the output that is made of what the ledger has")
    parser.add_argument("-c", "--config", type=Path, help="a configuration file instead of the environment")
    parser.add_argument("-m", "--model", action="append", help="provider/model; repeat it for failover")
    parser.add_argument("--resume", action="store_true", help="go on with the ledger of an earlier run")
    parser.add_argument("--retry-errors", action="store_true", help="ask the rows again that failed")
    parser.add_argument("--max-cost", type=float, metavar="SUM", help="stop at this cost of the whole job")
    parser.add_argument("--errors", choices=["rows", "stop"], default="rows", help="stop: end at the first failed row")
    parser.add_argument("--stop-after-errors", type=float, metavar="N", help="a number, or a share of the rows below 1")
    parser.add_argument("--ledger", default="sqlite", help="sqlite, jsonl, or the path of the ledger")
    parser.add_argument("--window", type=int, help="rows in flight at once; default: twice the slots of the routes")
    parser.add_argument("--batch-api", choices=["never", "auto", "always"], default="never",
                        help="send batches to OpenAI or Anthropic; auto asks live what they do not answer")  # fmt: skip
    parser.add_argument(
        "--batch-wait", type=float, default=86400, metavar="S", help="auto: seconds until rows are asked live"
    )
    parser.add_argument("--batch-poll", type=float, default=5, metavar="S", help=argparse.SUPPRESS)
    parser.add_argument("--quiet", action="store_true", help="no progress")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.add_argument("--export", action="store_true", help="ask nothing: INPUT is a ledger, written to OUTPUT")
    parser.add_argument("--param", action="append", default=[], metavar="NAME=VALUE",
                        help="a parameter of all calls, VALUE is JSON or a text: --param temperature=0")  # fmt: skip
    return parser


def main(arguments: list[str]) -> int:
    """Runs the command; returns the exit code."""
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, _stopped)
    try:
        if options.export:
            print(f"{export(options.input, options.output)} rows written to {options.output}", file=sys.stderr)
            return 0
        report = _run(options)
    except _WRONG as error:
        print(f"error: {error}", file=sys.stderr)
        return WRONG_USE
    except (LLMError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("interrupted; --resume goes on with the ledger", file=sys.stderr)
        return INTERRUPTED
    if options.json:
        print(json.dumps({**vars(report), "output": _text(report.output), "ledger": _text(report.ledger)}))
    else:
        print(report, file=sys.stderr)
    if report.stopped is not None:
        more = "a higher --max-cost and --resume" if report.stopped == "max_cost" else "--resume --retry-errors"
        print(f"stopped by {report.stopped}: no output was made. Go on with {more}; --export {report.ledger} FILE "
              "writes what there is", file=sys.stderr)  # fmt: skip
        return FAILED
    return 0


def _stopped(*_: Any) -> None:
    signal.raise_signal(signal.SIGINT)  # which the event loop knows how to end on


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _run(options: argparse.Namespace) -> Report:
    ledger = options.ledger if options.ledger in ("sqlite", "jsonl") else Path(options.ledger)
    return run_sync(
        options.input, options.output, default.of_command(options.model, options.config), resume=options.resume,
        retry_errors=options.retry_errors, max_cost=options.max_cost, errors=options.errors,
        stop_after_errors=options.stop_after_errors, ledger=ledger, window=options.window,
        batch_api=options.batch_api, batch_wait=options.batch_wait, batch_poll=options.batch_poll,
        progress=not options.quiet, **_params(options.param),
    )  # fmt: skip


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
