"""Which written dialogues can be spoken, and how they are said."""

import re
import unicodedata
from collections.abc import Callable

from pydantic import Field

from manifests.params import Params
from manifests.records import Reason, Reject, TextDialogue
from synth import english

_CODE = re.compile(
    r"```|\b(?:def|function|class|public|static|void|const|let|var)\s+\w+\s*[({=]|\w+\([^()\s]*\)\s*[;{]|=>|#include\b|\bimport\s+\w+\s*(?:;|$)"
    r"|\bSELECT\b.+\bFROM\b|(?<!\w)\$\s*(?:pip|git|sudo|cd)\b|^\s*(?:pip|git|sudo|npm)\s+(?:install|clone|apt)|[\w\]]\s*(?:==|!=|&&|\|\|)\s*\w"
    r"|\b\w+\.\w+\([^()]*\)",
    re.MULTILINE,
)
_MATHEMATICS = re.compile(
    r"\\(?:frac|sqrt|sum|int|cdot|times|left|begin|alpha|beta|theta|pi|lim|infty)\b|\\[(\[]|\$\$|\$[^$\n]*[\\^_=][^$\n]*\$"
    r"|\w\^[\w({]|[∑∏∫√∂∇∞≤≥≠≈∈∉⊂∀∃]|\b[a-z]\s*=\s*[-\d(]|\b\d+[xyz]\b\s*[-+=]|\b[a-z]\([a-z]\)\s*="
)
_MARKUP = re.compile(
    r"https?://|\bwww\.\w|\[[^\]\n]+\]\([^)\n]*\)|</?[a-zA-Z][^<>\n]*>|^\s*\|.*\|\s*$|^\s*#{1,6}\s+\S|^\s*[-=]{3,}\s*$|&(?:amp|lt|gt|nbsp|quot|#\d+);"
    r"|[\w.+-]+@\w[\w-]*\.\w",
    re.MULTILINE,
)
_ORDINARY = set(" \t\n\r.,;:!?'\"()-/%&+*#@$€£¥°_~’‘“”–—…•=·¿¡。，、！？；：《》“”（）")  # noqa: RUF001


class TextLimits(Params):
    """What is too much to be spoken. Texts beyond a limit are rejected whole, never shortened."""

    max_turn_chars: int = Field(default=400, ge=1)
    """Characters of a turn. OmniFlatten drops turns over 200; a spoken answer of half a minute has about 400."""
    max_turns: int = Field(default=60, ge=1)
    max_symbol_ratio: float = Field(default=0.05, ge=0, le=1)
    """Share of a turn's characters that are neither letters, digits, common punctuation nor emoji (which are
    dropped)."""
    max_operator_ratio: float = Field(default=0.1, ge=0, le=1)
    """Share of a turn's visible characters that are operators between numbers or variables. Up to two are always
    spoken."""
    languages: tuple[str, ...] = ("en",)
    """Languages that the voices speak, as the first part of a BCP 47 tag."""


def speakable(dialogue: TextDialogue, limits: TextLimits) -> TextDialogue | Reject:
    """The dialogue where it can be spoken, else a reject that names the first turn that cannot be."""
    reason = _of_dialogue(dialogue, limits)
    if reason is not None:
        return Reject(*reason, uid=dialogue.id)
    for index, turn in enumerate(dialogue.turns):
        for measure in _MEASURES:
            found = measure(turn.text, limits)
            if found is not None:
                return Reject(found[0], f"turn {index} {found[1]}", uid=dialogue.id)
    for index, turn in enumerate(dialogue.turns):
        if not any(c.isalpha() for c in spoken_form(turn.text, dialogue.language)):
            return Reject(Reason.NOTHING_SPEAKABLE, f"turn {index} has no word in {turn.text[:40]!r}", uid=dialogue.id)
    return dialogue


def spoken_form(text: str, language: str) -> str:
    """The text as it is said: numbers, units and abbreviations as words, emoji and marks of layout gone, on one line.

    English is spelt out in full (no digit is left); other languages only lose emoji, list marks and spare whitespace.
    """
    if primary(language) == "en":
        return english.spoken_form(text)
    kept = "".join(c for c in english.without_layout(text) if unicodedata.category(c) not in english.UNSPOKEN)
    return " ".join(kept.split())


def primary(language: str) -> str:
    """The first part of a BCP 47 tag, in lower case."""
    return language.lower().replace("_", "-").split("-")[0]


_Found = tuple[Reason, str]


def _of_dialogue(dialogue: TextDialogue, limits: TextLimits) -> _Found | None:
    roles = [turn.role for turn in dialogue.turns]
    if not roles:
        return Reason.EMPTY_DIALOGUE, "it has no turns"
    if primary(dialogue.language) not in limits.languages:
        return (
            Reason.UNSUPPORTED_LANGUAGE,
            f"language {dialogue.language!r} is not one of {', '.join(limits.languages)}",
        )
    if unknown := sorted(set(roles) - {"user", "assistant"}):
        return Reason.UNKNOWN_ROLE, f"role {unknown[0]!r} is neither user nor assistant"
    if len(roles) > limits.max_turns:
        return Reason.TOO_MANY_TURNS, f"{len(roles)} turns are more than {limits.max_turns}"
    for index, turn in enumerate(dialogue.turns):
        if not turn.text.strip():
            return Reason.EMPTY_TURN, f"turn {index} has no text"
    for index in range(1, len(roles)):
        if roles[index] == roles[index - 1]:
            return Reason.ROLE_ORDER, f"turns {index - 1} and {index} are both by the {roles[index]}"
    if len(set(roles)) < 2:
        return Reason.ONE_SPEAKER, f"only the {roles[0]} speaks"
    return _repeated(dialogue)


def _repeated(dialogue: TextDialogue) -> _Found | None:
    words = [re.findall(r"\w+", turn.text.casefold()) for turn in dialogue.turns]
    for index, said in enumerate(words):
        # "Yes, please." twice is talk; four words or more twice is a loop of whoever wrote the text.
        if len(said) >= 4 and said in words[max(index - 2, 0) : index]:
            return Reason.REPEATED_TURN, f"turn {index} says again what was just said"
    return None


def _too_long(text: str, limits: TextLimits) -> _Found | None:
    if len(text) <= limits.max_turn_chars:
        return None
    return Reason.TURN_TOO_LONG, f"has {len(text)} characters, more than {limits.max_turn_chars}"


def _matches(reason: Reason, pattern: re.Pattern[str], what: str) -> Callable[[str, TextLimits], _Found | None]:
    def measure(text: str, _limits: TextLimits) -> _Found | None:
        match = pattern.search(text)
        return (reason, f"has {what}: {match[0].strip()[:40]!r}") if match else None

    return measure


def _operators(text: str, limits: TextLimits) -> _Found | None:
    visible = sum(not c.isspace() for c in text)
    count = len(re.findall(r"(?<=[\w)])\s*[-+*/=<>^×÷]\s*(?=[\d(]|[a-z]\b)", text))  # noqa: RUF001
    if count < 3 or count / visible <= limits.max_operator_ratio:
        return None
    return Reason.MATHEMATICS, f"has {count} operators in {visible} characters"


def _symbols(text: str, limits: TextLimits) -> _Found | None:
    kept = [c for c in text if not english.is_emoji(c) and unicodedata.category(c) != "Cf"]
    rare = sum(not (c.isalnum() or c in _ORDINARY or unicodedata.category(c)[0] == "M") for c in kept)
    if rare <= limits.max_symbol_ratio * len(kept):
        return None
    return Reason.RARE_SYMBOLS, f"has {rare} rare symbols in {len(kept)} characters"


_MEASURES = (
    _too_long,
    _matches(Reason.CODE, _CODE, "code"),
    _matches(Reason.MARKUP, _MARKUP, "markup"),
    _matches(Reason.MATHEMATICS, _MATHEMATICS, "mathematics"),
    _operators,
    _symbols,
)
