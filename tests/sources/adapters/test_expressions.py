"""Regular expressions of entries: a text that one takes for ever for is a bad row, whichever knob it stands in."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from turnmill.manifests.errors import UsageError
from turnmill.manifests.records import Reason, Reject
from turnmill.sources.adapters.expressions import expression
from turnmill.sources.adapters.items import ClipRef, UnitSize
from turnmill.sources.catalogue import Entry, load, override

EVIL = "(?P<id>(a|aa)+)$"
OF_NAMES = r"(?P<id>(a|aa)+)\.wav$"
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
    "pattern of names": lambda: override(load("files"), {"ingest": {"pattern": OF_NAMES}}, "it"),
    "exclude": lambda: override(load("files"), {"ingest": {"exclude": OF_NAMES}}, "it"),
    "pattern of lines": lines(pattern=EVIL),
    "skip": lines(skip=EVIL),
}


@pytest.mark.parametrize("knob", ENTRIES)
def test_what_an_expression_takes_for_ever_for_is_a_row_or_its_reject_and_the_others_are_read(
    tmp_path: Path, knob: str
) -> None:
    for name in (NAME, "aa"):
        (tmp_path / f"{name}.wav").write_bytes(b"RIFF")
    (tmp_path / "t.txt").write_text(f"{NAME}\naa\n")
    corpus = ENTRIES[knob]().corpus(tmp_path, keep_untranscribed=True)
    units = corpus.units(UnitSize())
    found = [item for unit in units for item in corpus.read(unit)]
    assert sum(unit.items for unit in units) == len(found)
    slow = [item for item in found if isinstance(item, Reject) and "without a repeat in a repeat" in item.detail]
    rest = {item.path for item in found if isinstance(item, ClipRef)}
    if knob in ("ignore", "skip"):  # "aa" is passed over, so that its audio is of no row
        assert slow == []
        assert {item.path for item in found} == {f"{NAME}.wav", "aa.wav"}
    else:
        assert [item.reason for item in slow] == [Reason.BAD_ROW]
        assert ("aa.wav" in rest) == (knob != "exclude")


def test_an_expression_that_takes_for_ever_for_many_is_refused() -> None:
    slow = expression("(b|bb)+$")
    assert not slow.match("b" * 60 + "!")
    with pytest.raises(ValueError, match=r"is not done with 'bbb.* after 0\.2 s: write it without a repeat in"):
        slow.search("b" * 60 + "!")
    slow._slow = 20
    with pytest.raises(UsageError, match="write it without a repeat in a repeat"):
        slow.fullmatch("b" * 60 + "!")


def test_expressions_find_what_the_standard_ones_do() -> None:
    found = expression(r"/(?P<speaker>[^/_]+)_(?P<take>\d+)\.wav$").search("w/é1/é1_007.wav")
    assert found.groupdict() == {"speaker": "é1", "take": "007"}
    assert expression(b"(?!Ses)").match(b"Sesame") is False
    with pytest.raises(ValueError, match="is no regular expression"):
        expression("(")
