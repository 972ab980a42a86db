"""What is published loads in `datasets`, webdataset and DuckDB, with every field as it was written."""

import random
import re
from dataclasses import replace
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path
from typing import Any

import datasets
import duckdb
import huggingface_hub
import pyarrow as pa
import pytest

from tests.loads import (
    check_every_row,
    check_two_channels,
    front_matter,
    snippets,
    without_torchcodec,
    written,
)
from tests.manifests.conftest import INDEX, LICENCE, also, filled, put, sound, training_shard, with_card
from tests.manifests.hub import REPO, TOKEN, Hub
from turnmill.manifests.errors import TurnmillError
from turnmill.manifests.hub import publish
from turnmill.manifests.index import Index
from turnmill.manifests.published import split_name
from turnmill.manifests.query import connect
from turnmill.manifests.samples import CLIP, DIALOGUE, to_json
from turnmill.manifests.store import Store
from turnmill.manifests.tar import TarWriter

TEXTS = ["你好，世界。", "👩‍👩‍👧 ok 😀", "It's *fine*.", "", 'a\nb\t"c" \\', "\u2028é́"]
SHARES = {"train": 0.9, "valid": 0.05, "test": 0.05}


def value(kind: pa.DataType, rng: random.Random, sparse: float) -> Any:
    """A value of a type, null in so many of the cases."""
    if rng.random() < sparse:
        return None
    if isinstance(kind, pa.StructType):
        return {field.name: value(field.type, rng, sparse) for field in kind}
    if isinstance(kind, pa.ListType):
        return [value(kind.value_type, rng, sparse) for _ in range(rng.randint(0, 3))]
    if kind == pa.string():
        return rng.choice(TEXTS)
    if kind == pa.float64():
        return rng.choice([0.0, 1 / 3, -12.5, 1e-9, 1234567.890123])
    return rng.random() < 0.5 if kind == pa.bool_() else rng.randint(-5, 5)


def sparse_sample(kind: pa.StructType, number: int, rng: random.Random) -> dict[str, Any]:
    """The first rows are almost empty, so that nothing can be inferred from them."""
    return {field.name: value(field.type, rng, 0.95 if number < 8 else 0.3) for field in kind}


def write(root: Path, dialogues: int, codecs: dict[str, int]) -> Store:
    """A dataset of sparse samples: so many dialogues, and clips of each codec. Splits of one file, and of two."""
    store, rng = Store(str(root)), random.Random(7)
    samples: dict[str, list[dict[str, Any]]] = {"shard": [], "shard_dialogues": []}

    def shard(stage: str, name: str, split: str, kind: pa.StructType, codec: str, numbers: range) -> None:
        told = {f"{name[:-4]}{n}".replace(".", "-"): sparse_sample(kind, n, rng) for n in numbers}
        where = training_shard(store, stage, name, kind, told, codec)
        samples[stage] += [{"uid": at["key"], "split": split, "duration": 1.0, **at} for at in where]
        rows = samples[stage][-len(where) :]
        put(store, stage, name, rows, len(rows))

    first = 0
    for split, share in SHARES.items():
        count = round(dialogues * share)
        half = count // 2 if split == "train" else count
        shard("shard_dialogues", f"dialogue-{split}-000000", split, DIALOGUE, "flac", range(first, first + half))
        if half < count:
            shard("shard_dialogues", f"dialogue-{split}-000001", split, DIALOGUE, "flac", range(half, count))
        first += count
    for codec, count in codecs.items():
        shard("shard", f"clip-{codec}-train-000000", "train", CLIP, codec, range(count))
    shard("shard", "clip-mp3-dev-clean-000000", "dev-clean", CLIP, "mp3", range(3))
    clips = [filled("clips", uid=row["uid"], corpus="t", duration=1.0, **LICENCE) for row in samples["shard"]]
    put(store, "ingest", "s", clips, len(clips))
    heard = [
        filled("transcripts", uid=row["uid"], asr_language=language)
        for row, language in zip(samples["shard"], cycle(["zh", "en-GB", "zh"]), strict=False)
    ]
    also(store, "transcribe", "transcripts", "s", heard)
    put(store, "transcribe", "s", [filled("consensus", uid=row["uid"]) for row in heard], len(heard))
    talks = [
        filled("dialogues", id=row["uid"], take=0, n_turns=2, duration=1.0, language="zh", **LICENCE)
        for row in samples["shard_dialogues"]
    ]
    put(store, "simulate", "s", talks, len(talks))
    put(store, "script", "s", [filled("scripts", id=talk["id"]) for talk in talks], len(talks))
    for write_stage, select, plan, table in (
        ("shard", "select", "plan", "clip"),
        ("shard_dialogues", "select_dialogues", "plan_dialogues", "dialogue"),
    ):
        uids = [row["uid"] for row in samples[write_stage]]
        put(store, select, "all", [filled(f"{table}_selection", uid=uid, duration=1.0) for uid in uids], len(uids))
        put(store, plan, "all", [filled(f"{table}_plan", uid=uid) for uid in uids], len(uids))
    left_out = ("quality", "speak", "verify")
    replace(INDEX, stages=tuple(stage for stage in INDEX.stages if stage.name not in left_out)).save(store)
    return store


def laid_out(store: Store, to: Path) -> Path:
    publish(with_card(store), None, to=to)
    return to


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("published")
    return laid_out(write(root / "out", 2000, {"flac": 20, "mp3": 40, "ogg": 9}), root / "dataset")


def test_every_row_of_every_config_streaming_and_not_is_what_was_written(folder: Path, tmp_path: Path) -> None:
    assert check_every_row(folder, tmp_path) == 2000 + 20 + 40 + 9 + 3
    check_two_channels(folder)


def test_a_config_has_one_codec_and_the_first_is_the_default(folder: Path) -> None:
    matter = front_matter(folder)
    configs = {entry["config_name"]: [item["split"] for item in entry["data_files"]] for entry in matter["configs"]}
    assert configs == {
        "dialogue": ["train", "validation", "test"],
        "speech_mp3": ["train", "dev_clean"],
        "speech_flac": ["train"],
        "speech_ogg": ["train"],
    }
    assert [entry["config_name"] for entry in matter["configs"] if entry.get("default")] == ["dialogue"]
    for config in configs:
        members = {frozenset(row) for row in written(folder, config, "train").values()}
        assert len(members) == 1, config
    assert matter["language"] == ["en", "zh"]  # as it was recognised: the corpus does not say


def test_the_card_alone_loads_as_audio(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_torchcodec(monkeypatch)
    for streaming in (True, False):
        rows = datasets.load_dataset(str(folder), split="train", streaming=streaming, cache_dir=str(tmp_path))
        assert isinstance(rows.features["flac"], datasets.Audio)
        raw = rows.decode(False) if streaming else rows.cast_column("flac", datasets.Audio(decode=False))
        truth = written(folder, "dialogue", "train")
        assert {row["__key__"]: row["flac"]["bytes"] for row in raw} == {k: row["flac"] for k, row in truth.items()}


def test_torchcodec_keeps_both_channels_and_averages_the_array(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip(
        "torchcodec", reason="torchcodec, which needs torch and FFmpeg, is not installed", exc_type=Exception
    )
    row = next(iter(datasets.load_dataset(str(folder), split="train", streaming=True, cache_dir=str(tmp_path))))
    both = row["flac"].get_all_samples().data.numpy()
    assert both.shape[0] == 2
    assert row["flac"]["array"] == pytest.approx(both.mean(axis=0), abs=1e-6)


def test_the_features_of_the_card_are_those_that_datasets_writes(folder: Path) -> None:
    matter = front_matter(folder)
    for info in matter["dataset_info"]:
        features = datasets.Features._from_yaml_list(info["features"])
        assert features._to_yaml_list() == info["features"]
        kind = DIALOGUE if info["config_name"] == "dialogue" else CLIP
        assert features.arrow_schema.field("json").type == pa.struct(
            [(field.name, plain(field.type)) for field in kind]
        )


def plain(kind: pa.DataType) -> pa.DataType:
    """The type without what its fields say of themselves."""
    if isinstance(kind, pa.StructType):
        return pa.struct([(field.name, plain(field.type)) for field in kind])
    return pa.list_(plain(kind.value_type)) if isinstance(kind, pa.ListType) else kind


def test_the_front_matter_is_what_the_hubs_own_library_reads(folder: Path) -> None:
    card = huggingface_hub.DatasetCard((folder / "README.md").read_text("utf-8"))
    assert (
        datasets.utils.metadata.MetadataConfigs.from_dataset_card_data(card.data).get_default_config_name()
        == "dialogue"
    )
    infos = datasets.info.DatasetInfosDict.from_dataset_card_data(card.data)
    assert {name: sum(split.num_examples for split in info.splits.values()) for name, info in infos.items()} == {
        "dialogue": 2000, "speech_mp3": 43, "speech_flac": 20, "speech_ogg": 9
    }  # fmt: skip


class Files(huggingface_hub.HfFileSystem):
    """As DuckDB 2 wants it, which asks of every file when it was made."""

    def modified(self, path: str) -> datetime:  # noqa: ARG002
        return datetime(2026, 1, 1, tzinfo=UTC)


def test_the_snippets_of_the_card_run(
    folder: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    hub.files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.glob("manifests/*.parquet")}
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path))
    files = Files(endpoint=hub.endpoint, token=TOKEN, skip_instance_cache=True)
    said = {}
    with duckdb.connect() as connection:
        connection.register_filesystem(files)
        monkeypatch.setattr(duckdb, "sql", connection.sql)
        for snippet in snippets(folder):
            if "ray.data" in snippet:  # tests/pipelines/test_run.py, which has a Ray, runs it
                continue
            where = REPO if "hf://" in snippet else str(folder)
            exec(snippet.replace("ORGANISATION/DATASET", where), {})
            said[snippet.split("\n")[0]] = capsys.readouterr().out
    lines = said["import io, soundfile"].splitlines()
    assert len(lines) == 1800
    assert "(2400, 2) 24000" in lines[0]
    assert "(2400, 2) 24000" in said["import glob, io, json, soundfile, webdataset"].splitlines()[-1]
    assert "uid" in said["import duckdb"]
    assert any("/resolve/" in path for path in hub.requests)


def test_the_tables_are_configs_of_a_repository_of_their_own(folder: Path, tmp_path: Path) -> None:
    store = Store(str(folder.parent / "out"))
    publish(store, "me/tiny-tables", to=tmp_path / "tables", tables_only=True)
    connection = connect(store, Index.load(store))
    names = {path.stem for path in (tmp_path / "tables" / "manifests").iterdir()}
    assert {"clips", "transcripts", "clip_samples", "dialogues", "dialogue_samples"} <= names
    for name in (None, *names):
        rows = datasets.load_dataset(str(tmp_path / "tables"), name, split="train", cache_dir=str(tmp_path / "cache"))
        key = "id" if name == "dialogues" else "uid"
        wanted = connection.execute(f"SELECT {key} FROM {name or 'clips'} ORDER BY {key}").fetchall()
        assert sorted(rows[key]) == [row[0] for row in wanted]
    assert not list((tmp_path / "tables").rglob("*.tar"))
    assert "me/tiny-tables" in (tmp_path / "tables" / "README.md").read_text("utf-8")


def broken(store: Store, name: str, samples: list[list[tuple[str, bytes]]]) -> None:
    """Write a shard anew from its members."""
    with store.writer(name) as file:
        tar = TarWriter(file)
        for number, members in enumerate(samples):
            for extension, data in members:
                tar.add(f"k{number}.{extension}", data)
        tar.close()


GOOD = to_json({field.name: None for field in DIALOGUE}, DIALOGUE)


@pytest.mark.parametrize(
    ("second", "why"),
    [
        ([("mp3", b"x"), ("json", GOOD)], r"sample k1 has the files \['mp3', 'json'\]"),
        ([("flac", b"x"), ("txt", b"t"), ("json", GOOD)], r"has the files \['flac', 'txt', 'json'\]"),
        ([("flac", b"x"), ("json", b"{")], "has a .json that is none"),
        ([("flac", b"x"), ("json", b"[" * 100_000)], "nested too deeply"),
        ([("flac", b"x"), ("json", b'{"id": 1}')], "missing or unknown"),
        (
            [("flac", b"x"), ("json", GOOD.replace(b'"turns":null', b'"turns":[["word",0.5]]'))],
            "turns is list, not an object",
        ),
    ],
)
def test_a_shard_that_would_not_load_is_refused_before_anything_is_sent(
    second: list[tuple[str, bytes]], why: str, tmp_path: Path, hub: Hub
) -> None:
    store = with_card(write(tmp_path / "out", 20, {"flac": 1}))
    name = next(name for name in store.names("shards") if "dialogue-train-000001" in name)
    broken(store, name, [[("flac", sound(2)), ("json", GOOD)], second])
    with pytest.raises(TurnmillError, match=rf"data/dialogue/train/dialogue-train-000001.tar.*{why}"):
        publish(store, REPO, token=TOKEN, endpoint=hub.endpoint)
    assert hub.requests == []
    with pytest.raises(TurnmillError, match=why):
        publish(store, None, to=tmp_path / "there")
    assert not (tmp_path / "there").exists()
    assert {path.name for path in tmp_path.iterdir()} == {"out"}


@pytest.mark.parametrize(
    ("first", "why"),
    [
        (b"no audio", "has a .flac that is none"),
        (b"fLaC, no more", "has audio that cannot be decoded"),
        (sound(1), "has not two channels"),
        (None, "has 2 samples, not 9"),
    ],
)
def test_the_audio_of_a_shard_and_the_count_of_its_samples_are_looked_at(
    first: bytes | None, why: str, tmp_path: Path
) -> None:
    store = with_card(write(tmp_path / "out", 20, {"flac": 1}))
    name = next(name for name in store.names("shards") if "dialogue-train-000001" in name)
    broken(store, name, [[("flac", first or sound(2)), ("json", GOOD)], [("flac", sound(2)), ("json", GOOD)]])
    with pytest.raises(TurnmillError, match=rf"dialogue-train-000001.tar.*{why}"):
        publish(store, REPO, dry_run=True)


def test_a_shard_with_the_samples_of_another_is_refused(tmp_path: Path) -> None:
    store = with_card(write(tmp_path / "out", 40, {"flac": 1}))
    test, valid = (next(n for n in store.names("shards") if f"dialogue-{split}-" in n) for split in ("test", "valid"))
    data = store.read(test), store.read(valid)
    store.write(test, data[1])
    store.write(valid, data[0])
    with pytest.raises(TurnmillError, match="has other samples than its table lists"):
        publish(store, REPO, dry_run=True)


def test_a_damaged_shard_is_refused(tmp_path: Path, hub: Hub) -> None:
    store = with_card(write(tmp_path / "out", 20, {"flac": 1}))
    name = next(name for name in store.names("shards") if "dialogue-test" in name)
    store.write(name, store.read(name)[:700])
    with pytest.raises(TurnmillError, match=r"dialogue-test-000000.tar is damaged"):
        publish(store, REPO, token=TOKEN, endpoint=hub.endpoint)
    assert hub.requests == []


def test_split_names_are_those_that_datasets_accepts() -> None:
    names = {
        split: split_name(split) for split in ("valid", "dev", "dev-clean", "train.clean.100", "a..b", "..", "ü", "all")
    }
    assert names == {
        "valid": "validation", "dev": "validation", "dev-clean": "dev_clean", "train.clean.100": "train.clean.100",
        "a..b": "a.b", "..": names[".."], "ü": names["ü"], "all": names["all"],
    }  # fmt: skip
    assert all(re.fullmatch(r"\w+(\.\w+)*", name) for name in names.values())
    assert len({"train", "test", "all", *names.values()}) == 3 + len(names) - 1  # two are the validation
