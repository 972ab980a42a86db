"""Mandarin as espeak-ng 1.52 must be given it.

Its Mandarin rules lack two syllables of its own dictionary, and it spells them aloud in English instead ("xiong
two"): the rhyme of 雄, 穷 and 炯, and the r that 儿 adds to the syllable before it. Every other syllable of the
dictionary is said. The first is given as phonemes, the second as the syllable er, which 而 always is.
"""

import re

# The characters of the dictionary with that rhyme, by phonemes and tone (pitch from 1, low, to 5).
_IONG = {
    "S;j'ong55": "兄兇凶匈哅忷恟汹洶胷胸訩詾讻賯",
    "S;j'ong35": "熊赨雄",
    "S;j'ong51": "夐敻詗诇",
    "tS;hj'ong55": "匔焪芎",
    "tS;hj'ong35": "儝卭宆惸桏棾橩焭煢琼瓊睘瞏穷穹窮竆笻筇茕藑藭蛩赹跫輁邛銎",
    "tS;j'ong55": "冂冋坰埛扃蘏蘔駫",
    "tS;j'ong214": "侰僒冏囧幜泂炯烱煚煛熲皛窘絅綗褧迥逈顈颎駉",
    "tS;j'ong51": "澃",
}
_SAID = {character: f"[[{phonemes}]]" for phonemes, characters in _IONG.items() for character in characters}
_ER = re.compile("[儿兒](?!子)")  # that of 儿子, son, is in the rules


def respelt(text: str) -> tuple[str, list[int]]:
    """`text` with what espeak cannot read written as it can, phonemes in double brackets, and for each character of
    the result the place in `text` that it stands for."""
    pieces = [_SAID.get(character, character) for character in _ER.sub("而", text.replace("[[", "(("))]
    return "".join(pieces), [place for place, piece in enumerate(pieces) for _ in piece]
