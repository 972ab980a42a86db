"""When people speak: the timing parameters of a dialogue, with docs/turn-taking.md as defaults, and presets of them."""

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Self

import yaml
from pydantic import Field, ValidationError, model_validator

from turnmill.manifests.errors import UsageError
from turnmill.manifests.params import Params
from turnmill.synth.distributions import ExGaussian, LogNormal, Uniform, within

SLOWEST_YIELD_S = 1.5
"""By when an assistant that hears a barge-in has stopped (t_resp of Full-Duplex-Bench v1.5, docs/turn-taking.md)."""

PRESETS = ("assistant", "telephone", "video_call")


class FloorTransfer(Params):
    """How one party follows the other: a gap, or with probability `p_overlap` an overlap. Seconds."""

    gap: LogNormal
    p_overlap: float = Field(ge=0, le=1)
    overlap: LogNormal


class Timing(Params):
    """How a preset times a dialogue. Seconds and dB; docs/turn-taking.md has the sources of what names none."""

    user_to_assistant: FloorTransfer
    """The assistant follows the user."""
    assistant_to_user: FloorTransfer
    """The user follows the assistant."""
    dialogue_sigma: float = Field(default=0.25, ge=0, le=3)
    """Medians of gaps and overlaps of a dialogue are multiplied by LogN(0, this), as a part of their sigma."""
    speaker_sigma: float = Field(default=0.15, ge=0, le=3)
    """The same per speaker."""

    barge_in_lead: float = Field(default=0.3, ge=0, le=60)
    """Least time from the assistant's start to a barge-in."""
    barge_in_remaining: float = Field(default=0.6, gt=0, le=60)
    """Least planned speech of the assistant left at a barge-in."""
    p_clause: float = Field(default=0.5, ge=0, le=1)
    """Share of barge-ins at the end of a clause."""
    reaction: LogNormal = LogNormal(median=0.35, sigma=0.35, low=0.16, high=1.0)
    """From the barge-in to the point where the assistant begins to fade; drawn of the part by which both are heard."""
    fade: Annotated[Uniform, within(0.001, 0.5)] = Uniform(low=0.02, high=0.08)
    """Fade-out of a yielding speaker."""

    failed_barge_in_level_db: Annotated[Uniform, within(-40, 6)] = Uniform(low=-6.0, high=0.0)
    """Against the user's turns; Turnmill's choice: who does not win the floor is not louder than who does."""
    resume_after: LogNormal = LogNormal(median=0.5, sigma=0.4, low=0.2, high=1.5)
    """Silence from the end of a failed barge-in to the assistant's next word, where it had stopped; Turnmill's choice,
    around the gap of the preset `telephone`."""

    backchannel_onset: ExGaussian = ExGaussian(mu=-0.32, sigma=0.18, tau=0.20)
    """From the end of the words of the other party that it follows (TACT)."""
    backchannel_level_db: Annotated[Uniform, within(-40, 6)] = Uniform(low=-8.0, high=-3.0)
    """Against the speaker's own turns."""
    backchannel_s: Annotated[Uniform, within(0.05, 1)] = Uniform(low=0.2, high=0.8)
    """Durations that a backchannel has; one outside is not placed."""

    pause: LogNormal = LogNormal(median=0.87, sigma=0.3, low=0.3, high=3.0)
    """Hesitation within a user's turn (Candor)."""
    filler_gap: Annotated[Uniform, within(0, 5)] = Uniform(low=0.08, high=0.25)
    """Silence before a filler; Turnmill's choice: below the 0.2 to 0.3 s from which silence counts as a pause."""
    silence_timeout: Annotated[Uniform, within(0.5, 60)] = Uniform(low=4.0, high=10.0)
    """Silence of both parties after which the assistant speaks again."""

    beside_level_db: Annotated[Uniform, within(-40, 12)] = Uniform(low=-15.0, high=-8.0)
    """Side talk and third parties against the user's turns (Full-Duplex-Bench v1.5)."""
    sound_level_db: Annotated[Uniform, within(-40, 12)] = Uniform(low=-12.0, high=0.0)
    """Bursts of noise and coughs against the user's turns; Turnmill's choice: heard, and no louder than speech."""

    lead_in: Annotated[Uniform, within(0, 30)] = Uniform(low=0.2, high=0.8)
    """Silence before the first turn; Turnmill's choice."""
    tail: Annotated[Uniform, within(0, 60)] = Uniform(low=1.5, high=3.0)
    """Silence after the last sound: audio that ends with the last word, as in public sets, leaves a model no time to
    answer."""
    level_dbfs: float = Field(default=-23.0, ge=-60, le=-10)
    """RMS of the active speech of each line before gain (EBU R 128: -23 LUFS)."""

    @model_validator(mode="after")
    def _yields_in_time(self) -> Self:
        if self.reaction.high + self.fade.high > SLOWEST_YIELD_S:
            raise ValueError(
                f"reaction.high and fade.high add up to more than {SLOWEST_YIELD_S} s, in which a yield must be over"
            )
        return self


def read_preset(name: str) -> dict[str, Any]:
    """The parameters of a preset by its name, or of a preset file (`.yaml`). UsageError names the file and the fix."""
    path = Path(name)
    if name not in PRESETS and path.suffix not in (".yaml", ".yml"):
        raise UsageError(f"simulate.preset: there is no preset {path.name!r}; use {', '.join(PRESETS)} or a .yaml file")
    source = files("turnmill.synth.duplex") / "presets" / f"{name}.yaml" if name in PRESETS else path
    try:
        raw = yaml.safe_load(source.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UsageError(
            f"simulate.preset: {name} cannot be read as a preset: {' '.join(str(error).split())}"
        ) from error
    if not isinstance(raw, dict):
        raise UsageError(f"simulate.preset: {name} is not a mapping of timing parameters")
    return raw


def timing(preset: str = "assistant", changes: Mapping[str, Any] | None = None) -> Timing:
    """The timing of a preset with some parameters changed. UsageError names the first that cannot be."""
    try:
        whole = Timing.model_validate(read_preset(preset))
        return Timing.model_validate(_merged(whole.model_dump(), changes)) if changes else whole
    except ValidationError as error:
        problem = error.errors()[0]
        key = ".".join(str(part) for part in problem["loc"])
        said = str(problem["msg"]).removeprefix("Value error, ")
        where = f"simulate.timing.{key}" if key else "simulate.timing"
        raise UsageError(f"{where} of the preset {Path(preset).name}: {said}") from error


def _merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    both = {
        key: value
        for key, value in changes.items()
        if isinstance(value, Mapping) and isinstance(base.get(key), Mapping)
    }
    return {**base, **changes, **{key: _merged(base[key], value) for key, value in both.items()}}
