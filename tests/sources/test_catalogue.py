"""The catalogue's own entries, and what an entry may not say."""

import pickle
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from turnmill.manifests.errors import UsageError
from turnmill.manifests.records import Licence
from turnmill.sources.catalogue import OWN_FOLDER, Entry, load, names, origin, override, own_names, shipped_names

MINE: dict[str, Any] = {
    "name": "my-corpus",
    "title": "Calls",
    "kind": "speech",
    "licence": {"spdx": "CC-BY-4.0", "redistribute": True, "commercial": True},
    "access": {"kind": "local", "how": "ask me"},
    "ingest": {"family": "files", "pattern": "(?P<speaker>[^/]+)/"},
}


def written(path: Path, **changes: Any) -> Path:
    path.write_text(yaml.safe_dump({**MINE, **changes}), "utf-8")
    return path


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A catalogue folder of one's own, empty yet."""
    folder = tmp_path / "own"
    folder.mkdir()
    monkeypatch.setenv(OWN_FOLDER, str(folder))
    return folder


def test_every_entry_is_valid_and_has_a_reader() -> None:
    assert {"demo", "dialogue_text", "files", "librispeech", "ljspeech"} <= set(names())
    for name in names():
        entry = load(name)
        assert entry.name == name
        assert entry.access.how
        assert pickle.loads(pickle.dumps(entry)) == entry


@pytest.mark.parametrize(("wrong", "near"), [("libri-speech", "librispeech"), ("lj_speech", "ljspeech")])
def test_an_unknown_name_is_answered_with_near_ones(wrong: str, near: str) -> None:
    with pytest.raises(UsageError, match=f"{wrong}.*did you mean.*{near}"):
        load(wrong)


def test_a_name_like_nothing_is_answered_with_where_all_are() -> None:
    with pytest.raises(UsageError, match=r"no source is called '\.\.etc passwd': `turnmill sources` lists them\."):
        load("..etc passwd")


@pytest.mark.parametrize("name", ["files", "dialogue_text"])
def test_a_users_own_material_may_not_be_published_until_its_licence_is_stated(name: str) -> None:
    entry = load(name)
    assert not entry.licence.licence.redistribute
    terms = {"spdx": "CC-BY-4.0", "redistribute": True, "commercial": True}
    changed = override(entry, {"licence": terms}, "recipe.yaml: corpora.0")
    assert changed.licence.licence == Licence("CC-BY-4.0", redistribute=True, commercial=True)


def test_a_recipe_changes_an_entry_key_by_key_and_a_knob_by_knob() -> None:
    changes = {"name": "calls", "lang": "de", "ingest": {"pattern": "(?P<speaker>.)"}}
    changed = override(load("files"), changes, "recipe.yaml")
    assert (changed.name, changed.lang) == ("calls", "de")
    assert changed.family.model_dump() == {
        "family": "files",
        "roles": (),
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
        ("ljspeech", {"ingest": {"audio": "{id|rot13}"}}, r"audio\.0: .*\{id\|rot13\}"),
        ("ljspeech", {"ingest": {"audio": "{id"}}, "brace"),
        ("ljspeech", {"ingest": {"audio": "{path}"}}, r"'path'.*'id', 'stem', 'text'"),
        ("ljspeech", {"ingest": {"format": {"sep": "|"}}}, "header: true"),
        ("ljspeech", {"ingest": {"format": {"sep": "|", "names": ["id", "text", "id"]}}}, "'id' is the name of two"),
        ("ljspeech", {"ingest": {"family": "tabel"}}, "ingest.family: must be one of .*given: 'tabel'"),
        ("ljspeech", {"ingest": 5}, "ingest: .*given: 5"),
        ("ljspeech", {"ingest": {"tabels": "x"}}, r"ingest\.tabels: unknown key; did you mean 'tables'"),
        ("ljspeech", {"ingest": {"fields": {"speeker": "x"}}}, r"ingest\.fields\.speeker: unknown .* 'speaker'"),
        ("ljspeech", {"kind": "text"}, "`kind` is 'text', and the family 'table' reads audio"),
        ("ljspeech", {"kind": "podcast"}, "kind: must be .*given: 'podcast'"),
        ("ljspeech", {"ingest": None}, "has no `ingest`: say how it is read, or in `nothing` why"),
        ("ljspeech", {"nothing": "it is gone"}, "has `ingest`, and `nothing`, .*: keep one"),
        ("ljspeech", {"languages": ["de", "fr"]}, "`lang` is 'en', which is not among the `languages`"),
        ("ljspeech", {"overlaps": ["Libri Vox"]}, "overlaps"),
        ("ljspeech", {"ingest": {"roles": ["a", "b"]}}, "`ingest.roles` names 2 channels, and `expect.channels` is 1"),
        ("ljspeech", {"text_stile": "cased"}, "text_stile: unknown key; did you mean 'text_style'"),
        *(
            ("files", {"ingest": {"sidecar": sidecar}}, "ingest.sidecar: '.*' leaves the folder of the corpus: begin")
            for sidecar in ("../{stem}.txt", "/texts/{stem}.txt", "texts/../../{stem}.txt")
        ),
        ("files", {"ingest": {"sidecar": "{speaker}.txt"}}, r"sidecar: .*'speaker'.*\['dir', 'stem'\]"),
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


def test_an_entry_is_the_same_by_path_as_a_mapping_and_in_a_folder_of_ones_own(own: Path, tmp_path: Path) -> None:
    by_path = load(str(written(tmp_path / "calls.yaml")))
    assert load(MINE) == by_path
    file = written(own / "my-corpus.yaml")
    assert load("my-corpus") == by_path == load(str(file))
    assert own_names() == ["my-corpus"]
    assert set(names()) == {*shipped_names(), "my-corpus"}
    assert (origin("my-corpus"), origin("demo")) == (str(file), "sources/catalog/demo.yaml")
    assert override(load("my-corpus"), {"lang": "de"}, "r").lang == "de"


def test_a_path_is_known_by_its_ending_or_a_slash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path / "mine.yml")
    written(tmp_path / "mine")
    monkeypatch.chdir(tmp_path)
    assert load("mine.yml") == load("./mine") == load(MINE)


@pytest.mark.parametrize("name", ["librispeech", "my-corpus"])
def test_names_of_entries_are_unique(own: Path, tmp_path: Path, name: str) -> None:
    written(own / "my-corpus.yaml")
    with pytest.raises(UsageError, match=f"^{tmp_path}/x.yaml: name: the catalogue has an entry '{name}' already"):
        load(str(written(tmp_path / "x.yaml", name=name)))
    with pytest.raises(UsageError, match=f"^r.yaml: corpora.1: name: the catalogue has an entry '{name}' already"):
        load({**MINE, "name": name}, "r.yaml: corpora.1")


def test_an_entry_of_ones_own_takes_no_name_of_ours_and_none_twice(own: Path) -> None:
    taken = written(own / "ljspeech.yml", name="ljspeech")
    with pytest.raises(UsageError, match=f"^{taken}: the catalogue has an entry 'ljspeech' already"):
        load("demo")
    taken.unlink()
    written(own / "my-corpus.yaml")
    written(own / "my-corpus.yml")
    with pytest.raises(UsageError, match=r"my-corpus\.yaml beside it has the same name"):
        names()


def test_a_broken_entry_of_ones_own_spoils_no_other(own: Path) -> None:
    (own / "broken.yaml").write_text("a: [", "utf-8")
    assert load("demo").name == "demo"
    with pytest.raises(UsageError, match=rf"^{own}/broken.yaml: is not valid YAML: line 1"):
        load("broken")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"name: [", "is not valid YAML: line 1, column"),
        (b"[" * 5000, "is not valid YAML"),
        (b"", "an entry is a mapping of keys to values, this is nothing"),
        (b"- a", "an entry is a mapping of keys to values, this is a list"),
        (b"just text", "an entry is a mapping of keys to values, this is text"),
        (b"\xff\xfe", "cannot be read as a catalogue entry"),
        (b"name: other", "title: is missing"),
        (None, "there is no such catalogue entry"),
    ],
)
def test_a_file_that_is_no_entry_is_one_sentence(tmp_path: Path, data: bytes | None, message: str) -> None:
    path = tmp_path / "mine.yaml"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(UsageError, match=f"^{path}: .*{message}") as told:
        load(str(path))
    assert len(str(told.value).splitlines()) == 1


def test_a_folder_is_no_entry_and_a_missing_one_no_catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="cannot be read as a catalogue entry"):
        load(str(tmp_path))
    with pytest.raises(UsageError, match="cannot be read as a catalogue entry"):
        load("./zero\0byte.yaml")
    for folder in (tmp_path / "gone", written(tmp_path / "file.yaml")):
        monkeypatch.setenv(OWN_FOLDER, str(folder))
        with pytest.raises(UsageError, match=f"^{OWN_FOLDER}: {folder} is not a folder of entries"):
            load("demo")


def test_an_entry_of_the_folder_is_called_as_its_file(own: Path) -> None:
    written(own / "calls.yaml")
    with pytest.raises(UsageError, match=r"calls\.yaml: `name` is 'my-corpus', it must be the file's own name"):
        load("calls")


def test_a_recipe_may_read_a_corpus_by_another_family() -> None:
    changed = override(load("ljspeech"), {"ingest": {"family": "files"}}, "r")
    assert changed.family.family == "files"
    assert not changed.family.has_splits


def test_what_says_which_split_an_item_is_in_is_asked_of_the_family() -> None:
    assert load("librispeech").family.has_splits
    assert not load("ljspeech").family.has_splits
    assert override(load("files"), {"ingest": {"pattern": "(?P<split>dev|test)/"}}, "r").family.has_splits


KEYS = st.sampled_from([*Entry.model_fields, "family", "pattern", "tables", "format", "fields", "spdx", "kind", ""])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(["table", "files"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=8,
)


@given(st.sampled_from(["ljspeech", "files", "dialogue_text"]), st.dictionaries(KEYS, VALUES, max_size=4))
def test_whatever_a_recipe_says_is_an_entry_or_one_sentence(name: str, changes: dict[str, Any]) -> None:
    told = "r.yaml: corpora.0: "
    try:
        override(load(name), changes, "r.yaml: corpora.0")
    except UsageError as error:
        told = str(error)
    assert told.startswith("r.yaml: corpora.0: ")
