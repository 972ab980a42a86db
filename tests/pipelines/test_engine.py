"""Worker shares fit any machine, and neighbours share a worker."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from turnmill.pipelines.cluster import Cluster
from turnmill.pipelines.engine import chains, shares
from turnmill.pipelines.stage import MIB, Made, Resources, Shard, Stage, Workspace


@dataclass
class Fake(Stage):
    """A stage of which only the resources matter."""

    resources: Resources  # type: ignore[misc]

    def process(self, shard: Shard, workspace: Workspace) -> Made:
        raise NotImplementedError


KINDS = st.builds(
    Resources, cpus=st.sampled_from([0.5, 1.0, 4.0]), memory=st.integers(1, 64).map(lambda n: n * 256 * MIB)
)


@given(st.lists(KINDS, min_size=1, max_size=8), st.integers(1, 16), st.integers(1, 64), st.integers(1, 64))
def test_all_pools_fit_at_once_on_any_machine(kinds: list[Resources], size: int, cpus: int, gib: int) -> None:
    available = Cluster(float(cpus), gib * 2.0**30, None)
    asked = shares(chains([Fake(kind) for kind in kinds]), size, available)
    assert sum(size * share["num_cpus"] for share in asked) <= cpus + 1e-9
    assert sum(size * share["memory"] for share in asked) <= gib * 2**30


def test_neighbours_on_the_same_resources_share_a_worker() -> None:
    small, large = Resources(), Resources(memory=4096 * MIB)
    stages = [Fake(small), Fake(small), Fake(large), Fake(small)]
    assert [len(chain) for chain in chains(stages)] == [2, 1, 1]
