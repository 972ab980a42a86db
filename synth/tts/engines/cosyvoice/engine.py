"""The engine: one line at a time, under its own seed, whatever the package does to its threads and its state.

The package (read at commit ace7c47; docs/engines.md) runs its language model in a thread. What that thread
raises is printed and lost, and the caller sees an unrelated error or, where some tokens were made, a clip cut short
and no error at all. So the thread's exception is caught here, and the line tried again under another seed.
"""

import gc
import threading
import unicodedata
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from turnmill.manifests.errors import TurnmillError, UsageError
from turnmill.manifests.languages import primary
from turnmill.manifests.records import Reason, stable_hash
from turnmill.synth.speech import Line, Speech, SpeechError
from turnmill.synth.tokens import tokens
from turnmill.synth.tts.engines.cosyvoice import wording
from turnmill.synth.tts.engines.cosyvoice.model import find_model
from turnmill.synth.tts.engines.cosyvoice.package import Model, find_checkout, load_model, package_digest, seed_all
from turnmill.synth.tts.engines.cosyvoice.params import CosyVoiceParams
from turnmill.synth.tts.engines.cosyvoice.prompts import wav_file
from turnmill.synth.tts.gate import letters
from turnmill.synth.voices import Voice

Pcm = NDArray[np.float32]

# The random streams are the process's, and the package keeps the state of requests on the model.
_lock = threading.Lock()

# What a text this short may last: a backchannel 0.2 to 0.8 s (docs/turn-taking.md), and any text what its letters need.
_SHORT_TOKENS = 3
_SHORT_S = (0.2, 0.8)
_LETTER_S = (0.04, 0.16)
_BANK = 1_024  # short texts kept: some 100 MB

_SPEAKERS = 64  # kept by the package: a few hundred kB of device memory each
_FAILURES = 8  # lines in a row after which the model is loaded anew and has to speak what it spoke before
_SILENCE = 10 ** (-60 / 20)


@dataclass(frozen=True)
class _Utterance:
    """What is said, by whom and how; what a line comes to without its id and seed."""

    voice: Voice
    language: str
    text: str
    instruction: str | None

    @property
    def is_short(self) -> bool:
        prompt = self.voice.prompt
        short = prompt is not None and 2 * len(self.text) < len(prompt.text)
        return short and len(tokens(self.text)) <= _SHORT_TOKENS

    @property
    def seconds(self) -> tuple[float, float]:
        """The least and the most that a short text may last."""
        count = letters(self.text)
        return max(_SHORT_S[0], _LETTER_S[0] * count.written), max(_SHORT_S[1], _LETTER_S[1] * count.said)


class CosyVoiceEngine:
    """`synth.tts.engine.Engine` on CosyVoice 1, 2 or 3, whichever `params.model` is.

    A voice with a recording is cloned: zero-shot in its own language, cross-lingual in another, and by instruction
    where the line has a style or an emotion or the engine a style (CosyVoice 2 and 3; CosyVoice 1 clones without). A
    voice without one is a speaker of the model by its name, as CosyVoice-300M-SFT and -Instruct have them.
    Inline tags ("[laughter]", "[breath]", "[cough]") are the model's to voice. `Speech.words` is None.

    The same line gives the same bytes on the same device, whatever was spoken before (not with vLLM). A text of up to
    three tokens that is shorter than half the recording's is what the package speaks worst: of several candidates it
    gets the first that is as long as its letters need, and lines that differ in nothing but their id get one clip.
    """

    def __init__(self, params: CosyVoiceParams, voices: Mapping[str, Voice]) -> None:
        """Find the checkout and the model, fetched where need be; UsageError says what is missing.

        Nothing is imported or loaded before the first line, and another Python than this one may speak it.
        """
        self._params = params
        self._voices = voices
        self._checkout = find_checkout(params.repo)
        self._folder = find_model(params)
        self._model: Model | None = None
        self._speakers: OrderedDict[str, None] = OrderedDict()
        self._failures = 0
        self._good: tuple[_Utterance, tuple[object, ...]] | None = None  # what was spoken last, and its seed
        self._bank = lru_cache(_BANK)(self._short)
        self.sample_rate = self._folder.sample_rate

    @cached_property
    def identity(self) -> str:
        """The generation, the package's and the model's digests, and the parameters that are heard."""
        apart = {"model", "repo", "revision"}
        heard = self._params.model_dump_json(exclude=apart)
        code, weights = package_digest(self._checkout), self._folder.digest
        return f"cosyvoice{self._folder.generation} code {code} model {weights} {heard}"

    def synthesize(self, lines: Sequence[Line]) -> list[Speech | SpeechError]:
        """Speak each line. Reasons of failure: unknown_voice, unsupported_language, no_prompt, nothing_spoken,
        engine_failed. TurnmillError when nothing can be spoken any more, as after an error of the GPU."""
        return [self._synthesize(line) for line in lines]

    def _synthesize(self, line: Line) -> Speech | SpeechError:
        with _lock:
            try:
                utterance = self._utterance(line)
                seed = ("line", line.seed)
                pcm = self._bank(utterance, line.seed) if utterance.is_short else self._first(utterance, seed)
                return Speech(pcm, self.sample_rate, None)
            except SpeechError as error:
                failed = SpeechError(error.reason, f"line {line.id}: {error.detail}")
            # Only here is the error gone, whose traceback held the model and its memory.
            if failed.reason == Reason.ENGINE_FAILED:
                self._count(failed.detail)
            return failed

    def _utterance(self, line: Line) -> _Utterance:
        generation = self._folder.generation
        voice = self._voices.get(line.voice)
        if voice is None:
            raise SpeechError(Reason.UNKNOWN_VOICE, f"the bank has no voice {line.voice!r}")
        language = primary(line.language)
        if language not in wording.LANGUAGES[generation]:
            spoken = ", ".join(sorted(wording.LANGUAGES[generation]))
            what = f"CosyVoice {generation} speaks {spoken}, not {line.language!r}"
            raise SpeechError(Reason.UNSUPPORTED_LANGUAGE, what)
        if voice.prompt is None and voice.name not in self._loaded().list_available_spks():
            raise SpeechError(Reason.NO_PROMPT, f"voice {voice.name!r} has no recording and is no speaker of the model")
        text = wording.spoken_text(line.text, generation)
        if not any(unicodedata.category(character)[0] in "LNS" for character in text):
            raise SpeechError(Reason.NOTHING_SPOKEN, f"there is nothing to speak in {line.text!r}")
        emotion, style = (line.emotion, line.style) if self._params.emotions else (None, None)
        return _Utterance(voice, language, text, wording.instruction(emotion, style, self._params.style))

    def _first(self, utterance: _Utterance, seed: tuple[object, ...]) -> Pcm:
        """The first try that succeeds, each under its own seed; the last one's SpeechError where none does."""
        for attempt in range(self._params.tries):
            try:
                pcm = self._attempt(utterance, (*seed, attempt))
            except SpeechError as error:
                last = error
                if error.reason == Reason.NO_PROMPT:
                    break
            else:
                self._failures, self._good = 0, (utterance, seed)
                return pcm
        raise last

    def _short(self, utterance: _Utterance, seed: int) -> Pcm:
        """The first candidate as long as a short text should be, or the nearest to it."""
        shortest, longest = utterance.seconds
        said = (utterance.voice.name, utterance.language, utterance.text, utterance.instruction)
        best: tuple[float, Pcm] | None = None
        for candidate in range(self._params.candidates):
            try:
                pcm = self._first(utterance, ("short", *said, seed, candidate))
            except SpeechError:
                if best is None:
                    raise
                continue
            seconds = len(pcm) / self.sample_rate
            off = max(shortest - seconds, seconds - longest, 0.0)
            if best is None or off < best[0]:
                best = off, pcm
            if off == 0:
                break
        assert best is not None  # there is at least one candidate
        best[1].flags.writeable = False  # every line that says it gets this one
        return best[1]

    def _attempt(self, utterance: _Utterance, seed: tuple[object, ...]) -> Pcm:
        """Speak once. SpeechError: no_prompt, nothing_spoken, or engine_failed for whatever the package raised."""
        model = self._loaded()
        chunks: list[Pcm] = []
        with _thread_errors() as errors:
            try:
                seed_all(int(stable_hash("cosyvoice", *seed, size=4), 16))
                chunks = [np.asarray(chunk["tts_speech"], np.float32)[0] for chunk in self._spoken(model, utterance)]
            except SpeechError:
                raise
            except Exception as error:  # noqa: BLE001  whatever torch and onnxruntime raise becomes a SpeechError
                errors.append(error)
        if errors:
            _clear_requests(model)
            cause = errors[0]  # the thread's own, where it had one, came first
            what = " ".join(str(cause).split())[:200]
            raise SpeechError(Reason.ENGINE_FAILED, f"CosyVoice failed: {type(cause).__name__}: {what}") from cause
        pcm = np.concatenate(chunks) if chunks else np.zeros(0, np.float32)
        if not np.isfinite(pcm).all():
            raise SpeechError(Reason.ENGINE_FAILED, "CosyVoice made samples that are not finite")
        if not pcm.size or np.abs(pcm).max() < _SILENCE:
            raise SpeechError(Reason.NOTHING_SPOKEN, f"CosyVoice makes no sound of {utterance.text!r}")
        return np.clip(pcm, -1.0, 1.0)

    def _spoken(self, model: Model, utterance: _Utterance) -> Iterator[Mapping[str, Any]]:
        """The package's chunks for each piece of the text, which is normalised and cut here.

        The package skips both for a text with a control token, and such it must get: the language for CosyVoice 1,
        the end of the prompt for CosyVoice 3.
        """
        if wording.normalised(utterance.language):
            pieces = model.frontend.text_normalize(utterance.text, split=True, text_frontend=True)
        else:
            pieces = wording.pieces(utterance.text)
        for piece in pieces:
            yield from self._chunks(model, utterance, piece)

    def _chunks(self, model: Model, utterance: _Utterance, piece: str) -> Iterator[Mapping[str, Any]]:
        generation, voice, how = self._folder.generation, utterance.voice, utterance.instruction
        # stream=True would change the model for the requests that follow.
        settings: dict[str, Any] = {"stream": False, "speed": self._params.speed, "text_frontend": False}
        if voice.prompt is None:
            if "embedding" not in model.frontend.spk2info[voice.name]:  # a cloned voice kept by save_spkinfo
                return model.inference_zero_shot(piece, "", "", voice.name, **settings)
            if generation == 1 and how is not None:
                return model.inference_instruct(piece, voice.name, wording.instruct_text(how, 1), **settings)
            return model.inference_sft(wording.prompt_text(piece, generation), voice.name, **settings)
        cross_lingual = utterance.language != voice.language or not voice.prompt.text.strip()
        # For CosyVoice 3, cross-lingual is to be instructed with nothing but the system prompt: the same model input.
        if generation > 1 and (how is not None or (generation == 3 and cross_lingual)):
            instruct = wording.instruct_text(how, generation)
            return model.inference_instruct2(piece, instruct, "", self._speaker(model, voice, instruct), **settings)
        speaker = self._speaker(model, voice, self._prompt_text(model, voice))
        if not cross_lingual:
            return model.inference_zero_shot(piece, "", "", speaker, **settings)
        tagged = f"<|{utterance.language}|>{piece}" if generation == 1 else piece
        return model.inference_cross_lingual(tagged, "", speaker, **settings)

    def _prompt_text(self, model: Model, voice: Voice) -> str:
        """What a recording says, as `inference_zero_shot` would make of it; `add_zero_shot_spk` takes it as it is."""
        assert voice.prompt is not None
        generation = self._folder.generation
        text = wording.prompt_text(wording.spoken_text(voice.prompt.text, generation), generation)
        normalise = wording.normalised(voice.language)
        return str(model.frontend.text_normalize(text, split=False, text_frontend=normalise))

    def _speaker(self, model: Model, voice: Voice, prompt_text: str) -> str:
        """The package's id of a voice with a prompt's text or an instruction, which it keeps in the same place.

        It ignores the instruction given along with an id, so each instruction of a voice has an id of its own.
        """
        assert voice.prompt is not None
        speaker = f"turnmill-{stable_hash(voice.name, prompt_text)}"
        if speaker not in self._speakers:
            with wav_file(voice.prompt, voice.name) as path:
                model.add_zero_shot_spk(prompt_text, path, speaker)
            self._speakers[speaker] = None
            if len(self._speakers) > _SPEAKERS:
                del model.frontend.spk2info[self._speakers.popitem(last=False)[0]]
        self._speakers.move_to_end(speaker)
        return speaker

    def _loaded(self) -> Model:
        if self._model is None:
            self._model = load_model(self._checkout, self._folder, self._params)
        return self._model

    def _count(self, why: str) -> None:
        """After many failures in a row load the model anew, and tell by what it spoke before whether it is the model
        that fails or the lines: bad lines stand next to each other where they are tried again."""
        self._failures += 1
        if self._failures % _FAILURES:
            return
        if self._good is None and self._failures > _FAILURES:
            raise self._given_up(why)
        try:
            self._reload()
            if self._good is not None:
                self._first(*self._good)
        except (SpeechError, UsageError) as error:
            raise self._given_up(str(error)) from error

    def _reload(self) -> None:
        self._model = None
        self._speakers.clear()
        gc.collect()
        self._loaded()

    def _given_up(self, why: str) -> TurnmillError:
        return TurnmillError(
            f"CosyVoice failed {self._failures} lines in a row, before and after it was loaded again;"
            f" see to the GPU and run the same command again: {why}"
        )


@contextmanager
def _thread_errors() -> Iterator[list[BaseException]]:
    """Collect what the threads of the package's language model raise, which would otherwise be printed and lost."""
    errors: list[BaseException] = []
    before = threading.excepthook

    def keep(args: threading.ExceptHookArgs) -> None:
        # Threads are named after their function: "Thread-3 (llm_job)".
        if args.thread is not None and "llm_job" in args.thread.name and args.exc_value is not None:
            errors.append(args.exc_value)
        else:
            before(args)

    threading.excepthook = keep
    try:
        yield errors
    finally:
        threading.excepthook = before


def _clear_requests(model: Model) -> None:
    """Drop the state of the request that failed, which the package keeps for ever (`tts_speech_token_dict`, ...)."""
    for name, value in vars(model.model).items():
        if name.endswith("_dict") and isinstance(value, dict):
            value.clear()
