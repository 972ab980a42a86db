import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from turnmill.manifests.schema import SCHEMAS, to_table


def test_every_field_of_every_table_is_documented() -> None:
    for table, schema in SCHEMAS.items():
        for field in schema:
            assert (field.metadata or {}).get(b"doc"), f"{table}.{field.name}"


@settings(deadline=None)  # a busy machine is no failure
@given(words=st.lists(st.tuples(st.text(), st.floats(0, 1e5), st.floats(0, 1)), max_size=4))
def test_rows_survive_the_way_through_arrow(words: list[tuple[str, float, float]]) -> None:
    row = dict.fromkeys(SCHEMAS["transcripts"].names) | {
        "uid": "c/d/train/a b.flac",
        "words": [{"word": word, "start": start, "end": start + 1, "prob": prob} for word, start, prob in words],
    }
    assert to_table("transcripts", [row]).to_pylist() == [row]


@pytest.mark.parametrize("change", [{"typo": 1}, {"uid": ...}])
def test_a_missing_or_unknown_column_is_an_error_never_a_null(change: dict[str, object]) -> None:
    row = dict.fromkeys(SCHEMAS["clip_selection"].names) | change
    with pytest.raises(ValueError, match=r"clip_selection: columns \['(typo|uid)'\]"):
        to_table("clip_selection", [{name: value for name, value in row.items() if value is not ...}])


def test_no_rows_make_an_empty_table_of_the_right_columns() -> None:
    assert to_table("turns", []).schema == SCHEMAS["turns"]


@pytest.mark.parametrize("value", [float("-inf"), float("inf"), float("nan")])
def test_a_number_that_json_does_not_hold_is_an_error_when_the_row_is_made(value: float) -> None:
    label = dict.fromkeys(SCHEMAS["quality"].names) | {"uid": "a", "segments": [{"start": 0.0, "end": 1.0}]}
    assert to_table("quality", [label, label]).num_rows == 2
    with pytest.raises(ValueError, match=r"quality: snr_db has a number that is not finite .*: say null instead"):
        to_table("quality", [label, label | {"snr_db": value}])
    with pytest.raises(ValueError, match="quality: segments has a number that is not finite"):
        to_table("quality", [label | {"segments": [{"start": 0.0, "end": value}]}])
