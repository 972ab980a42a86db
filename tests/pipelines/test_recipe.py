"""A recipe is refused whole, before work starts, by one sentence that names file, key and fix."""

from pathlib import Path

import pytest

from manifests.errors import UsageError
from pipelines.recipe import load

RECIPES = Path(__file__).parents[2] / "pipelines" / "recipes"


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text(text, "utf-8")
    return path


@pytest.mark.parametrize("name", ["quickstart", "speech", "dialogues"])
def test_shipped_recipes_are_valid(name: str) -> None:
    assert load(RECIPES / f"{name}.yaml").name == name


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("name: x\ncorpus: files\ncorpse: 1", "mine.yaml: corpse: unknown key; did you mean 'corpus'?"),
        ("name: x\ncorpus: files\ntranscribe: {modle: tiny}", "transcribe.modle: unknown key; did you mean 'model'?"),
        ("name: x\ncorpus: files\nseed: soon", "mine.yaml: seed: input should be a valid integer"),
        ("name: x\ncorpus: files\nworkers: 0", "workers: input should be greater than or equal to 1 (given: 0)"),
        ("name: x\ncorpus: files\nselect: [{name: a b, keep: 'true'}]", "select.0.name: string should match pattern"),
        (
            "name: x\ncorpus: files\nsimulate: {acoustics: {noise: {probability: 1.5}}}",
            "simulate.acoustics.noise.probability: input should be less",
        ),
        ("name: x\ncorpus: files\nselect: [{name: a, keep: 'true'}, {name: a, keep: 'true'}]", "same name; rename one"),
        ("name: x\ncorpus: files\nshard: {splits: {train: 0.5}}", "train, valid and test must add up to 1"),
        ("name: x", "names neither `corpus` nor `texts`"),
        ("- a list", "a recipe is a mapping of keys to values, this is list"),
        ("name: [unclosed", "is not valid YAML"),
    ],
)
def test_bad_recipe_is_refused_by_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(UsageError) as refused:
        load(written(tmp_path, text))
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)


def test_missing_recipe_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no such recipe"):
        load(tmp_path / "none.yaml")


def test_settings_replace_keys_and_make_sections(tmp_path: Path) -> None:
    path = written(tmp_path, "name: x\ncorpus: files\nselect: []")
    recipe = load(path, ["corpus=ljspeech", "transcribe.model=embedded", "ingest.unit_clips=7", "root=here"])
    assert recipe.corpus == "ljspeech"
    assert recipe.transcribe is not None
    assert recipe.transcribe.model == "embedded"
    assert recipe.ingest.unit_clips == 7
    assert recipe.root == Path.cwd() / "here"


@pytest.mark.parametrize("setting", ["corpus", "=x", "name.a=1", "seed=[1"])
def test_bad_setting_is_refused(tmp_path: Path, setting: str) -> None:
    with pytest.raises(UsageError, match="--set"):
        load(written(tmp_path, "name: x\ncorpus: files"), [setting])


def test_paths_of_a_recipe_are_relative_to_it(tmp_path: Path) -> None:
    assert load(written(tmp_path, "name: x\ntexts: a.jsonl")).texts == tmp_path / "a.jsonl"


def test_hash_ignores_where_sources_lie_and_how_many_work(tmp_path: Path) -> None:
    path = written(tmp_path, "name: x\ncorpus: files")
    assert load(path, ["workers=1", "root=a"]).hash == load(path, ["workers=2", "root=b"]).hash
    assert load(path, ["seed=1"]).hash != load(path, ["seed=2"]).hash
