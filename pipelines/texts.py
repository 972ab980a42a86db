"""The texts of a dialogue half: one file of dialogues, or several corpora that each keep a name of their own."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Annotated, Any, Final, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator

from turnmill.manifests.errors import UsageError
from turnmill.manifests.params import LicenceStatement, Params
from turnmill.manifests.records import Licence, Reject, TextDialogue, stable_hash
from turnmill.sources import catalogue
from turnmill.sources.adapters.base import Corpus
from turnmill.sources.adapters.items import Unit, UnitSize
from turnmill.sources.catalogue import Entry
from turnmill.sources.places import Place, PlaceKey
from turnmill.sources.places.place import Stamp

OWN: Final = "dialogue_text"
"""The entry that reads a file of one's own."""


class TextFile(Params):
    """One of several corpora of dialogues. In the result its name is the `source` of its dialogues, and begins their
    ids."""

    corpus: str | dict[str, Any] = Field(
        default=OWN,
        description="name in the catalogue, a file of an entry of your own (./my-corpus.yaml), or the entry itself; "
        "that of a file of your own where it is left out",
    )
    name: str | None = Field(
        default=None,
        pattern=r"^[a-z0-9_]+$",
        description="its name in the result: the `source` of its dialogues; null: that of the corpus",
    )
    path: PlaceKey = Field(
        description="where it lies, or its URL: the folder or file that the corpus asks for, of your own a .jsonl, "
        ".json, .txt or .parquet"
    )
    entry: dict[str, Any] = Field(default={}, description="what is otherwise than in the catalogue, such as `lang`")
    licence: LicenceStatement | None = Field(
        default=None, description="of this file; null: that of the corpus or recipe"
    )
    scenario: str | None = Field(
        default=None, min_length=1, description="of dialogues that state none of their own; null: the name"
    )
    limit: int | None = Field(
        default=None, ge=1, description="rows to take, drawn by the seed, repeated ids last; null: all"
    )

    @model_validator(mode="after")
    def _has_a_name(self) -> Self:
        if self.name is None and self.corpus == OWN:
            raise ValueError("has no `name`: say what a file of your own is called in the result")
        return self

    @property
    def read_as(self) -> Entry:
        """What reads it. Raises UsageError where there is no such entry, or it is of no texts."""
        entry = catalogue.load(self.corpus, "texts.corpus")
        if self.entry:
            entry = catalogue.override(entry, self.entry, "texts.entry")
        if entry.family.holds != "text":
            raise UsageError(f"texts.corpus: {entry.name} is a source of audio: name it under `corpus`")
        return entry

    @property
    def source(self) -> str:
        return self.name or self.read_as.name

    def text(self, licence: Licence) -> "Text":
        """The corpus as one of several; `licence`: what the recipe says of material that states none."""
        own = self.licence.licence if self.licence else licence
        entry = self.read_as
        split = "test" if entry.eval_only else None
        return Text(self.source, entry.corpus(self.path, own), self.scenario or self.source, self.limit, split)


def _listed(given: Any) -> Any:
    """One corpus of texts as a list of them."""
    return [given] if isinstance(given, dict) else given


TEXTS_SHAPES: Final = ("one file", "several files")
"""What errors would say of the key `texts`, which is told by its shape."""

TextsKey = Annotated[
    Annotated[PlaceKey, Tag(TEXTS_SHAPES[0])]
    | Annotated[tuple[TextFile, ...], BeforeValidator(_listed), Tag(TEXTS_SHAPES[1])],
    Discriminator(lambda texts: TEXTS_SHAPES[isinstance(texts, list | tuple | dict)]),
]
"""One file of dialogues, or several corpora of them."""


@dataclass(frozen=True)
class Text:
    """A corpus of dialogues with what holds for all of them. `name` is None where it is the recipe's only file, whose
    dialogues keep their ids; else it precedes them, as in `trivia/17`. `split`: that all of them are in, whatever the
    corpus says: nobody trains on what models are judged by."""

    name: str | None
    corpus: Corpus[TextDialogue]
    scenario: str | None = None
    limit: int | None = None
    split: str | None = None

    @property
    def place(self) -> Place:
        return self.corpus.root

    @property
    def source(self) -> str:
        return self.name or self.place.name

    def stamps(self, files: Sequence[str]) -> Mapping[str, Stamp]:
        """How those of some files look that are its own, as units and rejects name them: nothing of this host."""
        if self.place.kind() != "folder":
            own = self._under(self.place.name)
            return {own: self.place.stamps([""])[""]} if own in files else {}
        begin = self._under("")
        paths = [file.removeprefix(begin) for file in files if file.startswith(begin)]
        return {f"{begin}{path}": stamp for path, stamp in (self.place.stamps(paths) if paths else {}).items()}

    @property
    def identity(self) -> Mapping[str, Any]:
        """What its dialogues are given, and how they are read; which of them there are is in the units."""
        return {
            "name": self.name,
            "licence": repr(self.corpus.licence),
            "scenario": self.scenario,
            "language": self.corpus.language,
            "split": self.split,
            "family": self.corpus.family.model_dump(mode="json"),
        }

    def units(self, per_unit: int, seed: int) -> list[Unit]:
        """The corpus in runs of `per_unit` dialogues that are taken. Raises UsageError for one that holds none."""
        units = self.corpus.units(UnitSize(per_unit))
        if self.limit is not None and self.limit < sum(unit.items for unit in units):
            units = _limited(units, _drawn(seed, self.source, _repeats(units), self.limit), per_unit)
        if self.name is None:
            return units
        named = {"text": self.name}
        return [
            replace(u, name=self._under(u.name), files=tuple(map(self._under, u.files)), spec={**u.spec, **named})
            for u in units
        ]

    def read(self, unit: Unit) -> Iterator[TextDialogue | Reject]:
        """Each dialogue of one of `units`, or why it is none. A row that is not taken is neither."""
        taken = unit.spec.get("taken")
        wanted = None if taken is None else frozenset(taken)
        for number, found in enumerate(self.corpus.read(unit)):
            if wanted is None or number in wanted:
                yield self._rejected(found) if isinstance(found, Reject) else self._given(found)

    def _given(self, found: TextDialogue) -> TextDialogue:
        return replace(
            found,
            id=self._under(found.id),
            source=self.source,
            scenario=found.scenario or self.scenario,
            split=self.split or found.split,
        )

    def _rejected(self, found: Reject) -> Reject:
        return replace(
            found,
            uid=found.uid and self._under(found.uid),
            source_uri=found.source_uri and self._under(found.source_uri),
        )

    def _under(self, name: str) -> str:
        return name if self.name is None else f"{self.name}/{name}"


def check_texts(texts: Sequence[Text]) -> None:
    """Raise UsageError, naming every file or folder of the texts that is not there."""
    kinds = [(text.place, text.place.kind(), text.corpus.family.takes_folder) for text in texts]
    missing = [(there, kind) for there, kind, takes_folder in kinds if kind != "file" and not (kind and takes_folder)]
    if missing:
        problems = (f"{there} {'does not exist' if kind is None else 'is not a file'}" for there, kind in missing)
        raise UsageError(f"texts: {'; '.join(problems)}: give a .jsonl, .jsonl.gz or .json file of dialogues")


def text_of(texts: Sequence[Text], unit: Unit) -> Text:
    """The text that a unit is of."""
    name = unit.spec.get("text")
    return next(text for text in texts if text.name == name)


def _repeats(units: Sequence[Unit]) -> NDArray[np.bool_]:
    """Of each row of a file, whether an earlier one has its id."""
    repeats = np.zeros(sum(unit.spec["count"] for unit in units), bool)
    for begin, unit in zip(_begins(units), units, strict=True):
        repeats[[begin + place for place in unit.spec["duplicates"]]] = True
    return repeats


def _begins(units: Sequence[Unit]) -> Iterator[int]:
    """The place of each unit's first row in all of them."""
    return accumulate((unit.spec["count"] for unit in units[:-1]), initial=0)


def _drawn(seed: int, source: str, repeats: NDArray[np.bool_], limit: int) -> NDArray[np.int64]:
    """`limit` places in a file, in order: those of the smallest hashes, so that a longer file takes most of the rows
    again that a shorter one took. A repeated id is drawn after all others, so never without the dialogue it repeats."""
    total = len(repeats)
    hashes = np.fromiter((int(stable_hash(seed, source, n, "limit"), 16) for n in range(total)), np.uint64, total)
    return np.sort(np.lexsort((hashes, repeats))[:limit])


def _limited(units: Sequence[Unit], drawn: NDArray[np.int64], per_unit: int) -> list[Unit]:
    """Neighbouring units put together until `per_unit` of their rows are taken. Units without any are left out."""
    made: list[Unit] = []
    group: list[Unit] = []
    begin = end = 0
    for unit in units:
        group.append(unit)
        end += unit.spec["count"]
        first, last = np.searchsorted(drawn, (begin, end))
        if last - first >= per_unit or (unit is units[-1] and last > first):
            made.append(_together(group, len(made), (drawn[first:last] - begin).tolist()))
            group, begin = [], end
    return made


def _together(units: Sequence[Unit], number: int, rows: list[int]) -> Unit:
    spec: dict[str, Any] = {
        **units[0].spec,
        "spans": [span for unit in units for span in unit.spec["spans"]],
        "count": sum(unit.spec["count"] for unit in units),
        "duplicates": [
            begin + place
            for begin, unit in zip(_begins(units), units, strict=True)
            for place in unit.spec["duplicates"]
        ],
        "taken": rows,
    }
    files = tuple(dict.fromkeys(file for unit in units for file in unit.files))
    name = f"{units[0].name.rsplit('/', 1)[0]}/{number:04d}"
    return replace(units[0], name=name, files=files, spec=spec, items=len(rows))
