"""`finished.json`: what a run ended with, so that a rerun with nothing to do reads this and not every part again.

It is there only while it is true. A run that has something to do removes it before it changes anything, and writes it
when parts, card and accounting are done. So its cost to a rerun is one small file, however many shards there are.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version

from pydantic import TypeAdapter, ValidationError

from turnmill.dashboards.summary import Summary
from turnmill.manifests.index import Index
from turnmill.manifests.records import stable_hash
from turnmill.manifests.store import Store

FINISHED = "finished.json"


@dataclass(frozen=True)
class Finished:
    """`made_for`: what the card and the summary depend on; `card`: the files that the card consists of."""

    made_for: str
    card: tuple[str, ...]
    summary: Summary


_JSON = TypeAdapter(Finished)


def save(store: Store, index: Index, card: Sequence[str], summary: Summary) -> None:
    """Say that the dataset is done. Same dataset, same bytes."""
    store.write(FINISHED, _JSON.dump_json(Finished(_made_for(index), tuple(card), summary), indent=2) + b"\n")


def load(store: Store, index: Index) -> Summary | None:
    """The summary of a finished dataset of this index, whose card is there; else None, and all has to be looked at."""
    found = _read(store)
    if found is None or found.made_for != _made_for(index) or not all(store.exists(name) for name in found.card):
        return None
    return found.summary


def leaks(store: Store) -> tuple[str, ...]:
    """What the last run found in two splits, for a card that is written anew."""
    found = _read(store)
    return found.summary.leaks if found is not None else ()


def _read(store: Store) -> Finished | None:
    if not store.exists(FINISHED):
        return None
    try:
        return _JSON.validate_json(store.read(FINISHED))
    except ValidationError:  # another version's, or damaged
        return None


def _made_for(index: Index) -> str:
    """The index has the hash of the recipe and every stage's fingerprint, so all that a part depends on."""
    return stable_hash(version("turnmill"), json.dumps(asdict(index), sort_keys=True), size=16)
