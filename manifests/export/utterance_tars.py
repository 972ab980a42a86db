"""Clips in tars: CLAP, Emilia's (MaskGCT), wenet's (MooER).

Contracts: CLAP's training/data.py (1fd4c37); the tars of amphion/Emilia-Dataset and `datasets`' webdataset builder;
MooER's tools/make_shard_list.py and datasets/speech_processor.py (a5ca767). Keys have no dot: some cut a name at the
first, others at the last.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from itertools import chain, groupby, pairwise
from typing import Any, Final

from turnmill.manifests.audio import Audio, Float32, encode_flac
from turnmill.manifests.export.profile import Add, Drop, Index, Place, Profile, Row, Written, json_line, no_index
from turnmill.manifests.export.sample import Sample, at_rate, marked, mp3, wav
from turnmill.manifests.export.utterances import dropped, manner_of, speaker_of, text_of, translation_of, unsaid
from turnmill.manifests.languages import primary, space
from turnmill.manifests.tar import TarWriter

CLAP_RATE: Final = 48_000  # Hz
CLAP_FRAMES: Final = 480_000  # that its loader takes at once
EMILIA_RATE: Final = 24_000  # Hz
WENET_RATE: Final = 16_000  # Hz


_UNTIMED: Final = "it is cut at 10 s, and no recogniser told when each word is said"


@contextmanager
def _tars(place: Place) -> Iterator[Callable[[str], TarWriter]]:
    """What opens a tar of the part by its name, each once."""
    opened: dict[str, TarWriter] = {}
    with ExitStack() as stack:

        def tar(name: str) -> TarWriter:
            if name not in opened:
                opened[name] = TarWriter(stack.enter_context(place.writer(name)))
            return opened[name]

        yield tar
        for each in opened.values():
            each.close()


def _at_rate(sample: Sample, rate: int) -> Float32:
    """The clip, mono, float32 [1, frames] at `rate` Hz."""
    return at_rate(sample.one_channel, rate, sample.key)


@contextmanager
def clap(place: Place) -> Iterator[Add]:
    """`SPLIT/N.tar` with `KEY-PIECE.flac` and `.json` of each piece: its loader fails at what lasts over 10 s.

    A long clip is cut between words. Its captions go with each piece, of its text what the recogniser heard in it.
    """
    name = f"{place.split}/{place.number}.tar"
    with _tars(place) as tar:

        def add(sample: Sample) -> Iterator[Row]:
            sound = _at_rate(sample, CLAP_RATE)
            edges = _edges(sample.recognised or (), sound.shape[1])
            whole = len(edges) == 2
            for number, (first, last) in enumerate(pairwise(edges)):
                item = sample.told["uid"] if whole else f"{sample.told['uid']}#{number}"
                start, end = first / CLAP_RATE, last / CLAP_RATE
                captions = _captions(sample.told, text_of(sample) if whole else _heard(sample, start, end))
                if not captions:
                    drop = Drop.TOO_LONG if text_of(sample) and sample.recognised is None else Drop.NO_TEXT
                    yield Row(item, end - start, drop=drop, detail=_UNTIMED if drop is Drop.TOO_LONG else None)
                    continue
                key = f"{sample.key}-{number}"
                tar(name).add(f"{key}.flac", encode_flac(Audio(sound[:, first:last], CLAP_RATE)))
                tar(name).add(f"{key}.json", json_line(_clap_json(sample, captions, start, end)).encode())
                yield Row(item, end - start, {"tar": name})

        yield add


def _edges(words: Sequence[Mapping[str, Any]], frames: int) -> list[int]:
    """Where a clip of so many frames is cut, its start and end among them: pieces are about equal, and a cut that would
    fall into a word is in the pause before it."""
    said = [(word["start"] * CLAP_RATE, word["end"] * CLAP_RATE) for word in words]
    pauses = [round((end + start) / 2) for (_, end), (start, _) in pairwise(said)]
    edges = [0]
    while (left := frames - edges[-1]) > CLAP_FRAMES:
        cut = edges[-1] + math.ceil(left / math.ceil(left / CLAP_FRAMES))
        if any(start < cut < end for start, end in said):
            cut = max((pause for pause in pauses if edges[-1] < pause <= cut), default=cut)
        edges.append(cut)
    return [*edges, frames]


def _heard(sample: Sample, start: float, end: float) -> str:
    """What is heard in a stretch of a clip, in seconds."""
    words = [word["word"] for word in sample.recognised or () if start <= (word["start"] + word["end"]) / 2 < end]
    return space(sample.told["language"] or "").join(words)


def _captions(told: Mapping[str, Any], text: str) -> list[str]:
    """Descriptions of a clip or a piece that says `text`; its trainer draws one of them each time."""
    captions = list(told["captions"] or ())
    if manner := manner_of(told):
        captions.append(manner)
    if text:
        captions.append(f'The person is saying "{text}"{_FEELING.get(told["emotion"], "")}')
    if not captions and told["tags"]:
        captions.append(f"The sounds of {', '.join(told['tags'])}")
    return captions


_FEELING: Final = {name: f", with {name}" for name in ("joy", "sadness", "fear", "anger", "surprise", "disgust")}


def _clap_json(sample: Sample, captions: Sequence[str], start: float, end: float) -> dict[str, Any]:
    told = sample.told
    tags = list(told["tags"] or ()) + ([told["emotion"]] if told["emotion"] else [])
    data = {name: told[name] for name in ("uid", "corpus", "language", "licence")} | {"start": start, "end": end}
    return {"text": captions, "tag": tags, "original_data": data}


def clap_index(index: Index) -> None:
    """`SPLIT/sizes.json`: how many samples each tar beside it has."""
    for split, entries in index.splits.items():
        sizes = {name.rpartition("/")[2]: count for name, count in _counts(entries())}
        index.store.write(f"{split}/sizes.json", json_line(sizes).encode())


def _counts(entries: Iterator[Any]) -> Iterator[tuple[str, int]]:
    """(tar, samples) of the entries, in order."""
    for name, group in groupby(entries, key=lambda one: one["tar"]):
        yield name, sum(1 for _ in group)


def clap_knob(written: Written) -> str:
    return f"--data-filling repeatpad  (half of the pieces last {written.lengths[0]:.1f} s or less of 10)"


@contextmanager
def emilia(place: Place) -> Iterator[Add]:
    """`SPLIT/LANG/LANG-BNNNNNN.tar` with `KEY.mp3`, mono at 24 kHz, and `KEY.json` of each clip, as of the published
    set. What nobody told is not in the JSON: null has no type."""
    with _tars(place) as tar:

        def add(sample: Sample) -> Iterator[Row]:
            told = sample.told
            if (row := unsaid(sample)) is not None:
                yield row
                return
            if told["language"] is None:
                yield dropped(sample, Drop.LANGUAGE)
                return
            language = primary(told["language"]).upper()
            key, name = f"{language}_{sample.key}", f"{language}-B{place.number:06d}"
            sound = mp3(_at_rate(sample, EMILIA_RATE), EMILIA_RATE)  # before there is a tar: it may not be decoded
            tar_of = tar(f"{place.split}/{language}/{name}.tar")
            tar_of.add(f"{key}.mp3", sound)
            tar_of.add(f"{key}.json", json_line(_emilia_json(sample, key, f"{name}/{key}.mp3")).encode())
            yield Row(told["uid"], sample.duration, {})

        yield add


def _emilia_json(sample: Sample, key: str, path: str) -> dict[str, Any]:
    quality = (sample.told["dnsmos"] or {}).get("dnsmos_ovrl")
    return {
        "id": key,
        "wav": path,
        "text": text_of(sample),
        "duration": sample.duration,
        "speaker": speaker_of(sample),
        "language": primary(sample.told["language"]),
    } | ({} if quality is None else {"dnsmos": quality})


def emilia_knob(written: Written) -> str:
    return f"nothing: MaskGCT's own dataset reads 3 to 30 s (the longest clip lasts {math.ceil(written.lengths[2])} s)"


@contextmanager
def wenet(place: Place) -> Iterator[Add]:
    """`SPLIT/shards_NNNNNNNNN.tar` with `KEY.txt` and `KEY.wav`, mono at 16 kHz, of each clip."""
    name = f"{place.split}/shards_{place.number:09d}.tar"
    with _tars(place) as tar:

        def add(sample: Sample) -> Iterator[Row]:
            if (row := unsaid(sample)) is not None:
                yield row
                return
            sound = wav(_at_rate(sample, WENET_RATE), WENET_RATE)  # first: what is not decoded leaves no text behind
            tar(name).add(f"{sample.key}.txt", text_of(sample).encode())
            tar(name).add(f"{sample.key}.wav", sound)
            translation = translation_of(sample.told)
            told = None if translation is None or marked(translation) else f"{sample.key} {translation}\n"
            yield Row(sample.told["uid"], sample.duration, {"tar": name, "translation": told})

        yield add


def wenet_index(index: Index) -> None:
    """`SPLIT/data.list`: the tars, by absolute paths, for it opens them from where it runs. Where clips are translated,
    `SPLIT/translations` as well: `KEY TRANSLATION`, the `replace_text_path` by which MooER learns to translate."""
    for split, entries in index.splits.items():
        told = "".join(f"{index.store.path(name)}\n" for name, _ in _counts(entries()))
        index.store.write(f"{split}/data.list", told.encode())
        translations = (one["translation"] for one in entries() if one["translation"] is not None)
        if (first := next(translations, None)) is not None:
            with index.store.writer(f"{split}/translations") as file:
                file.writelines(line.encode() for line in chain([first], translations))


def wenet_knob(written: Written) -> str:
    frames = math.ceil(100 * written.lengths[2])
    return f"max_length: {frames}  (frames of 10 ms; MooER's default, 2000, leaves longer clips out)"


_S: Final = "speech"
_CLAP: Final = "laion_clap.training.main --datasetpath {folder}/.. --datasetnames clap --datasetinfos {split}"
_EMILIA: Final = 'load_dataset("webdataset", data_files="{folder}/{split}/*/*.tar")'
_WENET: Final = "train.sh  (MooER; its `train_data_path`: {folder}/{split}/data.list)"

PROFILES: Final = (
    Profile("clap", "CLAP", _S, "pieces", clap, clap_index, _CLAP, clap_knob),
    Profile("emilia", "MaskGCT (Amphion)", _S, "clips", emilia, no_index, _EMILIA, emilia_knob),
    Profile("wenet", "MooER, wenet", _S, "clips", wenet, wenet_index, _WENET, wenet_knob, absolute=True),
)
