"""The two channels of a dialogue, and the rate of everything on them."""

from typing import Final

RATE: Final = 24_000
"""Hz: samples per second of everything that is planned, rendered, delivered and measured."""

ASSISTANT: Final = 0
USER: Final = 1
"""The channels."""
