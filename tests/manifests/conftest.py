"""A dataset folder of five clips and three dialogues, written through the real store, with rejects."""

import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import huggingface_hub
import numpy as np
import pyarrow as pa
import pytest
import soundfile

from tests.manifests.hub import Hub, serving
from turnmill.manifests.card import CardFacts, PlotFile, card
from turnmill.manifests.card_schema import schema
from turnmill.manifests.examples import examples
from turnmill.manifests.index import Index, StageEntry
from turnmill.manifests.published import configs
from turnmill.manifests.query import connect
from turnmill.manifests.records import stable_hash
from turnmill.manifests.samples import CLIP, DIALOGUE, to_json
from turnmill.manifests.schema import SCHEMAS, to_table
from turnmill.manifests.store import Store, part_name
from turnmill.manifests.tar import TarWriter

Row = Mapping[str, Any]

STAGES = (
    StageEntry("ingest", "f0", "speech", ("clips",), "clips"),
    StageEntry("quality", "f1", "speech", ("quality",), "clips"),
    StageEntry("transcribe", "f2", "speech", ("transcripts", "consensus"), "clips"),
    StageEntry("select", "f3", "speech", ("clip_selection",), "clips"),
    StageEntry("plan", "f4", "speech", ("clip_plan",), "clips"),
    StageEntry("shard", "f5", "speech", ("clip_samples",), "clips"),
    StageEntry("script", "f6", "dialogue", ("lines", "scripts"), "dialogues"),
    StageEntry("speak", "f7", "dialogue", ("speech",), "lines"),
    StageEntry("simulate", "f8", "dialogue", ("turns", "events", "words", "dialogues"), "dialogues"),
    StageEntry("verify", "f9", "dialogue", ("verification",), "dialogues"),
    StageEntry("select_dialogues", "fa", "dialogue", ("dialogue_selection",), "dialogues"),
    StageEntry("plan_dialogues", "fb", "dialogue", ("dialogue_plan",), "dialogues"),
    StageEntry("shard_dialogues", "fc", "dialogue", ("dialogue_samples",), "dialogues"),
)
RECIPE_TEXT = "name: tiny\nseed: 7\n"
INDEX = Index("tiny", stable_hash(RECIPE_TEXT), 7, STAGES)
STAGE = {stage.name: stage for stage in STAGES}
LICENCE = {"licence": "CC-BY-4.0", "licence_redistribute": True}


def filled(table: str, **values: Any) -> dict[str, Any]:
    """A row of nulls but for the given values."""
    return dict.fromkeys(SCHEMAS[table].names) | values


def put(
    store: Store, stage: str, key: str, rows: Iterable[Row], items_in: int, rejected: Iterable[Row] = (), **notes: str
) -> None:
    """Write a stage's rejects, then its commit table, as pipelines do."""
    entry, rows, rejected = STAGE[stage], list(rows), list(rejected)
    store.write_part(part_name("rejects", entry.fingerprint, key), to_table("rejects", rejected), {})
    lost = len(rejected) + sum(row.get("removed_by") is not None for row in rows)
    seconds = sum(row.get("duration") or 0.0 for row in rows if row.get("removed_by") is None)
    facts = {"items_in": items_in, "items_out": items_in - lost, "rejected": lost, "hours": seconds / 3600}
    store.write_part(
        part_name(entry.commit, entry.fingerprint, key),
        to_table(entry.commit, rows),
        {name: str(value) for name, value in facts.items()} | notes,
    )


def also(store: Store, stage: str, table: str, key: str, rows: Iterable[Row]) -> None:
    store.write_part(part_name(table, STAGE[stage].fingerprint, key), to_table(table, rows), {})


def reject(stage: str, reason: str, **values: Any) -> dict[str, Any]:
    return filled("rejects", stage=stage, reason=reason, detail=f"because {reason}", **values)


def clip(uid: str, shard: str, duration: float, pcm: str, split: str = "train", **values: Any) -> dict[str, Any]:
    text = values.pop("text", f"words of {uid}")
    return filled(
        "clips", uid=uid, shard=shard, duration=duration, pcm_hash=pcm, split=split, text=text, corpus="tiny",
        config="default", codec="flac", sample_rate=16000, channels=1, language="en", offset=512, size=4,
        speaker=uid[-1], source_uri=f"{uid}.wav", **(LICENCE | values),
    )  # fmt: skip


def sound(channels: int, seconds: float = 0.1, codec: str = "flac", seed: int = 0) -> bytes:
    """A file of noise, other noise on each channel, 24 kHz."""
    noise = np.random.default_rng(seed).normal(0, 0.1, (round(24_000 * seconds), channels)).clip(-1, 1)
    file = io.BytesIO()
    soundfile.write(file, noise, 24_000, format={"opus": "OGG"}.get(codec, codec.upper()), subtype=_SUBTYPE[codec])
    return file.getvalue()


_SUBTYPE = {"flac": "PCM_16", "mp3": "MPEG_LAYER_III", "ogg": "VORBIS", "opus": "OPUS"}


def sample_of(kind: pa.StructType, **values: Any) -> dict[str, Any]:
    """A sample of nulls but for the given values."""
    return {field.name: None for field in kind} | values


def training_shard(
    store: Store, stage: str, name: str, kind: pa.StructType, samples: Mapping[str, Row], codec: str = "flac"
) -> list[dict[str, Any]]:
    """Write a shard of `<key>.<codec>` and `<key>.json`; returns where the audio is."""
    where = []
    with store.writer(f"shards/{STAGE[stage].fingerprint}/{name}.tar") as file:
        tar = TarWriter(file)
        for number, (key, sample) in enumerate(samples.items()):
            data = sound(2 if kind is DIALOGUE else 1, codec=codec, seed=number)
            offset, size = tar.add(f"{key}.{codec}", data)
            tar.add(f"{key}.json", to_json(sample, kind))
            where.append({"shard": f"{name}.tar", "key": key, "codec": codec, "offset": offset, "size": size})
        tar.close()
    return where


_TOLD = ("uid", "corpus", "split", "language", "licence", "duration", "text")


def _speech(store: Store, redistribute: bool | None, licence: str) -> None:
    clips = {
        "a": [
            clip("t/c1", "a", 2.0, "h1"),
            clip("t/c2", "a", 2.0, "h1"),
            clip("t/c3", "a", 3.5, "h3", licence_redistribute=redistribute, licence=licence),
        ],
        "b": [clip("t/c4", "b", 4.0, "h4"), clip("t/c5", "b", 5.0, "h5", "dev-clean", text=None)],
    }
    bad = {
        "a": reject("ingest", "empty_file", source_uri="x.wav"),
        "b": reject("ingest", "corrupt_audio", source_uri="y z.wav"),
    }
    for key, rows in clips.items():
        put(store, "ingest", key, rows, len(rows) + 1, [bad[key]])
        quality = [filled("quality", uid=row["uid"], speech_ratio=0.8, n_segments=1, snr_db=20.0) for row in rows]
        put(store, "quality", key, quality, len(rows))
        heard = [
            filled("transcripts", uid=row["uid"], model="tiny.en", asr_text="heard", avg_logprob=-0.1,
                   text_error=None if row["text"] is None else 0.9 if row["uid"] == "t/c4" else 0.0)
            for row in rows
        ]  # fmt: skip
        also(store, "transcribe", "transcripts", key, heard)
        agreed = [filled("consensus", uid=row["uid"], consensus_text="heard") for row in rows]
        put(store, "transcribe", key, agreed, len(rows))
    removed = {"t/c2": "unique", "t/c4": "agrees"}
    everything = [row for rows in clips.values() for row in rows]
    put(
        store,
        "select",
        "all",
        [{"uid": row["uid"], "removed_by": removed.get(row["uid"]), "duration": row["duration"]} for row in everything],
        5,
        predicates=json.dumps(["duration", "unique", "agrees"]),
    )
    kept = [row for row in everything if row["uid"] not in removed]
    shard = {row["uid"]: f"clips-{row['split']}-000000" for row in kept}
    plan = [
        filled("clip_plan", uid=row["uid"], split=row["split"], training_shard=shard[row["uid"]], position=n)
        for n, row in enumerate(kept)
    ]
    put(store, "plan", "all", plan, 3)
    for name in sorted(set(shard.values())):
        inside = {row["uid"][-2:]: row for row in kept if shard[row["uid"]] == name}
        told = {key: sample_of(CLIP, **{name: row[name] for name in _TOLD}) for key, row in inside.items()}
        where = training_shard(store, "shard", name, CLIP, told)
        samples = [
            {"uid": row["uid"], "split": row["split"], "duration": row["duration"], **at}
            for row, at in zip(inside.values(), where, strict=True)
        ]
        put(store, "shard", name, samples, len(samples))


def _turns(dialogue: str) -> list[dict[str, Any]]:
    said = {"text_planned": "yes of course", "text_heard": "yes of", "voice": "en/1"}
    user = filled("turns", dialogue=dialogue, index=0, speaker="user", channel=1, start=0.2, end=1.2, interrupted=False,
                  **said)  # fmt: skip
    other = filled("turns", dialogue=dialogue, index=1, speaker="assistant", channel=0, start=1.5, end=4.0,
                   interrupted=True, fto=0.3, **said)  # fmt: skip
    return [user, other]


def _dialogue(store: Store) -> None:
    ids = ["d1", "d2", "d3"]
    turns = [sample_of(DIALOGUE.field("turns").type.value_type, index=n, text="*well*", words=[]) for n in range(6)]
    sample = sample_of(DIALOGUE, id="d1", channels=["assistant", "user"], turns=turns, events=[], duration=1 / 3)
    scripts = [
        filled("scripts", id=i, source="tiny", language="en", n_turns=2, split="train", script="{}",
               assistant_voice="en/1", user_voice="en/2", **LICENCE)
        for i in ids
    ]  # fmt: skip
    lines = [filled("lines", line=f"{i}#{n}", dialogue=i, role="turn", turn=n) for i in ids for n in range(2)]
    also(store, "script", "lines", "s", lines)
    put(store, "script", "s", scripts, 4, [reject("script", "code", uid="d0")])
    speech = [
        filled("speech", line=row["line"], dialogue=row["dialogue"], duration=1.0, engine="espeak") for row in lines
    ]
    put(store, "speak", "s", speech, 6)
    also(store, "simulate", "turns", "s", [turn for i in ids for turn in _turns(i)])
    events = [
        filled("events", dialogue=i, index=n, kind=kind, channel=1, start=1.5 + n, end=2.0 + n)
        for i in ids
        for n, kind in enumerate(["turn_shift", "barge_in"])
    ]
    also(store, "simulate", "events", "s", events)
    words = [{"word": "yes", "start": 0.2, "end": 0.5, "turn": 0, "heard": True}]
    also(store, "simulate", "words", "s", [{"dialogue": i, "channel": 1, "words": words} for i in ids])
    dialogues = [
        filled("dialogues", id=i, script=i, take=0, source="tiny", language="en", split="train", n_turns=2,
               sample_rate=24000, seed=7, assistant_voice="en/1", user_voice="en/2", duration=6.0, snr_db=15.0,
               sample=json.dumps(sample), **LICENCE)
        for i in ids
    ]  # fmt: skip
    put(store, "simulate", "s", dialogues, 3)
    checked = [filled("verification", dialogue=i, n_checks=9, n_violations=0, overlap_s=0.6) for i in ids[:2]]
    put(store, "verify", "s", checked, 3, [reject("verify", "label_violation", uid="d3")])
    selection = [{"uid": i, "removed_by": None, "duration": 6.0} for i in ids[:2]]
    put(store, "select_dialogues", "all", selection, 2)
    name = "dialogues-train-000000"
    plan = [
        filled("dialogue_plan", uid=i, split="train", training_shard=name, position=n) for n, i in enumerate(ids[:2])
    ]
    put(store, "plan_dialogues", "all", plan, 2)
    where = training_shard(store, "shard_dialogues", name, DIALOGUE, {i: sample | {"id": i} for i in ids[:2]})
    samples = [{"uid": i, "split": "train", "duration": 6.0, **at} for i, at in zip(ids, where, strict=False)]
    put(store, "shard_dialogues", name, samples, 2)


def make_dataset(url: str, redistribute: bool | None = True, licence: str = "CC-BY-4.0") -> Store:
    """Write the whole folder. `redistribute` and `licence` are those of one selected clip, t/c3."""
    store = Store(url)
    _speech(store, redistribute, licence)
    _dialogue(store)
    INDEX.save(store)
    return store


def with_card(store: Store, facts: CardFacts | None = None) -> Store:
    """Write what the stage `card` writes, but for what others draw."""
    index = Index.load(store)
    with connect(store, index) as connection:
        found, heard = configs(store, index, connection), examples(store, index, connection)
        text = card(
            index,
            connection,
            found,
            replace(facts or CardFacts("Tiny", [PlotFile("plots/durations.png", "Durations.")]), examples=heard),
        )
        store.write("SCHEMA.md", schema(store, index, connection, found).encode())
    store.write("README.md", text.encode())
    store.write("recipe.yaml", RECIPE_TEXT.encode())
    store.write("plots/durations.png", b"\x89PNG picture")
    for example in heard:
        store.write(example.name, example.audio)
    return store


@pytest.fixture
def make() -> Callable[..., Store]:
    return make_dataset


@pytest.fixture
def dataset(tmp_path: Path) -> Store:
    """Under a name that every quoting rule has to survive."""
    return make_dataset(str(tmp_path / "out [1]*'s ü"))


@pytest.fixture
def connection(dataset: Store) -> duckdb.DuckDBPyConnection:
    return connect(dataset, Index.load(dataset))


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A stand-in of the Hub that has nothing yet."""
    # The xet protocol goes to servers of its own; without it huggingface_hub speaks LFS, which fits a stand-in.
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    with serving() as state:
        yield state
