"""Which written dialogues can be spoken, and how they are said."""

import re
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from pydantic import Field, field_serializer, field_validator

from turnmill.manifests.identify import SURE, language_found
from turnmill.manifests.languages import PrimaryTag, primary
from turnmill.manifests.letters import scripts_of
from turnmill.manifests.params import Params
from turnmill.manifests.records import Reason, Reject, TextDialogue
from turnmill.manifests.wording import plural
from turnmill.synth import text_filters as measures
from turnmill.synth.layout import without_layout, without_pictures
from turnmill.synth.personal_data import personal_data
from turnmill.synth.reading import chinese, english
from turnmill.synth.reading.directions import directed
from turnmill.synth.tags import around_tags, without_tags
from turnmill.synth.text_filters import Measured, terms_name
from turnmill.synth.writing import words_by_script


class TextLimits(Params):
    """What is too much to be spoken. Texts beyond a limit are rejected whole; `shorten` cuts long answers instead.

    A ratio of 0 takes any sign of the thing as too much. Where a limit says "free", so many are always allowed. Raises
    UsageError where `unsafe_terms` cannot be read.
    """

    max_turn_chars: int = Field(default=200, ge=1)
    """Characters of a turn. OmniFlatten (2410.17799) drops turns over 200: 15 s of English, 40 s of Chinese."""
    shorten: bool = False
    """Cut the assistant's turns over `max_turn_chars` to their first sentences, where those make sense without the rest
    and the user does not come back to it; the table scripts says how many were. Off: such dialogues are rejected."""
    max_turns: int = Field(default=60, ge=1)
    max_personal_data: int = Field(default=0, ge=0)
    """E-mail addresses and telephone, card, account and identity numbers in a turn."""
    max_unsafe_terms: int = Field(default=0, ge=0)
    """Terms of the list of unsafe topics in a turn."""
    unsafe_terms: Path | None = None
    """File of unsafe terms, a term or regular expression per line; null: the list that comes with the package."""
    max_tool_marks: int = Field(default=0, ge=0)
    """Marks of tool calls and chat formats that were left in a turn."""
    max_code_ratio: float = Field(default=0.0, ge=0, le=1)
    """Share of a turn's visible characters that are code, queries and commands."""
    max_markup_ratio: float = Field(default=0.0, ge=0, le=1)
    """Share of a turn's visible characters that are links, tags, tables and headings."""
    max_mathematics_ratio: float = Field(default=0.0, ge=0, le=1)
    """Share of a turn's visible characters that are formulas."""
    max_operator_ratio: float = Field(default=0.1, ge=0, le=1)
    """Share of a turn's visible characters that are operators between numbers or variables."""
    free_operators: int = Field(default=2, ge=0)
    max_symbol_ratio: float = Field(default=0.05, ge=0, le=1)
    """Share of a turn's characters that are neither letters, digits, common punctuation nor emoji (which are
    dropped)."""
    max_non_text_ratio: float = Field(default=0.6, ge=0, le=1)
    """Share of a turn's visible characters that are not letters."""
    free_non_text: int = Field(default=20, ge=0)
    """Digits and signs: a telephone number or three times of opening and a full stop are short and can be said."""
    max_foreign_ratio: float = Field(default=0.0, ge=0, le=1)
    """Share of a turn's words in a script that its language does not use, Latin apart: its voices cannot read them."""
    max_latin_ratio: float = Field(default=0.3, ge=0, le=1)
    """Share of Latin words, which may be names and loans, in a turn of a language that is not written in Latin."""
    free_latin: int = Field(default=3, ge=0)
    languages: tuple[PrimaryTag, ...] = ("en", "zh")
    """Languages that the voices speak, as the first part of a BCP 47 tag."""

    @field_validator("unsafe_terms")
    @classmethod
    def _readable(cls, path: Path | None) -> Path | None:
        if path is not None:
            terms_name(path)
        return path

    @field_serializer("unsafe_terms")
    def _by_content(self, path: Path | None) -> str | None:
        """What the list says decides what is rejected; where it lies on this host does not."""
        return None if path is None else terms_name(path)


def speakable(dialogue: TextDialogue, limits: TextLimits) -> TextDialogue | Reject:
    """The dialogue where it can be spoken, else a reject that names the first turn that cannot be."""
    reason = _of_dialogue(dialogue, limits)
    if reason is not None:
        return Reject(*reason, uid=dialogue.id)
    language = primary(dialogue.language)
    for index, turn in enumerate(dialogue.turns):
        found = _of_turn(turn.text, language, limits)
        if found is not None:
            return Reject(found[0], f"turn {index} {found[1]}", uid=dialogue.id)
    said = "\n".join(without_tags(turn.text) for turn in dialogue.turns)
    written = language_found(said, dialogue.language, SURE)
    if written != dialogue.language:
        detail = f"it is written in {written!r}, and its language is said to be {dialogue.language!r}"
        return Reject(Reason.LANGUAGE_MIX, detail, uid=dialogue.id)
    for index, turn in enumerate(dialogue.turns):
        if not any(c.isalpha() for c in without_tags(spoken_form(turn.text, dialogue.language))):
            return Reject(Reason.NOTHING_SPEAKABLE, f"turn {index} has no word in {turn.text[:40]!r}", uid=dialogue.id)
    return dialogue


@lru_cache(maxsize=4096)
def spoken_form(text: str, language: str) -> str:
    """The text as it is said: numbers, units and abbreviations as words, emoji and marks of layout gone, on one line.

    English and Chinese are spelt out in full (no digit is left; Latin words in Chinese stay); other languages only
    lose emoji, list marks and spare whitespace. Inline tags of speech models stay as written (`synth.tags`). Raises
    UsageError for Chinese numbers where wetext is not installed.
    """
    rules = {"en": english.spoken_form, "zh": chinese.spoken_form}
    return around_tags(directed(text, tagged=False), rules.get(primary(language), _shown))


def _shown(text: str) -> str:
    return " ".join(without_pictures(without_layout(text)).split())


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
    if len(set(roles)) == 1:
        return Reason.ONE_SPEAKER, f"only the {roles[0]} speaks"
    return _repeated(dialogue)


def _repeated(dialogue: TextDialogue) -> _Found | None:
    words = [re.findall(r"\w+", turn.text.casefold()) for turn in dialogue.turns]
    for index, said in enumerate(words):
        # "Yes, please." twice is talk; four words or more twice is a loop of whoever wrote the text.
        if len(said) >= 4 and said in words[max(index - 2, 0) : index]:
            return Reason.REPEATED_TURN, f"turn {index} says again what was just said"
    return None


def _foreign(text: str, language: str) -> Measured:
    """Share of words in scripts that are neither the language's nor Latin."""
    words = words_by_script(text)
    foreign = sum(count for script, count in words.items() if script not in scripts_of(language) | {"LATIN"})
    return Measured(foreign / max(words.total(), 1), f"{foreign} of {words.total()} words in a foreign script")


def _latin(text: str, language: str, free: int) -> Measured:
    """Share of Latin words, more than `free` of them, where the language is not written in Latin."""
    written = scripts_of(language)
    if not written or "LATIN" in written:
        return Measured(0.0, "")
    words = words_by_script(text)
    latin = words["LATIN"]
    return Measured(latin / words.total() if latin > free else 0.0, f"{latin} of {words.total()} words in Latin")


def _personal(text: str) -> Measured:
    """Pieces of personal data. They are not repeated in the reject."""
    count = len(personal_data(text))
    return Measured(count, f"{plural(count, 'piece')} of personal data")


_Measure = Callable[[str, str, TextLimits], Measured]

_MEASURES: tuple[tuple[Reason, str, _Measure], ...] = (
    (Reason.TURN_TOO_LONG, "max_turn_chars", lambda t, _, __: Measured(len(t), f"{len(t)} characters")),
    (Reason.PERSONAL_DATA, "max_personal_data", lambda t, _, __: _personal(t)),
    (Reason.UNSAFE_TOPIC, "max_unsafe_terms", lambda t, _, limits: measures.unsafe_topic(t, limits.unsafe_terms)),
    (Reason.TOOL_PLUMBING, "max_tool_marks", lambda t, _, __: measures.tool_plumbing(t)),
    (Reason.CODE, "max_code_ratio", lambda t, _, __: measures.code(t)),
    (Reason.MARKUP, "max_markup_ratio", lambda t, _, __: measures.markup(t)),
    (Reason.MATHEMATICS, "max_mathematics_ratio", lambda t, _, __: measures.mathematics(t)),
    (Reason.MATHEMATICS, "max_operator_ratio", lambda t, _, limits: measures.operators(t, limits.free_operators)),
    (Reason.RARE_SYMBOLS, "max_symbol_ratio", lambda t, _, __: measures.rare_symbols(t)),
    (Reason.LANGUAGE_MIX, "max_foreign_ratio", lambda t, language, _: _foreign(t, language)),
    (Reason.LANGUAGE_MIX, "max_latin_ratio", lambda t, language, limits: _latin(t, language, limits.free_latin)),
    (Reason.NON_TEXT, "max_non_text_ratio", lambda t, _, limits: measures.non_text(t, limits.free_non_text)),
)
"""(reason, limit, measure of a text in a language), in order: long turns first, so that no other measure meets one."""


def _of_turn(text: str, language: str, limits: TextLimits) -> _Found | None:
    text = without_tags(text)
    for reason, limit, measure in _MEASURES:
        measured = measure(text, language, limits)
        if measured.value > getattr(limits, limit):
            return reason, f"has {measured.seen}; {limit} is {getattr(limits, limit)}"
    return None
