"""The embedded engine: espeak-ng through ctypes. Real speech, exact word times, nothing to download.

Word times are espeak's own WORD and PHONEME events: a word starts at its event and ends where its last sounding
phoneme ends, so a pause belongs to no word. Speed: about 400 times real time on one core, of which loading the
library afresh for each line (it keeps the phase of its voice flutter in static variables that no call resets) costs 1
ms.
"""

import ctypes
import threading
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.metadata import version
from types import ModuleType
from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray

from turnmill.manifests.errors import UsageError
from turnmill.synth.speech import Line, Speech, SpeechError, Word
from turnmill.synth.tags import without_tags
from turnmill.synth.tokens import sounds
from turnmill.synth.tokens import spans as token_spans
from turnmill.synth.tts.embedded import pace, spoken
from turnmill.synth.tts.engines.espeak.mandarin import respelt
from turnmill.synth.tts.engines.espeak.voices import MANDARIN, EspeakSettings
from turnmill.synth.voices import Voice

# speak_lib.h of espeak-ng 1.52.
_SYNCHRONOUS = 2  # AUDIO_OUTPUT_SYNCHRONOUS: no thread, no sound card, everything through the callback
_PHONEME_EVENTS = 0x0001
_DONT_EXIT = 0x8000
_CHARS_UTF8, _PHONEMES = 1, 0x0100  # the second: [[...]] in a text are phonemes
_RATE, _PITCH = 1, 3
_EVENT_END_OF_LIST, _EVENT_WORD, _EVENT_PHONEME = 0, 1, 7

_ESPEAK_HZ = 22_050  # of every voice that is not MBROLA
_MARGIN_S = 0.03  # kept before the first and after the last word: enough for a fade, too short for a pause
_SILENCE = 10 ** (-50 / 20)  # a word's tail below -50 dBFS is not heard as part of it
_SILENT = ("_", "(")  # espeak's pauses are "_", "_:", "_!", "_|"; "(en)" says which language comes next


class _Id(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Id),
    )


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))

# The C library is one per process: one line at a time.
_lock = threading.Lock()


@dataclass(frozen=True)
class Phoneme:
    """A phoneme in espeak's own notation and the sample at which it starts."""

    name: str
    start: int


@dataclass(frozen=True)
class Utterance:
    """What espeak said, untrimmed: int16 pcm [samples] at 22,050 Hz, and its events in samples.

    `words` are (start of the word in the text, in characters; its first sample).
    """

    pcm: NDArray[np.int16]
    words: tuple[tuple[int, int], ...]
    phonemes: tuple[Phoneme, ...]


@dataclass(frozen=True)
class Span:
    """A token of the text and the samples [start, end) that sound it."""

    text: str
    start: int
    end: int


class EspeakEngine:
    """`synth.tts.engine.Engine` with voices that have `EspeakSettings`. The same line always gives the same bytes."""

    sample_rate = 24_000

    def __init__(self, voices: Mapping[str, Voice]) -> None:
        """Find the library; UsageError says how to install it when it is not there."""
        _loader()
        self._voices = voices

    @property
    def identity(self) -> str:
        return f"espeak {version('espeakng-loader')}"

    def synthesize(self, lines: Sequence[Line]) -> list[Speech | SpeechError]:
        """Speak each line. Reasons of failure: unknown_voice, unsupported_language, nothing_spoken, engine_failed."""
        return spoken("espeak", EspeakSettings, self._voices, lines, self._speak)

    def _speak(self, line: Line, settings: EspeakSettings) -> Speech:
        text = without_tags(line.text)  # which espeak would read aloud
        settings = replace(settings, rate=round(settings.rate * pace(line)))
        try:
            utterance = utter(text, settings)
        except SpeechError as error:
            raise SpeechError(error.reason, f"line {line.id}: {error.detail}") from error
        spans = word_spans(text, utterance, settings)
        # A dash alone is spelt out by espeak; between words it is a pause.
        if not spans or not any(unicodedata.category(character)[0] in "LNS" for character in text):
            raise SpeechError("nothing_spoken", f"line {line.id}: espeak makes no sound of {line.text!r}")
        return _speech(utterance, spans, self.sample_rate)


def utter(text: str, voice: EspeakSettings) -> Utterance:
    """Speak `text` with a voice's settings; SpeechError("engine_failed") where espeak refuses the voice or the text."""
    spoken, places = respelt(text) if voice.base == MANDARIN else (text, range(len(text)))
    flags = _CHARS_UTF8 | (_PHONEMES if voice.base == MANDARIN else 0)
    chunks: list[bytes] = []
    words: list[tuple[int, int]] = []
    phonemes: list[Phoneme] = []

    def receive(pcm: Any, samples: int, events: Any) -> int:
        if pcm and samples > 0:
            chunks.append(ctypes.string_at(pcm, 2 * samples))
        index = 0
        while (event := events[index]).type != _EVENT_END_OF_LIST:
            if event.type == _EVENT_WORD:
                words.append((places[event.text_position - 1], event.sample))
            elif event.type == _EVENT_PHONEME:
                phonemes.append(Phoneme(event.id.string.decode("utf-8", "replace"), event.sample))
            index += 1
        return 0

    callback = _Callback(receive)
    encoded = spoken.replace("\0", " ").encode("utf-8", "replace")
    with _fresh_library(voice) as library:
        library.espeak_SetSynthCallback(callback)
        library.espeak_SetParameter(_RATE, voice.rate, 0)
        library.espeak_SetParameter(_PITCH, voice.pitch, 0)
        size = ctypes.c_size_t(len(encoded) + 1)
        if library.espeak_Synth(ctypes.c_char_p(encoded), size, 0, 1, 0, flags, None, None) != 0:
            raise SpeechError("engine_failed", f"espeak-ng refused {text!r}")
        library.espeak_Synchronize()
    return Utterance(np.frombuffer(b"".join(chunks), np.int16), tuple(words), tuple(phonemes))


@contextmanager
def _fresh_library(voice: EspeakSettings) -> Iterator[ctypes.CDLL]:
    """Load espeak-ng in its initial state with a voice chosen. Unloading is what resets its static state."""
    loader = _loader()
    name = f"{voice.base}+{voice.variant}" if voice.variant else voice.base
    with _lock:
        library = ctypes.CDLL(loader.get_library_path())
        try:
            options = _PHONEME_EVENTS | _DONT_EXIT
            if library.espeak_Initialize(_SYNCHRONOUS, 0, loader.get_data_path().encode(), options) != _ESPEAK_HZ:
                raise SpeechError("engine_failed", "espeak-ng did not start")
            if library.espeak_SetVoiceByName(name.encode()) != 0:
                raise SpeechError("engine_failed", f"espeak-ng has no voice {name!r}")
            yield library
            library.espeak_Terminate()
        finally:
            ctypes.CDLL(None).dlclose(ctypes.c_void_p(library._handle))


def word_spans(text: str, utterance: Utterance, voice: EspeakSettings) -> list[Span]:
    """Give each token (`synth.tokens`) of `text` that is heard its samples, in order and without overlap."""
    places = token_spans(text)
    tokens = [text[begin:end] for begin, end in places]
    firsts = _first_samples(tokens, [begin for begin, _ in places], utterance.words)
    spans: list[Span] = []
    for index, (token, start) in enumerate(firsts):
        next_token, limit = firsts[index + 1] if index + 1 < len(firsts) else (len(tokens), len(utterance.pcm))
        starts = [p.start for p in utterance.phonemes if start <= p.start < limit and not p.name.startswith(_SILENT)]
        loud = np.flatnonzero(np.abs(utterance.pcm[start:limit].astype(np.float32)) > _SILENCE * 32_768)
        if not starts or not loud.size:
            continue
        # espeak speaks "of the" and 很好 as one word with one event: the words after the first take the last phonemes.
        group = [token, *(t for t in range(token + 1, next_token) if sounds(tokens[t]))]
        cuts = [start + int(loud[-1]) + 1]
        for member in reversed(group[1:]):
            starts = (
                starts[: max(len(starts) - _phoneme_count(tokens[member], voice), 1)] if len(starts) > 1 else starts
            )
            cuts.append(min(_after(utterance, starts[-1]), cuts[-1]))
        cuts = [*reversed(cuts)]
        begins = [start, *cuts[:-1]]
        spans.extend(
            Span(tokens[t], begin, end) for t, begin, end in zip(group, begins, cuts, strict=True) if end > begin
        )
    return spans


def _first_samples(tokens: list[str], starts: list[int], words: tuple[tuple[int, int], ...]) -> list[tuple[int, int]]:
    """Pair tokens (by index) with their first sample, in the order of both, from (text position, sample) events."""
    events = [(max(bisect_right(starts, position) - 1, 0), sample) for position, sample in words]
    reported = {token for token, _ in events}
    firsts: list[tuple[int, int]] = []
    for token, sample in events:
        last = firsts[-1][0] if firsts else -1
        # The word after a lone dash is reported at the dash, and the second word of "so much" at the first.
        missing = token + 1 < len(tokens) and token + 1 not in reported and sounds(tokens[token + 1])
        if missing and (token == last or not sounds(tokens[token])):
            token += 1
            reported.add(token)
        # "42" is one token and two words: only its first event counts.
        if token > last and (not firsts or sample > firsts[-1][1]):
            firsts.append((token, sample))
    return firsts


def _after(utterance: Utterance, start: int) -> int:
    """Give the first sample of the phoneme after the one that starts at `start`."""
    return next((p.start for p in utterance.phonemes if p.start > start), len(utterance.pcm))


@lru_cache(maxsize=4096)
def _phoneme_count(word: str, voice: EspeakSettings) -> int:
    """Count the phonemes of a word spoken alone."""
    return sum(not p.name.startswith(_SILENT) for p in utter(word, voice).phonemes)


def _speech(utterance: Utterance, spans: list[Span], sample_rate: int) -> Speech:
    margin = round(_MARGIN_S * _ESPEAK_HZ)
    first = max(spans[0].start - margin, 0)
    last = min(spans[-1].end + margin, len(utterance.pcm))
    pcm = soxr.resample(utterance.pcm[first:last].astype(np.float32) / 32_768, _ESPEAK_HZ, sample_rate)
    pcm = np.clip(pcm, -1.0, 1.0).astype(np.float32)

    def seconds(sample: int) -> float:
        return min(round((sample - first) * sample_rate / _ESPEAK_HZ), len(pcm)) / sample_rate

    words = tuple(Word(span.text, seconds(span.start), seconds(span.end)) for span in spans)
    return Speech(pcm, sample_rate, words)


def _loader() -> ModuleType:
    try:
        import espeakng_loader
    except ImportError as error:
        raise UsageError("the espeak engine needs espeakng-loader: pip install 'turnmill[demo]'") from error
    return espeakng_loader  # type: ignore[no-any-return]
