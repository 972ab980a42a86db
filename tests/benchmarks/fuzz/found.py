"""What comes of mutants of a corpus, and the loop over them: what the scripts beside this one share."""

import argparse
import faulthandler
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

HANGS_S = 30  # of the processor
SLEEPS_S = 600  # of a clock, on however busy a machine


class _Named(Protocol):
    @property
    def name(self) -> str: ...


_Sample = TypeVar("_Sample", bound=_Named)


@dataclass
class Found:
    """What came of the mutants of a sample. `refused`: those that are refused by a sentence. `untouched`, `read`: rows
    that were not damaged, and of them those that were read as they are. `beyond`: clips that are neither one of those
    nor in the place of a damaged one. `failed`: what raised, hung, was lost or wrong, with the number of the mutant."""

    mutants: int = 0
    refused: int = 0
    untouched: int = 0
    read: int = 0
    beyond: int = 0
    rejects: int = 0
    seconds: float = 0.0
    failed: list[str] = field(default_factory=list)

    @property
    def share(self) -> float:
        return self.read / self.untouched if self.untouched else 1.0

    def __str__(self) -> str:
        return (
            f"{self.mutants:5} mutants in {self.seconds:4.0f} s, {self.refused:4} refused, {len(self.failed)} failed: "
            f"{self.read:7,} of {self.untouched:7,} untouched rows read ({self.share:.2%}), {self.beyond} beyond, "
            f"{self.rejects:,} rejects"
        )


def fuzzed(
    samples: Sequence[_Sample], one: Callable[[_Sample, int, Found], None], numbers: Iterable[int]
) -> dict[str, Found]:
    """What came of the mutants of some numbers, by the name of their sample; each sample has every so many-th.

    `one` reads a mutant, counts it, and raises whatever is wrong with how it is read.
    """

    def hangs(*_: object) -> None:
        raise TimeoutError(f"it is still read after {HANGS_S} s")

    signal.signal(signal.SIGPROF, hangs)
    signal.signal(signal.SIGALRM, hangs)
    every = {sample.name: Found() for sample in samples}
    for number in numbers:
        sample = samples[number % len(samples)]
        found, begun = every[sample.name], time.process_time()
        found.mutants += 1
        signal.setitimer(signal.ITIMER_PROF, HANGS_S)
        signal.alarm(SLEEPS_S)
        try:
            one(sample, number, found)
        except Exception:  # noqa: BLE001  # whatever it is, it is what is looked for
            found.failed.append(f"{sample.name} mutant {number}: {traceback.format_exc()}")
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.alarm(0)
        found.seconds += time.process_time() - begun
    return every


def together(every: Mapping[str, Found]) -> Found:
    """All samples as one."""
    whole = Found()
    for found in every.values():
        for name, value in vars(found).items():
            setattr(whole, name, getattr(whole, name) + value)
    return whole


def main(doc: str | None, fuzz: Callable[[Iterable[int], int], dict[str, Found]]) -> None:
    """Run a script, and say what came of it; the status is 1 where anything failed."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mutants", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, help="the number of the one mutant that is read")
    options = parser.parse_args()
    faulthandler.enable()
    every = fuzz(range(options.mutants) if options.only is None else [options.only], options.seed)
    whole = together(every)
    print(*whole.failed[:20], sep="\n")
    for name, found in every.items():
        print(f"{name:18} {found}")
    print(f"{'all':18} {whole}")
    sys.exit(bool(whole.failed))
