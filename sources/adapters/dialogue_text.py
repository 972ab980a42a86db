"""Written dialogues, in one file or in several below a folder, read in stretches of bounded memory.

Files are JSON Lines (`.jsonl`), a JSON list (`.json`), or an object of dialogues by their ids, plain text with a
dialogue a line (`.txt`), and Parquet; the first four may be packed (`.gz`, `.zst`), or members of a tar. What a
dialogue looks like is in `dialogue_shapes`. `id`, `scenario` and `language` are read where they stand beside it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import PurePosixPath
from typing import Any, ClassVar, Final, Literal

from pydantic import Field

from turnmill.manifests.errors import UsageError
from turnmill.manifests.languages import UNKNOWN
from turnmill.manifests.records import Reason, Reject, TextDialogue, stable_hash
from turnmill.sources.adapters.base import Corpus, Family
from turnmill.sources.adapters.dialogue_elements import elements, entries
from turnmill.sources.adapters.dialogue_parquet import parquet_rows
from turnmill.sources.adapters.dialogue_rows import Row, Start, grouped, json_lines, text_lines, windowed
from turnmill.sources.adapters.dialogue_said import NoDialogue
from turnmill.sources.adapters.dialogue_shapes import Shape, language_of, turns_of
from turnmill.sources.adapters.dialogue_streams import Member, is_tar, members, opened, plain
from turnmill.sources.adapters.folder import glob_pattern, list_folder
from turnmill.sources.adapters.items import Unit, UnitSize, unit_name
from turnmill.sources.adapters.packed import BrokenError
from turnmill.sources.adapters.template import TemplateText, parse
from turnmill.sources.places.place import Place

Reader = Literal["jsonl", "json", "object", "txt", "parquet"]
_READERS: Final = {"jsonl": json_lines, "json": elements, "object": entries, "txt": text_lines}
_SUFFIXES: Final = ".jsonl, .json, .txt (these also .gz, .zst, or in a .tar), .parquet"


@dataclass(frozen=True)
class _Part:
    """A file of a corpus, or a member of one that is a tar. `path`: below the root; empty where that is the file.
    `name`: as rejects and ids tell it. `why`: it cannot be read, and stands for all that is lost by that, with
    `reason`."""

    path: str
    name: str
    reader: Reader = "json"
    member: Member | None = None
    why: str | None = None
    reason: Reason = Reason.BAD_ROW


class DialogueTextIngest(Family[TextDialogue]):
    """What is read below the root, and how dialogues are written in it."""

    holds: ClassVar[Literal["audio", "text"]] = "text"
    family: Literal["dialogue_text"]
    files: tuple[str, ...] = Field(
        default=(), description="globs of the files, below a root that is a folder; none: the root is the one file"
    )
    reader: Reader | None = Field(
        default=None, description="how a file is read; null: by its ending. object: a JSON object of dialogues by id"
    )
    members: str = Field(default="**", description="glob of the members of tars that are read")
    split: TemplateText | None = Field(
        default=None, description="the official split of a file's dialogues, of {dir} and {stem}; null: it has none"
    )
    group: tuple[str, ...] = Field(
        default=(), description="the keys whose values are the same in the rows, one after another, of one dialogue"
    )
    shape: Shape = Shape()

    @property
    def takes_folder(self) -> bool:
        return bool(self.files)

    @property
    def has_splits(self) -> bool:
        return self.split is not None

    def units(self, corpus: Corpus[TextDialogue], size: UnitSize) -> list[Unit]:
        """Runs of rows, from one pass over the files that also finds repeated ids. Raises UsageError when there is no
        such file, its ending says nothing, or none holds anything."""
        root = corpus.root
        rows = ((part, row, self._name(part, row)) for part, row in self._listed(corpus))
        units = list(_units(root.name, rows, size.items))
        if not units:
            raise UsageError(
                f"{root} holds no dialogue: give a file with one JSON object per line, or a JSON list of them"
            )
        return units

    def read(self, corpus: Corpus[TextDialogue], unit: Unit) -> Iterator[TextDialogue | Reject]:
        """Each dialogue, or why it is none: BAD_ROW, DUPLICATE_UID, UNKNOWN_ROLE, EMPTY_DIALOGUE, ROLE_ORDER,
        ONE_SPEAKER. Empty turns stay in their place. An id is the row's own, else `<file name>:<line>`; in a corpus of
        several files `<path>#<own id>` and `<path>:<line>`."""
        repeated = set(unit.spec["duplicates"])
        for place, (part, row) in enumerate(self._spanned(corpus.root, unit.spec["spans"])):
            where = part.name if part.why else f"{part.name} line {row.number}"
            name = self._name(part, row) or f"{part.name}:{row.number}"
            if row.error is not None:
                yield Reject(part.reason, f"{where} {row.error}", source_uri=part.name)
            elif place in repeated:
                detail = f"{where} has the id {name!r} of an earlier dialogue"
                yield Reject(Reason.DUPLICATE_UID, detail, uid=name, source_uri=part.name)
            else:
                yield self._dialogue(corpus, part, row, name)

    def _listed(self, corpus: Corpus[TextDialogue]) -> Iterator[tuple[_Part, Row]]:
        """All rows; after those of a packed file that breaks off one that says so, once. Raises UsageError where
        nothing can be read."""
        unread: dict[_Part, None] = {}
        has_rows = False
        for part in self._parts(corpus):
            if part in unread:
                continue
            try:
                for row in self._rows(corpus.root, part, Start()):
                    has_rows |= part.why is None
                    yield part, row
            except BrokenError as error:
                part = _Part(part.path, part.path or corpus.root.name, why=str(error))
                yield part, Row(Start(), None, part.why)
            if part.why is not None:
                unread[part] = None
        if unread and not has_rows:
            part = next(iter(unread))
            raise UsageError(f"{corpus.root}{f'/{part.path}' if part.path else ''} {part.why}")

    def _parts(self, corpus: Corpus[TextDialogue]) -> Iterator[_Part]:
        root = corpus.root
        paths, unsafe = self._paths(corpus)
        for path, why in unsafe.items():
            yield _Part(path, path, why=f"is not read: {why}", reason=Reason.UNSAFE_PATH)
        for path in paths:
            name = path or root.name
            if not is_tar(name):
                yield _Part(path, name, self._reader(name))
                continue
            found: list[Member | str] = []
            try:
                with opened(root, path, 0) as file:
                    found.extend(members(file))
            except BrokenError as error:
                found.append(str(error))
            for member in found:
                if isinstance(member, str):
                    yield _Part(path, name, why=member)
                elif reader := self._reader_of_member(member.name):
                    yield _Part(path, f"{name}/{member.name}", reader, member)

    def _paths(self, corpus: Corpus[TextDialogue]) -> tuple[list[str], Mapping[str, str]]:
        """The files of a corpus, and what is of it and not followed, with the reason. Raises UsageError where there is
        no file."""
        root, kind = corpus.root, corpus.root.kind()
        if kind == "folder" and self.files:
            globs = [glob_pattern(glob) for glob in self.files]
            folder = list_folder(root, corpus.name)
            paths = [path for path in folder.sizes if any(glob.fullmatch(path) for glob in globs)]
            if not paths:
                raise UsageError(f"{corpus.name}: {root} holds no file like {' or '.join(self.files)}")
            return paths, {
                path: why for path, why in folder.unsafe.items() if any(glob.fullmatch(path) for glob in globs)
            }
        if kind != "file":
            problem = "does not exist" if kind is None else "is not a file"
            raise UsageError(f"{root} {problem}: give a file of dialogues, {_SUFFIXES}")
        return [""], {}

    def _reader(self, name: str) -> Reader:
        reader = self.reader or _told(name)
        if reader is None:
            raise UsageError(f"{name} is not one of {_SUFFIXES}: convert the dialogues to JSON Lines")
        return reader

    def _reader_of_member(self, name: str) -> Reader | None:
        """Null for a member that is not of the corpus."""
        reader = self.reader or _told(name)
        return reader if reader != "parquet" and glob_pattern(self.members).fullmatch(name) else None

    def _rows(self, root: Place, part: _Part, start: Start) -> Iterator[Row]:
        if part.why is not None:
            return iter([Row(Start(), None, part.why)])
        if part.reader == "parquet":
            rows = parquet_rows(root, part.path, start, self.shape.keys.union(self.group))
        else:
            rows = _read(root, part, start)
        return grouped(rows, self.group) if self.group else rows

    def _spanned(self, root: Place, spans: Iterable[Mapping[str, Any]]) -> Iterator[tuple[_Part, Row]]:
        for span in spans:
            member = None if span["member"] is None else Member(*span["member"])
            part = _Part(span["path"], span["name"], span["reader"], member, span["why"], Reason(span["reason"]))
            start = Start(span["at"], span["first"], None if span["like"] is None else tuple(span["like"]))
            for row in islice(self._rows(root, part, start), span["count"]):
                yield part, row

    def _name(self, part: _Part, row: Row) -> str | None:
        """The id of a row; null where it states none, and no other can have that of its place."""
        own = None if row.error else self.shape.id_of(row.value)
        if part.path or part.member:
            unlike = None if part.member is None or row.error else f"{part.name}:{row.number}"
            return unlike if own is None else f"{part.name}#{own}"
        return own

    def _dialogue(self, corpus: Corpus[TextDialogue], part: _Part, row: Row, name: str) -> TextDialogue | Reject:
        try:
            value = self.shape.spelled(row.value)
            turns = turns_of(value, self.shape)
            if "\0" in name or any("\0" in turn.text for turn in turns):
                raise NoDialogue(Reason.BAD_ROW, "has zero bytes in its id or text")
            language = language_of(value, turns, corpus.language or UNKNOWN)
        except NoDialogue as error:
            detail = f"{part.name} line {row.number} {error.detail}"
            return Reject(error.reason, detail, uid=name, source_uri=part.name)
        return TextDialogue(
            id=name,
            turns=turns,
            language=language,
            source=corpus.name,
            licence=corpus.licence,
            scenario=str(value["scenario"]) if value.get("scenario") else None,
            split=self._split(part.name),
        )

    def _split(self, name: str) -> str | None:
        if self.split is None:
            return None
        path = PurePosixPath(name)
        stem = PurePosixPath(path.name[: len(plain(path.name))]).stem
        try:
            return parse(self.split).render({"dir": str(path.parent), "stem": stem}) or None
        except LookupError:
            return None


def _told(name: str) -> Reader | None:
    """What the ending of a name tells."""
    ending = PurePosixPath(plain(name)).suffix.removeprefix(".")
    packed = plain(name) != name.lower()
    return next((each for each in ("jsonl", "json", "txt") if each == ending), None) or (
        "parquet" if ending == "parquet" and not packed else None
    )


def _read(root: Place, part: _Part, start: Start) -> Iterator[Row]:
    """The rows of a file that is not Parquet."""
    begin = 0 if part.member is None else part.member.begin
    with opened(root, part.path, begin + start.at) as file:
        whole = file if part.member is None else windowed(file, part.member, start.at)
        yield from _READERS[part.reader](whole, start)


def _units(root: str, rows: Iterable[tuple[_Part, Row, str | None]], per_unit: int) -> Iterator[Unit]:
    seen: set[int] = set()
    unit: list[tuple[_Part, Start]] = []
    duplicates: list[int] = []
    made = 0
    for part, row, name in rows:
        key = None if name is None else int(stable_hash(name), 16)  # 8 bytes for each of millions of ids
        if key is not None:
            duplicates += [len(unit)] if key in seen else []
            seen.add(key)
        unit.append((part, row.start))
        if len(unit) == per_unit:
            yield _unit(root, made, unit, duplicates)
            unit, duplicates, made = [], [], made + 1
    if unit:
        yield _unit(root, made, unit, duplicates)


def _unit(root: str, number: int, rows: list[tuple[_Part, Start]], duplicates: list[int]) -> Unit:
    """`duplicates` are places in the unit, from 0."""
    spans: list[dict[str, Any]] = []
    last: _Part | None = None
    for part, start in rows:
        if part is not last:
            spans.append({**asdict(part), **start._asdict(), "count": 0})
            last = part
        spans[-1]["count"] += 1
    files = dict.fromkeys(part.path or root for part, _ in rows if part.reason != Reason.UNSAFE_PATH)
    spec = {"spans": spans, "count": len(rows), "duplicates": duplicates}
    return Unit(unit_name(root, number), tuple(files), spec, len(rows))
