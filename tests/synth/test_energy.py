"""The rule for where speech begins and ends."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from turnmill.synth.energy import active_level, islands, speech_bounds


def burst(before: int, length: int, after: int, amplitude: float = 0.5) -> np.ndarray:
    tone = amplitude * np.sin(2 * np.pi * 200 * (np.arange(length) + 30) / 24_000)
    return np.concatenate([np.zeros(before), tone, np.zeros(after)]).astype(np.float32)


@given(st.integers(0, 3000), st.integers(480, 9600), st.integers(0, 3000))
def test_bounds_do_not_depend_on_where_the_burst_lies(before: int, length: int, after: int) -> None:
    alone = speech_bounds(burst(0, length, 0), -40.0)
    found = speech_bounds(burst(before, length, after), -40.0)
    assert alone is not None
    assert found == (alone[0] + before, alone[1] + before)
    assert alone[0] == 0
    assert length - alone[1] <= 12  # the sine may end near its zero


def test_a_click_is_not_speech_and_silence_has_no_bounds() -> None:
    pcm = np.zeros(4800, np.float32)
    assert speech_bounds(pcm, -60.0) is None
    pcm[2000] = 0.02
    assert speech_bounds(pcm, -40.0) is None
    assert active_level(np.zeros(480, np.float32)) is None


def test_level_counts_the_loud_frames_alone() -> None:
    pcm = burst(24_000, 24_000, 24_000)
    level = active_level(pcm)
    assert level is not None
    assert abs(level - 20 * np.log10(0.5 / np.sqrt(2))) < 0.05


def test_islands_are_divided_by_silence_of_the_bridge_or_more() -> None:
    pcm = np.concatenate([burst(240, 4800, 480), burst(0, 4800, 2400), burst(0, 4800, 240)])
    found = islands(pcm, -40.0, bridge=960)
    assert len(found) == 2
    assert abs(found[0][1] - (240 + 4800 + 480 + 4800)) <= 240
    assert found[0][0] == 240
