"""Written dialogues: `.jsonl`, `.jsonl.gz`, or a `.json` list, read in stretches of bounded memory.

What a dialogue looks like is in `dialogue_shapes`. `id`, `scenario` and `language` are read where they stand beside it.
"""

import gzip
import io
import json
import re
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import IO, Any, ClassVar, Final, Literal, NamedTuple, cast

from turnmill.manifests.errors import UsageError
from turnmill.manifests.languages import UNKNOWN
from turnmill.manifests.records import Reason, Reject, TextDialogue, stable_hash
from turnmill.sources.adapters.base import Corpus, Family
from turnmill.sources.adapters.dialogue_shapes import NoDialogue, language_of, turns_of
from turnmill.sources.adapters.items import Unit, UnitSize, unit_name
from turnmill.sources.adapters.lines import MAX_LINE, read_lines
from turnmill.sources.places.place import Place

_SUFFIXES: Final = (".jsonl", ".jsonl.gz", ".json")
_CHUNK: Final = 4 << 20  # characters of a JSON list that are read at a time
_DEEPEST: Final = 100  # brackets within brackets of a row that is read
_BRACKET: Final = re.compile(r'[][{}]|"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)  # or a string, which may hold some
_BETWEEN: Final = re.compile("\ufeff?\\s*[\\[,]?\\s*")  # what may precede an element of a JSON list


class _Row(NamedTuple):
    """`number`: line, or element of the list, from 1. `value`: parsed; `error`: why it could not be."""

    number: int
    offset: int
    value: Any
    error: str | None


class DialogueTextIngest(Family[TextDialogue]):
    """A JSON Lines file (also gzipped) or a JSON list of dialogues, which is the corpus's root."""

    holds: ClassVar[Literal["audio", "text"]] = "text"
    family: Literal["dialogue_text"]

    def units(self, corpus: Corpus[TextDialogue], size: UnitSize) -> list[Unit]:
        """Runs of rows, from one pass over the file that also finds repeated ids. Raises UsageError when there is no
        such file, it has another extension, or it holds nothing."""
        path = corpus.root
        if (kind := path.kind()) != "file":
            problem = "does not exist" if kind is None else "is not a file"
            raise UsageError(f"{path} {problem}: give a {', '.join(_SUFFIXES)} file of dialogues")
        if not path.name.lower().endswith(_SUFFIXES):
            raise UsageError(f"{path} is not one of {', '.join(_SUFFIXES)}: convert the dialogues to JSON Lines")
        with _open(path) as file:
            units = list(_units(path, _rows(path, file, 0, 1), size.items))
        if not units:
            raise UsageError(
                f"{path} holds no dialogue: give a file with one JSON object per line, or a JSON list of them"
            )
        return units

    def read(self, corpus: Corpus[TextDialogue], unit: Unit) -> Iterator[TextDialogue | Reject]:
        """Each dialogue, or why it is none: BAD_ROW, DUPLICATE_UID, UNKNOWN_ROLE, EMPTY_DIALOGUE, ROLE_ORDER,
        ONE_SPEAKER. Empty turns stay in their place. An id is the row's own, else `<file name>:<line>`."""
        path = corpus.root
        repeated = set(unit.spec["duplicates"])
        with _open(path) as file:
            rows = _rows(path, file, unit.spec["offset"], unit.spec["first"])
            for place, row in enumerate(islice(rows, unit.spec["count"])):
                own = None if row.error else _own_id(row.value)
                name = f"{path.name}:{row.number}" if own is None else own
                if row.error is not None:
                    yield Reject(Reason.BAD_ROW, f"{path.name} line {row.number} {row.error}", source_uri=path.name)
                elif place in repeated:
                    detail = f"{path.name} line {row.number} has the id {name!r} of an earlier dialogue"
                    yield Reject(Reason.DUPLICATE_UID, detail, uid=name, source_uri=path.name)
                else:
                    yield _dialogue(corpus, row, name)


def _units(path: Place, rows: Iterable[_Row], per_unit: int) -> Iterator[Unit]:
    seen: set[int] = set()
    unit: list[_Row] = []
    duplicates: list[int] = []
    made = 0
    for row in rows:
        name = None if row.error else _own_id(row.value)
        key = None if name is None else int(stable_hash(name), 16)  # 8 bytes for each of millions of ids
        if key is not None:
            duplicates += [len(unit)] if key in seen else []
            seen.add(key)
        unit.append(row._replace(value=None))
        if len(unit) == per_unit:
            yield _unit(path, made, unit, duplicates)
            unit, duplicates, made = [], [], made + 1
    if unit:
        yield _unit(path, made, unit, duplicates)


def _unit(path: Place, number: int, rows: list[_Row], duplicates: list[int]) -> Unit:
    """`duplicates` are places in the unit, from 0."""
    first = rows[0]
    spec = {"offset": first.offset, "first": first.number, "count": len(rows), "duplicates": duplicates}
    return Unit(unit_name(path.name, number), (path.name,), spec, len(rows))


@contextmanager
def _open(path: Place) -> Iterator[IO[bytes]]:
    with path.open() as file:
        if not path.name.lower().endswith(".gz"):
            yield file
            return
        with gzip.open(file) as unpacked:
            yield cast(IO[bytes], unpacked)


def _rows(path: Place, file: IO[bytes], offset: int, first: int) -> Iterator[_Row]:
    """Rows from a place on. Raises UsageError where a gzip file is broken."""
    try:
        file.seek(offset)
        yield from _list_rows(file, first) if path.name.lower().endswith(".json") else _line_rows(file, first)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise UsageError(f"{path} is not a whole gzip file ({error}): get it again") from error


def _line_rows(file: IO[bytes], first: int) -> Iterator[_Row]:
    for line in read_lines(file, first):
        if line.data is None:
            yield _Row(line.number, line.offset, None, f"is longer than {MAX_LINE} bytes")
        elif line.data.strip():
            text = ""
            try:
                text = line.data.decode("utf-8-sig")
                value = json.loads(text)
            except (ValueError, RecursionError) as error:
                yield _Row(line.number, line.offset, None, _why_unread(error, text, 0))
            else:
                yield _Row(line.number, line.offset, value, _flaw(text, value))


def _list_rows(file: IO[bytes], first: int) -> Iterator[_Row]:
    """Elements of a JSON list. What follows a broken element cannot be told apart: it shares that one's reject."""
    offset, number = file.tell(), first
    at_element = offset > 0  # which may begin with what else stands between two
    text = io.TextIOWrapper(file, encoding="utf-8", errors="surrogateescape", newline="")
    decoder = json.JSONDecoder()
    buffer, position, ended = "", 0, False
    while True:
        if not ended and len(buffer) - position < MAX_LINE:
            more = text.read(_CHUNK)
            buffer, position, ended = buffer[position:] + more, 0, not more
            continue
        lead = position if at_element else cast(re.Match[str], _BETWEEN.match(buffer, position)).end()
        at_element = False
        offset += _size(buffer[position:lead])
        if buffer.startswith("]", lead):
            return
        try:
            value, position = decoder.raw_decode(buffer, lead)
            element = buffer[lead:position]
            flaw = _flaw(element, value)
            if flaw == _TOO_DEEP:
                raise RecursionError  # as the parser does where its caller is deep enough
        except (ValueError, RecursionError) as error:
            why = f"{_why_unread(error, buffer, lead)}, or it is longer than {MAX_LINE} bytes"
            what = why if lead < len(buffer) else "is cut off"
            yield _Row(number, offset, None, f"{what}; nothing after it can be read")
            return
        yield _Row(number, offset, value, flaw)
        offset += _size(element)
        number += 1


def _size(text: str) -> int:
    return len(text.encode(errors="surrogateescape"))


def _why_unread(error: ValueError | RecursionError, text: str, first: int) -> str:
    """What the parser says that began at a place of a text. Where rows are nested deep it gives up at a depth that
    depends on its caller's, so of those nothing else is said."""
    if isinstance(error, RecursionError):
        return _TOO_DEEP
    if not isinstance(error, json.JSONDecodeError):  # at a place that it does not tell
        return _TOO_DEEP if _is_deep(text[first:]) else f"is not JSON: {error}"
    if _is_deep(text[first : error.pos]):
        return _TOO_DEEP
    return f"is not JSON: {error.msg} at character {error.pos - first + 1}"


_TOO_DEEP: Final = f"is nested more than {_DEEPEST} deep"


def _is_deep(text: str) -> bool:
    if text.count("[") + text.count("{") <= _DEEPEST:
        return False
    depth = 0
    for found in _BRACKET.finditer(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(found[0], 0)
        if depth > _DEEPEST:
            return True
    return False


def _flaw(text: str, value: Any) -> str | None:
    """Half a UTF-16 pair is legal JSON, and no table, hash or recogniser can take it; nor are deep rows read, for how
    deep Python's parser goes depends on where it is called."""
    if _is_deep(text):
        return _TOO_DEEP
    try:
        text.encode()
        if "\\ud" in text or "\\uD" in text:
            json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return "holds half a character (a lone surrogate)"
    return None


def _own_id(value: Any) -> str | None:
    own = value.get("id") if isinstance(value, dict) else None
    return str(own) if isinstance(own, str | int) and own != "" else None


def _dialogue(corpus: Corpus[TextDialogue], row: _Row, name: str) -> TextDialogue | Reject:
    file = corpus.root.name
    try:
        turns = turns_of(row.value)
        language = language_of(row.value, turns, corpus.language or UNKNOWN)
    except NoDialogue as error:
        return Reject(error.reason, f"{file} line {row.number} {error.detail}", uid=name, source_uri=file)
    return TextDialogue(
        id=name,
        turns=turns,
        language=language,
        source=corpus.name,
        licence=corpus.licence,
        scenario=str(row.value["scenario"]) if row.value.get("scenario") else None,
    )
