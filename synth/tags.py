"""Inline tags of speech models: sounds and emphasis that a text asks for (docs/engines.md), which are no words."""

import re
from collections.abc import Callable

TAG = re.compile(
    r"\[(?:breath|quick_breath|laughter|cough|sigh|noise|vocalized-noise|lipsmack|mn|clucking|hissing|accent)\]"
    r"|</?(?:laughter|strong)>"
)
"""The tags of `cosyvoice/tokenizer/tokenizer.py` (commit ace7c47), as written."""

_STAND_IN = "\ua500"  # of a tag, for a rewriter: a letter of a script (Vai) that no rule, list or voice here knows
_TAGS = re.compile(rf"(?P<before>\s*)(?P<tags>(?:{TAG.pattern})(?:\s*(?:{TAG.pattern}))*)(?P<after>\s*)")
_MARK = r"[,.;:?!，。；：？！、]+"
_TAGS_AND_MARKS = re.compile(rf"\s*(?:{TAG.pattern})(?:\s*(?:{TAG.pattern}|{_MARK}))+")


def without_tags(text: str) -> str:
    """`text` with spaces for its tags: every other character keeps its place."""
    return TAG.sub(lambda tag: " " * len(tag[0]), text) if TAG.search(text) else text


def around_tags(text: str, rewrite: Callable[[str], str]) -> str:
    """`text` rewritten with its tags kept as written, the spaces beside them too.

    A mark of punctuation behind a tag goes before it, so that it stands beside a word. `rewrite` must keep letters of
    any script, and change nothing of what it wrote itself.
    """
    if not TAG.search(text):
        return rewrite(text)
    while (said := _around_tags(text, rewrite)) != text:
        text = said
    return text


def _around_tags(text: str, rewrite: Callable[[str], str]) -> str:
    text = _TAGS_AND_MARKS.sub(_marks_first, text.replace(_STAND_IN, ""))
    tags = iter(
        [f"{before and ' '}{' '.join(tag.split())}{after and ' '}" for before, tag, after in _TAGS.findall(text)]
    )
    said = rewrite(_TAGS.sub(lambda m: f"{_gap(m['before'])}{_STAND_IN}{_gap(m['after'])}", text))
    return re.sub(rf"\s*{_STAND_IN}\s*", lambda _: next(tags), said).strip()


def _marks_first(match: re.Match[str]) -> str:
    return "".join(re.findall(_MARK, match[0])) + re.sub(_MARK, "", match[0])


def _gap(written: str) -> str:
    """A stand-in is a word, apart from those beside it, in the line where its tag was."""
    return "\n" if "\n" in written else " "
