"""s2st: the translation of each clip, spoken in the clip's own voice: the other side of a pair for translation from
speech to speech."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, BinaryIO, Final

from turnmill.manifests.audio import Audio, encode_flac, mono_at
from turnmill.manifests.errors import UsageError
from turnmill.manifests.languages import UNKNOWN, primary
from turnmill.manifests.licences import forbids_derivatives, licence_of
from turnmill.manifests.params import Params
from turnmill.manifests.records import ItemError, Reason, Reject, stable_hash
from turnmill.manifests.tar import TarWriter
from turnmill.pipelines.guard import Guard
from turnmill.pipelines.stage import LabelStage, Made, Row, Shard, Workspace, clip_item, clip_sound, hours
from turnmill.pipelines.stages.speak import Speak, SpeakParams, flac_of
from turnmill.pipelines.steps.voices import LONGEST_S, MARGIN_S
from turnmill.synth.speech import Line
from turnmill.synth.text import spoken_form
from turnmill.synth.tts.engine import Engine
from turnmill.synth.voices import Prompt, Voice

_AT_ONCE: Final = 64  # clips whose voices are in memory: some 20 MB
_PROMPT_RATE: Final = 24_000  # Hz, at most


class S2stParams(Params):
    speak: SpeakParams
    """The engine, which has to clone, and how good a line has to be."""


class S2st(LabelStage):
    name = "s2st"
    needs = ("clips", "quality", "translations")
    tables = ("target_speech",)
    version = 2
    in_steps = True
    host_params = frozenset({"speak"})

    params: S2stParams
    loaded: tuple[dict[str, Voice], Engine] | None

    def __init__(self, params: S2stParams, language: str | None, *, speech: bool = True) -> None:
        super().__init__(params, language, speech=speech)
        self._speak = Speak(params.speak, None)
        self.resources = self._speak.resources

    def identity(self) -> Mapping[str, Any]:
        said = self.params.speak.model_dump(mode="json", exclude=set(self._speak.host_params))
        return {"speak": said, **self._speak.identity()}

    def check(self) -> None:
        engine = self.params.speak.declared
        if not engine.clones:
            raise UsageError(f"s2st.speak.engine: {engine.name} has voices of its own, and clones none: set cosyvoice")
        self._speak.check()

    def check_here(self) -> None:
        self._speak.check_here()

    def unfetched(self) -> str | None:
        return self._speak.unfetched()

    def fetch(self) -> None:
        self._speak.fetch()

    def setup(self) -> None:
        self._speak.setup()
        voices: dict[str, Voice] = {}
        self.loaded = self.loaded or (voices, self.params.speak.make(voices))

    def process(self, shard: Shard, workspace: Workspace, guard: Guard) -> Made:
        clips = workspace.rows("clips", shard.key)
        quality = {row["uid"]: row for row in workspace.rows("quality", shard.key)}
        translations = {row["uid"]: row for row in workspace.rows("translations", shard.key)}
        self._speak.check_languages({row["target_language"] for row in translations.values()})
        guard.expect(len(clips))
        made: list[Row | Reject] = []
        with workspace.open_tar("clips", shard.key) as lake, workspace.write_tar("target_speech", shard.key) as tar:
            for first in range(0, len(clips), _AT_ONCE):
                some = clips[first : first + _AT_ONCE]
                work = [partial(_asked, lake, c, quality.get(c["uid"]), translations.get(c["uid"])) for c in some]
                asked = [guard.caught(clip_item(clip), each) for clip, each in zip(some, work, strict=True)]
                spoken = self._spoken([each for each in asked if not isinstance(each, Reject)], guard)
                for clip, each in zip(some, asked, strict=True):
                    made.append(each if isinstance(each, Reject) else self._kept(tar, clip, each[0], next(spoken)))
                    guard.did(1)
        rows = [row for row in made if not isinstance(row, Reject)]
        return Made({"target_speech": rows}, [row for row in made if isinstance(row, Reject)], len(clips), hours(clips))

    def _spoken(self, asked: Sequence[tuple[Line, Voice]], guard: Guard) -> Iterator[Row | Reject]:
        assert self.loaded is not None
        voices, self._speak.engine = self.loaded
        voices.clear()
        voices.update((voice.name, voice) for _, voice in asked)
        return self._speak.spoken([line for line, _ in asked], guard)

    def _kept(self, tar: TarWriter, clip: Row, line: Line, told: Row | Reject) -> Row | Reject:
        if isinstance(told, Reject):
            return replace(told, uid=clip["uid"], source_uri=clip["source_uri"])
        offset, size = tar.add(f"{stable_hash(clip['uid'])}.flac", flac_of(told))
        return {
            "uid": clip["uid"],
            "target_text": line.text,
            "target_offset": offset,
            "target_size": size,
            "target_sample_rate": told["sample_rate"],
            "target_duration": told["duration"],
            "target_engine": self.params.speak.engine,
            "target_tries": told["tries"],
            "target_words": told["words"],
        }


def _asked(lake: BinaryIO, clip: Row, quality: Row | None, translation: Row | None) -> tuple[Line, Voice]:
    """The line that is to be spoken of a clip, and the voice. Raises ItemError where there is none or the licence
    forbids it, AudioError."""
    if forbids_derivatives(clip["licence"]):  # the speech is a change of the recording
        raise ItemError(Reason.NO_DERIVATIVES, f"{clip['uid']} is under {clip['licence']}, which forbids derivatives")
    if translation is None or not translation["translation"]:
        raise ItemError(Reason.UNTRANSLATED, f"{clip['uid']} has no translation to speak")
    uid, language = clip["uid"], translation["target_language"]
    text = spoken_form(translation["translation"], language)
    # The recording's text is left out: an engine that speaks another language than it has no use for that.
    prompt = Prompt(_prompt(lake, clip, quality), "")
    licence = licence_of(clip["licence"], clip["licence_redistribute"])
    voice = Voice(uid, primary(translation["source_language"] or UNKNOWN), None, None, licence, prompt=prompt)
    return Line(uid, text, uid, language, int(stable_hash("s2st", uid), 16) % 2**31), voice


def _prompt(lake: BinaryIO, clip: Row, quality: Row | None) -> bytes:
    """What is said in a clip, 10 s of it at most, as FLAC of one channel."""
    segments = [] if quality is None else quality["segments"]
    if quality is not None and quality["channel_segments"] is not None:
        raise ItemError(Reason.NO_PROMPT, f"{clip['uid']} is the talk of two, and no voice")
    if not segments:
        raise ItemError(Reason.NO_PROMPT, f"{clip['uid']} holds no speech")
    rate = min(clip["sample_rate"], _PROMPT_RATE)
    samples = mono_at(clip_sound(lake, clip), rate, clip["uid"])
    first = max(segments[0]["start"] - MARGIN_S, 0.0)
    last = min(segments[-1]["end"] + MARGIN_S, first + LONGEST_S)
    return encode_flac(Audio(samples[None, round(first * rate) : round(last * rate)], rate))
