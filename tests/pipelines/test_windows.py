"""Windows hold all speech and no long silence, and are no longer than the model takes."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from turnmill.pipelines.asr.windows import LONGEST, SAMPLE_RATE, Clip, first_round, windows

NOISE = np.random.default_rng(0).standard_normal(120 * SAMPLE_RATE, np.float32)

_edges = st.lists(st.integers(0, 120 * SAMPLE_RATE), max_size=12, unique=True).map(sorted)


def spans_of(edges: list[int]) -> list[tuple[int, int]]:
    return list(zip(edges[::2], edges[1::2], strict=False))


@given(_edges)
def test_every_sample_of_speech_is_in_one_window(edges: list[int]) -> None:
    speech = spans_of(edges)
    found = windows(0, Clip(NOISE, speech))
    covered = np.zeros(len(NOISE), int)
    for window in found:
        end = window.start + len(window.pcm)
        assert 0 < len(window.pcm) <= LONGEST
        assert np.array_equal(window.pcm, NOISE[window.start : end])
        covered[window.start : end] += 1
    assert covered.max() <= 1
    for start, end in speech:
        assert covered[start:end].all()
    inside = [(window.start + s, window.start + e) for window in found for s, e in window.speech or ()]
    assert sum(end - start for start, end in inside) == sum(end - start for start, end in speech)
    # No silence of three seconds is heard.
    silent = covered.astype(bool)
    for start, end in speech:
        silent[start:end] = False
    runs = np.diff(np.flatnonzero(np.diff(np.concatenate([[0], silent.astype(int), [0]]))))[::2]
    assert max(runs, default=0) < 3 * SAMPLE_RATE


def test_without_measures_all_of_a_clip_is_heard_and_without_speech_nothing() -> None:
    found = windows(3, Clip(NOISE, None, "de"))
    assert [w.start for w in found] == [0, *(np.cumsum([len(w.pcm) for w in found])[:-1])]
    assert sum(len(window.pcm) for window in found) == len(NOISE)
    assert {(window.clip, window.language) for window in found} == {(3, "de")}
    assert windows(0, Clip(NOISE, ())) == []
    assert windows(0, Clip(NOISE[:0])) == []


def test_silence_that_is_left_behind_a_cut_is_not_heard() -> None:
    pcm = NOISE[: LONGEST + 4000].copy()
    pcm[-6400:] = 0
    (window,) = windows(0, Clip(pcm, [(0, len(pcm) - 6400)]))
    assert len(window.pcm) <= LONGEST


def test_a_clip_is_cut_in_a_pause() -> None:
    pcm = NOISE[: 35 * SAMPLE_RATE].copy()
    pcm[28 * SAMPLE_RATE : 28 * SAMPLE_RATE + 3200] = 0
    cut = windows(0, Clip(pcm))[1].start
    assert 28 * SAMPLE_RATE < cut < 28 * SAMPLE_RATE + 3200


def test_the_longest_window_of_a_clip_tells_its_language() -> None:
    second = SAMPLE_RATE
    unknown = windows(0, Clip(NOISE, [(0, second), (10 * second, 18 * second), (30 * second, 32 * second)]))
    known = windows(1, Clip(NOISE, [(0, second), (10 * second, 18 * second)], "de"))
    assert first_round([*unknown, *known]) == [unknown[1], *known]
