"""A listening page: dialogues with a player, both waveforms, turns, words and events, in one HTML file.

Self-contained: audio is embedded as it was shipped, nothing is loaded from elsewhere. A page grows with its FLAC by a
third; what is drawn is reduced to a peak of each 10 ms. Texts of dialogues are untrusted and escaped.
"""

import base64
import html
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from turnmill.dashboards.listening_assets import SCRIPT, STYLE
from turnmill.manifests.schema import EVENT_PARAMS
from turnmill.manifests.wording import kind_name

KINDS = {
    "turn_shift": "#8a94a0",
    "cooperative_overlap": "#7c5cc4",
    "long_overlap": "#4f3796",
    "barge_in": "#c8323c",
    "failed_barge_in": "#d9702b",
    "user_backchannel": "#3f8f46",
    "assistant_backchannel": "#1f8a86",
    "hesitation": "#b08a1e",
    "silence_timeout": "#3b5fb8",
    "noise_burst": "#7a5b45",
    "cough": "#a3765a",
    "third_party": "#b8508f",
    "side_talk": "#8c3f78",
    "echo": "#4b8fb0",
}
"""Kinds of events, with their colours, in the order of the legend."""
OTHER = "#6b7280"
"""The colour of a kind that is not among them."""

_UNTINTED = ("turn_shift", "echo", "silence_timeout")  # silence, or nearly the whole dialogue
_SPEAKERS = ("assistant", "user")
_PEAK_S = 0.01
_ROW = 17  # pixels of a row of events
_LEAD_S = 0.5  # an event is heard from a little before it


@dataclass(frozen=True)
class Example:
    """A dialogue: its sample JSON, its FLAC bytes as shipped, and float32 [2, samples] decoded from them."""

    sample: Mapping[str, Any]
    flac: bytes
    channels: NDArray[np.float32]


def page(title: str, sections: Iterable[str]) -> Iterator[str]:
    """The whole page as HTML, in pieces, under a dataset's title; each of `sections` is taken when the piece before it
    was used."""
    legend = "".join(f"<li>{_swatch(kind)}{_name(kind)}</li>" for kind in [*KINDS, "other kinds"])
    yield (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" '
        f'content="width=device-width"><title>{_text(title)}: listen</title><style>{STYLE}</style></head><body>\n'
        f'<h1>{_text(title)}</h1><p class="intro">Left ear: the assistant. Right ear: the user, as a microphone hears '
        "it. Click a waveform, a turn or an event to hear it. Struck through: planned, but never said.</p>"
        f'<ul class="legend">{legend}</ul><noscript><p>This page needs JavaScript.</p></noscript>\n'
    )
    for piece in sections:
        yield piece + "\n"
    yield f"<script>{SCRIPT}</script></body></html>\n"


def section(example: Example) -> str:
    """One dialogue as HTML. Labels of a wrong type or without a key raise LookupError, TypeError, ValueError or
    AttributeError, as does audio that is not of two channels (ValueError)."""
    sample = example.sample
    if example.channels.shape[0] != len(_SPEAKERS):
        raise ValueError(f"a dialogue has 2 channels, this audio {example.channels.shape[0]}")
    seconds = example.channels.shape[1] / sample["sample_rate"]
    about = [f"{seconds:.1f} s", sample["language"], sample["scenario"], sample["licence"]]
    lanes = "".join(_lane(example, channel, seconds) for channel in range(len(_SPEAKERS)))
    turns = "".join(_turn(turn) for turn in sample["turns"])
    events = "".join(_event(event) for event in sorted(sample["events"], key=lambda event: event["start"]))
    return (
        f'<section data-seconds="{seconds:.6f}"><h2>{_text(sample["id"])}</h2>'
        f'<p class="meta">{_joined(about)}</p><p class="meta">{_joined(_acoustics(sample["acoustics"]))}</p>'
        f'<div class="bar"><audio controls></audio>{_HEAR}{_ZOOM}</div>'
        f'<div class="view"><div class="track"><div class="axis"></div>{lanes}<div class="playhead"></div></div></div>'
        f'<div class="below"><div><h3>Transcript</h3><ol class="turns">{turns}</ol></div>'
        f'<div><h3>Events</h3><ol class="events">{events}</ol></div></div>'
        f'<script type="text/plain">{base64.b64encode(example.flac).decode()}</script></section>'
    )


_HEAR = (
    '<span class="group"><button data-hear="both" aria-pressed="true">Both</button>'
    '<button data-hear="0" aria-pressed="false">Assistant</button>'
    '<button data-hear="1" aria-pressed="false">User</button></span>'
)
_ZOOM = (
    '<span class="group"><button data-zoom="0.5" aria-label="zoom out">−</button>'
    '<button data-zoom="0">Fit</button><button data-zoom="2" aria-label="zoom in">+</button></span>'
)


def _lane(example: Example, channel: int, seconds: float) -> str:
    """A channel: waveform over its turns, its words, its events in as many rows as they need."""
    who, events = _SPEAKERS[channel], example.sample["events"]
    turns = [turn for turn in example.sample["turns"] if turn["channel"] == channel]
    own = [event for event in events if event["channel"] == channel]
    spans = [f'<div class="turn" {_span(turn, seconds)}>{_text(turn["index"])}</div>' for turn in turns]
    spans += [
        f'<div class="tint" {_span(event, seconds, event["kind"])}></div>'
        for event in own
        if event["kind"] not in _UNTINTED
    ]
    spans += [
        _stop(event, who, seconds) for event in events if event["stop"] is not None and event["channel"] != channel
    ]
    words = "".join(_words(turn["words"], seconds) for turn in turns)
    bars, height = _bars(own, seconds)
    peaks = base64.b64encode(_peaks(example.channels[channel], example.sample["sample_rate"])).decode()
    return (
        f'<div class="lane {who}">{"".join(spans)}<canvas data-peaks="{peaks}"></canvas>'
        f'<div class="name"><span>{who}</span></div></div><div class="words">{words}</div>'
        f'<div class="strip" style="height:{height}px">{bars}</div>'
    )


def _bars(events: list[Mapping[str, Any]], seconds: float) -> tuple[str, int]:
    """Buttons for events, in rows so that none hides another, and the height of the rows in pixels."""
    ends: list[float] = []
    bars = []
    for event in sorted(events, key=lambda event: event["start"]):
        row = next((row for row, end in enumerate(ends) if end <= event["start"]), len(ends))
        ends[row : row + 1] = [max(event["end"], event["start"] + seconds / 250)]  # room to be seen and clicked
        bars.append(
            f'<button {_span(event, seconds, event["kind"], f"top:{1 + row * _ROW}px")} data-at="{_heard_from(event)}" '
            f'title="{_text(_title(event))}"><span>{_name(event["kind"])}</span></button>'
        )
    return "".join(bars), 2 + _ROW * len(ends)


def _stop(event: Mapping[str, Any], who: str, seconds: float) -> str:
    """Where a party falls silent for an event of the other, until it goes on where it does."""
    stop, resume = event["stop"], event["resume"]
    title = f"the {who} stops for: {kind_name(event['kind'])}"
    if resume is None:
        style = f'style="left:{100 * stop / seconds:.4f}%;--c:{_colour(event["kind"])}"'
        return f'<div class="mark" {style} title="{_text(title)}"></div>'
    held = _span({"start": stop, "end": resume}, seconds, event["kind"])
    return f'<div class="held" {held} title="{_text(title)}"></div>'


def _words(words: list[Mapping[str, Any]], seconds: float) -> str:
    ends = [word["start"] for word in words[1:]] + [word["end"] for word in words[-1:]]
    return "".join(
        f"<span {_span({'start': word['start'], 'end': max(end, word['start'])}, seconds)}>{_text(word['word'])}</span>"
        for word, end in zip(words, ends, strict=True)
    )


def _turn(turn: Mapping[str, Any]) -> str:
    who = _SPEAKERS[turn["channel"]]
    heard = turn["text_heard"] or ""
    unsaid = (turn["text"] or heard).removeprefix(heard).strip()
    rest = f" <del>{_text(unsaid)}</del>" if unsaid else ""
    emotion = f' <span class="note">{_text(turn["emotion"])}</span>' if turn.get("emotion") else ""
    return (
        f'<li data-start="{turn["start"]:.3f}" data-end="{turn["end"]:.3f}">'
        f'<button data-at="{turn["start"]:.3f}"><time>{turn["start"]:.2f} s</time>'
        f'<span class="who {who}">{who}</span><span class="said">{_text(heard)}{rest}{emotion}</span>'
        "</button></li>"
    )


def _event(event: Mapping[str, Any]) -> str:
    said = f" “{_text(event['text'])}”" if event["text"] else ""
    return (
        f'<li><button data-at="{_heard_from(event)}"><time>{event["start"]:.2f} s</time>'
        f'<span class="said">{_swatch(event["kind"])}{_name(event["kind"])}{said} '
        f'<span class="note">{_joined(_details(event))}</span></span></button></li>'
    )


def _title(event: Mapping[str, Any]) -> str:
    said = f" “{event['text']}”" if event["text"] else ""
    return f"{kind_name(event['kind'])}{said}: {', '.join(_details(event))}"


def _details(event: Mapping[str, Any]) -> list[str]:
    """Length, latency and parameters of an event, in words."""
    details = [f"{event['end'] - event['start']:.2f} s"]
    if event["latency"] is not None:
        details.append(f"latency {event['latency']:.2f} s")
    params = {name: event[name] for name in sorted(EVENT_PARAMS) if event[name] is not None}
    return details + [_measure(name, value) for name, value in params.items()]


def _measure(name: str, value: object) -> str:
    """A parameter, or a key of `acoustics`, in words: its unit is the end of its name, or in _UNITS."""
    plain, _, ending = name.rpartition("_")
    words, unit = (plain, _ENDINGS[ending]) if ending in _ENDINGS else (name, _UNITS.get(name, ""))
    return f"{words.replace('_', ' ')} {_value(value)}{unit}"


_ENDINGS = {"db": " dB", "dbfs": " dBFS"}
_UNITS = dict.fromkeys(("stop", "resume", "fade", "delay", "rt60", "echo_delay"), " s")


def _acoustics(acoustics: Mapping[str, Any]) -> list[str]:
    """What was done to the user's channel, in words; what was not is left out, but for the noise."""
    left = {name: value for name, value in acoustics.items() if value is not None and value not in (0, [], ())}
    noise, category, snr = left.pop("noise", None), left.pop("noise_category", None), left.pop("snr_db", None)
    kind = f"{_value(noise)} noise" if category is None else f"{_value(noise)} noise ({_value(category)})"
    said = ["no noise" if noise is None else kind if snr is None else f"{kind} at {snr:.1f} dB SNR"]
    return said + [_measure(name, value) for name, value in left.items()]


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{round(value, 3):g}"
    if isinstance(value, list | tuple):
        if any(isinstance(item, dict) for item in value):
            return str(len(value))  # spans, or steps in time: there can be hundreds
        return ", ".join(_value(item) for item in value)
    if isinstance(value, dict):
        return " ".join(f"{name} {_value(item)}" for name, item in value.items())
    return str(value)


def _span(timed: Mapping[str, Any], seconds: float, kind: str | None = None, style: str = "") -> str:
    left, width = 100 * timed["start"] / seconds, 100 * (timed["end"] - timed["start"]) / seconds
    colour = "" if kind is None else f";--c:{_colour(kind)}"
    return f'style="left:{left:.4f}%;width:{width:.4f}%{colour}{style and ";"}{style}"'


def _heard_from(event: Mapping[str, Any]) -> str:
    return f"{max(event['start'] - _LEAD_S, 0):.3f}"


def _colour(kind: str) -> str:
    return KINDS.get(kind, OTHER)


def _swatch(kind: str) -> str:
    return f'<i style="--c:{_colour(kind)}"></i>'


def _name(kind: str) -> str:
    return _text(kind_name(kind))


def _joined(parts: Iterable[object]) -> str:
    return " · ".join(_text(part) for part in parts if part is not None)


def _text(value: object) -> str:
    return html.escape(str(value))


def _peaks(pcm: NDArray[np.float32], sample_rate: int) -> bytes:
    """The peak of each 10 ms as a byte: 255 is full scale, the square root keeps quiet noise visible beside speech."""
    step = round(_PEAK_S * sample_rate)
    padded = np.zeros(-(-len(pcm) // step) * step, np.float32)
    padded[: len(pcm)] = np.abs(pcm)
    heights = np.sqrt(np.minimum(padded.reshape(-1, step).max(axis=1), 1.0))
    return bytes(np.rint(255 * heights).astype(np.uint8))
