"""A voice's recording as the package takes it: a path to a WAV file of at most 30 s at 16 kHz or more."""

import io
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import soundfile

from turnmill.manifests.records import Reason
from turnmill.synth.speech import SpeechError
from turnmill.synth.voices import Prompt

# cosyvoice/cli/frontend.py and utils/file_utils.py assert both; below a second there is no voice to be had.
_SHORTEST_S, _LONGEST_S = 1.0, 30.0
_LOWEST_HZ = 16_000
_SILENCE = 10 ** (-50 / 20)


@contextmanager
def wav_file(prompt: Prompt, voice: str) -> Iterator[str]:
    """The path of a 16-bit mono WAV file of the recording, there while the context is open.

    SpeechError("no_prompt") where it cannot be decoded, is under 16 kHz, not 1 to 30 s long, or silent.
    """

    def refused(why: str) -> SpeechError:
        return SpeechError(Reason.NO_PROMPT, f"the recording of voice {voice!r} {why}")

    try:
        pcm, rate = soundfile.read(io.BytesIO(prompt.flac), dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise refused(f"cannot be decoded: {error.error_string}") from error
    mono = pcm.mean(axis=1)
    seconds = len(mono) / rate
    if rate < _LOWEST_HZ:
        raise refused(f"has {rate} Hz, and CosyVoice needs {_LOWEST_HZ} or more")
    if not _SHORTEST_S <= seconds <= _LONGEST_S:
        raise refused(f"lasts {seconds:.1f} s, and CosyVoice needs {_SHORTEST_S:.0f} to {_LONGEST_S:.0f} s")
    if np.abs(mono).max() < _SILENCE:
        raise refused("is silent")
    with tempfile.TemporaryDirectory(prefix="turnmill-prompt-") as folder:
        path = Path(folder) / "prompt.wav"
        soundfile.write(path, mono, rate, subtype="PCM_16")
        yield str(path)
