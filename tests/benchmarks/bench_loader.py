"""`turnmill.loader` against plain webdataset on the same shards, in turn.

    python tests/benchmarks/bench_loader.py OUT [REPEATS] [HALF]

Both read every sample of OUT, decode its audio to float32 [channels, samples] by the same decoder, at its own rate, and
parse its JSON. webdataset does no more: no shuffle, one shard after the other. The loader shuffles over all shards, and
makes the arrays of words, events and frames. Printed are samples a second of CPU time, the middle of REPEATS (5), and
the loader's over webdataset's. Bar: 0.9. Of the last line's webdataset libsndfile is the decoder, without our checks.
"""

import io
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import webdataset

sys.path.insert(0, str(Path(__file__).parents[2]))

import turnmill
from turnmill.manifests.audio import LAKE_CODECS, decode
from turnmill.manifests.index import Index
from turnmill.manifests.schema import HALVES
from turnmill.manifests.store import opened


def ours(data: bytes) -> Any:
    return decode(data, "it").samples


def libsndfile(data: bytes) -> Any:
    return np.ascontiguousarray(soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)[0].T)


def decoded(sample: Mapping[str, Any], decoder: Callable[[bytes], Any]) -> Any:
    audio = next(value for name, value in sample.items() if name in LAKE_CODECS)
    return decoder(audio), json.loads(sample["json"])


def timed(samples: Callable[[], Iterable[Any]], count: int) -> float:
    """Samples a second of CPU time."""
    started = time.process_time()
    given = sum(1 for _ in samples())
    assert given == count, (given, count)
    return count / (time.process_time() - started)


def main(out: str, repeats: int = 5, half: str = "dialogue") -> None:
    store = opened(out)
    maker = Index.load(store).maker(HALVES[half].samples)
    assert maker is not None
    shards = [store.path(name) for name in store.names(maker.shards)]
    rows = turnmill.open_dataset(out).sql(f"SELECT * FROM {HALVES[half].samples}").to_pylist()
    told = next(turnmill.open_dataset(out).samples(half))  # type: ignore[arg-type]
    rate = int(told.labels["sample_rate"])

    def plain(decoder: Callable[[bytes], Any]) -> Iterable[Any]:
        return webdataset.WebDataset(shards, shardshuffle=False).map(partial(decoded, decoder=decoder))

    loader = turnmill.loader(out, half, sample_rate=rate)  # type: ignore[arg-type]
    ways: Mapping[str, Callable[[], Iterable[Any]]] = {
        "turnmill.loader": lambda: loader,
        "webdataset": lambda: plain(ours),
        "webdataset, libsndfile alone": lambda: plain(libsndfile),
    }
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for name in (name for _ in range(repeats) for name in ways):
        rates[name].append(timed(ways[name], len(rows)))
    middle = {name: statistics.median(each) for name, each in rates.items()}
    seconds = sum(row["duration"] for row in rows) / len(rows)
    print(f"{len(rows)} samples of {seconds:.1f} s at {rate} Hz in {len(shards)} shards")
    for name, value in middle.items():
        print(f"{name:30} {value:8.1f} samples/s  {middle['turnmill.loader'] / value:.2f}")


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:3]), *sys.argv[3:4])
