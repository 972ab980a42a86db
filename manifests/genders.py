"""Who is heard, a woman or a man, as corpora say it: one table of their words."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal, get_args

Gender = Literal["female", "male"]

_MEANT: Final[Mapping[str, Gender]] = {
    **dict.fromkeys(("f", "female", "woman", "feminine", "female_feminine", "女"), "female"),
    **dict.fromkeys(("m", "male", "man", "masculine", "male_masculine", "男"), "male"),
}
_COLUMNS: Final = ("gender", "sex")


def gender_of(native: str | None, tags: Iterable[str] | None) -> Gender | None:
    """That of a row of `clips`, by the columns `gender` or `sex` of its corpus (`native`, JSON), else by a tag; None
    where nobody says it, or in words that are not known."""
    said: Any = json.loads(native or "{}")
    for column in _COLUMNS:
        if said.get(column) is not None:
            return _MEANT.get(str(said[column]).strip().lower())
    found = set(get_args(Gender)).intersection(tags or ())
    return found.pop() if len(found) == 1 else None
