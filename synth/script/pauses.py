"""Where a speaker pauses inside a turn, and says "um": where a clause or a phrase begins, never inside one."""

import re

from turnmill.synth.phrases import Phrases
from turnmill.synth.script import numerals
from turnmill.synth.tokens import prefix, tokens

# What a word that leads on is one with: "so much", "that is", "as long as", a name.
_SET = re.compile(
    r"(?:much|many|far|long|well|good|great|is|was|are|were|will|would|could|should|sounds?|works?|as|that|uh|um)\b|(?!I\b)[A-Z]"
)
# Of numbers and dates nobody loses the thread.
_NUMBER = re.compile(rf"(?:{numerals.ENGLISH}|half)\b|{numerals.CHINESE}", re.IGNORECASE)


def pause_points(text: str, phrases: Phrases) -> list[int]:
    """Counts of tokens after which a speaker may pause: at least two on either side, no punctuation before, after words
    that lead on ("and", "to"). Where there are none, before a word with which a phrase begins ("for", "when"), but for
    one that belongs to the word before it ("looking for")."""
    parts = tokens(text)
    inside = [n for n in range(2, len(parts) - 1) if parts[n - 1][-1].isalpha() and not _NUMBER.match(parts[n])]
    if not phrases.words_apart:
        return [n for n in inside if prefix(text, n).endswith(tuple(phrases.leads_to_pause))]
    words = [part.lower() for part in parts]
    leading = [n for n in inside if words[n - 1] in phrases.leads_to_pause and not _SET.match(parts[n])]
    bound = phrases.binds | phrases.begins
    return leading or [n for n in inside if words[n] in phrases.begins and words[n - 1] not in bound]
