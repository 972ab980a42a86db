"""The targets, a line each."""

import difflib
from collections.abc import Mapping, Sequence
from typing import Final

from turnmill.manifests.errors import UsageError
from turnmill.manifests.export import duplex_audio as duplex
from turnmill.manifests.export import rounds
from turnmill.manifests.export import utterances as utt
from turnmill.manifests.export.profile import Profile, no_index, one_list

_D: Final = ("dialogue", "dialogues")

_U: Final = ("speech", "clips")

_MOSHI = "torchrun --nproc-per-node 8 -m train example/moshi_7B.yaml  (its `train_data`: {folder}/train.jsonl)"
_HERTZ = "stereo WAV in {folder}/audio, channel 0 the user: hertz-dev has published no trainer"
_LHOTSE = 'CutSet.from_shar(in_dir="{folder}/train")'
_VOICE = 'load_dataset("parquet", data_dir="{folder}/data")  (Mini-Omni, by SLAM-LLM examples/s2s)'
_KALDI = "utils/validate_data_dir.sh --no-feats {folder}/train"
_NEMO = "model.train_ds.manifest_filepath={folder}/train.jsonl"
_FOLDER = 'load_dataset("audiofolder", data_dir="{folder}")'

PROFILES: Final[Mapping[str, Profile]] = {
    profile.name: profile
    for profile in (
        Profile("moshi", "Moshi", *_D, duplex.moshi, one_list, _MOSHI, duplex.moshi_knob),
        Profile("hertz", "hertz-dev", *_D, duplex.hertz, one_list, _HERTZ, duplex.hertz_knob),
        Profile("lhotse", "Lhotse, K2", *_D, duplex.lhotse, no_index, _LHOTSE, duplex.lhotse_knob),
        Profile(
            "voiceassistant",
            "Mini-Omni",
            "dialogue",
            "rounds",
            rounds.voiceassistant,
            no_index,
            _VOICE,
            rounds.knob,
        ),
        Profile("kaldi", "Kaldi, ESPnet", *_U, utt.kaldi, utt.kaldi_index, _KALDI, utt.longest, absolute=True),
        Profile("nemo", "NeMo", *_U, utt.nemo, utt.nemo_index, _NEMO, utt.longest),
        Profile("audiofolder", "`datasets`", *_U, utt.audiofolder, utt.audiofolder_index, _FOLDER, utt.longest),
    )
}


def named(formats: str) -> Sequence[Profile]:
    """The profiles of `A,B`, each once. Raises UsageError for one that is not there."""
    names = list(dict.fromkeys(name.strip() for name in formats.split(",")))
    for name in names:
        if name not in PROFILES:
            near = difflib.get_close_matches(name, PROFILES, n=1)
            meant = f"did you mean {near[0]}?" if near else f"there are {', '.join(PROFILES)}"
            raise UsageError(f"--format {name} is no format of Turnmill's: {meant}")
    return [PROFILES[name] for name in names]
