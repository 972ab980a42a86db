"""Both channels of a dialogue and its words: Moshi, hertz-dev, Lhotse.

Contracts: moshi-finetune's README and finetune/data; hertz-dev's inference code; Lhotse's Shar
(lhotse/shar/writers, lhotse/audio, lhotse/supervision.py).
"""

import gzip
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import numpy as np

from turnmill.manifests.audio import Audio, encode_flac
from turnmill.manifests.export.profile import Add, Drop, Place, Profile, Row, Written, json_line, no_index, one_list
from turnmill.manifests.export.sample import ASSISTANT, USER, Sample, at_rate, wav
from turnmill.manifests.tar import TarWriter

MOSHI_RATE: Final = 24_000  # Hz, of Mimi
MOSHI_WINDOW: Final = 100  # seconds: `duration_sec` as the trainer has it
HERTZ_RATE: Final = 16_000  # Hz
HERTZ_FRAME: Final = 2_000  # samples of a latent
HERTZ_SECONDS: Final = 300.0
SPEAKERS: Final = {ASSISTANT: "SPEAKER_MAIN", USER: "SPEAKER_USER"}
ROLES: Final = {ASSISTANT: "Assistant", USER: "User"}


def _unfit(sample: Sample) -> Row | None:
    """Why a dialogue cannot be held as two channels; None where it can."""
    channels = sample.header.channels
    if channels == 2:
        return None
    return Row(sample.told["id"], sample.duration, drop=Drop.NOT_STEREO, detail=f"it has {channels}")


@contextmanager
def moshi(place: Place) -> Iterator[Add]:
    """`data_stereo/KEY.flac` and `KEY.json` of each dialogue. What is 24 kHz FLAC is copied and not decoded."""

    def add(sample: Sample) -> Iterator[Row]:
        dialogue = sample.told["id"]
        if (unfit := _unfit(sample)) is not None:
            yield unfit
            return
        if not sample.has_word_times:
            yield Row(dialogue, sample.duration, drop=Drop.NO_WORD_TIMES)
            return
        name = f"data_stereo/{sample.key}"
        place.write(f"{name}.flac", _flac(sample, MOSHI_RATE))
        words = [[word.word, [word.start, word.end], SPEAKERS[word.channel]] for word in sample.words]
        place.write(f"{name}.json", json_line({"alignments": words}).encode())
        yield Row(dialogue, sample.duration, {"path": f"{name}.flac", "duration": sample.duration})

    yield add


def _flac(sample: Sample, rate: int) -> bytes:
    """A sample's audio as FLAC at `rate` Hz: its own bytes where it is that."""
    if sample.codec == "flac" and sample.header.samplerate == rate:
        return sample.audio
    return encode_flac(Audio(at_rate(sample.sound, rate, sample.key), rate))


def moshi_knob(written: Written) -> str:
    """The window that 95 % of the dialogues fit into, at most the trainer's own."""
    window = min(MOSHI_WINDOW, math.ceil(written.lengths[1]))
    return f"duration_sec: {window}  (95 % of the dialogues fit; its default, {MOSHI_WINDOW}, would pad the rest)"


@contextmanager
def hertz(place: Place) -> Iterator[Add]:
    """`audio/KEY.wav` of each dialogue: 16 kHz, channel 0 the user, whole latents, the last one padded with silence."""

    def add(sample: Sample) -> Iterator[Row]:
        dialogue = sample.told["id"]
        if (unfit := _unfit(sample)) is not None:
            yield unfit
            return
        if sample.duration > HERTZ_SECONDS:
            yield Row(dialogue, sample.duration, drop=Drop.TOO_LONG, detail=f"it reads up to {HERTZ_SECONDS:g} s")
            return
        samples = at_rate(sample.sound, HERTZ_RATE, sample.key)[[USER, ASSISTANT]]
        samples = np.pad(samples, ((0, 0), (0, -samples.shape[1] % HERTZ_FRAME)))
        place.write(f"audio/{sample.key}.wav", wav(samples, HERTZ_RATE))
        seconds = samples.shape[1] / HERTZ_RATE
        yield Row(dialogue, sample.duration, {"path": f"audio/{sample.key}.wav", "duration": seconds})

    yield add


def hertz_knob(written: Written) -> str:
    return f"clips of up to {math.ceil(written.lengths[2])} s: {HERTZ_FRAME:,} samples a latent"


@contextmanager
def lhotse(place: Place) -> Iterator[Add]:
    """A shard of Lhotse's Shar, `SPLIT/cuts.NNNNNN.jsonl.gz` and `SPLIT/recording.NNNNNN.tar`: a stereo MultiCut a
    dialogue, its supervisions the turns and backchannels with the words that are heard.

    Files of both names have as many items, in one order; the cuts come last.
    """
    lines: list[bytes] = []
    with place.writer(f"{place.split}/recording.{place.number:06d}.tar") as file:
        tar = TarWriter(file)

        def add(sample: Sample) -> Iterator[Row]:
            if (unfit := _unfit(sample)) is not None:
                yield unfit
                return
            cut = _cut(sample)
            tar.add(f"{sample.key}.flac", _flac(sample, sample.header.samplerate))
            tar.add(f"{sample.key}.json", json_line(cut["recording"]).encode())
            lines.append(json_line(cut).encode())
            yield Row(sample.told["id"], sample.duration, {})

        yield add
        tar.close()
    place.write(f"{place.split}/cuts.{place.number:06d}.jsonl.gz", gzip.compress(b"".join(lines), mtime=0))


def _cut(sample: Sample) -> dict[str, Any]:
    told, rate, frames = sample.told, sample.header.samplerate, sample.header.frames
    return {
        "id": sample.key,
        "start": 0.0,
        "duration": frames / rate,
        "channel": [ASSISTANT, USER],
        "supervisions": list(_supervisions(sample)),
        "recording": {
            "id": sample.key,
            "sources": [{"type": "shar", "channels": [ASSISTANT, USER], "source": ""}],
            "sampling_rate": rate,
            "num_samples": frames,
            "duration": frames / rate,
            "channel_ids": [ASSISTANT, USER],
        },
        "custom": {name: told[name] for name in ("id", "licence", "scenario", "trust")},
        "type": "MultiCut",
    }


def _supervisions(sample: Sample) -> Iterator[dict[str, Any]]:
    """Turns and backchannels in the order of their start; times are those of the recording."""
    told = sample.told
    spans = [("turn", turn, turn["text_heard"]) for turn in told["turns"]]
    spans += [("backchannel", each, each["text"]) for each in told["backchannels"]]
    spans += [("failed_barge_in", each, each["text"]) for each in told["events"] if each["kind"] == "failed_barge_in"]
    for number, (kind, span, text) in enumerate(sorted(spans, key=lambda each: (each[1]["start"], each[1]["channel"]))):
        words = [[one["word"], one["start"], one["end"] - one["start"], None] for one in span["words"]]
        yield {
            "id": f"{sample.key}-{number:04d}",
            "recording_id": sample.key,
            "start": span["start"],
            "duration": span["end"] - span["start"],
            "channel": span["channel"],
            "text": text,
            "language": told["language"],
            "speaker": ROLES[span["channel"]],
            "custom": {"kind": kind},
            **({"alignment": {"word": words}} if words else {}),
        }


def lhotse_knob(written: Written) -> str:
    middle = max(1.0, written.lengths[0])
    return f"max_duration={math.ceil(8 * middle)}  (seconds of a batch: about 8 dialogues)"


_D: Final = ("dialogue", "dialogues")
_MOSHI: Final = "torchrun --nproc-per-node 8 -m train example/moshi_7B.yaml  (its `train_data`: {folder}/train.jsonl)"
_HERTZ: Final = "stereo WAV in {folder}/audio, channel 0 the user: hertz-dev has published no trainer"
_LHOTSE: Final = 'CutSet.from_shar(in_dir="{folder}/train")'

PROFILES: Final = (
    Profile("moshi", "Moshi", *_D, moshi, one_list, _MOSHI, moshi_knob),
    Profile("hertz", "hertz-dev", *_D, hertz, one_list, _HERTZ, hertz_knob),
    Profile("lhotse", "Lhotse, K2", *_D, lhotse, no_index, _LHOTSE, lhotse_knob),
)
