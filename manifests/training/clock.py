"""A sample on a frame clock: what is said and what happens, as arrays of frames.

Frame f of a clock of C Hz is the time [f / C, (f + 1) / C), and a sound of T seconds has ceil(T C) of them. A span of
seconds has every frame that it touches: from floor(start C) until ceil(end C), one at least. A millionth of a frame is
nothing, for 0.56 s at 12.5 Hz is 7 frames, and as a float a little more.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypedDict

import numpy as np
from numpy.typing import NDArray

from turnmill.manifests.audio import Float32
from turnmill.manifests.export.sample import Sample, Word, at_rate

CLOCKS: Final = (12.5, 25.0, 50.0)
"""Hz: of Mimi and its kin, of CosyVoice's speech tokens, of HuBERT and Whisper's encoder."""

_NOTHING: Final = 1e-6  # frames

Int32 = NDArray[np.int32]


class Spans(TypedDict):
    """Spans of frames, in the order of their start: from frame `start` until before `end`. All are int32 [spans]."""

    start: Int32
    end: Int32
    channel: Int32


class Words(Spans):
    """Words that are heard."""

    text: list[str]


class Events(Spans):
    """What happens: `kind` is one of `manifests.schema.EVENT_KINDS`."""

    kind: list[str]


class TrainingSample(TypedDict):
    """A training sample. C channels: of a dialogue 0 is the assistant and 1 the user, a clip has one.

    key: its WebDataset key. split: its split. told: its JSON (SCHEMA.md of the output), whose times are seconds.
    audio: float32 [C, samples], 1.0 is full scale. sample_rate: Hz.
    words, events: see there; a clip has the words that a recogniser gave it, and no events.
    speech: bool [C, frames], somebody says something: of a dialogue its turns, backchannels and failed tries to
    interrupt; of a clip what the recogniser heard as speech, all of it where there was no recogniser.
    misheard: bool [C, frames], an answer to what was not asked: leave it out of the loss.
    word, event: int32 [C, frames], which of `words` and `events` it is, -1 none; of several in one frame the last.
    state: goes on behind this sample, by `Loader.load_state_dict`.
    """

    key: str
    split: str
    told: Mapping[str, Any]
    audio: Float32
    sample_rate: int
    words: Words
    events: Events
    speech: NDArray[np.bool_]
    misheard: NDArray[np.bool_]
    word: Int32
    event: Int32
    state: Mapping[str, Any]


def on_clock(sample: Sample, rate: int, clock: float, state: Mapping[str, Any]) -> TrainingSample:
    """A sample with its audio at `rate` Hz and its labels on a clock of `clock` Hz. Raises AudioError."""
    talk = "turns" in sample.told
    sound = sample.sound if talk else sample.one_channel
    words = sample.words if talk else _recognised(sample)
    events = sorted(sample.told["events"], key=lambda one: float(one["start"])) if talk else []
    misheard = [turn for turn in sample.told["turns"] if turn["misheard"]] if talk else []
    frames = count_frames(sound.duration, clock)
    shape = sound.channels, frames
    word_frames = _frames([(word.start, word.end, word.channel) for word in words], clock, frames)
    event_frames = _frames(_of(events), clock, frames)
    return TrainingSample(
        key=sample.key,
        split=sample.split,
        told=sample.told,
        audio=at_rate(sound, rate, sample.key),
        sample_rate=rate,
        words={"text": [word.word for word in words], **_spans(word_frames)},
        events={"kind": [event["kind"] for event in events], **_spans(event_frames)},
        speech=_filled(_frames(_of(sample.said) if talk else _heard(sample), clock, frames), shape) >= 0,
        misheard=_filled(_frames(_of(misheard), clock, frames), shape) >= 0,
        word=_filled(word_frames, shape),
        event=_filled(event_frames, shape),
        state=state,
    )


def count_frames(seconds: float, clock: float) -> int:
    """Frames of a sound."""
    return max(1, math.ceil(seconds * clock - _NOTHING))


Span = tuple[float, float, int]  # start and end in seconds, channel


def _of(told: Sequence[Mapping[str, Any]]) -> list[Span]:
    return [(one["start"], one["end"], one["channel"]) for one in told]


def _recognised(clip: Sample) -> Sequence[Word]:
    return [Word(one["word"], one["start"], one["end"], 0) for one in clip.recognised or ()]


def _heard(clip: Sample) -> list[Span]:
    asr = clip.told["asr"]
    return [(0.0, clip.duration, 0)] if asr is None else [(one["start"], one["end"], 0) for one in asr["heard"] or ()]


def _frames(spans: Sequence[Span], clock: float, frames: int) -> Int32:
    """The first frame of spans, the one behind the last, and the channel: int32 [spans, 3]."""
    found = []
    for start, end, channel in spans:
        first = min(math.floor(start * clock + _NOTHING), frames - 1)
        found.append((first, max(min(math.ceil(end * clock - _NOTHING), frames), first + 1), channel))
    return np.array(found, np.int32).reshape(-1, 3)


def _spans(frames: Int32) -> Spans:
    start, end, channel = np.ascontiguousarray(frames.T)
    return {"start": start, "end": end, "channel": channel}


def _filled(frames: Int32, shape: tuple[int, int]) -> Int32:
    """By channel and frame the number of the last span that has it, -1 none: int32 [channels, frames]."""
    filled = np.full(shape, -1, np.int32)
    for number, (first, behind, channel) in enumerate(frames.tolist()):
        filled[channel, first:behind] = number
    return filled
