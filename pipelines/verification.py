"""`turnmill verify`: the training shards as users get them, against their labels and tables; and every stage's books.

Damage is never an error here: it is a violation, a sentence that names the shard and the key of the sample.
"""

import heapq
import math
import tarfile
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from rich.console import Console

from turnmill.manifests.audio import Audio
from turnmill.manifests.errors import UsageError
from turnmill.manifests.funnel import check_ledger
from turnmill.manifests.index import Index
from turnmill.manifests.query import connect
from turnmill.manifests.records import stable_hash
from turnmill.manifests.schema import DIALOGUE, SHARDS
from turnmill.manifests.store import Store, part_name, rows
from turnmill.manifests.wording import plural
from turnmill.pipelines.shards import MALFORMED, DamageError, Held, audio_of, first_line, labels_of, read_samples
from turnmill.synth.duplex.checking.check import Report, check

_TABLE = DIALOGUE.samples

Rows = Mapping[str, Mapping[str, Any]]  # of dialogue_samples, by key


@dataclass(frozen=True)
class Verification:
    """What was found. `violations` are sentences that begin with the shard or stage; none is a pass.

    `dialogues` were checked; `sampled_from` is how many there are where only a sample was to be checked, else None.
    """

    dialogues: int
    hours: float
    checks: int
    violations: tuple[str, ...]
    onset_error_ms: tuple[float, ...]
    offset_error_ms: tuple[float, ...]
    snr_error_db: tuple[float, ...]
    sampled_from: int | None


@dataclass
class _Findings:
    violations: list[str]
    onset: list[float] = field(default_factory=list)
    offset: list[float] = field(default_factory=list)
    snr: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    checks: int = 0

    def add(self, report: Report, audio: Audio) -> None:
        self.checks += report.checks
        self.seconds.append(audio.duration)
        self.onset += report.onset_error_ms
        self.offset += report.offset_error_ms
        self.snr += [] if report.snr_error_db is None else [report.snr_error_db]

    def result(self, sampled_from: int | None) -> Verification:
        errors = (tuple(self.onset), tuple(self.offset), tuple(self.snr))
        hours = math.fsum(self.seconds) / 3600
        return Verification(len(self.seconds), hours, self.checks, tuple(self.violations), *errors, sampled_from)


Tell = Callable[[int, float], None]
"""What is told how many dialogues were checked, and what share of the work that is."""


def verify_output(store: Store, sample: int | None = None, tell: Tell = lambda _, __: None) -> Verification:
    """Check the dialogues of the training shards, from audio and JSON alone, the shards against `dialogue_samples`, and
    the ledger.

    With `sample`, so many dialogues only, the same ones every time (chosen by hash), and the shards that hold them.
    Raises UsageError for a folder that is not an output, or not a finished one.
    """
    index = Index.load(store)
    found = _Findings(_books(store, index))
    folder = _folder(index)
    names = _shards(store, folder)
    total, chosen = (None, None) if sample is None else _chosen(store, folder, names, sample)
    mine = [name for name in names if chosen is None or name in chosen]
    for number, name in enumerate(mine):

        def tell_inside(share: float, number: int = number) -> None:
            tell(len(found.seconds), (number + share) / len(mine))

        _verify_shard(store, folder, name, None if chosen is None else chosen[name], found, tell_inside)
    return found.result(total)


def _books(store: Store, index: Index) -> list[str]:
    try:
        connection = connect(store, index)
        return [f"ledger: {sentence}" for sentence in check_ledger(connection)] + _contamination(connection)
    except duckdb.Error as error:
        return [f"ledger: a table cannot be read: {first_line(error)}"]


def _contamination(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """What is in two splits of the dialogues, although a model may be trained on one and tested on the other: a user's
    voice, a recording of noise, a text."""
    crossing = """SELECT {name}, string_agg(DISTINCT split, ', ' ORDER BY split) FROM ({rows}) WHERE {name} IS NOT NULL
        GROUP BY {name} HAVING count(DISTINCT split) > 1 ORDER BY {name} LIMIT 3"""
    texts = """SELECT min(split) AS split, string_agg(text_planned, ' / ' ORDER BY index) AS text
        FROM turns JOIN dialogues ON dialogue = id WHERE take = 0 GROUP BY dialogue"""
    selected = "dialogues SEMI JOIN dialogue_samples ON id = uid"
    found = [
        ("voice", "user_voice", f"SELECT user_voice, split FROM {selected}"),
        ("noise", "noise", f"SELECT noise, split FROM {selected} WHERE noise <> 'white'"),
        ("text", "text", texts),
    ]
    return [
        f"splits: the {what} {str(value)[:60]!r} is in {splits}"
        for what, name, rows in found
        for value, splits in connection.execute(crossing.format(name=name, rows=rows)).fetchall()
    ]


def _folder(index: Index) -> str | None:
    """Fingerprint of the dialogue shards; None for a recipe that makes none."""
    maker = index.maker(_TABLE)
    return None if maker is None else maker.fingerprint


def _shards(store: Store, folder: str | None) -> list[str]:
    """Names, without an extension, of the dialogue shards that are there or in the table."""
    if folder is None:
        return []
    tars = {name for name in store.names(f"{SHARDS}/{folder}") if name.endswith(".tar")}
    parts = {name for name in store.names(f"{_TABLE}/{folder}") if name.endswith(".parquet")}
    names = sorted({name.rsplit("/", 1)[-1].rpartition(".")[0] for name in tars | parts})
    if not names:
        raise UsageError(f"{store.url} has no dialogue shards yet: run its recipe to the end first")
    return names


def _rows(store: Store, folder: str, name: str) -> Rows:
    part = part_name(_TABLE, folder, name)
    try:
        return {row["key"]: row for row in rows(store.read_part(part))}
    except FileNotFoundError:
        raise DamageError(f"{_TABLE} does not name this shard") from None
    except (OSError, KeyError, pa.ArrowException) as error:
        raise DamageError(f"{part} cannot be read: {first_line(error)}") from error


def _chosen(store: Store, folder: str | None, names: list[str], sample: int) -> tuple[int, dict[str, set[str]]]:
    """How many dialogues there are, and the keys of a sample of them by shard. A shard whose rows cannot be read is
    there with no key, so that it is looked at."""
    total, picked = 0, list[tuple[str, str, str]]()
    chosen: dict[str, set[str]] = {}
    for name in names:
        try:
            keys = _rows(store, folder or "", name).keys()
        except DamageError:
            chosen[name] = set()
            continue
        total += len(keys)
        picked = heapq.nsmallest(sample, [*picked, *((stable_hash("verify", key), name, key) for key in keys)])
    for _, name, key in picked:
        chosen.setdefault(name, set()).add(key)
    return total, chosen


def _verify_shard(
    store: Store,
    folder: str | None,
    name: str,
    chosen: Set[str] | None,
    found: _Findings,
    tell: Callable[[float], None],
) -> None:
    """Check a shard's samples (of `chosen` keys only, where given), and that they are those of its rows; `tell` is told
    what share is done."""
    tar = f"{name}.tar"

    def report(sentence: str) -> None:
        found.violations.append(f"{tar}: {sentence}")

    try:
        known: Rows | None = _rows(store, folder or "", name)
    except DamageError as damage:
        known = None
        report(str(damage))
    last, seen = "its start", set[str]()
    try:
        with store.open(f"{SHARDS}/{folder}/{tar}") as file:
            for held in read_samples(file, lambda key: chosen is None or key in chosen):
                last = f"the sample {held.key!r}"
                twice, foreign = held.key in seen, known is not None and held.key not in known
                seen.add(held.key)
                if twice or foreign:
                    report(f"{last} is there twice" if twice else f"{last} is not in {_TABLE}")
                if chosen is None or held.key in chosen:
                    _verify_sample(held, tar, (known or {}).get(held.key), found)
                tell(min(len(seen) / max(len(known or ()), 1), 1.0))
    except FileNotFoundError:
        report("the shard is missing")
    except (OSError, tarfile.TarError) as error:
        report(f"the shard breaks off after {last}: {first_line(error)}")
    lost = [key for key in known or () if key not in seen]
    if lost:
        report(f"{plural(len(lost), 'sample')} missing that {_TABLE} names: {_some(lost)}")


def _verify_sample(held: Held, tar: str, row: Mapping[str, Any] | None, found: _Findings) -> None:
    name = f"{tar}, {held.key!r}"
    found.violations += [f"{name}: the member {member!r} belongs to no sample" for member in held.unknown]
    try:
        labels = labels_of(held)
        name += f", dialogue {labels.get('id')!r}"
        audio = audio_of(held, "flac", labels)
        clean = audio_of(held, "user.flac", labels).samples[0] if "user.flac" in held.members else None
        report = _report(labels, audio, clean)
    except DamageError as damage:
        found.violations.append(f"{name}: {damage}")
        return
    found.add(report, audio)
    found.violations += [f"{name}: {violation.check}: {violation.detail}" for violation in report.violations]
    if row is not None:
        here = {"uid": labels.get("id"), "duration": labels["duration"], "shard": tar}
        here |= {"offset": held.offset, "size": held.size}
        found.violations += [
            f"{name}: {_TABLE} says {field} {row[field]!r}, the shard {value!r}"
            for field, value in here.items()
            if row[field] != value
        ]


def _report(labels: Mapping[str, Any], audio: Audio, clean: np.ndarray[Any, np.dtype[np.float32]] | None) -> Report:
    try:
        return check(labels, audio.samples, clean)
    except KeyError as error:
        raise DamageError(f"its .json lacks the key {error}") from error
    except MALFORMED as error:
        raise DamageError(f"its .json holds a value that is no label: {first_line(error)}") from error


def print_verification(found: Verification, console: Console) -> None:
    def say(sentence: str) -> None:
        console.print(sentence, highlight=False, markup=False, soft_wrap=True)

    checked = plural(found.dialogues, "dialogue")
    if found.sampled_from is not None:
        checked = f"{found.dialogues} of {plural(found.sampled_from, 'dialogue')}"
    chosen = "" if found.sampled_from is None else " (a sample, chosen by hash)"
    say(
        f"{checked}{chosen}, {found.hours:.2f} h, {plural(found.checks, 'check')}, "
        f"{plural(len(found.violations), 'violation')}"
    )
    for name, errors, unit in (
        ("onset error", found.onset_error_ms, "ms"),
        ("offset error", found.offset_error_ms, "ms"),
        ("SNR error", found.snr_error_db, "dB"),
    ):
        if errors:
            sizes = np.abs(errors)
            say(
                f"{name}: median {np.median(sizes):.2f} {unit}, p99 {np.percentile(sizes, 99):.2f} {unit}, "
                f"largest {sizes.max():.2f} {unit}"
            )
    for sentence in found.violations:
        say(f"violation: {sentence}")


def _some(keys: list[str]) -> str:
    """The first keys of many."""
    rest = f" and {len(keys) - 3} more" if len(keys) > 3 else ""
    return ", ".join(repr(key) for key in keys[:3]) + rest
