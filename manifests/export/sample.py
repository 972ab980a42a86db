"""A training sample as exporters see it: its audio, and what its JSON says."""

import io
import re
import tarfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, BinaryIO, Final

import numpy as np
import soundfile

from turnmill.manifests.audio import Audio, Float32, channels_at, cut, decode, library, mono
from turnmill.manifests.records import Reason
from turnmill.manifests.samples import TARGET, parsed
from turnmill.manifests.tar import samples_in

ASSISTANT, USER = 0, 1
"""Channels of a dialogue."""

WHISPER_RATE: Final = 16_000  # Hz
WHISPER_SECONDS: Final = 30.0  # that it hears of a file
"""Of Whisper's encoder, and so of the models that have it: SLAM-Omni, LLaMA-Omni, LUCY, Qwen2-Audio."""

CLEAN: Final = "user.flac"
"""Member of a dialogue's sample: the user's clean stem."""


_MARKS: Final = re.compile(r"<\|.*?\|>|<(?:audio|image|speech|video)>")


def marked(text: str) -> bool:
    """Whether a text has what language models that hear take for a mark of their own: a control token such as
    `<|im_end|>`, or what stands for a file."""
    return _MARKS.search(text) is not None


@dataclass(frozen=True)
class Word:
    """A word that is heard. `start`, `end`: seconds from the start of the audio."""

    word: str
    start: float
    end: float
    channel: int


@dataclass(frozen=True)
class Sample:
    """`audio`: the file as it is in the shard, `codec` its ending; `clean`: the user's clean stem, where it was kept;
    `told`: the sample's JSON (`manifests.samples`)."""

    key: str
    split: str
    codec: str
    audio: bytes
    clean: bytes | None
    told: Mapping[str, Any]

    @cached_property
    def sound(self) -> Audio:
        """The audio, decoded once for all formats. Raises AudioError."""
        return decode(self.audio, f"{self.key}.{self.codec}")

    @cached_property
    def clean_sound(self) -> Audio | None:
        """The user's clean stem, decoded once for all that is cut from it. Raises AudioError."""
        return None if self.clean is None else decode(self.clean, f"{self.key}.{CLEAN}")

    @property
    def one_channel(self) -> Audio:
        """All channels mixed to one. Raises AudioError."""
        return Audio(mono(self.sound)[None], self.sound.sample_rate)

    @property
    def recognised(self) -> Sequence[Mapping[str, Any]] | None:
        """The words that recognisers heard in a clip, by their consensus (`word`, `start` and `end` in seconds); None
        where none was asked for their times."""
        words: Sequence[Mapping[str, Any]] | None = (self.told["consensus"] or {}).get("consensus_words")
        return words

    @property
    def user_sound(self) -> tuple[Audio, int]:
        """The user alone, and on which channel: the clean stem where it was kept. Raises AudioError."""
        return (self.sound, USER) if self.clean_sound is None else (self.clean_sound, 0)

    @cached_property
    def header(self) -> soundfile.SoundFile:
        """What the file says of itself: `samplerate` (Hz), `channels`, `frames`. Raises AudioError."""
        with library("libsndfile", self.key, Reason.CORRUPT_AUDIO):
            return soundfile.SoundFile(io.BytesIO(self.audio))

    @property
    def duration(self) -> float:
        """Seconds of the audio."""
        return float(self.told["duration"])

    @property
    def said(self) -> Sequence[Mapping[str, Any]]:
        """What both parties of a dialogue say: turns, backchannels, and tries to interrupt that failed."""
        tries = (event for event in self.told["events"] if event["kind"] == "failed_barge_in")
        return [*self.told["turns"], *self.told["backchannels"], *tries]

    @cached_property
    def words(self) -> Sequence[Word]:
        """All that is heard of both parties of a dialogue, in the order of its start."""
        found = [
            Word(one["word"], one["start"], one["end"], span["channel"]) for span in self.said for one in span["words"]
        ]
        return sorted(found, key=lambda word: (word.start, word.channel, word.end))

    @property
    def has_word_times(self) -> bool:
        """Whether every turn of a dialogue that says something has the times of its words."""
        return all(turn["words"] or turn["text_heard"] == "" for turn in self.told["turns"])


def at_rate(sound: Audio, rate: int, name: str) -> Float32:
    """A sound at `rate` Hz, float32 [channels, frames]: as many frames as its length times the rate, to the nearest."""
    if sound.sample_rate == rate:
        return sound.samples
    frames = round(sound.frames * rate / sound.sample_rate)
    samples = channels_at(sound, rate, name)[:, :frames]
    return np.pad(samples, ((0, 0), (0, frames - samples.shape[1])))


def wav(samples: Float32, rate: int) -> bytes:
    """Samples, float32 [channels, frames] or [frames], as a 16-bit WAV file at `rate` Hz."""
    return _encoded(samples, rate, "WAV", "PCM_16")


def mp3(samples: Float32, rate: int) -> bytes:
    """Samples, float32 [channels, frames] or [frames], as an MP3 file at `rate` Hz."""
    return _encoded(samples, rate, "MP3", "MPEG_LAYER_III")


def _encoded(samples: Float32, rate: int, format: str, subtype: str) -> bytes:
    file = io.BytesIO()
    with library("libsndfile", "the audio", Reason.CORRUPT_AUDIO):
        soundfile.write(file, samples.T, rate, format=format, subtype=subtype)
    return file.getvalue()


def heard(of: tuple[Audio, int], start: float, end: float, rate: int, name: str) -> bytes:
    """What a sound has on a channel from `start` to `end` (seconds), as a mono WAV file at `rate` Hz."""
    sound, channel = of
    part = cut(sound, round(start * sound.sample_rate), round(end * sound.sample_rate), channel)
    assert isinstance(part, Audio)  # it was in memory
    return wav(at_rate(part, rate, name), rate)


def read(file: BinaryIO, split: str, wanted: Collection[str] | None = None) -> Iterator[Sample]:
    """Those samples of an open training shard whose keys are wanted (None: all), in its order, one in memory at a time.

    Raises tarfile.TarError where the shard breaks off.
    """
    with tarfile.open(fileobj=file, mode="r:") as tar:
        for key, members in samples_in(tar):
            if wanted is None or key in wanted:
                held = {member.name.partition(".")[2]: _bytes(tar, member) for member in members}
                told = parsed(held.pop("json"))
                clean = held.pop(CLEAN, None)
                held.pop(TARGET, None)  # no format has it
                ((codec, audio),) = held.items()
                yield Sample(key, split, codec, audio, clean, told)


def _bytes(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(member)
    if file is None:
        raise tarfile.TarError(f"{member.name} is no file")
    return file.read()
