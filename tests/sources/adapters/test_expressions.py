"""Regular expressions of entries: what takes for ever is refused by a sentence, whichever knob it stands in."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from turnmill.manifests.errors import UsageError
from turnmill.sources.adapters.expressions import expression
from turnmill.sources.catalogue import Entry, load, override

EVIL = "(?P<id>(a|aa)+)$"
NAME = "a" * 60 + "!"


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("turnmill.sources.adapters.expressions._LONGEST_S", 0.2)


def table(**knobs: Any) -> Entry:
    fixed = {"tables": "t.txt", "audio": "{id}.wav", "audio_files": "*.wav", "split": "train"}
    return override(load("ljspeech"), {"ingest": {**fixed, "fields": {"text": "{id}"}, **knobs}}, "it")


def lines(**knobs: str) -> Callable[[], Entry]:
    form = {"kind": "lines", "pattern": r"(?P<recording>\S+)", **knobs}
    ingest = {"family": "segments", "annotations": ["t.txt"], "format": form, "audio": "{recording}.wav"}
    return lambda: override(load("fisher"), {"ingest": {**ingest, "channels": {}, "roles": []}}, "it")


ENTRIES: dict[str, Callable[[], Entry]] = {
    "pattern of a table": lambda: table(format={"kind": "regex", "sep": None, "names": (), "pattern": EVIL}),
    "ignore": lambda: table(format={"sep": "|", "names": ["id"], "ignore": EVIL}),
    "where": lambda: table(format={"sep": "|", "names": ["id"]}, where={"{id}": EVIL}),
    "pattern of names": lambda: override(load("files"), {"ingest": {"pattern": EVIL}}, "it"),
    "exclude": lambda: override(load("files"), {"ingest": {"exclude": EVIL}}, "it"),
    "pattern of lines": lines(pattern=EVIL),
    "skip": lines(skip=EVIL),
}


@pytest.mark.parametrize("knob", ENTRIES)
def test_an_expression_that_takes_for_ever_is_refused(tmp_path: Path, knob: str) -> None:
    (tmp_path / f"{NAME}.wav").write_bytes(b"RIFF")
    (tmp_path / "t.txt").write_text(f"{NAME}\n")
    with pytest.raises(UsageError, match=r"is not done with '.*aaaa.* after 0\.2 s: write it without a repeat in"):
        list(ENTRIES[knob]().corpus(tmp_path).items())


def test_expressions_find_what_the_standard_ones_do() -> None:
    found = expression(r"/(?P<speaker>[^/_]+)_(?P<take>\d+)\.wav$").search("w/é1/é1_007.wav")
    assert found.groupdict() == {"speaker": "é1", "take": "007"}
    assert expression(b"(?!Ses)").match(b"Sesame") is None
    with pytest.raises(ValueError, match="is no regular expression"):
        expression("(")
