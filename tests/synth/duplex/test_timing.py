"""Presets: what they are, what of them can be changed, and what is refused."""

from pathlib import Path

import numpy as np
import pytest

from turnmill.manifests.errors import UsageError
from turnmill.manifests.records import generator
from turnmill.synth.distributions import LogNormal
from turnmill.synth.duplex.timing import PRESETS, timing


def test_a_preset_file_means_the_same_as_a_preset(tmp_path: Path) -> None:
    file = tmp_path / "calls.yaml"
    file.write_text((Path(__file__).parents[3] / "synth/duplex/presets/telephone.yaml").read_text())
    assert timing(str(file)) == timing("telephone")
    assert len({timing(name).model_dump_json() for name in PRESETS}) == len(PRESETS)


def test_a_change_reaches_one_number_and_leaves_the_others() -> None:
    changed = timing("telephone", {"user_to_assistant": {"p_overlap": 0.1}, "reaction": {"high": 0.8}})
    assert changed.user_to_assistant.p_overlap == 0.1
    assert changed.user_to_assistant.gap == timing("telephone").user_to_assistant.gap
    assert changed.reaction.median == timing().reaction.median
    assert changed.reaction.high == 0.8


@pytest.mark.parametrize(
    ("preset", "changes", "said"),
    [
        ("phone", {}, "there is no preset 'phone'"),
        ("nowhere.yaml", {}, "nowhere.yaml cannot be read"),
        ("assistant", {"reaction": {"high": 3.0}}, "more than 1.5 s"),
        ("assistant", {"fade": {"low": 0.1}}, "simulate.timing: fade"),
        ("assistant", {"reactoin": {}}, "simulate.timing: reactoin"),
        ("assistant", {"user_to_assistant": {"p_overlap": 1.2}}, "simulate.timing: user_to_assistant.p_overlap"),
    ],
)
def test_impossible_timing_is_refused_by_one_sentence(preset: str, changes: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError, match=said) as refused:
        timing(preset, changes)
    assert "\n" not in str(refused.value)


def test_an_effect_is_a_part_of_the_spread_and_not_added_to_it() -> None:
    law = LogNormal(median=0.3, sigma=0.5, low=0.0, high=100.0)
    effects = generator(1, "d", "effects").standard_normal(4000) * 0.3
    rng = generator(1, "d", "draws")
    logs = np.log([law.draw(rng, float(effect), 0.3) for effect in effects])
    assert np.std(logs) == pytest.approx(0.5, rel=0.04)
    assert np.corrcoef(logs, effects)[0, 1] == pytest.approx(0.6, abs=0.03)
