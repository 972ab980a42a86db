"""What is known of a spoken line."""

import numpy as np

from tests.synth.test_energy import burst
from turnmill.synth.duplex.planning.spoken import measure
from turnmill.synth.speech import Word


def test_a_measured_line_keeps_the_words_that_can_be_heard() -> None:
    line = measure(burst(2400, 24_000, 2400), [Word("a", 0.05, 0.5), Word("b", 0.5, 1.2), Word("lost", 1.15, 1.2)])
    assert line is not None
    assert [word.text for word in line.words] == ["a", "b"]
    assert line.words[0].start == line.speech_start == 2400
    assert line.words[1].end == line.speech_end


def test_a_line_without_sound_is_none() -> None:
    assert measure(np.zeros(480, np.float32), []) is None
