"""Clips and what is said in them, for those who train voices: CosyVoice, F5-TTS, fish-speech, GPT-SoVITS, OuteTTS.

Contracts: CosyVoice's tools/make_parquet_list.py and cosyvoice/dataset/processor.py (ace7c47); F5-TTS's
train/datasets/prepare_csv_wavs.py and model/dataset.py (2ae2c9b); fish-speech's tools/llama/build_dataset.py (3dd1f85);
GPT-SoVITS's prepare_datasets/1-get-text.py (48b1a01); OuteTTS's examples/training/OuteTTS-0.3 and
version/v3/audio_processor.py (f5eac6e).
"""

import csv
import io
import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import pyarrow as pa

from turnmill.manifests.cosyvoice import EMOTIONS, END_OF_PROMPT, SYSTEM_PROMPT
from turnmill.manifests.export.profile import Add, Drop, Index, Place, Profile, Row, Written, no_index, write_lines
from turnmill.manifests.export.sample import Sample
from turnmill.manifests.export.table import AUDIO, table
from turnmill.manifests.export.utterances import (
    Rule,
    dropped,
    files,
    kaldi_entry,
    kaldi_index,
    sound_of,
    speaker_of,
    text_of,
    unfit,
    unsaid,
    utterance,
)
from turnmill.manifests.languages import primary

COSYVOICE_SECONDS: Final = (1.0, 30.0)  # below, versions 2 and 3 leave a clip out; above, its tokens are not made
COSYVOICE_RATE: Final = 16_000  # Hz
F5_SECONDS: Final = (0.3, 30.0)
F5_FRAMES: Final = 24_000 / 256  # of a mel spectrogram, a second
FISH_FRAMES: Final = 44_100 / 2_048  # of its codec, a second
SOVITS_LANGUAGES: Final = frozenset({"en", "ja", "ko", "yue", "zh"})
OUTE_FRAMES: Final = 75  # codes of a second


def lasts(least: float, most: float) -> Rule:
    """A clip lasts from `least` to `most` seconds."""

    def rule(sample: Sample) -> Row | None:
        if sample.duration < least:
            return dropped(sample, Drop.TOO_SHORT, f"it reads from {least:g} s")
        return dropped(sample, Drop.TOO_LONG, f"it reads up to {most:g} s") if sample.duration > most else None

    return rule


def without(mark: str) -> Rule:
    """The text has nothing that the expression `mark` finds."""

    def rule(sample: Sample) -> Row | None:
        found = re.search(mark, text_of(sample))
        return dropped(sample, Drop.MARKUP, found[0]) if found else None

    return rule


def _wide(sample: Sample) -> Row | None:
    rate = sample.header.samplerate
    return dropped(sample, Drop.LOW_RATE, f"it has {rate} Hz") if rate < COSYVOICE_RATE else None


@contextmanager
def cosyvoice(place: Place) -> Iterator[Add]:
    """`SPLIT/wav/UTT.wav` of each clip. A text has no control tokens; tags such as [laughter] are the model's own."""
    rules = (unsaid, lasts(*COSYVOICE_SECONDS), _wide, without(r"<\|.*?\|>"))
    yield files(place, _cosyvoice_entry, f"{place.split}/wav", rules)


def _cosyvoice_entry(sample: Sample) -> dict[str, Any]:
    emotion = sample.told["emotion"]
    asked = EMOTIONS.get(emotion, "") if emotion != "neutral" else ""
    return kaldi_entry(sample) | {"instruct": f"{SYSTEM_PROMPT} {asked}".rstrip() + END_OF_PROMPT}


def cosyvoice_index(index: Index) -> None:
    """Kaldi's files of each split, and `instruct`: version 3 trains on it, 1 and 2 do not look at it."""
    kaldi_index(index)
    write_lines(index, "{split}/instruct", lambda one: f"{one['utt']} {one['instruct']}\n")


def cosyvoice_knob(written: Written) -> str:
    return f"filter: max_length: {math.ceil(100 * written.lengths[2])}  (frames of 10 ms: no clip is longer)"


@contextmanager
def f5(place: Place) -> Iterator[Add]:
    """`SPLIT/NAME.wav` of each clip."""
    yield files(place, lambda sample: {"text": text_of(sample)}, place.split, (unsaid, lasts(*F5_SECONDS)))


def f5_index(index: Index) -> None:
    """`SPLIT.csv`, `audio_file|text` with absolute paths; a text with `|` in it is quoted."""
    for split, entries in index.splits.items():
        with index.store.writer(f"{split}.csv") as file:
            file.write(_piped("audio_file", "text"))
            for one in entries():
                file.write(_piped(index.store.path(one["path"]), one["text"]))


def _piped(*cells: str) -> bytes:
    line = io.StringIO()
    csv.writer(line, delimiter="|", lineterminator="\n").writerow(cells)
    return line.getvalue().encode()


def f5_knob(written: Written) -> str:
    frames = math.ceil(F5_FRAMES * written.lengths[2])
    return f"datasets.batch_size_per_gpu: at least {frames:,}  (frames of the longest clip, which else is left out)"


@contextmanager
def fish(place: Place) -> Iterator[Add]:
    """`SPLIT/SPEAKER/NAME.wav` and `NAME.lab` with the text, of which its reader would erase `<...>` and `{...}`."""
    rules = (unsaid, without(r"\{.*?\}|<.*?>"))

    def add(sample: Sample) -> Iterator[Row]:
        if (row := unfit(sample, rules)) is not None:
            yield row
            return
        stem = f"{place.split}/{speaker_of(sample)}/{utterance(sample)}"
        place.write(f"{stem}.wav", sound_of(sample))
        place.write(f"{stem}.lab", text_of(sample).encode())
        yield Row(sample.told["uid"], sample.duration, {})

    yield add


def fish_knob(written: Written) -> str:
    return f"max_length: over {math.ceil(FISH_FRAMES * written.lengths[2])}  (codec frames of the longest clip)"


def _foreign(sample: Sample) -> Row | None:
    language = sample.told["language"]
    if language is not None and primary(language) in SOVITS_LANGUAGES:
        return None
    return dropped(sample, Drop.LANGUAGE, f"it is in {language or 'no language'}: not in {_SOVITS_KNOWS}")


_SOVITS_KNOWS: Final = ", ".join(sorted(SOVITS_LANGUAGES))


@contextmanager
def gptsovits(place: Place) -> Iterator[Add]:
    """`SPLIT/NAME.wav` of each clip."""
    yield files(place, _sovits_entry, place.split, (unsaid, _foreign, without(r"\|")))


def _sovits_entry(sample: Sample) -> dict[str, Any]:
    return {"speaker": speaker_of(sample), "language": primary(sample.told["language"]), "text": text_of(sample)}


def gptsovits_index(index: Index) -> None:
    """`SPLIT.list`, `NAME.wav|speaker|language|text`: it looks names up in the folder that it is given."""
    write_lines(
        index,
        "{split}.list",
        lambda one: f"{one['path'].rpartition('/')[2]}|{one['speaker']}|{one['language']}|{one['text']}\n",
    )


def gptsovits_knob(written: Written) -> str:
    return f"data: max_sec: {math.ceil(written.lengths[2])}  (seconds: no clip is longer)"


_OUTE: Final = pa.schema(
    [
        ("transcript", pa.string()),
        ("audio", AUDIO),
        ("words", pa.list_(pa.struct([("word", pa.string()), ("start", pa.float64()), ("end", pa.float64())]))),
    ]
)


@contextmanager
def outetts(place: Place) -> Iterator[Add]:
    """`SPLIT/SPLIT-NNNNN-of-NNNNN.parquet`, a row for each clip: all of a folder is trained on. Version 0.3 aligns
    `transcript` itself, 1.0 takes `words`, which are null where no recogniser told when each is said."""
    with table(place, place.split, _OUTE) as put:

        def add(sample: Sample) -> Iterator[Row]:
            if (row := unsaid(sample)) is not None:
                yield row
                return
            audio = {"bytes": sound_of(sample), "path": f"{utterance(sample)}.wav"}
            put({"transcript": text_of(sample), "audio": audio, "words": sample.recognised})
            yield Row(sample.told["uid"], sample.duration, {})

        yield add


def outetts_knob(written: Written) -> str:
    return f"your trainer's max_length: over {math.ceil(OUTE_FRAMES * written.lengths[2])}  (codes of the longest clip)"


_S: Final = ("speech", "clips")
_COSYVOICE: Final = "tools/make_parquet_list.py --src_dir {folder}/{split} --des_dir DIR  (then run.sh, stage 5)"
_F5: Final = "prepare_csv_wavs.py {folder}/{split}.csv data/NAME_pinyin  (then finetune_cli.py --dataset_name NAME)"
_FISH: Final = (
    "tools/vqgan/extract_vq.py {folder}/{split}, then tools/llama/build_dataset.py --input {folder}/{split} "
    "--text-extension .lab"
)
_SOVITS: Final = "inp_text={folder}/{split}.list inp_wav_dir={folder}/{split} prepare_datasets/1-get-text.py"
_OUTETTS: Final = 'DataCreation(audio_files_path="{folder}/{split}", ...).run()  (examples/training/OuteTTS-0.3)'

PROFILES: Final = (
    Profile(
        "cosyvoice", "CosyVoice 1 to 3", *_S, cosyvoice, cosyvoice_index, _COSYVOICE, cosyvoice_knob,
        absolute=True, unspaced=True,
    ),
    Profile("f5", "F5-TTS, E2-TTS", *_S, f5, f5_index, _F5, f5_knob, absolute=True),
    Profile("fish", "fish-speech", *_S, fish, no_index, _FISH, fish_knob),
    Profile("gptsovits", "GPT-SoVITS", *_S, gptsovits, gptsovits_index, _SOVITS, gptsovits_knob),
    Profile("outetts", "OuteTTS", *_S, outetts, no_index, _OUTETTS, outetts_knob),
)  # fmt: skip
