"""A preset fitted to talk of known timing has that timing, and says how sure it is."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml

from turnmill.manifests.audio import Audio, decode
from turnmill.manifests.errors import TurnmillError, UsageError
from turnmill.pipelines.fitting import fit_files
from turnmill.pipelines.fitting import recording as recording_of
from turnmill.synth.channels import RATE
from turnmill.synth.duplex.talk.fit import (
    Recording,
    fit,
    fit_preset,
    intervals,
    measure_turns,
    same_talk,
)
from turnmill.synth.duplex.timing import FloorTransfer, Timing, timing

PAUSES = (0.3, 0.6, 0.9)


def recording(transfer: FloorTransfer, turns: int, seed: int, nods: bool = False) -> Recording:
    """Talk whose floor goes from one to the other by the transfer; turns of two IPUs of 2 to 4 s."""
    rng, at = np.random.default_rng(seed), 0.5
    channels: list[list[tuple[float, float]]] = [[], []]
    for turn in range(turns):
        first, second = rng.uniform(2, 4, 2)
        middle = at + first + rng.choice(PAUSES)
        end = middle + second
        channels[turn % 2] += [(at, at + first), (middle, end)]
        if nods:
            channels[1 - turn % 2].append((middle + 0.5, middle + 0.9))
        overlaps = rng.random() < transfer.p_overlap
        at = end + (-transfer.overlap.draw(rng) if overlaps else transfer.gap.draw(rng))
    one, other = (np.round(np.array(sorted(channel)) * RATE).astype(np.int64) for channel in channels)
    return Recording(f"talk {seed}", (one, other), at)


def bounded(name: str) -> FloorTransfer:
    """A preset's transfer with overlaps that turns of two IPUs bear: longer ones swallow an IPU."""
    people = timing(name).user_to_assistant
    return people.model_copy(update={"overlap": people.overlap.model_copy(update={"high": 1.5})})


def talks(transfer: FloorTransfer, n: int = 20) -> Sequence[Recording]:
    return [recording(transfer, 100, seed, nods=seed % 2 == 0) for seed in range(n)]


@pytest.mark.parametrize("name", ["telephone", "video_call"])
def test_the_timing_of_2000_turns_is_recovered(name: str) -> None:
    transfer = bounded(name)
    found = Timing.model_validate(yaml.safe_load(fit_preset(talks(transfer), "mine")))
    assert found.user_to_assistant == found.assistant_to_user
    fitted = found.user_to_assistant
    assert fitted.p_overlap == pytest.approx(transfer.p_overlap, abs=0.03)
    assert fitted.gap.median == pytest.approx(transfer.gap.median, rel=0.08)
    assert fitted.gap.sigma == pytest.approx(transfer.gap.sigma, rel=0.1)
    assert fitted.overlap.median == pytest.approx(transfer.overlap.median, rel=0.12)
    assert fitted.overlap.sigma == pytest.approx(transfer.overlap.sigma, rel=0.12)
    assert found.pause.median == pytest.approx(0.55, abs=0.1)


def test_nods_are_no_turns() -> None:
    transfer = bounded("telephone")
    without, with_nods = (measure_turns([recording(transfer, 60, 5, nods)]) for nods in (False, True))
    assert (without.backchannels, with_nods.backchannels) == (0, 60)
    assert with_nods.offsets.tolist() == without.offsets.tolist()
    assert with_nods.turns == 60


def test_a_nod_in_a_pause_of_the_other_is_no_turn_where_they_overlap() -> None:
    speaker = np.array([[0, 2], [2.5, 4]]) * RATE
    nod, answer = np.array([[1.9, 2.3]]) * RATE, np.array([[2.1, 2.4]]) * RATE
    nodded = measure_turns([Recording("a", (speaker.astype(np.int64), nod.astype(np.int64)), 4.0)])
    answered = measure_turns([Recording("b", (speaker.astype(np.int64), answer.astype(np.int64)), 4.0)])
    assert (nodded.turns, nodded.backchannels) == (1, 1)
    assert (answered.turns, answered.backchannels) == (3, 0)


def test_the_interval_holds_the_truth_and_is_wide_for_little_talk() -> None:
    transfer = bounded("telephone")
    little, much = intervals([recording(transfer, 40, 3)], "x"), intervals(talks(transfer), "x")
    for key in ("p_overlap", "gap.median", "gap.sigma"):
        truth = transfer.p_overlap if key == "p_overlap" else getattr(transfer.gap, key[4:])
        assert little[key][0] < truth < little[key][1]
        assert much[key][1] - much[key][0] < 0.6 * (little[key][1] - little[key][0])


def test_no_overlap_in_few_changes_does_not_mean_that_there_is_none() -> None:
    never = timing("telephone").user_to_assistant.model_copy(update={"p_overlap": 0.0})
    assert intervals([recording(never, 23, 1)], "x")["p_overlap"][1] > 0.1


def test_the_same_talk_gives_the_same_file_and_the_file_says_where_it_is_from() -> None:
    recordings = talks(bounded("telephone"), 12)
    text = fit_preset(recordings, "mine")
    assert fit_preset(recordings, "mine") == text
    assert text.startswith("# Timing preset mine, fitted by `turnmill fit` to ")
    assert "talk 0, talk 1, talk 2, talk 3, talk 4 and 7 more" in text
    assert "  gap.median 0.2" in text


def test_the_file_is_a_preset_that_a_recipe_can_name(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(fit_preset(talks(bounded("telephone"), 2), "mine"), encoding="utf-8")
    assert timing(str(path)).user_to_assistant.gap.median == pytest.approx(0.29, rel=0.3)


def test_too_little_talk_is_said() -> None:
    with pytest.raises(TurnmillError, match="have 4 changes of speaker, and a preset needs 10"):
        fit(measure_turns([recording(bounded("telephone"), 5, 0)]))
    with pytest.raises(UsageError, match="at least one two-channel file"):
        fit_preset([], "mine")


def test_a_real_call_has_a_preset(shared: Path) -> None:
    path = shared / "two-channel" / "support_call_agent_caller_8k.flac"
    call = recording_of(decode(path.read_bytes(), path.name), "support_call")
    assert all(60 * RATE < (spans[:, 1] - spans[:, 0]).sum() < 110 * RATE for spans in call.channels)
    assert call.leak_db is None
    assert 15 <= measure_turns([call]).turns <= 40
    found = Timing.model_validate(yaml.safe_load(fit_preset([call], "support")))
    assert 0.5 < found.user_to_assistant.gap.median < 3.0


def test_cross_talk_is_left_out_and_said(shared: Path) -> None:
    path = shared / "two-channel" / "spokenwoz-MUL1423.flac"
    call = decode(path.read_bytes(), path.name)
    leak = np.roll(call.samples[::-1], 80, axis=1) * np.float32(10 ** (-14 / 20))
    apart, leaky = (recording_of(Audio(samples, 8000), "call") for samples in (call.samples, call.samples + leak))
    # The channel that is 12 dB louder hears nothing of the other one that could be taken for its own.
    assert leaky.leak_db == pytest.approx(-14, abs=1.5)
    found, true = measure_turns([leaky]), measure_turns([apart])
    assert found.turns == pytest.approx(true.turns, abs=4)
    assert (found.offsets < 0).mean() < 0.2
    text = fit_preset([leaky], "leaky")
    assert "# Warning: call has cross-talk of -1" in text
    assert "Warning" not in fit_preset([apart], "apart")
    Timing.model_validate(yaml.safe_load(text))


@pytest.mark.parametrize(("gain", "delay_s"), [(1.0, 0.0), (-0.05, 0.0), (0.2, 0.4)])
def test_two_channels_that_are_one_talk_are_found(shared: Path, gain: float, delay_s: float) -> None:
    pcm, rate = soundfile.read(shared / "jfk.flac", dtype="float32", always_2d=True)
    pcm = pcm[:, 0]
    delayed = np.concatenate((np.zeros(round(delay_s * rate), np.float32), gain * pcm))[: len(pcm)]
    assert same_talk(np.stack((pcm, delayed)), rate)


def test_two_speakers_are_two_talks_and_so_is_silence(shared: Path) -> None:
    for path in sorted((shared / "two-channel").glob("*.flac")):
        pcm, rate = soundfile.read(path, dtype="float32", always_2d=True)
        assert not same_talk(pcm.T, rate), path.name
        assert not same_talk(np.stack((pcm[:, 0], np.zeros_like(pcm[:, 0]))), rate), path.name


def test_fit_refuses_a_mono_recording_in_two_channels(shared: Path, tmp_path: Path) -> None:
    pcm, rate = soundfile.read(shared / "jfk.flac", dtype="float32", always_2d=True)
    pcm = pcm[:, 0]
    path = tmp_path / "twice.wav"
    soundfile.write(path, np.stack((pcm, pcm), axis=1), rate)
    with pytest.raises(UsageError, match=r"twice.wav has the same talk on both channels: .* one speaker on each"):
        fit_files([path], "x")
