"""`turnmill sources`: what the catalogue knows, for a person."""

from collections.abc import Iterator
from typing import Final

from rich.console import Console
from rich.markup import escape

from turnmill.manifests.wording import plural
from turnmill.sources.catalogue import Entry, load, origin, own_names
from turnmill.sources.listing import TERMS, Asked, entries

_LANGUAGES: Final = 3  # that are named
_FIGURES: Final = (3, 4)  # columns that are aligned at the right


def describe_sources(asked: Asked, console: Console) -> None:
    """One line per corpus of the catalogue that fits: what it is stands last, for it may be long."""
    found = list(filter(asked.fits, entries()))
    rows = [("name", "kind", "languages", "hours", "ch", "licence", "access", "what"), *map(_row, found)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row, style in zip(rows, ["bold", *("dim" if entry.ingest is None else "" for entry in found)], strict=True):
        aligned = [
            cell.rjust(width) if number in _FIGURES else cell.ljust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        console.print("  ".join(aligned).rstrip(), style=style, markup=False, highlight=False, soft_wrap=True)
    for name in sorted({entry.name for entry in found} & set(own_names())):
        console.print(f"{name} is yours: {origin(name)}", markup=False, highlight=False, soft_wrap=True)
    said = f"{plural(len(found), 'source')}; `turnmill sources NAME` tells all of one"
    console.print(said, highlight=False, soft_wrap=True)


def _row(entry: Entry) -> tuple[str, ...]:
    figures = (hours(entry), channels(entry))
    licence = entry.licence.spdx + (" and each its own" if entry.licences_each else "")
    return (entry.name, entry.kind, languages(entry), *figures, licence, entry.access.kind, entry.title)


def languages(entry: Entry) -> str:
    """Its languages, or how many they are."""
    spoken = entry.spoken
    return ", ".join(spoken) if len(spoken) <= _LANGUAGES else f"{', '.join(spoken[:2])} and {len(spoken) - 2} more"


def hours(entry: Entry) -> str:
    return "" if entry.expect.hours is None else f"{entry.expect.hours:,g}"


def channels(entry: Entry) -> str:
    return "" if entry.expect.channels is None else str(entry.expect.channels)


def describe_source(name: str, console: Console) -> None:
    """All that is known of a corpus of the catalogue, or of a file. Raises UsageError for a name it does not have."""
    entry = load(name)
    console.print(f"[bold]{entry.name}[/]: {escape(entry.title)}", highlight=False, soft_wrap=True)
    for line in (*_facts(entry), *_to_get(entry), *_to_read(entry, name)):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _facts(entry: Entry) -> Iterator[str]:
    licence = entry.licence
    allowed = [f"{term}: {'yes' if getattr(licence, term) else 'no'}" for term in TERMS]
    yield f"{entry.kind}; languages: {', '.join(entry.spoken) or 'any'}"
    yield f"licence {licence.spdx}: {', '.join(allowed)}; read in the licence itself: {_yes(licence.verified)}"
    if entry.licences_each:
        yield "each item has a licence of its own, which may allow less: it carries both, or the stricter"
    if licence.note:
        yield f"note: {licence.note}"
    told = {"text_style": entry.text_style, "trust": entry.trust, **entry.expect.model_dump()}
    told["hours"] = hours(entry) or None
    known = [f"{key} {value}" for key, value in told.items() if value is not None]
    if known:
        yield f"release: {', '.join(known)}"
    if entry.ingest is not None and entry.ingest.roles:
        yield f"channels: {', '.join(f'{number} {role}' for number, role in enumerate(entry.ingest.roles))}"
    if entry.overlaps:
        yield f"comes from {', '.join(entry.overlaps)}, as others may"
    if entry.eval_only:
        yield "models are judged on it: a recipe that trains on it is refused"


def _yes(true: bool) -> str:
    return "yes" if true else "no"


def _to_get(entry: Entry) -> Iterator[str]:
    access = entry.access
    yield f"access: {access.kind}. {access.how} {access.url}".rstrip()
    yield from (f"  $ {command}" for command in access.commands)
    if entry.layout:
        yield "layout, below the root:"
        yield from (f"  {line}" for line in entry.layout.splitlines())


def _to_read(entry: Entry, name: str) -> Iterator[str]:
    """`name`: as a recipe calls it, which of a file of one's own is its path."""
    if entry.ingest is None:
        yield f"there is nothing to ingest: {entry.nothing}"
    elif entry.kind == "text":
        yield f"use: turnmill sources check {name} --root FILE"
    else:
        yield f"use: turnmill sources check {name} --root FOLDER"
        yield f"     turnmill run speech --set corpus={name} --set root=FOLDER"
