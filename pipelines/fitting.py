"""`turnmill fit`: a timing preset from recordings of two people, one on each channel."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from turnmill.manifests.audio import Audio, AudioError, decode
from turnmill.manifests.errors import TurnmillError, UsageError
from turnmill.manifests.wording import plural
from turnmill.sources.presence import presence
from turnmill.synth.channels import RATE
from turnmill.synth.duplex.talk.fit import Recording, fit_preset, same_talk


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
        try:
            recordings.append(recording(audio, " ".join(path.name.split())))
        except AudioError as error:
            raise TurnmillError(f"{path}: {error.detail}") from error
    return fit_preset(recordings, name)


def recording(audio: Audio, name: str) -> Recording:
    """Where each of two channels speaks. Raises AudioError as `sources.presence.presence`."""
    found = presence(audio, name)
    first, second = (np.round(np.array(spans).reshape(-1, 2) * RATE).astype(np.int64) for spans in found.channels)
    leaks = [leak for leak in found.leaks_db if leak is not None]
    return Recording(name, (first, second), audio.duration, max(leaks, default=None))
