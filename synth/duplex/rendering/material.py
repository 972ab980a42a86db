"""What a dialogue is made of besides its turns: the lines as they sound beside the microphone, and the sounds."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from turnmill.manifests.records import stable_hash
from turnmill.synth.acoustics import Pools, colour_beside, make_sound
from turnmill.synth.duplex.planning.spoken import SpokenLine, measure
from turnmill.synth.script.model import Script
from turnmill.synth.speech import Word

Pcm = NDArray[np.float32]
"""Float32 mono [samples] at 24 kHz."""


@dataclass(frozen=True)
class Material:
    """Lines by their id: audio, and what the planner knows of it. Lines without sound are in neither."""

    pcm: Mapping[str, Pcm]
    lines: Mapping[str, SpokenLine]


def spoken_material(script: Script, speech: Mapping[str, tuple[Pcm, tuple[Word, ...]]]) -> Material:
    """Measure the lines of a script that were spoken; those said to somebody else sound as from beside the user."""
    roles = {line.id: line.role for line in script.lines}
    pcm: dict[str, Pcm] = {}
    lines: dict[str, SpokenLine] = {}
    for name, (samples, words) in speech.items():
        role = roles[name]
        if role == "side_talk" or role == "third_party":
            samples, words = colour_beside(role, samples), ()
        measured = measure(samples, words)
        if measured is not None:
            pcm[name], lines[name] = samples, measured
    return Material(pcm, lines)


def with_sounds(script: Script, material: Material, pools: Pools, seed: int) -> tuple[Script, Material]:
    """A take of a script: its noises and coughs drawn, and named in the script."""
    pcm, lines = dict(material.pcm), dict(material.lines)
    intrusions = []
    for item in script.intrusions:
        if item.kind == "noise_burst" or item.kind == "cough":
            name, samples = make_sound(item.kind, int(stable_hash(seed, script.id, item.line), 16) % 2**31, pools)
            measured = measure(samples, ())
            if measured is not None:
                pcm[item.line], lines[item.line] = samples, measured
            item = replace(item, sound=name)
        intrusions.append(item)
    return replace(script, intrusions=tuple(intrusions)), Material(pcm, lines)
