"""A few of the mutants of tests/fuzz/fuzz_texts.py, always the same."""

from tests.fuzz.fuzz_texts import fault, mutant

MUTANTS = 60


def test_mutants_of_files_are_read_alike_twice_and_what_was_left_alone_as_it_is_written() -> None:
    share = [0, 0]
    faults = [found for number in range(MUTANTS) if (found := fault(*mutant(number, 1), share)) is not None]
    assert faults == []
    assert share[0] > 300
    assert share[1] >= 0.95 * share[0]
