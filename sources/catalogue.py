"""The catalogue: one YAML entry per corpus in `catalog/`, checked against the models below.

An entry says what a corpus is, what may be done with it, how to get it, and which adapter family reads it with which
knobs. A new corpus of a known family is an entry, not code.
"""

import difflib
import re
from collections.abc import Mapping
from importlib import resources
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from turnmill.manifests import records
from turnmill.manifests.errors import UsageError
from turnmill.manifests.languages import LanguageTag
from turnmill.manifests.params import Params
from turnmill.sources.adapters.template import TemplateText, parse


class LicenceTerms(Params):
    """`verified`: read by a person in the licence's own text; `note`: what the terms add."""

    spdx: str = Field(min_length=1)
    redistribute: bool
    commercial: bool
    derivatives: bool = True
    verified: bool = False
    note: str = ""

    def record(self) -> records.Licence:
        return records.Licence(self.spdx, self.redistribute, self.commercial, self.derivatives)


class Access(Params):
    kind: Literal["public", "form", "gated_hub", "paid", "urls_only", "withdrawn", "local", "generated"]
    url: str = ""
    how: str


class Expect(Params):
    """What the whole release holds. `sample_rate` in Hz, `hours` of audio, `utts` clips; null where it varies."""

    sample_rate: int | None = None
    channels: int | None = None
    codec: str | None = None
    hours: float | None = None
    utts: int | None = None


class TableFormat(Params):
    """One row per line, fields between `sep`, never quoted: unbalanced quotes are common.

    `maxsplit`: the last field keeps further separators. `header`: the first line names the columns; else `names` does.
    """

    sep: str = Field(min_length=1)
    maxsplit: int = Field(default=-1, ge=-1)
    names: tuple[str, ...] = ()
    header: bool = False
    encoding: Literal["utf-8", "latin-1"] = "utf-8"

    @model_validator(mode="after")
    def _names_or_header(self) -> "TableFormat":
        if self.header == bool(self.names):
            raise ValueError("state either `header: true` or the column `names`")
        return self


FieldName = Literal["text", "speaker", "parent", "language", "tags", "captions"]


class TableIngest(Params):
    """Tables that name audio files.

    Globs and templates are relative to the corpus root; templates know the columns, and `dir` and `stem` of the table.
    `audio_files` finds audio that no row names; its split is 'unlisted' where `split` needs more than `dir`.
    """

    family: Literal["table"]
    tables: str
    format: TableFormat
    audio: TemplateText
    audio_files: str
    split: TemplateText = "train"
    fields: Mapping[FieldName, TemplateText] = {}

    @model_validator(mode="after")
    def _columns_exist(self) -> "TableIngest":
        known = {"dir", "stem", *self.format.names}
        templates = [("audio", self.audio), ("split", self.split), *self.fields.items()]
        for key, text in templates:
            unknown = parse(text).variables - known
            if unknown and not self.format.header:
                raise ValueError(
                    f"{key}: {text!r} uses {sorted(unknown)}, which is not among the columns {sorted(known)}"
                )
        return self


class FilesIngest(Params):
    """Any folder of audio. `pattern`: a regular expression searched in each file's path below the root; its named
    groups become the fields of the same name (split, speaker, parent, language, text, tags) or else native fields.
    `sidecar`: the file with the transcript; templates know `dir`, `stem` and the pattern's groups.
    """

    family: Literal["files"]
    pattern: str | None = None
    sidecar: TemplateText = "{dir}/{stem}.txt"

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str | None) -> str | None:
        try:
            re.compile(pattern or "")
        except re.error as error:
            raise ValueError(f"is not a regular expression: {error}") from error
        return pattern


class DialogueTextIngest(Params):
    """A JSON Lines file (also gzipped) or JSON list of dialogues: see `adapters/dialogue_text.py`."""

    family: Literal["dialogue_text"]


class Entry(Params):
    """A corpus. `lang`: BCP-47, null where it varies or is unknown; `trust`: who made the text."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_.-]*$")
    title: str
    modality: Literal["speech", "sound", "music", "text"]
    lang: LanguageTag | None = None
    licence: LicenceTerms
    access: Access
    expect: Expect = Expect()
    text_style: Literal["cased", "upper_nopunct", "lower_nopunct", "punct_tokens", "whisper", "ocr"] | None = None
    trust: Literal["human", "asr", "template"] | None = None
    ingest: Annotated[TableIngest | FilesIngest | DialogueTextIngest, Field(discriminator="family")]


def names() -> list[str]:
    """Names of the catalogue's entries, sorted."""
    files = resources.files("turnmill.sources").joinpath("catalog").iterdir()
    return sorted(file.name.removesuffix(".yaml") for file in files if file.name.endswith(".yaml"))


def load(name: str) -> Entry:
    """The entry of that name. Raises UsageError naming near names when there is none, or what is wrong with it."""
    known = names()
    if name not in known:
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.4)
        raise UsageError(f"no source is called {name!r}: did you mean {', '.join(near or known)}?")
    text = resources.files("turnmill.sources").joinpath("catalog", f"{name}.yaml").read_text(encoding="utf-8")
    entry = _validated(yaml.safe_load(text), f"sources/catalog/{name}.yaml")
    if entry.name != name:
        raise UsageError(f"sources/catalog/{name}.yaml: `name` is {entry.name!r}, it must be the file's own name")
    return entry


def override(entry: Entry, changes: Mapping[str, Any], where: str) -> Entry:
    """The entry with keys replaced, as a recipe states them; `ingest` is merged knob by knob.

    Raises UsageError beginning with `where` (the recipe's file and key) for an unknown key or a bad value.
    """
    data = entry.model_dump()
    ingest = {**data["ingest"], **(changes.get("ingest") or {})}
    return _validated({**data, **changes, "ingest": ingest}, where)


def _validated(data: Any, where: str) -> Entry:
    try:
        return Entry.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        problem = first["msg"].removeprefix("Value error, ")
        raise UsageError(f"{where}: {key}: {problem}") from error
