"""What was heard is all that a listener can refer to: whether later turns rely on words that were never said."""

import re
from collections.abc import Iterable, Sequence

_WORD = re.compile(r"[^\W\d_]+")
_CJK = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]+")
_LEAST_LETTERS = 5  # shorter words are mostly grammar
_CJK_RUN = 3  # characters; two are often grammar
# Longer words that refer to nothing.
_COMMON = frozenset(
    """about after again because before between could every everything first great however might never often other
    please really right should since something sorry still thank thanks their there these thing things think those
    under until where which while would anything your yours""".split()  # noqa: SIM905  # one word after the other is read more easily
)


def content(text: str) -> set[str]:
    """What of a text one can refer to: its longer words in lower case, and runs of Chinese or Japanese characters."""
    words = {w.lower() for w in _WORD.findall(text) if len(w) >= _LEAST_LETTERS and not _CJK.match(w)}
    runs = {run[n : n + _CJK_RUN] for run in _CJK.findall(text) for n in range(len(run) - _CJK_RUN + 1)}
    return (words - _COMMON) | runs


def relied_on(unsaid: str, said: Iterable[str], later: Sequence[tuple[bool, str]]) -> str | None:
    """A word of `unsaid` that a later turn of the user's uses although nobody has said it by then; None where there is
    none. `later` has (whether it is the user's, text) of the turns to come, in order."""
    missing = content(unsaid).difference(*(content(text) for text in said))
    for is_user, text in later:
        used = missing & content(text)
        if is_user and used:
            return min(used)
        missing -= used
    return None
