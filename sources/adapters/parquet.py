"""Parquet files that may be damaged or lie: their footers, their rows, and the audio in one column of them."""

import io
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import soundfile

from turnmill.sources.places.place import Place, Stamp

_ROWS: Final = 1000  # of a batch that is described
_BATCH: Final = 8 << 20  # bytes of audio that are held, or one cell
_BUFFER: Final = 1 << 20
_BOMB: Final = 1000  # times its size that no file becomes
_METADATA: Final = b"huggingface"
FAULTS: Final = (pa.ArrowException, OSError, ValueError, KeyError, IndexError, OverflowError, RecursionError)
"""What pyarrow raises on a file that is not as it says."""


class ParquetError(Exception):
    """A file that cannot be read: a part of a sentence."""


@dataclass(frozen=True)
class Group:
    """A row group. first: its first row in the file. size: bytes of its audio as they are stored."""

    number: int
    first: int
    rows: int
    size: int


class Table:
    """An open Parquet file with a column of audio. Raises ParquetError where it is none."""

    def __init__(self, file: BinaryIO, audio: str) -> None:
        try:
            # Without a buffer a column would be read whole.
            self._file = pq.ParquetFile(file, buffer_size=_BUFFER, pre_buffer=False, page_checksum_verification=True)
            self.schema = self._file.schema_arrow
            self._size = file.seek(0, io.SEEK_END)
        except FAULTS as error:
            raise ParquetError(f"cannot be read as Parquet: {first_line(error)}") from error
        if audio not in self.schema.names:
            raise ParquetError(f"has no column {audio!r}, only {', '.join(self.schema.names)[:200]}")
        if twice := sorted({name for name in self.schema.names if self.schema.names.count(name) > 1}):
            raise ParquetError(f"has the column {twice[0]!r} twice")
        self.audio = audio
        self.kind = _kind(self.schema.field(audio).type)
        if not self.kind:
            raise ParquetError(f"has no audio in its column {audio!r}, which is {self.schema.field(audio).type}")

    def groups(self) -> list[Group]:
        """Raises ParquetError where the footer says what cannot be."""
        found, first = [], 0
        try:
            footer = self._file.metadata
            for number in range(footer.num_row_groups):
                group = footer.row_group(number)
                columns = [group.column(each) for each in range(group.num_columns)]
                held = sum(c.total_compressed_size for c in columns if c.path_in_schema.split(".")[0] == self.audio)
                whole = sum(c.total_uncompressed_size for c in columns)
                if not (0 <= group.num_rows <= self._size and 0 <= held <= self._size and whole <= _BOMB * self._size):
                    raise ParquetError(
                        f"has a footer that cannot be true: {group.num_rows} rows, {held} bytes of audio, {whole} "
                        f"bytes when it is decompressed, in a file of {self._size} bytes"
                    )
                found.append(Group(number, first, group.num_rows, held))
                first += group.num_rows
        except FAULTS as error:
            raise ParquetError(f"has a broken footer: {first_line(error)}") from error
        return found

    def labels(self) -> dict[str, list[str]]:
        """The names of classes, by column, as the Hub's own metadata have them."""
        try:
            told = json.loads((self.schema.metadata or {}).get(_METADATA, b"{}"))
            features = told.get("info", {}).get("features", {})
            named = {column: _class_names(feature) for column, feature in features.items()}
        except (ValueError, AttributeError, RecursionError):
            return {}
        return {column: names for column, names in named.items() if names}

    def rows(self, group: Group, drop: Sequence[str]) -> Iterator[list[dict[str, Any]]]:
        """The rows of a group in batches, no more than the footer says, without audio but for its file name and rate.
        Raises ParquetError."""
        columns = [*self._described(drop), *(f"{self.audio}.{part}" for part in self._parts())]
        left = group.rows
        for batch in self._batches(group, columns, _ROWS) if columns else ():
            try:
                rows = batch.to_pylist()
            except FAULTS as error:
                raise ParquetError(f"cannot be read: {first_line(error)}") from error
            yield rows[:left]
            left -= min(left, len(rows))
        yield [{} for _ in range(0 if columns else left)]

    def _batches(self, group: Group, columns: Sequence[str], rows: int) -> Iterator[pa.RecordBatch]:
        """Raises ParquetError."""
        try:
            yield from self._file.iter_batches(rows, row_groups=[group.number], columns=columns, use_threads=False)
        except FAULTS as error:
            raise ParquetError(f"cannot be read: {first_line(error)}") from error

    def _described(self, drop: Sequence[str]) -> Iterator[str]:
        for field in self.schema:
            if field.name != self.audio and field.name not in drop and not _holds_bytes(field.type):
                yield field.name

    def _parts(self) -> list[str]:
        kind = self.schema.field(self.audio).type
        return [
            part for part in ("path", "sampling_rate") if pa.types.is_struct(kind) and kind.get_field_index(part) >= 0
        ]

    def cells(self, group: Group) -> Iterator[pa.Array]:
        """The audio of a group's rows, a few at a time. Raises ParquetError."""
        column = f"{self.audio}.{self.kind}" if self.kind in ("bytes", "array") else self.audio
        each = max(1, min(256, _BATCH // max(group.size // max(group.rows, 1), 1)))
        for batch in self._batches(group, [column], each):
            cells = batch.column(0)
            yield cells.field(self.kind) if pa.types.is_struct(cells.type) else cells


@contextmanager
def opened(root: Place, path: str, audio: str) -> Iterator[Table]:
    """A file below a root. Raises ParquetError."""
    try:
        file = root.open(path)
    except OSError as error:
        raise ParquetError(f"is there, but cannot be read: {error.strerror}") from error
    with file:
        yield Table(file, audio)


def _kind(kind: pa.DataType) -> str:
    """How a column holds audio: `bytes` or `array` of a struct, `binary`, `samples`; empty where it holds none."""
    if pa.types.is_struct(kind):
        parts = {kind.field(number).name: kind.field(number).type for number in range(kind.num_fields)}
        if "bytes" in parts and _is_binary(parts["bytes"]):
            return "bytes"
        return "array" if "array" in parts and _are_samples(parts["array"]) else ""
    if _is_binary(kind):
        return "binary"
    return "samples" if _are_samples(kind) else ""


def _is_binary(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind))


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


def _are_samples(kind: pa.DataType) -> bool:
    """Lists of floats, or of channels of them."""
    inner = kind.value_type if _is_list(kind) else None
    return inner is not None and bool(pa.types.is_floating(inner) or _are_samples(inner))


def _holds_bytes(kind: pa.DataType) -> bool:
    """Whether a column holds files: pictures, other audio. Nothing else of it is described."""
    if pa.types.is_nested(kind):
        return any(_holds_bytes(kind.field(number).type) for number in range(kind.num_fields))
    return _is_binary(kind) or bool(pa.types.is_fixed_size_binary(kind))


def _class_names(feature: Any) -> list[str]:
    inner = feature.get("feature", feature) if isinstance(feature, dict) else feature
    names = inner.get("names") if isinstance(inner, dict) and inner.get("_type") == "ClassLabel" else None
    return [str(name) for name in names] if isinstance(names, list) else []


def first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


class _Cells:
    """The audio of a row group, of which the last few cells are held; what is behind them is read from its start."""

    def __init__(self, opened_table: ExitStack, table: Table, group: Group) -> None:
        self._open, self._table, self._group = opened_table, table, group
        self._first, self._held = 0, pa.nulls(0)
        self._batches = table.cells(group)

    def cell(self, row: int) -> Any:
        """Raises ParquetError."""
        if row < self._first:
            self._first, self._held, self._batches = 0, pa.nulls(0), self._table.cells(self._group)
        while row >= self._first + len(self._held):
            self._first += len(self._held)
            self._held = next(self._batches, None)
            if self._held is None:
                raise ParquetError("has fewer rows than its footer says")
        return self._held[row - self._first]

    def close(self) -> None:
        self._open.close()


class _Last(threading.local):
    """The row group that a thread has read audio of last; its file stays open until another is asked for."""

    key: tuple[Any, ...] = ()
    cells: _Cells | None = None


_LAST: Final = _Last()


def audio_cell(root: Place, path: str, audio: str, stamp: Stamp, group: Group, row: int) -> Any:
    """The cell of a row of a group, as an Arrow scalar; rows that are asked for in order are read once. Raises
    ParquetError."""
    key = (root.address, path, audio, tuple(stamp), group)
    if _LAST.cells is None or _LAST.key != key:
        forget()
        with ExitStack() as stack:
            table = stack.enter_context(opened(root, path, audio))
            _LAST.key, _LAST.cells = key, _Cells(stack.pop_all(), table, group)
    try:
        return _LAST.cells.cell(row)
    except ParquetError:
        forget()
        raise


def forget() -> None:
    """Close what is held open for the next cell."""
    if _LAST.cells is not None:
        _LAST.cells.close()
    _LAST.key, _LAST.cells = (), None


def as_file(cell: Any, rate: int | None) -> BinaryIO:
    """A cell as a file: its own bytes, or its samples as a WAV file of floats. A cell without any is empty."""
    if not cell.is_valid:
        return io.BytesIO()
    if not pa.types.is_nested(cell.type):
        return io.BytesIO(cell.as_buffer().to_pybytes())
    file = io.BytesIO()
    samples = np.asarray(cell.as_py(), dtype=np.float32)
    soundfile.write(file, samples.T, rate or 0, format="WAV", subtype="FLOAT")
    file.seek(0)
    return file


def classed(record: dict[str, Any], labels: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """A row with the names of its classes; null where it is of none (-1)."""
    return {name: _named(value, labels[name]) if name in labels else value for name, value in record.items()}


def _named(value: Any, names: Sequence[str]) -> Any:
    if isinstance(value, list):
        return [_named(each, names) for each in value]
    if isinstance(value, bool) or not isinstance(value, int):
        return value
    return names[value] if 0 <= value < len(names) else None
