"""Recipes by name: a bare name is one that comes with Turnmill, and what is copied of it stands alone."""

from pathlib import Path

import pytest

from turnmill.manifests.errors import UsageError
from turnmill.pipelines.loading import load
from turnmill.pipelines.shipped import copy_recipe, recipe_file, shipped, told
from turnmill.sources.places import Place, place

NAMES = [recipe.name for recipe in shipped()]


def test_each_says_in_one_line_what_it_does() -> None:
    assert {"quickstart", "speech", "dialogues"} <= set(NAMES)
    for recipe in shipped():
        assert recipe.summary.endswith(".")
        assert 20 < len(recipe.summary) < 120


def test_a_bare_name_is_shipped_and_a_path_is_a_file_whatever_lies_in_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("speech", "speech.yaml"):
        (tmp_path / name).write_text("name: mine\ncorpus: files\n")
    assert load(recipe_file("speech")).name == "speech"
    assert load(recipe_file("speech.yaml")).name == "mine"
    assert load(recipe_file("./speech")).name == "mine"
    assert load(recipe_file(str(tmp_path / "speech"))).name == "mine"


def test_a_name_that_no_recipe_has_suggests_near_ones_and_the_file_of_that_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        UsageError, match=r"no recipe is called 'speach': did you mean speech, or a file, NAME\.yaml\?$"
    ):
        recipe_file("speach")
    (tmp_path / "mine").touch()
    with pytest.raises(UsageError, match=r"did you mean calls, chinese, .*; the file of that name is \./mine$"):
        recipe_file("mine")


def test_errors_call_a_shipped_recipe_by_its_name() -> None:
    assert told(recipe_file("speech")) == "speech"
    with pytest.raises(UsageError, match=r"^speech: corpsu: unknown key; did you mean 'corpus'"):
        load(recipe_file("speech"), ["corpsu=files"])


def test_files_that_a_shipped_recipe_does_not_bring_are_those_of_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert load(recipe_file("moshi")).texts == place(tmp_path / "texts" / "dialogues.jsonl")
    brought = load(recipe_file("dialogues")).texts
    assert isinstance(brought, Place)
    assert brought.kind() == "file"


@pytest.mark.parametrize("name", NAMES)
def test_a_copy_is_the_same_recipe_with_what_it_brings_beside_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    written = copy_recipe(name, Path("mine.yaml"))
    assert Path("mine.yaml") in written
    copied = load(Path("mine.yaml"))
    assert copied.hash == load(recipe_file(name)).hash
    if name in ("quickstart", "dialogues", "chinese"):
        assert isinstance(copied.texts, Place)
        assert place(tmp_path).below(copied.texts) is not None
        assert copied.texts.kind() == "file"


def test_a_copy_overwrites_nothing(tmp_path: Path) -> None:
    copy_recipe("quickstart", tmp_path / "a.yaml")
    texts = tmp_path / "quickstart" / "dialogues.jsonl"
    assert copy_recipe("dialogues", tmp_path / "b.yaml") == [tmp_path / "b.yaml"]  # the texts are there, and the same
    (tmp_path / "a.yaml").write_text("edited")
    with pytest.raises(UsageError, match=r"a\.yaml is there already, and is not overwritten: name another FILE$"):
        copy_recipe("quickstart", tmp_path / "a.yaml")
    texts.write_text("edited")
    with pytest.raises(UsageError, match=r"dialogues\.jsonl is there already, .* another FILE in another folder$"):
        copy_recipe("quickstart", tmp_path / "c.yaml")
    assert ((tmp_path / "a.yaml").read_text(), texts.read_text()) == ("edited", "edited")
    assert not (tmp_path / "c.yaml").exists()


def test_a_copy_whose_name_run_would_not_take_for_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"a recipe's file ends in \.yaml"):
        copy_recipe("speech", tmp_path / "mine")


@pytest.mark.parametrize("word", ["./speech", "speech.yaml", "folder/speech.yml"])
def test_a_file_that_is_not_there_and_is_called_as_a_recipe_of_ours_is_told_its_name(
    word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        UsageError, match=r"the recipe that comes with Turnmill is `speech`, without folder and ending$"
    ):
        load(recipe_file(word))
    with pytest.raises(UsageError, match=r"no recipe is called '.*': did you mean speech"):
        copy_recipe(word, tmp_path / "x.yaml")


def test_a_file_in_place_of_a_name_is_told_how_to_copy_one_there() -> None:
    with pytest.raises(UsageError, match=r"moshi, .*\? `turnmill init NAME \./x\.yaml` copies one to that file$"):
        copy_recipe("./x.yaml", Path("x.yaml"))
    with pytest.raises(UsageError, match=r"no recipe is called 'spech': did you mean speech\?$"):
        copy_recipe("spech", Path("x.yaml"))


def test_a_place_where_nothing_can_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=r"file/x\.yaml cannot be written \(.*\): name another FILE$"):
        copy_recipe("speech", tmp_path / "file" / "x.yaml")
