"""`turnmill keys`: every key of a recipe can be found, and what it says is so."""

import pytest
import yaml

from turnmill.manifests.errors import UsageError
from turnmill.pipelines.keys import Key, keys
from turnmill.synth.script import Interaction


def everything(below: str = "") -> list[Key]:
    found = keys(below)
    return found + [key for section in found if section.section for key in everything(section.name)]


def test_every_parameter_can_be_found_and_nearly_all_say_what_they_mean() -> None:
    found = everything()
    names = [key.name for key in found]
    assert len(names) == len(set(names)) > 150
    assert {
        "voices.from",
        "script.interaction.barge_in",
        "simulate.acoustics.echo.gain.low",
        "speak.http.model",
    } <= set(names)
    assert sum(bool(key.meaning) for key in found) > 0.5 * len(found)


def test_defaults_are_yaml_that_means_the_default() -> None:
    shown = {key.name: key.default for key in everything()}
    assert shown["name"] == "required"
    assert yaml.safe_load(shown["seed"]) == 0
    assert yaml.safe_load(shown["script.interaction.barge_in"]) == Interaction().barge_in
    assert yaml.safe_load(shown["simulate.acoustics.noise.snr_db"]) == {"low": 15.0, "high": 25.0}
    assert yaml.safe_load(shown["shard.keep_clean_user"]) is False
    assert yaml.safe_load(shown["simulate.takes"]) == 1


def test_a_section_and_its_keys_tell_one_default() -> None:
    shown = {key.name: key.default for key in everything()}
    for name, default in shown.items():
        whole = yaml.safe_load(default) if default not in ("{...}", "required") else None
        for key, value in (whole or {}).items() if isinstance(whole, dict) else ():
            below = shown.get(f"{name}.{key}", "required")
            assert below == "required" or yaml.safe_load(below) == value, f"{name}.{key}"
    assert shown["voices.splits.train"] == "0.8"


def test_a_section_that_is_not_there_is_one_sentence() -> None:
    with pytest.raises(UsageError, match=r"^a recipe has no section 'nonsense'$"):
        keys("nonsense")


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("script.interactions", "`turnmill keys script.interaction`"),
        ("acoustics", "`turnmill keys simulate.acoustics`"),
        ("transcribe.models", "`turnmill keys transcribe`"),  # a key, which its section shows
        ("barge_in", "`turnmill keys script.interaction`"),
        ("corpsu", "`turnmill keys`"),
    ],
)
def test_a_section_that_is_not_there_names_near_ones(asked: str, meant: str) -> None:
    with pytest.raises(UsageError, match=rf"^a recipe has no section {asked!r}; did you mean ") as refused:
        keys(asked)
    assert meant in str(refused.value)
