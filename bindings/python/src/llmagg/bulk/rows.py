"""Rows of files and iterables: jsonl, csv, and parquet if pyarrow is installed."""

from __future__ import annotations

import csv
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sized
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from .._shown import shown_path
from .._wire import decode
from ..errors import BadResponseError, InvalidArgumentError

ASKED = ("body", "messages", "prompt")
NAME_IT = 'Name the column that is asked (prompt="COLUMN", --prompt COLUMN), or write a text with "{COLUMN}" in it'
_LONGEST_CELL = (1 << 31) - 1  # csv's own limit is 131072 characters
SUFFIXES = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".parquet": "parquet"}


class Unreadable(NamedTuple):
    """A row that cannot be read; it becomes a row with an error."""

    reason: str


def form_of(path: Path, what: str) -> str:
    """The form of a file, by its ending. Raises InvalidArgumentError."""
    form = SUFFIXES.get(path.suffix.lower())
    if form is None:
        raise InvalidArgumentError(f"{what} is {shown_path(path)}; expected a file .jsonl, .csv or .parquet")
    return form


class Rows:
    """The rows of a source, read once, and how many there are (None: not known)."""

    def __init__(self, source: Any, *, prompted: bool = False) -> None:
        """``prompted``: the job says what is asked, so that a file may have any columns."""
        self.name = "the rows"
        self._length: Callable[[], int | None] = lambda: None
        self._plain: Iterator[Any] | None = None
        self._awaited: AsyncIterator[Any] | None = None
        if isinstance(source, (str, Path)):
            path = Path(source)
            form = form_of(path, "the input")
            if not path.is_file():
                raise InvalidArgumentError(f"the input {shown_path(path)} does not exist, or is not a file")
            self.name = shown_path(path)
            read, length = _READERS[form]
            self._plain = read(path, not prompted)
            self._length = lambda: length(path)
        elif (table := _table(source)) is not None:
            self._plain = table
            self._length = lambda: len(source)
        elif hasattr(source, "__aiter__"):
            self._awaited = source.__aiter__()
        elif isinstance(source, Mapping):
            text = "the input is an object; expected a path or an iterable of rows (for a single row: [row])"
            raise InvalidArgumentError(text)
        elif isinstance(source, Iterable):
            self._plain = iter(source)
            if isinstance(source, Sized):
                self._length = lambda: len(source)
        else:
            kind = type(source).__name__
            raise InvalidArgumentError(f"the input must be a path or an iterable of rows, got {kind}")

    def total(self) -> int | None:
        """How many rows there are; a file is read for it."""
        return self._length()

    async def next(self) -> Any:
        """The next row. Raises StopAsyncIteration."""
        if self._plain is not None:
            for row in self._plain:
                return row
            raise StopAsyncIteration
        assert self._awaited is not None
        return await self._awaited.__anext__()


def _table(source: Any) -> Iterator[Any] | None:
    """The rows of a table of pandas, polars or pyarrow, as dicts; None for what is no table. Without this, iterating a
    table of pandas gives the names of its columns.
    """
    if hasattr(source, "iter_rows") and hasattr(source, "columns"):  # polars
        rows: Iterator[Any] = source.iter_rows(named=True)
        return rows
    if hasattr(source, "to_batches") and hasattr(source, "column_names"):  # pyarrow
        return iter(row for batch in source.to_batches() for row in batch.to_pylist())
    if hasattr(source, "itertuples") and hasattr(source, "columns"):  # pandas, where NaN is what is missing
        names = [str(name) for name in source.columns]
        plain = source.astype(object).where(source.notna(), None)
        return iter(dict(zip(names, values)) for values in plain.itertuples(index=False, name=None))
    return None


def _read_jsonl(path: Path, _: bool) -> Iterator[Any]:
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if number == 1:
                if line.startswith((b"\xff\xfe", b"\xfe\xff")):
                    raise _foreign_text(path)
                line = line.removeprefix(b"\xef\xbb\xbf")
            if not line.strip():
                continue
            try:
                yield decode(line, f"line {number}")
            except BadResponseError:
                what = "not UTF-8" if _foreign(line.decode("utf-8", "surrogateescape")) else "not valid JSON"
                yield Unreadable(f"line {number} of {shown_path(path.name)} is {what}")


def _count_jsonl(path: Path) -> int:
    with path.open("rb") as file:
        return sum(1 for line in file if line.strip())


def _read_csv(path: Path, asked: bool) -> Iterator[Any]:
    header: list[str] | None = None
    for at, row in _csv_rows(path):
        if isinstance(row, Unreadable):
            if header is None:
                raise InvalidArgumentError(row.reason)
            yield row
        elif header is None:
            header = row
            _check_columns(path, header, asked)
        elif len(row) != len(header):
            many = f"{len(row)} column{'' if len(row) == 1 else 's'}, and the header {len(header)}"
            yield Unreadable(f"the row at line {at} of {shown_path(path.name)} has {many}")
        else:
            yield dict(zip(header, row))


def _csv_rows(path: Path) -> Iterator[tuple[int, list[str] | Unreadable]]:
    """Rows that are not empty, and the line in which each ends. A row that is none does not end the job."""
    with path.open("rb") as file:
        if file.read(2) in (b"\xff\xfe", b"\xfe\xff"):
            raise _foreign_text(path)
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        reader = csv.reader(file, strict=True)
        while True:
            begins = reader.line_num + 1
            limit = csv.field_size_limit(_LONGEST_CELL)  # of the process: it is put back
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield (
                    reader.line_num,
                    Unreadable(f"the row at line {begins} of {shown_path(path.name)} is no CSV: {error}"),
                )
                continue
            finally:
                csv.field_size_limit(limit)
            if any(map(_foreign, row)):
                yield reader.line_num, Unreadable(f"the row at line {begins} of {shown_path(path.name)} is not UTF-8")
            elif row:
                yield begins, row


def _count_csv(path: Path) -> int:
    return max(sum(1 for _ in _csv_rows(path)) - 1, 0)


def _check_columns(path: Path, names: list[str], asked: bool) -> None:
    """Raises InvalidArgumentError if no row of a file can be asked."""
    for name in names:
        if names.count(name) > 1:
            raise InvalidArgumentError(f"{shown_path(path.name)} has the column {name!r} twice")
    if not asked or any(key in names for key in ASKED):
        return
    found = ", ".join(map(repr, names[:8]))
    text = f"{shown_path(path.name)} has no column 'prompt', 'messages' or 'body'; it has {found}"
    other = next((mark for mark in ";\t|" if len(names) == 1 and mark in names[0]), None)
    if other is not None:
        raise InvalidArgumentError(f"{text}. Its columns are separated by {other!r}; expected commas")
    raise InvalidArgumentError(f"{text}. {NAME_IT}")


def _foreign(text: str) -> bool:
    """Whether a text was read from bytes that are not UTF-8."""
    if text.isascii():
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def _foreign_text(path: Path) -> InvalidArgumentError:
    return InvalidArgumentError(f"{shown_path(path.name)} is UTF-16; expected UTF-8")


def parquet() -> Any:
    """The module pyarrow.parquet. Raises InvalidArgumentError."""
    try:
        return import_module("pyarrow.parquet")
    except ImportError:
        raise InvalidArgumentError("parquet files need pyarrow: pip install pyarrow") from None


def _opened(path: Path) -> Any:
    try:
        return parquet().ParquetFile(path)
    except (OSError, ValueError) as error:
        raise InvalidArgumentError(f"{shown_path(path.name)} cannot be read as parquet: {error}") from None


def _read_parquet(path: Path, asked: bool) -> Iterator[Any]:
    with _opened(path) as file:
        _check_columns(path, list(file.schema_arrow.names), asked)
        for batch in file.iter_batches(batch_size=1000):
            yield from batch.to_pylist()


def _count_parquet(path: Path) -> int:
    with _opened(path) as file:
        return int(file.metadata.num_rows)


_READERS: dict[str, tuple[Callable[[Path, bool], Iterator[Any]], Callable[[Path], int]]] = {
    "jsonl": (_read_jsonl, _count_jsonl),
    "csv": (_read_csv, _count_csv),
    "parquet": (_read_parquet, _count_parquet),
}


def id_of(row: Any) -> Any:
    """What the row calls itself: its ``custom_id`` or ``id``; None without."""
    if not isinstance(row, dict):
        return None
    return row.get("custom_id", row.get("id"))
