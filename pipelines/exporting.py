"""The training shards of an export on Ray: a task each."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from itertools import islice
from queue import SimpleQueue
from typing import Any, Final

from turnmill.manifests.errors import TurnmillError
from turnmill.manifests.export.export import Do, Each, TrainingShard, in_order
from turnmill.pipelines.cluster import check_address, cluster

_FEW: Final = 3  # shards of 256 MB, that one process has exported before others would have helped


def each_shard(address: str | None, workers: int | None) -> Each:
    """How the shards of an export are worked: on the Ray cluster at `address`, or a local one, `workers` at a time
    (None: as many as it has CPUs); in this process for one worker, or where they are few and neither was asked for.

    Raises UsageError for an address that is none.
    """
    check_address(address)

    def each(do: Do, shards: Sequence[TrainingShard]) -> Iterator[None]:
        alone = workers == 1 or (workers is None and len(shards) <= _FEW)
        yield from in_order(do, shards) if address is None and alone else _on_ray(do, shards, address, workers)

    return each


def _on_ray(do: Do, shards: Sequence[TrainingShard], address: str | None, workers: int | None) -> Iterator[None]:
    """Raises what `do` raises, and TurnmillError where Ray gives a shard up."""
    with cluster(address) as available:
        import ray

        task = ray.remote(num_cpus=1, scheduling_strategy="SPREAD")(_done)
        work = ray.put(do)
        answers: SimpleQueue[Future[None]] = SimpleQueue()  # as in `engine`: a signal breaks off the wait for it
        waiting, working = iter(shards), dict[Future[None], tuple[Any, TrainingShard]]()

        def ask(shard: TrainingShard) -> None:
            reference = task.remote(work, shard)
            future = reference.future()
            working[future] = reference, shard
            future.add_done_callback(answers.put)

        try:
            for shard in islice(waiting, workers or max(1, int(available.cpus))):
                ask(shard)
            while working:
                answer = answers.get()
                _, shard = working.pop(answer)
                try:
                    answer.result()
                except ray.exceptions.RayTaskError as error:
                    raise error.cause from None
                except ray.exceptions.RayError as error:
                    raise TurnmillError(f"{shard.name}: its worker ended: {str(error).splitlines()[0]}") from error
                yield
                for shard in islice(waiting, 1):
                    ask(shard)
        finally:
            for reference, _ in working.values():
                ray.cancel(reference, force=True)


def _done(do: Do, shard: TrainingShard) -> None:
    do(shard)
