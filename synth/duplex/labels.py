"""The labels of a rendered dialogue: the sample's JSON and the rows of `dialogues`, `turns`, `events` and `words`.

Times are float64 seconds: samples over 24,000.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from synth.acoustics import Fitted, labels
from synth.duplex.timeline import ChannelWord, Event, Timeline, Turn, seconds
from synth.script import Script

_IN_SAMPLES = ("stop", "fade", "resume", "delay")  # parameters of events that are times


def sample_json(script: Script, timeline: Timeline, fitted: Fitted, origin: str) -> dict[str, Any]:
    """The dialogue sample of the design. `fitted` is what `render` found about the user's channel; `origin` the id of
    the source's dialogue, of which `script` may be one take."""
    turns = [(script.turns[turn.index], turn) for turn in timeline.turns]
    return {
        "id": script.id,
        "language": script.language,
        "licence": script.licence.spdx,
        "seed": timeline.seed,
        "scenario": script.scenario,
        "sample_rate": timeline.sample_rate,
        "duration": seconds(timeline.n_samples),
        "channels": ["assistant", "user"],
        "turns": [{**_turn(turn), "tool": written.tool and asdict(written.tool)} for written, turn in turns],
        "events": [_event(event) for event in timeline.events],
        "acoustics": labels(timeline.acoustics, fitted),
        "source": {
            "corpus": script.source,
            "dialogue": origin,
            "written": [written.text_written for written, _ in turns],
        },
    }


def dump(sample: Mapping[str, Any]) -> str:
    """The sample's JSON as written beside the audio: the same text for the same sample, always."""
    return json.dumps(sample, ensure_ascii=False, separators=(",", ":"))


def dialogue_row(
    script: Script, timeline: Timeline, sample: Mapping[str, Any], split: str, origin: str, take: int
) -> dict[str, Any]:
    """The row of `dialogues` without shard, offset and size."""
    heard = sample["acoustics"]
    return {
        "id": script.id,
        "script": origin,
        "take": take,
        "source": script.source,
        "language": script.language,
        "split": split,
        "scenario": script.scenario,
        "n_turns": len(timeline.turns),
        "assistant_voice": script.assistant_voice,
        "user_voice": script.user_voice,
        "seed": timeline.seed,
        "sample_rate": timeline.sample_rate,
        "duration": seconds(timeline.n_samples),
        "licence": script.licence.spdx,
        "licence_redistribute": script.licence.redistribute,
        "n_unplaced": len(timeline.unplaced),
        **{name: heard[name] for name in ("snr_db", "noise", "rt60", "echo_gain", "echo_delay", "codec", "gain_db")},
        "sample": dump(sample),
    }


def unplaced_rows(timeline: Timeline) -> list[dict[str, Any]]:
    """The rows of `unplaced`: what the script asked for and the speech had no room for."""
    return [
        {"dialogue": timeline.dialogue, "index": index, "kind": item.kind, "turn": item.turn, "why": item.why}
        for index, item in enumerate(timeline.unplaced)
    ]


def turn_rows(timeline: Timeline) -> list[dict[str, Any]]:
    """The rows of `turns`."""
    return [
        {
            "dialogue": timeline.dialogue,
            "index": turn.index,
            "speaker": turn.speaker,
            "channel": turn.channel,
            "text_planned": turn.text,
            "text_heard": turn.text_heard,
            "start": seconds(turn.start),
            "end": seconds(turn.end),
            "voice": turn.voice,
            "emotion": turn.emotion,
            "interrupted": turn.interrupted,
            "fto": None if turn.fto is None else seconds(turn.fto),
        }
        for turn in timeline.turns
    ]


def event_rows(timeline: Timeline) -> list[dict[str, Any]]:
    """The rows of `events`."""
    rows = []
    for index, event in enumerate(timeline.events):
        labels = _event(event)
        rows.append(
            {
                "dialogue": timeline.dialogue,
                "index": index,
                **labels,
                "params": json.dumps(labels["params"], sort_keys=True),
            }
        )
    return rows


def word_rows(timeline: Timeline) -> list[dict[str, Any]]:
    """The rows of `words`, one per channel. A word that was not heard has no time."""
    return [
        {"dialogue": timeline.dialogue, "channel": channel, "words": [_channel_word(word) for word in words]}
        for channel, words in enumerate(timeline.words)
    ]


def _channel_word(item: ChannelWord) -> dict[str, Any]:
    word = item.word
    return {
        "word": word.text,
        "start": None if word.start is None else seconds(word.start),
        "end": None if word.end is None else seconds(word.end),
        "turn": item.turn,
        "heard": word.heard,
    }


def _turn(turn: Turn) -> dict[str, Any]:
    heard = [(w.text, w.start, w.end) for w in turn.words if w.start is not None and w.end is not None]
    return {
        "index": turn.index,
        "speaker": turn.speaker,
        "channel": turn.channel,
        "start": seconds(turn.start),
        "end": seconds(turn.end),
        "text": turn.text,
        "text_heard": turn.text_heard,
        "voice": turn.voice,
        "emotion": turn.emotion,
        "interrupted": turn.interrupted,
        "words": [[text, seconds(start), seconds(end)] for text, start, end in heard],
    }


def _event(event: Event) -> dict[str, Any]:
    params = {
        key: seconds(value) if key in _IN_SAMPLES and value is not None else value
        for key, value in event.params.items()
    }
    return {
        "kind": event.kind,
        "channel": event.channel,
        "start": seconds(event.start),
        "end": seconds(event.end),
        "turn": event.turn,
        "target_turn": event.target_turn,
        "latency": None if event.latency is None else seconds(event.latency),
        "text": event.text,
        "params": params,
    }
