"""Questions about clips and the answers that their labels give, for Qwen2-Audio: what is said, in its language and in
another, how it sounds, which vocal sound it is, and who reads one text twice, and how."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any, Final

from turnmill.manifests.emotions import emotion_named
from turnmill.manifests.export.messages import (
    LLAMAFACTORY,
    SWIFT,
    assistant,
    entry,
    llamafactory_index,
    llamafactory_knob,
    swift_index,
    swift_knob,
    user,
)
from turnmill.manifests.export.profile import Add, Drop, Index, Place, Profile, Row
from turnmill.manifests.export.questions import Task, sound_among, wording_of
from turnmill.manifests.export.sample import WHISPER_RATE, WHISPER_SECONDS, Sample, heard, marked
from turnmill.manifests.export.utterances import text_of, translation_of

Entry = dict[str, Any]


@contextmanager
def audio_tasks(place: Place) -> Iterator[Add]:
    """`audio/KEY.wav` of each clip: mono, 16 kHz, one file for all of its tasks. Items are the tasks."""

    def add(sample: Sample) -> Iterator[Row]:
        uid, answers = sample.told["uid"], dict(_answers(sample))
        if not answers:
            yield Row(uid, sample.duration, drop=Drop.NO_LABEL)
            return
        if sample.duration > WHISPER_SECONDS:
            yield from (Row(f"{uid}#{task}", sample.duration, drop=Drop.TOO_LONG) for task in answers)
            return
        path, wording = f"audio/{sample.key}.wav", wording_of(sample.told["language"])
        sound = sample.one_channel
        place.write(path, heard((sound, 0), 0.0, sound.duration, WHISPER_RATE, sample.key))
        text = _read(sample)
        for task, answer in answers.items():
            if marked(answer):
                yield Row(f"{uid}#{task}", sample.duration, drop=Drop.MARKUP)
                continue
            question = wording.question(task, sample.key, (sample.told["translation"] or {}).get("target_language"))
            messages = [user(1, question), assistant(answer)]
            reading = _reading(sample) if task == "asr" and text else None
            yield Row(f"{uid}#{task}", sample.duration, entry(messages, [path]) | {"reading": reading}, order=text)

    yield add


def _answers(sample: Sample) -> Iterator[tuple[Task, str]]:
    """The tasks that the labels of a clip are answers of."""
    told = sample.told
    wording = wording_of(told["language"])
    if text := text_of(sample):
        yield "asr", text
    if translation := translation_of(told):
        yield "s2tt", translation
    if emotion := emotion_named(told["emotion"]):
        yield "ser", wording.emotions[emotion]
    if sound := sound_among(told["tags"] or ()):
        yield "vsc", wording.sounds[sound]


def _read(sample: Sample) -> str:
    """The words that a known speaker was given to read; empty where none."""
    told = sample.told
    words = " ".join(re.findall(r"\w+", (told["text_given"] or "").casefold()))
    return f"{told['language']} {words}" if words and told["speaker"] else ""


def _reading(sample: Sample) -> dict[str, Any]:
    told = sample.told
    names = ("corpus", "language", "speaker", "emotion")
    return {"key": sample.key, "text": _read(sample)} | {name: told[name] for name in names}


def _with_pairs(entries: Callable[[], Iterator[Entry]]) -> Iterator[Entry]:
    last: tuple[dict[str, Any], str] | None = None
    for one in entries():
        reading, (path,) = one.pop("reading"), one["audios"]
        yield one
        if reading is None:
            continue
        if last is not None and last[0]["text"] == reading["text"]:
            yield _pair(last, (reading, path))
        last = reading, path


def _pair(first: tuple[dict[str, Any], str], second: tuple[dict[str, Any], str]) -> Entry:
    (a, path), (b, other) = first, second
    wording, one_speaker = wording_of(a["language"]), all(a[name] == b[name] for name in ("corpus", "speaker"))
    answer = wording.pair_answer(one_speaker, (emotion_named(a["emotion"]), emotion_named(b["emotion"])))
    return entry([user(2, wording.pair_question(a["key"], b["key"])), assistant(answer)], [path, other])


def with_pairs(write: Callable[[Index], None]) -> Callable[[Index], None]:
    """An index of the entries, and of a question for each two readings of one text that follow each other in its order:
    at most one a clip. Takes of one speaker in one tone are among them, or each answer would be that something differs.
    """
    return lambda index: write(
        replace(index, splits={split: partial(_with_pairs, entries) for split, entries in index.splits.items()})
    )


_T: Final = ("speech", "tasks", audio_tasks)
_SWIFT, _LLAMAFACTORY = with_pairs(swift_index), with_pairs(llamafactory_index)

PROFILES: Final = (
    Profile("swift", "Qwen2-Audio", *_T, _SWIFT, SWIFT, swift_knob, absolute=True),
    Profile("llamafactory", "Qwen2-Audio", *_T, _LLAMAFACTORY, LLAMAFACTORY, llamafactory_knob),
)
