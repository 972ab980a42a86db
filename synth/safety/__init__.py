"""What no dialogue may be about: a lexicon, a classifier and, where one is named, a moderation endpoint.

`Safety(params, lexicon).judge(dialogue)` says what is unsafe of a dialogue, by its worst turn. A turn counts whoever
says it: a refusal does not mend the question before it, for the user is still heard to ask it.
"""

from turnmill.synth.safety.judge import Safety
from turnmill.synth.safety.params import SafetyParams

__all__ = ["Safety", "SafetyParams"]
