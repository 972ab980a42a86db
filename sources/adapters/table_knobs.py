"""What the catalogue may say of a corpus of tables."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from turnmill.manifests.params import Params
from turnmill.sources.adapters.base import Family
from turnmill.sources.adapters.expressions import ExpressionText
from turnmill.sources.adapters.items import ClipRef, FieldName
from turnmill.sources.adapters.table_format import TableFormat
from turnmill.sources.adapters.template import TemplateText, parse


def _several(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Globs = Annotated[tuple[str, ...], BeforeValidator(_several)]
Templates = Annotated[tuple[TemplateText, ...], BeforeValidator(_several)]
MANY = ("tags", "captions")  # fields that hold several texts
PLACE = frozenset({"dir", "stem", "found"})  # variables that come from paths, not from a row


class Span(Params):
    """The stretch of its audio that a row is about: from `start` to `end`, or of a `duration`, in `unit`; of `samples`
    there are `rate` in a second. channel: of the audio, from 0; all of them where it is empty."""

    start: TemplateText = "0"
    end: TemplateText | None = None
    duration: TemplateText | None = None
    unit: Literal["s", "ms", "samples"] = "s"
    rate: int | None = Field(default=None, ge=1)
    channel: TemplateText | None = None

    @model_validator(mode="after")
    def _has_an_end(self) -> "Span":
        if (self.end is None) == (self.duration is None):
            raise ValueError("state either `end` or `duration`")
        if (self.unit == "samples") != (self.rate is not None):
            raise ValueError("state `rate`, in samples a second, with `unit: samples` and with no other")
        return self

    @property
    def per_second(self) -> int:
        return self.rate or {"s": 1, "ms": 1000}[self.unit]

    @property
    def templates(self) -> tuple[str, ...]:
        return tuple(filter(None, (self.start, self.end, self.duration, self.channel)))


class Join(Params):
    """A second table: of its row whose `key` is what `by` makes of a row, `take` gives that row further columns.

    table: globs; of several tables that have a key the first counts, and so does the first of several rows. Where `by`
    makes several pieces, the columns are lists, of what each of them finds. needed: whether a row that finds none is
    bad; else its columns are empty. What `take` says of every row is held in memory.
    """

    table: Globs
    format: TableFormat
    key: TemplateText
    by: TemplateText
    take: Mapping[str, TemplateText]
    needed: bool = False


class TableKnobs(Family[ClipRef]):
    """Tables that name audio files.

    Globs and templates are relative to the corpus root; templates know the columns, what `join` adds to them, and `dir`
    and `stem` of the table; those of `split` and `fields` also `found`, the path of the audio.

    tables: globs, in the order in which the tables count. exclude: globs of what is neither table nor audio. audio: the
    name of a row's audio; of several the first that is there. by_stem: `audio` is not a path but what the one file
    among `audio_files` is called, without folders and ending. audio_files: globs, which find audio that no row names;
    its split is 'unlisted' where `split` needs more than `dir`. audio_missing: `metadata` where the corpus does not
    distribute its audio: a row without is no fault, and still a reject. span: the stretch of the audio that a row is
    about; else all of it. explode: columns that are lists of the same length: a row for each of their places. where:
    templates and the regular expressions that they have to match in full; other rows are left out, and counted.
    repeats: what a row is about audio that an earlier one has named: a reject, more `captions` of the same clip, or
    nothing that is new (`first`).
    """

    family: Literal["table"]
    tables: Globs
    exclude: Globs = ()
    format: TableFormat
    audio: Templates
    by_stem: bool = False
    audio_files: Globs
    audio_missing: Literal["reject", "metadata"] = "reject"
    span: Span | None = None
    split: TemplateText = "train"
    fields: Mapping[FieldName, Templates] = {}
    join: tuple[Join, ...] = ()
    explode: tuple[str, ...] = ()
    where: Mapping[TemplateText, ExpressionText] = {}
    repeats: Literal["reject", "captions", "first"] = "reject"

    @model_validator(mode="after")
    def _columns_exist(self) -> "TableKnobs":
        if self.format.columns is not None:
            known = {*PLACE, *self.format.columns}
            for number, join in enumerate(self.join):
                _only(known, [(f"join.{number}.by", join.by)])
                known |= join.take.keys()
            _only(known, self._templates())
        for number, join in enumerate(self.join):
            if join.format.columns is not None:
                taken = [(f"join.{number}.take.{name}", text) for name, text in join.take.items()]
                _only({*PLACE, *join.format.columns}, [(f"join.{number}.key", join.key), *taken])
        return self

    @model_validator(mode="after")
    def _fields_of_one_text(self) -> "TableKnobs":
        for name, texts in self.fields.items():
            if name not in MANY and len(texts) != 1:
                raise ValueError(f"fields.{name}: is one text, only {' and '.join(MANY)} may be several")
        if self.explode and self.format.kind not in ("jsonl", "json", "yaml"):
            raise ValueError("explode: only JSON and YAML have lists")
        if set(self.explode) & parse(self.split).variables:
            raise ValueError("split: may not depend on a column that is exploded")
        return self

    def _templates(self) -> Iterator[tuple[str, str]]:
        """Every template of a row of the first tables, with its key."""
        yield from (("audio", text) for text in self.audio)
        yield "split", self.split
        yield from (("span", text) for text in (self.span.templates if self.span else ()))
        yield from (("where", text) for text in self.where)
        yield from ((f"fields.{name}", text) for name, texts in self.fields.items() for text in texts)

    def variables(self) -> frozenset[str]:
        """The columns that its templates need."""
        texts = [text for _, text in self._templates()] + [join.by for join in self.join]
        return frozenset[str]().union(*(parse(text).needed for text in texts))

    @property
    def cuts(self) -> bool:
        return self.span is not None

    @property
    def has_splits(self) -> bool:
        return bool(parse(self.split).variables)


def _only(known: Iterable[str], templates: Sequence[tuple[str, str]] | Iterator[tuple[str, str]]) -> None:
    """Raises ValueError for a template with a variable that there is not."""
    names = set(known)
    for key, text in templates:
        if unknown := parse(text).needed - names:
            raise ValueError(f"{key}: {text!r} uses {sorted(unknown)}, which is not among the columns {sorted(names)}")
