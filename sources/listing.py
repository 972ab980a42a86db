"""The catalogue as a list: the entries that somebody asks for, and a table of all."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, get_args

import pyarrow as pa

from turnmill.manifests.errors import UsageError
from turnmill.manifests.languages import language_tag, primary
from turnmill.manifests.licences import spelled
from turnmill.manifests.schema.table import BOOL, FLOAT, INT32, INT64, TEXT, field
from turnmill.sources.catalogue import Entry, Kind, load, names

TERMS: Final = ("commercial", "derivatives", "redistribute")
"""What a licence may allow."""

TABLE: Final = "catalogue"
SCHEMA: Final = pa.schema(
    [
        field("name", TEXT, "what a recipe calls it"),
        field("title", TEXT, "what it is"),
        field("kind", TEXT, ", ".join(get_args(Kind))),
        field("languages", pa.list_(TEXT), "BCP-47; empty where they vary or are unknown"),
        field("hours", FLOAT, "of audio in the whole release", "h"),
        field("items", INT64, "clips or dialogues in the whole release"),
        field("sample_rate", INT32, "null where it varies", "Hz"),
        field("channels", INT32, "null where it varies"),
        field("roles", pa.list_(TEXT), "who is heard on each channel; empty where unknown"),
        field("codec", TEXT, "of its files"),
        field("licence", TEXT, "SPDX identifier, or LicenseRef-... where it has none"),
        field("commercial", BOOL, "may be used for money"),
        field("derivatives", BOOL, "may be changed"),
        field("redistribute", BOOL, "may be given to others"),
        field("licence_each", BOOL, "whether its items have licences of their own, which may allow less"),
        field("verified", BOOL, "whether a person read that in the licence's own text"),
        field("access", TEXT, "public, form, gated, paid, urls_only, withdrawn; local, generated"),
        field("url", TEXT, "where it is had, or told of"),
        field("how", TEXT, "how it is had, and what its root is then"),
        field("text_style", TEXT, "how its text is written"),
        field("trust", TEXT, "who made the text: human, asr, template"),
        field("overlaps", pa.list_(TEXT), "what its audio or texts come from, which others may share"),
        field("eval_only", BOOL, "whether models are judged on it, and no recipe trains on it"),
        field("family", TEXT, "what reads it; null where there is nothing to ingest"),
        field("ingest", TEXT, "JSON of the family's parameters"),
        field("nothing", TEXT, "why there is nothing to ingest"),
    ]
)


@dataclass(frozen=True)
class Asked:
    """What an entry has to be; null: anything. language: BCP-47. licence: one of TERMS, or an identifier of SPDX."""

    kind: str | None = None
    language: str | None = None
    licence: str | None = None
    channels: int | None = None

    def fits(self, entry: Entry) -> bool:
        allowed = [term for term in TERMS if getattr(entry.licence, term)]
        return (
            self.kind in (None, entry.kind)
            and (self.language is None or any(_same(self.language, each) for each in entry.spoken))
            and self.licence in (None, entry.licence.spdx, *allowed)
            and self.channels in (None, entry.expect.channels)
        )


def asked(kind: str | None, language: str | None, licence: str | None, channels: int | None) -> Asked:
    """What somebody asks for in their own spelling. Raises UsageError for what no entry can be."""
    if kind not in (None, *get_args(Kind)):
        raise UsageError(f"--kind {kind} is unknown: use one of {', '.join(get_args(Kind))}")
    try:
        language = None if language is None else language_tag(language)
    except ValueError as error:
        raise UsageError(f"--language {error}") from error
    try:
        licence = licence if licence is None or licence in TERMS else spelled(licence)
    except ValueError as error:
        raise UsageError(f"--licence {licence} is none of {', '.join(TERMS)}, and {error}") from error
    return Asked(kind, language, licence, channels)


def _same(asked: str, language: str) -> bool:
    """Whether a language is the one that is asked for: zh-TW is zh, and who asks for zh-TW may find it in zh."""
    return language == asked or primary(asked) == language or primary(language) == asked


def entries() -> list[Entry]:
    """Those of the catalogue, by name."""
    return list(map(load, names()))


def table(found: Iterable[Entry]) -> pa.Table:
    """Entries as rows of SCHEMA."""
    return pa.Table.from_pylist(list(map(_row, found)), SCHEMA)


def _row(entry: Entry) -> dict[str, Any]:
    family = entry.ingest
    return {
        **entry.model_dump(
            include={"name", "title", "kind", "text_style", "trust", "overlaps", "eval_only", "nothing"}
        ),
        **entry.expect.model_dump(),
        **entry.licence.model_dump(include={*TERMS, "verified"}),
        "licence": entry.licence.spdx,
        "licence_each": entry.licences_each,
        "languages": entry.spoken,
        "access": entry.access.kind,
        "url": entry.access.url,
        "how": entry.access.how,
        "roles": () if family is None else family.roles,
        "family": None if family is None else family.family,
        "ingest": None
        if family is None
        else family.model_dump_json(exclude={"family", "roles"}, exclude_defaults=True),
    }


BESIDE: Final = {TABLE: lambda: table(entries())}
"""What queries of a dataset may name besides (`manifests.query.add_named`)."""


def by_kind(found: Sequence[Entry]) -> Iterator[tuple[str, list[Entry]]]:
    """Entries of each kind that there is any of, in the order of `Kind`."""
    for kind in get_args(Kind):
        if same := [entry for entry in found if entry.kind == kind]:
            yield kind, same
