"""transcribe: what Whisper models hear in each clip, how far that is from the given text, and their consensus.

Where the channels of a clip are two talks, they hear each by itself.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import Any, BinaryIO

from pydantic import Field

from turnmill.manifests.errors import UsageError
from turnmill.manifests.languages import UNKNOWN, LanguageTag, primary
from turnmill.manifests.params import Params
from turnmill.manifests.records import Reason, Reject
from turnmill.pipelines.asr.checked import checked
from turnmill.pipelines.asr.consensus import Voice, consensus, merged
from turnmill.pipelines.asr.errors import errors
from turnmill.pipelines.asr.models import (
    check_language,
    check_model,
    model_digest,
    model_name,
    whisper_language,
)
from turnmill.pipelines.asr.recognizer import Heard, Recognizer, Transcript, joined
from turnmill.pipelines.asr.verdict import votes
from turnmill.pipelines.asr.windows import Clip, Window
from turnmill.pipelines.asr.words import Word
from turnmill.pipelines.device import check_gpu
from turnmill.pipelines.guard import Guard
from turnmill.pipelines.stage import (
    MIB,
    LabelStage,
    Made,
    Resources,
    Row,
    Shard,
    Workspace,
    clip_item,
    hours,
)
from turnmill.pipelines.stages.ear import Ear, Work
from turnmill.pipelines.stages.listen import Pcm, ahead, channels_narrow, check_working, in_samples, narrow


class TranscribeParams(Params):
    models: tuple[str, ...] = Field(
        default=("base",),
        min_length=1,
        description="each a published name (base, large-v3, tiny.en, owner/name) or the folder of a CTranslate2 model; "
        "several vote on each word, and the first stands for the clip in clips_all",
    )
    language: LanguageTag | None = Field(
        default=None, description="BCP-47; null: the corpus's or the clip's own, or else the one that is detected"
    )
    device: str = Field(default="auto", pattern="^(auto|cpu|cuda)$")
    compute_type: str = Field(default="default", description="CTranslate2 type: int8, float16, ...")
    batch_size: int | None = Field(
        default=None, ge=1, description="windows of up to 30 s decoded at once; null: 1 on a CPU, 16 on a GPU"
    )
    beam_size: int = Field(default=5, ge=1, description="hypotheses kept while decoding; 1 is greedy and faster")
    gpus: float = Field(default=0.0, ge=0, description="GPU share of one worker")
    align_text: bool = Field(
        default=False, description="find the words of the given text in the audio as well: given_words"
    )
    read_ahead_s: float = Field(default=600.0, gt=0, description="audio decoded ahead of the model, in seconds")


class Transcribe(LabelStage):
    name = "transcribe"
    version = 6
    needs = ("clips", "quality")
    tables = ("transcripts", "consensus")
    in_steps = True
    host_params = frozenset({"models"})

    params: TranscribeParams

    def __init__(self, params: TranscribeParams, language: str | None, *, speech: bool = True) -> None:
        super().__init__(params, params.language or language, speech=speech)
        self.resources = Resources(gpus=params.gpus, memory=(1024 + 1024 * len(params.models)) * MIB)

    def identity(self) -> Mapping[str, Any]:
        silent = {} if self.speech else {"speech": False}
        return {"models": [model_digest(m) for m in self.params.models], "language": self.language, **silent}

    def check(self) -> None:
        names = [model_name(model) for model in self.params.models]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise UsageError(f"transcribe.models: two are called {twice}: leave one out, or rename its folder")
        for model in self.params.models:
            check_model(model)
            check_language(model, self.language, "transcribe.language")

    def check_here(self) -> None:
        if self.params.device == "cuda":
            from ctranslate2 import get_cuda_device_count

            check_gpu("transcribe.device", "cuda", get_cuda_device_count)

    def setup(self) -> None:
        self.check_here()
        if self.loaded is None:
            self.loaded = [Ear(model_name(model), self._recognizer(model)) for model in self.params.models]
        self.ears: list[Ear] = self.loaded
        for model in self.params.models:  # what was fetched tells more than a name
            check_language(model, self.language, "transcribe.language")

    def _recognizer(self, model: str) -> Recognizer:
        p = self.params
        return Recognizer(
            model,
            device=p.device,
            compute_type=p.compute_type,
            cpu_threads=1,
            batch_size=p.batch_size,
            beam_size=p.beam_size,
        )

    def process(self, shard: Shard, workspace: Workspace, guard: Guard) -> Made:
        clips = workspace.rows("clips", shard.key)
        quality = {row["uid"]: row for row in workspace.rows("quality", shard.key)}
        guard.expect(len(clips))
        transcripts: list[Row] = []
        agreed: list[Row] = []
        rejects: list[Reject] = []
        told: list[_Told] = []
        with workspace.open_tar("clips", shard.key) as tar:
            for block in ahead(guard, clips, self._blocks(clips, quality, tar, guard)):
                for (row, _), heard in zip(block, self._transcripts(block, guard), strict=True):
                    spoken = quality.get(row["uid"])
                    made = heard if isinstance(heard, Reject) else self._labelled(row, heard, spoken, guard)
                    if isinstance(made, Reject):
                        rejects.append(made)
                    else:
                        transcripts += made[0]
                        agreed.append(made[1])
                    told += [] if isinstance(heard, Reject) else [heard]
        for place, ear in enumerate(self.ears):
            mine = [heard[place] for heard in told if place in heard]
            failed = [one for one in mine if isinstance(one, Reject)]
            anything = any(one[0].heard for one in mine if not isinstance(one, Reject))
            check_working(failed, Reason.RECOGNISER_FAILED, anything, ear.model)
        notes = [note for ear in self.ears for note in ear.recognizer.batch.noted(self.name)]
        return Made({"transcripts": transcripts, "consensus": agreed}, rejects, len(clips), hours(clips), notes)

    def _transcripts(self, block: "_Block", guard: Guard) -> list["_Told | Reject"]:
        """What each model hears in each clip of a block, one model after the other: a step is a batch of windows, of
        whatever clips."""
        told: list[_Told | Reject] = [
            talks if isinstance(talks, Reject) else self._unknown(row) or {} for row, talks in block
        ]
        works = [self._work(ear, block, told) for ear in self.ears]
        left = Counter(work.owners[window.clip] for work in works for window in work.windows)
        guard.did(len(block) - len(left))
        for place, work in enumerate(works):
            for owner, whole in self._listened(work, [row for row, _ in block], left, guard).items():
                heard = told[owner]
                assert not isinstance(heard, Reject)  # such a clip is in no work
                heard[place] = whole
        return told

    def _work(self, ear: Ear, block: "_Block", told: Sequence["_Told | Reject"]) -> Work:
        owners: list[int] = []
        clips: list[Clip] = []
        for place, ((row, talks), lost) in enumerate(zip(block, told, strict=True)):
            if not isinstance(talks, Reject) and not isinstance(lost, Reject) and ear.takes(self._code(row)):
                code = ear.recognizer.code(self._code(row))
                given = row["text"] if self.params.align_text and len(talks) == 1 else None
                mine = [Clip(pcm, in_samples(speech) if self.speech else (), code, given) for pcm, speech in talks]
                clips += mine
                owners += [place] * len(mine)
        return Work(ear, owners, clips, ear.recognizer.windows(clips))

    def _listened(
        self, work: Work, rows: Sequence[Row], left: Counter[int], guard: Guard
    ) -> dict[int, "_Whole | Reject"]:
        """What a model hears in its clips, by their place in the block. `left`: windows of each to be heard."""
        ear, owners = work.ear, work.owners
        heard: list[list[Heard]] = [[] for _ in work.clips]
        lost: dict[int, Reject] = {}
        mine = [rows[place] for place in owners]

        def hear(batch: list[Window]) -> list[Heard | Reject]:
            told = guard.step(work.key(mine, batch), partial(ear.hear, mine, batch, guard))
            return [result if isinstance(result, Reject) else Heard.of(result) for result in told]

        def language(result: Heard | Reject) -> str | None:
            return None if isinstance(result, Reject) else result.language

        for window, result in ear.recognizer.rounds(work.windows, hear, language):
            place = owners[window.clip]
            if isinstance(result, Reject):
                lost.setdefault(place, result)
            else:
                heard[window.clip].append(result)
            left[place] -= 1
            guard.did(0 if left[place] else 1)
        found: dict[int, list[tuple[Clip, list[Heard]]]] = {}
        for place, clip, parts in zip(owners, work.clips, heard, strict=True):
            found.setdefault(place, []).append((clip, parts))
        return {place: lost.get(place) or _whole(talks) for place, talks in found.items()}

    def _unknown(self, row: Row) -> Reject | None:
        """Why a clip cannot be heard, where it is of a language that no model was taught."""
        code = self._code(row)
        if any(ear.takes(code) for ear in self.ears):
            return None
        models = " nor ".join(f"{'the model ' if not n else ''}{ear.name}" for n, ear in enumerate(self.ears))
        what = f"{row['source_uri'] or row['uid']} is of {self._language(row)}, and {models} is not"
        return Reject(Reason.UNSUPPORTED_LANGUAGE, what, row["uid"], row["source_uri"])

    def _code(self, row: Row) -> str | None:
        """Whisper's code of a clip's language, where one is stated. Of a corpus of sounds and music, in which Whisper
        makes words up, nothing is heard, in no language."""
        tag = self._language(row) if self.speech else None
        return None if tag is None else whisper_language(tag)

    def _language(self, row: Row) -> str | None:
        """The recipe's, else the clip's own, else the corpus's."""
        tags = (self.params.language, row["language"], self.language)
        return next((tag for tag in tags if tag is not None and whisper_language(tag) is not None), None)

    def _blocks(
        self, clips: Sequence[Row], quality: Mapping[str, Row], tar: BinaryIO, guard: Guard
    ) -> Iterator["_Block"]:
        """Clips with their talks at 16 kHz, in blocks long enough to sort into even batches."""
        block: _Block = []
        seconds = 0.0
        for clip in clips:
            talks = partial(_talks, tar, clip, quality.get(clip["uid"]))
            block.append((clip, guard.caught(clip_item(clip), talks)))
            seconds += clip["duration"]
            if seconds >= self.params.read_ahead_s:
                yield block
                block, seconds = [], 0.0
        if block:
            yield block

    def _labelled(self, clip: Row, told: "_Told", quality: Row | None, guard: Guard) -> tuple[list[Row], Row] | Reject:
        """The rows of a clip's transcripts, and that of their consensus; none where a model failed on it."""
        speech = [] if quality is None else quality["segments"]
        heard: dict[int, _Whole] = {}
        for place, whole in told.items():
            if isinstance(whole, Reject):
                return whole
            heard[place] = whole
        return guard.caught(clip_item(clip), partial(self._rows, clip, heard, speech))

    def _rows(self, clip: Row, heard: Mapping[int, "_Whole"], speech: Sequence[Row]) -> tuple[list[Row], Row]:
        transcripts = [self._row(clip, place, whole, speech) for place, whole in heard.items()]
        return transcripts, self._agreed(clip, [*heard.values()], [votes(row["verdict"]) for row in transcripts])

    def _row(self, clip: Row, place: int, whole: "_Whole", speech: Sequence[Row]) -> Row:
        heard, channels = whole
        text, duration = clip["text"], clip["duration"]
        language = self._language(clip) or heard.language or UNKNOWN
        found = None if text is None else errors(text, heard.text, language)
        row: Row = {
            "uid": clip["uid"],
            "model": self.ears[place].name,
            "model_place": place,
            "asr_text": heard.text,
            "asr_language": None if heard.language is None else primary(heard.language),
            "language_prob": heard.language_prob,
            "avg_logprob": heard.avg_logprob,
            "no_speech_prob": heard.no_speech_prob,
            "compression_ratio": heard.compression_ratio,
            "words": _words(heard.words, duration),
            "channel_words": None if channels is None else [_words(talk.words, duration) for talk in channels],
            "heard": [{"start": start, "end": min(end, duration)} for start, end in heard.heard],
            "n_cut": heard.n_cut,
            "text_error": None if found is None else found.rate,
            "text_length": None if found is None else found.total,
            "substitutions": None if found is None else found.substitutions,
            "deletions": None if found is None else found.deletions,
            "insertions": None if found is None else found.insertions,
            "text_unit": None if found is None else found.units,
            "text_normalisation": None if found is None else found.normalisation,
            "given_words": None if heard.given is None else _words(heard.given, duration),
        }
        spans = [(span["start"], span["end"]) for span in speech]
        return row | checked(row, heard, spans, text, language)

    def _agreed(self, clip: Row, heard: Sequence["_Whole"], may: Sequence[bool]) -> Row:
        (first, channels), text, duration = heard[0], clip["text"], clip["duration"]
        language = self._language(clip) or first.language or UNKNOWN
        if channels is None:
            talks = None
            found = consensus(_voices([whole for whole, _ in heard], may), language, duration, text)
        else:
            each = zip(*(talks for _, talks in heard if talks is not None), strict=True)
            talks = [consensus(_voices(voices, may), language, duration) for voices in each]
            found = merged(talks, [talk.heard for talk in channels])
            found = replace(found, text=first.text) if len(heard) == 1 else found
        wrong = None if text is None else errors(text, found.text, language)
        return {
            "uid": clip["uid"],
            "n_voices": found.voices,
            "consensus_text": found.text,
            "consensus_words": _words(found.words, duration),
            "consensus_channel_words": None if talks is None else [_words(talk.words, duration) for talk in talks],
            "min_support": found.min_support,
            "mean_support": found.mean_support,
            "agreement": found.agreement,
            "consensus_error": None if wrong is None else wrong.rate,
            "consensus_errors": None if wrong is None else wrong.count,
            "unsupported": found.unsupported,
        }


_Talk = tuple[Pcm, Sequence[Row]]
"""Float32 [samples] at 16 kHz, and its speech segments."""
_Block = list[tuple[Row, Sequence[_Talk] | Reject]]
_Whole = tuple[Transcript, list[Transcript] | None]
"""What a model hears in a clip, and where it is two talks in each."""
_Told = dict[int, _Whole | Reject]
"""The same of each model that knows the clip's language, by its place in the recipe, or why it failed."""


def _talks(tar: BinaryIO, clip: Row, quality: Row | None) -> Sequence[_Talk]:
    """A clip as one talk, or as two where `quality` says so. Raises AudioError."""
    if quality is None or quality["channel_segments"] is None:
        return [(narrow(tar, clip), [] if quality is None else quality["segments"])]
    return list(zip(channels_narrow(tar, clip), quality["channel_segments"], strict=True))


def _whole(talks: Sequence[tuple[Clip, Sequence[Heard]]]) -> _Whole:
    """What is heard in a clip from what is heard in the windows of each of its talks."""
    parts = [part for _, heard in talks for part in heard]
    whole = joined(parts, talks[0][0].language)
    if len(talks) == 1:
        return whole, None
    in_order = tuple(sorted(whole.words, key=lambda word: (word.start, word.end)))
    return replace(whole, words=in_order), [joined(heard, clip.language) for clip, heard in talks]


def _voices(heard: Sequence[Transcript], may: Sequence[bool]) -> list[Voice]:
    return [Voice(one.text, one.words, vote) for one, vote in zip(heard, may, strict=True)]


def _words(words: Sequence[Word], duration: float) -> list[Row]:
    return [asdict(word) | {"end": min(word.end, duration)} for word in words]
