"""A few mutants of each archive; many by tests/benchmarks/fuzz/archives.py."""

from tests.benchmarks.fuzz.archives import SAMPLES, fuzz


def test_damage_costs_what_it_is_in_and_nothing_is_wrong_in_silence() -> None:
    for name, found in fuzz(range(80), seed=13).items():
        assert found.failed == []
        assert found.untouched > SAMPLES
        assert found.share >= 0.95, name
