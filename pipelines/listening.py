"""The listening page of a dataset: the dialogues that tell most, by the kinds of events that are heard in them."""

import math
import tarfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import duckdb
import yaml

from turnmill.dashboards.listening import Example, page, section
from turnmill.manifests.errors import TurnmillError, UsageError
from turnmill.manifests.index import RECIPE, Index
from turnmill.manifests.query import connect, query_error
from turnmill.manifests.schema import DIALOGUE
from turnmill.manifests.store import Store
from turnmill.manifests.wording import plural
from turnmill.pipelines.shards import MALFORMED, DamageError, audio_of, labels_of, read_samples
from turnmill.pipelines.steps.card import dataset_title

PAGE: Final = "listen.html"
MAX_LISTEN: Final = 50
MAX_LISTEN_BYTES = 192 << 20
"""FLAC on one listening page, some 90 minutes of dialogue: Chromium opens a page of 250 MB in 4 s."""
MOST_TELLING: Final = 6

_TABLE: Final = DIALOGUE.samples


@dataclass(frozen=True)
class Listening:
    """A page that was written: where, how many dialogues it has, its size in bytes."""

    path: str
    dialogues: int
    size: int

    def __str__(self) -> str:
        return f"{self.path} ({plural(self.dialogues, 'dialogue')}, {self.size / 1e6:.1f} MB)"


def listening_page(store: Store, count: int) -> Listening:
    """Write up to `count` dialogues as one HTML page, those in which most kinds of events are heard.

    Fewer where there are no more, or their audio would be more than MAX_LISTEN_BYTES. Damaged dialogues are passed
    over. Memory is that of the longest dialogue. Raises TurnmillError where no dialogue can be read.
    """
    if not 1 <= count <= MAX_LISTEN:
        raise UsageError(f"a listening page has 1 to {MAX_LISTEN} dialogues, not {count}: change --listen")
    return _written(store, count, everything=True)


def telling_page(store: Store) -> Listening:
    """The same of no more dialogues than it takes to hear every kind of event that there is, up to MOST_TELLING."""
    return _written(store, MOST_TELLING, everything=False)


def _written(store: Store, count: int, everything: bool) -> Listening:
    title = dataset_title(yaml.safe_load(store.read(RECIPE)))
    with store.writer(PAGE) as file:  # JSON can hold half a surrogate pair
        sizes = [file.write(p.encode("utf-8", "replace")) for p in page(title, _sections(store, count, everything))]
    return Listening(store.path(PAGE), len(sizes) - 2, sum(sizes))  # but for the page's head and end


def _sections(store: Store, count: int, everything: bool) -> Iterator[str]:
    """Greedily: next is the dialogue with most kinds that were not heard yet, then, where `everything` is wanted, with
    those least heard."""
    index = Index.load(store)
    maker = index.maker(_TABLE)
    folder = "" if maker is None else maker.shards
    candidates = _candidates(store, index, count)
    heard: Counter[str] = Counter()
    shown = size = 0

    def gain(candidate: Mapping[str, Any]) -> tuple[int, float]:
        kinds = candidate["kinds"]
        return sum(not heard[kind] for kind in kinds), math.fsum(1 / (1 + heard[kind]) for kind in kinds)

    while shown < count and candidates:
        best = max(candidates, key=gain)
        if shown and not everything and not gain(best)[0]:
            break
        candidates.remove(best)
        section = None
        if shown == 0 or size + best["size"] <= MAX_LISTEN_BYTES:
            section = _section(store, f"{folder}/{best['shard']}", best)
        if section is not None:
            shown, size = shown + 1, size + best["size"]
            heard.update(best["kinds"])
            yield section
    if not shown:
        raise TurnmillError(f"{store.url} has no dialogue that can be listened to: `turnmill verify` says why")


def _candidates(store: Store, index: Index, count: int) -> list[dict[str, Any]]:
    """Of each set of kinds that dialogues have, a few dialogues: what a page of `count` can need, in one order."""
    sql = f"""
        WITH kinds AS (SELECT dialogue, list(DISTINCT kind ORDER BY kind) AS kinds FROM events GROUP BY dialogue)
        SELECT shard, key, "offset", size, coalesce(kinds, []) AS kinds
        FROM {_TABLE} LEFT JOIN kinds ON kinds.dialogue = {_TABLE}.uid
        QUALIFY row_number() OVER (PARTITION BY kinds.kinds ORDER BY key) <= {2 * count} ORDER BY key"""
    try:
        result = connect(store, index).execute(sql)
        names = [column[0] for column in result.description]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]
    except duckdb.Error as error:
        raise query_error(error) from error


def _section(store: Store, name: str, row: Mapping[str, Any]) -> str | None:
    """A dialogue as a piece of the page; None where it is damaged."""
    try:
        with store.open(name) as file:
            # The row points at the audio, the sample's first member; its header is the block before it.
            held = next(read_samples(file, start=row["offset"] - tarfile.BLOCKSIZE))
        if held.key != row["key"]:
            return None
        labels = labels_of(held)
        audio = audio_of(held, "flac", labels)
        return section(Example(labels, held.members["flac"], audio.samples))
    except (OSError, tarfile.TarError, StopIteration, DamageError, *MALFORMED):
        return None
