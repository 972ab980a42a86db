"""Speech that is not as its class says is found, whatever engine gave it."""

import numpy as np
import pytest

from turnmill.manifests.records import Reason
from turnmill.synth.speech import Speech, SpeechError, Word, flaw

PCM = np.zeros(24_000, np.float32)


@pytest.mark.parametrize(
    ("speech", "wrong"),
    [
        (Speech(PCM, 24_000, None), None),
        (Speech(PCM, 24_000, (Word("a", 0.0, 0.5), Word("b", 0.5, 1.0))), None),
        (Speech(PCM.astype(np.float64), 24_000, None), "pcm of float64 and 1 dimensions"),
        (Speech(PCM[None], 24_000, None), "pcm of float32 and 2 dimensions"),
        (Speech(PCM, 24_000, (Word("a", 99.0, 99.5),)), "the word 'a' at 99.000 to 99.500 s"),
        (Speech(PCM, 24_000, (Word("a", 0.5, 0.7), Word("b", 0.2, 0.4))), "the word 'b' at 0.200"),
        (Speech(PCM, 24_000, (Word("a", 0.5, 0.4),)), "the word 'a' at 0.500 to 0.400"),
    ],
)
def test_what_an_engine_gives_is_as_it_has_to_be(speech: Speech, wrong: str | None) -> None:
    found = flaw(speech)
    assert found is None if wrong is None else wrong in str(found)


def test_a_reason_that_there_is_not_is_an_error_where_it_is_given() -> None:
    assert SpeechError("nothing_spoken", "").reason is Reason.NOTHING_SPOKEN
    with pytest.raises(ValueError, match="'nothing_spokn' is not a valid Reason"):
        SpeechError("nothing_spokn", "")
