"""transcribe: what a Whisper model hears in each clip, and how far that is from the given text. Where the channels of a
clip are two talks, it hears each by itself."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import Any, BinaryIO

from pydantic import Field

from turnmill.manifests.languages import UNKNOWN, LanguageTag, primary
from turnmill.manifests.params import Params
from turnmill.manifests.records import Reason, Reject
from turnmill.pipelines.asr.checked import checked
from turnmill.pipelines.asr.errors import errors
from turnmill.pipelines.asr.models import (
    check_language,
    check_model,
    model_digest,
    model_name,
    whisper_language,
)
from turnmill.pipelines.asr.recognizer import Heard, Recognizer, Transcript, joined
from turnmill.pipelines.asr.windows import SAMPLE_RATE, Clip, Window
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
from turnmill.pipelines.stages.listen import (
    Pcm,
    ahead,
    channels_narrow,
    check_working,
    heard,
    in_samples,
    narrow,
)


class TranscribeParams(Params):
    model: str = Field(
        default="base",
        description="a published name (base, large-v3, tiny.en, owner/name), or the folder of a CTranslate2 model",
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
    tables = ("transcripts",)
    in_steps = True
    host_params = frozenset({"model"})

    params: TranscribeParams

    def __init__(self, params: TranscribeParams, language: str | None, *, speech: bool = True) -> None:
        super().__init__(params, params.language or language, speech=speech)
        self.resources = Resources(gpus=params.gpus, memory=2048 * MIB)

    def identity(self) -> Mapping[str, Any]:
        silent = {} if self.speech else {"speech": False}
        return {"model": model_digest(self.params.model), "language": self.language, **silent}

    def check(self) -> None:
        check_model(self.params.model)
        check_language(self.params.model, self.language, "transcribe.language")

    def check_here(self) -> None:
        if self.params.device == "cuda":
            from ctranslate2 import get_cuda_device_count

            check_gpu("transcribe.device", "cuda", get_cuda_device_count)

    def setup(self) -> None:
        p = self.params
        self.check_here()
        self.loaded = self.recognizer = self.loaded or Recognizer(
            p.model,
            device=p.device,
            compute_type=p.compute_type,
            cpu_threads=1,
            batch_size=p.batch_size,
            beam_size=p.beam_size,
        )
        check_language(p.model, self.language, "transcribe.language")  # what was fetched tells more than a name
        self._good: Window | None = None  # one that the model has heard

    def process(self, shard: Shard, workspace: Workspace, guard: Guard) -> Made:
        clips = workspace.rows("clips", shard.key)
        quality = {row["uid"]: row for row in workspace.rows("quality", shard.key)}
        guard.expect(len(clips))
        labels: list[Row] = []
        rejects: list[Reject] = []
        with workspace.open_tar("clips", shard.key) as tar:
            for block in ahead(guard, clips, self._blocks(clips, quality, tar, guard)):
                for (row, _), heard in zip(block, self._transcripts(block, guard), strict=True):
                    spoken = quality.get(row["uid"])
                    label = heard if isinstance(heard, Reject) else self._labelled(row, heard, spoken, guard)
                    if isinstance(label, Reject):
                        rejects.append(label)
                    else:
                        labels.append(label)
        check_working(rejects, Reason.RECOGNISER_FAILED, any(label["heard"] for label in labels), self._model)
        notes = self.recognizer.batch.noted(self.name)
        return Made({"transcripts": labels}, rejects, len(clips), hours(clips), notes)

    def _transcripts(self, block: "_Block", guard: Guard) -> list["_Whole | Reject"]:
        """What is heard in each clip of a block: a step of the model is a batch of windows, of whatever clips."""
        told = [talks if isinstance(talks, Reject) else self._clips(row, talks) for row, talks in block]
        lost = {place: clips for place, clips in enumerate(told) if isinstance(clips, Reject)}
        each = [(place, clip) for place, clips in enumerate(told) if not isinstance(clips, Reject) for clip in clips]
        owners = [place for place, _ in each]
        windows = self.recognizer.windows([clip for _, clip in each])
        heard: list[list[Heard]] = [[] for _ in each]
        left = Counter(owners[window.clip] for window in windows)
        guard.did(len(block) - len(left))
        rows = [block[place][0] for place in owners]

        def hear(batch: list[Window]) -> list[Heard | Reject]:
            told = guard.step(_key(rows, owners, batch), partial(self._hear, rows, batch, guard))
            return [result if isinstance(result, Reject) else Heard.of(result) for result in told]

        def language(result: Heard | Reject) -> str | None:
            return None if isinstance(result, Reject) else result.language

        for window, result in self.recognizer.rounds(windows, hear, language):
            place = owners[window.clip]
            if isinstance(result, Reject):
                lost.setdefault(place, result)
            else:
                heard[window.clip].append(result)
            left[place] -= 1
            guard.did(0 if left[place] else 1)
        found: dict[int, list[tuple[Clip, list[Heard]]]] = {}
        for (place, clip), parts in zip(each, heard, strict=True):
            found.setdefault(place, []).append((clip, parts))
        return [lost.get(place) or _whole(found[place]) for place in range(len(block))]

    def _clips(self, row: Row, talks: Sequence["_Talk"]) -> list[Clip] | Reject:
        """A clip as it is heard: where `quality` found speech, and nowhere where it rejected the clip, or where its
        corpus is of sounds and music, in which Whisper makes words up."""
        if not self.speech:
            return [Clip(pcm, ()) for pcm, _ in talks]
        tag = self._language(row)
        code = None if tag is None else whisper_language(tag)
        if code is not None and self.recognizer.only not in (None, code):
            what = (
                f"{row['source_uri'] or row['uid']} is of {tag}, and the model {model_name(self.params.model)} is not"
            )
            return Reject(Reason.UNSUPPORTED_LANGUAGE, what, row["uid"], row["source_uri"])
        given = row["text"] if self.params.align_text and len(talks) == 1 else None
        return [Clip(pcm, in_samples(speech), self.recognizer.code(code), given) for pcm, speech in talks]

    def _language(self, row: Row) -> str | None:
        """The recipe's, else the clip's own, else the corpus's."""
        tags = (self.params.language, row["language"], self.language)
        return next((tag for tag in tags if tag is not None and whisper_language(tag) is not None), None)

    def _hear(self, clips: Sequence[Row], batch: Sequence[Window], guard: Guard) -> list[Row | Reject]:
        items = [replace(clip_item(clips[w.clip]), seconds=len(w.pcm) / SAMPLE_RATE) for w in batch]

        def work(places: Sequence[int]) -> list[Row]:
            return self._heard([batch[place] for place in places], items[places[0]].uid)

        return guard.batch(items, work)

    def _heard(self, windows: Sequence[Window], name: str) -> list[Row]:
        """Raises as `listen.heard`."""
        again = None if self._good is None else partial(self.recognizer.hear, [self._good])
        found = heard(partial(self.recognizer.hear, windows, name), again, self._model)
        self._good = windows[-1]
        return [asdict(window) for window in found]

    @property
    def _model(self) -> str:
        """For errors."""
        return f"the model {model_name(self.params.model)}"

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

    def _labelled(self, clip: Row, heard: "_Whole", quality: Row | None, guard: Guard) -> Row | Reject:
        speech = [] if quality is None else quality["segments"]
        return guard.caught(clip_item(clip), partial(self._row, clip, heard, speech))

    def _row(self, clip: Row, whole: "_Whole", speech: Sequence[Row]) -> Row:
        heard, channels = whole
        text, duration = clip["text"], clip["duration"]
        language = self._language(clip) or heard.language or UNKNOWN
        found = None if text is None else errors(text, heard.text, language)
        row: Row = {
            "uid": clip["uid"],
            "model": model_name(self.params.model),
            "asr_text": heard.text,
            "asr_language": None if heard.language is None else primary(heard.language),
            "language_prob": heard.language_prob,
            "avg_logprob": heard.avg_logprob,
            "no_speech_prob": heard.no_speech_prob,
            "compression_ratio": heard.compression_ratio,
            "words": _words(heard.words, duration),
            "channel_words": None if channels is None else [_words(words, duration) for words in channels],
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
        return row | checked(row, heard, [(span["start"], span["end"]) for span in speech], text, language)


_Talk = tuple[Pcm, Sequence[Row]]
"""Float32 [samples] at 16 kHz, and its speech segments."""
_Block = list[tuple[Row, Sequence[_Talk] | Reject]]
_Whole = tuple[Transcript, list[tuple[Word, ...]] | None]
"""What is heard in a clip, and where it is two talks the words of each."""


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
    return replace(whole, words=in_order), [joined(heard, clip.language).words for clip, heard in talks]


def _words(words: Sequence[Word], duration: float) -> list[Row]:
    return [asdict(word) | {"end": min(word.end, duration)} for word in words]


def _key(rows: Sequence[Row], owners: Sequence[int], batch: Sequence[Window]) -> list[object]:
    """Names what a batch is made of."""
    return [
        (rows[window.clip]["uid"], window.clip - owners.index(owners[window.clip]), window.start, len(window.pcm))
        for window in batch
    ]
