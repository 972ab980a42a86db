"""What was heard is all that a listener can refer to: whether later turns rely on words that were never said."""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

_WORD = re.compile(r"[^\W\d_]+")
_CJK = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]+")
# Words that refer to nothing: what is left of a turn without them is what it is about.
_COMMON = frozenset(
    """a about after again all also am an and any anything are as at back be because been before but by can could did do
    does doing don done down each else even ever every everything few first for from get go going good got great had
    has have he her here him his how however i if in into is isn it its just kind know last let like ll look lot made
    make many may maybe me mean might more most much my need never new next no not nothing now of off often oh ok okay
    on one only or other our out over own please pretty put quite re really right s said same say see she should so
    some something sorry still such sure t take tell than thank thanks that the their them then there these they thing
    things think this those thought three time to too try two under until up us use ve very want was way we well were
    what when where which while who why will with without won would yeah yes yet you your yours""".split()  # noqa: SIM905
)
# Characters of grammar: a run of two with one of them is seldom a name for something.
_CJK_COMMON = frozenset(
    "的了是在有和就不也都这那我你他她它们吗呢吧啊很好要会能可以么什怎样个一上下来去说到没着过给把被让对从还再又但而或与及其之为所如"
)

_CJK_FREQUENT = frozenset("时多大小人天年想看最知道吃家里几以所因为然后只点些还非常觉得样做现")


@lru_cache(maxsize=1 << 14)  # a turn is looked at again beside each dialogue that may borrow it
def content(text: str) -> frozenset[str]:
    """What of a text one can refer to: its words but for those of grammar, in lower case, and pairs of Chinese or
    Japanese characters."""
    words = {word.lower() for word in _WORD.findall(text) if not _CJK.match(word)}
    pairs = {run[n : n + 2] for run in _CJK.findall(text) for n in range(len(run) - 1)}
    return frozenset(words - _COMMON).union(pair for pair in pairs if not _CJK_COMMON & set(pair))


def roots(text: str) -> set[str]:
    """The same by the first letters of each word, and by single characters: what another form of a word has as well."""
    alone = {sign for run in _CJK.findall(text) for sign in run} - _CJK_COMMON - _CJK_FREQUENT
    return alone | {word[:5] for word in content(text) if not _CJK.match(word)}


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
