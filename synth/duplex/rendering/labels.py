"""The labels of a dialogue: its training sample (`manifests.samples.DIALOGUE`), and the rows of `dialogues`, `turns`,
`events` and `words`.

Times are float64 seconds: samples over 24,000.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from turnmill.manifests.samples import DIALOGUE, to_json
from turnmill.manifests.schema import EVENT_PARAMS, SIMULATED
from turnmill.synth.acoustics import Fitted, labels
from turnmill.synth.channels import USER
from turnmill.synth.duplex.timeline import (
    BACKCHANNELS,
    SAID,
    ChannelWord,
    Event,
    Labels,
    TimedWord,
    Timeline,
    Turn,
    seconds,
)
from turnmill.synth.script.model import Script, ScriptTurn
from turnmill.synth.tokens import tokens

_IN_SAMPLES = ("stop", "fade", "resume", "delay")  # parameters of events that are times


def sample_json(script: Script, timeline: Timeline, fitted: Fitted, origin: str) -> dict[str, Any]:
    """The dialogue sample of the design. `fitted` is what `render` found about the user's channel; `origin` the id of
    the source's dialogue, of which `script` may be one take."""
    written = [script.turns[turn.index] for turn in timeline.turns]
    tools = [_tool(turn, timed) for turn, timed in zip(written, timeline.turns, strict=True)]
    return {
        "id": script.id,
        "language": script.language,
        "licence": script.licence.spdx,
        "seed": timeline.seed,
        "scenario": script.scenario,
        "sample_rate": timeline.sample_rate,
        "duration": seconds(timeline.n_samples),
        "trust": SIMULATED,
        **told(timeline, tools),
        "acoustics": labels(timeline.acoustics, fitted),
        "source": {
            "corpus": script.source,
            "dialogue": origin,
            "written": [turn.text_written for turn in written],
        },
    }


def told(talk: Labels, tools: Sequence[Mapping[str, Any] | None]) -> dict[str, Any]:
    """What a sample says of the talk on its two channels. `tools`: the call of each turn, None for none."""
    events = [{**_event(event), "words": _words_in(event, talk)} for event in talk.events]
    return {
        "channels": ["assistant", "user"],
        "turns": [{**_turn(turn), "tool": tool} for turn, tool in zip(talk.turns, tools, strict=True)],
        "backchannels": [_backchannel(event) for event in events if event["kind"] in BACKCHANNELS],
        "events": events,
    }


def dialogue_row(
    script: Script, timeline: Timeline, sample: Mapping[str, Any], split: str, origin: str, take: int
) -> dict[str, Any]:
    """The row of `dialogues` without shard, offset and size; `take` counts from 0."""
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
        "trust": SIMULATED,
        "n_unplaced": len(timeline.unplaced),
        **{name: heard[name] for name in ("snr_db", "noise", "rt60", "echo_gain", "echo_delay", "codec", "gain_db")},
        "sample": to_json(sample, DIALOGUE).decode(),
    }


def unplaced_rows(timeline: Timeline) -> list[dict[str, Any]]:
    """The rows of `unplaced`: what the script asked for and the speech had no room for."""
    return [
        {"dialogue": timeline.dialogue, "index": index, "kind": item.kind, "turn": item.turn, "why": item.why}
        for index, item in enumerate(timeline.unplaced)
    ]


def turn_rows(talk: Labels) -> list[dict[str, Any]]:
    """The rows of `turns`."""
    return [
        {
            "dialogue": talk.dialogue,
            "index": turn.index,
            "speaker": turn.speaker,
            "channel": turn.channel,
            "text_planned": turn.text,
            "text_heard": turn.text_heard,
            "start": seconds(turn.start),
            "end": seconds(turn.end),
            "voice": turn.voice,
            "emotion": turn.emotion,
            "style": turn.style,
            "interrupted": turn.interrupted,
            "misheard": turn.misheard,
            "shortened": turn.shortened,
            "borrowed": turn.borrowed,
            "fto": None if turn.fto is None else seconds(turn.fto),
        }
        for turn in talk.turns
    ]


def event_rows(talk: Labels) -> list[dict[str, Any]]:
    """The rows of `events`."""
    return [{"dialogue": talk.dialogue, "index": index, **_event(event)} for index, event in enumerate(talk.events)]


def word_rows(talk: Labels) -> list[dict[str, Any]]:
    """The rows of `words`, one per channel. A word that was not heard has no time."""
    return [
        {"dialogue": talk.dialogue, "channel": channel, "words": [_channel_word(word) for word in words]}
        for channel, words in enumerate(talk.words)
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
        "style": turn.style,
        "interrupted": turn.interrupted,
        "misheard": turn.misheard,
        "shortened": turn.shortened,
        "borrowed": turn.borrowed,
        "words": _heard(turn.words),
    }


def _tool(written: ScriptTurn, turn: Turn) -> dict[str, Any] | None:
    """The call of a turn that was not stopped before it."""
    tool = written.tool
    called = tool is not None and (not turn.interrupted or len(tokens(turn.text_heard or "")) > tool.after)
    return asdict(tool) if tool is not None and called else None


def _heard(words: Iterable[TimedWord]) -> list[dict[str, Any]]:
    return [
        {"word": word.text, "start": seconds(word.start), "end": seconds(word.end)}
        for word in words
        if word.start is not None and word.end is not None
    ]


def _words_in(event: Event, talk: Labels) -> list[dict[str, Any]]:
    """Heard words of the event's channel that belong to no turn and begin in it: one speaker says one thing at a
    time."""
    loose = (item.word for item in talk.words[event.channel] if item.turn is None)
    inside = (word for word in loose if word.start is not None and event.start <= word.start < event.end)
    return _heard(inside) if event.kind in SAID else []


def _backchannel(event: Mapping[str, Any]) -> dict[str, Any]:
    """An event of the sample as an item of its `backchannels`."""
    speaker = "user" if event["channel"] == USER else "assistant"
    return {
        "speaker": speaker,
        **{name: event[name] for name in ("channel", "start", "end", "text", "target_turn", "words")},
    }


def _event(event: Event) -> dict[str, Any]:
    params = {
        key: seconds(value) if key in _IN_SAMPLES and value is not None else value
        for key, value in event.params.items()
    }
    assert params.keys() <= set(EVENT_PARAMS)
    return {
        "kind": event.kind,
        "channel": event.channel,
        "start": seconds(event.start),
        "end": seconds(event.end),
        "turn": event.turn,
        "target_turn": event.target_turn,
        "latency": None if event.latency is None else seconds(event.latency),
        "text": event.text,
        **dict.fromkeys(EVENT_PARAMS),
        **params,
    }
