"""Where a Whisper model hears the words of a text that is known: forced alignment by its attention, no recognition."""

from collections.abc import Sequence
from functools import cache, partial

import numpy as np
from numpy.typing import NDArray

from turnmill.manifests.languages import primary
from turnmill.pipelines.asr.given import given_tokens
from turnmill.pipelines.asr.models import knows, whisper_language
from turnmill.pipelines.asr.recognizer import Recognizer
from turnmill.pipelines.asr.windows import SAMPLE_RATE
from turnmill.synth.tts.align import Piece

_LEAST_PROB = 0.05
"""Median probability of the words, below which the audio says something else: of 24 lines of hibari 0.73 and more
(base, tiny.en), of espeak 0.22 and more but for one (base 0.04); the same lines with another's text 0.04 and less."""


class Located:
    """`synth.tts.align.Locate` by a model named as in `Recognizer`, which is loaded by the first line.

    None for a language that the model does not know, for audio or text longer than it takes at once (30 s), and for
    audio that says something else.
    """

    def __init__(self, model: str) -> None:
        self._model = model
        self._recognizer: Recognizer | None = None
        self._knows = cache(partial(knows, model))

    def knows(self, language: str) -> bool:
        """Whether the model is one of this language, a BCP 47 tag."""
        return self._knows(language)

    def __call__(self, pcm: NDArray[np.float32], text: str, language: str) -> Sequence[Piece] | None:
        """Pieces of `text` with their times in `pcm`, float32 [samples] at 16 kHz. Raises ModelUnavailable."""
        if not len(pcm) or not self.knows(language):
            return None
        return _located(self._loaded(), pcm, text, primary(language))

    def _loaded(self) -> Recognizer:
        if self._recognizer is None:
            self._recognizer = Recognizer(self._model)
        return self._recognizer


def _located(recognizer: Recognizer, pcm: NDArray[np.float32], text: str, language: str) -> Sequence[Piece] | None:
    from faster_whisper.audio import pad_or_trim
    from faster_whisper.tokenizer import Tokenizer

    model = recognizer.model
    mel = model.feature_extractor(pcm)[..., :-1]  # the last frame is that of the padding
    code = recognizer.code(whisper_language(language))
    tokenizer = Tokenizer(model.hf_tokenizer, model.model.is_multilingual, task="transcribe", language=code)
    tokens = given_tokens(tokenizer, text)
    if mel.shape[-1] > model.feature_extractor.nb_max_frames or not tokens:
        return None
    encoded = model.encode(pad_or_trim(mel)[None])
    found = model.find_alignment(tokenizer, [tokens], encoded, [mel.shape[-1]])[0]
    probable = [float(w["probability"]) for w in found if any(c.isalnum() for c in str(w["word"]))]
    if not probable or np.median(probable) < _LEAST_PROB:
        return None
    last = len(pcm) / SAMPLE_RATE
    return [Piece(str(w["word"]), min(float(w["start"]), last), min(float(w["end"]), last)) for w in found]
