"""What is asked of the catalogue, and the catalogue as a table."""

from typing import Any

import pytest

from turnmill.manifests.errors import UsageError
from turnmill.sources.catalogue import Entry, load, names, override
from turnmill.sources.listing import SCHEMA, asked, entries, table

STEREO: dict[str, Any] = {
    "name": "calls",
    "lang": None,
    "languages": ["zh-CN", "yue"],
    "kind": "dialogue-speech",
    "expect": {"channels": 2},
    "licence": {"spdx": "CC-BY-NC-4.0", "redistribute": True, "commercial": False},
    "ingest": {"roles": ["agent", "caller"]},
}


def calls() -> Entry:
    return override(load("files"), STEREO, "test")


@pytest.mark.parametrize(
    ("key", "fitting", "other"),
    [
        ("kind", "dialogue-speech", "speech"),
        ("language", "zh", "en"),
        ("language", "chinese", "ja"),
        ("language", "zh-CN", "zh-TW"),
        ("licence", "redistribute", "commercial"),
        ("licence", "cc-by-nc-4.0", "CC-BY-4.0"),
        ("channels", 2, 1),
    ],
)
def test_an_entry_fits_by_each_thing_that_is_asked(key: str, fitting: Any, other: Any) -> None:
    nothing = {"kind": None, "language": None, "licence": None, "channels": None}
    assert asked(**nothing).fits(calls())
    assert asked(**{**nothing, key: fitting}).fits(calls())
    assert not asked(**{**nothing, key: other}).fits(calls())


def test_all_that_is_asked_has_to_be_so() -> None:
    assert asked("speech", "en", "commercial", 1).fits(load("librispeech"))
    assert not asked("speech", "en", "commercial", 2).fits(load("librispeech"))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("spech", None, None, None), "--kind spech is unknown: use one of speech, dialogue-speech,"),
        ((None, "klingonish", None, None), "--language 'klingonish' is no language tag"),
        ((None, None, "commercail", None), "--licence commercail is none of commercial, .* and is no SPDX identifier"),
    ],
)
def test_what_no_entry_can_be_is_refused(given: tuple[Any, ...], message: str) -> None:
    with pytest.raises(UsageError, match=f"^{message}"):
        asked(*given)


def test_the_table_has_a_row_for_each_entry() -> None:
    rows = table(entries()).to_pylist()
    assert [row["name"] for row in rows] == names()
    (row,) = table([calls()]).to_pylist()
    assert list(row) == SCHEMA.names
    assert (row["languages"], row["roles"], row["channels"]) == (["zh-CN", "yue"], ["agent", "caller"], 2)
    assert (row["licence"], row["commercial"], row["verified"]) == ("CC-BY-NC-4.0", False, False)
    assert (row["family"], row["nothing"]) == ("files", None)


def test_corpora_whose_items_have_licences_of_their_own_are_marked() -> None:
    each = {row["name"] for row in table(entries()).to_pylist() if row["licence_each"]}
    assert each == {"fsd50k", "clotho", "laion_webdataset", "turnmill_shards"}


def test_audio_of_videos_is_not_under_the_licence_of_its_labels() -> None:
    videos = [entry for entry in entries() if entry.licence.note and "of videos" in entry.licence.note]
    assert {entry.name for entry in videos} == {"audioset_hub", "audioset_labels", "vggsound"}
    assert not any(entry.licence.redistribute for entry in videos)


def test_every_column_has_a_meaning() -> None:
    assert all(field.metadata[b"doc"] for field in SCHEMA)
