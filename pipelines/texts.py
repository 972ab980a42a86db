"""The texts of a dialogue half: one file of dialogues, or several that each keep a name of their own."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from turnmill.manifests.errors import UsageError
from turnmill.manifests.params import LicenceStatement, Params
from turnmill.manifests.records import Licence, Reject, TextDialogue, stable_hash
from turnmill.sources.adapters.base import Corpus
from turnmill.sources.adapters.items import Unit, UnitSize
from turnmill.sources.catalogue import Entry
from turnmill.sources.places import Place, PlaceKey


class TextFile(Params):
    """One of several files of dialogues. In the result it is the `source` of its dialogues, and begins their ids."""

    name: str = Field(pattern=r"^[a-z0-9_]+$", description="its name in the result: the `source` of its dialogues")
    path: PlaceKey = Field(description="file of text dialogues, or its URL: .jsonl, .jsonl.gz or .json")
    licence: LicenceStatement | None = Field(default=None, description="of this file; null: that of the recipe")
    scenario: str | None = Field(
        default=None, min_length=1, description="of dialogues that state none of their own; null: the name"
    )
    limit: int | None = Field(
        default=None, ge=1, description="rows to take, drawn by the seed, repeated ids last; null: all"
    )

    def text(self, entry: Entry, licence: Licence) -> "Text":
        """The file as one of several, read as `entry` says; `licence`: that of the recipe."""
        own = self.licence.licence if self.licence else licence
        return Text(self.name, entry.corpus(self.path, own), self.scenario or self.name, self.limit)


@dataclass(frozen=True)
class Text:
    """A file of dialogues with what holds for all of them. `name` is None where it is the recipe's only one, whose
    dialogues keep their ids; else it precedes them, as in `trivia/17`."""

    name: str | None
    corpus: Corpus[TextDialogue]
    scenario: str | None = None
    limit: int | None = None

    @property
    def place(self) -> Place:
        return self.corpus.root

    @property
    def source(self) -> str:
        return self.name or self.place.name

    @property
    def file(self) -> str:
        """The file as units and rejects name it: nothing of this host."""
        return self._under(self.place.name)

    @property
    def identity(self) -> tuple[str | None, str, str | None]:
        """What its dialogues are given; which of them there are is in the units."""
        return self.name, repr(self.corpus.licence), self.scenario

    def units(self, per_unit: int, seed: int) -> list[Unit]:
        """The file in runs of `per_unit` dialogues that are taken. Raises UsageError for a file that holds none."""
        units = self.corpus.units(UnitSize(per_unit))
        if self.limit is not None and self.limit < sum(unit.items for unit in units):
            units = _limited(units, _drawn(seed, self.source, _repeats(units), self.limit), per_unit)
        if self.name is None:
            return units
        named = {"text": self.name}
        return [replace(u, name=self._under(u.name), files=(self.file,), spec={**u.spec, **named}) for u in units]

    def read(self, unit: Unit) -> Iterator[TextDialogue | Reject]:
        """Each dialogue of one of `units`, or why it is none. A row that is not taken is neither."""
        taken = unit.spec.get("taken")
        wanted = None if taken is None else frozenset(taken)
        for number, found in enumerate(self.corpus.read(unit)):
            if wanted is None or number in wanted:
                yield self._rejected(found) if isinstance(found, Reject) else self._given(found)

    def _given(self, found: TextDialogue) -> TextDialogue:
        return replace(found, id=self._under(found.id), source=self.source, scenario=found.scenario or self.scenario)

    def _rejected(self, found: Reject) -> Reject:
        return replace(found, uid=found.uid and self._under(found.uid), source_uri=self.file)

    def _under(self, name: str) -> str:
        return name if self.name is None else f"{self.name}/{name}"


def check_texts(texts: Sequence[Text]) -> None:
    """Raise UsageError, naming every file of the texts that is not there."""
    kinds = [(text.place, text.place.kind()) for text in texts]
    missing = [(there, kind) for there, kind in kinds if kind != "file"]
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
        "count": sum(unit.spec["count"] for unit in units),
        "duplicates": [
            begin + place
            for begin, unit in zip(_begins(units), units, strict=True)
            for place in unit.spec["duplicates"]
        ],
        "taken": rows,
    }
    return replace(units[0], name=f"{units[0].name.rsplit('/', 1)[0]}/{number:04d}", spec=spec, items=len(rows))
