"""Labels on a frame clock, against a reader of its own that asks of each frame what its time touches."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import turnmill
from tests.manifests.conftest import sample_of
from tests.manifests.export.conftest import BACKCHANNEL, EVENT, Output, dialogue, turn, voices
from tests.manifests.training.conftest import RATE, make_set
from turnmill.manifests.audio import Audio, encode_flac
from turnmill.manifests.export.sample import Sample
from turnmill.manifests.samples import CLIP
from turnmill.manifests.training.clock import count_frames, on_clock

CLOCKS = pytest.mark.parametrize("clock", [12.5, 25, 50])
EPSILON = 1e-9


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Output:
    """Two dialogues with an interruption, a failed one and a backchannel; one has the user's clean stem too."""
    told = {name: dialogue(name) for name in ("d1", "d2")}
    audio = {name: voices(one, seed) for seed, (name, one) in enumerate(told.items())}
    samples = {name: (one, Audio(audio[name], RATE)) for name, one in told.items()}
    store = make_set(str(tmp_path_factory.mktemp("clock")), {"dialogue-train-000000": samples})
    return Output(store, told, audio)


def touching(spans: Sequence[dict[str, Any]], channel: int, frame: int, clock: float) -> list[int]:
    """The spans of a channel that have a part of a frame."""
    first, behind = frame / clock + EPSILON, (frame + 1) / clock - EPSILON
    return [
        number
        for number, span in enumerate(spans)
        if span["channel"] == channel and span["start"] < behind and span["end"] > first
    ]


def said_of(told: Any) -> list[dict[str, Any]]:
    return [*told["turns"], *told["backchannels"], told["events"][1]]


@CLOCKS
def test_every_frame_has_what_its_time_touches(clock: float, output: Output) -> None:
    for sample in turnmill.loader(output.store.url, frame_rate=clock):
        told: Any = output.told[sample["key"]]
        said, frames = said_of(told), {12.5: 76, 25: 152, 50: 303}[clock]
        words = sorted(
            ({**word, "channel": span["channel"]} for span in said for word in span["words"]),
            key=lambda word: (word["start"], word["channel"]),
        )
        assert sample["words"]["text"] == [word["word"] for word in words]
        assert sample["events"]["kind"] == ["barge_in", "failed_barge_in"]
        for name in ("speech", "word", "event"):
            assert sample[name].shape == (2, frames)
        for channel in range(2):
            for frame in range(frames):
                for name, spans in (("word", words), ("event", told["events"])):
                    expected = max(touching(spans, channel, frame, clock), default=-1)
                    assert sample[name][channel, frame] == expected, (name, channel, frame)
                assert sample["speech"][channel, frame] == bool(touching(said, channel, frame, clock))


@CLOCKS
def test_words_and_events_are_spans_of_frames(clock: float, output: Output) -> None:
    sample = next(iter(turnmill.loader(output.store.url, frame_rate=clock, where="id = 'd2'")))
    words, events = sample["words"], sample["events"]
    first = {12.5: (2, 6), 25: (5, 12), 50: (10, 23)}[clock]  # "where", 0.2 to 0.45 s
    assert (words["text"][0], words["start"][0], words["end"][0], words["channel"][0]) == ("where", *first, 1)
    barge_in = {12.5: (43, 58), 25: (87, 115), 50: (175, 230)}[clock]  # 3.5 to 4.6 s
    assert (events["start"][0], events["end"][0], events["channel"][0]) == (*barge_in, 1)
    assert list(words["start"]) == sorted(words["start"])
    assert all(each.dtype == np.int32 for each in (words["start"], events["end"], sample["word"]))


def test_speech_is_where_the_audio_sounds(output: Output) -> None:
    for sample in turnmill.loader(output.store.url, frame_rate=50):
        loud = np.abs(sample["audio"][:, : 300 * 480]).reshape(2, 300, 480).max(axis=2) > 0
        assert np.array_equal(loud, sample["speech"][:, :300])


@pytest.mark.parametrize("rate", [16_000, 24_000, 48_000])
def test_audio_is_at_the_rate_that_is_asked_for(rate: int, output: Output) -> None:
    for sample in turnmill.loader(output.store.url, sample_rate=rate):
        assert sample["sample_rate"] == rate
        assert sample["audio"].shape == (2, round(6.05 * rate))
        energy = np.square(sample["audio"]).mean(axis=1)
        before = np.square(output.audio[sample["key"]]).mean(axis=1)
        assert np.all(energy > 0.5 * before), "each channel is still there"
        assert energy[0] > 2 * energy[1], "the assistant is the louder one, on channel 0"


def of(told: dict[str, Any], channels: int, seconds: float) -> Any:
    audio = encode_flac(Audio(np.full((channels, round(seconds * 8000)), 0.1, np.float32), 8000))
    return on_clock(Sample("k", "train", "flac", audio, None, told), 8000, 12.5, {})


def test_an_answer_to_what_was_not_asked_is_marked() -> None:
    turns = [turn(0, "user", 0.0, 0.2, "hi"), turn(1, "assistant", 0.4, 0.6, "no") | {"misheard": True}]
    sample = of(dialogue("d") | {"duration": 1.0, "events": [], "turns": turns, "backchannels": []}, 2, 1.0)
    assert sample["misheard"].tolist() == [[5 <= frame < 8 for frame in range(13)], [False] * 13]


def test_a_clip_that_nobody_recognised_is_all_speech() -> None:
    sample = of(sample_of(CLIP, duration=1.0), 1, 1.0)
    assert sample["audio"].shape == (1, 8000)
    assert sample["speech"].shape == sample["word"].shape == sample["event"].shape == (1, 13)
    assert sample["speech"].all()
    assert sample["words"]["text"] == sample["events"]["kind"] == []
    assert (sample["word"] == -1).all()


def test_a_clip_of_two_channels_is_mixed_and_has_the_words_of_its_recogniser() -> None:
    asr = {"heard": [{"start": 0.16, "end": 0.8}]}
    consensus = {"consensus_words": [{"word": "hi", "start": 0.2, "end": 0.4, "prob": 0.9}]}
    sample = of(sample_of(CLIP, duration=1.0, asr=asr, consensus=consensus), 2, 1.0)
    assert sample["audio"].shape == (1, 8000)
    assert sample["speech"][0].tolist() == [2 <= frame < 10 for frame in range(13)]
    assert sample["words"]["text"] == ["hi"]
    assert sample["word"][0].tolist() == [0 if 2 <= frame < 5 else -1 for frame in range(13)]


def burst(start: float, end: float) -> dict[str, Any]:
    return sample_of(EVENT, channel=1, start=start, end=end, words=[]) | {"kind": "noise_burst"}


def test_what_is_shorter_than_a_frame_or_ends_behind_the_sound_has_a_frame() -> None:
    events = [
        burst(0.48, 0.48),
        burst(0.5, 0.5),
        burst(0.99, 1.2),
        burst(1.0, 1.2),
    ]
    turns = [turn(0, "user", 0.1, 0.12, "one two three")]
    sample = of(dialogue("d") | {"duration": 1.0, "events": events, "turns": turns, "backchannels": []}, 2, 1.0)
    spans = list(zip(sample["events"]["start"], sample["events"]["end"], strict=True))
    assert spans == [(6, 7), (6, 7), (12, 13), (12, 13)]
    assert list(sample["words"]["start"]) == [1, 1, 1]
    assert sample["word"][1, 1] == 2, "the last one"


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 200), st.sampled_from([12.5, 25.0, 50.0]))
def test_a_time_on_the_edge_of_a_frame_is_in_that_frame(first: int, length: int, clock: float) -> None:
    """As floats 0.56 * 12.5 is more than 7."""
    assert count_frames((first + length) / clock, clock) == first + length
    said = sample_of(BACKCHANNEL, channel=0, start=(first % 50) / 12.5, end=(first % 50 + length) / 12.5, words=[])
    told = dialogue("d") | {"turns": [], "events": [], "backchannels": [said]}
    speech = of(told, 2, 20.0)["speech"][0]
    assert speech.nonzero()[0].tolist() == list(range(first % 50, first % 50 + length))
