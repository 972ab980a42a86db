"""speak: lines -> speech with word times, kept as FLAC in a lake shard; spoken once, simulated as often as wanted."""

import json
import shutil
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import islice
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from turnmill.manifests.audio import Audio, encode_flac
from turnmill.manifests.errors import UsageError
from turnmill.manifests.languages import primary
from turnmill.manifests.params import Params
from turnmill.manifests.records import Reason, Reject, stable_hash
from turnmill.manifests.tar import TarWriter
from turnmill.pipelines.asr.errors import errors
from turnmill.pipelines.asr.locate import Located
from turnmill.pipelines.asr.models import check_model, english_only, knows, model_digest, whisper_language
from turnmill.pipelines.asr.recognizer import Recognizer
from turnmill.pipelines.asr.windows import Clip
from turnmill.pipelines.bank import read_bank
from turnmill.pipelines.guard import Guard, Item
from turnmill.pipelines.stage import MIB, Made, Resources, Row, Shard, Stage, Workspace, hours
from turnmill.synth.speech import Line, Speech, SpeechError, flaw
from turnmill.synth.text import spoken_form
from turnmill.synth.tokens import tokens
from turnmill.synth.tts.align import Aligner, PerLanguage, ProportionalAligner, WhisperAligner
from turnmill.synth.tts.choice import WITH_KEYS, EngineChoice
from turnmill.synth.tts.declared import engine_of
from turnmill.synth.tts.engine import Engine
from turnmill.synth.tts.gate import GateParams, Heard
from turnmill.synth.tts.sphinx import PocketsphinxAligner
from turnmill.synth.tts.takes import BATCH, Examiner, Hear, Take, takes
from turnmill.synth.voices import Voice, VoiceBank


class AlignParams(Params):
    """How words get their times where the engine gives none."""

    method: Literal["auto", "pocketsphinx", "whisper", "proportional"] = Field(
        default="auto",
        description="'auto': pocketsphinx for English, else whisper; 'proportional' guesses, and is never chosen",
    )
    model: str = Field(default="base", description="model of 'whisper', as in transcribe.models")


class SpeakParams(EngineChoice):
    gate: GateParams = GateParams()
    tries: int = Field(default=3, ge=1, le=20, description="takes of a line until one passes the gate")
    align: AlignParams = AlignParams()
    recognise: str | None = Field(
        default=None,
        description="recogniser, as in transcribe.models, that hears if a line says its text, in languages it knows",
    )
    gpus: float = Field(default=0.0, ge=0, description="GPU share of one worker")
    cpus: float = Field(default=1.0, gt=0, description="CPU cores of one worker")
    runtime_env: dict[str, Any] | None = Field(
        default=None,
        description="Ray's runtime_env of the workers: {py_executable: PATH}, a Python with Turnmill and the same "
        "versions of Ray and Python; {env_vars: {...}}; {pip: [...]}",
    )


class Speak(Stage):
    """With a `bank`, its voices speak; without, those of the table `voices`."""

    name = "speak"
    version = 4
    tables = ("speech",)
    items = "lines"
    in_steps = True
    host_params = frozenset({*WITH_KEYS, "recognise", "align", "gpus", "cpus", "runtime_env"})

    def __init__(self, params: SpeakParams, bank: VoiceBank | None) -> None:
        self.params: SpeakParams = params
        self.bank = bank
        self.needs = ("lines",) if bank is not None else ("lines", "voices")
        heavy = params.heavy or params.recognise is not None
        self.resources = Resources(
            cpus=params.cpus,
            gpus=params.gpus,
            memory=4096 * MIB if heavy else Resources().memory,  # a light engine shares a worker
            runtime_env=None if params.runtime_env is None else json.dumps(params.runtime_env, sort_keys=True),
        )

    def identity(self) -> Mapping[str, Any]:
        """A voice is its settings, not its name; an engine and a model what they speak and hear, not where they lie."""
        voices = () if self.bank is None else sorted(map(repr, self.bank.voices.values()))
        recognise = self.params.recognise
        known = self.params.declared.identity
        return {
            "engine": self._engine().identity if known is None else known(self.params.of_engine),
            "voices": stable_hash(*voices),
            "aligner": self._aligner_identity,
            "recogniser": None if recognise is None else model_digest(recognise),
        }

    @property
    def _aligner_identity(self) -> str | None:
        """None where the engines state their times."""
        return None if self.params.states_times else aligner(self.params.align).identity

    def _engine(self) -> Engine:
        """The engine with the voices that are known before the run. Raises LookupError for one that lacks something."""
        engine = self.params.make({} if self.bank is None else self.bank.voices)
        if lacking := {"identity", "sample_rate", "synthesize"} - set(dir(engine)):
            raise LookupError(f"the engine {self.params.engine} has no `{min(lacking)}`: see synth/tts/engine.py")
        return engine

    def check(self) -> None:
        self.params.declared.check(self.params.of_engine)
        if self.unfetched() is None:
            self._engine()
        if self._aligner_identity is not None and self.params.align.method == "whisper":
            check_model(self.params.align.model)
        self.check_languages(() if self.bank is None else self.bank.languages)
        if self.params.recognise is not None:
            check_model(self.params.recognise)

    def check_languages(self, languages: Iterable[str]) -> None:
        """UsageError where lines of one of the languages could not get word times, and be spoken for nothing."""
        align = self.params.align
        foreign = sorted({primary(language) for language in languages} - {"en"})
        if not foreign or self._aligner_identity is None or align.method == "proportional":
            return
        fix = "such as large-v3, or set speak.align.method=proportional"
        if align.method == "pocketsphinx":
            raise UsageError(
                f"speak.align.method: pocketsphinx knows English only, not {foreign[0]!r}; "
                f"set it to auto with a multilingual speak.align.model {fix}"
            )
        check_model(align.model)
        if english_only(align.model):
            raise UsageError(
                f"speak.align.model: the {align.model} model knows English only, not {foreign[0]!r}; "
                f"name a multilingual one {fix}"
            )

    def check_here(self) -> None:
        if self.params.runtime_env is None:
            self.params.declared.check_here(self.params.of_engine)
        python = (self.params.runtime_env or {}).get("py_executable")
        # Ray, which takes it for a command with arguments, would wait for its workers for ever.
        if python is not None and shutil.which(next(iter(str(python).split()), "")) is None:
            raise UsageError(
                "speak.runtime_env.py_executable: there is no such program on this machine; give the path of a Python"
            )

    def unfetched(self) -> str | None:
        return self.params.declared.unfetched(self.params.of_engine)

    def fetch(self) -> None:
        self.params.declared.fetch(self.params.of_engine)

    def setup(self) -> None:
        hear = None if self.params.recognise is None else hear_with(self.params.recognise)
        self.examiner = Examiner(self.params.gate, aligner(self.params.align), hear)
        self.engine = None if self.bank is None else self._engine()
        self.voices: Mapping[str, Voice] = {} if self.bank is None else self.bank.voices

    def process(self, shard: Shard, workspace: Workspace, guard: Guard) -> Made:
        if self.engine is None:
            self.voices = read_bank(workspace).voices
            self.engine = self.params.make(self.voices)
        rows = workspace.rows("lines", shard.key)
        guard.expect(len(rows))
        self.check_languages(row["language"] for row in rows)  # a bank that is a table is not known before
        spoken: list[Row] = []
        rejects: list[Reject] = []
        with workspace.write_tar("speech", shard.key) as tar:
            for row, made in zip(rows, self.spoken([line_of(row) for row in rows], guard), strict=True):
                guard.did(1)
                if isinstance(made, Reject):
                    rejects.append(made)
                else:
                    spoken.append(self._kept(tar, shard, row, made))
        return Made({"speech": spoken}, rejects, len(rows), hours(spoken))

    def spoken(self, lines: Sequence[Line], guard: Guard) -> Iterator[Row | Reject]:
        """What came of each line, in order: `sample_rate`, `duration`, `words`, `tries` and what `flac_of` reads. A
        step is a batch of lines."""
        assert self.engine is not None
        engine = _GuardedEngine(self.engine, guard, timed=not self.params.declared.has_time_limits)
        examiner = _GuardedExaminer(self.examiner, guard)
        batch = max(BATCH, self.params.declared.at_once(self.params.of_engine))
        batches = [lines[first : first + batch] for first in range(0, len(lines), batch)]
        keys = [[line.id for line in some] for some in batches]
        todo = [line for some, key in zip(batches, keys, strict=True) if not guard.has(key) for line in some]
        coming = takes(engine, todo, examiner, self.params.tries, batch, ahead=not guard.attempt.careful)
        for key in keys:
            yield from guard.step(key, lambda key=key: [_told(take) for take in islice(coming, len(key))])  # type: ignore[misc]

    def _kept(self, tar: TarWriter, shard: Shard, row: Mapping[str, Any], told: Row) -> Row:
        offset, size = tar.add(f"{stable_hash(row['line'])}.flac", flac_of(told))
        return {
            "line": row["line"],
            "dialogue": row["dialogue"],
            "shard": shard.key,
            "offset": offset,
            "size": size,
            "sample_rate": told["sample_rate"],
            "duration": told["duration"],
            "engine": engine_of(self.voices[row["voice"]]) or self.params.engine,
            "words": told["words"],
            "tries": told["tries"],
        }


@dataclass(frozen=True)
class _GuardedEngine:
    """An engine whose crash or hang is a `SpeechError` of the line. `timed`: it has no time limits of its own."""

    engine: Engine
    guard: Guard
    timed: bool

    def synthesize(self, lines: Sequence[Line]) -> list[Speech | SpeechError]:
        items = [_item(line, self.timed) for line in lines]
        made = self.guard.batch(items, lambda places: self.engine.synthesize([lines[p] for p in places]))
        return [SpeechError(m.reason, m.detail) if isinstance(m, Reject) else _whole(m) for m in made]


def _whole(made: Speech | SpeechError) -> Speech | SpeechError:
    """What an engine gave; speech that is not as it has to be is none, for its labels would be wrong."""
    wrong = flaw(made) if isinstance(made, Speech) else None
    return made if wrong is None else SpeechError(Reason.ENGINE_FAILED, f"the engine gave {wrong}")


@dataclass(frozen=True)
class _GuardedExaminer:
    """The same of an examiner."""

    examiner: Examiner
    guard: Guard

    def examine(self, lines: Sequence[Line], takes: Sequence[Speech | SpeechError]) -> list[Speech | SpeechError]:
        items = [_item(line, timed=True) for line in lines]
        made = self.guard.batch(
            items, lambda places: self.examiner.examine([lines[p] for p in places], [takes[p] for p in places])
        )
        return [SpeechError(m.reason, m.detail) if isinstance(m, Reject) else m for m in made]


def _item(line: Line, timed: bool) -> Item:
    """A line's audio is as long as a slow speaker takes, of 5 characters a second (Chinese) or more."""
    return Item(line.id, len(line.text) / 5 if timed else None)


def _told(take: Take) -> Row | Reject:
    """A take in JSON, with the speech as 16-bit FLAC."""
    result = take.result
    if isinstance(result, SpeechError):
        return Reject(
            result.reason,
            result.detail + (f" ({take.tries} tries)" if take.tries > 1 else ""),
            uid=take.line.id,
        )
    audio = Audio(result.pcm[None], result.sample_rate)
    return {
        "flac": b64encode(encode_flac(audio)).decode(),
        "sample_rate": result.sample_rate,
        "duration": audio.duration,
        "words": [{"word": w.text, "start": w.start, "end": w.end, "prob": None} for w in result.words or ()],
        "tries": take.tries,
    }


def flac_of(told: Row) -> bytes:
    """The audio of a row that `Speak.spoken` gives: FLAC, one channel at 24 kHz."""
    return b64decode(told["flac"])


def line_of(row: Mapping[str, Any]) -> Line:
    """The engine's line of a row of `lines`."""
    return Line(
        row["line"], row["text"], row["voice"], row["language"], row["seed"], row.get("emotion"), row.get("style")
    )


def aligner(params: AlignParams) -> Aligner:
    """The aligner that a recipe names. Models are loaded by the first line that needs them."""
    if params.method == "proportional":
        return ProportionalAligner()
    if params.method == "pocketsphinx":
        return PocketsphinxAligner()
    whisper = WhisperAligner(Located(params.model), model_digest(params.model))
    return whisper if params.method == "whisper" else PerLanguage({"en": PocketsphinxAligner()}, whisper)


def hear_with(model: str) -> Hear:
    """What `Examiner` asks for the text of lines, in languages that the model knows."""
    recognizer = Recognizer(model)
    known = cache(partial(knows, model))

    def hear(lines: Sequence[tuple[Line, NDArray[np.float32]]]) -> list[Heard | None]:
        heard: list[Heard | None] = [None] * len(lines)
        mine = [index for index, (line, _) in enumerate(lines) if known(line.language)]
        clips = [Clip(lines[index][1], language=whisper_language(lines[index][0].language)) for index in mine]
        for index, transcript in zip(mine, recognizer.transcribe(clips), strict=True):
            line = lines[index][0]
            heard[index] = _heard(line.text, transcript.text, primary(line.language))
        return heard

    return hear


def _heard(text: str, said: str, language: str) -> Heard:
    """Errors by `synth.tokens`: words, and characters of Chinese and Japanese."""
    found = errors(_as_said(text, language), _as_said(said, language), language)
    return Heard(said, found.count, found.total)


def _as_said(text: str, language: str) -> str:
    """The tokens of a text with its numbers in words; a recogniser writes digits."""
    return " ".join(tokens(spoken_form(text, language)))
