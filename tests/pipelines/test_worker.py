"""Workers are kept for who asks for the same, and hold nothing back from who asks for other ones."""

import pytest
import ray

from manifests.errors import UsageError
from pipelines.cluster import cluster


def test_a_crew_keeps_who_fits_and_ends_the_rest() -> None:
    with cluster(None) as given:
        crew = given.crew
        one, other = {"num_cpus": given.cpus / 2}, {"num_cpus": given.cpus / 2, "runtime_env": {"env_vars": {"A": "1"}}}
        ((first, second),) = crew.muster([one], 2)
        ray.get([first.ready.remote(), second.ready.remote()])
        assert crew.muster([one], 2) == [[first, second]]
        ((kept,), (started,)) = crew.muster([one, other], 1)
        assert kept == first
        ray.get([kept.ready.remote(), started.ready.remote()], timeout=60)  # it has room: `second` is gone
        with pytest.raises(ray.exceptions.RayActorError):
            ray.get(second.ready.remote())
        assert crew.muster([one, one], 1)[0] == [first]  # two pools that ask for the same share nobody
        crew.dismiss()
        with pytest.raises(ray.exceptions.RayActorError):
            ray.get(first.ready.remote())


def test_a_runtime_env_that_ray_refuses_is_a_sentence() -> None:
    with cluster(None) as given, pytest.raises(UsageError, match="runtime_env: /no/such/folder is not a valid path"):
        given.crew.muster([{"num_cpus": 0.1, "runtime_env": {"working_dir": "/no/such/folder"}}], 1)
