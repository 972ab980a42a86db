"""An output with two dialogues, of which one is interrupted, and three clips; their samples as exporters are to hold
them."""

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.manifests.conftest import make_dataset, sample_of
from turnmill.manifests.audio import Audio, encode_flac
from turnmill.manifests.export.export import export
from turnmill.manifests.export.profiles import named
from turnmill.manifests.samples import CLIP, DIALOGUE, to_json
from turnmill.manifests.store import Store
from turnmill.manifests.tar import TarWriter

SCRIPTS = Path(__file__).with_name("consumers")
RATE = 24_000
SECONDS = 6.05  # no whole number of anyone's frames
TURN, EVENT = (DIALOGUE.field(name).type.value_type for name in ("turns", "events"))
BACKCHANNEL = DIALOGUE.field("backchannels").type.value_type

Folder = dict[str, bytes]


@dataclass(frozen=True)
class Output:
    """`told`: what the JSON of each sample says, by its key; `audio`: its samples, [channels, frames]."""

    store: Store
    told: Mapping[str, Mapping[str, Any]]
    audio: Mapping[str, np.ndarray[Any, Any]]


def words(text: str, start: float, end: float) -> list[dict[str, Any]]:
    edges = np.linspace(start, end, len(text.split()) + 1)
    return [
        {"word": word, "start": a, "end": b} for word, a, b in zip(text.split(), edges[:-1], edges[1:], strict=True)
    ]


def turn(index: int, speaker: str, start: float, end: float, heard: str, planned: str | None = None) -> dict[str, Any]:
    return sample_of(
        TURN,
        index=index,
        speaker=speaker,
        channel=int(speaker == "user"),
        start=start,
        end=end,
        text=planned or heard,
        text_heard=heard,
        voice=f"{speaker}-voice",
        interrupted=planned is not None,
        misheard=False,
        shortened=False,
        words=words(heard, start, end),
    )


def dialogue(name: str) -> dict[str, Any]:
    """The user interrupts the assistant at 3.5 s, tries once more at 5.6 s and fails, and the assistant says mm-hm."""
    return sample_of(
        DIALOGUE, id=name, language="en", licence="CC-BY-4.0", seed=7, scenario="question", sample_rate=RATE,
        duration=round(SECONDS * RATE) / RATE, trust="simulated", channels=["assistant", "user"],
        turns=[
            turn(0, "user", 0.2, 1.2, "where is it open"),
            turn(1, "assistant", 1.5, 3.8, "it is open from", "it is open from nine to six every day"),
            turn(2, "user", 3.5, 4.6, "no I mean today"),
            turn(3, "assistant", 4.9, 6.0, "today it is closed"),
        ],
        backchannels=[
            sample_of(BACKCHANNEL, speaker="assistant", channel=0, start=4.0, end=4.2, text="mm-hm", target_turn=2,
                      words=words("mm-hm", 4.0, 4.2))
        ],
        events=[
            sample_of(EVENT, channel=1, start=3.5, end=4.6, words=[]) | {"kind": "barge_in"},
            sample_of(EVENT, channel=1, start=5.6, end=5.9, text="but I", words=words("but I", 5.6, 5.9))
            | {"kind": "failed_barge_in"},
        ],
        source={"corpus": "tiny", "dialogue": name, "written": []},
    )  # fmt: skip


def booking(name: str) -> dict[str, Any]:
    """The assistant greets, mishears, asks again after a silence, and leaves the last turn unanswered."""
    turns = [
        turn(0, "assistant", 0.1, 0.5, "good morning"),
        turn(1, "user", 0.7, 1.2, "one to Rome"),
        turn(2, "assistant", 1.3, 1.9, "one to Nome then") | {"misheard": True},
        turn(3, "user", 2.0, 2.5, "no I said Rome"),
        turn(4, "assistant", 2.6, 3.2, "one to Rome then"),
        turn(5, "assistant", 3.9, 4.2, "anything else"),
        turn(6, "user", 4.3, 4.7, "a window please"),
        turn(7, "assistant", 4.8, 5.3, "it is by the window"),
        turn(8, "user", 5.5, 5.9, "thanks that is all"),
    ]
    silence = sample_of(EVENT, channel=0, start=3.2, end=3.9, turn=5, target_turn=4, words=[])
    return dialogue(name) | {"turns": turns, "backchannels": [], "events": [silence | {"kind": "silence_timeout"}]}


def clip(name: str, text: str | None, speaker: str | None) -> dict[str, Any]:
    return sample_of(
        CLIP, uid=f"t/{name}", corpus="tiny", split="train", language="en", licence="CC-BY-4.0", sample_rate=16_000,
        channels=1, duration=1.25, text=text, text_given=text, speaker=speaker, captions=[], tags=[], emotion=None,
    )  # fmt: skip


def voices(told: Mapping[str, Any], seed: int) -> np.ndarray[Any, Any]:
    """Noise where somebody speaks, louder for the assistant, and silence elsewhere."""
    samples = np.zeros((2, round(told["duration"] * RATE)), np.float32)
    spans = [*told["turns"], *told["backchannels"], *(each for each in told["events"] if each["words"])]
    noise = np.random.default_rng(seed).normal(0, 1, samples.shape)
    for span in spans:
        part = slice(round(span["start"] * RATE), round(span["end"] * RATE))
        samples[span["channel"], part] = noise[span["channel"], part] * (0.05 if span["channel"] else 0.1)
    return samples


def write_shard(store: Store, name: str, samples: Mapping[str, Any], kind: Any, audio: Mapping[str, Audio]) -> None:
    with store.writer(name) as file:
        tar = TarWriter(file)
        for key, told in samples.items():
            tar.add(f"{key}.flac", encode_flac(audio[key]))
            if kind is DIALOGUE and key == "d1":
                tar.add(f"{key}.user.flac", encode_flac(Audio(audio[key].samples[1:] * 0.5, RATE)))
            tar.add(f"{key}.json", to_json(told, kind))
        tar.close()


def make_output(folder: Path, **licence: Any) -> Output:
    store = make_dataset(str(folder), **licence)
    talks = {"d1": dialogue("d1"), "d2": dialogue("d2")}
    clips = {"c1": clip("c1", "hello there", "zoe"), "c3": clip("c3", "good | bye", None), "c5": clip("c5", None, "al")}
    sounds = {key: Audio(voices(told, seed), RATE) for seed, (key, told) in enumerate(talks.items())}
    for seed, key in enumerate(clips):
        tone = 0.3 * np.sin(2 * np.pi * 440 * (seed + 1) * np.arange(20_000) / 16_000)
        sounds[key] = Audio(tone[None].astype(np.float32), 16_000)
    write_shard(store, "shards/fc/dialogues-train-000000.tar", talks, DIALOGUE, sounds)
    train = {key: clips[key] for key in ("c1", "c3")}
    write_shard(store, "shards/f5/clips-train-000000.tar", train, CLIP, sounds)
    write_shard(store, "shards/f5/clips-dev-clean-000000.tar", {"c5": clips["c5"]}, CLIP, sounds)
    told = json.loads(json.dumps(talks | clips))
    return Output(store, told, {key: sound.samples for key, sound in sounds.items()})


@pytest.fixture(scope="session")
def output(tmp_path_factory: pytest.TempPathFactory) -> Output:
    """Tests only read it."""
    return make_output(tmp_path_factory.mktemp("export") / "out [1]*'s ü")


@pytest.fixture(scope="session")
def talks(tmp_path_factory: pytest.TempPathFactory) -> Output:
    """Dialogue d1 as in `output`, d2 a booking. Tests only read it."""
    output = make_output(tmp_path_factory.mktemp("talks") / "out")
    told = {"d1": dialogue("d1"), "d2": booking("d2")}
    sounds = {key: Audio(voices(one, seed), RATE) for seed, (key, one) in enumerate(told.items())}
    write_shard(output.store, "shards/fc/dialogues-train-000000.tar", told, DIALOGUE, sounds)
    return Output(output.store, json.loads(json.dumps(told)), {key: sound.samples for key, sound in sounds.items()})


def exported(output: Output, formats: str, to: Path, **options: Any) -> Path:
    """The folder of the (first) format."""
    export(output.store, named(formats), str(to), **options)
    return to / formats.split(",")[0]


def loaded(script: str, needs: str, *words: str) -> Any:
    """What a script prints that runs where the package `needs` is."""
    python = os.environ.get("CONSUMER_PYTHON")
    if python is None:
        pytest.skip("CONSUMER_PYTHON names no Python that has the trainers' packages")
    if subprocess.run([python, "-c", f"import {needs}"], capture_output=True, check=False).returncode:
        pytest.skip(f"CONSUMER_PYTHON names no Python that has {needs}")
    ran = subprocess.run([python, SCRIPTS / script, *words], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr[-2000:]
    return json.loads(ran.stdout.splitlines()[-1])
