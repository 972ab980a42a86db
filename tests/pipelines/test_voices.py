"""A bank from recordings: nobody in two splits, both genders, no clip that may not be used, the same bytes again."""

import io
import json
import shutil
import tarfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from pydantic import ValidationError

from tests.conftest import tree_hashes
from tests.notes import notes_of
from turnmill.manifests.audio import Audio, decode, encode_flac, mono
from turnmill.manifests.errors import UsageError
from turnmill.manifests.index import Index, StageEntry
from turnmill.manifests.query import connect
from turnmill.manifests.records import Licence
from turnmill.manifests.schema import SCHEMAS, to_table
from turnmill.manifests.store import Store, part_name, tar_name
from turnmill.pipelines.bank import read_bank
from turnmill.pipelines.guard import Guard
from turnmill.pipelines.loading import load as load_recipe
from turnmill.pipelines.run import run
from turnmill.pipelines.stage import Shard, Workspace, commit, written_tar
from turnmill.pipelines.stages.ingest import Ingest, IngestParams
from turnmill.pipelines.stages.quality import Quality, QualityParams
from turnmill.pipelines.steps import clusters
from turnmill.pipelines.steps.select import select
from turnmill.pipelines.steps.voices import VoicesParams, make_voices, voices_identity
from turnmill.sources.catalogue import load, override
from turnmill.sources.measure import quality
from turnmill.synth.speech import Line, Speech
from turnmill.synth.tts.engines.espeak import ESPEAK
from turnmill.synth.voices import Voice, VoiceBank

pytest.importorskip("espeakng_loader", reason="the demo extra is not installed")

from turnmill.sources.places import place
from turnmill.synth.tts.engines.espeak import EspeakEngine

SPLITS = ("train", "valid", "test")
Row = dict[str, Any]


@dataclass(frozen=True)
class Made:
    """A bank, its table and what was rejected on the way."""

    bank: VoiceBank
    rows: Sequence[Row]
    rejects: Sequence[Row]
    folder: Path

    def speakers(self, split: str | None) -> list[str]:
        return [row["speaker"] for row in self.rows if row["split"] == split]


def make(source: Path, out: Path, seed: int = 1, **params: Any) -> Made:
    workspace = Workspace(Store(str(out)), {"voices": "print"})
    make_voices(VoicesParams.model_validate({"from": str(source), **params}), workspace, seed)
    rejects = workspace.store.read_part("rejects/print/all.parquet").to_pylist()
    return Made(read_bank(workspace), workspace.rows("voices", "all"), rejects, out)


def sound(text: str = "The morning train leaves at seven, and nobody on the platform knows where it goes.") -> Audio:
    (speech,) = EspeakEngine(ESPEAK.voices).synthesize([Line("l", text, ESPEAK.assistants[0].name, "en", 0)])
    assert isinstance(speech, Speech)
    return Audio(speech.pcm[None], speech.sample_rate)


def quiet(seconds: float) -> Audio:
    return Audio(np.zeros((1, round(seconds * 24_000)), np.float32), 24_000)


def finish(store: Store, stages: Sequence[StageEntry]) -> None:
    """What a run does last: the index and the selection."""
    chosen = (*stages, StageEntry("select", "s", "speech", ("clip_selection",), "clips"))
    index = Index("source", "cafe", 1, chosen)
    index.save(store)
    made = select(connect(store, index), "clips_all", "uid", [])
    store.write_part(part_name("clip_selection", "s", "all"), made, {})


def clip(speaker: str, number: int = 0, **values: Any) -> Row:
    """A clip of 5 s that may be a voice, but for what is given."""
    row = dict.fromkeys(SCHEMAS["clips"].names) | {
        "uid": f"own/default/train/{speaker}-{number}.flac", "corpus": "own", "speaker": speaker, "language": "en-gb",
        "text": f"What {speaker} says.", "trust": "human", "duration": 5.0, "licence": "CC-BY-4.0",
        "licence_redistribute": True, "pcm_hash": f"{speaker}-{number}", "native": "{}", "sample_rate": 24_000,
    }  # fmt: skip
    return row | values


def source_of(
    folder: Path,
    clips: Sequence[Row],
    audio: Mapping[str, Audio] | None = None,
    text_error: Mapping[str, float] | None = None,
    shards: int = 1,
) -> Path:
    """A finished run with these clips; each sounds like `audio` of its uid, or like one and the same recording."""
    store, usual = Store(str(folder)), encode_flac(sound())
    for number in range(shards):
        key, rows = f"k{number}", []
        with written_tar(store, tar_name("clips", "c", key)) as tar:
            for row in clips[number::shards]:
                own = (audio or {}).get(row["uid"])
                offset, size = tar.add("a.flac", encode_flac(own) if own else usual)
                rows.append(row | {"shard": key, "offset": offset, "size": size})
        store.write_part(part_name("clips", "c", key), to_table("clips", rows), {})
    stages = [StageEntry("ingest", "c", "speech", ("clips",), "clips")]
    if text_error is not None:
        blank = dict.fromkeys(SCHEMAS["transcripts"].names)
        heard = [blank | {"uid": uid, "text_error": rate} for uid, rate in text_error.items()]
        store.write_part(part_name("transcripts", "t", "k"), to_table("transcripts", heard), {})
        stages.append(StageEntry("transcribe", "t", "speech", ("transcripts",), "clips"))
    finish(store, stages)
    return folder


def people(women: int, men: int, unknown: int = 0) -> list[Row]:
    """One clip each; who is a woman is said in the way of one corpus, who is a man in that of another."""
    found = [clip(f"w{n:02d}", native='{"gender": "F"}') for n in range(women)]
    found += [clip(f"m{n:02d}", tags=["male", "read"]) for n in range(men)]
    return found + [clip(f"u{n:02d}") for n in range(unknown)]


# Real recordings, ingested and measured by the project's own stages.


@pytest.fixture(scope="module")
def recorded(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fourteen people of LibriSpeech and VCTK, as a folder that says who and of which gender they are."""
    folder = tmp_path_factory.mktemp("recorded")
    libri = shared / "LibriSpeech"
    table = [line.split("|") for line in (libri / "SPEAKERS.TXT").read_text("utf-8").splitlines() if line[0] != ";"]
    gender = {row[0].strip(): row[1].strip() for row in table} | {"p225": "F", "p226": "M", "p227": "M", "p228": "F"}
    said = {
        line.split(" ", 1)[0]: line.split(" ", 1)[1]
        for file in libri.glob("test-other/**/*.trans.txt")
        for line in file.read_text("utf-8").splitlines()
    }
    vctk = shared / "VCTK-Corpus-0.92"
    said |= {f"{file.stem}_mic1": file.read_text("utf-8") for file in vctk.glob("txt/*/*.txt")}
    for audio in (*libri.glob("test-other/**/*.flac"), *vctk.glob("wav48*/**/*.flac")):
        speaker = audio.stem.replace("_", "-").split("-")[0]
        home = folder / "corpus" / gender[speaker] / speaker
        home.mkdir(parents=True, exist_ok=True)
        shutil.copy(audio, home / audio.name)
        (home / f"{audio.stem}.txt").write_text(said[audio.stem], "utf-8")
    entry = override(
        load("files"), {"lang": "en", "ingest": {"pattern": "(?P<gender>[FM])/(?P<speaker>[^/]+)/"}}, "test"
    )
    store = Store(str(folder / "out"))
    workspace = Workspace(store, {"clips": "c", "quality": "q"})
    ingest = Ingest(IngestParams(), entry, Licence("CC-BY-4.0", True, True), place(folder / "corpus"))
    for unit in ingest.units():
        shard = Shard(f"k{unit.name[-4:]}", unit.name, {"files": list(unit.files), "spec": unit.spec})
        for stage in (ingest, Quality(QualityParams())):
            commit(stage, workspace, shard.key, stage.process(shard, workspace, Guard(stage.name)))
    entries = [("ingest", "c", "clips"), ("quality", "q", "quality")]
    finish(store, [StageEntry(name, print_, "speech", (table,), "clips") for name, print_, table in entries])
    return folder / "out"


@pytest.fixture(scope="module")
def real(recorded: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make(recorded, tmp_path_factory.mktemp("bank"))


@pytest.mark.shared
def test_a_real_bank_has_one_assistant_and_nobody_in_two_splits(real: Made) -> None:
    groups = [set(real.speakers(split)) for split in (None, *SPLITS)]
    assert all(groups)
    assert all(a.isdisjoint(b) for a, b in combinations(groups, 2))
    assert len(real.rows) == sum(map(len, groups)) >= 8
    assert [len(real.bank.assistants), *(len(real.bank.users[s]) for s in SPLITS)] == list(map(len, groups))
    assert real.bank.languages == (real.rows[0]["language"],)


@pytest.mark.shared
def test_real_prompts_are_short_clean_and_trimmed_and_say_their_text(real: Made, recorded: Path) -> None:
    given = dict(
        connect(Store(str(recorded)), Index.load(Store(str(recorded))))
        .execute("SELECT uid, text FROM clips")
        .fetchall()
    )
    for row in real.rows:
        prompt = real.bank.voices[row["name"]].prompt
        assert prompt is not None
        info = soundfile.info(io.BytesIO(prompt.flac))
        assert (info.format, info.channels, info.samplerate) == ("FLAC", 1, row["sample_rate"])
        assert info.duration == pytest.approx(row["duration"])
        assert 3 <= info.duration <= 10
        audio = decode(prompt.flac, row["name"])
        segments = quality(audio).segments
        assert segments[0][0] <= 0.2
        assert audio.duration - segments[-1][1] <= 0.2
        assert prompt.text.casefold() == given[row["uid"]].strip().casefold()
        assert not prompt.text.isupper()


@pytest.mark.shared
def test_a_real_prompt_is_the_cleanest_recording_of_its_speaker(real: Made, recorded: Path) -> None:
    store = Store(str(recorded))
    best = connect(store, Index.load(store)).execute(
        "SELECT speaker, arg_max(uid, snr_db) FROM clips_all WHERE duration BETWEEN 3 AND 10 AND snr_db >= 20 "
        "AND clipping_ratio <= 0.001 AND speech_ratio >= 0.6 GROUP BY speaker"
    )
    best_of = dict(best.fetchall())
    tried = {row["uid"] for row in real.rejects}
    assert tried.isdisjoint(row["uid"] for row in real.rows)
    assert all(best_of[row["speaker"]] in {row["uid"], *tried} for row in real.rows)
    assert {row["speaker"] for row in real.rows} <= best_of.keys()


@pytest.mark.shared
def test_a_real_bank_is_made_again_to_the_same_bytes_wherever_its_source_lies(
    real: Made, recorded: Path, tmp_path: Path
) -> None:
    moved = shutil.copytree(recorded, tmp_path / "else where")
    again = make(moved, tmp_path / "again")
    assert tree_hashes(again.folder) == tree_hashes(real.folder)
    params = [VoicesParams.model_validate({"from": str(folder)}) for folder in (recorded, moved)]
    assert voices_identity(params[0]) == voices_identity(params[1])
    assert str(recorded) not in json.dumps(voices_identity(params[0]))
    other = make(recorded, tmp_path / "other", seed=2)
    assert [row["name"] for row in other.rows] != [row["name"] for row in real.rows]


@pytest.mark.shared
def test_a_bank_comes_out_of_a_run_of_a_recipe(shared: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "libri.yaml"
    recipe.write_text("name: libri\nseed: 1\ncorpus: librispeech\nquality: {}\n", "utf-8")
    run(load_recipe(recipe, [f"root={shared / 'LibriSpeech'}"]), str(tmp_path / "out"))
    made = make(tmp_path / "out", tmp_path / "bank", where="split = 'test-other'")
    assert len(made.rows) >= 4
    assert {voice.licence.spdx for voice in made.bank.voices.values()} == {"CC-BY-4.0"}
    assert all(voice.prompt and voice.prompt.text for voice in made.bank.voices.values())
    with pytest.raises(UsageError, match="has 0 speakers of any language"):
        make(tmp_path / "out", tmp_path / "none", where="split = 'train-clean-100'")  # these have no transcripts


# Tables made for the purpose.


@pytest.mark.parametrize(("women", "men"), [(12, 12), (20, 4), (3, 21)])
def test_genders_are_balanced_as_far_as_there_are_people(women: int, men: int, tmp_path: Path) -> None:
    source = source_of(tmp_path / "s", people(women, men, unknown=3))
    made = make(source, tmp_path / "b", users=8, splits={"train": 0.5, "valid": 0.25, "test": 0.25})
    genders = Counter(row["gender"] for row in made.rows)
    assert sum(genders.values()) == 9
    assert genders[None] == 0
    assert abs(genders["female"] - genders["male"]) <= 1 or min(genders.values()) == min(women, men)
    assert [len(made.bank.users[split]) for split in SPLITS] == [4, 2, 2]  # type: ignore[index]


def test_each_gender_is_dealt_to_all_splits(tmp_path: Path) -> None:
    source = source_of(tmp_path / "s", people(15, 5))
    made = make(source, tmp_path / "b", assistants=2, splits={"train": 0.6, "valid": 0.2, "test": 0.2})
    for split in SPLITS:
        assert {row["gender"] for row in made.rows if row["split"] == split} == {"female", "male"}


def test_people_of_unknown_gender_are_used_when_there_are_no_others(tmp_path: Path) -> None:
    made = make(source_of(tmp_path / "s", people(0, 0, unknown=4)), tmp_path / "b")
    assert [len(made.speakers(split)) for split in (None, *SPLITS)] == [1, 1, 1, 1]
    assert {voice.gender for voice in made.bank.voices.values()} == {None}


def test_two_recordings_of_a_person_stay_in_one_split(tmp_path: Path) -> None:
    clips = [clip(f"s{n}", take) for n in range(6) for take in range(3)]
    made = make(source_of(tmp_path / "s", clips), tmp_path / "b", per_speaker=2, assistants=2)
    groups = [Counter(made.speakers(split)) for split in (None, *SPLITS)]
    assert all(set(a).isdisjoint(b) for a, b in combinations(groups, 2))
    assert set(groups[0].values()) == {1}
    assert all(set(group.values()) == {2} for group in groups[1:])
    assert len(made.bank.voices) == len(made.rows) == 2 + 4 * 2
    with tarfile.open(made.folder / tar_name("voices", "print", "all")) as tar:
        assert len(tar.getnames()) == len(made.rows)


def test_the_choice_depends_on_what_the_table_says_not_on_its_order_or_shards(tmp_path: Path) -> None:
    clips = [*people(5, 5), *(clip(f"w{n:02d}", 1) for n in range(5))]
    one = make(source_of(tmp_path / "one", clips), tmp_path / "b1")
    two = make(source_of(tmp_path / "two", clips[::-1], shards=3), tmp_path / "b2")
    assert tree_hashes(one.folder) == tree_hashes(two.folder)
    params = [VoicesParams.model_validate({"from": str(tmp_path / name)}) for name in ("one", "two")]
    assert voices_identity(params[0]) == voices_identity(params[1])
    changed = source_of(tmp_path / "three", [*clips[:-1], clips[-1] | {"pcm_hash": "another recording"}])
    assert voices_identity(VoicesParams.model_validate({"from": str(changed)})) != voices_identity(params[0])


@pytest.mark.parametrize(
    "unfit",
    [
        {"duration": 2.9},
        {"duration": 10.1},
        {"sample_rate": 8000},
        {"speaker": None},
        {"language": None},
        {"text": None},
        {"text": " "},
        {"trust": "asr"},
        {"licence": "CC-BY-ND-4.0"},
        {"licence": "CC-BY-NC-4.0 AND CC-BY-ND-4.0"},
        {"licence": "LicenseRef-unheard-of"},
    ],
)
def test_a_clip_that_is_not_fit_is_no_voice_whatever_where_says(unfit: Row, tmp_path: Path) -> None:
    source = source_of(tmp_path / "s", [*people(2, 2), clip("x") | unfit])
    made = make(source, tmp_path / "b", where="true) OR (true")
    assert {row["speaker"] for row in made.rows} == {"w00", "w01", "m00", "m01"}


def test_a_transcript_is_trusted_by_its_error_rate_where_that_was_measured(tmp_path: Path) -> None:
    clips = [*people(2, 2), clip("wrong"), clip("heard", trust="asr"), clip("rejected")]
    text_error = {row["uid"]: 0.0 for row in clips[:-1]} | {clips[4]["uid"]: 0.4}
    made = make(source_of(tmp_path / "s", clips, text_error=text_error), tmp_path / "b")
    assert {row["speaker"] for row in made.rows} == {"w00", "w01", "m00", "m01", "heard"}


def test_the_licence_of_a_recording_is_that_of_the_voice(tmp_path: Path) -> None:
    both = "CC-BY-SA-4.0 AND LicenseRef-ours"
    kinds = [("CC-BY-NC-4.0", True), ("CC-BY-SA-4.0", False), (both, True), ("CC0-1.0", True)]
    clips = [clip(f"s{n}", licence=spdx, licence_redistribute=given) for n, (spdx, given) in enumerate(kinds)]
    source = source_of(tmp_path / "s", clips)
    with pytest.raises(UsageError, match="has 3 speakers of en"):
        make(source, tmp_path / "b")
    # What the licence of one's own recordings allows only the recipe that read them says.
    stated = "licence: {spdx: LicenseRef-ours, redistribute: true, commercial: false, derivatives: true}"
    Store(str(source)).write("recipe.yaml", stated.encode())
    made = make(source, tmp_path / "b")
    carried = {row["speaker"]: made.bank.voices[row["name"]].licence for row in made.rows}
    assert carried["s0"] == Licence("CC-BY-NC-4.0", True, commercial=False)
    assert carried["s1"] == Licence("CC-BY-SA-4.0", False, commercial=True)
    assert carried["s2"] == Licence(both, True, commercial=False)
    assert carried["s3"] == Licence("CC0-1.0", True, commercial=True)


def test_a_recording_without_enough_speech_gives_way_to_the_next_of_its_speaker(tmp_path: Path) -> None:
    clips = [*people(3, 3), *(clip("twice", n) for n in range(2)), clip("mute")]
    short = Audio(np.concatenate([quiet(2).samples, sound("Good morning.").samples, quiet(2).samples], 1), 24_000)
    broken = clips[0]["uid"]
    audio = {clips[6]["uid"]: short, clips[7]["uid"]: sound(), clips[8]["uid"]: quiet(5)}
    source = source_of(tmp_path / "s", clips, audio)
    tar = source / tar_name("clips", "c", "k0")
    tar.write_bytes(tar.read_bytes().replace(b"fLaC", b"gone", 1))  # the first recording's
    made = make(source, tmp_path / "b")
    reasons = {row["uid"]: (row["stage"], row["reason"]) for row in made.rejects}
    mute = clips[8]["uid"]
    assert reasons[mute] == ("voices", "no_prompt")
    assert reasons[broken] == ("voices", "corrupt_audio")
    assert {row["uid"] for row in made.rows} == {row["uid"] for row in clips[1:8]} - reasons.keys()
    assert "twice" in {row["speaker"] for row in made.rows}
    details = " ".join(row["detail"] for row in made.rejects)
    assert "holds no speech" in details
    notes = notes_of(Store(str(made.folder)), "voices/print/all.parquet")
    assert int(notes["items_in"]) == int(notes["items_out"]) + int(notes["rejected"]) == len(made.rows) + len(reasons)


def test_silence_around_speech_is_cut_and_other_channels_are_mixed(tmp_path: Path) -> None:
    clips = people(2, 2)
    around = np.concatenate([quiet(1.5).samples, sound().samples, quiet(1.5).samples], 1)
    audio = {row["uid"]: Audio(np.repeat(around, 2, 0), 24_000) for row in clips}
    made = make(source_of(tmp_path / "s", clips, audio), tmp_path / "b")
    for voice in made.bank.voices.values():
        assert voice.prompt
        prompt = decode(voice.prompt.flac, voice.name)
        assert prompt.channels == 1
        assert prompt.duration == pytest.approx(sound().duration + 0.1, abs=0.3)
        assert np.abs(mono(prompt)).max() == pytest.approx(np.abs(around).max(), abs=1e-3)


def test_the_assistant_may_be_named_by_speaker_or_clip(tmp_path: Path) -> None:
    clips = [*people(3, 3), clip("boss", 0, native='{"accent": "Irish"}'), clip("boss", 1)]
    source = source_of(tmp_path / "s", clips)
    for name, where in (("boss", "true"), (clips[7]["uid"], "speaker <> 'boss'")):
        made = make(source, tmp_path / "b", assistant=name, where=where)
        assert made.speakers(None) == ["boss"]
        assert sorted(speaker for split in SPLITS for speaker in made.speakers(split)) == sorted(
            row["speaker"] for row in clips[:6]
        )
    assert made.rows[0]["uid"] == clips[7]["uid"]
    for wrong in ("nobody", "it's"):
        with pytest.raises(UsageError, match=r"voices.assistant: .* neither a clip nor a speaker"):
            voices_identity(VoicesParams.model_validate({"from": str(source), "assistant": wrong}))
    with pytest.raises(ValidationError, match="leave `assistants` at 1"):
        VoicesParams.model_validate({"from": "x", "assistant": "boss", "assistants": 2})


def test_a_named_assistant_without_speech_is_refused(tmp_path: Path) -> None:
    clips = [*people(2, 2), clip("mute")]
    source = source_of(tmp_path / "s", clips, {clips[4]["uid"]: quiet(5)})
    with pytest.raises(UsageError, match=r"voices.assistant: 'mute' cannot be a voice: .* holds no speech"):
        make(source, tmp_path / "b", assistant="mute")


def test_every_language_gets_an_assistant_and_users(tmp_path: Path) -> None:
    chinese = [clip(f"z{n}", language="zh-CN") for n in range(5)]
    made = make(source_of(tmp_path / "s", [*people(3, 3), *chinese]), tmp_path / "b")
    assert made.bank.languages == ("en", "zh")
    assert [voice.language for voice in made.bank.assistants] == ["en", "zh"]
    assert {row["speaker"] for row in made.rows if row["language"] == "zh"} == {f"z{n}" for n in range(5)}


def test_a_bank_can_be_read_without_its_audio(tmp_path: Path) -> None:
    made = make(source_of(tmp_path / "s", people(3, 3)), tmp_path / "b")
    shutil.rmtree(made.folder / "audio")
    bank = read_bank(Workspace(Store(str(made.folder)), {"voices": "print"}), prompts=False)

    def silent(voices: Sequence[Voice]) -> list[tuple[Any, ...]]:
        return [(v.name, v.language, v.accent, v.gender, v.licence) for v in voices]

    assert silent([*bank.voices.values()]) == silent([*made.bank.voices.values()])
    assert {voice.prompt for voice in bank.voices.values()} == {None}


@pytest.mark.parametrize(
    "where",
    [
        "no_such_column > 1",
        "snr_db >",
        "true; DROP TABLE clips",
        "count(*) > 1",
        "true) --",
        "duration / 'a' > 1",
        "(SELECT count(*) FROM read_csv('/etc/passwd')) > 0",
        "current_setting('temp_directory') <> ''",
        "true) UNION SELECT * FROM clips_all WHERE (true",
        "true) OFFSET (1",
    ],
)
def test_a_where_that_does_not_run_is_refused_in_one_sentence(where: str, tmp_path: Path) -> None:
    source = source_of(tmp_path / "s", people(2, 2))
    with pytest.raises(
        UsageError, match=r"voices.where: the condition .* does not run over clips_all: .*DESCRIBE"
    ) as e:
        voices_identity(VoicesParams.model_validate({"from": str(source), "where": where}))
    assert "\n" not in str(e.value)


def test_too_few_speakers_are_counted_in_one_sentence(tmp_path: Path) -> None:
    source = source_of(tmp_path / "s", people(3, 3))
    params = {"from": str(source), "where": "speaker LIKE 'w%'"}
    with pytest.raises(UsageError, match=r"has 3 speakers of en .*where speaker LIKE 'w%'.* and 4 are needed: 1 for"):
        voices_identity(VoicesParams.model_validate(params))
    with pytest.raises(UsageError, match=r"has 0 speakers of any language .* and 5 are needed: 2 for"):
        voices_identity(VoicesParams.model_validate(params | {"where": "false", "assistants": 2}))


def test_speakers_that_fall_silent_are_too_few_as_well(tmp_path: Path) -> None:
    clips = people(2, 2)
    source = source_of(tmp_path / "s", clips, {clips[0]["uid"]: quiet(5)})
    out = tmp_path / "b"
    with pytest.raises(UsageError, match=r"has 3 speakers of en .* and 4 are needed"):
        make(source, out)
    assert Store(str(out)).names("") == []


def test_a_source_that_is_no_finished_run_with_clips_is_refused(tmp_path: Path) -> None:
    source = source_of(tmp_path / "s", people(2, 2))
    shutil.rmtree(source / "clip_selection")
    texts = tmp_path / "texts"
    Index("texts", "cafe", 1, ()).save(Store(str(texts)))
    for folder, why in (
        (source, "is not finished"),
        (texts, "has no clips"),
        (tmp_path / "no", "not an output folder"),
    ):
        with pytest.raises(UsageError, match=why):
            voices_identity(VoicesParams.model_validate({"from": str(folder)}))


def clustered(folder: Path, whose: Mapping[str, int], several: Sequence[str]) -> None:
    """Give a source the voices of its clips, by speaker, and the clusters that they make."""
    store = Store(str(folder))
    draw = np.random.Generator(np.random.PCG64(1))
    centres = draw.normal(size=(max(whose.values()) + 1, 256))
    rows = []
    for uid, speaker in whose.items():
        voice = centres[speaker] + draw.normal(size=256) * 0.2
        embedding = (voice / np.linalg.norm(voice)).tolist()
        facts = {"one_speaker": uid not in several, "encoder": "ge2e", "voice_spread": 0.1}
        rows.append({"uid": uid, "embedding": embedding, **facts})
    store.write_part(part_name("speakers", "v", "k"), to_table("speakers", rows), {})
    stages = [*Index.load(store).stages[:-1], StageEntry("speakers", "v", "speech", ("speakers",), "clips")]
    stages.append(StageEntry("clusters", "g", "speech", (clusters.TABLE,), "clips"))
    finish(store, stages)
    with connect(store, Index.load(store)) as connection:
        clusters.write(connection, clusters.ClustersParams(), Workspace(store, {clusters.TABLE: "g"}))
    finish(store, stages)


def test_a_bank_of_speakers_whom_no_corpus_names_has_each_in_one_split(tmp_path: Path) -> None:
    clips = [
        clip(f"x{n}", take) | {"uid": f"{corpus}/default/train/{n}-{take}.flac", "corpus": corpus, "speaker": None}
        for n in range(12)
        for take, corpus in enumerate(("one", "two", "two"))
    ]
    clips.append(clip("named") | {"uid": "one/default/train/named.flac", "corpus": "one"})
    whose = {row["uid"]: number // 3 for number, row in enumerate(clips)}  # the named one's voice is nobody else's
    several = [clips[0]["uid"]]
    source = source_of(tmp_path / "s", clips)
    with pytest.raises(UsageError, match="has 1 speaker"):
        make(source, tmp_path / "b")
    clustered(source, whose, several)
    with connect(Store(str(source)), Index.load(Store(str(source)))) as connection:
        found = dict(connection.execute("SELECT uid, speaker_cluster FROM clips_all").fetchall())
    assert found[several[0]] is None
    assert len({found[uid] for uid in whose if uid not in several}) == 13
    made = make(source, tmp_path / "b", per_speaker=3)
    places = {(whose[row["uid"]], row["split"]) for row in made.rows}
    assert len(places) == 13  # all of them, each in one
    assert not any(row["uid"] in several for row in made.rows)
    assert {row["name"].rpartition("#")[0] for row in made.rows if whose[row["uid"]] == 12} == {"one/named"}
    assert {row["corpus"] for row in made.rows if row["split"] == "train"} == {"one", "two"}
    again = make(source, tmp_path / "c", per_speaker=3)
    assert again.rows == made.rows
    assistant = found[clips[4]["uid"]]
    named = make(source, tmp_path / "d", assistant=assistant)
    assert named.speakers(None) == [assistant]


def test_a_voice_that_a_corpus_names_in_part_stands_under_that_name_alone(tmp_path: Path) -> None:
    """Of each voice two clips; of the first three one of the two has a name, which is written as a cluster's is."""
    clips = []
    for n in range(10):
        name = f"speaker-{n:06d}" if n < 3 else None
        clips.append(clip(f"x{n}") | {"uid": f"own/default/train/{n}-named.flac", "speaker": name})
        clips.append(clip(f"x{n}", 1) | {"uid": f"own/default/train/{n}-other.flac", "speaker": None})
    whose = {row["uid"]: number // 2 for number, row in enumerate(clips)}
    source = source_of(tmp_path / "s", clips)
    clustered(source, whose, ())
    made = make(source, tmp_path / "b", per_speaker=2)
    assert len({(whose[row["uid"]], row["split"]) for row in made.rows}) == 10
    names = {whose[row["uid"]]: row["name"].rpartition("#")[0] for row in made.rows}
    assert {names[n] for n in range(3)} == {f"own/speaker-{n:06d}" for n in range(3)}
    assert not [row for row in made.rows if whose[row["uid"]] < 3 and row["uid"].endswith("other.flac")]
    for wanted, found in (("speaker-000001", 1), ("own/speaker-000001", 1), (names[5], 5)):
        (assistant,) = [
            row for row in make(source, tmp_path / str(found) / wanted, assistant=wanted).rows if row["split"] is None
        ]
        assert whose[assistant["uid"]] == found


def test_a_name_of_its_own_goes_before_a_speakers_in_some_corpus(tmp_path: Path) -> None:
    """The first cluster, and a speaker of a corpus whose name reads like it."""
    clips = [clip(f"x{n}") | {"uid": f"own/default/train/{n}.flac", "speaker": None} for n in range(6)]
    clips.append(clip("other") | {"uid": "own/default/train/other.flac", "speaker": "speaker-000000"})
    source = source_of(tmp_path / "s", clips)
    clustered(source, {row["uid"]: number for number, row in enumerate(clips)}, ())
    for wanted, uid in (("speaker-000000", clips[0]["uid"]), ("own/speaker-000000", clips[-1]["uid"])):
        made = make(source, tmp_path / wanted, assistant=wanted)
        assert [row["uid"] for row in made.rows if row["split"] is None] == [uid]
