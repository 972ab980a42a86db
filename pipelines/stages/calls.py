"""calls: recorded talk of two -> two-channel dialogues, labelled by what was measured (synth.duplex.talk.recorded)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, BinaryIO, Final, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.ndimage import uniform_filter1d

from turnmill.manifests.audio import Audio, channels_at, encode_flac, mono_at
from turnmill.manifests.languages import primary
from turnmill.manifests.params import Params
from turnmill.manifests.records import ItemError, Reason, Reject, stable_hash
from turnmill.manifests.samples import DIALOGUE, to_json
from turnmill.manifests.schema import DIARIZED, MEASURED, declared
from turnmill.manifests.tar import TarWriter
from turnmill.pipelines.guard import Guard
from turnmill.pipelines.stage import Made, Row, Shard, Stage, Workspace, clip_item, clip_sound, hours
from turnmill.sources.measure import one_is_silent
from turnmill.synth.channels import RATE
from turnmill.synth.duplex.checking.sample import ACOUSTICS
from turnmill.synth.duplex.rendering.labels import event_rows, told, turn_rows, word_rows
from turnmill.synth.duplex.talk.fit import same_talk
from turnmill.synth.duplex.talk.recorded import Recorded, Words, recorded
from turnmill.synth.duplex.talk.turn_taking import Intervals
from turnmill.synth.duplex.timeline import TimedWord, seconds
from turnmill.synth.phrases import PHRASES

Pcm = NDArray[np.float32]

_BEFORE, _AFTER, _FADE = RATE // 20, RATE // 10, RATE // 50  # samples kept around speech, and of a fade

_Labels = Mapping[str, Mapping[str, Any] | None]
"""What the stages before found of a clip, by table; None where one rejected it."""


class CallsParams(Params):
    assistant: Literal[0, 1, "both"] = Field(
        default="both",
        description="which party is the assistant: that of channel 0 or 1, or of one channel the first or second to "
        "speak; both: each recording makes two dialogues, which share a split",
    )


@dataclass(frozen=True)
class _Talk:
    """A recording as two channels of its parties. `pcm`: float32 [2, samples] at 24 kHz; `speech`, `words` of each."""

    pcm: Pcm
    speech: tuple[Intervals, Intervals]
    words: Words | None
    trust: str
    leak_db: float | None


class Calls(Stage):
    name = "calls"
    needs = ("clips", "quality")
    optional = ("transcripts", "consensus", "diarization")
    tables = ("turns", "events", "words", "calls", "dialogues")
    items = "dialogues"

    def __init__(self, params: CallsParams, has_splits: bool = False) -> None:
        """`has_splits`: whether the corpus says in which split a clip is."""
        self.params: CallsParams = params
        self.has_splits = has_splits

    def identity(self) -> Mapping[str, Any]:
        return {"has_splits": self.has_splits}

    @property
    def orders(self) -> Sequence[int]:
        """The party that is the assistant, of each dialogue that a recording makes."""
        return (0, 1) if self.params.assistant == "both" else (self.params.assistant,)

    def process(self, shard: Shard, workspace: Workspace, guard: Guard) -> Made:
        clips = workspace.rows("clips", shard.key)
        known = {
            table: declared(table).standing(workspace.rows(table, shard.key))
            for table in ("quality", *self.optional)
            if table == "quality" or workspace.has(table)
        }
        tables: dict[str, list[Row]] = {table: [] for table in self.tables}
        rejects: list[Reject] = []
        guard.expect(len(clips) * len(self.orders))
        with workspace.open_tar("clips", shard.key) as lake, workspace.write_tar("dialogues", shard.key) as tar:
            for clip in clips:
                labels = {table: rows.get(clip["uid"]) for table, rows in known.items()}
                talk = guard.caught(clip_item(clip), partial(_talk, clip, labels, lake))
                for assistant in self.orders:
                    item = replace(clip_item(clip), uid=f"{clip['uid']}~{assistant}")
                    if isinstance(talk, Reject):
                        made: Row | Reject = replace(talk, uid=item.uid)
                        guard.did(1)
                    else:
                        made = guard.one(item, partial(self._made, item.uid, assistant, clip, labels, talk, tar))
                    if isinstance(made, Reject):
                        rejects.append(made)
                        continue
                    made["dialogues"][0]["shard"] = shard.key
                    for table, rows in made.items():
                        tables[table].extend(rows)
        return Made(tables, rejects, len(clips) * len(self.orders), hours(tables["dialogues"]))

    def _made(
        self, name: str, assistant: int, clip: Row, labels: _Labels, talk: _Talk, tar: TarWriter
    ) -> dict[str, list[Row]]:
        """The rows of a dialogue, whose audio is in the tar."""
        order = (assistant, 1 - assistant)
        language, heard = _language(clip, labels), labels.get("transcripts")
        speech = (talk.speech[order[0]], talk.speech[order[1]])
        words = None if talk.words is None else (talk.words[order[0]], talk.words[order[1]])
        found = recorded(name, speech, words, PHRASES.get(primary(language or "")))
        if len({turn.channel for turn in found.turns}) < 2:
            raise ItemError(Reason.ONE_SPEAKER, f"{clip['source_uri']}: one of its two parties takes no turn")
        audio = Audio(np.ascontiguousarray(talk.pcm[list(order)]), RATE)
        sample = to_json(_sample(found, clip, language, audio, talk.trust), DIALOGUE).decode()
        offset, size = tar.add(f"{stable_hash(name)}.flac", encode_flac(audio))
        call = {
            "dialogue": name,
            "clip": clip["uid"],
            "recorded_rate": clip["sample_rate"],
            "activity": [_in_seconds(channel) for channel in speech],
            "leak_db": talk.leak_db,
            "recogniser": heard and heard["model"],
            "avg_logprob": heard and heard["avg_logprob"],
        }
        row = {
            "id": name,
            "script": None,
            "take": assistant,
            "source": clip["corpus"],
            "language": language,
            "split": clip["split"] if self.has_splits else None,
            "scenario": None,
            "trust": talk.trust,
            "n_turns": len(found.turns),
            **dict.fromkeys(("assistant_voice", "user_voice", "seed", "clean_offset", "clean_size")),
            "sample_rate": RATE,
            "duration": audio.duration,
            "shard": "",
            "offset": offset,
            "size": size,
            "licence": clip["licence"],
            "licence_redistribute": clip["licence_redistribute"],
            **dict.fromkeys(("snr_db", "noise", "rt60", "echo_gain", "echo_delay", "codec", "gain_db")),
            "n_unplaced": 0,
            "sample": sample,
        }
        rows = {"turns": turn_rows(found), "events": event_rows(found), "words": word_rows(found)}
        return {**rows, "calls": [call], "dialogues": [row]}


def _sample(found: Recorded, clip: Row, language: str | None, audio: Audio, trust: str) -> Row:
    """The JSON beside the audio: what nobody knows of recorded talk is null."""
    return {
        "id": found.dialogue,
        "language": language,
        "licence": clip["licence"],
        "seed": None,
        "scenario": None,
        "sample_rate": RATE,
        "duration": audio.duration,
        "trust": trust,
        **told(found, [None] * len(found.turns)),
        "acoustics": dict.fromkeys(ACOUSTICS),
        "source": {"corpus": clip["corpus"], "dialogue": clip["uid"], "written": None},
    }


def _language(clip: Row, labels: _Labels) -> str | None:
    heard = labels.get("transcripts")
    found: str | None = clip["language"] or (heard["asr_language"] if heard else None)
    return found


_LACKING: Final = {
    "quality": Reason.MEASURE_FAILED,
    "transcripts": Reason.RECOGNISER_FAILED,
    "consensus": Reason.RECOGNISER_FAILED,
    "diarization": Reason.MODEL_FAILED,
}


def _talk(clip: Row, labels: _Labels, lake: BinaryIO) -> _Talk:
    """The two parties of a clip, each on a channel. Raises ItemError for what is no talk of two, AudioError."""
    name = clip["source_uri"]
    for table, row in labels.items():
        if row is None:
            raise ItemError(_LACKING[table], f"{name}: it has no row in {table}, whose stage rejected it")
    quality, heard, diarization = labels["quality"], labels.get("consensus"), labels.get("diarization")
    assert quality is not None
    if clip["channels"] == 1 and diarization is not None:
        return _diarized(clip, diarization["speaker_segments"], heard, lake)
    if clip["channels"] != 2:
        raise ItemError(
            Reason.NOT_TWO,
            f"{name} has {clip['channels']} channels: of one add `diarize: {{}}` to the recipe, of two do not cut each "
            "for itself (segment.channels: together), of more choose two",
        )
    pcm = channels_at(clip_sound(lake, clip), RATE, clip["uid"])
    if quality["channel_segments"] is None and one_is_silent([float(np.vdot(one, one)) for one in pcm]):
        raise ItemError(Reason.ONE_SPEAKER, f"{name}: one of its two channels is silent")
    if quality["channel_segments"] is None or same_talk(pcm, RATE):
        raise ItemError(Reason.SAME_CHANNELS, f"{name}: its two channels are one talk, as of a recording of a mix")
    first, second = (_in_samples(spans, pcm.shape[1]) for spans in quality["channel_segments"])
    leaks = quality["channel_leaks_db"]
    for channel, (speech, leak) in enumerate(zip((first, second), leaks, strict=True)):
        if leak is not None:  # what it hears of the other is not its own
            pcm[channel] = _alone(pcm[channel], speech)
    words = (
        None
        if heard is None
        else (_timed(heard["consensus_channel_words"][0]), _timed(heard["consensus_channel_words"][1]))
    )
    leak_db = max((leak for leak in leaks if leak is not None), default=None)
    return _Talk(pcm, (first, second), words, MEASURED, leak_db)


def _diarized(clip: Row, segments: Sequence[Row], heard: Mapping[str, Any] | None, lake: BinaryIO) -> _Talk:
    """One channel as two, by who speaks when."""
    names = list(dict.fromkeys(segment["speaker"] for segment in segments))
    if len(names) != 2:
        raise ItemError(Reason.NOT_TWO, f"{clip['source_uri']}: {len(names)} speakers were found in it, not two")
    mixed = mono_at(clip_sound(lake, clip), RATE, clip["uid"])
    spans = [[segment for segment in segments if segment["speaker"] == each] for each in names]
    first, second = (_in_samples(each, len(mixed)) for each in spans)
    pcm = np.stack([_alone(mixed, speech) for speech in (first, second)])
    words = None if heard is None else _by_speaker(_timed(heard["consensus_words"]), (first, second))
    return _Talk(pcm, (first, second), words, DIARIZED, None)


def _by_speaker(words: Sequence[TimedWord], speech: tuple[Intervals, Intervals]) -> Words:
    """Each word with the speaker who says most of it, or is nearest to it."""
    found: tuple[list[TimedWord], list[TimedWord]] = ([], [])
    for word in words:
        start, end = word.start or 0, word.end or 0
        away = [np.maximum(spans[:, 0] - end, start - spans[:, 1]).min() for spans in speech]
        found[int(away[1] < away[0])].append(word)
    return found


def _alone(pcm: Pcm, speech: Intervals) -> Pcm:
    """Float32 [samples] with silence where there is no `speech`, faded."""
    open_ = np.zeros(len(pcm), np.float32)
    for start, end in speech.tolist():
        open_[max(start - _BEFORE, 0) : end + _AFTER] = 1
    gated: Pcm = pcm * uniform_filter1d(open_, _FADE, mode="nearest")
    return gated


def _in_samples(spans: Sequence[Row], n_samples: int) -> Intervals:
    found = [(round(span["start"] * RATE), min(round(span["end"] * RATE), n_samples)) for span in spans]
    return np.array([(start, end) for start, end in found if start < end], np.int64).reshape(-1, 2)


def _in_seconds(speech: Intervals) -> list[Row]:
    return [{"start": seconds(start), "end": seconds(end)} for start, end in speech.tolist()]


def _timed(words: Sequence[Row]) -> list[TimedWord]:
    return [TimedWord(word["word"], round(word["start"] * RATE), round(word["end"] * RATE)) for word in words]
