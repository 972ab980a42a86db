"""Samples of a dataset that its card lets one hear: short, and with something happening in them."""

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from turnmill.manifests.index import Index
from turnmill.manifests.schema import HALVES
from turnmill.manifests.store import Store
from turnmill.manifests.wording import kind_name, visible

FOLDER = "listen"
_MOST_S = 60.0  # a longer one is no example
_EXAMPLES = 2
_CORPORA = 6  # of which one hears a clip, where there are several
_SHORT = 4  # the shortest quarter is looked at


@dataclass(frozen=True)
class Example:
    """`name` is the path of the audio, as it lies in its shard; `lines` are who says what: (speaker, heard, unsaid)."""

    name: str
    audio: bytes
    title: str
    lines: tuple[tuple[str, str, str], ...]


def examples(store: Store, index: Index, connection: duckdb.DuckDBPyConnection) -> list[Example]:
    """Two dialogues, or two clips where there are none, or one of each corpus; fewer where there are fewer of up to a
    minute."""
    return _dialogues(store, index, connection) or _clips(store, index, connection)


def _dialogues(store: Store, index: Index, connection: duckdb.DuckDBPyConnection) -> list[Example]:
    """Of the short ones those in which most happens, one with a barge-in first."""
    rows = connection.execute(
        f"""WITH short AS (
                SELECT *, row_number() OVER (ORDER BY duration, uid) AS place, count(*) OVER () AS n
                FROM dialogue_samples WHERE duration <= {_MOST_S}
            ), told AS (
                SELECT dialogue AS uid, list_sort(list(DISTINCT kind)) AS kinds, bool_or(kind = 'barge_in') AS cut
                FROM events WHERE kind NOT IN ('turn_shift', 'echo') GROUP BY dialogue
            )
            SELECT uid, shard, key, codec, "offset", "size", duration, kinds
            FROM short LEFT JOIN told USING (uid) WHERE place <= greatest({_EXAMPLES}, n // {_SHORT})
            ORDER BY coalesce(cut, false) DESC, coalesce(len(kinds), 0) DESC, duration, uid LIMIT {_EXAMPLES}"""
    ).fetchall()
    found = []
    for uid, shard, key, codec, offset, size, duration, kinds in rows:
        turns = connection.execute(
            "SELECT speaker, coalesce(text_heard, ''), coalesce(text_planned, text_heard, '') FROM turns "
            'WHERE dialogue = ? ORDER BY "index"',
            [uid],
        ).fetchall()
        lines = tuple((speaker, heard, planned.removeprefix(heard)) for speaker, heard, planned in turns)
        what = ", ".join(kind_name(kind) for kind in kinds or ())
        title = f"{duration:.0f} s" + (f", with {what}" if what else "")
        audio = _audio(store, index, "dialogue", shard, offset, size)
        found.append(Example(f"{FOLDER}/{key}.{codec}", audio, title, lines))
    return found


def _clips(store: Store, index: Index, connection: duckdb.DuckDBPyConnection) -> list[Example]:
    """Clips of a middle length of which something is said: one of each corpus, or two of one."""
    rows = connection.execute(
        f"""WITH said AS (
                SELECT samples.shard, samples.key, samples.codec, samples."offset", samples."size", samples.duration,
                       uid, corpus, coalesce(nullif(clips.text, ''), heard.consensus_text, '') AS text,
                       list_concat(captions, tags) AS words
                FROM clip_samples AS samples JOIN clips USING (uid)
                    LEFT JOIN (SELECT uid, consensus_text FROM consensus) AS heard USING (uid)
                WHERE samples.duration <= {_MOST_S}
            ), placed AS (
                SELECT *, row_number() OVER (PARTITION BY corpus ORDER BY abs(duration - 5), uid) AS place,
                       count(DISTINCT corpus) OVER () AS corpora
                FROM said WHERE text <> '' OR len(words) > 0
            )
            SELECT shard, key, codec, "offset", "size", duration, text, words, corpus FROM placed
            WHERE place <= if(corpora > 1, 1, {_EXAMPLES}) ORDER BY place, corpus LIMIT {_CORPORA}"""
    ).fetchall()
    return [
        Example(
            f"{FOLDER}/{key}.{codec}",
            _audio(store, index, "speech", shard, offset, size),
            f"{_length(duration)}, from {corpus}",
            (("text", text, "") if text else ("heard", ", ".join(words), ""),),
        )
        for shard, key, codec, offset, size, duration, text, words, corpus in rows
    ]


def _length(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds >= 1 else f"{seconds:.1f} s"


def _audio(store: Store, index: Index, half: str, shard: str, offset: int, size: int) -> bytes:
    maker = index.maker(HALVES[half].samples)
    assert maker is not None  # its table has rows
    with store.open(f"{maker.shards}/{shard}") as file:
        file.seek(offset)
        return file.read(size)


def heard(found: Sequence[Example], half: str) -> str:
    """The examples as Markdown with players. What is said is text, and never markup."""
    if not found:
        return ""
    how = "Left: the assistant. Right: the user, as a microphone hears it. Struck out: cut off by the other party."
    lines = ["## Listen", "", *([how, ""] if half == "dialogue" else [])]
    for example in found:
        lines += [f'<audio controls preload="none" src="{example.name}"></audio>', "", f"*{plain(example.title)}*", ""]
        for speaker, heard, unsaid in example.lines:
            rest = f" <del>{plain(unsaid)}</del>" if unsaid.strip() else ""
            lines += [f"> **{plain(speaker)}** {plain(heard)}{rest}<br>"]
        lines += [""]
    return "\n".join(lines)


def plain(text: str) -> str:
    """A text that Markdown shows as it is, on one line."""
    escaped = html.escape(visible(" ".join(text.split())), quote=False)
    return re.sub(r"([\\`*_{}\[\]()#+!|~:@$-])", r"\\\1", escaped)
