"""The catalogue's own entries, and what an entry may not say."""

import pickle
from typing import Any

import pytest

from turnmill.manifests.errors import UsageError
from turnmill.manifests.records import Licence
from turnmill.sources.catalogue import Entry, load, names, override


def test_every_entry_is_valid_and_has_a_reader() -> None:
    assert names() == ["demo", "dialogue_text", "files", "librispeech", "ljspeech"]
    for name in names():
        entry = load(name)
        assert entry.name == name
        assert entry.access.how
        assert pickle.loads(pickle.dumps(entry)) == entry


@pytest.mark.parametrize(("wrong", "near"), [("libri-speech", "librispeech"), ("lj_speech", "ljspeech")])
def test_an_unknown_name_is_answered_with_near_ones(wrong: str, near: str) -> None:
    with pytest.raises(UsageError, match=f"{wrong}.*did you mean.*{near}"):
        load(wrong)


def test_a_name_like_nothing_is_answered_with_all() -> None:
    with pytest.raises(UsageError, match="demo, dialogue_text, files, librispeech, ljspeech"):
        load("..etc passwd")


@pytest.mark.parametrize("name", ["files", "dialogue_text"])
def test_a_users_own_material_may_not_be_published_until_its_licence_is_stated(name: str) -> None:
    entry = load(name)
    assert not entry.licence.record().redistribute
    terms = {"spdx": "CC-BY-4.0", "redistribute": True, "commercial": True}
    changed = override(entry, {"licence": terms}, "recipe.yaml: corpora.0")
    assert changed.licence.record() == Licence("CC-BY-4.0", redistribute=True, commercial=True)


def test_a_recipe_changes_an_entry_key_by_key_and_a_knob_by_knob() -> None:
    changes = {"name": "calls", "lang": "de", "ingest": {"pattern": "(?P<speaker>.)"}}
    changed = override(load("files"), changes, "recipe.yaml")
    assert (changed.name, changed.lang) == ("calls", "de")
    assert changed.ingest.model_dump() == {
        "family": "files",
        "pattern": "(?P<speaker>.)",
        "sidecar": "{dir}/{stem}.txt",
    }


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("files", {"speker": "x"}, "speker"),
        ("files", {"ingest": {"tables": "*.csv"}}, "tables"),
        ("files", {"ingest": {"pattern": "("}}, "pattern: is not a regular expression"),
        ("files", {"licence": {"spdx": "MIT"}}, "licence.redistribute"),
        ("files", {"name": "a/b"}, "name"),
        ("ljspeech", {"ingest": {"audio": "{id|rot13}"}}, r"audio: .*\{id\|rot13\}"),
        ("ljspeech", {"ingest": {"audio": "{id"}}, "brace"),
        ("ljspeech", {"ingest": {"audio": "{path}"}}, r"'path'.*'id', 'stem', 'text'"),
        ("ljspeech", {"ingest": {"format": {"sep": "|"}}}, "header: true"),
        ("ljspeech", {"ingest": {"family": "tabel"}}, "tabel"),
    ],
)
def test_an_entry_that_cannot_work_is_refused_naming_the_key(name: str, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=f"^recipe.yaml: corpora.0: .*{message}"):
        override(load(name), changes, "recipe.yaml: corpora.0")


def test_entries_cannot_be_changed_in_place() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load("demo").name = "other"


def test_a_librispeech_entry_is_as_the_reference_says() -> None:
    entry: Entry = load("librispeech")
    assert (entry.expect.sample_rate, entry.expect.channels, entry.expect.codec) == (16000, 1, "flac")
    assert entry.licence.spdx == "CC-BY-4.0"
    assert not entry.licence.verified
