"""`turnmill fit`: a timing preset from recordings of two people, one on each channel."""

from collections.abc import Sequence
from pathlib import Path

from turnmill.manifests.audio import AudioError, decode
from turnmill.manifests.errors import TurnmillError, UsageError
from turnmill.manifests.wording import plural
from turnmill.synth.duplex.talk.fit import Recording, fit_preset, same_talk, speech_of_audio


def fit_files(paths: Sequence[Path], name: str) -> str:
    """The preset, as YAML, that these two-channel files show.

    Raises UsageError for a file that is not there or has not two channels of their own, TurnmillError for one that
    cannot be read.
    """
    recordings = []
    for path in paths:
        try:
            audio = decode(path.read_bytes(), path.name)
        except OSError as error:
            raise UsageError(f"{path}: {error.strerror}; name files of recorded talk") from error
        except AudioError as error:
            raise TurnmillError(f"{path}: {error.detail}") from error
        if audio.samples.shape[0] != 2:
            raise UsageError(
                f"{path} has {plural(audio.samples.shape[0], 'channel')}: a preset is fitted to recordings with one "
                "speaker on each of two channels"
            )
        if same_talk(audio.samples, audio.sample_rate):
            raise UsageError(
                f"{path} has the same talk on both channels: a preset is fitted to recordings with one speaker on each "
                "of two channels"
            )
        first, second = (speech_of_audio(channel, audio.sample_rate) for channel in audio.samples)
        recordings.append(Recording(" ".join(path.name.split()), (first, second), audio.duration))
    return fit_preset(recordings, name)
