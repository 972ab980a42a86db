"""Words that an engine says, among the tokens of their text."""

from hypothesis import given
from hypothesis import strategies as st

from turnmill.synth.tokens import places


@given(st.lists(st.sampled_from("abc"), max_size=8), st.data())
def test_words_left_out_leave_the_places_of_the_others_in_order(parts: list[str], data: st.DataObject) -> None:
    kept = [n for n in range(len(parts)) if data.draw(st.booleans())]
    found = places([parts[n] for n in kept], parts)
    assert found == sorted(set(found))
    assert [parts[n] for n in found] == [parts[n] for n in kept]
    assert all(place <= n for place, n in zip(found, kept, strict=True))


def test_a_word_that_is_left_out_before_it_does_not_move_a_word() -> None:
    assert places(["so", "we", "went"], ["so", "-", "we", "went"]) == [0, 2, 3]
