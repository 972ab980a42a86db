"""Real corpora as their owners release them, through entries of the catalogue: what is in is out or rejected."""

import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from turnmill.manifests.records import Reject
from turnmill.sources.adapters.items import UnitSize
from turnmill.sources.catalogue import load, override

AUDIO = (".wav", ".flac", ".ogg", ".mp3")


@dataclass(frozen=True)
class Shared:
    """A folder of the shared data, and what is read of it: `out` items, and the rest `rejected`.

    changes: what a recipe would say, where only part of the release is there, or it is laid out otherwise.
    """

    entry: str
    folder: str
    out: int
    rejected: dict[str, int] = field(default_factory=dict)
    changes: dict[str, Any] = field(default_factory=dict)
    keep_untranscribed: bool = False

    def __str__(self) -> str:
        return f"{self.entry}-{Path(self.folder).name}"


def named(name: str, **ingest: Any) -> dict[str, Any]:
    return {"name": name, "ingest": ingest}


CASES = (
    Shared("librispeech", "LibriSpeech", 100, {"untranscribed": 60}),
    Shared("librispeech", "LibriSpeech", 160, keep_untranscribed=True),
    Shared("ljspeech", "LJSpeech-1.1", 8, {"untranscribed": 24}),
    Shared("vctk", "VCTK-Corpus-0.92", 40, changes=named("vctk-sample", exclude="_mic2")),  # only the other microphone
    Shared("free_spoken_digit", "free-spoken-digit-dataset", 720),
    Shared("esc_10", "ESC-10", 160),
    Shared("files", "ami-sample", 3, keep_untranscribed=True),
    Shared("files", "multilingual", 5, changes=named("locales", sidecar="{dir}/trans.txt")),
    Shared("files", "noise", 7, changes={"kind": "noise", **named("noises", sidecar=None, audio="*.*")}),
    Shared("files", "rir", 5, changes={"kind": "rir", **named("rooms", sidecar=None, pattern="^(?P<source>[a-z]+)")}),
    Shared("files", "two-channel", 11, keep_untranscribed=True),
    Shared("dialogue_text", "text/moss-003-sample.jsonl", 280),
    Shared("moss_003", "text/moss-003-sample.jsonl", 280),
    Shared("alpaca_eval", "text/alpaca_eval_text_davinci_003.json", 805),
    Shared("dialogue_text", "text/alpaca_eval_text_davinci_003.json", 805),
)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_is_in_is_out_or_rejected(case: Shared, shared: Path) -> None:
    entry = override(load(case.entry), case.changes, str(case))
    corpus = entry.corpus(shared / case.folder, keep_untranscribed=case.keep_untranscribed)
    units = corpus.units(UnitSize(50))
    found = [list(corpus.read(unit)) for unit in units]
    assert all(unit.items in (0, len(items)) for unit, items in zip(units, found, strict=True))
    rejects = Counter(item.reason for items in found for item in items if isinstance(item, Reject))
    out = [item for items in found for item in items if not isinstance(item, Reject)]
    assert (len(out), dict(rejects)) == (case.out, case.rejected)
    if entry.kind != "text":
        assert len(out) + rejects.total() == audio_below(shared / case.folder)
        assert len({clip.uid for clip in out}) == len(out)


def audio_below(folder: Path) -> int:
    """How many files of audio there are, counted without Turnmill."""
    return sum(name.endswith(AUDIO) for _, _, names in os.walk(folder) for name in names)
