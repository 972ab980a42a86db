"""Recognition of many clips by a Whisper model through faster-whisper, in batches that cross the borders of clips.

faster-whisper batches the windows of one recording. Clips of a few seconds have one window each, so here the windows
of all clips (`pipelines.asr.windows`) are sorted by language and length and batched together. Nothing is filtered:
Whisper's thresholds (log probability, compression ratio, no speech) are reported as values and applied by whoever
selects.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby
from math import ceil
from typing import Any, Final, TypeVar

import numpy as np

from turnmill.manifests.audio import library
from turnmill.manifests.records import Reason
from turnmill.pipelines.asr.given import given_tokens
from turnmill.pipelines.asr.models import english_only, fetched, near_language
from turnmill.pipelines.asr.windows import SAMPLE_RATE, Clip, Window, first_round, windows
from turnmill.pipelines.asr.words import Alignment, Word, hyphenated, in_speech, shortened, spread
from turnmill.pipelines.device import Batch
from turnmill.synth.tokens import joined as one_text

T = TypeVar("T")

_WHO: Final = "faster-whisper"
_BATCHES: Final = {"cpu": 1, "cuda": 16}
"""Windows decoded at once. On a CPU eight take as long as eight times one, and more memory
(tests/benchmarks/bench_transcribe.py); on an H200 50 clips took tiny.en 2.5 s one by one, 0.7 s by 16, 0.5 s by 32."""


@dataclass(frozen=True)
class Transcript:
    """What the model heard in a clip. What is measured is null where nothing was heard.

    `language_prob` is that of the language, null where it was not detected. `avg_logprob` is nats a token and
    `compression_ratio` the bytes of the text over those of its zlib form; of several windows, `avg_logprob` is the mean
    over those with words, weighted by duration, `no_speech_prob` the least, and `compression_ratio` the greatest.
    `heard` are the stretches that the model was given, in seconds, and `n_cut` how many of them said more than it can
    write. `detected` is the language that the model takes it for, whichever it was told, and `detected_prob` the
    probability of that; null of a model of one language. `given` are the words of the text that was given, where they
    were looked for.
    """

    text: str
    language: str | None
    language_prob: float | None
    avg_logprob: float | None
    no_speech_prob: float | None
    compression_ratio: float | None
    words: tuple[Word, ...]
    heard: tuple[tuple[float, float], ...]
    n_cut: int
    detected: str | None = None
    detected_prob: float | None = None
    given: tuple[Word, ...] | None = None


@dataclass(frozen=True)
class Decoded:
    """What faster-whisper makes of a window, as it is. `language_prob`: null where the language was given. `cut`:
    whether the text ends at the model's bound on tokens and not where the model would end it. `detected`: the language
    that the model takes it for and its probability, None of a model of one. `given`: where a text that was given is."""

    text: str
    language: str
    language_prob: float | None
    avg_logprob: float
    no_speech_prob: float
    cut: bool
    alignment: Alignment
    detected: tuple[str, float] | None
    given: Alignment


@dataclass(frozen=True)
class Heard:
    """What the model heard in a window of `samples` from `start` on. Its fields, and those of its words, are JSON.
    Times of words are from the start of the clip."""

    start: int
    samples: int
    text: str
    language: str
    language_prob: float | None
    avg_logprob: float
    no_speech_prob: float
    cut: bool
    words: tuple[Word, ...]
    detected: str | None = None
    detected_prob: float | None = None
    given: tuple[Word, ...] | None = None

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "Heard":
        """From `dataclasses.asdict`, with or without a way through JSON."""
        placed = {key: None if row[key] is None else tuple(Word(**word) for word in row[key]) for key in _PLACED}
        return cls(**{**row, **placed})


_PLACED: Final = ("words", "given")


class Recognizer:
    """A loaded Whisper model, named as in `pipelines.asr.models`.

    `batch_size`: null for what suits the device. `only`: the language of a model that learnt one alone, else None. One
    recogniser with one thread per core is faster than one with two threads. Raises `ModelUnavailable`.
    """

    def __init__(
        self,
        model: str,
        device: str = "auto",
        compute_type: str = "default",
        cpu_threads: int = 1,
        batch_size: int | None = None,
        beam_size: int = 5,
    ) -> None:
        from faster_whisper import BatchedInferencePipeline, WhisperModel

        folder = str(fetched(model).folder)
        self.model = WhisperModel(folder, device=device, compute_type=compute_type, cpu_threads=cpu_threads)
        self.pipeline = BatchedInferencePipeline(self.model)
        self.batch_size = batch_size or _BATCHES[self.model.model.device]
        self.batch = Batch(self.batch_size, "windows")
        self.beam_size = beam_size
        self._detects = self.model.model.is_multilingual
        self.only = None if self._detects and not english_only(model) else "en"

    def transcribe(self, clips: Sequence[Clip]) -> list[Transcript]:
        """Recognise clips of any length: one transcript each, in order. What is empty or has no speech has one without
        words.
        """
        heard: list[list[Heard]] = [[] for _ in clips]
        for window, result in self.rounds(self.windows(clips), self.hear, lambda heard: heard.language):
            heard[window.clip].append(result)
        return [joined(parts, clip.language) for parts, clip in zip(heard, clips, strict=True)]

    def windows(self, clips: Sequence[Clip]) -> list[Window]:
        """The windows of clips."""
        return [window for place, clip in enumerate(clips) for window in windows(place, clip)]

    def rounds(
        self,
        found: Sequence[Window],
        hear: Callable[[list[Window]], Sequence[T]],
        language: Callable[[T], str | None],
    ) -> Iterator[tuple[Window, T]]:
        """Each window and what `hear` makes of it, in batches of one language, or of windows whose language is to be
        detected. Of a clip whose language is, the longest window goes first, and the others are heard in its language.
        """
        first = first_round(found)
        told: dict[int, str | None] = {}
        for batch in self._batches(first):
            for window, result in zip(batch, hear(batch), strict=True):
                told[window.clip] = language(result)
                yield window, result
        begun = {id(window) for window in first}
        rest = [replace(w, language=told[w.clip]) for w in found if id(w) not in begun]
        for batch in self._batches(rest):
            yield from zip(batch, hear(batch), strict=True)

    def _batches(self, found: Sequence[Window]) -> Iterator[list[Window]]:
        for _, same in groupby(sorted(found, key=lambda w: (w.language or "", len(w.pcm))), key=lambda w: w.language):
            windows = list(same)
            for at in range(0, len(windows), self.batch_size):
                yield windows[at : at + self.batch_size]

    def hear(self, batch: Sequence[Window], name: str = "the audio") -> list[Heard]:
        """What the model hears in each window of a batch of one language, or of none that is known, with its words in
        their places. Raises AudioError(RECOGNISER_FAILED) as `name`; MemoryError where one window takes more than there
        is."""
        results = []
        for window, said in zip(batch, self.batch.fit(partial(self._in_parts, batch, name)), strict=True):
            placed, given = (_placed(each, window) for each in (said.alignment, said.given))
            language, prob = said.detected or (None, None)
            results.append(
                Heard(
                    start=window.start,
                    samples=len(window.pcm),
                    text=said.text,
                    language=said.language,
                    language_prob=said.language_prob,
                    avg_logprob=said.avg_logprob,
                    no_speech_prob=said.no_speech_prob,
                    cut=said.cut,
                    words=placed,
                    detected=language,
                    detected_prob=prob,
                    given=given or None,
                )
            )
        return results

    def code(self, language: str | None) -> str | None:
        """What this model calls a language of Whisper's; None where it has no word for it, or one near it."""
        known = (code for code in (language, near_language(language or "")) if code and self._has(code))
        return next(known, None)

    def _has(self, code: str) -> bool:
        return not self._detects or self.model.hf_tokenizer.token_to_id(f"<|{code}|>") is not None

    def _in_parts(self, batch: Sequence[Window], name: str, at_once: int) -> list[Decoded]:
        parts = (batch[at : at + at_once] for at in range(0, len(batch), at_once))
        return [said for part in parts for said in self.decode(part, name)]

    def decode(self, batch: Sequence[Window], name: str = "the audio") -> list[Decoded]:
        """What `BatchedInferencePipeline` makes of each window. Raises AudioError(RECOGNISER_FAILED) as `name`."""
        from faster_whisper.audio import pad_or_trim
        from faster_whisper.tokenizer import Tokenizer

        given = self.code(batch[0].language) or self.only
        # The last frame is that of the padding that the extractor adds: the pipeline drops it too.
        with library(_WHO, name, Reason.RECOGNISER_FAILED):
            mels = [self.model.feature_extractor(window.pcm)[..., :-1] for window in batch]
            features = np.stack([pad_or_trim(mel) for mel in mels])
            tokenizer = Tokenizer(self.model.hf_tokenizer, self._detects, task="transcribe", language=given or "en")
        options = self._options(tokenizer, detect=given is None)
        with library(_WHO, name, Reason.RECOGNISER_FAILED):
            encoded, outputs = self.pipeline.generate_segment_batched(features, tokenizer, options)
            languages: list[tuple[str, float | None]] = [(given or "en", None)] * len(batch)
            detected: list[tuple[str, float] | None] = [None] * len(batch)
            if self.only is None:  # a step of the decoder, whatever language was given
                ranked = self.model.model.detect_language(encoded)
                detected = [(each[0][0].strip("<|>"), float(each[0][1])) for each in ranked]
            if given is None:
                languages = [each or ("en", None) for each in detected]
        texts = [[token for token in output["tokens"] if token < tokenizer.eot] for output in outputs]
        said = [""] * len(batch)
        alignments: list[Alignment] = [[]] * len(batch)
        of_given: list[Alignment] = [[]] * len(batch)
        frames = [ceil(len(window.pcm) / SAMPLE_RATE) * self.model.frames_per_second for window in batch]  # as it does
        # What is a word depends on the language: each is aligned for itself, beside empty texts of the others.
        for language in sorted({language for language, _ in languages}):
            own = [each == language for each, _ in languages]
            with library(_WHO, name, Reason.RECOGNISER_FAILED):
                tokenizer = Tokenizer(self.model.hf_tokenizer, self._detects, task="transcribe", language=language)
                mine = [text if here else [] for text, here in zip(texts, own, strict=True)]
                wanted = [given_tokens(tokenizer, w.given) if here else [] for w, here in zip(batch, own, strict=True)]
                for found, asked in ((alignments, mine), (of_given, wanted)):
                    aligned = self.model.find_alignment(tokenizer, asked, encoded, frames) if any(asked) else []
                    for place, words in enumerate(aligned):
                        found[place] = words or found[place]
            for place, text in enumerate(mine):
                said[place] = tokenizer.decode(text).strip() if text else said[place]
        bound = self.model.max_length // 2  # CTranslate2's own, of new tokens
        return [
            Decoded(
                text=text,
                language=language,
                language_prob=prob,
                avg_logprob=output["avg_logprob"],
                no_speech_prob=float(output["no_speech_prob"]),
                cut=len(output["tokens"]) >= bound,
                alignment=words,
                detected=told,
                given=placed,
            )
            for text, (language, prob), output, words, told, placed in zip(
                said, languages, outputs, alignments, detected, of_given, strict=True
            )
        ]

    def _options(self, tokenizer: object, detect: bool) -> object:
        from faster_whisper.transcribe import TranscriptionOptions, get_suppressed_tokens

        return TranscriptionOptions(
            beam_size=self.beam_size,
            best_of=1,
            patience=1,
            length_penalty=1,
            repetition_penalty=1,
            no_repeat_ngram_size=0,
            log_prob_threshold=None,
            no_speech_threshold=None,
            compression_ratio_threshold=None,
            condition_on_previous_text=False,
            prompt_reset_on_temperature=0.5,
            temperatures=[0.0],
            initial_prompt=None,
            prefix=None,
            suppress_blank=True,
            suppress_tokens=get_suppressed_tokens(tokenizer, [-1]),
            without_timestamps=True,
            max_initial_timestamp=0.0,
            word_timestamps=True,
            prepend_punctuations=BEFORE,
            append_punctuations=AFTER,
            multilingual=detect,
            max_new_tokens=None,  # CTranslate2 takes what is given for half of itself, and bounds it by half of 448
            clip_timestamps="0",
            hallucination_silence_threshold=None,
            hotwords=None,
        )


# Punctuation that belongs to the word after it and before it: faster-whisper's own defaults.
BEFORE: Final = "\"'“¿([{-"
AFTER: Final = "\"'.。,，!！?？:：”)]}、"  # other languages' own


def _placed(alignment: Alignment, window: Window) -> tuple[Word, ...]:
    """The words of an alignment in their places in the clip."""
    seconds, offset = len(window.pcm) / SAMPLE_RATE, window.start / SAMPLE_RATE
    words = spread(in_speech(shortened(hyphenated(alignment), seconds, BEFORE, AFTER), window.speech), seconds)
    return tuple(replace(word, start=offset + word.start, end=offset + word.end) for word in words)


def joined(parts: Sequence[Heard], language: str | None) -> Transcript:
    """The transcript of a clip from what was heard in its windows; of no window, that of a clip of `language` without
    words."""
    if not parts:
        return Transcript("", language, None, None, None, None, (), (), 0)
    from faster_whisper.transcribe import get_compression_ratio

    parts = sorted(parts, key=lambda part: part.start)
    # A pause of a long clip says nothing about how sure the model was of the words.
    spoken = [part for part in parts if part.text] or parts
    detected = [part.language_prob for part in parts if part.language_prob is not None]
    longest = max(parts, key=lambda part: part.samples)
    return Transcript(
        text=one_text([part.text for part in parts if part.text]),
        language=parts[0].language,
        language_prob=max(detected, default=None),
        avg_logprob=float(np.average([part.avg_logprob for part in spoken], weights=[part.samples for part in spoken])),
        no_speech_prob=float(min(part.no_speech_prob for part in parts)),
        compression_ratio=float(max((get_compression_ratio(part.text) for part in parts if part.text), default=0.0)),
        words=tuple(word for part in parts for word in part.words),
        heard=tuple((p.start / SAMPLE_RATE, (p.start + p.samples) / SAMPLE_RATE) for p in parts),
        n_cut=sum(part.cut for part in parts),
        detected=longest.detected,
        detected_prob=longest.detected_prob,
        given=parts[0].given,
    )
