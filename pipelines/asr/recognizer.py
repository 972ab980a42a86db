"""Recognition of many clips by a Whisper model through faster-whisper, in batches that cross the borders of clips.

faster-whisper batches the windows of one recording. Clips of a few seconds have one window each, so here the windows
of all clips are sorted by length and batched together. Nothing is filtered: Whisper's thresholds (log probability,
compression ratio, no speech) are reported as values and applied by whoever selects.
"""

import hashlib
import json
import os
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manifests.errors import UsageError
from manifests.languages import UNKNOWN, primary

SAMPLE_RATE = 16_000
EMBEDDED = Path(__file__).parent / "embedded"

_EDGE = 5 * SAMPLE_RATE  # how far back from its end a window may be cut, to cut in a pause
_PAUSE = SAMPLE_RATE // 10  # the shortest pause worth looking for
_HOP = SAMPLE_RATE // 100  # of a mel frame
_TOKENS_PER_S, _FEWEST_TOKENS = 12, 24  # bounds what a window can say, against loops; fast speech has about 6 a second
_MODEL_FILES = ("model.bin", "config.json", "tokenizer.json")


_OWN_CODES = {"fil": "tl", "jv": "jw", "nb": "no"}  # where Whisper calls a language otherwise than BCP 47 now does


class ModelUnavailable(UsageError):
    """The model is not here: the message names it and says how to get it."""


@dataclass(frozen=True)
class Word:
    """A recognised word: [start, end) in seconds from the start of the clip, `prob` the mean probability of its
    tokens.
    """

    word: str
    start: float
    end: float
    prob: float


@dataclass(frozen=True)
class Transcript:
    """What the model heard in a clip.

    `avg_logprob` is nats a token and `compression_ratio` the bytes of the text over those of its zlib form; of
    several windows, `avg_logprob` is the mean over those with words, weighted by duration, `no_speech_prob` the
    least, and `compression_ratio` the greatest.
    """

    text: str
    language: str
    language_prob: float
    avg_logprob: float
    no_speech_prob: float
    compression_ratio: float
    words: tuple[Word, ...]


@dataclass(frozen=True)
class Window:
    """A stretch of a clip that the model takes at once. `clip`: its place; `start`: its first sample there."""

    clip: int
    start: int
    pcm: NDArray[np.float32]


@dataclass(frozen=True)
class Heard:
    """What the model heard in a window of `samples` from `start` on. Its fields, and those of its words, are JSON."""

    start: int
    samples: int
    text: str
    language: str
    language_prob: float
    avg_logprob: float
    no_speech_prob: float
    words: tuple[Word, ...]

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "Heard":
        """From `dataclasses.asdict`, with or without a way through JSON."""
        return cls(**{**row, "words": tuple(Word(**word) for word in row["words"])})


class Recognizer:
    """A loaded Whisper model: "embedded" (ours, see embedded/README.md), the folder of a CTranslate2 model, or a
    faster-whisper name.

    `language` is a BCP 47 tag; None detects it, per window. One recogniser with one thread per core
    is faster than one with two threads. Raises `ModelUnavailable`.
    """

    def __init__(
        self,
        model: str,
        language: str | None,
        device: str = "auto",
        compute_type: str = "default",
        cpu_threads: int = 1,
        batch_size: int = 8,
        beam_size: int = 5,
    ) -> None:
        from faster_whisper import BatchedInferencePipeline, WhisperModel

        path = _found(model)
        if model == "embedded" and compute_type == "default":
            compute_type = "int8_float32"  # what CTranslate2 makes of its int8_float16 on a CPU, without a warning
        self.model = WhisperModel(path, device=device, compute_type=compute_type, cpu_threads=cpu_threads)
        self.pipeline = BatchedInferencePipeline(self.model)
        self.language = None if language is None else whisper_language(language)
        self.longest, self.padded = _window_sizes(Path(path))
        self.batch_size = batch_size
        self.beam_size = beam_size

    def transcribe(self, clips: Sequence[NDArray[np.float32]]) -> list[Transcript]:
        """Recognise 16 kHz mono float32 clips of any length: one transcript each, in order. An empty clip has an
        empty one.
        """
        heard: list[list[Heard]] = [[] for _ in clips]
        for batch in self.batches(clips):
            for window, result in zip(batch, self.hear(batch), strict=True):
                heard[window.clip].append(result)
        return [self.joined(parts) for parts in heard]

    def batches(self, clips: Sequence[NDArray[np.float32]]) -> Iterator[list[Window]]:
        """The windows of clips, sorted by length, in batches."""
        windows = [window for index, clip in enumerate(clips) for window in _windows(index, clip, self.longest)]
        windows.sort(key=lambda window: len(window.pcm))
        for at in range(0, len(windows), self.batch_size):
            yield windows[at : at + self.batch_size]

    def joined(self, parts: Sequence[Heard]) -> Transcript:
        """The transcript of a clip from what was heard in its windows."""
        return _joined(sorted(parts, key=lambda part: part.start), self.language)

    def hear(self, windows: Sequence[Window]) -> list[Heard]:
        """What the model hears in each window of a batch."""
        from faster_whisper.audio import pad_or_trim
        from faster_whisper.tokenizer import Tokenizer
        from faster_whisper.transcribe import merge_punctuations

        # The last frame is that of the padding that the extractor adds: the pipeline drops it too.
        mels = [self.model.feature_extractor(window.pcm)[..., :-1] for window in windows]
        features = np.stack([pad_or_trim(mel, self.padded) for mel in mels])
        languages = self._languages(features)
        tokenizer = Tokenizer(
            self.model.hf_tokenizer, self.model.model.is_multilingual, task="transcribe", language=languages[0][0]
        )
        longest = max(len(window.pcm) for window in windows) / SAMPLE_RATE
        encoded, outputs = self.pipeline.generate_segment_batched(
            features, tokenizer, self._options(tokenizer, longest)
        )
        tokens = [[t for t in output["tokens"] if t < tokenizer.eot] for output in outputs]
        frames = [mel.shape[-1] for mel in mels]
        alignments = (
            self.model.find_alignment(tokenizer, tokens, encoded, frames) if any(tokens) else [[]] * len(windows)
        )
        results = []
        for window, output, text, language, alignment in zip(
            windows, outputs, tokens, languages, alignments, strict=True
        ):
            merge_punctuations(alignment, _BEFORE, _AFTER)
            words = _words(alignment, window)
            said = tokenizer.decode(text).strip()
            scores = (float(output["avg_logprob"]), float(output["no_speech_prob"]))
            results.append(Heard(window.start, len(window.pcm), said, *language, *scores, words))
        return results

    def _languages(self, features: NDArray[np.float32]) -> list[tuple[str, float]]:
        if self.language is not None or not self.model.model.is_multilingual:
            return [(self.language or "en", 1.0)] * len(features)
        detected = self.model.model.detect_language(self.model.encode(features))
        return [(ranked[0][0].strip("<|>"), float(ranked[0][1])) for ranked in detected]

    def _options(self, tokenizer: object, longest_s: float) -> object:
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
            prepend_punctuations=_BEFORE,
            append_punctuations=_AFTER,
            multilingual=self.language is None and self.model.model.is_multilingual,
            max_new_tokens=min(_FEWEST_TOKENS + int(_TOKENS_PER_S * longest_s), 220),
            clip_timestamps="0",
            hallucination_silence_threshold=None,
            hotwords=None,
        )


# faster-whisper's own defaults.
_BEFORE, _AFTER = "\"'“¿([{-", "\"'.。,，!！?？:：”)]}、"  # other languages' own


def model_digest(model: str) -> str:
    """Name what a model will say: a hash of the files of a folder (or the embedded model), the name of a published
    one.
    """
    folder = EMBEDDED if model == "embedded" else Path(model)
    if not folder.is_dir():
        return model
    digest = hashlib.blake2b(digest_size=16)
    for path in sorted(path for path in folder.iterdir() if path.suffix in (".bin", ".json", ".txt")):
        digest.update(path.name.encode() + b"\0" + hashlib.blake2b(path.read_bytes()).digest())
    return digest.hexdigest()


def model_name(model: str) -> str:
    """The name of a model without the path of this host."""
    return Path(model).name if Path(model).is_dir() else model


def whisper_language(tag: str) -> str | None:
    """What Whisper calls a language; null for one that is unknown, which is then detected."""
    first = primary(tag)
    return None if first == UNKNOWN else _OWN_CODES.get(first, first)


def check_language(tag: str) -> None:
    """Raise UsageError for a language that no Whisper model was taught."""
    from faster_whisper.tokenizer import _LANGUAGE_CODES

    if whisper_language(tag) not in (None, *_LANGUAGE_CODES):
        raise UsageError(f"Whisper knows no language {tag!r}: give a nearer one it knows as `transcribe.language`")


def check_model(model: str) -> None:
    """Raise `ModelUnavailable` when a model is neither here nor to be had, without loading or downloading it."""
    folder = EMBEDDED if model == "embedded" else Path(model)
    if model == "embedded" or folder.is_dir() or not _published(model) or not _reachable():
        _found(model)


def _found(model: str) -> str:
    """Give the folder of a model, from the local cache before the network."""
    folder = EMBEDDED if model == "embedded" else Path(model)
    if model == "embedded" or folder.is_dir():
        missing = [name for name in _MODEL_FILES if not (folder / name).is_file()]
        if missing:
            raise ModelUnavailable(
                f"the model folder {folder} has no {', '.join(missing)}: it must be a CTranslate2 Whisper model"
            )
        return str(folder)
    from faster_whisper.utils import available_models, download_model

    if not _published(model):
        names = ", ".join(available_models())
        raise ModelUnavailable(
            f"there is no model {model!r}: give 'embedded', the folder of a CTranslate2 model, or one of {names}"
        )
    try:
        return str(download_model(model, local_files_only=True))
    except Exception:  # noqa: BLE001  # not in the cache: huggingface-hub has several errors for it
        available = os.environ.get("HF_HUB_OFFLINE") != "1" and _reachable()
    code = f"from faster_whisper import download_model; download_model({model!r})"
    fix = f'run python -c "{code}" where there is a network, or use "embedded"'
    if not available:
        raise ModelUnavailable(f"the model {model!r} is not in the local cache and the Hub is out of reach: {fix}")
    try:
        return str(download_model(model))
    except Exception as error:  # any failure of the Hub is the same news
        cause = type(error).__name__
        raise ModelUnavailable(f"the model {model!r} could not be downloaded ({cause}): {fix}") from error


def _published(model: str) -> bool:
    """Whether it can be the name of a model of the Hub."""
    from faster_whisper.utils import available_models

    return model in available_models() or (model.count("/") == 1 and not model.startswith((".", "/", "~")))


def _window_sizes(folder: Path) -> tuple[int, int]:
    """Give a model's longest window in samples and what it is padded to in mel frames.

    Both are 30 s for Whisper. A model may ask for less, in seconds, by two keys of our own in preprocessor_config.json.
    """
    file = folder / "preprocessor_config.json"
    settings = json.loads(file.read_text("utf-8")) if file.is_file() else {}
    longest, padded = settings.get("longest_window", 30), settings.get("padded_window", 30)
    return longest * SAMPLE_RATE, padded * SAMPLE_RATE // _HOP


def _reachable() -> bool:
    """Say within two seconds whether the Hub answers: huggingface-hub's own retries take minutes."""
    request = urllib.request.Request(os.environ.get("HF_ENDPOINT", "https://huggingface.co"), method="HEAD")
    try:
        urllib.request.urlopen(request, timeout=2.0).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def _windows(index: int, clip: NDArray[np.float32], longest: int) -> list[Window]:
    """Cut a clip into windows of at most `longest` samples, each at the last of its quietest places."""
    windows = []
    start = 0
    while start < len(clip):
        end = min(start + longest, len(clip))
        if end < len(clip):
            first = max(end - _EDGE, start + longest // 3)
            power = np.square(clip[first : end - (end - first) % _PAUSE]).reshape(-1, _PAUSE).mean(1)
            quiet = np.flatnonzero(power <= 1.5 * power.min())
            end = first + int(quiet[-1]) * _PAUSE + _PAUSE // 2
        windows.append(Window(index, start, clip[start:end]))
        start = end
    return windows


def _words(alignment: list[dict[str, object]], window: Window) -> tuple[Word, ...]:
    """Place words in the clip. Their times come in steps of 20 ms and may run into the padding: the end of the window
    bounds them.
    """
    offset, last = window.start / SAMPLE_RATE, len(window.pcm) / SAMPLE_RATE
    words = []
    for item in alignment:
        word = str(item["word"]).strip()
        if word:
            start, end = (min(float(item[key]), last) for key in ("start", "end"))  # type: ignore[arg-type]
            words.append(Word(word, offset + start, offset + end, float(item["probability"])))  # type: ignore[arg-type]
    return tuple(words)


def _joined(parts: Sequence[Heard], language: str | None) -> Transcript:
    """Join the windows of a clip, in order."""
    if not parts:
        return Transcript("", language or "", 0.0, 0.0, 1.0, 0.0, ())
    from faster_whisper.transcribe import get_compression_ratio

    # A pause of a long clip says nothing about how sure the model was of the words.
    spoken = [part for part in parts if part.text] or parts
    sizes = [part.samples for part in spoken]
    first = max(spoken, key=lambda part: part.language_prob)
    return Transcript(
        text=" ".join(part.text for part in parts if part.text),
        language=first.language,
        language_prob=first.language_prob,
        avg_logprob=float(np.average([part.avg_logprob for part in spoken], weights=sizes)),
        no_speech_prob=float(min(part.no_speech_prob for part in parts)),
        compression_ratio=float(max((get_compression_ratio(part.text) for part in parts if part.text), default=0.0)),
        words=tuple(word for part in parts for word in part.words),
    )
