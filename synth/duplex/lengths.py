"""The lengths, in samples at 24 kHz, by which dialogues are planned, checked and measured alike."""

from typing import Final

from turnmill.synth.channels import RATE

IPU_GAP: Final = RATE // 5
"""Silence of 200 ms ends an inter-pausal unit (docs/turn-taking.md)."""

BRIDGE: Final = RATE // 25
"""Silences of 40 ms or more within a line count as silence; shorter ones are closures of a plosive."""

PRE: Final = RATE // 100
POST: Final = RATE * 3 // 100
"""What is kept of a line before and after its speech, faded: its quietest onset and decay."""

LONGEST_BACKCHANNEL: Final = RATE
LONGEST_ATTEMPT: Final = RATE
"""A backchannel, and a barge-in that fails, are over within 1 s (docs/turn-taking.md)."""

NEAR: Final = RATE // 2
"""The party that keeps the floor is active within 0.5 s of the start of either."""

COOPERATIVE: Final = RATE * 4 // 5
"""An overlap of 0.8 s or more is another event than a cooperative one (docs/turn-taking.md)."""
