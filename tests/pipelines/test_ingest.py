"""ingest: what becomes of each file of a corpus, and what the lake holds of it."""

import io
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Literal

import fsspec
import numpy as np
import pytest
import soundfile
from typing_extensions import override as overrides

from turnmill.manifests.audio import (
    SMALL_FILE,
    Audio,
    AudioError,
    Sound,
    cut,
    files,
    pcm_hash,
    read,
    sound,
    span,
    views,
)
from turnmill.manifests.audio.sound import Stream
from turnmill.manifests.errors import TurnmillError
from turnmill.manifests.records import Reason, Reject
from turnmill.manifests.store import Store
from turnmill.pipelines.guard import Guard
from turnmill.pipelines.stage import ClipLabel, Row, Shard, Workspace, clip_sound, commit
from turnmill.pipelines.stages import ingest as pipelines_ingest
from turnmill.pipelines.stages.ingest import Ingest, IngestParams, kept
from turnmill.pipelines.stages.quality import Quality, QualityParams
from turnmill.sources.adapters.base import Corpus, Family
from turnmill.sources.adapters.items import ClipRef, Unit, UnitSize
from turnmill.sources.catalogue import load, override
from turnmill.sources.places import Place, place, remote

RATE = 16000
FORMATS = {"a.wav": ("WAV", "PCM_16"), "b.flac": ("FLAC", "PCM_16"), "c.mp3": ("MP3", "MPEG_LAYER_III"),
           "d.ogg": ("OGG", "VORBIS"), "e.wav": ("WAV", "GSM610")}  # fmt: skip


def samples(seconds: float = 3.0, rate: int = RATE) -> np.ndarray:
    time = np.arange(int(rate * seconds)) / rate
    return 0.3 * np.sin(2 * np.pi * 220 * time) * np.abs(np.sin(3 * time))


def fill(folder: Path, names: Sequence[str] = tuple(FORMATS)) -> None:
    folder.mkdir()
    for name in names:
        kind, subtype = FORMATS[name]
        rate = 8000 if subtype == "GSM610" else RATE
        soundfile.write(folder / name, samples(rate=rate), rate, format=kind, subtype=subtype)


def ingested(
    root: Path | Place, out: Path, riders: Sequence[ClipLabel] = (), family: Family[ClipRef] | None = None
) -> tuple[Workspace, list[Row], list[Reject], list]:
    entry = load("files")
    entry = entry if family is None else entry.model_copy(update={"ingest": family})
    ingest = Ingest(IngestParams(keep_untranscribed=True), entry, entry.licence.licence, place(root))
    workspace = Workspace(Store(str(out)), {"clips": "c", "quality": "q"})
    (unit,) = ingest.units()
    shard = Shard("shard", unit.name, {"files": unit.files, "spec": unit.spec})
    made, labels = ingest.process_with(
        shard, workspace, Guard("ingest"), [(rider, Guard(rider.name)) for rider in riders]
    )
    commit(ingest, workspace, "shard", made)
    return workspace, list(made.tables["clips"]), list(made.rejects), labels


@pytest.mark.parametrize("short_bytes", [sound.SHORT_BYTES, 10_000])
def test_a_clip_is_measured_on_its_way_in_as_it_is_from_the_lake_however_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, short_bytes: int
) -> None:
    monkeypatch.setattr(sound, "SHORT_BYTES", short_bytes)
    fill(tmp_path / "corpus")
    quality = Quality(QualityParams())
    workspace, clips, rejects, labels = ingested(tmp_path / "corpus", tmp_path / "out", [quality])
    assert (len(clips), rejects) == (len(FORMATS), [])
    from_lake = []
    with workspace.open_tar("clips", "shard") as tar:
        for clip in clips:
            heard = clip_sound(tar, clip)
            assert isinstance(heard, Audio) == (short_bytes > 10_000)
            assert (heard.duration, pcm_hash(heard)) == (clip["duration"], clip["pcm_hash"])
            from_lake.append(quality.label(clip["uid"], heard))
    assert from_lake == labels[0]


@pytest.mark.parametrize(("kind", "meant"), [("emotion", ["joy", None]), ("speech", [None, None])])
def test_the_label_of_a_corpus_of_emotions_means_one_of_ours_and_stays(
    tmp_path: Path, kind: str, meant: list[str | None]
) -> None:
    fill(tmp_path / "corpus", ["a.wav", "b.flac"])
    (tmp_path / "corpus" / "a.wav").rename(tmp_path / "corpus" / "1_Happy.wav")
    (tmp_path / "corpus" / "b.flac").rename(tmp_path / "corpus" / "2_whisper.flac")
    entry = override(
        load("files"), {"kind": kind, "ingest": {"pattern": r"_(?P<style>\w+)\.", "fields": {"tags": "{style}"}}}, "x"
    )
    ingest = Ingest(IngestParams(keep_untranscribed=True), entry, entry.licence.licence, place(tmp_path / "corpus"))
    workspace = Workspace(Store(str(tmp_path / "out")), {"clips": "c"})
    (unit,) = ingest.units()
    made = ingest.process(Shard("s", unit.name, {"files": unit.files, "spec": unit.spec}), workspace, Guard("ingest"))
    assert [(row["tags"], row["emotion"]) for row in made.tables["clips"]] == [
        (["Happy"], meant[0]),
        (["whisper"], meant[1]),
    ]


def test_short_and_long_clips_are_stored_in_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path / "corpus")
    tars = []
    for short_bytes in (sound.SHORT_BYTES, 10_000):
        monkeypatch.setattr(sound, "SHORT_BYTES", short_bytes)
        workspace, *_ = ingested(tmp_path / "corpus", tmp_path / str(short_bytes))
        with workspace.open_tar("clips", "shard") as tar:
            tars.append(tar.read())
    assert tars[0] == tars[1]


def test_bad_files_are_rejects_that_name_them_in_the_same_words_in_every_run(tmp_path: Path) -> None:
    fill(tmp_path / "corpus", ["a.wav"])
    soundfile.write(tmp_path / "corpus" / "array.wav", np.zeros((100, 16)), RATE)
    soundfile.write(tmp_path / "corpus" / "fast.wav", np.zeros(100), 768_000)
    whole = (tmp_path / "corpus" / "a.wav").read_bytes()
    (tmp_path / "corpus" / "none.wav").write_bytes(whole[:22] + bytes(2) + whole[24:])
    (tmp_path / "corpus" / "cut.wav").write_bytes(whole[:1000])
    runs = [ingested(tmp_path / "corpus", tmp_path / name) for name in ("one", "two")]
    assert runs[0][2] == runs[1][2]
    assert {reject.source_uri: reject.reason for reject in runs[0][2]} == {
        "array.wav": Reason.TOO_MANY_CHANNELS,
        "fast.wav": Reason.UNSUPPORTED_RATE,
        "none.wav": Reason.CORRUPT_AUDIO,
        "cut.wav": Reason.TRUNCATED_AUDIO,
    }
    assert all(reject.source_uri and reject.source_uri in reject.detail for reject in runs[0][2])
    assert [clip["source_uri"] for clip in runs[0][1]] == ["a.wav"]


class BlobIngest(Family[ClipRef]):
    """A family whose recordings lie end to end in one file, as members of a tar do."""

    family: Literal["blob"]
    sizes: tuple[int, ...]

    @overrides
    def units(self, corpus: Corpus[ClipRef], size: UnitSize) -> list[Unit]:
        return [Unit("train/0000", ("blob",), {}, len(self.sizes))]

    @overrides
    def read(self, corpus: Corpus[ClipRef], unit: Unit) -> Iterator[ClipRef | Reject]:
        for number in range(len(self.sizes)):
            yield ClipRef(f"blob/{number}", f"blob/{number}.wav", speaker="ann")

    def audio_of(self, corpus: Corpus[ClipRef], ref: ClipRef) -> BinaryIO:
        return span(corpus.root.open("blob"), sum(self.sizes[: self._place(ref)]), self.bytes_of(corpus, ref))

    @overrides
    def bytes_of(self, corpus: Corpus[ClipRef], ref: ClipRef) -> int:
        return self.sizes[self._place(ref)]

    def _place(self, ref: ClipRef) -> int:
        return int(Path(ref.path).stem)


def test_a_family_gives_its_own_bytes_which_are_read_as_a_file_is(tmp_path: Path) -> None:
    fill(tmp_path / "corpus", ["a.wav", "e.wav"])
    parts = [(tmp_path / "corpus" / name).read_bytes() for name in ("a.wav", "e.wav")]
    (tmp_path / "blob").write_bytes(b"".join(parts))
    blob = BlobIngest(family="blob", sizes=tuple(map(len, parts)))
    _, files, _, _ = ingested(tmp_path / "corpus", tmp_path / "one")
    _, members, rejects, _ = ingested(tmp_path, tmp_path / "two", family=blob)
    assert rejects == []
    for file, member in zip(files, members, strict=True):
        told = ("codec", "sample_rate", "duration", "pcm_hash", "offset", "size")
        assert [file[key] for key in told] == [member[key] for key in told]


def test_who_speaks_is_the_parent_of_what_names_none(tmp_path: Path) -> None:
    fill(tmp_path / "corpus", ["a.wav"])
    blob = BlobIngest(family="blob", sizes=((tmp_path / "corpus" / "a.wav").stat().st_size,))
    (tmp_path / "corpus" / "a.wav").rename(tmp_path / "corpus" / "blob")
    _, (clip,), _, _ = ingested(tmp_path / "corpus", tmp_path / "out", family=blob)
    assert (clip["speaker"], clip["parent"]) == ("ann", "ann")


class FailsOnce(ClipLabel):
    """A rider whose library fails on one clip."""

    name = "quality"
    tables = ("quality",)

    def label(self, uid: str, sound: Sound) -> Row | Reject:
        if sound.frames == len(samples()) and "a.wav" in uid:
            raise AudioError(Reason.MEASURE_FAILED, f"{uid}: the VAD failed")
        return {"uid": uid}


def test_a_measure_that_fails_is_a_reject_of_its_own_stage_and_the_clip_stays(tmp_path: Path) -> None:
    fill(tmp_path / "corpus", ["a.wav", "b.flac"])
    _, clips, rejects, labels = ingested(tmp_path / "corpus", tmp_path / "out", [FailsOnce(QualityParams())])
    assert (len(clips), rejects) == (2, [])
    assert [getattr(label, "reason", None) for label in labels[0]] == [Reason.MEASURE_FAILED, None]


@pytest.mark.parametrize("short_bytes", [sound.SHORT_BYTES, 10_000])
def test_a_clip_cut_out_of_a_recording_is_its_stretch_of_one_channel(
    monkeypatch: pytest.MonkeyPatch, short_bytes: int
) -> None:
    monkeypatch.setattr(sound, "SHORT_BYTES", short_bytes)
    both = np.stack([samples(), -0.5 * samples()], axis=1)
    file = io.BytesIO()
    soundfile.write(file, both, RATE, format="FLAC")
    ref = ClipRef("uid", "talk.flac", start=0.5, end=2.0, channel=1)
    with kept(ref, (file, read(file, "talk.flac"))) as (codec, stored, heard):
        assert (codec, heard.channels, heard.duration) == ("flac", 1, 1.5)
        stored.seek(0)
        got, _ = soundfile.read(stored)
        np.testing.assert_array_equal(np.concatenate(list(heard.blocks()), axis=1)[0], got.astype(np.float32))
    np.testing.assert_allclose(got, both[8000:32000, 1], atol=1e-4)


def test_clips_that_are_cut_in_order_out_of_a_long_recording_are_one_decode(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sound, "SHORT_BYTES", 100_000)
    monkeypatch.setattr(sound, "REEL_BYTES", 1 << 20)
    decodes: list[int] = []
    stream = files.libsndfile.stream

    def counted(file: BinaryIO, name: str) -> Stream | None:
        decodes.append(1)
        return stream(file, name)

    monkeypatch.setattr(files, "_DECODERS", (counted,))
    both = np.stack([samples(20.0), -0.5 * samples(20.0)], axis=1)
    file = io.BytesIO()
    soundfile.write(file, both, RATE, format="WAV")
    talk = read(file, "talk.wav").sound
    whole = np.concatenate(list(talk.blocks()), axis=1)
    del decodes[:]
    for start in [*range(0, 300_000, 8000), 1000]:
        for channel in (0, 1, None):
            heard = cut(talk, start, start + 8000, channel)
            rows = slice(None) if channel is None else slice(channel, channel + 1)
            np.testing.assert_array_equal(heard.samples, whole[rows, start : start + 8000])
        if start != 1000:
            assert len(decodes) == 1
    far = cut(talk, 5000, 310_000, 1)  # long itself, and decoded while another stretch is
    both_ways = zip(far.blocks(), cut(talk, 100, 305_100, 0).blocks(), strict=True)
    one, other = (np.concatenate(blocks, axis=1) for blocks in zip(*both_ways, strict=True))
    np.testing.assert_array_equal(one[0], whole[1, 5000:310_000])
    np.testing.assert_array_equal(other[0], whole[0, 100:305_100])


def in_memory(name: str, data: bytes) -> str:
    url = f"memory://{uuid.uuid4().hex}"
    fsspec.filesystem("memory").pipe_file(f"{url}/{name}", data)
    return url


@pytest.mark.parametrize("small_file", [SMALL_FILE, 1000])
def test_a_store_that_breaks_off_ends_the_work_and_rejects_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_file: int
) -> None:
    data = io.BytesIO()
    soundfile.write(data, samples(), RATE, format="FLAC")
    url = in_memory("a.flac", data.getvalue())
    assert [row["uid"] for row in ingested(place(url), tmp_path / "whole")[1]] == ["files/default/train/a.flac"]
    stretch = remote._Ranges._stretch

    def broken(self: remote._Ranges, count: int) -> bytes:
        if self.tell() + count > len(data.getvalue()) - 100:
            raise ConnectionResetError("the line is down")
        return stretch(self, count)

    for module in (views, pipelines_ingest):
        monkeypatch.setattr(module, "SMALL_FILE", small_file)
    monkeypatch.setattr(remote, "_BUFFER", 4096)
    monkeypatch.setattr(remote, "_WAITS", (0.0,))
    monkeypatch.setattr(remote._Ranges, "_stretch", broken)
    with pytest.raises(TurnmillError, match=r"a\.flac of memory://.* cannot be read: the line is down"):
        ingested(place(url), tmp_path / "out")


def test_a_file_that_goes_away_from_its_store_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = in_memory("a.wav", b"RIFF")
    units = Ingest.units

    def units_then_gone(self: Ingest) -> list[Unit]:
        found = units(self)
        fsspec.filesystem("memory").rm(f"{url}/a.wav")
        return found

    monkeypatch.setattr(Ingest, "units", units_then_gone)
    (reject,) = ingested(place(url), tmp_path / "out")[2]
    assert (reject.reason, reject.source_uri) == (Reason.MISSING_FILE, "a.wav")


def test_a_clip_that_states_its_licence_has_it_in_the_table(tmp_path: Path) -> None:
    fill(tmp_path / "c", ["a.wav", "b.flac"])
    (tmp_path / "c" / "a.json").write_text('{"licence": "CC BY 4.0"}')
    family = load("files").family.model_copy(update={"sidecar": "{dir}/{stem}.json"})
    _, rows, _, _ = ingested(tmp_path / "c", tmp_path / "out", family=family)
    found = {row["source_uri"]: (row["licence"], row["licence_redistribute"]) for row in rows}
    assert found == {"a.wav": ("CC-BY-4.0", True), "b.flac": ("LicenseRef-unknown", False)}
