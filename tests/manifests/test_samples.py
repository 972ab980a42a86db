"""The JSON of samples: what is written is a value of its type to the letter, and nothing else is written."""

import json
import math
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.manifests.conftest import sample_of
from turnmill.manifests.samples import CLIP, DIALOGUE, parsed, problem, to_json

_PRIMITIVES: dict[pa.DataType, st.SearchStrategy[Any]] = {
    pa.string(): st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    pa.int32(): st.integers(-(2**31), 2**31 - 1),
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.float64(): st.floats(allow_nan=False, allow_infinity=False),
    pa.bool_(): st.booleans(),
}


def values(kind: pa.DataType) -> st.SearchStrategy[Any]:
    """Any value of an Arrow type, null included."""
    if isinstance(kind, pa.StructType):
        return st.none() | st.fixed_dictionaries({field.name: values(field.type) for field in kind})
    if isinstance(kind, pa.ListType):
        return st.none() | st.lists(values(kind.value_type), max_size=2)
    return st.none() | _PRIMITIVES[kind]


def samples(kind: pa.StructType) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({field.name: values(field.type) for field in kind})


@pytest.mark.parametrize("kind", [CLIP, DIALOGUE], ids=["clip", "dialogue"])
def test_any_value_of_the_type_comes_back_from_json_and_from_arrow(kind: pa.StructType) -> None:
    @settings(max_examples=40, deadline=None)
    @given(samples(kind))
    def check(sample: dict[str, Any]) -> None:
        text = to_json(sample, kind)
        assert parsed(text) == sample
        assert list(parsed(text)) == [field.name for field in kind]
        assert problem(parsed(text), kind) is None
        assert pa.array([parsed(text)], kind).to_pylist() == [sample]

    check()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"seed": 1.5}, "sample.seed is float, not int64"),
        ({"seed": True}, "sample.seed is bool, not int64"),
        ({"seed": 2**63}, "sample.seed is 9223372036854775808, which int64 does not hold"),
        ({"sample_rate": 2**31}, "sample.sample_rate is 2147483648, which int32 does not hold"),
        ({"id": "a\ud800"}, r"sample.id is 'a\\ud800', which string does not hold"),
        ({"duration": "3"}, "sample.duration is str, not double"),
        ({"channels": "user"}, "sample.channels is str, not a list"),
        ({"channels": ["user", 1]}, "sample.channels is int, not string"),
        ({"turns": [{"index": 0}]}, "sample.turns: borrowed, channel, .* missing or unknown"),
        ({"acoustics": []}, "sample.acoustics is list, not an object"),
        ({"new": 1}, "sample: new missing or unknown"),
    ],
)
def test_what_is_of_another_type_is_refused_by_its_place(change: dict[str, Any], why: str) -> None:
    sample = sample_of(DIALOGUE) | change
    with pytest.raises(ValueError, match=f"^{why}$"):
        to_json(sample, DIALOGUE)
    assert problem(sample, DIALOGUE) is not None
    assert problem(["no", "object"], DIALOGUE) == "sample is list, not an object"


def test_a_missing_field_is_refused() -> None:
    sample = sample_of(CLIP)
    del sample["text"]
    assert problem(sample, CLIP) == "sample: text missing or unknown"


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_json_cannot_hold_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match=r"^sample\.duration is (nan|inf), which double does not hold$"):
        to_json(sample_of(DIALOGUE, duration=value), DIALOGUE)


def test_a_whole_number_of_seconds_is_a_float_in_every_row() -> None:
    assert json.loads(to_json(sample_of(DIALOGUE, duration=3), DIALOGUE))["duration"] == 3.0
    assert b'"duration":3.0' in to_json(sample_of(DIALOGUE, duration=3), DIALOGUE)
