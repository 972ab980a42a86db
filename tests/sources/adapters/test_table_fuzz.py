"""A few of the damaged tables of tests/benchmarks/fuzz_sources.py, by a seed."""

import pytest

from tests.benchmarks.fuzz_sources import FAMILIES, fuzz


@pytest.mark.parametrize("family", FAMILIES)
def test_a_damaged_table_costs_no_more_than_what_was_damaged(family: str) -> None:
    tallies = fuzz(family, range(96), seed=1).values()
    assert [fault for tally in tallies for fault in tally.faults] == []
    read, untouched = sum(tally.read for tally in tallies), sum(tally.untouched for tally in tallies)
    assert untouched > 1000
    assert read >= 0.95 * untouched
