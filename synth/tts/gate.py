"""The quality gate: is a spoken line good enough to keep? Measured on the line alone, before anything is built on it.

Engines fail in a few ways (docs/engines.md): they stop early or babble on, fall silent, loop on a phrase, clip, or
say something else. The first four show in the signal; the last needs a recogniser, which the caller may give.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from turnmill.manifests.languages import PrimaryTag, primary
from turnmill.manifests.params import Params
from turnmill.synth.channels import RATE
from turnmill.synth.distributions import Uniform
from turnmill.synth.energy import FLOOR_BELOW_LEVEL_DB, FRAME, frame_power
from turnmill.synth.tags import without_tags
from turnmill.synth.tokens import tokens

_FRAME_S = FRAME / RATE
_FULL_SCALE = 32_766 / 32_768  # what a 16-bit file that was clipped holds, whichever way it was scaled
_LONGEST_LOOP = 8  # tokens of the longest phrase that is looked for as a loop

# "BBC" and the x of "x and y" are spelt. NATO is not, but looks so: only the upper bound counts with it.
_SPELT = re.compile(r"(?<![A-Z])[A-Z]{2,5}(?![A-Z])|(?<![\w'’])[B-HJ-Zb-z](?![\w'’])")
_SPELT_AS = 3  # letters of a common word that last as long as the name of a letter, "w" excepted
# A clause ends where there is more to come.
_CLAUSE = re.compile(r"[,;:.!?…，；：。！？、]+(?=.*\w)")
_CLAUSE_S = 0.3  # what its last word is drawn out by, and what is heard of the pause


# What a style makes of the bounds of the pace. An engine that is told to speak as fast as it can says not how fast.
_SHORTENED: Mapping[str | None, float] = {"fast": 0.6}
_LENGTHENED: Mapping[str | None, float] = {"slow": 1.8}


class GateParams(Params):
    """The bounds of a line that passes. Recordings of LibriSpeech and LJSpeech and all embedded voices lie within
    the defaults."""

    pace: Mapping[PrimaryTag, Uniform] = Field(
        default={
            "en": Uniform(low=0.04, high=0.16),
            "zh": Uniform(low=0.09, high=0.45),
            "ja": Uniform(low=0.07, high=0.40),
        },
        description="seconds of sound per letter or character, by first part of the language tag",
    )
    other_pace: Uniform = Field(default=Uniform(low=0.03, high=0.45), description="the same for languages not named")
    slack_s: float = Field(default=0.5, ge=0, description="sound allowed beyond the pace: short lines are drawn out")
    max_silence_ratio: float = Field(default=0.5, ge=0, le=1, description="silence over the length of the line")
    max_silence_s: float = Field(default=1.5, gt=0, description="longest silence between two sounds")
    max_edge_s: float = Field(default=1.0, gt=0, description="longest silence before the first and after the last")
    max_clipping_ratio: float = Field(default=0.005, ge=0, le=1, description="share of samples at full scale")
    level_dbfs: Uniform = Field(default=Uniform(low=-45.0, high=-6.0), description="RMS of the sounding frames")
    max_error_rate: float = Field(
        default=0.15,
        ge=0,
        description="recognition errors over words (zh, ja: characters), where a recogniser is named; one is allowed",
    )


@dataclass(frozen=True)
class Heard:
    """What a recogniser heard of a line: its text, and how many of the line's `words` (zh, ja: characters) are not as
    written."""

    text: str
    errors: int
    words: int


@dataclass(frozen=True)
class Judgement:
    """What was measured, by name, and why the line fails: a sentence, or None where it passes."""

    measures: Mapping[str, float]
    why: str | None


@dataclass(frozen=True)
class Letters:
    """Letters and digits of a text: `written`, and what is `said` of them where those that may be spelt are."""

    written: int
    said: int


def letters(text: str) -> Letters:
    """Count the letters of a text; its tags are not said."""
    text = without_tags(text)
    written = sum(character.isalnum() for character in text)
    return Letters(written, written + (_SPELT_AS - 1) * sum(len(spelt) for spelt in _SPELT.findall(text)))


def judge(
    pcm: NDArray[np.float32], text: str, language: str, params: GateParams, style: str | None = None
) -> Judgement:
    """Judge the signal of a line: `pcm` is float32 mono [samples] at 24 kHz, `language` a BCP 47 tag, `style` that of
    the line."""
    measures = _measured(pcm)
    if measures is None:
        return Judgement({}, "the line has no sound, or samples that are no numbers")
    count = letters(text)
    pace = params.pace.get(primary(language), params.other_pace)
    drawn_out = params.slack_s + _CLAUSE_S * len(_CLAUSE.findall(text))
    shortest, longest = pace.low * count.written, pace.high * count.said + drawn_out
    shortest, longest = shortest * _SHORTENED.get(style, 1.0), longest * _LENGTHENED.get(style, 1.0)
    low, high = params.level_dbfs.low, params.level_dbfs.high
    bounds = (
        ("sound_s", shortest, longest, f"s for {count.written} characters"),
        ("silence_ratio", 0.0, params.max_silence_ratio, "of the line"),
        ("silence_s", 0.0, params.max_silence_s, "s between two sounds"),
        ("edge_s", 0.0, params.max_edge_s, "s at one end"),
        ("clipping_ratio", 0.0, params.max_clipping_ratio, "of the samples"),
        ("level_dbfs", low, high, "dBFS"),
    )
    for name, least, most, unit in bounds:
        if not least <= measures[name] <= most:
            return Judgement(measures, f"{name} is {measures[name]:.3g} {unit}, not {least:.3g} to {most:.3g}")
    return Judgement(measures, None)


def judge_heard(heard: Heard, text: str, params: GateParams) -> Judgement:
    """Judge what a recogniser heard: its errors, and phrases said again and again."""
    said, wanted = _folded(heard.text), _folded(text)
    loops = max(_loops(said) - _loops(wanted), 0)
    rate = heard.errors / max(heard.words, 1)
    measures = {"error_rate": rate, "loops": float(loops)}
    if heard.errors > max(1.0, params.max_error_rate * heard.words):
        return Judgement(measures, f"error_rate is {rate:.2f}: {heard.text[:80]!r} was recognised")
    if loops > 1:
        return Judgement(measures, f"loops is {loops}: {heard.text[:80]!r} was recognised")
    return Judgement(measures, None)


def _measured(pcm: NDArray[np.float32]) -> dict[str, float] | None:
    """Every measure of the signal; None where there is nothing to measure."""
    power = frame_power(pcm)
    if not power.size or not np.isfinite(power).all() or power.max() <= 0.0:
        return None
    # The rule of `synth.energy.active_level`, and its floor, on frames that are at hand.
    level = float(power[power > power.max() * 10 ** (-FLOOR_BELOW_LEVEL_DB / 10)].mean())
    sounding = np.flatnonzero(power >= level * 10 ** (-FLOOR_BELOW_LEVEL_DB / 10))
    clipped = np.count_nonzero(np.abs(pcm) >= _FULL_SCALE)
    silences = np.diff(sounding) - 1
    return {
        "sound_s": len(sounding) * _FRAME_S,
        "silence_ratio": 1.0 - len(sounding) / len(power),
        "silence_s": float(silences.max(initial=0)) * _FRAME_S,
        "edge_s": float(max(sounding[0], len(power) - 1 - sounding[-1])) * _FRAME_S,
        "clipping_ratio": clipped / len(pcm),
        "level_dbfs": float(10 * np.log10(level)),
    }


def _folded(text: str) -> list[str]:
    """The tokens of a text as a loop repeats them: without case and punctuation."""
    bare = ("".join(c for c in token.casefold() if c.isalnum()) for token in tokens(text))
    return [token for token in bare if token]


def _loops(said: list[str]) -> int:
    """How often a phrase is said again at once, at most, over phrases of up to eight tokens: "no no no" has 2."""
    most = 0
    for size in range(1, min(_LONGEST_LOOP, len(said) // 2) + 1):
        run = 0
        for index in range(size, len(said)):
            run = run + 1 if said[index] == said[index - size] else 0
            most = max(most, run // size)
    return most
