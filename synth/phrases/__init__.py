"""What people say around the turns of a written dialogue: short phrases that the scripts of every language need.

`stock` composes phrases from templates; a language is a module of templates (`english`, `chinese`) and its entry in
`PHRASES`.
"""

from collections.abc import Mapping

from turnmill.synth.phrases.chinese import CHINESE
from turnmill.synth.phrases.english import ENGLISH
from turnmill.synth.phrases.stock import Nodding, PhraseKind, Phrases

__all__ = ["PHRASES", "Nodding", "PhraseKind", "Phrases"]

PHRASES: Mapping[str, Phrases] = {"en": ENGLISH, "zh": CHINESE}
"""By the first part of a BCP 47 tag. In other languages a dialogue has its turns, and the sounds that need no words."""
