"""`turnmill verify`: the training shards as users get them, against their labels; and the books of every stage."""

import json
import math
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.console import Console

from manifests.errors import UsageError
from manifests.funnel import check_ledger
from manifests.index import Index
from manifests.query import connect
from manifests.store import Store
from sources.audio import decode
from synth.duplex.verify import check


@dataclass(frozen=True)
class Verification:
    """What was found. `violations` are sentences that begin with the dialogue or stage; none is a pass."""

    dialogues: int
    hours: float
    checks: int
    violations: tuple[str, ...]
    onset_error_ms: tuple[float, ...]
    offset_error_ms: tuple[float, ...]
    snr_error_db: tuple[float, ...]


def verify_output(store: Store) -> Verification:
    """Check every dialogue of the training shards, from audio and JSON alone, and the ledger.

    Raises UsageError for a folder that is not an output, or not a finished one.
    """
    index = Index.load(store)
    violations = [f"ledger: {sentence}" for sentence in check_ledger(connect(store, index))]
    onset: list[float] = []
    offset: list[float] = []
    snr: list[float] = []
    dialogues = checks = 0
    seconds: list[float] = []
    for sample in dialogue_samples(store, index):
        labels = json.loads(sample["json"])
        audio = decode(sample["flac"], labels["id"])
        clean = decode(sample["user.flac"], labels["id"]).samples[0] if "user.flac" in sample else None
        report = check(labels, audio.samples, clean)
        dialogues += 1
        checks += report.checks
        seconds.append(audio.duration)
        violations += [f"{labels['id']}: {found.check}: {found.detail}" for found in report.violations]
        onset += report.onset_error_ms
        offset += report.offset_error_ms
        snr += [] if report.snr_error_db is None else [report.snr_error_db]
    hours = math.fsum(seconds) / 3600
    return Verification(dialogues, hours, checks, tuple(violations), tuple(onset), tuple(offset), tuple(snr))


def dialogue_samples(store: Store, index: Index) -> Iterator[dict[str, bytes]]:
    """Each dialogue of the training shards: extension -> bytes, read as any WebDataset reader would."""
    maker = index.maker("dialogue_samples")
    if maker is None:
        return
    names = [name for name in store.names(f"shards/{maker.fingerprint}") if name.endswith(".tar")]
    if not names:
        raise UsageError(f"{store.url} has no dialogue shards yet: run its recipe to the end first")
    for name in names:
        sample: dict[str, bytes] = {}
        last = None
        with store.open(name) as file, tarfile.open(fileobj=file, mode="r|") as tar:
            for member in tar:
                key, _, extension = member.name.partition(".")
                if last not in (None, key):
                    yield sample
                    sample = {}
                last = key
                extracted = tar.extractfile(member)
                sample[extension] = b"" if extracted is None else extracted.read()
        if sample:
            yield sample


def print_verification(found: Verification, console: Console) -> None:
    console.print(
        f"{found.dialogues} dialogues, {found.hours:.2f} h, {found.checks} checks, {len(found.violations)} violations",
        highlight=False,
    )
    for name, errors, unit in (
        ("onset error", found.onset_error_ms, "ms"),
        ("offset error", found.offset_error_ms, "ms"),
        ("SNR error", found.snr_error_db, "dB"),
    ):
        if errors:
            sizes = np.abs(errors)
            console.print(
                f"{name}: median {np.median(sizes):.2f} {unit}, p99 {np.percentile(sizes, 99):.2f} {unit}, "
                f"largest {sizes.max():.2f} {unit}",
                highlight=False,
            )
    for sentence in found.violations:
        console.print(f"violation: {sentence}", highlight=False, markup=False)


def listening_page(store: Store, count: int) -> str:
    """Write the first dialogues as one HTML page; returns its path."""
    from dashboards.listening import Example, page

    examples: list[Example] = []
    for sample in dialogue_samples(store, Index.load(store)):
        labels: dict[str, Any] = json.loads(sample["json"])
        examples.append(Example(labels, sample["flac"], decode(sample["flac"], labels["id"]).samples))
        if len(examples) == count:
            break

    store.write("listen.html", page(examples).encode())
    return store.path("listen.html")
