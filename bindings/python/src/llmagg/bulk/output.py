"""The output of a job: made from the ledger in the order of the input, then renamed, so it is whole or not there."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from .._shown import shown_path
from .._wire import decode, encode
from ..errors import InvalidArgumentError
from .ledger import FAILED, Entry
from .room import full
from .rows import form_of, parquet

COLUMNS = (
    "n", "id", "answer", "parsed", "finish_reason", "tool_calls", "route", "prompt_tokens", "completion_tokens",
    "cost", "currency", "error",
)  # fmt: skip
"""The columns of csv and parquet files; ``parsed``, ``tool_calls`` and ``error`` are JSON text."""


def check(path: Path, source: Any, ledger: Any) -> None:
    """Raises InvalidArgumentError if answers are not to replace what stands there: a folder, the rows, the ledger."""
    if path.is_dir():
        raise InvalidArgumentError(f"the output {shown_path(path)} is a folder; expected the path of a file")
    if isinstance(ledger, Path) and ledger.resolve() == path.resolve():
        text = f"the output {shown_path(path)} is the ledger, which the answers would replace; name another file"
        raise InvalidArgumentError(text)
    if isinstance(source, (str, Path)) and path.exists() and Path(source).exists() and path.samefile(source):
        text = f"the output {shown_path(path)} is the input, which the answers would replace; name another file"
        raise InvalidArgumentError(text)


def write(path: Path, entries: Iterable[Entry]) -> None:
    """Writes entries to a file, whose ending says its form. Raises LedgerFullError."""
    form = form_of(path, "the output")
    path = path.resolve()  # a link stays one
    part = path.with_name(f"{path.name}.part")
    try:
        _WRITERS[form](part, entries)
        descriptor = os.open(part, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        part.replace(path)
    except OSError as error:
        raise full(path, error) from None
    finally:
        part.unlink(missing_ok=True)


def line(entry: Entry) -> str:
    """An entry as a line of jsonl: ``n``, ``id``, then the answer with usage and cost, or the error."""
    parts = [f'{{"n":{entry.n}']
    if entry.id is not None:
        parts.append(f'"id":{entry.id}')
    if entry.answer is not None:
        parts.append(entry.answer[1:-1])
    if entry.usage is not None:
        parts.append(f'"usage":{entry.usage}')
    if entry.cost is not None:
        parts.append(f'"cost":{{"amount":{entry.cost!r},"currency":"{entry.currency}"}}')
    if entry.error is not None:
        parts.append(f'"error":{entry.error}')
    return ",".join(parts) + "}\n"


def _write_jsonl(path: Path, entries: Iterable[Entry]) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(map(line, entries))


def flat(entry: Entry) -> tuple[Any, ...]:
    """The values of ``COLUMNS``."""
    answer = decode(entry.answer.encode()) if entry.answer else {}
    usage = decode(entry.usage.encode()) if entry.usage else {}
    name = decode(entry.id.encode()) if entry.id else None
    return (
        entry.n, name if isinstance(name, str) else entry.id, answer.get("answer"), _text(answer.get("parsed")),
        answer.get("finish_reason"), _text(answer.get("tool_calls")), answer.get("route"), usage.get("prompt_tokens"),
        usage.get("completion_tokens"), entry.cost, entry.currency, entry.error if entry.state == FAILED else None,
    )  # fmt: skip


def _text(value: Any) -> str | None:
    return None if value is None else encode(value).decode()


def _write_csv(path: Path, entries: Iterable[Entry]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(map(flat, entries))


def _write_parquet(path: Path, entries: Iterable[Entry]) -> None:
    arrow, kinds = import_module("pyarrow"), {}
    kinds.update(dict.fromkeys(COLUMNS, arrow.string()))
    kinds.update(dict.fromkeys(("n", "prompt_tokens", "completion_tokens"), arrow.int64()), cost=arrow.float64())
    schema = arrow.schema([(name, kinds[name]) for name in COLUMNS])
    with parquet().ParquetWriter(path, schema) as writer:
        for group in _groups(map(flat, entries), 10_000):
            columns = [arrow.array(column, kinds[name]) for name, column in zip(COLUMNS, zip(*group))]
            writer.write_table(arrow.Table.from_arrays(columns, schema=schema))


def _groups(rows: Iterator[tuple[Any, ...]], size: int) -> Iterator[list[tuple[Any, ...]]]:
    group: list[tuple[Any, ...]] = []
    for row in rows:
        group.append(row)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group


_WRITERS = {"jsonl": _write_jsonl, "csv": _write_csv, "parquet": _write_parquet}
