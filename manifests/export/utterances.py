"""Clips and what is said in them, as files and a table: Kaldi and ESPnet, NeMo, `audiofolder`.

Contracts: Kaldi's data directory (utils/validate_data_dir.sh), NeMo's manifest (collections/common/parts/preprocessing/
manifest.py), `datasets`' folder builders. An utterance's name is its speaker and its key, of letters that none of them
splits at.
"""

import math
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from turnmill.manifests.audio import mono
from turnmill.manifests.export.profile import (
    Add,
    Drop,
    Index,
    Place,
    Profile,
    Row,
    Written,
    json_line,
    write_lines,
)
from turnmill.manifests.export.sample import Sample, wav


def speaker_of(sample: Sample) -> str:
    """The speaker's name in letters, digits, `_` and `-`; of an unknown one the clip's own."""
    told = sample.told["speaker"]
    return re.sub(r"[^A-Za-z0-9_-]+", "_", f"{sample.told['corpus']}_{told}") if told else sample.key


def _text(sample: Sample) -> str:
    """What is said, in one line."""
    return " ".join((sample.told["text"] or "").split())


def _part(place: Place, entry: Callable[[Sample, str], dict[str, Any]], folder: str) -> Add:
    """Writes each clip with a text as mono WAV at its own rate, `FOLDER/NAME.wav`."""

    def add(sample: Sample) -> Iterator[Row]:
        uid = sample.told["uid"]
        if not _text(sample):
            yield Row(uid, sample.duration, drop=Drop.NO_TEXT)
            return
        name = f"{speaker_of(sample)}-{sample.key}"
        path = f"{folder}/{name}.wav"
        place.write(path, wav(mono(sample.sound), sample.sound.sample_rate))
        yield Row(uid, sample.duration, entry(sample, name) | {"path": path}, order=name)

    return add


@contextmanager
def kaldi(place: Place) -> Iterator[Add]:
    """`SPLIT/wav/UTT.wav` of each clip."""
    yield _part(place, _kaldi_entry, f"{place.split}/wav")


def _kaldi_entry(sample: Sample, name: str) -> dict[str, Any]:
    return {"utt": name, "speaker": speaker_of(sample), "text": _text(sample), "seconds": sample.sound.duration}


def kaldi_index(index: Index) -> None:
    """`wav.scp`, `text`, `utt2spk`, `spk2utt`, `utt2dur` of each split, in the order of bytes. Kaldi reads the paths
    from where it runs, so they are absolute."""
    lines: dict[str, Callable[[Any], str]] = {
        "wav.scp": lambda one: f"{one['utt']} {index.store.path(one['path'])}\n",
        "text": lambda one: f"{one['utt']} {one['text']}\n",
        "utt2spk": lambda one: f"{one['utt']} {one['speaker']}\n",
        "utt2dur": lambda one: f"{one['utt']} {one['seconds']:.6f}\n",
    }
    for file, line in lines.items():
        write_lines(index, "{split}/" + file, line)
    for split, entries in index.splits.items():
        speakers: dict[str, list[str]] = {}
        for one in entries():
            speakers.setdefault(one["speaker"], []).append(one["utt"])
        told = "".join(f"{speaker} {' '.join(speakers[speaker])}\n" for speaker in sorted(speakers))
        index.store.write(f"{split}/spk2utt", told.encode())


@contextmanager
def nemo(place: Place) -> Iterator[Add]:
    """`SPLIT/UTT.wav` of each clip: in a folder, for one version of NeMo leaves a bare file name unresolved."""
    yield _part(place, lambda sample, _: _nemo_entry(sample), place.split)


def _nemo_entry(sample: Sample) -> dict[str, Any]:
    told = sample.told
    return {
        "duration": sample.sound.duration,
        "text": _text(sample),
        "speaker": speaker_of(sample),
        "lang": told["language"],
    }


def nemo_index(index: Index) -> None:
    """`SPLIT.jsonl`, whose paths are those from its own folder."""
    write_lines(index, "{split}.jsonl", lambda one: json_line({"audio_filepath": one.pop("path")} | one))


@contextmanager
def audiofolder(place: Place) -> Iterator[Add]:
    """`SPLIT/UTT.wav` of each clip."""
    yield _part(place, lambda sample, _: _folder_entry(sample), place.split)


def _folder_entry(sample: Sample) -> dict[str, Any]:
    names = ("uid", "corpus", "language", "licence", "emotion")
    return {"text": _text(sample), "speaker": speaker_of(sample)} | {name: sample.told[name] for name in names}


def audiofolder_index(index: Index) -> None:
    """`SPLIT/metadata.jsonl`, whose `file_name` is a path from its folder."""
    write_lines(
        index,
        "{split}/metadata.jsonl",
        lambda one: json_line({"file_name": one.pop("path").rpartition("/")[2]} | one),
    )


def longest(written: Written) -> str:
    """The length that no clip exceeds, for the trainers that leave longer ones out."""
    return f"max_duration: {math.ceil(written.lengths[2])}  (seconds: no clip is longer)"


_U: Final = ("speech", "clips")
_KALDI: Final = "utils/validate_data_dir.sh --no-feats {folder}/train"
_NEMO: Final = "model.train_ds.manifest_filepath={folder}/train.jsonl"
_FOLDER: Final = 'load_dataset("audiofolder", data_dir="{folder}")'

PROFILES: Final = (
    Profile("kaldi", "Kaldi, ESPnet", *_U, kaldi, kaldi_index, _KALDI, longest, absolute=True),
    Profile("nemo", "NeMo", *_U, nemo, nemo_index, _NEMO, longest),
    Profile("audiofolder", "`datasets`", *_U, audiofolder, audiofolder_index, _FOLDER, longest),
)
