"""Every entry of the catalogue reads a miniature of its corpus as released.

`<entry>.yaml` beside this module describes one: `files` (see `miniature`), and what is read of them:

    root: data                 what is given as the root, below which it lies; default: the folder of all files
    entry: {lang: de}          what a recipe would say of one part of the corpus; default: nothing
    keep_untranscribed: true   default: false
    each: {language: en}       what every row has
    rows:                      every item, in the order of its uid
      - {uid: ..., text: ..., speaker: ..., split: ..., parent: ..., duration: 0.5, channels: 1}
    rejects: {missing_file: 1} how many of each reason, of those that are met when the audio is decoded as well

A row has every key of `FACTS`, where `each` does not: the licence is that of the entry where neither says another, the
language that of the entry where it has one. It may have those of `MORE`; `native` need not name all. A row of a text
has uid, language, licence and `turns`, a list of [role, text], and may have `split` and `scenario`.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import Field

from tests.sources.catalog.miniature import build
from turnmill.manifests.audio import AudioError
from turnmill.manifests.params import Params
from turnmill.manifests.records import Reason, Reject, TextDialogue
from turnmill.pipelines.corpus import Corpus
from turnmill.sources.adapters.items import ClipRef, UnitSize
from turnmill.sources.catalogue import Entry, load, override, shipped_names
from turnmill.sources.check import Rejected, check
from turnmill.sources.places import place

HERE = Path(__file__).parent
FACTS = ("uid", "text", "speaker", "language", "split", "parent", "licence", "duration", "channels")
MORE = ("config", "start", "end", "channel", "captions", "tags", "native", "sample_rate", "path")
OF_TEXT = ("uid", "language", "licence", "turns")
MORE_OF_TEXT = ("split", "scenario")
NEAR = 0.002  # s; what a codec adds is written in the row: AAC of 0.5 s is 0.576 s


class Described(Params):
    """What a description says."""

    files: dict[str, Any]
    root: str = ""
    entry: dict[str, Any] = Field(default={})
    keep_untranscribed: bool = False
    each: dict[str, Any] = Field(default={})
    rows: tuple[dict[str, Any], ...]
    rejects: dict[Reason, int] = Field(default={})


def described(name: str) -> Described:
    return Described(**yaml.safe_load((HERE / f"{name}.yaml").read_text("utf-8")))


def miniatures() -> list[str]:
    return sorted(path.stem for path in HERE.glob("*.yaml"))


@pytest.fixture(params=miniatures())
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def told(name: str) -> Described:
    return described(name)


@pytest.fixture
def entry(name: str, told: Described) -> Entry:
    return override(load(name), told.entry, name)


@pytest.fixture
def root(told: Described, tmp_path: Path) -> Path:
    build(told.files, tmp_path)
    return tmp_path / told.root


def test_every_entry_that_is_read_has_a_miniature() -> None:
    assert set(miniatures()) == {name for name in shipped_names() if load(name).ingest is not None}


def test_what_the_release_holds_is_read_as_it_is_meant(entry: Entry, root: Path, told: Described) -> None:
    corpus = Corpus(entry, place(root))
    rejects: Counter[Reason] = Counter()
    found: list[dict[str, Any]] = []
    for item in items(entry, root, told):
        try:
            if isinstance(item, Reject):
                rejects[item.reason] += 1
            else:
                found.append(facts(item, entry) if isinstance(item, TextDialogue) else heard(item, corpus))
        except AudioError as error:
            rejects[error.reason] += 1
    wanted = [expected(row, told, entry) for row in told.rows]
    shown = [only(row, like) for row, like in zip(in_order(found), in_order(wanted), strict=False)]
    assert shown == in_order(wanted)
    assert [row["uid"] for row in in_order(found)] == [row["uid"] for row in in_order(wanted)]
    assert dict(rejects) == told.rejects


def items(entry: Entry, root: Path, told: Described) -> Iterator[ClipRef | TextDialogue | Reject]:
    """What the units of a corpus hold, of which each says how much that is; small units hold the same as one."""
    corpus = entry.corpus(root, keep_untranscribed=told.keep_untranscribed)
    one_by_one = [item for unit in corpus.units(UnitSize(1)) for item in corpus.read(unit)]
    together = []
    for unit in corpus.units(UnitSize()):
        read = list(corpus.read(unit))
        assert unit.items in (0, len(read))
        together += read
    assert sorted(map(repr, one_by_one)) == sorted(map(repr, together))
    yield from together


def heard(clip: ClipRef, corpus: Corpus) -> dict[str, Any]:
    """What is said of a clip, and what its audio is. Raises AudioError."""
    audio, rate = corpus.audio(clip)
    return {
        **{key: getattr(clip, key) for key in (*FACTS, *MORE) if hasattr(clip, key)},
        "licence": corpus.licence(clip).spdx,
        "duration": pytest.approx(audio.shape[1] / rate, abs=NEAR),
        "channels": audio.shape[0],
        "sample_rate": rate,
        "captions": list(clip.captions),
        "tags": list(clip.tags),
        "native": dict(clip.native),
    }


def facts(dialogue: TextDialogue, entry: Entry) -> dict[str, Any]:
    licence = dialogue.licence.spdx or entry.licence.spdx
    turns = [[turn.role, turn.text] for turn in dialogue.turns]
    more = {key: getattr(dialogue, key) for key in MORE_OF_TEXT}
    return {"uid": dialogue.id, "language": dialogue.language, "licence": licence, "turns": turns, **more}


def expected(row: Mapping[str, Any], told: Described, entry: Entry) -> dict[str, Any]:
    """All that a row has to be."""
    whole = {"language": entry.lang, "licence": entry.licence.spdx, **told.each, **row}
    must, may = (OF_TEXT, MORE_OF_TEXT) if entry.kind == "text" else (FACTS, MORE)
    assert set(must) <= set(whole) <= {*must, *may}, f"a row of {entry.name} says {sorted(whole)}, it must say {must}"
    return whole


def only(row: Mapping[str, Any], like: Mapping[str, Any]) -> dict[str, Any]:
    """Of what was read what a description says."""
    shown = {key: row[key] for key in like}
    if "native" in like:
        shown["native"] = {key: row["native"].get(key) for key in like["native"]}
    return shown


def in_order(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: str(row["uid"]))


def test_check_has_nothing_to_say_but_of_what_is_to_be_rejected(entry: Entry, root: Path, told: Described) -> None:
    small = override(entry, {"expect": {**entry.expect.model_dump(), "items": None}}, entry.name)
    report = check(small, root, keep_untranscribed=told.keep_untranscribed)
    planned = tuple(f"{Rejected(reason, n, ()).meaning}: {n:,}" for reason, n in told.rejects.items())
    assert [problem for problem in report.problems if not problem.startswith(planned)] == []


def test_the_layout_that_is_told_is_that_of_the_release(entry: Entry, told: Described) -> None:
    assert entry.layout, f"{entry.name}: say in `layout` what lies below its root"
    for line in entry.layout.splitlines():
        path = re.escape(line.split("  ")[0].strip())
        path = re.sub("<[^>]+>", "[^/]+", path.replace("\\ ", " "))
        below = [name.removeprefix(f"{told.root}/") for name in told.files]
        assert any(re.fullmatch(path, name) for name in below), f"{entry.name}: layout: {line}"


def test_what_an_entry_comes_from_is_told_by_the_name_that_its_kin_use() -> None:
    shipped = {name: load(name) for name in shipped_names()}
    for entry in shipped.values():
        for name in entry.overlaps:
            further = set(shipped[name].overlaps) - {name} if name in shipped else set()
            assert not further, f"{entry.name}: overlaps: in place of {name} name what that comes from, {further}"
