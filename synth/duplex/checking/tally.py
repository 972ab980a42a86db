"""How the checks of a dialogue are counted, and how far off a time may be."""

from dataclasses import dataclass, field

from turnmill.synth.channels import ASSISTANT
from turnmill.synth.duplex.checking.evidence import Evidence

TOLERANCE_MS = 40.0
"""A time that is further off is a violation; 99 of 100 are to be within 30 ms (docs/turn-taking.md)."""
NOISY_TOLERANCE_MS = 150.0
"""The same where the user is timed in noise, which hides quiet onsets and decays."""


LEVEL_TOLERANCE_DB = 2.0
"""A level that is further off is a violation: that of a short sound depends on where it is taken to end."""


@dataclass(frozen=True)
class Violation:
    """A check that failed: what was found, and the figure that was measured where there is one."""

    check: str
    detail: str
    measured: float | None


@dataclass
class Tally:
    """The checks made so far, and those that failed."""

    checks: int = 0
    violations: list[Violation] = field(default_factory=list)

    def expect(self, holds: bool, check: str, detail: str, measured: float | None = None) -> bool:
        """Count a check, and keep it where it does not hold, with the figure that was measured in the unit that
        `detail` says."""
        self.checks += 1
        if not holds:
            self.violations.append(Violation(check, detail, measured))
        return holds


def limit_ms(evidence: Evidence, channel: int) -> float:
    """How far a time on a channel may be off, in ms."""
    return TOLERANCE_MS if channel == ASSISTANT or evidence.exact else NOISY_TOLERANCE_MS
