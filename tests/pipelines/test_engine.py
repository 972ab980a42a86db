"""Worker shares fit any machine, neighbours share a worker, and users' errors come out of Ray as they went in."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from manifests.errors import UsageError
from pipelines.engine import Cluster, chains, shares, user_error
from pipelines.stage import MIB, Made, Resources, Shard, Stage, Workspace


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
    available = Cluster(float(cpus), gib * 2.0**30)
    asked = shares(chains([Fake(kind) for kind in kinds]), size, available)
    assert sum(size * share["num_cpus"] for share in asked) <= cpus + 1e-9
    assert sum(size * share["memory"] for share in asked) <= gib * 2**30


def test_neighbours_on_the_same_resources_share_a_worker() -> None:
    small, large = Resources(), Resources(memory=4096 * MIB)
    stages = [Fake(small), Fake(small), Fake(large), Fake(small)]
    assert [len(chain) for chain in chains(stages)] == [2, 1, 1]


def test_an_error_for_the_user_is_found_inside_others() -> None:
    meant = UsageError("the model is not there")
    wrapped = RuntimeError("a worker died")
    wrapped.__cause__ = meant
    assert user_error(wrapped) is meant
    assert user_error(ValueError("a bug")) is None
