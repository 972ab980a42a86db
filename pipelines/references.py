"""The pages of docs/ that are told from declarations: keys of a recipe, tables, reasons, the catalogue, by `make docs`.

python -m turnmill.pipelines.references docs
"""

import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final

import pyarrow as pa

from turnmill.manifests.card_schema import fields
from turnmill.manifests.card_sections import markdown
from turnmill.manifests.export.profile import Drop
from turnmill.manifests.records import Code, Reason
from turnmill.manifests.samples import CLIP, DIALOGUE
from turnmill.manifests.schema import EVENT_KINDS, TABLES, Table
from turnmill.pipelines.asr.verdict import RULES
from turnmill.pipelines.keys import keys, sections
from turnmill.pipelines.source_list import channels, hours, languages
from turnmill.sources.catalogue import Entry, load, shipped_names
from turnmill.sources.listing import SCHEMA, by_kind

_COLUMNS = ("type", "unit", "meaning", "from")


def recipe_keys() -> str:
    """Every key of a recipe, a table a section."""
    parts = [
        "# Keys of a recipe",
        "`turnmill keys SECTION` prints the same. `{...}` is a default that is too long to be shown, or that has keys "
        "of its own, which are below. How a recipe is written is in [recipes](recipes.md).",
    ]
    for section in ("", *sections()):
        found = keys(section)
        if all(key.default == "required" and not key.meaning for key in found):
            continue  # a distribution: its default, with all its keys, is shown where it stands
        rows = [(f"`{key.name}`", f"`{key.default}`", key.meaning) for key in found]
        parts += [f"## {section or 'The recipe'}", markdown(("key", "default", "meaning"), rows)]
    return "\n\n".join(parts)


def tables() -> str:
    """Every column of every table, and every field of a sample."""
    parts = [
        "# Tables and samples",
        "What `turnmill query OUT` sees, and the JSON of a training sample. Times are seconds from the start of the "
        "written audio; intervals are [start, end). What does not apply is null. Besides the tables there are the "
        "views `clips_all` and `dialogues_all`, which join the labels of an item, with `removed_by`, the predicate "
        "that removed it; `clips_all` also has `duplicate_kept`, whether it is the one that is kept of equal audio.",
        "## Kinds of events",
        markdown(("kind", "what happens"), ((f"`{kind}`", doc) for kind, doc in EVENT_KINDS.items())),
    ]
    for table in TABLES.values():
        parts += [f"## Table `{table.name}`", _told(table), _columns(table.schema)]
    for title, sample in (("A clip's sample", CLIP), ("A dialogue's sample", DIALOGUE)):
        parts += [f"## {title}", _columns(sample)]
    return "\n\n".join(parts)


def _columns(schema: Iterable[pa.Field]) -> str:
    rows = ((f"`{path}`", *facts) for path, facts in fields(schema))
    return markdown(("column", *_COLUMNS), rows)


def _told(table: Table) -> str:
    """What a table has a row of, and where its rows go."""
    said = [f"One row per {table.rows}."]
    if table.label:
        said.append(f"It labels `{table.of}`: an item that has no row was rejected, and is in no selection.")
    if table.sample is not None:
        said.append(f"In a sample it is `{table.sample}`.")
    return " ".join([*said, "Published." if table.published else "Not published."])


def reasons() -> str:
    """Every reason of `rejects`."""
    return "\n\n".join(
        [
            "# Reasons",
            'Why an item was rejected: `turnmill query OUT "SELECT reason, detail, uid FROM rejects"`. What a '
            "predicate of yours removed is no reject: `removed_by` of `clips_all` and `dialogues_all` names it.",
            _meanings("reason", Reason),
            "## What an export drops",
            "`drop` of `items/FORMAT/SHARD.parquet`, below the folder of an [export](export.md).",
            _meanings("drop", Drop),
            "## Verdicts on transcripts",
            "`verdict` of `transcripts`: the first of these that holds of what a recogniser heard in a clip, and the "
            "columns that it rests on; null where none does ([transcripts](transcripts.md#the-verdict)).",
            markdown(
                ("verdict", "rests on", "holds where"),
                ((f"`{r.name}`", ", ".join(f"`{column}`" for column in r.rests_on), r.meaning) for r in RULES),
            ),
        ]
    )


def _meanings(name: str, codes: Iterable[Code]) -> str:
    return markdown((name, "meaning"), ((f"`{code}`", code.meaning) for code in codes))


def catalogue() -> str:
    """Every entry that comes with Turnmill, a table a kind, then the columns of the table `catalogue`."""
    parts = [
        "# The catalogue",
        "`turnmill sources` lists it and what you add to it, `turnmill sources NAME` tells all of one: how it is had, "
        "and its layout. Figures are those of the whole release; a licence without ✓ nobody has read in its own text "
        "yet, so read it before you rely on it. How entries are read is in [corpora](corpora.md).",
    ]
    for kind, found in by_kind([load(name) for name in shipped_names()]):
        header = ("name", "what", "languages", "hours", "items", "Hz", "channels", "licence", "access", "read by")
        parts += [f"## {kind.capitalize()}", markdown(header, map(_entry, found))]
        if nothing := [f"- `{entry.name}`: {entry.nothing}" for entry in found if entry.ingest is None]:
            parts += ["Of these there is nothing to ingest:", "\n".join(nothing)]
    parts += [
        "## Table `catalogue`",
        "It is there in every `turnmill query` and in `open_dataset(...).sql`, with a row for each entry of the "
        "catalogue as it is now: `SELECT name FROM catalogue WHERE commercial AND list_contains(languages, 'zh')`.",
        _columns(SCHEMA),
    ]
    return "\n\n".join(parts)


_REFUSED: Final = {
    "not commercial": "commercial",
    "no derivatives": "derivatives",
    "not to be given on": "redistribute",
}


def _entry(entry: Entry) -> tuple[str, ...]:
    expect, licence = entry.expect, entry.licence
    items = "" if expect.items is None else f"{expect.items:,}"
    figures = (hours(entry), items, str(expect.sample_rate or ""), channels(entry))
    refused = ", ".join(word for word, term in _REFUSED.items() if not getattr(licence, term))
    each = " and each its own" if entry.licences_each else ""
    terms = licence.spdx + each + (" ✓" if licence.verified else "") + (f" ({refused})" if refused else "")
    family = "" if entry.ingest is None else f"`{entry.ingest.family}`"
    return (f"`{entry.name}`", entry.title, languages(entry), *figures, terms, entry.access.kind, family)


PAGES: Final[Mapping[str, Callable[[], str]]] = {
    "recipe-keys.md": recipe_keys,
    "tables.md": tables,
    "reasons.md": reasons,
    "catalogue.md": catalogue,
}


def main(folder: Path) -> None:
    """Write the pages into a folder."""
    for name, page in PAGES.items():
        (folder / name).write_text(f"{page()}\n", "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
