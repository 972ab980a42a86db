"""verify: every dialogue against its labels, from the written audio alone (synth.duplex.checking.check)."""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from pydantic import Field

from turnmill.manifests.audio import decode
from turnmill.manifests.params import Params
from turnmill.manifests.records import ItemError, Reason, Reject, stable_hash
from turnmill.pipelines.asr.models import check_model, model_digest, whisper_language
from turnmill.pipelines.asr.recognizer import Recognizer
from turnmill.pipelines.asr.windows import Clip
from turnmill.pipelines.guard import Guard, Item
from turnmill.pipelines.stage import Made, Row, Shard, Stage, Workspace, hours, read_span
from turnmill.synth.acoustics import load_pools
from turnmill.synth.duplex.checking.check import Recognise, Report, check


class VerifyParams(Params):
    """The bounds are those of `synth.duplex.checking.check`."""

    share: float = Field(default=1.0, ge=0, le=1, description="of the dialogues that are checked, chosen by hash")
    recognise: str | None = Field(
        default=None,
        description="recogniser (as in transcribe.models) that hears where interrupted turns end",
    )


class Verify(Stage):
    name = "verify"
    version = 4
    needs = ("dialogues",)
    tables = ("verification",)
    items = "dialogues"
    in_steps = True
    host_params = frozenset({"recognise"})

    def __init__(self, params: VerifyParams, rooms: Sequence[Path]) -> None:
        """`rooms` are the impulse responses of `simulate`: what was heard in them is measured with them."""
        self.params: VerifyParams = params
        self.rooms = tuple(rooms)

    def identity(self) -> Mapping[str, Any]:
        return {} if self.params.recognise is None else {"recogniser": model_digest(self.params.recognise)}

    def check(self) -> None:
        if self.params.recognise is not None:
            check_model(self.params.recognise)

    def setup(self) -> None:
        self.recognise = recognise_with(self.params.recognise)
        self.pools = load_pools(rooms=self.rooms)

    def process(self, shard: Shard, workspace: Workspace, guard: Guard) -> Made:
        dialogues = workspace.rows("dialogues", shard.key)
        guard.expect(len(dialogues))
        with workspace.open_tar("dialogues", shard.key) as tar:
            results = [
                result
                for row in dialogues
                for result in guard.step([row["id"]], partial(self._verified, row, tar, guard))
            ]
        rejects = [result for result in results if isinstance(result, Reject)]
        verified = [result for result in results if not isinstance(result, Reject)]
        return Made({"verification": verified}, rejects, len(dialogues), hours(dialogues))

    def _verified(self, row: Row, tar: BinaryIO, guard: Guard) -> list[Row | Reject]:
        return [guard.one(Item(row["id"], row["duration"]), lambda: self._checked(row, tar))]

    def _checked(self, row: Row, tar: BinaryIO) -> Row:
        if not chosen(row["id"], self.params.share):
            return verification_row(row["id"], Report(0, ()))
        audio = decode(read_span(tar, row["offset"], row["size"]), row["id"])
        clean = None
        if row["clean_size"] is not None:
            clean = decode(read_span(tar, row["clean_offset"], row["clean_size"]), row["id"]).samples[0]
        recognise = None if self.recognise is None else self.recognise(row["language"])
        report = check(json.loads(row["sample"]), audio.samples, clean, recognise, self.pools)
        if report.violations:
            raise ItemError(Reason.LABEL_VIOLATION, violation_sentence(report))
        return verification_row(row["id"], report)


def chosen(dialogue: str, share: float) -> bool:
    """Whether a dialogue is among a share that is drawn by hash."""
    return int(stable_hash("verify", dialogue), 16) < share * 2**64


def recognise_with(model: str | None) -> Callable[[str], Recognise] | None:
    """What `check` asks for the text of a stem, by the dialogue's language; None where no model is named."""
    if model is None:
        return None
    recognizer = Recognizer(model)

    def of(tag: str) -> Recognise:
        code = whisper_language(tag)
        return lambda pcm: recognizer.transcribe([Clip(pcm, language=code)])[0].text

    return of


def violation_sentence(report: Report) -> str:
    first = report.violations[0]
    more = len(report.violations) - 1
    return f"{first.check}: {first.detail}" + (f" (and {more} more)" if more else "")


def verification_row(dialogue: str, report: Report) -> Row:
    return {
        "dialogue": dialogue,
        "n_checks": report.checks,
        "n_violations": len(report.violations),
        "onset_error_ms": list(report.onset_error_ms),
        "offset_error_ms": list(report.offset_error_ms),
        "snr_error_db": report.snr_error_db,
        "echo_gain_error": report.echo_gain_error,
        "echo_delay_error_ms": report.echo_delay_error_ms,
        "overlap_s": report.overlap_s,
    }
