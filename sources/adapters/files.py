"""Any folder of audio: files told by their content or by globs, fields read from names, and from what lies beside them.

A recording without a transcript is UNTRANSCRIBED where its corpus has some, unless those are kept.
"""

import posixpath
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any, Final, Literal, get_args

from pydantic import field_validator, model_validator

from turnmill.manifests.errors import UsageError
from turnmill.manifests.records import Reason, Reject
from turnmill.sources.adapters.base import Corpus, Family
from turnmill.sources.adapters.beside import Beside, Facts, Table, is_object, read_table, sidecar_facts
from turnmill.sources.adapters.expressions import Expression, ExpressionText, expression
from turnmill.sources.adapters.folder import Names, audio_files, ending, glob_pattern, is_raw, list_folder, safe_join
from turnmill.sources.adapters.items import (
    DEFAULT_CONFIG,
    DEFAULT_SPLIT,
    UNLISTED,
    ClipRef,
    FieldName,
    Unit,
    UnitSize,
    clip_uid,
    fill,
    language,
    licence,
    raw_audio,
    split_name,
    transcript,
    unit_name,
    unsafe,
    untranscribed,
)
from turnmill.sources.adapters.table_knobs import MANY, Globs, Templates
from turnmill.sources.adapters.template import TemplateText, parse
from turnmill.sources.places.place import Folder, Place, UnsafeNameError

_Joined = tuple[int, str]  # the place of a join among the knobs, and a table of it
_PLACE: Final = ("dir", "stem")  # what every name says


_FIELDS: Final = frozenset({"split", *get_args(FieldName)})


class FilesIngest(Family[ClipRef]):
    """Any folder of audio. `audio`: globs of its recordings; none: all files that are audio by their content.
    `exclude`: a regular expression that is searched in paths, of what is no part of it.

    What is known of a recording, first come, first served: `dir` and `stem`; the named groups of `pattern`, a regular
    expression searched in its path below the root; what its `sidecar` says (templates know what names say; null: there
    is none): a text, or of JSON and YAML their names and values; its rows of the tables `join`. `maps`: name -> code ->
    what it stands for, "" where nothing is known by that name.

    `fields` and `split` (of names and tables) are templates of that, by default what is known by their own names; all
    that has no field's name is native.
    """

    family: Literal["files"]
    audio: Globs = ()
    exclude: ExpressionText | None = None
    pattern: ExpressionText | None = None
    maps: Mapping[str, Mapping[str, str]] = {}
    sidecar: TemplateText | None = "{dir}/{stem}.txt"
    join: tuple[Beside, ...] = ()
    split: TemplateText | None = None
    fields: Mapping[FieldName, Templates] = {}

    @field_validator("sidecar")
    @classmethod
    def _stays_inside(cls, sidecar: str | None) -> str | None:
        return sidecar if sidecar is None else _inside(sidecar)

    @field_validator("join")
    @classmethod
    def _stay_inside(cls, join: tuple[Beside, ...]) -> tuple[Beside, ...]:
        for each in join:
            _inside(each.table)
        return join

    @model_validator(mode="after")
    def _variables_exist(self) -> "FilesIngest":
        names = {*_PLACE, *self._groups}
        of_names = [("sidecar", self.sidecar or "")]
        for each in self.join:
            of_names += [("join.table", each.table), ("join.of", each.of)]
        for key, text in of_names:
            _check_known(key, text, names, "dir, stem and the groups of the pattern")
        said = [each.columns for each in self.join]
        if None in said or (self.sidecar is not None and is_object(self.sidecar)):
            return self  # only the corpus tells what is known
        known = names.union(_FIELDS, *filter(None, said))
        of_fields = ((f"fields.{name}", text) for name, texts in self.fields.items() for text in texts)
        of_maps = ((f"maps.{name}", f"{{{name}}}") for name in self.maps)
        for key, text in [("split", self.split or ""), *of_fields, *of_maps]:
            _check_known(key, text, known, "what names and tables say")
        return self

    @property
    def has_splits(self) -> bool:
        return self.split is not None or self._is_said("split")

    @property
    def transcribes(self) -> bool:
        """Whether recordings are to have a transcript."""
        by_sidecar = self.sidecar is not None and not is_object(self.sidecar)
        return by_sidecar or "text" in self.fields or self._is_said("text")

    def _is_said(self, field: str) -> bool:
        """Whether names or tables are known to say it by its own name."""
        return field in self._groups or any(field in (each.columns or each.says) for each in self.join)

    @property
    def _groups(self) -> Mapping[str, int]:
        return expression(self.pattern or "").groups

    def units(self, corpus: Corpus[ClipRef], size: UnitSize) -> list[Unit]:
        """Within a split: files in the order of their paths, then links that are not read. What is wrong with a joined
        table is told by the first unit that has a use for it."""
        folder = list_folder(corpus.root, corpus.name)
        reader = _Reader(self, corpus.root, Names(corpus.root, folder.sizes))
        by_split: dict[str, list[tuple[str, str]]] = {}
        for path in self._recordings(folder):
            by_split.setdefault(reader.split(path), []).append((path, ""))
        if not by_split:
            where = f" (looked for {', '.join(self.audio)})" if self.audio else ""
            where += f" that `exclude: {self.exclude}` does not leave out" if self.exclude is not None else ""
            raise UsageError(f"{corpus.name}: {corpus.root} holds no audio{where}: give a folder of recordings")
        for path, why in folder.unsafe.items():
            by_split.setdefault(reader.split(path), []).append((path, why))
        made = []
        told: set[_Joined] = set()
        for split, items in sorted(by_split.items()):
            groups = fill(((item, folder.sizes.get(item[0], 0)) for item in items), size)
            made += [reader.unit(split, number, group, told) for number, group in enumerate(groups)]
        return made

    def read(self, corpus: Corpus[ClipRef], unit: Unit) -> Iterator[ClipRef | Reject]:
        reader = _Reader(self, corpus.root, Names(corpus.root, unit.files))
        split = unit.spec["split"]
        for path in unit.spec["audio"]:
            uid = clip_uid(corpus.name, DEFAULT_CONFIG, split, path)
            if is_raw(corpus.root, path):
                yield raw_audio(uid, path)
                continue
            try:
                self._is_excluded(path)
                clip = reader.clip(uid, path, split, corpus.language)
            except ValueError as error:
                yield Reject(Reason.BAD_ROW, f"{path}: {error}", uid=uid, source_uri=path)
                continue
            except OSError as error:
                yield Reject(Reason.UNREADABLE_FILE, f"{path}: what lies beside it: {error}", uid=uid, source_uri=path)
                continue
            wanted = self.transcribes and not corpus.keep_untranscribed
            yield untranscribed(uid, path) if wanted and clip.text is None else clip
        for path, why in unit.spec["unsafe"]:
            yield unsafe(corpus.name, split, path, why)
        for number, table in unit.spec["tables"]:
            for fault in reader.table(number, table).faults:
                yield Reject(Reason.BAD_ROW, fault, source_uri=table)

    def _recordings(self, folder: Folder) -> list[str]:
        """The files of a folder that are its recordings, in order."""
        sizes = {path: size for path, size in folder.sizes.items() if not self._is_left_out(path)}
        if not self.audio:
            return audio_files(replace(folder, sizes=sizes), texts=ending(self.sidecar or ""))
        globs = [glob_pattern(glob) for glob in self.audio]
        return [path for path in sizes if any(glob.fullmatch(path) for glob in globs)]

    def _is_left_out(self, path: str) -> bool:
        """Whether a path is excluded; one of which nobody can tell is rejected when it is read."""
        try:
            return self._is_excluded(path)
        except ValueError:
            return False

    def _is_excluded(self, path: str) -> bool:
        """Raises ValueError where telling takes too long."""
        return self.exclude is not None and expression(self.exclude).search(path) is not None


@dataclass(frozen=True)
class _Reader:
    """What is known of recordings, by an entry's knobs. `names`: finds the files that lie beside them."""

    knobs: FilesIngest
    root: Place
    names: Names

    def unit(self, split: str, number: int, items: list[tuple[str, str]], told: set[_Joined]) -> Unit:
        """`items`: paths, each with the reason why it is not read, or none. `told`: joined tables whose faults another
        unit tells; those of this one are added."""
        audio = [path for path, why in items if not why]
        beside: set[str] = set()
        tables: dict[_Joined, None] = {}
        for path in audio:
            try:
                names = self._named(path)
            except ValueError:  # a bad row, when it is read
                names = {}
            beside |= {found} if (found := self._find(self.knobs.sidecar, names)) is not None else set()
            tables |= dict.fromkeys(self._tables_of(names))
        mine = [table for table in tables if table not in told]
        told |= set(mine)
        spec = {
            "split": split,
            "audio": audio,
            "unsafe": [[path, why] for path, why in items if why],
            "tables": [list(table) for table in mine],
        }
        files = {*audio, *beside, *(path for _, path in tables)}
        count = len(items) + sum(len(self.table(*table).faults) for table in mine)
        return Unit(unit_name(split, number), tuple(sorted(files)), spec, count)

    def split(self, path: str) -> str:
        """'unlisted' where the corpus has splits, and this is in none."""
        if not self._has_splits:
            return DEFAULT_SPLIT
        try:
            facts = self._mapped(self._with_joins(self._named(path)))
        except ValueError:
            return UNLISTED  # a bad row, when it is read
        return split_name(_rendered(self.knobs.split or "{split}", facts) or "")

    def clip(self, uid: str, path: str, split: str, default: str | None) -> ClipRef:
        """`default`: the language of clips that state none. Raises ValueError where the name does not match the
        pattern, or what lies beside it cannot be read, and OSError."""
        facts = self._mapped(self._all(path))
        text, speaker, parent, spoken = (self._field(name, facts) for name in ("text", "speaker", "parent", "language"))
        if "\0" in (transcript(text) or ""):
            raise ValueError("its transcript has zero bytes: it is UTF-16, or no text")
        return ClipRef(
            uid,
            path,
            split=split,
            text=transcript(text),
            speaker=speaker,
            parent=parent,
            language=language(spoken, default),
            licence=licence(self._field("licence", facts)),
            tags=self._texts("tags", facts),
            captions=self._texts("captions", facts),
            native={name: fact for name, fact in facts.items() if name not in _FIELDS and name not in _PLACE},
        )

    def _field(self, name: FieldName, facts: Facts) -> str | None:
        return "".join(self._texts(name, facts)) or None

    def _texts(self, name: FieldName, facts: Facts) -> tuple[str, ...]:
        """The texts of a field; none of a template that needs what is not known."""
        texts: list[str | None] = []
        for text in self.knobs.fields.get(name, (f"{{{name}}}",)):
            template = parse(text)
            if name not in MANY:
                texts.append(_rendered(text, facts))
            elif all(facts.get(variable) for variable in template.variables):
                with suppress(LookupError):  # of a piece that is not there
                    texts += template.pieces(facts)
        return tuple(dict.fromkeys(filter(None, texts)))

    def table(self, number: int, path: str) -> Table:
        """What the table of a join says."""
        table: Table = self._tables(number, path)
        return table

    @cached_property
    def _tables(self) -> Any:
        return lru_cache(maxsize=64)(lambda number, path: read_table(self.root, path, self.knobs.join[number]))

    @cached_property
    def _has_splits(self) -> bool:
        return self.knobs.has_splits

    @cached_property
    def _pattern(self) -> Expression[str] | None:
        return expression(self.knobs.pattern) if self.knobs.pattern is not None else None

    def _named(self, path: str) -> dict[str, str]:
        """What its name says. Raises ValueError where it does not match the pattern."""
        folder, _, name = path.rpartition("/")
        place = {"dir": folder or ".", "stem": name[: len(name) - len(ending(name))]}
        if self._pattern is None:
            return place
        found = self._pattern.search(path)
        if found is None:
            raise ValueError(f"it does not match the pattern {self.knobs.pattern!r}")
        return {**{key: value for key, value in found.groupdict().items() if value}, **place}

    def _all(self, path: str) -> Facts:
        names = self._named(path)
        found = None if transcript(names.get("text")) else self._find(self.knobs.sidecar, names)
        facts: Facts = dict(names)
        if found is not None:
            facts = _with(facts, sidecar_facts(self.root, found))
        return self._with_joins(names, facts)

    def _with_joins(self, names: Mapping[str, str], facts: Facts | None = None) -> Facts:
        """`facts`, by default what its names say, and what its rows say."""
        known: Facts = dict(names) if facts is None else facts
        for number, path in self._tables_of(names):
            key = _rendered(self.knobs.join[number].of, names)
            known = _with(known, self.table(number, path).rows.get(key or "", {}))
        return known

    def _tables_of(self, names: Mapping[str, str]) -> Iterator[_Joined]:
        """The tables that are there of those that are joined to a recording."""
        for number, beside in enumerate(self.knobs.join):
            path = self._find(beside.table, names)
            if path is not None:
                yield number, path

    def _find(self, template: str | None, names: Mapping[str, str]) -> str | None:
        """The file beside a recording, null where there is none."""
        if template is None:
            return None
        parsed = parse(template)
        try:
            parts = [names[variable] for variable in parsed.variables]
            return self.names.beside(safe_join(parsed.render(names), parts))
        except (LookupError, UnsafeNameError):
            return None

    def _mapped(self, facts: Facts) -> Facts:
        """Raises ValueError for a code that its map does not know."""
        for name, labels in self.knobs.maps.items():
            code = facts.get(name, "")
            if isinstance(code, list):
                raise ValueError(f"{name} is a list, of which there is no map")
            if code not in labels and code:
                raise ValueError(f"{name} is {code!r}, which is none of {', '.join(filter(None, labels))}")
            facts = {**facts, name: labels[code]} if code in labels else facts
        return facts


def _with(known: Facts, more: Facts) -> Facts:
    """What was known first stays."""
    return {**{name: fact for name, fact in more.items() if fact}, **known}


def _rendered(template: str, facts: Mapping[str, Any]) -> str | None:
    """Null where it needs what is not known."""
    parsed = parse(template)
    try:
        known = all(facts.get(variable) for variable in parsed.variables)
        return (parsed.render(facts) or None) if known else None
    except LookupError:
        return None


def _inside(template: str) -> str:
    """Raises ValueError for the name of a file that leaves the root."""
    deep = template.replace("{dir}", "/".join("d" * len(template)))  # `dir` may be of any depth
    if posixpath.normpath(deep).startswith(("/", "..")):
        raise ValueError(f"{template!r} leaves the folder of the corpus: begin with {{dir}}, or give a `root` above")
    return template


def _check_known(key: str, template: str, known: set[str], which: str) -> None:
    if unknown := parse(template).variables - known:
        names = f"which is not among {which}: {sorted(known)}"
        raise ValueError(f"{key}: {template!r} uses {sorted(unknown)}, {names}")
