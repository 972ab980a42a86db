"""A recipe is refused whole, before work starts, by one sentence that names file, key and fix."""

import re
from pathlib import Path

import pytest
import yaml

from turnmill.manifests.errors import UsageError
from turnmill.manifests.records import stable_hash
from turnmill.pipelines.keys import keys, sections
from turnmill.pipelines.loading import load, load_recipe
from turnmill.sources.places import place
from turnmill.synth.rewrite.rewriter import identity
from turnmill.synth.speech import STYLES

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
        (
            "name: x\ncorpus: files\ntranscribe: {modles: [tiny]}",
            "transcribe.modles: unknown key; did you mean 'models'?",
        ),
        (
            "name: x\ncorpus: files\ntranscribe: {language: english_us}",
            "mine.yaml: transcribe.language: 'english_us' is no language tag: write one of BCP-47, such as en, zh or",
        ),
        (
            "name: x\ncorpus: files\ntranscribe: {language: no}",
            "transcribe.language: is false, as YAML reads `no`: write",
        ),
        ("name: x\ncorpus: files\nscript: {limits: {languages: [xx]}}", "limits.languages.0: 'xx' is no language tag"),
        ("name: x\ncorpus: files\nseed: soon", "mine.yaml: seed: must be a whole number (given: 'soon')"),
        ("name: x\ncorpus: files\nworkers: 0", "workers: must be at least 1 (given: 0)"),
        ("name: x\ncorpus: files\nselect: [{name: a b, keep: 'true'}]", "select.0.name: must match the pattern"),
        (
            "name: x\ntexts: a\nsimulate: {acoustics: {noise: {probability: 1.5}}}",
            "simulate.acoustics.noise.probability: must be at most 1 (given: 1.5)",
        ),
        ("name: x\ncorpus: files\nselect: [{name: a, keep: 'true'}, {name: a, keep: 'true'}]", "same name; rename one"),
        (
            "name: x\ntexts: a\nselect: [{name: a, keep: 'true'}]",
            "`select` is of clips, and the recipe has no `corpus`: ",
        ),
        ("name: x\ntexts: a\nselect: [{name: a, keep: 'true'}]", "or name it `select_dialogues`"),
        ("name: x\ncorpus: files\nselect_dialogues: [{name: a, keep: 'true'}]", "or name it `select`"),
        *((f"name: x\ntexts: a\n{key}: {{}}", f"`{key}` is of clips") for key in ("ingest", "quality", "transcribe")),
        ("name: x\ntexts: a\nroot: b", "`root` is of clips, and the recipe has no `corpus`: remove it, set `corpus`"),
        *(
            (f"name: x\ncorpus: files\n{key}: {{}}", f"`{key}` is of dialogues, and the recipe has no `texts`: ")
            for key in ("script", "speak", "simulate", "verify", "pricing")
        ),
        ("name: x\ncorpus: files\nvoices: {from: out}", "`voices` is of dialogues, and the recipe has no `texts`: "),
        (f"name: x\ncorpus: {'[' * 5000}", "is not valid YAML: it is nested too deeply"),
        (f"name: x\ncorpus: {'{a: ' * 5000}", "is not valid YAML: it is nested too deeply"),
        ("name: x\ncorpus: files\nshard: {splits: {train: 0.5}}", "train, valid and test must add up to 1"),
        ("name: x", "names neither `corpus` nor `texts`"),
        ("- a list", "a recipe is a mapping of keys to values, this is a list"),
        ("name: [unclosed", "is not valid YAML"),
    ],
)
def test_bad_recipe_is_refused_by_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(UsageError) as refused:
        load(written(tmp_path, text))
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)


def test_what_is_switched_off_says_nothing_of_a_half(tmp_path: Path) -> None:
    path = written(tmp_path, "name: x\ntexts: a\nquality: null\ntranscribe: null\nselect: []")
    assert load(path, ["root=null"]).corpus is None


def test_a_setting_that_is_nested_too_deeply_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"^--set corpus: the value is not valid YAML: it is nested too deeply$"):
        load(written(tmp_path, "name: x\ncorpus: files"), ["corpus=" + "[" * 5000])


def test_missing_recipe_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no such recipe"):
        load(tmp_path / "none.yaml")


def test_settings_replace_keys_and_make_sections(tmp_path: Path) -> None:
    path = written(tmp_path, "name: x\ncorpus: files\nselect: []")
    recipe = load(
        path, ["corpus=ljspeech", "quality={}", "transcribe.models=[tiny.en]", "ingest.unit_clips=7", "root=here"]
    )
    assert recipe.corpus == "ljspeech"
    assert recipe.transcribe is not None
    assert recipe.transcribe.models == ("tiny.en",)
    assert recipe.ingest.unit_clips == 7
    assert recipe.root == place(Path.cwd() / "here")


def test_a_list_of_corpora_replaces_the_one_of_a_recipe_and_one_corpus_the_list(tmp_path: Path) -> None:
    one = written(tmp_path, "name: x\ncorpus: files\nroot: a")
    several = load(one, ["corpora=[{corpus: files, root: b}]"])
    assert [(each.entry.name, each.root) for each in several.sources] == [("files", place(Path.cwd() / "b"))]
    assert several.root is None
    several_file = tmp_path / "several.yaml"
    several_file.write_text("name: x\ncorpora: [{corpus: files, root: a}, {corpus: ljspeech, root: b}]", "utf-8")
    single = load(several_file, ["corpus=librispeech", "root=c"])
    assert [(each.entry.name, each.root) for each in single.sources] == [("librispeech", place(Path.cwd() / "c"))]
    assert load(one, ["corpora=[]"]).root == place(tmp_path / "a")


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("corpus: files\nroot: ''", "root"),
        ("texts: ''", "texts"),
        ("texts: [{name: a, path: ''}]", "texts.path"),
        ("corpora: [{corpus: files, root: a}, {corpus: ljspeech, root: ''}]", "corpora.root"),
        ("texts: a\nsimulate: {noises: [a, '']}", "simulate.noises"),
    ],
)
def test_an_empty_path_is_refused_for_it_would_mean_the_current_folder(tmp_path: Path, text: str, key: str) -> None:
    with pytest.raises(UsageError, match=rf"mine.yaml: {key}: is empty: name a file or folder$"):
        load(written(tmp_path, f"name: x\n{text}"))


@pytest.mark.parametrize("setting", ["corpus", "=x", "name.a=1", "seed=[1"])
def test_bad_setting_is_refused(tmp_path: Path, setting: str) -> None:
    with pytest.raises(UsageError, match="--set"):
        load(written(tmp_path, "name: x\ncorpus: files"), [setting])


def test_paths_of_a_recipe_are_relative_to_it(tmp_path: Path) -> None:
    assert load(written(tmp_path, "name: x\ntexts: a.jsonl")).texts == place(tmp_path / "a.jsonl")


def test_folders_of_models_are_named_in_full_and_names_are_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "kokoro").mkdir()
    path = written(tmp_path, "name: x\ntexts: a\nspeak: {engine: kokoro, kokoro: {model: kokoro}}")
    found = load(path).speak.kokoro
    assert found is not None
    assert found.model == str(tmp_path / "kokoro")
    assert "model: kokoro\n" in load(path).yaml()
    named = load(path, ["speak.kokoro.model=owner/kokoro"]).speak.kokoro
    assert named is not None
    assert named.model == "owner/kokoro"


def test_hash_ignores_where_sources_lie_and_how_many_work(tmp_path: Path) -> None:
    path = written(tmp_path, "name: x\ncorpus: files")
    assert load(path, ["workers=1", "root=a"]).hash == load(path, ["workers=2", "root=b"]).hash
    assert load(path, ["seed=1"]).hash != load(path, ["seed=2"]).hash


ENDPOINTS = """
name: x
texts: a.jsonl
script: {rewrite: {tasks: [spoken], base_url: "http://here/v1", model: small}}
speak: {engine: http, http: {base_url: "http://here/v1", model: tts}}
"""


@pytest.mark.parametrize("section", ["script.rewrite", "speak.http"])
def test_the_resolved_recipe_tells_the_model_of_an_endpoint_and_not_how_it_is_asked(
    tmp_path: Path, section: str
) -> None:
    path = written(tmp_path, ENDPOINTS)
    asked = ["base_url='http://there.example/v1'", "api_key_env=A_KEY", "timeout_s=7", "retries=1", "concurrency=3"]
    there = load(path, [f"{section}.{setting}" for setting in asked])
    assert there.hash == load(path).hash == stable_hash(there.yaml())
    told = yaml.safe_load(there.yaml())
    assert set(told["speak"]["http"].pop("style_instructions")) == set(STYLES)
    assert told["speak"]["http"] == {
        "model": "tts", "response_format": "wav", "pcm_rate": 24000, "send_seed": False, "performs": [],
        "instructions": "Speak in a {emotion} tone.",
    }  # fmt: skip
    assert told["script"]["rewrite"] == {
        "tasks": ["spoken"], "model": "small", "temperature": 0.7, "max_tokens": 4096, "tries": 3
    }  # fmt: skip
    assert load(path, [f"{section}.model=other"]).hash != there.hash


def test_a_model_that_a_server_knows_by_its_path_is_told_by_its_name(tmp_path: Path) -> None:
    path = written(tmp_path, ENDPOINTS)
    here, there = (
        load(path, [f"speak.http.model={folder}/kokoro", f"script.rewrite.model={folder}/Qwen3-8B"])
        for folder in ("/home/ann/models", "/data")
    )
    assert here.yaml() == there.yaml()
    assert "/home" not in here.yaml()
    told = yaml.safe_load(here.yaml())
    assert (told["speak"]["http"]["model"], told["script"]["rewrite"]["model"]) == ("kokoro", "Qwen3-8B")
    assert here.speak.http is not None
    assert there.speak.http is not None
    assert here.speak.http.identity == there.speak.http.identity
    assert here.script.rewrite is not None
    assert there.script.rewrite is not None
    assert identity(here.script.rewrite) == identity(there.script.rewrite)
    hub = load(path, ["speak.http.model=hexgrad/Kokoro-82M"])
    assert "model: hexgrad/Kokoro-82M" in hub.yaml()


@pytest.mark.parametrize(
    ("setting", "key"),
    [
        ("speak.runtime_env='HF_TOKEN=hf_secret'", "speak.runtime_env"),
        ("speak.http.timeout_s=hf_secret", "speak.http.timeout_s"),
        ("speak.http=hf_secret", "speak.http"),
        ("script.rewrite.tries=hf_secret", "script.rewrite.tries"),
        ("script.rewrite.tasks=[hf_secret]", "script.rewrite.tasks.0"),
        ("speak.cosyvoice.fp16=hf_secret", "speak.cosyvoice.fp16"),
        ("speak.runtime_env={env_vars: {HF_TOKEN: hf_secret}", "speak.runtime_env"),
        ("speak.engine.HF_TOKEN=hf_secret", "speak.engine.HF_TOKEN"),
    ],
)
def test_a_token_in_the_wrong_place_is_refused_and_not_repeated(tmp_path: Path, setting: str, key: str) -> None:
    with pytest.raises(UsageError) as refused:
        load(written(tmp_path, ENDPOINTS), [setting])
    assert key in str(refused.value)
    assert "hf_secret" not in str(refused.value)


def test_a_recipe_that_is_not_yaml_is_refused_with_the_place_and_not_the_text(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"is not valid YAML: line \d, column \d+: ") as refused:
        load(written(tmp_path, f"{ENDPOINTS}\nworkers: [{{HF_TOKEN: hf_secret"))
    assert "hf_secret" not in str(refused.value)


def test_hash_ignores_prices_and_what_a_worker_is_given(tmp_path: Path) -> None:
    path = written(tmp_path, ENDPOINTS)
    prices = ["script.rewrite.price_prompt=2", "script.rewrite.price_completion=10"]
    assert load(path, [*prices, "speak.gpus=0.5", "speak.cpus=2"]).hash == load(path).hash
    assert load(path, ["script.rewrite.tries=1"]).hash != load(path).hash
    assert load(path, ["speak.tries=1"]).hash != load(path).hash


@pytest.mark.parametrize(
    "text",
    [
        "name: x\nseed: 2001-99-99\n",
        "name: x\nseed: 0x_\n",
        "name: x\nseed: " + "9" * 5000,
        "name: x\ntexts: &a [*a]\n",
        "name: x\nroot: &a [[[[1]]]]\ntexts: ~nobody-of-that-name/x\nseed: no\n",
    ],
)
def test_a_value_that_yaml_or_the_system_takes_ill_is_a_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "r.yaml").write_text(text, "utf-8")
    with pytest.raises(UsageError, match=r"r\.yaml: "):
        load(tmp_path / "r.yaml")


def test_aliases_that_multiply_are_refused_at_once(tmp_path: Path) -> None:
    lines = ["name: x", "a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    (tmp_path / "r.yaml").write_text("\n".join([*lines, "root: *a9", "texts: *a9"]), "utf-8")
    with pytest.raises(UsageError, match="root: "):
        load(tmp_path / "r.yaml")


@pytest.mark.parametrize("value", ["word", -3, 1.5, True, None, ["x"], {"x": 1}, [[1]], float("inf"), [{}], {1: 2}])
def test_no_wrong_value_of_any_key_is_told_in_the_words_of_python(value: object) -> None:
    refused = [refusal({key.name: value}) for section in ("", *sections()) for key in keys(section)]
    told = [said for said in refused if said]
    assert told
    for said in told:
        assert not re.search(
            r"\ba valid|[iI]nput|instance of|tuple|dictionary|\bstring|NoneType|<class|item after", said
        )


def refusal(changes: dict[str, object]) -> str:
    """What is said of a recipe with these changes; nothing where it is a good one."""
    try:
        load_recipe({"name": "x", "corpus": "files", "texts": "a.jsonl"}, changes)
    except UsageError as error:
        return str(error)
    return ""


def test_a_url_is_no_path_and_does_not_reach_the_resolved_recipe(tmp_path: Path) -> None:
    url, secret = "memory://here/corpus", "http://ann:pass@host/a.jsonl?sig=secret"
    one = load(written(tmp_path, f"name: x\ncorpus: files\nroot: {url}\ntexts: {secret}"))
    assert (one.root, one.texts) == (place(url), place(secret))
    several = "name: x\ncorpora: [{corpus: files, root: %s}]\ntexts: [{name: a, path: '%s'}]"
    by_url = load(written(tmp_path, several % (url, secret)))
    assert by_url.corpora[0].root == place(url)
    assert isinstance(by_url.texts, tuple)
    assert by_url.texts[0].path == place(secret)
    here = load(written(tmp_path, several % (tmp_path / "corpus", tmp_path / "a.jsonl")))
    assert by_url.yaml() == here.yaml()
    for recipe in (one, by_url):
        assert not any(told in recipe.yaml() for told in ("://", "pass", "secret"))
        assert not any(told in repr(recipe) for told in ("pass", "secret"))
    assert load(written(tmp_path, "name: x\ncorpus: files"), [f"root={url}"]).root == place(url)


def test_a_url_that_nothing_opens_is_refused_before_work_without_its_secret(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as refused:
        load(written(tmp_path, "name: x\ncorpus: files\nroot: s3://key:se/cret@bucket/x"))
    assert "root: s3://...@bucket/x needs the package s3fs: pip install s3fs" in str(refused.value)
    assert "cret" not in str(refused.value)
