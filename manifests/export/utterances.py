"""Clips and what is said in them, as files and a table: Kaldi and ESPnet, NeMo, `audiofolder`.

Contracts: Kaldi's data directory (utils/validate_data_dir.sh), NeMo's manifest (collections/common/parts/preprocessing/
manifest.py), `datasets`' folder builders. An utterance's name is its speaker and its key, of letters that none of them
splits at.
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

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
from turnmill.manifests.records import stable_hash

Rule = Callable[[Sample], Row | None]
"""Why a format cannot hold a clip; None where it can."""


_LONGEST_NAME: Final = 64  # of a file's 255


def speaker_of(sample: Sample) -> str:
    """The speaker's name in letters, digits and `_`, no other's: with a hash where another may be spelt alike, or the
    name would be too long. Of an unknown one the clip's own. (A `-` ends it: Kaldi wants utterances and speakers in one
    order.)"""
    corpus, told = sample.told["corpus"], sample.told["speaker"]
    if not told:
        return sample.key
    if re.fullmatch(r"[A-Za-z0-9]+", corpus) and re.fullmatch(rf"[A-Za-z0-9_]{{1,{_LONGEST_NAME}}}", told):
        return f"{corpus}_{told}"
    spelt = re.sub(r"[^A-Za-z0-9_]+", "_", f"{corpus}_{told}")[:_LONGEST_NAME].rstrip("_")
    return f"{spelt}_{stable_hash(corpus, told)}"


def utterance(sample: Sample) -> str:
    """The clip's name, which begins with its speaker's."""
    return f"{speaker_of(sample)}-{sample.key}"


def text_of(sample: Sample) -> str:
    """What is said, in one line."""
    return " ".join((sample.told["text"] or "").split())


def translation_of(told: Mapping[str, Any]) -> str | None:
    """What is said in a clip, in another language and in one line; None where the recipe did not ask (`translate`), or
    it has none."""
    translation: str | None = (told["translation"] or {}).get("translation")
    return translation


def manner_of(told: Mapping[str, Any]) -> str | None:
    """How a clip is spoken, in words; None where the recipe did not ask (`caption`), or nobody is heard."""
    caption: str | None = (told["manner"] or {}).get("caption")
    return caption


def sound_of(sample: Sample) -> bytes:
    """The clip as mono WAV at its own rate. Raises AudioError."""
    return wav(sample.one_channel.samples, sample.sound.sample_rate)


def dropped(sample: Sample, drop: Drop, detail: str | None = None) -> Row:
    return Row(sample.told["uid"], sample.duration, drop=drop, detail=detail)


def unsaid(sample: Sample) -> Row | None:
    return None if text_of(sample) else dropped(sample, Drop.NO_TEXT)


def unfit(sample: Sample, rules: Sequence[Rule]) -> Row | None:
    """What the first rule that refuses a clip says."""
    return next((row for rule in rules if (row := rule(sample)) is not None), None)


def files(
    place: Place, entry: Callable[[Sample], dict[str, Any]], folder: str, rules: Sequence[Rule] = (unsaid,)
) -> Add:
    """Writes each clip that no rule refuses as `FOLDER/NAME.wav`, its `path` beside what `entry` says."""

    def add(sample: Sample) -> Iterator[Row]:
        if (row := unfit(sample, rules)) is not None:
            yield row
            return
        path = f"{folder}/{utterance(sample)}.wav"
        place.write(path, sound_of(sample))
        yield Row(sample.told["uid"], sample.duration, entry(sample) | {"path": path}, order=utterance(sample))

    return add


@contextmanager
def kaldi(place: Place) -> Iterator[Add]:
    """`SPLIT/wav/UTT.wav` of each clip."""
    yield files(place, kaldi_entry, f"{place.split}/wav")


def kaldi_entry(sample: Sample) -> dict[str, Any]:
    said = {"text": text_of(sample), "seconds": sample.sound.duration}
    return {"utt": utterance(sample), "speaker": speaker_of(sample)} | said


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
    yield files(place, _nemo_entry, place.split)


def _nemo_entry(sample: Sample) -> dict[str, Any]:
    told = sample.told
    return {
        "duration": sample.sound.duration,
        "text": text_of(sample),
        "speaker": speaker_of(sample),
        "lang": told["language"],
    }


def nemo_index(index: Index) -> None:
    """`SPLIT.jsonl`, whose paths are those from its own folder."""
    write_lines(index, "{split}.jsonl", lambda one: json_line({"audio_filepath": one.pop("path")} | one))


@contextmanager
def audiofolder(place: Place) -> Iterator[Add]:
    """`SPLIT/UTT.wav` of each clip, of sounds too."""
    yield files(place, _folder_entry, place.split, ())


def _folder_entry(sample: Sample) -> dict[str, Any]:
    names = ("uid", "corpus", "language", "licence", "emotion")
    said = {"text": text_of(sample) or None, "speaker": speaker_of(sample), "caption": manner_of(sample.told)}
    return said | {name: sample.told[name] for name in names}


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
_KALDI: Final = "utils/validate_data_dir.sh --no-feats {folder}/{split}"
_NEMO: Final = "model.train_ds.manifest_filepath={folder}/{split}.jsonl"
_FOLDER: Final = 'load_dataset("audiofolder", data_dir="{folder}")'

PROFILES: Final = (
    Profile("kaldi", "Kaldi, ESPnet", *_U, kaldi, kaldi_index, _KALDI, longest, absolute=True),
    Profile("nemo", "NeMo", *_U, nemo, nemo_index, _NEMO, longest),
    Profile("audiofolder", "`datasets`", *_U, audiofolder, audiofolder_index, _FOLDER, longest),
)
