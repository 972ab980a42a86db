"""Rows of Parquet files: of the columns that are needed, a few at a time. What of a row group cannot be read is one
reject.

Rows within a row group can only be read from its first on. The file that was read last in this process stays open where
its reader stopped, so that one who reads its stretches in order decodes it once.
"""

from collections.abc import Iterator, Set
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from turnmill.sources.adapters.dialogue_rows import Row, Start
from turnmill.sources.places.place import Place

_BATCH: Final = 256  # rows that are decoded at a time
_LENGTH: Final = 80  # characters of what pyarrow says

_left: dict[Any, "_Rows"] = {}
"""The rows that were read last; none while they are read."""


def parquet_rows(root: Place, path: str, start: Start, columns: Set[str]) -> Iterator[Row]:
    """Rows of a file below a place, with those of its columns, from row `start.at` (from 0) on."""
    key = (root.address, path, root.stamps([path])[path], columns)
    rows = _left.pop(key, None)
    if rows is None or not rows.stands_at(start.at):
        if rows is not None:
            rows.end()
        rows = _Rows(root, path, columns, start.at)
    try:
        yield from rows
    finally:
        for other in list(_left):
            if (left := _left.pop(other, None)) is not None:
                left.end()
        _left[key] = rows


class _Rows(Iterator[Row]):
    """The rows of an open file, of which the last may be had again, by a reader that had to look at it."""

    def __init__(self, root: Place, path: str, columns: Set[str], at: int) -> None:
        self._file = root.open(path)
        self._found = _found(self._file, columns, at)
        self._next, self._again = at, False
        self._last: Row | None = None

    def __next__(self) -> Row:
        row = self._last
        if row is None or not self._again:
            row, self._next = next(self._found)
        self._last, self._again = row, False
        return row

    def stands_at(self, at: int) -> bool:
        """Whether it can go on at a row."""
        self._again = self._last is not None and self._last.start.at == at
        return self._again or self._next == at

    def end(self) -> None:  # no `close`, which `yield from` would call
        self._file.close()


def _found(file: Any, columns: Set[str], at: int) -> Iterator[tuple[Row, int]]:
    """The rows from one on, each with the number (from 0) of the next."""
    try:
        parquet = pq.ParquetFile(pa.PythonFile(file, mode="r"), pre_buffer=False)
        names = [name for name in parquet.schema_arrow.names if name in columns]
        counts = [max(0, parquet.metadata.row_group(n).num_rows) for n in range(parquet.num_row_groups)]
    except _UNREADABLE as error:
        yield Row(Start(), None, f"is of no whole Parquet file ({_told(error)})"), 1
        return
    begin = 0
    for group, count in enumerate(counts):
        if at < begin + count:
            yield from _of_group(parquet, group, names, range(begin, begin + count), at)
        begin += count


def _of_group(
    parquet: pq.ParquetFile, group: int, names: list[str], numbers: range, first: int
) -> Iterator[tuple[Row, int]]:
    at, why = numbers.start, "the row group ends before it"
    try:
        for batch in parquet.iter_batches(_BATCH, row_groups=[group], columns=names):
            for value, error in _values(batch):
                if at >= first:
                    yield Row(Start(at, at + 1), value, error), at + 1
                at += 1
    except _UNREADABLE as error:
        why = _told(error)
    if at < numbers.stop:
        broken = max(at, first)
        said = f"cannot be read ({why}), nor what follows in its row group, {numbers.stop - broken} in all"
        yield Row(Start(broken, broken + 1), None, said), numbers.stop


def _values(batch: pa.RecordBatch) -> Iterator[tuple[Any, str | None]]:
    try:
        found = batch.to_pylist()
    except _UNREADABLE:
        for index in range(batch.num_rows):
            try:
                yield batch.slice(index, 1).to_pylist()[0], None
            except _UNREADABLE as error:
                yield None, f"cannot be read ({_told(error)})"
        return
    yield from ((value, None) for value in found)


_UNREADABLE: Final = (pa.ArrowException, OSError, ValueError, OverflowError)


def _told(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno is not None:  # of the disk, not of what is on it
        raise error
    return str(error).partition("\n")[0][:_LENGTH] or type(error).__name__
