"""What Moshi, hertz-dev, Lhotse and NeMo read: a reader by each contract finds the samples as they are, and refuses a
folder that is wrong in one way."""

import gzip
import io
import json
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.manifests.export.conftest import RATE, Output, exported
from turnmill.manifests.export import duplex_audio

TALKS = ("d1", "d2")
ASSISTANT_SAYS = [
    ("it", 1.5), ("is", 2.075), ("open", 2.65), ("from", 3.225), ("mm-hm", 4.0),
    ("today", 4.9), ("it", 5.175), ("is", 5.45), ("closed", 5.725),
]  # fmt: skip
USER_SAYS = ["where", "is", "it", "open", "no", "I", "mean", "today", "but", "I"]


def is_audio_of(found: np.ndarray[Any, Any], rate: int, wanted: np.ndarray[Any, Any], channels: list[int]) -> None:
    """Samples [frames, channels] are those wanted [channels, frames] at RATE, in that order of channels: equal, or of
    one level in every tenth of a second where they were resampled."""
    assert found.ndim == 2, "mono"
    assert found.shape[1] == len(channels), "mono"
    assert abs(len(found) / rate - wanted.shape[1] / RATE) < 0.13, "another length"
    for place, channel in enumerate(channels):
        for start in np.arange(0, wanted.shape[1] / RATE - 0.1, 0.1):
            mine = found[round(start * rate) : round((start + 0.1) * rate), place]
            theirs = wanted[channel, round(start * RATE) : round((start + 0.1) * RATE)]
            level, want = (float(np.sqrt(np.mean(part**2))) for part in (mine, theirs))
            assert abs(level - want) < 0.35 * want + 0.004, f"channel {place} at {start:.1f} s: {level} for {want}"


def reads_as_moshi(folder: Path, output: Output) -> None:
    """moshi-finetune: `SPLIT.jsonl`, paths from its folder, `.json` beside each, left the assistant."""
    rows = [json.loads(line) for line in (folder / "train.jsonl").read_text("utf-8").splitlines()]
    assert sorted(Path(row["path"]).stem for row in rows) == list(TALKS), "lost"
    for row in rows:
        path = folder / row["path"]
        samples, rate = soundfile.read(path)
        assert rate == 24_000
        assert row["duration"] == pytest.approx(len(samples) / rate, abs=1e-9)
        is_audio_of(samples, rate, output.audio[path.stem], [0, 1])
        words = json.loads(path.with_suffix(".json").read_text("utf-8"))["alignments"]
        starts = [start for _, (start, _), _ in words]
        assert starts == sorted(starts), "the loader looks words up by halves"
        assert all(0 <= start < end <= row["duration"] for _, (start, end), _ in words), "not in seconds"
        main = [(word, start) for word, (start, _), who in words if who == "SPEAKER_MAIN"]
        assert main == [(word, pytest.approx(start)) for word, start in ASSISTANT_SAYS]
        assert [word for word, _, who in words if who == "SPEAKER_USER"] == USER_SAYS


def reads_as_hertz(folder: Path, output: Output) -> None:
    """hertz-dev: 16 kHz, channel 0 the user, whole latents of 2,000 samples."""
    rows = [json.loads(line) for line in (folder / "train.jsonl").read_text("utf-8").splitlines()]
    assert sorted(Path(row["path"]).stem for row in rows) == list(TALKS), "lost"
    for row in rows:
        samples, rate = soundfile.read(folder / row["path"])
        assert rate == 16_000
        assert len(samples) % 2_000 == 0
        assert row["duration"] == len(samples) / rate
        is_audio_of(samples, rate, output.audio[Path(row["path"]).stem], [1, 0])


def reads_as_lhotse(folder: Path, output: Output) -> None:
    """Shar: cuts and members of the tar in one order, times of words as start and duration."""
    lines = gzip.decompress((folder / "train/cuts.000000.jsonl.gz").read_bytes()).splitlines()
    cuts = [json.loads(line) for line in lines]
    with tarfile.open(folder / "train/recording.000000.tar") as tar:
        names = tar.getnames()
        data = [tar.extractfile(name).read() for name in names]  # type: ignore[union-attr]
    assert [cut["id"] for cut in cuts] == list(TALKS), "lost"
    assert names == [f"{key}.{end}" for key in TALKS for end in ("flac", "json")]
    for number, cut in enumerate(cuts):
        samples, rate = soundfile.read(io.BytesIO(data[2 * number]))
        assert json.loads(data[2 * number + 1]) == cut["recording"]
        assert (cut["recording"]["num_samples"], cut["recording"]["sampling_rate"]) == (len(samples), rate)
        is_audio_of(samples, rate, output.audio[cut["id"]], [0, 1])
        main = [each for each in cut["supervisions"] if each["speaker"] == "Assistant"]
        assert [each["text"] for each in main] == ["it is open from", "mm-hm", "today it is closed"]
        assert {each["channel"] for each in main} == {0}
        for each in cut["supervisions"]:
            words = each["alignment"]["word"]
            assert " ".join(word for word, *_ in words) == each["text"]
            assert words[0][1] == pytest.approx(each["start"])
            assert sum(length for _, _, length, _ in words) == pytest.approx(each["duration"])


def reads_as_nemo_duplex(folder: Path, output: Output) -> None:
    """NeMo's DuplexS2SDataset: the user is the recording, the assistant `target_audio` at the rate of the trainer; a
    role is the speaker's name."""
    lines = gzip.decompress((folder / "train/cuts.000000.jsonl.gz").read_bytes()).splitlines()
    cuts = {cut["id"]: cut for cut in map(json.loads, lines)}
    assert list(cuts) == list(TALKS), "lost"
    for field, rate, channel in (("recording", 16_000, 1), ("target_audio", 22_050, 0)):
        with tarfile.open(folder / f"train/{field}.000000.tar") as tar:
            assert tar.getnames() == [f"{key}.{end}" for key in TALKS for end in ("flac", "json")]
            for key, cut in cuts.items():
                samples, found = soundfile.read(io.BytesIO(tar.extractfile(f"{key}.flac").read()), always_2d=True)  # type: ignore[union-attr]
                told = json.load(tar.extractfile(f"{key}.json"))  # type: ignore[arg-type]
                assert told == (cut if field == "recording" else cut["custom"])[field]
                assert (told["num_samples"], told["sampling_rate"], found) == (len(samples), rate, rate)
                is_audio_of(samples, rate, output.audio[key], [channel])
    for cut in cuts.values():
        starts = [each["start"] for each in cut["supervisions"]]
        assert starts == sorted(starts)
        assert {each["channel"] for each in cut["supervisions"]} == {0}, "a MonoCut has one channel"
        main = [each for each in cut["supervisions"] if each["speaker"] == "Assistant"]
        assert [each["text"] for each in main] == ["it is open from", "mm-hm", "today it is closed"]
        heard = [each["text"] for each in cut["supervisions"] if each["speaker"] == "User"]
        assert heard == ["where is it open", "no I mean today", "but I"]


READERS = {
    "moshi": reads_as_moshi,
    "hertz": reads_as_hertz,
    "lhotse": reads_as_lhotse,
    "nemo_duplex": reads_as_nemo_duplex,
}


@pytest.mark.parametrize("name", READERS)
def test_the_reader_finds_the_samples(name: str, output: Output, tmp_path: Path) -> None:
    READERS[name](exported(output, name, tmp_path / "to"), output)


def test_flac_of_moshis_rate_is_copied(output: Output, tmp_path: Path) -> None:
    folder = exported(output, "moshi", tmp_path / "to")
    with tarfile.open(output.store.path("shards/fc/dialogues-train-000000.tar")) as tar:
        assert tar.extractfile("d1.flac").read() == (folder / "data_stereo/d1.flac").read_bytes()  # type: ignore[union-attr]


def test_hertz_reads_a_long_dialogue_in_pieces(output: Output, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplex_audio, "HERTZ_SECONDS", 2.5)
    folder = exported(output, "hertz", tmp_path / "to")
    rows = [json.loads(line) for line in (folder / "train.jsonl").read_text("utf-8").splitlines()]
    for key in TALKS:
        pieces = [row for row in rows if row["path"].startswith(f"audio/{key}-")]
        assert [row["duration"] for row in pieces] == [2.5, 2.5, 1.125]
        samples = np.concatenate([soundfile.read(folder / row["path"])[0] for row in pieces])
        is_audio_of(samples, 16_000, output.audio[key], [1, 0])


def _sound(folder: Path, change: Callable[[Any, int], tuple[Any, int]]) -> None:
    path = next(iter(sorted([*folder.rglob("*.flac"), *folder.rglob("*.wav")])))
    samples, rate = change(*soundfile.read(path))
    soundfile.write(path, samples, rate)


def _json(folder: Path, pattern: str, change: Callable[[Any], Any]) -> None:
    path = sorted(folder.rglob(pattern))[0]
    path.write_text(json.dumps(change(json.loads(path.read_text("utf-8")))), "utf-8")


def _words(folder: Path, change: Callable[[Any], Any]) -> None:
    _json(folder, "data_stereo/*.json", lambda told: {"alignments": change(told["alignments"])})


def _cuts(folder: Path, change: Callable[[Any], Any]) -> None:
    path = folder / "train/cuts.000000.jsonl.gz"
    cuts = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
    path.write_bytes(gzip.compress("\n".join(json.dumps(cut) for cut in change(cuts)).encode()))


def _no_last_line(folder: Path) -> None:
    path = folder / "train.jsonl"
    path.write_text(path.read_text("utf-8").splitlines()[0] + "\n", "utf-8")


def _frames(words: list[Any]) -> list[Any]:
    return [[word, [round(12.5 * start), round(12.5 * end)], who] for word, (start, end), who in words]


def _planned(words: list[Any]) -> list[Any]:
    unheard = [[word, [3.3, 3.4], "SPEAKER_MAIN"] for word in ("nine", "to")]
    return sorted([*words, *unheard], key=lambda each: each[1][0])


def _supervisions(folder: Path, change: Callable[[Any], Any]) -> None:
    def of_first(cuts: Any) -> Any:
        for each in cuts[0]["supervisions"]:
            each.update(change(each))
        return cuts

    _cuts(folder, of_first)


def _other_role(supervision: Any) -> Any:
    return {"speaker": "User" if supervision["speaker"] == "Assistant" else "Assistant"}


def _ends(supervision: Any) -> Any:
    words = [[word, start, start + length, None] for word, start, length, _ in supervision["alignment"]["word"]]
    return {"alignment": {"word": words}}


def _swapped(folder: Path) -> None:
    one, other = folder / "train/recording.000000.tar", folder / "train/target_audio.000000.tar"
    one.rename(folder / "train/spare")
    other.rename(one)
    (folder / "train/spare").rename(other)


def _target_at_24k(cuts: Any) -> Any:
    for cut in cuts:
        cut["custom"]["target_audio"]["sampling_rate"] = 24_000
    return cuts


def _slow(cuts: Any) -> Any:
    for cut in cuts:
        cut["recording"]["sampling_rate"] = 16_000
    return cuts


BOTH: Mapping[str, Callable[[Path], None]] = {
    "channels swapped": lambda to: _sound(to, lambda pcm, rate: (pcm[:, ::-1], rate)),
    "mono": lambda to: _sound(to, lambda pcm, rate: (pcm.mean(axis=1), rate)),
    "another rate": lambda to: _sound(to, lambda pcm, rate: (pcm, rate // 2)),
    "lost": _no_last_line,
}
MOSHI: Mapping[str, Callable[[Path], None]] = {
    "times in frames": lambda to: _words(to, _frames),
    "planned text": lambda to: _words(to, _planned),
    "unsorted": lambda to: _words(to, lambda words: words[::-1]),
    "no backchannels": lambda to: _words(to, lambda words: [word for word in words if word[0] != "mm-hm"]),
}
LHOTSE: Mapping[str, Callable[[Path], None]] = {
    "lost": lambda to: _cuts(to, lambda cuts: cuts[:1]),
    "unsorted": lambda to: _cuts(to, lambda cuts: cuts[::-1]),
    "channels swapped": lambda to: _supervisions(to, lambda each: {"channel": 1 - each["channel"]}),
    "planned text": lambda to: _supervisions(to, lambda each: {"text": each["text"] + " nine to"}),
    "ends for durations": lambda to: _supervisions(to, _ends),
    "another rate": lambda to: _cuts(to, _slow),
}
NEMO: Mapping[str, Callable[[Path], None]] = {
    "lost": LHOTSE["lost"],
    "unsorted": LHOTSE["unsorted"],
    "planned text": LHOTSE["planned text"],
    "channels swapped": _swapped,
    "roles swapped": lambda to: _supervisions(to, _other_role),
    "another rate": lambda to: _cuts(to, _target_at_24k),
}
BROKEN = {
    f"{name}: {what}": (name, spoil)
    for name, spoils in (("moshi", BOTH), ("hertz", BOTH), ("moshi", MOSHI), ("lhotse", LHOTSE), ("nemo_duplex", NEMO))
    for what, spoil in spoils.items()
}


@pytest.mark.parametrize("broken", BROKEN)
def test_the_reader_refuses_a_folder_that_is_wrong(broken: str, output: Output, tmp_path: Path) -> None:
    name, spoil = BROKEN[broken]
    folder = exported(output, name, tmp_path / "to")
    spoil(folder)
    with pytest.raises(AssertionError):
        READERS[name](folder, output)
