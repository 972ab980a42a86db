"""Cross-talk is subtracted as it came, whatever the line made of it, and nothing of one's own goes with it."""

from collections.abc import Iterator

import numpy as np
import pytest
from scipy.signal import lfilter

from turnmill.manifests.audio import Float32
from turnmill.sources.crosstalk import without

RATE, SECONDS = 16_000, 40


def in_blocks(samples: Float32, size: int) -> Iterator[Float32]:
    for start in range(0, samples.shape[1], size):
        yield samples[:, start : start + size]


@pytest.fixture
def apart() -> tuple[Float32, list[np.ndarray]]:
    """Two who speak in turn, and both at the end; where they do, in frames."""
    rng = np.random.default_rng(7)
    noise = lfilter([1.0], [1.0, -0.9], rng.standard_normal((2, SECONDS * RATE)), axis=1).astype(np.float32) * 0.05
    seconds = np.arange(SECONDS * 100) / 100
    spoken = [(seconds % 10 < 5) | (seconds >= 36), (seconds % 10 >= 5) | (seconds >= 36)]
    return noise * np.repeat(np.array(spoken, np.float32), RATE // 100, axis=1), spoken


def leaky(apart: Float32, delay: int) -> Float32:
    """Each channel with the other one, so many samples later and through a line of 20 ms, 20 dB below."""
    line = np.random.default_rng(8).standard_normal(320) * np.exp(-np.arange(320) / 60)
    line *= 0.1 / np.sqrt((line**2).sum())
    return apart + np.roll(lfilter(line, [1.0], apart[::-1], axis=1), delay, axis=1).astype(np.float32)


@pytest.mark.parametrize("delay", [-4800, 0, 320, 7200])
def test_what_is_heard_of_another_goes_and_what_is_said_stays(
    apart: tuple[Float32, list[np.ndarray]], delay: int
) -> None:
    said, spoken = apart
    heard = leaky(said, delay)
    leaks = {(0, 1): delay // 160, (1, 0): delay // 160}
    left = np.concatenate(list(without(in_blocks(heard, 10_007), in_blocks(heard, 10_007), leaks, spoken)), axis=1)
    assert left.shape == said.shape
    assert left.dtype == np.float32
    before, after = (np.square(each - said).mean(axis=1) for each in (heard, left))
    assert (10 * np.log10(after / before) < -15).all()


def test_blocks_of_any_size_give_the_same(apart: tuple[Float32, list[np.ndarray]]) -> None:
    said, spoken = apart
    heard = leaky(said, 320)
    whole, pieces = (
        np.concatenate(list(without(in_blocks(heard, n), in_blocks(heard, n), {(0, 1): 2}, spoken)), axis=1)
        for n in (heard.shape[1], 4096)
    )
    assert np.array_equal(whole, pieces)
    assert np.array_equal(whole[1], heard[1])  # it hears nobody


def test_what_is_never_heard_alone_is_left_in(apart: tuple[Float32, list[np.ndarray]]) -> None:
    said, spoken = apart
    always = [np.ones_like(spoken[0]), spoken[1]]
    heard = leaky(said, 320)
    left = np.concatenate(list(without(in_blocks(heard, 4096), in_blocks(heard, 4096), {(0, 1): 2}, always)), axis=1)
    assert np.array_equal(left, heard)
