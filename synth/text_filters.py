"""Measures of a written turn: what in it cannot, or should not, be spoken.

Each measure gives a number and what it saw; a turn whose number is over the limit is rejected. Code and mathematics by
their share and rare symbols follow OmniFlatten (2410.17799), with limits of our own: it states none.
"""

import re
import unicodedata
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from turnmill.manifests.errors import UsageError
from turnmill.manifests.records import stable_hash
from turnmill.manifests.wording import plural
from turnmill.synth.layout import is_emoji

UNSAFE_TERMS = Path(__file__).with_name("unsafe_terms.txt")
"""The list of terms that is used where a recipe names no other."""

# Words that programs share with speech count only in the form of a program: a name that its parenthesis touches, and a
# brace, a semicolon or a colon behind; a module at the start of its line.
_CODE = re.compile(
    r"```|\b(?:def|function|public|private|static|void)\s+(?:\w+\s+){0,4}\w+\([^()\n]*\)\s*(?:->[^:\n]*)?[{;:]|\bfunction\s*\([^()\n]*\)\s*\{"
    r"|\b(?:class|struct|interface|enum)\s+\w+[^\n{}.!?]{0,60}\{|^\s*class\s+\w+(?:\([\w., ]*\))?:[ \t]*$"
    r"|\b(?:const|let|var)\s+\w+\s*=|\w+\((?!(?:e?s|ies|e?d|e?r)\))[^()\s]*\)\s*[;{]|=>|#include\b"
    r"|^[ \t]*(?:import[ \t]+[\w.*]+(?:[ \t]+as[ \t]+\w+)?(?:,[ \t]*\w+)*[ \t]*;?[ \t]*$"
    r"|from[ \t]+[\w.]+[ \t]+import[ \t]+[\w*(])"
    r"|\bSELECT\b.+\bFROM\b|(?<!\w)\$\s*(?:pip|git|sudo|cd)\b|^\s*(?:pip|git|sudo|npm)\s+(?:install|clone|apt)|[\w\]]\s*(?:==|!=|&&|\|\|)\s*\w"
    r"|\b\w+\.\w+\([^()]*\)",
    re.MULTILINE,
)
_MATHEMATICS = re.compile(
    r"\\(?:frac|sqrt|sum|int|cdot|times|left|begin|alpha|beta|theta|pi|lim|infty)\b|\\[(\[]|\$\$|\$[^$\n]*[\\^_=][^$\n]*\$"
    r"|(?<![A-Za-z'])[xyz]\s*[-+*/=]\s*[\d(]|[\d)]\s*[-+*/]\s*[xyz](?![A-Za-z])|\d\)\s*[*/^×÷]\s*[\d(]"
    r"|(?<![A-Za-z])(?:ln|log|sin|cos|tan|sqrt)\("
    r"|\w\^[\w({]|[∑∏∫√∂∇∞≤≥≠≈∈∉⊂∀∃]|\b[a-z]\s*=\s*[-\d(]|\b\d+[xyz]\b\s*[-+=]|\b[a-z]\([a-z]\)\s*="
)
# Between two numbers a hyphen is of a score or a range, in a word or a name a part of it.
_OPERATOR = re.compile(
    r"(?<=[\w)])\s*[+*/=<>^×÷]\s*(?=[\d(]|[a-z]\b)"
    r"|(?:(?<=\))|(?<![A-Za-z'-][a-z])(?<=[a-z]))\s*-\s*(?=[\d(]|[a-z]\b)|(?<=\d)\s*-\s*(?=\(|[a-z]\b|\d+[xyz]\b)"
)
_MARKUP = re.compile(
    r"https?://|\bwww\.\w|\[[^\]\n]+\]\([^)\n]*\)|</?[a-zA-Z][^<>\n]*>|^\s*\|.*\|\s*$|^\s*#{1,6}\s+\S|^\s*[-=]{3,}\s*$|&(?:amp|lt|gt|nbsp|quot|#\d+);",
    re.MULTILINE,
)
_PLUMBING = re.compile(
    r"<\|[^|<>\n]{1,30}\|>|<e(?:oh|om|ot|oc|or|oa)>|<sup>|</?s>|\[/?(?:INST|TOOL_CALLS|AVAILABLE_TOOLS|TOOL_RESULTS)\]"
    r"|</?(?:tool_call|tool_response|tools?|function_call|function|observation|think|thinking)>"
    r"|\"(?:arguments|parameters|tool_calls|function_call|tool_name)\"\s*:"
    r"|^\s*(?:Action Input|Tool Call|Tool Response|Function Call|API Call)\s*:\s*\S|^\s*Action\s*:\s*\w+[\[(]"
    # A thought alone may be anybody's: an agent's leads to an action, and an action to an observation.
    r"|^\s*(?:Thought|Action|Observation)\s*:\s*\S.*\n\s*(?:Thought|Action|Action Input|Observation|Final Answer)\s*:"
    r"|\b[A-Z]\w+\(\"[^\"\n]*\"\)",
    re.MULTILINE,
)
_NOT_ORDINARY = re.compile(
    "[^\\w\\s.,;:!?'\"()/%&+*#@$€£¥°_~’‘“”–—…•=·¿¡。，、！？；：《》“”（）「」『』～￥℃℉㎡‰№×÷±<>§→¢₹₩₽₿₺₫฿₪₦₱₴-]"
)

_HEADING = re.compile(r"\[(hate|harassment|sexual|violence|self_harm|illegal)\]")  # of `synth.safety`


class Measured(NamedTuple):
    """`value` is held against a limit; `seen` says in words what was counted."""

    value: float
    seen: str


def code(text: str) -> Measured:
    """Share of the visible characters that belong to programs, queries and commands."""
    return _share(_CODE, text, "code")


def mathematics(text: str) -> Measured:
    """Share of the visible characters that belong to formulas."""
    return _share(_MATHEMATICS, text, "mathematics")


def operators(text: str, free: int) -> Measured:
    """Operators between numbers or variables, more than `free` of them, per visible character."""
    visible = _visible(text)
    count = len(_OPERATOR.findall(text))
    return Measured(count / visible if count > free else 0.0, f"{plural(count, 'operator')} in {visible} characters")


def markup(text: str) -> Measured:
    """Share of the visible characters that belong to links, tags, tables, headings and entities."""
    return _share(_MARKUP, text, "markup")


def rare_symbols(text: str) -> Measured:
    """Share of the characters that are neither letters, digits, common punctuation nor emoji (which are dropped)."""
    unusual = _NOT_ORDINARY.findall(text)
    dropped = sum(is_emoji(c) or unicodedata.category(c) == "Cf" for c in unusual)
    rare = len(unusual) - dropped - _marks("".join(unusual))
    return Measured(rare / max(len(text) - dropped, 1), f"{plural(rare, 'rare symbol')} in {len(text)} characters")


def non_text(text: str, free: int) -> Measured:
    """Share of the visible characters that are digits, marks and signs instead of letters, more than `free` of them."""
    visible = _visible(text)
    signs = visible - sum(map(str.isalpha, text)) - _marks(text)
    return Measured(signs / visible if signs > free else 0.0, f"{signs} digits and signs in {visible} characters")


def tool_plumbing(text: str) -> Measured:
    """Marks of calls, arguments and results of tools, and of the formats that carry them."""
    found = _PLUMBING.findall(text)
    return Measured(len(found), f"plumbing of tools: {found[0].strip()[:40]!r}" if found else "")


def unsafe_topic(text: str, terms: Path | None) -> Measured:
    """Terms of a list that the text has, with the category of the first. Raises UsageError where the list cannot be
    read."""
    found = [(category, match[0]) for category, of in _terms(terms or UNSAFE_TERMS) for match in of.finditer(text)]
    seen = f"an unsafe topic ({found[0][0]}): {found[0][1][:40]!r}" if found else ""
    return Measured(len(found), seen)


def terms_name(terms: Path) -> str:
    """What a list of terms is, wherever it lies: the file's name and a hash of what it says."""
    return f"{terms.name} {stable_hash(*_term_lines(terms))}"


def _visible(text: str) -> int:
    return max(len("".join(text.split())), 1)


def _marks(text: str) -> int:
    """Vowel signs and accents that are characters of their own, as in Hindi, emoji's apart."""
    if text.isascii():
        return 0
    return sum(unicodedata.category(c)[0] == "M" and not is_emoji(c) for c in text)


def _share(pattern: re.Pattern[str], text: str, what: str) -> Measured:
    found = list(pattern.finditer(text))
    if not found:
        return Measured(0.0, "")
    return Measured(sum(_visible(m[0]) for m in found) / _visible(text), f"{what}: {found[0][0].strip()[:40]!r}")


@lru_cache(maxsize=8)
def _terms(path: Path) -> list[tuple[str, re.Pattern[str]]]:
    """The terms of each category of a list; those that stand before any are `listed`."""
    parts: dict[str, list[str]] = {}
    category = "listed"
    for line in _term_lines(path):
        heading = _HEADING.fullmatch(line)
        if heading:
            category = heading[1]
        else:
            parts.setdefault(category, []).append(f"(?:{line})")
    # Han characters have no gaps between words: only letters of other scripts mark an edge.
    return [
        (name, re.compile(rf"(?<![a-z0-9_])(?:{'|'.join(of)})(?![a-z0-9_])", re.IGNORECASE))
        for name, of in parts.items()
    ]


def _term_lines(path: Path) -> list[str]:
    try:
        lines = [line.strip() for line in path.read_text("utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"unsafe_terms: {path} cannot be read ({error}): name a text file with a term per line"
        ) from error
    for number, line in enumerate(lines, 1):
        try:
            groups = re.compile(f"(?:{line})").groups
        except re.error as error:
            raise UsageError(f"unsafe_terms: {path} line {number} is no regular expression: {error}") from error
        if groups:
            raise UsageError(f"unsafe_terms: {path} line {number} has a group that captures: write (?: instead of (")
    return [line for line in lines if line and not line.startswith("#")]
