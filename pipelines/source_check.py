"""`turnmill sources check`: what `sources.check` found, for a person."""

from collections.abc import Iterator
from typing import get_args

from rich.console import Console

from turnmill.manifests.records import TextDialogue
from turnmill.manifests.wording import plural, visible
from turnmill.sources.adapters.items import ClipRef, FieldName
from turnmill.sources.catalogue import Entry
from turnmill.sources.check import Report


def print_report(report: Report, entry: Entry, console: Console) -> None:
    """What there is, what was left, then what is wrong."""
    for line in (*_found(report, entry), *_first(report), *_left(report), *_wrong(report, entry)):
        console.print(visible(line).replace("\n", "\\n"), markup=False, highlight=False, soft_wrap=True)


def _found(report: Report, entry: Entry) -> Iterator[str]:
    what = "dialogue" if entry.family.holds == "text" else "clip"
    rejected = sum(each.count for each in report.rejected)
    yield f"{entry.name}: {plural(report.items, what)}, {rejected:,} rejected"
    if report.splits:
        yield "splits: " + ", ".join(f"{split} {count:,}" for split, count in report.splits.items())
        yield f"speakers: {report.speakers:,}; parents, each in one split: {report.parents:,}"
    if report.licences:
        yield "own licences: " + ", ".join(f"{spdx} {count:,}" for spdx, count in report.licences.items())


def _first(report: Report) -> Iterator[str]:
    if report.first:
        yield f"the first {len(report.first)}:"
    for item in report.first:
        yield from _dialogue(item) if isinstance(item, TextDialogue) else _clip(item)


def _clip(clip: ClipRef) -> Iterator[str]:
    facts = {
        "speaker": clip.speaker,
        "parent": clip.parent,
        "language": clip.language,
        "licence": clip.licence and clip.licence.spdx,
        "tags": ", ".join(clip.tags),
    }
    told = [f"{name} {value}" for name, value in facts.items() if value]
    yield f"  {clip.uid}"
    yield f"    {'; '.join(told) or 'nothing is said of it'}"
    yield f"    {'no text' if clip.text is None else repr(clip.text)}"


def _dialogue(dialogue: TextDialogue) -> Iterator[str]:
    yield f"  {dialogue.id} ({dialogue.language}, {plural(len(dialogue.turns), 'turn')})"
    yield f"    {dialogue.turns[0].role}: {dialogue.turns[0].text!r}"


def _left(report: Report) -> Iterator[str]:
    if report.unused:
        columns = ", ".join(f"{name} ({count:,})" for name, count in report.unused.items())
        yield f"no field takes, and `native` keeps: {columns}"
        if meant := [f'{name}: "{{{name}}}"' for name in get_args(FieldName) if name in report.unused]:
            yield f"where they are what they are called, the entry says it: `fields: {{{', '.join(meant)}}}`"
    if report.passed_over:
        kinds = (
            f"{each.files:,} {each.ending or 'without ending'}{' (hidden)' if each.hidden else ''}"
            for each in report.passed_over
        )
        yield f"passed over: {', '.join(kinds)}"


def _wrong(report: Report, entry: Entry) -> Iterator[str]:
    for each in report.rejected:
        yield f"{each.meaning}, {each.count:,} ({each.reason}):"
        yield from (f"  {example}" for example in each.examples)
    if entry.expect.hours is not None:
        yield "not measured: hours; of sample rate and channels the headers of the first clips are read"
    yield f"{plural(len(report.problems), 'problem')}{':' if report.problems else ''}"
    yield from (f"  {problem}" for problem in report.problems)
