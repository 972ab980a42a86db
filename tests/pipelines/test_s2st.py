"""s2st: translations spoken by a fake CosyVoice in the voice of each clip, and the pairs that a run makes of them."""

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import yaml

from tests.conftest import tree_hashes
from tests.pipelines.conftest import SENTENCES, lake_of, speech
from tests.synth.tts.conftest import Fake, fake  # noqa: F401  # a fixture
from tests.synth.tts.cosyvoice_fake import write_checkout, write_model, write_stubs
from turnmill.manifests.errors import UsageError
from turnmill.manifests.export.export import export
from turnmill.manifests.export.profiles import named
from turnmill.manifests.hub import publish
from turnmill.manifests.index import Index
from turnmill.manifests.query import connect
from turnmill.manifests.records import Reason
from turnmill.manifests.schema import to_table
from turnmill.manifests.store import Store
from turnmill.pipelines.guard import Guard
from turnmill.pipelines.loading import load
from turnmill.pipelines.pieces import Pieces
from turnmill.pipelines.run import run
from turnmill.pipelines.stage import Made, Row, Shard, Workspace, read_span
from turnmill.pipelines.stages.s2st import S2st, S2stParams
from turnmill.synth.speech import Speech

SHARD = Shard("shard", "shard")
GERMAN = ("Der Zug fährt um sieben Uhr ab.", "Stell bitte den Kessel auf.", "Sie fand den Brief unter der Tür.")


def lake(folder: Path, clips: list[Speech], translations: list[str | None]) -> Workspace:
    place = lake_of(folder, clips, ("translations", "target_speech"))
    rows = [
        row | {"sample_rate": 24_000, "licence": "CC0-1.0", "licence_redistribute": True}
        for row in place.rows("clips", "shard")
    ]
    place.store.write_part(place.part("clips", "shard"), to_table("clips", rows), {})
    empty = dict.fromkeys(to_table("translations", []).column_names) | {
        "source_language": "en",
        "target_language": "de",
    }
    said = [empty | {"uid": f"u{n}", "translation": text} for n, text in enumerate(translations)]
    place.store.write_part(place.part("translations", "shard"), to_table("translations", said), {})
    return place


def params(given: Fake, **speak: Any) -> S2stParams:
    cosyvoice = {"model": str(given.model(3)), "repo": str(given.checkout)}
    engine = {"engine": "cosyvoice", "cosyvoice": cosyvoice, "align": {"method": "proportional"}}
    return S2stParams.model_validate({"speak": engine | speak})


def made(stage: S2st, place: Workspace, guard: Guard | None = None) -> Made:
    stage.check()
    stage.setup()
    done = stage.process(SHARD, place, guard or Guard(stage.name))
    to_table("target_speech", done.tables["target_speech"])
    assert done.items_in == len(done.tables["target_speech"]) + len(done.rejects)
    return done


def test_each_translation_is_spoken_in_the_voice_of_its_clip(fake: Fake, tmp_path: Path) -> None:  # noqa: F811
    clips = [speech(text) for text in SENTENCES[:2]]
    place = lake(tmp_path / "lake", clips, ["Um 7 Uhr geht es los.", GERMAN[1]])
    done = made(S2st(params(fake), "en"), place)
    assert not done.rejects
    first, second = done.tables["target_speech"]
    assert first["target_text"] == "Um 7 Uhr geht es los."
    assert [word["word"] for word in second["target_words"]] == GERMAN[1].split()
    with place.open_tar("target_speech", "shard") as tar:
        for row in (first, second):
            pcm, rate = soundfile.read(io.BytesIO(read_span(tar, row["target_offset"], row["target_size"])))
            assert (rate, len(pcm) / rate) == (24_000, pytest.approx(row["target_duration"]))
    heard = [seconds for _, seconds in fake.package.RECORDINGS]  # of the speech of each clip, without its edges
    for clip, seconds in zip(clips, heard, strict=True):
        assert 0.5 * len(clip.pcm) / 24_000 < seconds <= len(clip.pcm) / 24_000


def test_what_cannot_be_half_of_a_pair_is_a_reject(fake: Fake, tmp_path: Path) -> None:  # noqa: F811
    silence = Speech(np.zeros(48_000, np.float32), 24_000, None)
    short = Speech(speech("Yes.").pcm[:12_000], 24_000, None)
    place = lake(tmp_path / "lake", [speech(SENTENCES[0])] * 2 + [silence, short], [GERMAN[0], None, GERMAN[1], "...!"])
    done = made(S2st(params(fake), "en"), place)
    assert [row["uid"] for row in done.tables["target_speech"]] == ["u0"]
    why = {reject.uid: reject.reason for reject in done.rejects}
    assert why["u1"] is Reason.UNTRANSLATED
    assert why["u2"] is Reason.NO_PROMPT
    assert why["u3"] in (Reason.NO_PROMPT, Reason.NOTHING_SPOKEN)


def test_what_forbids_derivatives_is_not_spoken(fake: Fake, tmp_path: Path) -> None:  # noqa: F811
    place = lake(tmp_path / "lake", [speech(SENTENCES[0])] * 3, list(GERMAN))
    licences = ("CC-BY-NC-ND-4.0", "CC-BY-ND-4.0 AND LicenseRef-ours", "LicenseRef-ours")
    rows = [row | {"licence": spdx} for row, spdx in zip(place.rows("clips", "shard"), licences, strict=True)]
    place.store.write_part(place.part("clips", "shard"), to_table("clips", rows), {})
    done = made(S2st(params(fake), "en"), place)
    assert [row["uid"] for row in done.tables["target_speech"]] == ["u2"]
    assert [reject.reason for reject in done.rejects] == [Reason.NO_DERIVATIVES] * 2
    assert done.rejects[0].detail == "u0 is under CC-BY-NC-ND-4.0, which forbids derivatives"


def test_the_same_clips_have_the_same_speech_and_a_bound_of_the_gate_is_kept(fake: Fake, tmp_path: Path) -> None:  # noqa: F811
    place = lake(tmp_path / "lake", [speech(text) for text in SENTENCES[:3]], list(GERMAN))
    done = made(S2st(params(fake), "en"), place)
    before = tree_hashes(tmp_path / "lake")
    assert made(S2st(params(fake), "en"), place).tables == done.tables
    assert tree_hashes(tmp_path / "lake") == before
    refused = made(S2st(params(fake, gate={"other_pace": {"low": 1.0, "high": 2.0}}, tries=1), "en"), place)
    assert {reject.reason for reject in refused.rejects} == {Reason.POOR_SPEECH}
    assert [reject.uid for reject in refused.rejects] == ["u0", "u1", "u2"]


def test_lines_that_were_spoken_before_a_kill_are_not_spoken_again(fake: Fake, tmp_path: Path) -> None:  # noqa: F811
    place = lake(tmp_path / "lake", [speech(text) for text in SENTENCES[:2]], list(GERMAN[:2]))

    def guard() -> Guard:
        return Guard("s2st", pieces=Pieces(place.store, "pieces/f/shard", keep_s=0.0))

    first = made(S2st(params(fake), "en"), place, guard())
    asked = len(fake.package.REQUESTS)
    assert made(S2st(params(fake), "en"), place, guard()).tables == first.tables
    assert len(fake.package.REQUESTS) == asked


def test_what_it_depends_on_and_an_engine_that_clones_none_is_refused(fake: Fake) -> None:  # noqa: F811
    stage = S2st(params(fake), "en")
    assert stage.fingerprint(["c"]) == S2st(params(fake, gpus=0.5), "en").fingerprint(["c"])
    assert stage.fingerprint(["c"]) != S2st(params(fake, tries=7), "en").fingerprint(["c"])
    with pytest.raises(UsageError, match=r"s2st\.speak\.engine: hibari has voices of its own, and clones none"):
        S2st(S2stParams.model_validate({"speak": {"engine": "hibari"}}), "en").check()


def covost(folder: Path) -> Path:
    """A folder of Common Voice with CoVoST's translations beside it, as both are released, and a clip without one."""
    (folder / "clips").mkdir(parents=True)
    names = [f"common_voice_en_{n}.mp3" for n in range(4)]
    for name, text in zip(names, SENTENCES[:4], strict=True):
        spoken = speech(text)
        soundfile.write(folder / "clips" / name, spoken.pcm, spoken.sample_rate, format="MP3")
    pairs = [f"{name}\t{german}\ttrain" for name, german in zip(names, GERMAN, strict=False)]
    (folder / "covost_v2.en_de.tsv").write_text("\n".join(["path\ttranslation\tsplit", *pairs]) + "\n", "utf-8")
    valid = [f"0{n}\t{name}\t{text}\t2" for n, (name, text) in enumerate(zip(names, SENTENCES, strict=False))]
    (folder / "validated.tsv").write_text("\n".join(["client_id\tpath\tsentence\tup_votes", *valid]) + "\n", "utf-8")
    return folder


def recipe_of(folder: Path) -> Path:
    speak: Row = {
        "engine": "cosyvoice",
        "cosyvoice": {"model": str(write_model(folder / "tiny", 3)), "repo": str(write_checkout(folder / "repo"))},
        "align": {"method": "proportional"},
        "runtime_env": {"env_vars": {"PYTHONPATH": str(write_stubs(folder / "stubs"))}},
    }
    recipe = {
        "name": "pairs",
        "workers": 1,
        "corpus": "covost2",
        "root": str(covost(folder / "cv" / "en")),
        "quality": {},
        "translate": {"to": "de"},
        "s2st": {"speak": speak},
        "caption": {},
    }
    (folder / "pairs.yaml").write_text(yaml.safe_dump(recipe))
    return folder / "pairs.yaml"


def test_a_run_over_covost_makes_pairs_that_exports_read(tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run(load(recipe_of(tmp_path), ()), str(out)).bugs == 0
    store = Store(str(out))
    index = Index.load(store)
    with connect(store, index) as tables:
        told = tables.sql("SELECT translation, translator, target_text, caption FROM clips_all ORDER BY uid").fetchall()
        shards = tables.sql("SELECT DISTINCT shard FROM clip_samples").fetchall()
    assert [row[:3] for row in told] == [(text, "given", text) for text in GERMAN]
    assert all(caption.startswith("A person speaks") for *_, caption in told)
    maker = index.maker("clip_samples")
    assert maker is not None
    pairs = 0
    for (shard,) in shards:
        with tarfile.open(out / str(maker.shards) / shard) as tar:
            read = [(member.name.partition(".")[2], tar.extractfile(member)) for member in tar.getmembers()]
            members = [(ending, file.read()) for ending, file in read if file is not None]
        assert [ending for ending, _ in members] == ["mp3", "target.flac", "json"] * (len(members) // 3)
        pairs += len(members) // 3
        assert soundfile.info(io.BytesIO(members[1][1])).samplerate == 24_000
        sample = json.loads(members[2][1])
        assert sample["translation"]["translation"] == sample["target"]["target_text"]
        assert "target_offset" not in sample["target"]
    assert pairs == len(GERMAN)
    publish(store, None, to=tmp_path / "hub")  # all samples of a config have the same files, and load
    card = (tmp_path / "hub/README.md").read_text("utf-8")
    assert "`target.flac` is what is said, translated and spoken in the same voice." in card
    export(store, named("swift,wenet"), str(tmp_path / "to"))
    answers = [
        json.loads(line)["messages"][1]["content"]
        for file in (tmp_path / "to/swift").glob("*.jsonl")
        for line in file.read_text().splitlines()
    ]
    assert set(GERMAN) <= set(answers)
    assert set(SENTENCES[:3]) <= set(answers)
    assert any((tmp_path / "to/wenet").rglob("translations"))
