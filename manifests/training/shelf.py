"""The samples of an output, by number: where each lies in its training shard, and how long it is.

The table of samples tells the places, so that any sample is read by itself, from a file or an object store, and nothing
in front of it. (A stream of whole tars, as webdataset has it, cannot begin at a sample, and leaves a rank without a
shard of its own with nothing.)
"""

import io
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from turnmill.manifests.audio import AudioError
from turnmill.manifests.chosen import ask, check_finished, check_split
from turnmill.manifests.errors import TurnmillError, UsageError
from turnmill.manifests.export.sample import Sample, read
from turnmill.manifests.index import Index
from turnmill.manifests.published import MAKE_AGAIN
from turnmill.manifests.query import connect, told_of_parts
from turnmill.manifests.schema import HALVES
from turnmill.manifests.store import opened
from turnmill.manifests.wording import plural

_HEADER: Final = tarfile.BLOCKSIZE  # in front of the audio, the first member of a sample (`manifests.tar`)
_TO_THE_END: Final = -1
PARTIES: Final = 2  # of a dialogue, each on a channel


@dataclass(frozen=True)
class Shelf:
    """`shards`: path and split of each; of every sample the number of its `shard`, its bytes there from `start` until
    `end` (-1: the last one, until the end of the file), and its `seconds`. `made_by`: what tells these samples from
    others."""

    url: str
    made_by: str
    shards: tuple[tuple[str, str], ...]
    shard: NDArray[np.int32]
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    seconds: NDArray[np.float64]

    def samples(self, numbers: NDArray[np.int64]) -> Iterator[Sample]:
        """Those of these numbers, in that order, decoded. An object store is asked for all of them at once.

        Raises TurnmillError for a shard that is gone or damaged.
        """
        store = opened(self.url)  # anew: a client of an object store is not to be used after a fork
        shards = self.shard[numbers].tolist()
        files = {shard: store.path(self.shards[shard][0]) for shard in set(shards)}
        ends = [None if end == _TO_THE_END else end for end in self.end[numbers].tolist()]
        found = store.fs.cat_ranges([files[shard] for shard in shards], self.start[numbers].tolist(), ends)
        for shard, data in zip(shards, found, strict=True):
            yield _sample(files[shard], self.shards[shard][1], data)


def _sample(path: str, split: str, data: bytes | Exception) -> Sample:
    try:
        if isinstance(data, Exception):
            raise data
        sample = next(read(io.BytesIO(data), split))
        channels = sample.sound.channels  # decoded here, where its shard can be named
        if "turns" in sample.told and channels != PARTIES:
            raise ValueError(f"the dialogue {sample.key} has {plural(channels, 'channel')}")
    except (OSError, tarfile.TarError, StopIteration, LookupError, ValueError, AudioError) as error:
        why = str(error) or "it breaks off"
        raise TurnmillError(f"{path} is damaged or gone ({why}): {MAKE_AGAIN}") from error
    return sample


def shelf(out: str, half: str, split: str | None, where: str | None) -> Shelf:
    """The samples of a half of an output. Raises as `training.loader`."""
    if half not in tuple(HALVES):  # whatever it is
        raise UsageError(f"half={half!r} is none: there are {' and '.join(HALVES)}")
    store, items = opened(out), HALVES[half]
    index = Index.load(store)
    with told_of_parts(store), connect(store, index) as connection:
        check_finished(store, connection, then="train on it")
        maker = index.maker(items.samples)
        if maker is None:
            raise UsageError(f"{store.url} has no training samples of half={half!r}: its recipe makes none")
        if split is not None:
            check_split(store, connection, items, split, f"split={split!r}")
        query = f"""
            SELECT shard, split, "offset", following, duration FROM (SELECT *,
            lead("offset") OVER (PARTITION BY shard ORDER BY "offset") AS following FROM {items.samples})
            WHERE uid IN (SELECT uid FROM chosen) ORDER BY shard, "offset"
        """
        found = ask(connection, items, query, split=split, where=where, option="where=")
    if not len(found):
        asked = "" if where is None else f" with where={where!r}"
        raise UsageError(f"{store.url} has no training samples of half={half!r}{asked}: `turnmill status` says why")
    shards = found.select(["shard", "split"]).group_by(["shard", "split"]).aggregate([]).sort_by("shard").to_pylist()
    numbers = {one["shard"]: number for number, one in enumerate(shards)}
    return Shelf(
        url=store.url,
        made_by=maker.fingerprint,
        shards=tuple((f"{maker.shards}/{one['shard']}", one["split"]) for one in shards),
        shard=np.array([numbers[shard] for shard in found["shard"].to_pylist()], np.int32),
        start=found["offset"].to_numpy() - _HEADER,
        end=found["following"].fill_null(_TO_THE_END + _HEADER).to_numpy() - _HEADER,
        seconds=found["duration"].to_numpy(),
    )
