"""speak: lines become good speech with word times, whichever engine; what fails is retaken, then rejected by name."""

import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import huggingface_hub
import numpy as np
import pytest
import soundfile
from rich.console import Console

from turnmill.manifests.errors import TurnmillError, UsageError
from turnmill.manifests.records import Licence, Reason, Reject
from turnmill.manifests.schema import to_table
from turnmill.manifests.store import Store, part_name
from turnmill.pipelines.cluster import cluster
from turnmill.pipelines.describe import describe_plan
from turnmill.pipelines.engine import chains, execute
from turnmill.pipelines.guard import Guard
from turnmill.pipelines.recipe import Recipe
from turnmill.pipelines.run import run
from turnmill.pipelines.stage import Made, Resources, Row, Shard, Stage, Workspace, commit, read_span
from turnmill.pipelines.stages.speak import Speak, SpeakParams, _heard, hear_with
from turnmill.pipelines.watch import TimeLimit
from turnmill.synth.speech import Line, Speech, SpeechError
from turnmill.synth.tts.align import ProportionalAligner
from turnmill.synth.tts.engines.espeak import ESPEAK
from turnmill.synth.tts.engines.hibari import HIBARI
from turnmill.synth.tts.gate import GateParams
from turnmill.synth.tts.takes import BATCH, Examiner, takes
from turnmill.synth.voices import Voice, VoiceBank

pytest.importorskip("espeakng_loader", reason="the demo extra is not installed")

from tests.synth.tts.cosyvoice_fake import write_checkout, write_model
from tests.synth.tts.speech_server import SPEAKERS, speech_server
from tests.whisper import require
from turnmill.synth.tts.engines.espeak import EspeakEngine
from turnmill.synth.tts.engines.hibari import HibariEngine

ANNA = "espeak-en-us-anna"
SHARD = Shard("shard", "shard")
TEXTS = ("Put the kettle on, please.", "Yes.", "The morning train leaves at seven.")


def line(index: int, text: str, voice: str = ANNA) -> Line:
    return Line(f"d#{index}", text, voice, "en", seed=index)


def workspace(folder: Path, texts: Sequence[str], voice: str = ANNA, language: str = "en") -> Workspace:
    made = Workspace(Store(str(folder)), {"lines": "l", "speech": "s"})
    rows: list[Row] = [
        {"line": f"d#{i}", "dialogue": "d", "role": "turn", "turn": i, "speaker": "user", "voice": voice,
         "language": language, "text": text, "emotion": None, "style": None, "seed": i}
        for i, text in enumerate(texts)
    ]  # fmt: skip
    made.store.write_part(made.part("lines", SHARD.key), to_table("lines", rows), {})
    return made


def spoken(stage: Speak, place: Workspace) -> Made:
    stage.check()
    stage.setup()
    made = stage.process(SHARD, place, Guard(stage.name))
    commit(stage, place, SHARD.key, made)
    return made


def audio(place: Workspace, row: Mapping[str, Any]) -> np.ndarray[Any, Any]:
    with place.open_tar("speech", SHARD.key) as tar:
        pcm, rate = soundfile.read(io.BytesIO(read_span(tar, row["offset"], row["size"])), dtype="float32")
    assert rate == row["sample_rate"] == 24_000
    return np.asarray(pcm)


def test_espeak_lines_are_kept_in_order_and_bad_ones_rejected(tmp_path: Path) -> None:
    place = workspace(tmp_path, [*TEXTS, "...", "One more."])
    made = spoken(Speak(SpeakParams(engine="espeak"), ESPEAK), place)
    rows = place.rows("speech", SHARD.key)
    assert [row["line"] for row in rows] == ["d#0", "d#1", "d#2", "d#4"]
    assert [row["tries"] for row in rows] == [1] * 4
    assert [(reject.uid, reject.reason) for reject in made.rejects] == [("d#3", Reason.NOTHING_SPOKEN)]
    assert [word["word"] for word in rows[0]["words"]] == TEXTS[0].split()
    assert len(audio(place, rows[0])) == round(rows[0]["duration"] * 24_000)


def test_a_server_speaks_with_aligned_and_recognised_words(tmp_path: Path) -> None:
    pytest.importorskip("pocketsphinx", reason="pocketsphinx is not installed")
    require("tiny.en")
    own = Licence("CC0-1.0", redistribute=True, commercial=True)
    voices = tuple(Voice(name, "en", None, None, own) for name in SPEAKERS)
    bank = VoiceBank(voices[:1], {"train": voices[1:], "valid": (), "test": ()})
    with speech_server() as server:
        params = {"engine": "http", "http": {"base_url": server.url, "model": "tts"}, "recognise": "tiny.en"}
        place = workspace(tmp_path, TEXTS, "alloy")
        made = spoken(Speak(SpeakParams.model_validate(params), bank), place)
    assert not made.rejects
    errors: list[float] = []
    for row, text in zip(place.rows("speech", SHARD.key), TEXTS, strict=True):
        (told,) = HibariEngine(HIBARI.voices).synthesize([line(0, text, SPEAKERS["alloy"])])
        assert isinstance(told, Speech)
        assert told.words is not None
        assert [word["word"] for word in row["words"]] == text.split()
        errors += [abs(a["start"] - b.start) for a, b in zip(row["words"], told.words, strict=True)]
    assert np.median(errors) < 0.03


class Unsteady:
    """espeak, but the first `bad` takes of each line that says so are spoilt; it speaks differently by seed."""

    sample_rate, identity = 24_000, "unsteady"

    def __init__(self, bad: int, seeded: bool = True) -> None:
        self.bad, self.seeded = bad, seeded
        self.seeds: dict[str, list[int]] = {}
        self.batches: list[int] = []

    def synthesize(self, lines: Sequence[Line]) -> list[Speech | SpeechError]:
        self.batches.append(len(lines))
        return [self._one(line) for line in lines]

    def _one(self, line: Line) -> Speech | SpeechError:
        seeds = self.seeds.setdefault(line.id, [])
        seeds.append(line.seed)
        (result,) = EspeakEngine(ESPEAK.voices).synthesize([line])
        assert isinstance(result, Speech)
        if not line.text.startswith("Oops") or len(seeds) > self.bad:
            return Speech(result.pcm, 24_000, None)
        noise = 1e-4 * np.random.default_rng(line.seed if self.seeded else 0).standard_normal(72_000)
        return Speech(np.concatenate([result.pcm, noise.astype(np.float32)]), 24_000, None)


def examiner(**gate: float) -> Examiner:
    return Examiner(GateParams.model_validate(gate), ProportionalAligner())


def test_a_failing_line_is_retaken_with_other_seeds_and_the_rest_once() -> None:
    lines = [line(index, "Oops, again." if index % 10 == 3 else "Fine.") for index in range(BATCH + 20)]
    speaker = Unsteady(bad=2)
    done = {take.line.id: take for take in takes(speaker, lines, examiner(), tries=3)}
    assert set(done) == {item.id for item in lines}
    assert all(isinstance(take.result, Speech) and take.result.words for take in done.values())
    assert {take.tries for take in done.values() if take.line.text == "Fine."} == {1}
    assert {take.tries for take in done.values() if take.line.text != "Fine."} == {3}
    # A batch is spoken ahead of what is retaken of the one before.
    assert speaker.batches == [BATCH, BATCH, 2, 2, 4, 1, 1, 1, 1]
    assert speaker.seeds["d#3"][0] == 3, "the first take has the line's own seed"
    assert len(set(speaker.seeds["d#3"])) == 3
    again = Unsteady(bad=2)
    assert list(takes(again, lines, examiner(), tries=3)) != []
    assert again.seeds == speaker.seeds


def test_a_line_that_never_passes_is_rejected_by_the_measure() -> None:
    speaker = Unsteady(bad=9)
    (take,) = takes(speaker, [line(0, "Oops, again.")], examiner(), tries=4)
    assert isinstance(take.result, SpeechError)
    assert (take.result.reason, take.tries) == (Reason.POOR_SPEECH, 4)
    assert "silence_ratio" in take.result.detail


def test_an_engine_that_says_the_same_again_is_not_asked_a_third_time() -> None:
    speaker = Unsteady(bad=9, seeded=False)
    (take,) = takes(speaker, [line(0, "Oops, again.")], examiner(), tries=8)
    assert take.tries == 2


def test_what_is_said_is_recognised() -> None:
    require("tiny.en")
    hear = hear_with("tiny.en")
    lines = [line(index, text, "hibari-heart") for index, text in enumerate(TEXTS)]
    speech = [s for s in HibariEngine(HIBARI.voices).synthesize(lines) if isinstance(s, Speech)]
    judge = Examiner(GateParams(), ProportionalAligner(), hear)
    assert all(isinstance(result, Speech) for result in judge.examine(lines, speech))
    swapped = judge.examine([line(9, "There is a long way to go today."), lines[1]], [speech[2], speech[1]])
    assert isinstance(swapped[0], SpeechError)
    assert swapped[0].reason == Reason.POOR_SPEECH
    assert "error_rate" in swapped[0].detail
    assert isinstance(swapped[1], Speech)


def test_fingerprints_tell_what_is_heard_and_not_where_it_is_made() -> None:
    here = {"engine": "http", "http": {"base_url": "http://here/v1", "model": "tts"}}
    moved = {"engine": "http", "http": {"base_url": "http://there/v1", "model": "tts"}, "gpus": 1, "cpus": 2,
             "runtime_env": {"env_vars": {"A": "b"}}}  # fmt: skip
    other = {"engine": "http", "http": {"base_url": "http://here/v1", "model": "tts-2"}}
    prints = [Speak(SpeakParams.model_validate(params), ESPEAK).fingerprint(["x"]) for params in (here, moved, other)]
    assert prints[0] == prints[1] != prints[2]
    strict = SpeakParams(engine="espeak", gate=GateParams(max_silence_s=0.5))
    assert Speak(strict, ESPEAK).fingerprint(["x"]) != Speak(SpeakParams(engine="espeak"), ESPEAK).fingerprint(["x"])


@pytest.mark.parametrize(
    "wrong", [{"engine": "http"}, {"http": {"base_url": "http://h/v1", "model": "m"}}, {"engine": "nobody"}]
)
def test_an_engine_without_its_settings_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="engine"):
        SpeakParams.model_validate(wrong)


def test_an_engine_that_lacks_what_every_engine_has_is_told_before_any_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SpeakParams, "make", lambda *_: ProportionalAligner())
    with pytest.raises(LookupError, match=r"the engine espeak has no `sample_rate`: see synth/tts/engine.py"):
        Speak(SpeakParams(engine="espeak"), ESPEAK).check()


@pytest.mark.parametrize("python", ["/nowhere/bin/python", "/nowhere/bin/python -u", ""])
def test_a_python_that_is_not_there_is_refused_where_it_would_run(tmp_path: Path, python: str) -> None:
    params = {"speak": {"runtime_env": {"py_executable": python}}, "name": "x", "texts": str(tmp_path / "texts.jsonl")}
    (tmp_path / "texts.jsonl").write_text('{"question": "Is it late?", "answer": "No, it is early."}')
    recipe, out = Recipe.model_validate(params), str(tmp_path / "out")
    with pytest.raises(UsageError, match=r"speak\.runtime_env\.py_executable: there is no such program"):
        describe_plan(recipe, out, Console())
    with pytest.raises(UsageError, match=r"speak\.runtime_env\.py_executable: there is no such program"):
        run(recipe, out)
    describe_plan(recipe, out, Console(), address="head:6379")  # the nodes of a cluster have their own


@pytest.mark.parametrize("model", ["FunAudioLLM/CosyVoice2-0.5B", "folder"])
def test_a_model_of_the_hub_is_fetched_before_any_work_and_a_folder_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    fetched: list[str] = []

    def snapshot_download(model: str, **_: object) -> str:
        fetched.append(model)
        return str(write_model(tmp_path / "hub" / "models--FunAudioLLM--CosyVoice2-0.5B" / "snapshots" / "main", 2))

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    if model == "folder":
        model = str(write_model(tmp_path / "own", 2))
    cosyvoice = {"model": model, "repo": str(write_checkout(tmp_path / "repo"))}
    params = {"engine": "cosyvoice", "cosyvoice": cosyvoice, "align": {"method": "proportional"}}
    stage = Speak(SpeakParams.model_validate(params), ESPEAK)
    published = not model.startswith("/")
    stage.check()
    assert (stage.unfetched(), fetched) == (model if published else None, [])
    stage.fetch()
    assert (stage.unfetched(), fetched) == (None, [model] if published else [])
    assert stage.fingerprint(["x"]) == stage.fingerprint(["x"])
    assert len(fetched) == published, "what was fetched is found in the cache"


def test_a_key_that_is_not_there_is_said_before_any_work(monkeypatch: pytest.MonkeyPatch) -> None:
    server = {"base_url": "http://localhost:1/v1", "model": "tts", "api_key_env": "TURNMILL_TEST_KEY"}
    stage = Speak(
        SpeakParams.model_validate({"engine": "http", "http": server, "align": {"method": "proportional"}}), ESPEAK
    )
    monkeypatch.delenv("TURNMILL_TEST_KEY", raising=False)
    assert stage.fingerprint(["x"]), "what was spoken is known without the key"
    with pytest.raises(UsageError, match=r"speak\.http\.api_key_env: .*TURNMILL_TEST_KEY is not set"):
        stage.check()
    monkeypatch.setenv("TURNMILL_TEST_KEY", "s3cret")
    stage.check()


def server_of(*languages: str, **settings: Any) -> Speak:
    """Speaks by a server that knows two voices, each in all the languages."""
    own = Licence("CC0-1.0", redistribute=True, commercial=True)
    assistant, user = (tuple(Voice(name, n, None, None, own) for n in languages) for name in SPEAKERS)
    bank = VoiceBank(assistant, {"train": user, "valid": user, "test": user})
    http = {"base_url": "http://localhost:1/v1", "model": "tts"}
    return Speak(SpeakParams.model_validate({"engine": "http", "http": http, **settings}), bank)


@pytest.mark.parametrize(
    ("align", "sentence"),
    [
        (
            {"model": "tiny.en"},
            r"speak\.align\.model: the tiny\.en model knows English only, not 'zh'; name a .* such as large-v3, or",
        ),
        ({"method": "whisper", "model": "tiny.en"}, r"the tiny\.en model .*speak\.align\.method=proportional"),
        ({"method": "pocketsphinx"}, r"speak\.align\.method: pocketsphinx knows English only, not 'zh'"),
    ],
)
def test_a_language_without_an_aligner_is_refused_before_any_work(
    tmp_path: Path, align: dict[str, str], sentence: str
) -> None:
    pytest.importorskip("pocketsphinx", reason="pocketsphinx is not installed")
    require("tiny.en")
    with pytest.raises(UsageError, match=sentence):
        server_of("en", "zh", align=align).check()
    server_of("en", align=align).check()
    server_of("en", "zh", align={"method": "proportional"}).check()
    Speak(SpeakParams(engine="espeak"), ESPEAK).check()  # espeak has voices of both, and states its times
    cloning = server_of("en", align=align)
    cloning.setup()
    place = workspace(tmp_path, ["你好。"], language="zh")
    with pytest.raises(UsageError, match="knows English only"):
        cloning.process(SHARD, place, Guard(cloning.name))


@pytest.mark.parametrize(
    ("text", "said", "errors"),
    [
        ("一共二百五十元。", "一共250元", 0),
        ("一共二百五十元。", "一共350元", 1),
        ("一共250元。", "一共二百五十元", 0),
        ("今天三点二十分见。", "今天3:20见", 0),
    ],
)
def test_numbers_are_recognised_however_they_are_written(text: str, said: str, errors: int) -> None:
    pytest.importorskip("wetext", reason="wetext is not installed")
    assert _heard(text, said, "zh").errors == errors


class Environment(Stage):
    """Rejects its one item, and names a variable of its worker's environment as the cause."""

    needs, items, params = (), "lines", SpeakParams()

    def __init__(self, table: str, resources: Resources) -> None:
        self.name = table  # type: ignore[misc]
        self.tables = (table,)  # type: ignore[misc]
        self.resources = resources  # type: ignore[misc]

    def process(self, shard: Shard, workspace: Workspace, guard: Guard) -> Made:  # noqa: ARG002
        told = os.environ.get("TURNMILL_TEST", "unset")
        return Made({self.name: []}, [Reject(Reason.ENGINE_FAILED, told)], 1, 0.0)


def test_a_stage_with_its_own_environment_has_its_own_workers(tmp_path: Path) -> None:
    params = SpeakParams(runtime_env={"env_vars": {"TURNMILL_TEST": "set"}})
    stages = [Environment("lines", Resources()), Environment("speech", Speak(params, ESPEAK).resources)]
    assert len(chains(stages)) == 2
    place = Workspace(Store(str(tmp_path)), {"lines": "l", "speech": "s"})
    with cluster(None) as found:
        list(execute(stages, [SHARD], place, found, 1, TimeLimit()))
    rejects = [place.store.read_part(part_name("rejects", own, SHARD.key)) for own in ("l", "s")]
    assert [table.column("detail").to_pylist() for table in rejects] == [["unset"], ["set"]]


def test_an_environment_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    stage = Environment("speech", Speak(SpeakParams(runtime_env={"conda": "no-such-environment"}), ESPEAK).resources)
    place = Workspace(Store(str(tmp_path)), {"speech": "s"})
    with (
        cluster(None) as found,
        pytest.raises(TurnmillError, match=r"^a worker does not start: Failed to set up runtime environment[^\n]*$"),
    ):
        list(execute([stage], [SHARD], place, found, 1, TimeLimit()))
