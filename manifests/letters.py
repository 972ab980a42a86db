"""Of which script a character is."""

import unicodedata
from functools import lru_cache


@lru_cache(maxsize=8192)
def script(char: str) -> str:
    """The first word of the character's Unicode name; "" for what is no letter, or one that many scripts share."""
    if not char.isalpha():
        return ""
    name = unicodedata.name(char, "").replace("-", " ").split(" ")[0]
    if name in ("MODIFIER", "MATHEMATICAL", "FEMININE", "MASCULINE", "SCRIPT", "DOUBLE"):
        return ""
    return {"FULLWIDTH": "LATIN", "HALFWIDTH": "KATAKANA"}.get(name, name)
