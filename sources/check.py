"""What a corpus holds, beside what its catalogue entry says of it. No audio is decoded."""

import posixpath
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import soundfile

from turnmill.manifests.records import Reason, Reject, TextDialogue
from turnmill.manifests.wording import plural
from turnmill.sources.adapters.base import Corpus
from turnmill.sources.adapters.items import ClipRef, UnitSize
from turnmill.sources.adapters.passed_over import PassedOver, passed_over
from turnmill.sources.catalogue import Entry, Expect
from turnmill.sources.places import Place
from turnmill.sources.writing import STYLES, foreign_letters

_SHOWN: Final = 5  # items that are shown as they were read
_EXAMPLES: Final = 3  # of each reason
_LENGTH: Final = 60  # characters of a text that is an example
_MUCH: Final = 0.01  # share of a count or of texts that makes a difference
_ENDINGS: Final[Mapping[str, tuple[str, ...]]] = {
    "opus": ("opus", "ogg", "oga", "webm"),
    "vorbis": ("ogg", "oga"),
    "wav": ("wav", "wave"),
    "aac": ("aac", "m4a", "mp4"),
}
"""Codec -> endings of files that hold it, where there are others than its name."""

_MEANING: Final = {
    Reason.UNTRANSCRIBED: "audio without a row or transcript",
    Reason.MISSING_FILE: "rows without audio",
    Reason.NOT_DISTRIBUTED: "rows whose audio the corpus does not distribute",
    Reason.LEFT_OUT: "rows that `where` leaves out",
    Reason.BAD_ROW: "rows that cannot be read",
    Reason.DUPLICATE_UID: "rows that repeat an earlier one",
    Reason.RAW_AUDIO: "audio without a header",
    Reason.UNSAFE_PATH: "names that are not followed",
}
_REMEDY: Final = {
    Reason.UNTRANSCRIBED: "; --keep-untranscribed takes it, and in a recipe `ingest: {keep_untranscribed: true}`",
}
"""What is done about a reason, where the user decides."""


@dataclass(frozen=True)
class Rejected:
    """Items of one reason: how many, and what is said of the first of them."""

    reason: Reason
    count: int
    examples: tuple[str, ...]

    @property
    def meaning(self) -> str:
        return _MEANING.get(self.reason, str(self.reason).replace("_", " "))


@dataclass(frozen=True)
class Report:
    """What `check` found. `first`: the first items, as they were read. `splits`: items of each.

    speakers, parents: how many there are. licences: clips of each, of those that state their own. unused: columns or
    groups of names that no field takes -> items that have them. problems: what is wrong, a sentence each; the corpus is
    as its entry says where there is none.
    """

    items: int
    first: tuple[ClipRef | TextDialogue, ...]
    rejected: tuple[Rejected, ...]
    splits: Mapping[str, int]
    speakers: int
    parents: int
    licences: Mapping[str, int]
    unused: Mapping[str, int]
    passed_over: tuple[PassedOver, ...]
    problems: tuple[str, ...]


def check(entry: Entry, root: Place | Path | str, *, keep_untranscribed: bool = False) -> Report:
    """Read a corpus as a run would, but for its audio: of that only the headers of the first clips.

    Raises UsageError where there is no such corpus.
    """
    corpus = entry.corpus(root, keep_untranscribed=keep_untranscribed)
    units = corpus.units(UnitSize())
    tally = _Tally(entry)
    for unit in units:
        for item in corpus.read(unit):
            tally.add(item)
    left = passed_over(corpus.root, entry.name, units, None) if entry.family.holds == "audio" else ()
    problems = (*tally.problems(), *_headers(corpus, entry.expect, tally.first))
    return tally.report(tuple(left), problems)


@dataclass
class _Tally:
    """Counts over the items of a corpus, of which it keeps a few."""

    entry: Entry
    items: int = 0
    first: list[ClipRef | TextDialogue] = field(default_factory=list)
    rejects: Counter[Reason] = field(default_factory=Counter)
    examples: dict[Reason, list[str]] = field(default_factory=dict)
    splits: Counter[str] = field(default_factory=Counter)
    speakers: set[str] = field(default_factory=set)
    parents: set[str] = field(default_factory=set)
    licences: Counter[str] = field(default_factory=Counter)
    unused: Counter[str] = field(default_factory=Counter)
    endings: Counter[str] = field(default_factory=Counter)
    texts: int = 0
    flaws: Counter[tuple[str, str]] = field(default_factory=Counter)  # by the entry's key and what is wrong by it
    flawed: dict[tuple[str, str], str] = field(default_factory=dict)  # the first text of each

    def add(self, item: ClipRef | TextDialogue | Reject) -> None:
        if isinstance(item, Reject):
            self.rejects[item.reason] += 1
            if self.rejects[item.reason] <= _EXAMPLES:
                self.examples.setdefault(item.reason, []).append(item.detail)
            return
        self.items += 1
        if len(self.first) < _SHOWN:
            self.first.append(item)
        if isinstance(item, TextDialogue):
            self._add_text(" ".join(turn.text for turn in item.turns), item.language)
        else:
            self._add_clip(item)

    def _add_clip(self, clip: ClipRef) -> None:
        self.splits[clip.split] += 1
        self.speakers |= {clip.speaker} if clip.speaker else set()
        self.parents |= {clip.parent} if clip.parent else set()
        self.licences.update([clip.licence.spdx] if clip.licence else [])
        self.unused.update(name for name, value in clip.native.items() if value)
        self.endings[posixpath.splitext(clip.path)[1].removeprefix(".").lower()] += 1
        if clip.text is not None:
            self._add_text(clip.text, clip.language)

    def _add_text(self, text: str, language: str | None) -> None:
        self.texts += 1
        style = STYLES.get(self.entry.text_style or "")
        if language and (letters := foreign_letters(text, language)):
            self._add_flaw(f"lang: {language}", f"{letters} letters", text)
        if style and (flaw := style.flaw(text)):
            self._add_flaw(f"text_style: {self.entry.text_style}", flaw, text)

    def _add_flaw(self, key: str, what: str, text: str) -> None:
        self.flaws[key, what] += 1
        self.flawed.setdefault((key, what), text)

    def report(self, left: tuple[PassedOver, ...], problems: tuple[str, ...]) -> Report:
        rejected = (Rejected(reason, n, tuple(self.examples[reason])) for reason, n in self.rejects.most_common())
        return Report(
            items=self.items,
            first=tuple(self.first),
            rejected=tuple(rejected),
            splits=dict(sorted(self.splits.items())),
            speakers=len(self.speakers),
            parents=len(self.parents),
            licences=dict(self.licences.most_common()),
            unused=dict(sorted(self.unused.items())),
            passed_over=left,
            problems=problems,
        )

    def problems(self) -> Iterator[str]:
        """What the entry says and the corpus does not bear out, then what was rejected."""
        if not self.items:
            yield f"nothing of it can be used: {plural(self.rejects.total(), 'item')} rejected"
        yield from self._unexpected(self.entry.expect)
        style = STYLES.get(self.entry.text_style or "")
        for (key, what), count in self.flaws.most_common():
            if count > self.texts * (style.allowed if style and key.startswith("text_style") else _MUCH):
                text = self.flawed[key, what]
                shown = text if len(text) <= _LENGTH else f"{text[:_LENGTH]} ..."
                yield f"{key}: {what} in {count:,} of {plural(self.texts, 'text')}, such as {shown!r}"
        for reason, count in self.rejects.most_common():
            yield f"{Rejected(reason, count, ()).meaning}: {count:,}{_REMEDY.get(reason, '')}"

    def _unexpected(self, expect: Expect) -> Iterator[str]:
        if expect.items is not None and abs(self.items - expect.items) > _MUCH * expect.items:
            yield f"expect.items: the release has {expect.items:,}, here are {self.items:,}"
        codec = expect.codec
        if codec is not None:
            known = _ENDINGS.get(codec, (codec,))
            others = [f"{n:,} .{ending}" for ending, n in sorted(self.endings.items()) if ending not in known]
            if others:
                yield f"expect.codec: the release is {codec}, here are {', '.join(others)}"


def _headers(corpus: Corpus[ClipRef], expect: Expect, clips: Iterable[ClipRef | TextDialogue]) -> Iterator[str]:
    """Where the headers of clips do not have the release's sample rate (Hz) and channels."""
    for clip in clips:
        if not isinstance(clip, ClipRef) or (header := _header(corpus, clip)) is None:
            continue
        if expect.sample_rate not in (None, header.samplerate):
            yield f"expect.sample_rate: the release has {expect.sample_rate} Hz, {clip.path} {header.samplerate}"
        if expect.channels not in (None, header.channels):
            yield f"expect.channels: the release has {expect.channels}, {clip.path} {header.channels}"


def _header(corpus: Corpus[ClipRef], clip: ClipRef) -> Any:
    """What libsndfile says of the audio of a clip; null of what it cannot read, which other decoders may."""
    try:
        with corpus.audio(clip) as file:
            return soundfile.info(file)
    except (OSError, soundfile.SoundFileError):
        return None
