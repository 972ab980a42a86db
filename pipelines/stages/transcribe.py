"""transcribe: what a Whisper model hears in each clip, and how far that is from the given text."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from manifests.params import Params
from pipelines.asr.recognizer import Recognizer, Transcript, check_model, model_digest, model_name
from pipelines.asr.wer import cer, wer
from pipelines.stage import MIB, Made, Resources, Row, Shard, Stage, Workspace, decoded_clips, hours
from sources.audio import mono_at

RECOGNISER_RATE = 16_000  # Hz, Whisper's


class TranscribeParams(Params):
    model: str = Field(
        default="embedded", description="'embedded', a faster-whisper model name, or the path of a model folder"
    )
    language: str | None = Field(default=None, description="BCP-47; null: the corpus's own language")
    device: str = Field(default="auto", pattern="^(auto|cpu|cuda)$")
    compute_type: str = Field(default="default", description="CTranslate2 type: int8, float16, ...")
    batch_size: int = Field(default=8, ge=1, description="windows of up to 30 s decoded at once")
    beam_size: int = Field(default=5, ge=1, description="hypotheses kept while decoding; 1 is greedy and faster")
    gpus: float = Field(default=0.0, ge=0, description="GPU share of one worker")
    read_ahead_s: float = Field(default=600.0, gt=0, description="audio decoded ahead of the model, in seconds")


class Transcribe(Stage):
    name = "transcribe"
    version = 2
    needs = ("clips",)
    tables = ("transcripts",)
    items = "clips"
    host_params = frozenset({"model"})

    def __init__(self, params: TranscribeParams, language: str | None) -> None:
        self.params: TranscribeParams = params
        self.language = params.language or language
        self.resources = Resources(gpus=params.gpus, memory=2048 * MIB)

    def identity(self) -> Mapping[str, Any]:
        return {"model": model_digest(self.params.model), "language": self.language}

    def check(self) -> None:
        check_model(self.params.model)

    def setup(self) -> None:
        p = self.params
        self.recognizer = Recognizer(
            p.model,
            self.language,
            device=p.device,
            compute_type=p.compute_type,
            cpu_threads=1,
            batch_size=p.batch_size,
            beam_size=p.beam_size,
        )

    def process(self, shard: Shard, workspace: Workspace) -> Made:
        clips: list[Row] = []
        labels: list[Row] = []
        blocks = self._blocks(shard.key, workspace)
        with ThreadPoolExecutor(1) as reader:
            ahead = reader.submit(next, blocks, None)
            while (block := ahead.result()) is not None:
                ahead = reader.submit(next, blocks, None)
                transcripts = self.recognizer.transcribe([audio for _, audio in block])
                clips += [clip for clip, _ in block]
                labels += [self._row(clip, t) for (clip, _), t in zip(block, transcripts, strict=True)]
        return Made({"transcripts": labels}, [], len(clips), hours(clips))

    def _blocks(self, key: str, workspace: Workspace) -> Iterator[list[tuple[Row, NDArray[np.float32]]]]:
        """Clips with their 16 kHz mono audio, in blocks long enough to sort into even batches."""
        block: list[tuple[Row, NDArray[np.float32]]] = []
        seconds = 0.0
        for clip, sound in decoded_clips(key, workspace):
            block.append((clip, mono_at(sound, RECOGNISER_RATE, clip["uid"])))
            seconds += sound.duration
            if seconds >= self.params.read_ahead_s:
                yield block
                block, seconds = [], 0.0
        if block:
            yield block

    def _row(self, clip: Row, heard: Transcript) -> Row:
        text = clip["text"]
        return {
            "uid": clip["uid"],
            "model": model_name(self.params.model),
            "asr_text": heard.text,
            "asr_language": heard.language,
            "language_prob": heard.language_prob,
            "avg_logprob": heard.avg_logprob,
            "no_speech_prob": heard.no_speech_prob,
            "compression_ratio": heard.compression_ratio,
            "words": [asdict(word) for word in heard.words],
            "wer": None if text is None else wer(text, heard.text, heard.language),
            "cer": None if text is None else cer(text, heard.text, heard.language),
        }
