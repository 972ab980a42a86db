"""A clip carries its own licence or that of its corpus, the stricter of them, whichever family reads it."""

from pathlib import Path
from typing import Any

import pytest

from tests.sources.catalog.miniature import build
from turnmill.manifests.records import UNKNOWN_LICENCE, Reject
from turnmill.sources.catalogue import Entry, load

TONE = {"audio": {"rate": 8000, "seconds": 0.25}}
STATED = {  # of two clips, of which only the first says its own
    "table": (
        {"t.csv": "file,terms\na.wav,{said}\nb.wav,\n", "a.wav": TONE, "b.wav": TONE},
        {"tables": "*.csv", "format": {"sep": ",", "header": True}, "audio": "{file}", "audio_files": "*.wav"},
    ),
    "files": (
        {"a.wav": TONE, "b.wav": TONE, "a.json": '{"terms": "{said}"}', "b.json": "{}"},
        {"sidecar": "{stem}.json"},
    ),
    "segments": (
        {"a.wav": TONE, "t.json": '[{"start": 0, "end": 0.1, "terms": "{said}"}, {"start": 0.1, "end": 0.2}]'},
        {"annotations": ["*.json"], "audio": "a.wav", "format": {"kind": "json", "items": "", "silent": True}},
    ),
    "webdataset": (
        {"0.tar": {"members": {"a.wav": TONE, "a.json": '{"terms": "{said}"}', "b.wav": TONE, "b.json": "{}"}}},
        {},
    ),
    "hf_parquet": (
        {"0.parquet": {"parquet": [{"audio": {"bytes": TONE, "path": "a.wav"}, "terms": "{said}"},
                                   {"audio": {"bytes": TONE, "path": "b.wav"}, "terms": None}]}},
        {"files": ["*.parquet"]},
    ),
}  # fmt: skip


def entry(family: str, ingest: dict[str, Any], spdx: str, *, free: bool = True, field: str = "{terms}") -> Entry:
    return load(
        {
            "name": "sounds",
            "title": "sounds",
            "kind": "sound",
            "licence": {
                "spdx": spdx,
                "redistribute": free,
                "commercial": free and "-NC" not in spdx,
                "derivatives": True,
            },
            "access": {"kind": "local", "how": "written here"},
            "ingest": {"family": family, **ingest, "fields": {"licence": field}},
        }
    )


def written(files: Any, said: str) -> Any:
    """The description of a corpus with what a clip says of itself."""
    if isinstance(files, str):
        return files.replace("{said}", said)
    if isinstance(files, list):
        return [written(each, said) for each in files]
    return {name: written(each, said) for name, each in files.items()} if isinstance(files, dict) else files


def carried(told: Entry, root: Path) -> list[tuple[str, bool]]:
    corpus = told.corpus(root, keep_untranscribed=True)
    clips = [clip for clip in corpus.items() if not isinstance(clip, Reject)]
    licences = [corpus.licence_of(clip) for clip in sorted(clips, key=lambda clip: clip.uid)]
    return [(each.spdx, each.redistribute) for each in licences]


@pytest.mark.parametrize("family", STATED)
@pytest.mark.parametrize(
    ("said", "spdx"),
    [
        ("https://creativecommons.org/licenses/by-nc/4.0/", "CC-BY-NC-4.0"),
        ("Creative Commons 0", "CC-BY-4.0"),  # the corpus asks for more
        ("All rights reserved", "CC-BY-4.0 AND LicenseRef-all-rights-reserved"),
        ("CC-BY-SA-3.0", "CC-BY-SA-3.0"),
    ],
)
def test_the_stricter_of_its_own_and_that_of_the_corpus(family: str, said: str, spdx: str, tmp_path: Path) -> None:
    files, ingest = STATED[family]
    build(written(files, said), tmp_path)
    found = carried(entry(family, ingest, "CC-BY-4.0"), tmp_path)
    assert found == [(spdx, "LicenseRef" not in spdx), ("CC-BY-4.0", True)]


def test_what_the_one_forbids_and_the_other_does_travel_both(tmp_path: Path) -> None:
    files, ingest = STATED["table"]
    build(written(files, "CC-BY-ND-4.0"), tmp_path)
    found = carried(entry("table", ingest, "CC-BY-NC-4.0"), tmp_path)
    assert found == [("CC-BY-NC-4.0 AND CC-BY-ND-4.0", True), ("CC-BY-NC-4.0", True)]


@pytest.mark.parametrize("family", STATED)
def test_where_nobody_knows_that_of_the_corpus_its_own_counts(family: str, tmp_path: Path) -> None:
    files, ingest = STATED[family]
    build(written(files, "CC0-1.0"), tmp_path)
    found = carried(entry(family, ingest, UNKNOWN_LICENCE, free=False), tmp_path)
    assert found == [("CC0-1.0", True), (UNKNOWN_LICENCE, False)]


def test_a_template_says_what_counts_where_a_row_says_none(tmp_path: Path) -> None:
    files, ingest = STATED["table"]
    build(written(files, "CC0-1.0"), tmp_path)
    found = carried(entry("table", ingest, "CC-BY-4.0", field="{terms|or('unknown')}"), tmp_path)
    assert found == [("CC-BY-4.0", True), (f"CC-BY-4.0 AND {UNKNOWN_LICENCE}", False)]
