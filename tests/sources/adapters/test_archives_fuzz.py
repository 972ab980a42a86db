"""A few mutants of each archive; many by tests/benchmarks/fuzz/archives.py."""

import pytest

from tests.benchmarks.fuzz.archives import KNOBS, SAMPLES, tried


@pytest.mark.parametrize("family", KNOBS)
def test_damage_costs_what_it_is_in_and_nothing_is_wrong_in_silence(family: str) -> None:
    untouched = right = 0
    for number in range(40):
        of, read = tried(family, number, seed=13)
        untouched, right = untouched + of, right + read
    assert untouched > SAMPLES
    assert right >= 0.95 * untouched
