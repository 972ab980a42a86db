"""A listening page: dialogues with a player, both waveforms, turns and events, in one HTML file.

Self-contained: audio is embedded, nothing is loaded from elsewhere.
"""

import base64
import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

_WIDTH, _LANE, _GAP = 1100, 90, 34  # pixels
_COLOURS = {"assistant": "#2a6f97", "user": "#c1666b"}
_EVENT_COLOURS = {
    "barge_in": "#b00020",
    "user_backchannel": "#4d7c0f",
    "cooperative_overlap": "#7c3aed",
    "hesitation": "#a16207",
}
_SILENT_EVENTS = ("turn_shift",)  # seen from the turns themselves

_STYLE = """
body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:1140px;color:#222;background:#fafafa}
section{background:#fff;border:1px solid #ddd;border-radius:8px;padding:1rem 1.2rem;margin:1.2rem 0}
h2{font-size:1.05rem;margin:.1rem 0 .6rem}audio{width:100%}svg{width:100%;height:auto}
.meta{color:#666;font-size:.85rem}.turns{margin:.6rem 0 0;padding:0;list-style:none}
.turns li{margin:.15rem 0}.who{display:inline-block;width:5.5rem;font-weight:600}
.lost{color:#999;text-decoration:line-through}.line{position:absolute;top:0;bottom:0;width:1px;background:#000}
.plot{position:relative;cursor:pointer}
"""
_SCRIPT = """
for (const section of document.querySelectorAll('section')) {
  const audio = section.querySelector('audio'), plot = section.querySelector('.plot');
  const line = section.querySelector('.line'), length = Number(plot.dataset.seconds);
  const follow = () => { line.style.left = (100 * audio.currentTime / length) + '%';
                         if (!audio.paused) requestAnimationFrame(follow); };
  audio.addEventListener('play', follow); audio.addEventListener('seeked', follow);
  plot.addEventListener('click', event => {
    const box = plot.getBoundingClientRect();
    audio.currentTime = length * (event.clientX - box.left) / box.width; audio.play(); });
}
"""


@dataclass(frozen=True)
class Example:
    """A dialogue: its sample JSON, its FLAC bytes as shipped, and float32 [2, samples] decoded from them."""

    sample: Mapping[str, Any]
    flac: bytes
    channels: NDArray[np.float32]


def page(examples: Sequence[Example]) -> str:
    """The whole page as HTML."""
    sections = "\n".join(_section(example) for example in examples)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Turnmill: listen</title>'
        f"<style>{_STYLE}</style></head><body><h1>Listen</h1>"
        "<p>Left ear: the assistant. Right ear: the user, as a microphone hears it. Click a waveform to play it.</p>"
        f"\n{sections}\n<script>{_SCRIPT}</script></body></html>\n"
    )


def _section(example: Example) -> str:
    sample = example.sample
    snr = sample["acoustics"]["snr_db"]
    noise = "no noise" if snr is None else f"{sample['acoustics']['noise']} noise at {snr:.1f} dB SNR"
    audio = base64.b64encode(example.flac).decode()
    turns = "".join(_turn(turn) for turn in sample["turns"])
    return (
        f"<section><h2>{html.escape(sample['id'])}</h2>"
        f'<audio controls preload="metadata" src="data:audio/flac;base64,{audio}"></audio>'
        f'<div class="plot" data-seconds="{sample["duration"]}">{_plot(example)}<div class="line"></div></div>'
        f'<p class="meta">{sample["duration"]:.1f} s, {html.escape(noise)}, {html.escape(sample["licence"])}</p>'
        f'<ul class="turns">{turns}</ul></section>'
    )


def _turn(turn: Mapping[str, Any]) -> str:
    heard = html.escape(turn["text_heard"])
    lost = html.escape(turn["text"][len(turn["text_heard"]) :].strip()) if turn["interrupted"] else ""
    colour = _COLOURS[turn["speaker"]]
    rest = f' <span class="lost">{lost}</span>' if lost else ""
    return f'<li><span class="who" style="color:{colour}">{turn["start"]:.2f} s</span>{heard}{rest}</li>'


def _plot(example: Example) -> str:
    sample = example.sample
    scale = _WIDTH / sample["duration"]
    height = 2 * _LANE + _GAP
    parts = []
    for channel, speaker in enumerate(sample["channels"]):
        middle = _LANE / 2 + channel * (_LANE + _GAP)
        parts.append(
            f'<path d="{_envelope(example.channels[channel], middle)}" fill="{_COLOURS[speaker]}" opacity=".85"/>'
            f'<text x="4" y="{middle - _LANE / 2 + 12}" font-size="12" fill="#555">{speaker}</text>'
        )
    for event in sample["events"]:
        if event["kind"] in _SILENT_EVENTS:
            continue
        top = event["channel"] * (_LANE + _GAP)
        left, width = event["start"] * scale, max(2.0, (event["end"] - event["start"]) * scale)
        colour = _EVENT_COLOURS.get(event["kind"], "#555")
        name = html.escape(event["kind"].replace("_", " "))
        parts.append(
            f'<rect x="{left:.1f}" y="{top}" width="{width:.1f}" height="{_LANE}" fill="{colour}" opacity=".16"/>'
            f'<text x="{left:.1f}" y="{_LANE + _GAP / 2 + 4}" font-size="11" fill="{colour}">{name}</text>'
        )
        if event["kind"] == "barge_in":
            stop = event["params"]["stop"] * scale
            parts.append(
                f'<line x1="{stop:.1f}" x2="{stop:.1f}" y1="0" y2="{_LANE}" stroke="{colour}" stroke-width="2"/>'
            )
    return f'<svg viewBox="0 0 {_WIDTH} {height}" preserveAspectRatio="none">{"".join(parts)}</svg>'


def _envelope(pcm: NDArray[np.float32], middle: float) -> str:
    """An SVG path around the peaks of a channel, one point a pixel."""
    edges = np.linspace(0, len(pcm), _WIDTH + 1).astype(int)
    peaks = np.array([np.abs(pcm[a:b]).max(initial=0.0) for a, b in pairwise(edges)])
    # Fourth root of power: quiet noise stays visible beside speech.
    heights = np.sqrt(peaks) * _LANE / 2
    above = " ".join(f"{x},{middle - y:.1f}" for x, y in enumerate(heights))
    below = " ".join(f"{x},{middle + heights[x]:.1f}" for x in range(_WIDTH - 1, -1, -1))
    return f"M{above} L{below}Z"
