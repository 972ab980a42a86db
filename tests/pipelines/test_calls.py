"""calls: recordings of two people become dialogues whose labels are where they speak, in one order or both."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from tests.conftest import tree_hashes
from tests.pipelines.conftest import SENTENCES, speech
from turnmill.manifests.audio import decode
from turnmill.manifests.errors import UsageError
from turnmill.manifests.index import Index
from turnmill.manifests.query import connect
from turnmill.manifests.records import Reason, Reject
from turnmill.manifests.samples import DIALOGUE, problem
from turnmill.manifests.schema import to_table
from turnmill.manifests.store import Store
from turnmill.pipelines.guard import Guard
from turnmill.pipelines.loading import load_recipe
from turnmill.pipelines.pipeline import fingerprinted, halves, shards_of
from turnmill.pipelines.run import run
from turnmill.pipelines.stage import Made, Shard, Workspace, commit, read_span
from turnmill.pipelines.stages.calls import Calls, CallsParams
from turnmill.pipelines.verification import verify_output
from turnmill.synth.energy import speech_bounds

RATE = 24_000
Pcm = npt.NDArray[np.float32]
Spans = tuple[list[tuple[float, float]], list[tuple[float, float]]]


@pytest.fixture(scope="module")
def call() -> tuple[Pcm, Spans]:
    """Float32 [2, samples]: sentences of one party and the other in turn, .4 s apart but for an overlap of .3 s; and
    where each speaks, in seconds."""
    said: Spans = ([], [])
    parts: list[tuple[int, int, Pcm]] = []
    at = RATE // 2
    for number, text in enumerate(SENTENCES):
        pcm = speech(text).pcm
        bounds = speech_bounds(pcm, -50.0)
        assert bounds is not None
        pcm = pcm[bounds[0] : bounds[1]]
        said[number % 2].append((at / RATE, (at + len(pcm)) / RATE))
        parts.append((number % 2, at, pcm))
        at += len(pcm) + round((-0.3 if number == 2 else 0.4) * RATE)
    audio = np.random.default_rng(0).standard_normal((2, at + RATE)).astype(np.float32) * np.float32(1e-4)
    for channel, start, pcm in parts:
        audio[channel, start : start + len(pcm)] += pcm
    return audio, said


def recordings(folder: Path, **named: Pcm) -> Path:
    """Each [channels, samples]."""
    folder.mkdir()
    for name, pcm in named.items():
        soundfile.write(folder / f"{name}.flac", pcm.T, RATE)
    return folder


RECIPE: Mapping[str, Any] = {"transcribe": None, "select_dialogues": [], "workers": 1}


def made(root: Path, **changes: Any) -> tuple[Workspace, Shard, list[Reject]]:
    """The tables of the recipe `calls` over a folder, without Whisper and Ray, and what `calls` and `verify` rejected;
    a stage that loses an item raises."""
    recipe = load_recipe("calls", {**RECIPE, "root": str(root), **changes})
    (half,) = halves(recipe, Store(str(root.parent / f"{root.name}-out")))
    (chain,) = half.chains
    (shard,), _ = shards_of(chain)
    workspace = fingerprinted(half, [shard], recipe.seed).workspace(Store(str(root.parent / f"{root.name}-out")), 0)
    rejects: list[Reject] = []
    for stage in chain.stages:
        stage.setup()
        part = stage.process(shard, workspace, Guard(stage.name))
        commit(stage, workspace, shard.key, part)
        rejects += part.rejects
    return workspace, shard, rejects


def test_a_call_is_two_dialogues_that_mirror_and_say_where_each_party_speaks(
    call: tuple[Pcm, Spans], tmp_path: Path
) -> None:
    audio, said = call
    workspace, shard, rejects = made(recordings(tmp_path / "calls", call=audio))
    assert not rejects
    turns = workspace.rows("turns", shard.key)
    first, second = workspace.rows("dialogues", shard.key)
    assert [first["id"], second["id"]] == [f"files/default/train/call.flac~{n}" for n in (0, 1)]
    for dialogue, order in ((first, (0, 1)), (second, (1, 0))):
        mine = [turn for turn in turns if turn["dialogue"] == dialogue["id"]]
        true = sorted((*span, order.index(channel)) for channel in (0, 1) for span in said[channel])
        assert [turn["channel"] for turn in mine] == [channel for _, _, channel in true]
        for turn, (start, end, _) in zip(mine, true, strict=True):
            assert turn["start"] == pytest.approx(start, abs=0.05)
            assert turn["end"] == pytest.approx(end, abs=0.1)  # voices die away
        with workspace.open_tar("dialogues", shard.key) as tar:
            heard = decode(read_span(tar, dialogue["offset"], dialogue["size"]), "dialogue")
        np.testing.assert_allclose(heard.samples, audio[list(order)], atol=1e-4)
        sample = json.loads(dialogue["sample"])
        assert problem(sample, DIALOGUE) is None
        assert (sample["trust"], sample["seed"], sample["turns"][0]["text"]) == ("measured", None, None)
    kinds = [row["kind"] for row in workspace.rows("events", shard.key) if row["dialogue"] == first["id"]]
    assert kinds == ["turn_shift", "turn_shift", "cooperative_overlap", "turn_shift"]


def test_cross_talk_is_measured_and_is_no_speech_of_who_hears_it(call: tuple[Pcm, Spans], tmp_path: Path) -> None:
    audio, _ = call
    leaky = audio + np.float32(10 ** (-14 / 20)) * np.roll(audio[::-1], RATE // 50, axis=1)
    workspace, shard, rejects = made(recordings(tmp_path / "calls", leaky=leaky), **{"calls.assistant": 1})
    assert not rejects
    (dialogue,) = workspace.rows("dialogues", shard.key)
    assert [row["channel"] for row in workspace.rows("turns", shard.key)] == [1, 0, 1, 0, 1]
    (row,) = workspace.rows("calls", shard.key)
    assert row["leak_db"] == pytest.approx(-14, abs=3)
    with workspace.open_tar("dialogues", shard.key) as tar:
        heard = decode(read_span(tar, dialogue["offset"], dialogue["size"]), "dialogue").samples
    first = round(workspace.rows("turns", shard.key)[0]["end"] * RATE) - RATE // 4
    assert not heard[0, : first - RATE // 2].any()  # the assistant hears the user begin, and is silent


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda audio: np.stack([audio.sum(axis=0)] * 2), Reason.SAME_CHANNELS),
        (lambda audio: audio.sum(axis=0)[None], Reason.NOT_TWO),
        (lambda audio: np.concatenate([audio, audio[:1]]), Reason.NOT_TWO),
        (lambda audio: np.stack([audio[0], audio[0] * 0]), Reason.ONE_SPEAKER),
    ],
    ids=["copies", "mono", "three", "one party"],
)
def test_what_is_no_talk_of_two_is_rejected_in_each_order(
    call: tuple[Pcm, Spans], tmp_path: Path, make: Any, reason: Reason
) -> None:
    workspace, shard, rejects = made(recordings(tmp_path / "calls", odd=make(call[0])))
    assert [reject.reason for reject in rejects] == [reason, reason]
    assert [reject.uid for reject in rejects] == [f"files/default/train/odd.flac~{n}" for n in (0, 1)]
    assert workspace.rows("dialogues", shard.key) == []


def diarized(root: Path, told: Mapping[str, Sequence[tuple[float, float, str]]]) -> Made:
    """What `calls` makes of recordings of one channel: start, end and speaker of what is said in each stand in for
    `diarize`, whose own tests hear."""
    workspace, shard, _ = made(root)
    place = Workspace(workspace.store, {**workspace.fingerprints, "diarization": "d"})
    rows = [
        {
            "uid": f"files/default/train/{name}",
            "speaker_segments": [dict(zip(("start", "end", "speaker"), each, strict=True)) for each in sorted(said)],
            "overlap_ratio": 0.0,
            "n_speakers": 2,
            "diarizer": "by hand",
        }
        for name, said in told.items()
    ]
    place.store.write_part(place.part("diarization", shard.key), to_table("diarization", rows), {})
    return Calls(CallsParams(assistant=0)).process(shard, place, Guard("calls"))


def test_talk_in_one_channel_is_parted_by_who_speaks(call: tuple[Pcm, Spans], tmp_path: Path) -> None:
    audio, said = call
    told = [(*span, f"SPEAKER_{channel}") for channel in (0, 1) for span in said[channel]]
    part = diarized(recordings(tmp_path / "calls", mono=audio.sum(axis=0)[None]), {"mono.flac": told})
    (dialogue,) = part.tables["dialogues"]
    assert (dialogue["trust"], dialogue["n_turns"], part.rejects) == ("diarized", 5, [])
    spans = [(turn["start"], turn["end"], turn["channel"]) for turn in part.tables["turns"]]
    np.testing.assert_allclose(spans, [(start, end, int(who[-1])) for start, end, who in sorted(told)], atol=1e-4)


def test_turns_of_a_meeting_are_where_its_annotators_heard_its_speakers(shared: Path, tmp_path: Path) -> None:
    """AMI by its RTTM: labels begin and end where it does, and all that it has is in one of who said it; and by the STM
    of other annotators, the same turns."""
    told: dict[str, list[tuple[float, float, str]]] = {}
    root = tmp_path / "calls"
    root.mkdir()
    for file in sorted((shared / "ami-sample").glob("*.rttm")):
        for line in file.read_text("utf-8").splitlines():
            _, name, _, at, length, _, _, speaker, *_ = line.split()
            told.setdefault(f"{name}.wav", []).append((float(at), float(at) + float(length), speaker))
    for name in told:
        (root / name).write_bytes((shared / "ami-sample" / name).read_bytes())
    part = diarized(root, told)
    assert not part.rejects
    assert len(part.tables["dialogues"]) == 3
    stm = [line.split() for line in (shared / "ami-sample" / "sample.stm").read_text("utf-8").splitlines()]
    for name, count in (("dev00.wav", 8), ("dev01.wav", 8), ("sample.wav", 10)):
        own = {t: [row for row in part.tables[t] if f"/{name}~" in row["dialogue"]] for t in ("turns", "events")}
        asides = [row for row in own["events"] if row["kind"] in ("user_backchannel", "failed_barge_in")]
        labels = [(round(row["start"], 3), round(row["end"], 3), row["channel"]) for row in (*own["turns"], *asides)]
        first = min(told[name])[2]
        said = [(round(start, 3), round(end, 3), int(who != first)) for start, end, who in told[name]]
        assert len(labels) == count
        assert {(start, channel) for start, _, channel in labels} <= {(start, channel) for start, _, channel in said}
        assert {(end, channel) for _, end, channel in labels} <= {(end, channel) for _, end, channel in said}
        for begin, end, channel in said:
            assert any(start <= begin and end <= last and channel == who for start, last, who in labels)
    turns = own["turns"]  # of sample
    stm = [each for before, each in pairwise([[""] * 3, *stm]) if each[2] != before[2]]
    assert [turn["channel"] for turn in turns] == [int(each[2] != "Diane") for each in stm]
    apart = [abs(turn["start"] - float(each[3])) for turn, each in zip(turns, stm, strict=True)]
    assert np.median(apart) < 0.15


WHOLE: Mapping[str, Any] = {
    **RECIPE,
    "shard.splits": {"train": 0.5, "valid": 0.25, "test": 0.25},
    "ingest.unit_clips": 2,
}


@pytest.fixture(scope="module")
def whole(call: tuple[Pcm, Spans], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The folder of four calls and a recording of one channel, three units, and a finished run over it."""
    folder = tmp_path_factory.mktemp("whole")
    audio, _ = call
    named = {f"call{n}": np.roll(audio, n * 480, axis=1) for n in range(4)}
    root = recordings(folder / "calls", **named, mono=audio[:1])
    assert run(load_recipe("calls", {**WHOLE, "root": str(root)}), str(folder / "out")).bugs == 0
    return root, folder / "out"


def test_a_run_makes_shards_of_both_orders_in_one_split_that_verify(whole: tuple[Path, Path]) -> None:
    _, out = whole
    store = Store(str(out))
    with connect(store, Index.load(store)) as connection:
        found = connection.execute("SELECT uid, split, shard FROM dialogue_samples ORDER BY uid").fetchall()
        lost = connection.execute("SELECT uid, reason FROM rejects ORDER BY uid").fetchall()
    orders = [
        f"files/default/train/{name}.flac~{n}" for name in ("call0", "call1", "call2", "call3", "mono") for n in (0, 1)
    ]
    assert [uid for uid, _, _ in found] == orders[:8]
    assert lost == [(uid, "not_two") for uid in orders[8:]]
    split = {uid: split for uid, split, _ in found}
    assert all(split[uid] == split[f"{uid[:-1]}{1 - int(uid[-1])}"] for uid in split)
    assert all(shard.startswith("dialogue-recorded-") for _, _, shard in found)
    assert verify_output(store).violations == ()
    report = json.loads((out / "realism.json").read_text())
    assert (report["preset"], report["floor_transfer"]["all"]["count"]) == (None, 32)
    assert "recorded talk" in (out / "README.md").read_text()


def test_a_killed_run_goes_on_to_the_bytes_of_another_number_of_workers(
    whole: tuple[Path, Path], tmp_path: Path
) -> None:
    """SIGKILL of the whole process group when the stage has done one of three units."""
    root, wanted = whole
    changes = {**WHOLE, "workers": 2}
    words = [f"--set=root={root}", *(f"--set={key}={json.dumps(value)}" for key, value in changes.items())]
    out = tmp_path / "out"
    command = [sys.executable, "-m", "turnmill.pipelines.cli", "run", "calls", "--out", str(out), *words]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
    while not list(out.glob("calls/*/*.parquet")):
        assert process.poll() is None
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not (out / "finished.json").exists()
    assert run(load_recipe("calls", {**changes, "root": str(root)}), str(out)).bugs == 0
    assert tree_hashes(out) == tree_hashes(wanted)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"texts": "x.jsonl"}, "put `texts` in a recipe of its own"),
        ({"select": [{"name": "a", "keep": "true"}]}, "`select` is of clips"),
        ({"quality": None}, "needs the table `quality`"),
        ({"corpus": "switchboard"}, "switchboard: its annotation cuts its recordings into clips"),
        ({"calls": None, "select_dialogues": []}, "`verify` is of dialogues"),
    ],
)
def test_a_recipe_that_cannot_be_is_refused(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        halves(load_recipe("calls", {"root": str(tmp_path), **changes}), Store(str(tmp_path)))
