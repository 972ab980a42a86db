"""What people write becomes parameters, or one sentence for each thing that is wrong."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import pytest
import yaml
from pydantic import Field

from turnmill.manifests.errors import UsageError
from turnmill.manifests.languages import LanguageTag
from turnmill.manifests.params import Params, flaw, mapping, parsed, validated


class Cats(Params):
    kind: Literal["cats"]
    cats: int = Field(ge=0)


class Dogs(Params):
    kind: Literal["dogs"]
    fields: Mapping[Literal["speaker", "text"], str] = {}


class House(Params):
    name: str
    pets: Annotated[Cats | Dogs, Field(discriminator="kind")] | None = None
    living: Annotated[Cats | Dogs, Field(discriminator="kind")] = Dogs(kind="dogs")
    rooms: tuple[Dogs, ...] = ()
    owner: str | dict[str, Any] | None = None
    source: str | None = Field(default=None, alias="from")
    rates: Mapping[LanguageTag, Cats] = {}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"name": "a", "livng": 1}, "^f: livng: unknown key; did you mean 'living'\\?$"),
        ({"name": "a", "zzz": 1}, "^f: zzz: unknown key; remove it$"),
        ({"name": "a", "living": {"kind": "cats", "cats": -1}}, r"^f: living\.cats: .* \(given: -1\)$"),
        (
            {"name": "a", "living": {"kind": "cats", "cat": 1, "cats": 1}},
            "living.cat: unknown key; did you mean 'cats'",
        ),
        ({"name": "a", "living": {"kind": "dogs", "cats": 1}}, "living.cats: unknown key; remove it"),
        ({"name": "a", "living": {"kind": "dogs", "fields": {"speker": "x"}}}, "fields.speker: unknown .*'speaker'"),
        ({"name": "a", "rooms": [{"kind": "dogs", "feilds": {}}]}, r"rooms\.0\.feilds: .*'fields'"),
        ({"name": 2024}, r"^f: name: must be text in quotes \(given: 2024\)$"),
        ({"name": None}, r"^f: name: must be text \(given: nothing\)$"),
        ({"name": "a", "owner": 5}, r"^f: owner: must be text in quotes or a mapping of keys to values \(given: 5\)$"),
        ({"name": "a", "form": "x"}, r"^f: form: unknown key; did you mean 'from'\?$"),
        (
            {"name": "a", "rooms": "x"},
            r"^f: rooms: must be a list of mappings with the keys kind and fields .given: 'x'.$",
        ),
        (
            {"name": "a", "living": {"kind": "cows"}},
            r"^f: living\.kind: must be one of 'cats', 'dogs' .given: 'cows'.$",
        ),
        ({"name": "a", "living": {}}, r"^f: living\.kind: is missing$"),
        (
            {"name": "a", "rates": {"high": {}}},
            r"rates\.high: 'high' is no language tag: .*; f: rates\.high\.kind: is m",
        ),
        ({"name": "a", "rates": {1: 1}}, r"rates\.1: must be text in quotes .*; f: rates\.1: must be a mapping with"),
        ({"name": "a", 1: 1}, r"^f: 1: a key must be text: write it in quotes"),
        ({"nam": "a"}, "name: is missing; f: nam: unknown key; did you mean 'name'"),
        (
            ["name"],
            "^f: must be a mapping with the keys name, pets, living, rooms, owner, from and rates .given: a list.$",
        ),
        ("x" * 500, r"x{199} \.\.\.\)$"),
    ],
)
def test_each_mistake_is_a_sentence_with_its_key(data: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        validated(House, data, "f")


def test_what_stands_under_a_secret_key_is_not_repeated() -> None:
    with pytest.raises(UsageError) as told:
        validated(House, {"name": "a", "living": {"kind": "cats", "cats": "token"}}, "f", secret=["living"])
    assert "token" not in str(told.value)


@pytest.mark.parametrize("text", ["a: [", "[" * 5000, "2024-99-99", "\0", "a: b: c", "!!python/object:os.system {}"])
def test_what_is_no_yaml_is_one_error_that_does_not_repeat_the_text(text: str) -> None:
    with pytest.raises(yaml.YAMLError) as told:
        parsed(text)
    assert flaw(told.value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("name: x\nseed: 1\nname: y", "^f: .*line 3, column 1: the key 'name' is there already, in line 1: keep one$"),
        ("a: [{b: {c: 1,\n c: 2}}]", "line 2, column 2: the key 'c' is there already, in line 1"),
        ("1: a\n1: b", "line 2, column 1: the key '1' is there already"),
        ("a: &a {b: 1}\nc: {<<: *a, b: 2, b: 3}", "line 2, column 19: the key 'b' is there already, in line 2"),
        (f"{'x' * 500}: 1\n{'x' * 500}: 2", r"the key 'x{199} \.\.\. is there already"),
    ],
)
def test_a_key_that_stands_twice_in_a_mapping_is_an_error(text: str, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        mapping(text, "f", "a recipe")


def test_a_key_may_stand_in_two_mappings_and_replace_one_that_is_merged() -> None:
    text = "w: &w {k: 0}\nouter: {deep: &x {<<: *w, k: 1}}\nb: {<<: *x, '1': c, 1: d}"
    assert mapping(text, "f", "a recipe") == {
        "w": {"k": 0},
        "outer": {"deep": {"k": 1}},
        "b": {"k": 1, "1": "c", 1: "d"},
    }
