"""Real corpora as their owners release them, through entries of the catalogue: what is in is out or rejected."""

import json
import os
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from turnmill.manifests.records import Reject
from turnmill.sources.adapters.items import UnitSize
from turnmill.sources.catalogue import Entry, load, override

AUDIO = (".wav", ".flac", ".ogg", ".mp3")


def audio_below(folder: Path) -> int:
    """How many files of audio there are, counted without Turnmill."""
    return sum(name.endswith(AUDIO) for _, _, names in os.walk(folder) for name in names)


def turns_of(ending: str, unnamed: int) -> Callable[[Path], int]:
    """How many lines of meetings tell of somebody, and audio of which none does."""
    return lambda folder: (
        unnamed
        + sum(
            line.startswith(("SPEAKER", "sample"))
            for file in folder.glob(f"*.{ending}")
            for line in file.read_text().splitlines()
        )
    )


def lines(file: Path) -> int:
    return sum(bool(line.strip()) for line in file.read_text().splitlines())


def records(file: Path) -> int:
    return len(json.loads(file.read_text()))


@dataclass(frozen=True)
class Shared:
    """A folder of the shared data, and what is read of it: `out` items, and the rest `rejected`.

    entry: a name of the catalogue, or one that stands here. changes: what a recipe would say; why: of what the sample
    is otherwise than the release, or why no entry of the catalogue reads it. counted: how many things there are.
    """

    entry: str | Mapping[str, Any]
    folder: str
    out: int
    rejected: dict[str, int] = field(default_factory=dict)
    changes: dict[str, Any] = field(default_factory=dict)
    why: str = ""
    keep_untranscribed: bool = False
    counted: Callable[[Path], int] = audio_below

    def __str__(self) -> str:
        kept = "-kept" if self.keep_untranscribed else ""
        return f"{self.entry if isinstance(self.entry, str) else self.entry['name']}-{Path(self.folder).stem}{kept}"

    def read(self) -> Entry:
        return override(load(self.entry), self.changes, str(self))


MIT = {"spdx": "MIT", "redistribute": True, "commercial": True, "derivatives": True}
LOCALES = {
    "name": "locales",
    "title": "Recordings of a few languages",
    "kind": "speech",
    "licence": MIT,
    "access": {"kind": "local", "how": "written here"},
    "ingest": {
        "family": "table",
        "tables": "*/trans.txt",
        "format": {"sep": "\t", "names": ["file", "text"]},
        "audio": "{dir}/{file}",
        "audio_files": "**/*.wav",
        "fields": {"text": "{text}", "language": "{dir}"},
    },
}
MEETING = {"audio": "{recording}.wav", "split": "train"}

CASES = (
    Shared("librispeech", "LibriSpeech", 100, {"untranscribed": 60}),
    Shared("librispeech", "LibriSpeech", 160, keep_untranscribed=True),
    Shared("ljspeech", "LJSpeech-1.1", 8, {"untranscribed": 24}),
    Shared(
        "vctk",
        "VCTK-Corpus-0.92",
        40,
        changes={"ingest": {"exclude": "_mic2"}},
        why="it has the first microphones, and not the second, which the entry takes",
    ),
    Shared("free_spoken_digit", "free-spoken-digit-dataset", 720),
    Shared(
        "esc_10",
        "ESC-10",
        160,
        why="ESC-50's entry reads the table that its release has; that of ESC-10 says by folders what each is",
    ),
    Shared(
        "ami",
        "ami-sample",
        27,
        changes={"ingest": {**MEETING, "annotations": ["*.rttm"]}},
        why="all lies in one folder, and the recordings are pieces of the mixes under other names",
        counted=turns_of("rttm", unnamed=0),
    ),
    Shared(
        "ami",
        "ami-sample",
        13,
        {"untranscribed": 2},
        changes={"name": "ami-words", "ingest": {**MEETING, "annotations": ["*.stm"], "format": {"kind": "stm"}}},
        why="the release has its words in XML; STM is how they are scored",
        counted=turns_of("stm", unnamed=2),
    ),
    Shared(LOCALES, "multilingual", 5, why="samples of a service, which are no corpus with a release"),
    Shared(
        "dns_noise",
        "noise",
        7,
        changes={"ingest": {"audio": ["**/*.wav", "**/*.ogg"]}},
        why="one of the noises is Ogg Vorbis, and the release has WAV alone",
    ),
    Shared(
        "rirs_noises",
        "rir",
        5,
        changes={"ingest": {"audio": "*.wav", "pattern": "^(?P<set>[a-z]+)_", "maps": {}, "fields": {"tags": "{set}"}}},
        why="no folders of sets and rooms: the beginnings of the names tell where each comes from",
    ),
    Shared(
        "files",
        "two-channel",
        11,
        keep_untranscribed=True,
        why="pieces of four collections, which nobody has transcribed: no entry of calls has its annotations",
    ),
    Shared("moss_003", "text/moss-003-sample.jsonl", 280, counted=lines),
    Shared("dialogue_text", "text/moss-003-sample.jsonl", 280, counted=lines),
    Shared("alpaca_eval", "text/alpaca_eval_text_davinci_003.json", 805, counted=records),
    Shared("dialogue_text", "text/alpaca_eval_text_davinci_003.json", 805, counted=records),
)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_is_in_is_out_or_rejected(case: Shared, shared: Path) -> None:
    corpus = case.read().corpus(shared / case.folder, keep_untranscribed=case.keep_untranscribed)
    units = corpus.units(UnitSize(50))
    found = [list(corpus.read(unit)) for unit in units]
    assert all(unit.items in (0, len(items)) for unit, items in zip(units, found, strict=True))
    rejects = Counter(item.reason for items in found for item in items if isinstance(item, Reject))
    out = [item for items in found for item in items if not isinstance(item, Reject)]
    assert (len(out), dict(rejects)) == (case.out, case.rejected)
    assert len(out) + rejects.total() == case.counted(shared / case.folder)
    names = {item.uid if corpus.family.holds == "audio" else item.id for item in out}
    assert len(names) == len(out)


def test_recordings_of_a_few_languages_have_their_own_words_and_languages(shared: Path) -> None:
    clips = list(load(LOCALES).corpus(shared / "multilingual").items())
    found = {clip.language: clip.text for clip in clips if not isinstance(clip, Reject)}
    assert sorted(filter(None, found)) == ["de-DE", "es-ES", "fr-FR", "ja-JP", "zh-CN"]
    assert all(text and "audio.wav" not in text for text in found.values())


def test_what_is_read_otherwise_than_the_release_says_why() -> None:
    assert [str(case) for case in CASES if not case.why and (case.changes or not isinstance(case.entry, str))] == []
