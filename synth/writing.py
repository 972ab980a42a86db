"""In which scripts a text is written, counted in words: a Han, kana or Hangul character is a word of its own."""

import re
from collections import Counter

from turnmill.manifests.letters import script

_WRITTEN_APART = frozenset({"CJK", "HIRAGANA", "KATAKANA", "HANGUL"})  # each character is a word
_SYMBOL = re.compile(r"(?<![\u0370-\u03ff\u1f00-\u1fff])[\u00b5\u0391-\u03c9](?![\u0370-\u03ff\u1f00-\u1fff])")
_RUN = re.compile(r"[^\W\d_]+")  # also holds superscripts


def words_by_script(text: str) -> Counter[str]:
    """How many words of each script (as Unicode's character names begin) a text has. A Greek letter alone, as π and in
    µm, is a sign that any language uses."""
    words: Counter[str] = Counter()
    for run in _RUN.findall(_SYMBOL.sub(" ", text)):
        if run.isascii():
            words["LATIN"] += 1
            continue
        before = ""
        for char in run:
            found = script(char)
            if found and (found != before or found in _WRITTEN_APART):
                words[found] += 1
            before = found or before
    return words
