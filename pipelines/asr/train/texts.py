"""What the embedded recogniser hears in training: sentences that are none of those it is measured on."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipelines.asr.train import templates

_HERE = Path(__file__).parent
_QUICKSTART = _HERE.parents[1] / "recipes" / "quickstart"

LONGEST = 24  # words in a sentence: longer speech is made by joining sentences


def plain_words(text: str) -> list[str]:
    """Give the words of a text as the model writes them: lower case a-z and inner apostrophes, hyphens split."""
    text = text.lower().replace("\u2019", "'").replace("\u2018", "'")
    return [word for word in (w.strip("'") for w in re.findall(r"[a-z']+", text)) if word]


def normalised(text: str) -> str:
    """Give a text's identity: two texts with the same words are the same sentence."""
    return " ".join(plain_words(text))


def held_out() -> dict[str, list[str]]:
    """Read every text the model is measured on, by set: the held-out sentences, and all that the quickstart recipe
    speaks.
    """
    dialogues = [json.loads(line)["messages"] for line in _lines(_QUICKSTART / "dialogues.jsonl")]
    return {
        "heldout": [*_lines(_HERE / "heldout.txt")],
        "sentences": [*_lines(_QUICKSTART / "sentences.txt")],
        "dialogues": [message["content"] for messages in dialogues for message in messages],
    }


# Quotes and brackets are not spoken; an apostrophe is kept inside a word only. Dashes become the pause they are.
_PLAIN = str.maketrans({"\u2019": "'", "\u2018": "'", "\u2014": ", ", "\u2013": ", "})
_QUOTES = re.compile(r"""["\u201c\u201d()\[\]*_]|--|(?<=\s)'|(?<=[\s,.!?])'(?=\s)""")


@dataclass(frozen=True)
class Corpus:
    """Training text: `written` sentences, the `vocabulary` they and the readers use, and its `rare` words, which need
    more examples.
    """

    written: tuple[str, ...]
    vocabulary: tuple[str, ...]
    rare: tuple[str, ...]
    known: frozenset[str]

    def draw(self, rng: np.random.Generator) -> str:
        """Draw a sentence that is not held out.

        40 % as written; 28 % the beginning of one sentence and the end of another (every few words natural, the whole
        unheard of, so that nothing can be learnt by heart); 14 % with one to three words replaced; 10 % from
        templates; 8 % words in any order.
        """
        while True:
            kind = rng.random()
            if kind < 0.40:
                text = self._written(rng)
            elif kind < 0.54:
                text = self._replaced(rng)
            elif kind < 0.82:
                text = self._spliced(rng)
            elif kind < 0.92:
                text = templates.draw(rng)
            else:
                text = " ".join(self._word(rng) for _ in range(rng.integers(1, 8)))
            if normalised(text) not in self.known and 1 <= len(text.split()) <= LONGEST:
                return text

    def _written(self, rng: np.random.Generator) -> str:
        return self.written[rng.integers(len(self.written))]

    def _word(self, rng: np.random.Generator) -> str:
        words = self.rare if rng.random() < 0.5 else self.vocabulary
        return words[rng.integers(len(words))]

    def _replaced(self, rng: np.random.Generator) -> str:
        tokens = self._written(rng).split()
        for index in rng.choice(len(tokens), size=min(len(tokens), int(rng.integers(1, 4))), replace=False):
            stop = re.search(r"[.,!?;:]*$", tokens[index])
            tokens[index] = self._word(rng) + (stop.group() if stop else "")
        return " ".join(tokens)

    def _spliced(self, rng: np.random.Generator) -> str:
        first, second = self._written(rng).split(), self._written(rng).split()
        return " ".join(first[: rng.integers(1, len(first) + 1)] + second[rng.integers(0, len(second)) :])


def load() -> Corpus:
    """Read every text beside this file (words.txt is one word a line, the others one sentence), less all that is held
    out.
    """
    held = [text for texts in held_out().values() for text in texts]
    known = {normalised(text) for text in held} | {
        normalised(part) for text in held for part in re.split(r"[.!?;]", text)
    }
    paths = [path for path in sorted(_HERE.glob("*.txt")) if path.name not in ("heldout.txt", "words.txt")]
    written = _clean((line for path in paths for line in _lines(path)), known)
    counts = Counter(word for text in written for word in plain_words(text))
    needed = {word for text in held for word in plain_words(text)}
    words = (word for line in _lines(_HERE / "words.txt") for word in plain_words(line))
    vocabulary = sorted({*counts, *needed, *words})
    rare = sorted(word for word in needed if counts[word] < 20)
    return Corpus(tuple(written), tuple(vocabulary), tuple(rare), frozenset(known))


def _clean(lines: Iterable[str], known: set[str]) -> list[str]:
    kept: dict[str, str] = {}
    for line in lines:
        text = _QUOTES.sub(" ", f" {line} ".translate(_PLAIN))
        text = re.sub(r"\s+", " ", text).replace(" ,", ",").strip()
        key = normalised(text)
        if not 1 <= len(key.split()) <= LONGEST or re.search(r"[^A-Za-z' .,!?;:-]", text) or key in known:
            continue
        kept.setdefault(key, text)
    return list(kept.values())


def _lines(path: Path) -> Sequence[str]:
    if not path.exists():
        return []
    return [line.strip() for line in path.read_text("utf-8").splitlines() if line.strip() and not line.startswith("#")]
