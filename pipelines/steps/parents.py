"""parents: who or what must be in one split, over all corpora of a recipe, and at the end of every run whether it is.

The parent of a clip is what its corpus says (a speaker, recording, uploader), else its recording; equal names in two
corpora are two parents. Where a corpus comes from another (`overlaps` of its entry) and a clip says from which part of
it, as in `librivox/84`, that is its parent in every corpus that comes from there.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Final

from turnmill.manifests.query import quoted
from turnmill.manifests.wording import plural
from turnmill.sources.adapters.items import UNLISTED
from turnmill.sources.catalogue import Entry

_EXAMPLES: Final = 3
_HEARD: Final = """CASE WHEN starts_with(split, 'train') THEN 'train' WHEN starts_with(split, 'val') OR
    starts_with(split, 'dev') THEN 'valid' WHEN starts_with(split, 'test') THEN 'test' ELSE split END"""
"""What a split is for, however its corpus calls it: train-clean-100 and train-other-500 are one."""


def parent_column(entries: Sequence[Entry]) -> str:
    """SQL for the parent of a row of `clips`."""
    known = [
        f"corpus = {quoted(entry.name)} AND starts_with(parent, {quoted(f'{origin}/')})"
        for entry in entries
        for origin in entry.overlaps
    ]
    said = f"CASE WHEN {' OR '.join(known) or 'false'} THEN parent ELSE corpus || '/' || parent END"
    return f"coalesce({said}, recording, uid)"


def leaks(connection: Any, planned: str, plan: str, entries: Sequence[Entry]) -> list[str]:
    """What is, or may be, in two splits, a sentence each with what prevents it.

    planned: a query for uid and parent of the items, among others; plan: the table with the split of each. entries: of
    the corpora, where the items are clips.
    """
    connection.execute(
        f"""CREATE OR REPLACE TEMP VIEW placed AS SELECT uid, parent, split, {_HEARD} AS heard
            FROM (SELECT uid, parent FROM ({planned})) JOIN {plan} USING (uid) WHERE split <> '{UNLISTED}'"""
    )
    return [*_crossing(connection), *_untold(connection, entries)]


def _crossing(connection: Any) -> Iterator[str]:
    """Parents that are in several splits."""
    several = "SELECT parent FROM placed GROUP BY parent HAVING count(DISTINCT heard) > 1"
    ((count, clips),) = connection.sql(
        f"SELECT count(DISTINCT parent), count(*) FROM placed SEMI JOIN ({several}) USING (parent)"
    ).fetchall()
    if not count:
        return
    places = "split_part(uid, '/', 1) || ' ' || split"
    shown = connection.sql(
        f"SELECT parent, list(DISTINCT {places} ORDER BY {places}) FROM placed SEMI JOIN ({several}) USING (parent) "
        f"GROUP BY parent ORDER BY parent LIMIT {_EXAMPLES}"
    ).fetchall()
    examples = "; ".join(f"{parent} in {', '.join(found)}" for parent, found in shown)
    yield (
        f"{plural(count, 'parent')} with {plural(clips, 'item')} in several splits, as the official ones have it: "
        f"{examples}. `select` can remove those of one split, or leave one of the corpora out"
    )


@dataclass(frozen=True)
class _Share:
    """What a corpus has from elsewhere: its clips, those of them that do not say from which part of it, and what their
    splits are for."""

    corpus: str
    clips: int
    silent: int
    heard: frozenset[str]


def _untold(connection: Any, entries: Sequence[Entry]) -> Iterator[str]:
    """Corpora that come from the same place, where a clip does not say from which part of it."""
    for origin in sorted({name for entry in entries for name in (entry.name, *entry.overlaps)}):
        shares = [_share(connection, each, origin) for each in entries if origin in (each.name, *each.overlaps)]
        for one, other in combinations([share for share in shares if share.clips], 2):
            if (one.silent or other.silent) and len(one.heard | other.heard) > 1:
                silent = [f"{plural(each.silent, 'clip')} of {each.corpus}" for each in (one, other) if each.silent]
                said = " and ".join(silent)
                yield (
                    f"{one.corpus} and {other.corpus} both have audio of {origin}, and {said} do not say which: the "
                    "same may be in two splits. Leave one of them out, or train on both and judge on others"
                )


def _share(connection: Any, entry: Entry, origin: str) -> _Share:
    """What `entry` has of a place; of its own it always says which part that is."""
    known = "|".join(map(re.escape, [origin] if origin == entry.name else entry.overlaps))
    ((clips, told, heard),) = connection.execute(
        "SELECT count(*), count(*) FILTER (WHERE regexp_matches(parent, ?)), "
        "list(DISTINCT heard) FROM placed WHERE starts_with(uid, ?)",
        [f"^({known})/", f"{entry.name}/"],
    ).fetchall()
    return _Share(entry.name, clips, clips - told, frozenset(heard or ()))
