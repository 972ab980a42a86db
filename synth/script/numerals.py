"""Numbers as they are said, for patterns that look for one."""

from typing import Final

ENGLISH: Final = (
    r"one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\w+teen|"
    r"(?:twen|thir|for|fif|six|seven|eigh|nine)ty|hundred|thousand|million|first|second|third|\w+th|noon|midnight"
)
"""Alternatives of one word."""

CHINESE: Final = "[零一二两三四五六七八九十百千万]"
