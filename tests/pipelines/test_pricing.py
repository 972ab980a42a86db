"""What `--dry-run` tells of a dialogue half is what a run then takes."""

import gzip
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
from rich.console import Console

from tests.pipelines.conftest import Small
from tests.synth.tts.cosyvoice_fake import write_checkout, write_model
from turnmill.manifests.errors import UsageError
from turnmill.manifests.index import Index
from turnmill.manifests.query import connect
from turnmill.manifests.store import Store
from turnmill.pipelines import pricing
from turnmill.pipelines.describe import describe_plan
from turnmill.pipelines.loading import load
from turnmill.pipelines.pipeline import halves, shards_of
from turnmill.pipelines.pricing import Price, price, reckoned
from turnmill.pipelines.recipe import Recipe
from turnmill.pipelines.stages.script import WriteScripts
from turnmill.synth.channels import RATE
from turnmill.synth.speech import Line, Speech
from turnmill.synth.text import spoken_form
from turnmill.synth.tts.engines.espeak import ESPEAK, EspeakEngine

RECIPES = Path(__file__).parents[2] / "pipelines" / "recipes"
QUICKSTART = RECIPES / "quickstart" / "dialogues.jsonl"
REWRITE = (
    "script.rewrite={tasks: [spoken, emotion], base_url: 'http://localhost:1/v1', model: m, "
    "price_prompt: 2.0, price_completion: 10.0}"
)


NAMES = (
    "voice_names={assistants: [a], train: [b, c], valid: [d, e], test: [f, g], "
    "licence: {spdx: CC0-1.0, redistribute: true, commercial: true}}"
)


def priced(recipe: Recipe) -> Price:
    half = halves(recipe, Store("nowhere"))[-1]
    assert isinstance(half.scripts, WriteScripts)
    return price(recipe, half.scripts, shards_of(half.chains[0])[1])


def ask(small: Small, sql: str) -> Any:
    store = Store(str(small.out))
    return connect(store, Index.load(store)).execute(sql).fetchall()


def test_price_counts_what_a_run_makes_and_rejects(small: Small) -> None:
    found = priced(small.recipe)
    assert found.sampled == found.total.dialogues == 14
    assert found.total.rejected == Counter(
        r for (r,) in ask(small, "SELECT reason FROM rejects WHERE stage = 'script'")
    )
    counted = ask(small, "SELECT count(*), sum(n_turns) FROM scripts")
    assert [(found.total.kept, found.total.turns)] == counted
    assert [(found.total.lines, found.total.characters)] == ask(small, "SELECT count(*), sum(length(text)) FROM lines")
    assert found.by_text == {"dialogues.jsonl": found.total}
    assert found.gpu_hours is None
    assert found.cost is None


def test_priced_hours_and_bytes_are_those_of_a_run(small: Small) -> None:
    found = priced(small.recipe)
    [(speech, speech_bytes)] = ask(small, "SELECT sum(duration) / 3600, sum(size) FROM speech")
    assert found.speech_hours == pytest.approx(speech, rel=0.15)
    [(hours, size)] = ask(small, "SELECT sum(duration) / 3600, sum(size + clean_size) FROM dialogues")
    assert found.dialogue_hours == pytest.approx(hours, rel=0.15)
    assert found.lake_bytes == pytest.approx(speech_bytes + size, rel=0.3)
    delivered = sum(path.stat().st_size for path in small.out.glob("shards/*/dialogue-*.tar"))
    assert found.shard_bytes == pytest.approx(delivered, rel=0.3)


def test_reckoned_speech_is_as_long_as_espeak_speaks_it() -> None:
    """English texts by thirty voices, in sum and one by one; a sum of Chinese."""
    spoken = EspeakEngine(ESPEAK.voices)
    rows = [json.loads(row) for row in QUICKSTART.read_text("utf-8").splitlines()[::8]]
    english = [message["content"] for row in rows for message in row["messages"]]
    chinese = ["今天多云，下午可能有小雨，出门最好带一把伞。", "请问从这里到火车站怎么走比较快？", "好的"]
    for texts, language, most in ((english, "en", 0.05), (chinese, "zh", 0.2)):
        voices = ESPEAK.speaking(language)[:30]
        lines = [
            Line(str(n), spoken_form(text, language), voices[n % len(voices)].name, language, n)
            for n, text in enumerate(texts)
        ]
        speech = spoken.synthesize(lines)
        taken = [len(one.pcm) / one.sample_rate for one in speech if isinstance(one, Speech)]
        guessed = [reckoned(line.text, language).n_samples / RATE for line in lines]
        assert len(taken) == len(lines)
        assert sum(guessed) == pytest.approx(sum(taken), rel=most)
        off = [abs(guess - took) / took for guess, took in zip(guessed, taken, strict=True)]
        assert sum(off) / len(off) < 0.2


def test_reckoned_line_has_its_words_in_order_to_its_end() -> None:
    for text, language in (("Well, that is it.", "en"), ("好的，谢谢", "zh"), ("mhm", "en"), ("Ja gut", "de")):
        line = reckoned(text, language)
        assert [word.start for word in line.words] == [0, *(word.end for word in line.words[:-1])]
        assert line.words[-1].end == line.n_samples == line.length
        assert line.n_samples >= 0.35 * RATE
    assert reckoned("好的，谢谢", "zh-CN") == reckoned("好的，谢谢", "zh")


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """The quickstart's dialogues forty times over, those of one kind together."""
    rows = sorted(QUICKSTART.read_text("utf-8").splitlines()) * 40
    path = tmp_path / "many.jsonl.gz"
    named = [{**json.loads(row), "id": str(n)} for n, row in enumerate(sorted(rows))]
    path.write_bytes(gzip.compress("\n".join(json.dumps(row) for row in named).encode(), 1))
    return path


def test_a_sample_prices_what_it_did_not_read(many: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = load(RECIPES / "dialogues.yaml", [f"texts={many}"])
    whole = priced(recipe)
    monkeypatch.setattr(pricing, "SAMPLE", 400)
    part = priced(recipe)
    assert (whole.sampled, part.sampled) == (3200, 400)
    assert part.total.dialogues == whole.total.dialogues == 3200
    assert part.total.kept + sum(part.total.rejected.values()) == pytest.approx(3200)
    for name in ("kept", "turns", "lines", "characters", "speech_s", "dialogue_s"):
        assert getattr(part.total, name) == pytest.approx(getattr(whole.total, name), rel=0.15), name
    assert part == priced(recipe)


def test_takes_gpu_tokens_and_cost_follow_the_recipe(tmp_path: Path) -> None:
    http = ["speak.engine=http", "speak.http={base_url: 'http://localhost:1/v1', model: m}", NAMES]
    texts = tmp_path / "texts.jsonl"
    texts.write_text("\n".join(QUICKSTART.read_text("utf-8").splitlines()[:12]), "utf-8")
    plain = priced(load(RECIPES / "dialogues.yaml", [f"texts={texts}"]))
    dear = priced(
        load(
            RECIPES / "dialogues.yaml",
            [f"texts={texts}", "simulate.takes=3", "pricing.real_time_factor=0.2", REWRITE, *http],
        )
    )
    assert dear.total.lines == plain.total.lines
    assert dear.dialogue_hours == pytest.approx(3 * plain.dialogue_hours)
    assert dear.gpu_hours == pytest.approx(0.2 * plain.speech_hours)
    lake, once = dear.lake_bytes, plain.lake_bytes
    speech = pricing.SPEECH_BYTES_PER_H * plain.speech_hours
    assert lake - speech == pytest.approx(3 * (once - speech))
    assert dear.total.prompt_tokens > 24 * 100  # two prompts for each of twelve dialogues
    spent = (2 * dear.total.prompt_tokens + 10 * dear.total.completion_tokens) / 1e6
    assert dear.cost == pytest.approx(spent, rel=1e-3)


def test_dry_run_prints_the_price_before_it_refuses_an_engine_that_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("COSYVOICE_REPO", raising=False)
    voices = "voices={from: out/none}"
    settings = ["speak.engine=cosyvoice", "speak.cosyvoice={model: /no/model, repo: /no/checkout}", voices]
    with pytest.raises(UsageError, match="cosyvoice"):
        describe_plan(load(RECIPES / "dialogues.yaml", settings), str(tmp_path / "out"), Console(width=120))
    assert re.search(r"GPU: 0\.02\d h at pricing\.real_time_factor 0\.05, one try a line", capsys.readouterr().out)
    with pytest.raises(UsageError, match=r"none\.jsonl does not exist"):
        describe_plan(load(RECIPES / "dialogues.yaml", ["texts=none.jsonl"]), str(tmp_path / "out"), Console())
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("cached", [False, True])
def test_dry_run_fetches_no_model_and_names_what_a_run_would_fetch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], cached: bool
) -> None:
    fetched: list[str] = []
    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda model, **_: fetched.append(model))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    if cached:
        kept = tmp_path / "hub" / "models--FunAudioLLM--CosyVoice2-0.5B"
        write_model(kept / "snapshots" / "abc", 2)
        (kept / "refs").mkdir()
        (kept / "refs" / "main").write_text("abc")
    model = f"{{model: FunAudioLLM/CosyVoice2-0.5B, repo: {write_checkout(tmp_path / 'repo')}}}"
    settings = ["speak.engine=cosyvoice", f"speak.cosyvoice={model}", "speak.runtime_env={env_vars: {A: b}}", NAMES]
    texts = tmp_path / "texts.jsonl"
    texts.write_text("\n".join(QUICKSTART.read_text("utf-8").splitlines()[:4]), "utf-8")
    recipe = load(RECIPES / "dialogues.yaml", [f"texts={texts}", "script.limits.languages=[en]", *settings])
    describe_plan(recipe, str(tmp_path / "out"), Console(width=200))
    said = capsys.readouterr().out
    assert re.search(r"GPU: 0\.00\d h", said)
    prints = {
        name: bool(re.search(rf"^ {name} .* [0-9a-f]{{16}} +0 of 1", said, re.MULTILINE))
        for name in ("script", "speak", "simulate", "verify")
    }
    assert prints == {"script": True, "speak": cached, "simulate": cached, "verify": cached}
    assert ("FunAudioLLM/CosyVoice2-0.5B is fetched at the start of the run" in said) is not cached
    assert fetched == []


AUDIO = r"audio: 0\.5\d\d h to speak, 0\.\d{3} h of dialogues"
DISK = r"disk: 1\d\d\.\d MB in the lake, \d\d\.\d MB of training shards"
TOKENS = r"rewrite: [\d,]+ prompt tokens, [\d,]+ completion tokens, cost \d+\.\d\d; one answer a task"


@pytest.mark.parametrize(
    ("settings", "kept", "lines"),
    [
        ([], "78", [r"turn_too_long: 2 rejected", AUDIO, DISK, r"figures: all were read; before what verify and"]),
        ([REWRITE], "80", [AUDIO, DISK, TOKENS, r"figures: all were read; before what the rewrite, verify and"]),
    ],
)
def test_dry_run_says_dialogues_rejects_hours_and_disk(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], settings: list[str], kept: str, lines: list[str]
) -> None:
    describe_plan(load(RECIPES / "dialogues.yaml", settings), str(tmp_path / "out"), Console(width=120))
    said = capsys.readouterr().out
    row = next(line for line in said.splitlines() if line.strip().startswith("dialogues.jsonl"))
    assert row.split()[1:3] == ["80", kept]
    for line in lines:
        assert re.search(line, said), line
    assert not (tmp_path / "out").exists()
