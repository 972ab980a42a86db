"""What no node can give is a sentence."""

import pytest

from tests.pipelines.test_engine import Fake
from turnmill.manifests.errors import UsageError
from turnmill.pipelines.capacity import check_capacity
from turnmill.pipelines.stage import MIB, Resources

NODES = [{"CPU": 4.0, "memory": 2048.0 * MIB}, {"CPU": 1.0, "GPU": 1.0, "memory": 1024.0 * MIB, "licence": 1.0}]


class Transcribe(Fake):
    name = "transcribe"


class Simulate(Fake):
    name = "simulate"


def check(share: dict[str, object], gpus: float = 0.0) -> None:
    check_capacity([[Transcribe(Resources(gpus=gpus))]], [share], NODES)


@pytest.mark.parametrize(
    "share",
    [
        {"num_cpus": 4.0, "memory": 2048 * MIB},
        {"num_cpus": 1.0, "memory": 1024 * MIB, "num_gpus": 0.25},
        {"num_cpus": 0.1, "memory": 0, "resources": {"licence": 1}},
    ],
)
def test_what_a_node_has_is_given(share: dict[str, object]) -> None:
    check(share)


@pytest.mark.parametrize(
    ("share", "sentence"),
    [
        (
            {"num_gpus": 2.0},
            "transcribe: it asks for 2 GPU, and the most that a node has is 1 GPU; lower transcribe.gpus",
        ),
        ({"memory": 4096 * MIB}, "asks for 4,096 MiB of memory, and the most that a node has is 2,048 MiB of memory"),
        ({"num_cpus": 8.0}, "asks for 8 CPU, and the most that a node has is 4 CPU; add a node"),
        ({"resources": {"tpu": 1}}, "asks for 1 tpu, and the most that a node has is 0 tpu; add a node"),
        # Each is somewhere, but not on one node.
        ({"num_gpus": 1.0, "memory": 2048 * MIB}, "asks for 1 GPU and 2,048 MiB of memory"),
    ],
)
def test_what_no_node_has_is_one_sentence(share: dict[str, object], sentence: str) -> None:
    with pytest.raises(UsageError) as refused:
        check(share, gpus=1.0)
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_cluster_without_nodes_gives_nothing() -> None:
    with pytest.raises(UsageError, match="simulate: it asks for 1 CPU, and the most that a node has is 0 CPU"):
        check_capacity([[Simulate(Resources())]], [{"num_cpus": 1.0}], [])
