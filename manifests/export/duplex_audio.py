"""Both channels of a dialogue and its words: Moshi, hertz-dev, Lhotse, NeMo's duplex models.

Contracts: moshi-finetune's README and finetune/data; hertz-dev's inference code; Lhotse's Shar
(lhotse/shar/writers, lhotse/audio, lhotse/supervision.py); NeMo's collections/speechlm2/data/s2s_dataset.py.
"""

import gzip
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
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
NEMO_TARGET_RATE: Final = 22_050  # Hz: `target_sample_rate` as the trainer has it
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
    """`audio/KEY.wav` of each dialogue: 16 kHz, channel 0 the user, whole latents, the last one padded with silence. A
    dialogue longer than the notebook reads is in pieces of that length, `KEY-N.wav`."""

    def add(sample: Sample) -> Iterator[Row]:
        if (unfit := _unfit(sample)) is not None:
            yield unfit
            return
        samples = at_rate(sample.sound, HERTZ_RATE, sample.key)[[USER, ASSISTANT]]
        samples = np.pad(samples, ((0, 0), (0, -samples.shape[1] % HERTZ_FRAME)))
        length = round(HERTZ_SECONDS * HERTZ_RATE)
        starts = range(0, samples.shape[1], length)
        for number, start in enumerate(starts):
            mark = f"-{number}" if len(starts) > 1 else ""
            piece, name = samples[:, start : start + length], f"audio/{sample.key}{mark}.wav"
            place.write(name, wav(piece, HERTZ_RATE))
            seconds = piece.shape[1] / HERTZ_RATE
            yield Row(f"{sample.told['id']}{mark}", seconds, {"path": name, "duration": seconds})

    yield add


def hertz_knob(written: Written) -> str:
    return f"nothing: hertz-dev has published no trainer (the longest lasts {math.ceil(written.lengths[2])} s)"


@dataclass(frozen=True)
class _Track:
    """A field of Shar that is audio: channels of the dialogue at a rate in Hz (None: its own)."""

    channels: Sequence[int]
    rate: int | None = None

    def flac(self, sample: Sample) -> tuple[bytes, dict[str, Any]]:
        """The audio, and the manifest of its `Recording`. The dialogue's own bytes where they are that."""
        rate = self.rate or sample.header.samplerate
        if list(self.channels) == [ASSISTANT, USER]:
            data, frames = _flac(sample, rate), round(sample.header.frames * rate / sample.header.samplerate)
        else:
            samples = at_rate(sample.sound, rate, sample.key)[list(self.channels)]
            data, frames = encode_flac(Audio(samples, rate)), samples.shape[1]
        channels = list(range(len(self.channels)))
        return data, {
            "id": sample.key,
            "sources": [{"type": "shar", "channels": channels, "source": ""}],
            "sampling_rate": rate,
            "num_samples": frames,
            "duration": frames / rate,
            "channel_ids": channels,
        }


_BOTH: Final = {"recording": _Track((ASSISTANT, USER))}
_EACH: Final = {"recording": _Track((USER,), 16_000), "target_audio": _Track((ASSISTANT,), NEMO_TARGET_RATE)}


def lhotse(place: Place) -> AbstractContextManager[Add]:
    """A shard of Lhotse's Shar, `SPLIT/cuts.NNNNNN.jsonl.gz` and `SPLIT/recording.NNNNNN.tar`: a stereo MultiCut a
    dialogue, its supervisions the turns and backchannels with the words that are heard."""
    return _shar(place, _BOTH, _stereo_cut, _unfit)


def nemo_duplex(place: Place) -> AbstractContextManager[Add]:
    """As `lhotse`, the user as the `recording` of a MonoCut and the assistant as its `target_audio`, each at the rate
    that the trainer has for it: it resamples what is the recording, and not the other."""
    return _shar(place, _EACH, _mono_cut, _unfit_or_untold)


def _unfit_or_untold(sample: Sample) -> Row | None:
    untold = any(turn["text_heard"] is None for turn in sample.told["turns"])
    return _unfit(sample) or (Row(sample.told["id"], sample.duration, drop=Drop.NO_TEXT) if untold else None)


@contextmanager
def _shar(
    place: Place,
    tracks: Mapping[str, _Track],
    cut: Callable[[Sample, Mapping[str, dict[str, Any]]], dict[str, Any]],
    why_not: Callable[[Sample], Row | None],
) -> Iterator[Add]:
    """Writes the samples that `why_not` does not refuse as a shard: `cuts` and a tar for each track, as many items in
    each, in one order; the cuts come last, and are all that is held until then. `cut`: of a sample and its tracks'
    recordings."""
    lines: list[bytes] = []
    with ExitStack() as stack:
        files = {
            name: stack.enter_context(place.writer(f"{place.split}/{name}.{place.number:06d}.tar")) for name in tracks
        }
        tars = {name: TarWriter(file) for name, file in files.items()}

        def add(sample: Sample) -> Iterator[Row]:
            if (row := why_not(sample)) is not None:
                yield row
                return
            made = {name: track.flac(sample) for name, track in tracks.items()}
            for name, (data, recording) in made.items():
                tars[name].add(f"{sample.key}.flac", data)
                tars[name].add(f"{sample.key}.json", json_line(recording).encode())
            lines.append(json_line(cut(sample, {name: recording for name, (_, recording) in made.items()})).encode())
            yield Row(sample.told["id"], sample.duration, {})

        yield add
        for tar in tars.values():
            tar.close()
    place.write(f"{place.split}/cuts.{place.number:06d}.jsonl.gz", gzip.compress(b"".join(lines), 6, mtime=0))


def _stereo_cut(sample: Sample, recordings: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    (recording,) = recordings.values()
    return _cut(sample, recording) | {"channel": [ASSISTANT, USER], "type": "MultiCut"}


def _mono_cut(sample: Sample, recordings: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    cut = _cut(sample, recordings["recording"])
    return cut | {
        "channel": 0,
        "type": "MonoCut",
        "supervisions": [{**each, "channel": 0} for each in cut["supervisions"]],
        "custom": {**cut["custom"], "target_audio": recordings["target_audio"]},
    }


def _cut(sample: Sample, recording: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": sample.key,
        "start": 0.0,
        "duration": recording["duration"],
        "supervisions": list(_supervisions(sample)),
        "recording": recording,
        "custom": {name: sample.told[name] for name in ("id", "licence", "scenario", "trust")},
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
            "custom": {"kind": kind, "misheard": bool(span.get("misheard"))},
            **({"alignment": {"word": words}} if words else {}),
        }


def lhotse_knob(written: Written) -> str:
    middle = max(1.0, written.lengths[0])
    return f"max_duration={math.ceil(8 * middle)}  (seconds of a batch: about 8 dialogues)"


def nemo_duplex_knob(written: Written) -> str:
    return (
        f"data.train_ds.batch_duration={math.ceil(8 * max(1.0, written.lengths[0]))}  (about 8 dialogues), "
        f"data.input_roles=[User] data.output_roles=[Assistant] data.target_sample_rate={NEMO_TARGET_RATE}"
    )


_D: Final = ("dialogue", "dialogues")
_MOSHI: Final = "torchrun --nproc-per-node 8 -m train example/moshi_7B.yaml  (its `train_data`: {folder}/{split}.jsonl)"
_HERTZ: Final = "stereo WAV in {folder}/audio, channel 0 the user: hertz-dev has published no trainer"
_LHOTSE: Final = 'CutSet.from_shar(in_dir="{folder}/{split}")'
_DUPLEX: Final = "examples/speechlm2/s2s_duplex_train.py data.train_ds.input_cfg.0.shar_path={folder}/{split}"

PROFILES: Final = (
    Profile("moshi", "Moshi", *_D, moshi, one_list, _MOSHI, moshi_knob),
    Profile("hertz", "hertz-dev", *_D, hertz, one_list, _HERTZ, hertz_knob),
    Profile("lhotse", "Lhotse, K2", *_D, lhotse, no_index, _LHOTSE, lhotse_knob),
    Profile("nemo_duplex", "NeMo duplex", *_D, nemo_duplex, no_index, _DUPLEX, nemo_duplex_knob),
)
