"""Numbers in every other use: telephone and serial numbers, versions, fractions, scores, sums, plain numbers."""

import re

from turnmill.synth.reading.english.amounts import NUMBER, UNIT, of_a, several
from turnmill.synth.reading.english.dates import COUNTED, year_or_number
from turnmill.synth.reading.english.numbers import cardinal, ordinal, parted, plural, spelt, spelt_groups, version
from turnmill.synth.reading.rules import Specs

_FULL = frozenset({"10", "100"})  # marks: 9/10 is nine out of ten, but 9/10 of it nine tenths
_ELEMENTS = (
    "H|He|Li|Be|B|C|N|O|F|Ne|Na|Mg|Al|Si|P|S|Cl|Ar|K|Ca|Ti|V|Cr|Mn|Fe|Co|Ni|Cu|Zn|As|Se|Br|Kr|Ag|Cd|Sn|I|Ba|Pt|Au|"
    "Hg|Pb|U"
)
_FORMULA = re.compile(r"([A-Z])([a-z]?)(\d*)")
_COMPOUND = (
    "foot|feet|inch|mile|meter|kilometer|yard|pound|ton|year|month|week|day|hour|minute|second|page|story|storey|"
    "bedroom|room|degree|point|man|person|piece|part|step|time|dollar|cent|percent|seat|lane|star|acre|gallon|liter|"
    "ounce|kilogram|gram|watt|volt|mm|cm|km"
)  # fmt: skip


def _formula(match: re.Match[str]) -> str:
    """H2O as H two O."""
    parts = _FORMULA.findall(match[0])
    return " ".join(part for one in parts for part in (one[0], one[1].upper(), one[2] and cardinal(one[2])) if part)


def _say_parted(match: re.Match[str]) -> str:
    part_of_it = match["whole"] or match["part"] == "1" or match["of_it"] is not None
    said = parted(match["part"], match["of"], match["marks"] is not None or (match["of"] in _FULL and not part_of_it))
    unit = match["unit"]
    if said is None:
        whole = f"{cardinal(match['whole'])} and " if match["whole"] else ""
        return f" {whole}{cardinal(match['part'])} over {cardinal(match['of'])} {several(unit) if unit else ''} "
    if not match["whole"]:
        part = ("half" if said == "one half" else f"{said} of") if unit else said
        return f" {part} {of_a(unit) if unit else ''} "
    return (
        f" {cardinal(match['whole'])} and {'a half' if said == 'one half' else said} {several(unit) if unit else ''} "
    )


def _address(match: re.Match[str]) -> str:
    """127.0.0.1 of a network, digit by digit; other versions in numbers."""
    parts = match[0].split(".")
    if len(parts) == 4 and all(int(part) < 1000 and len(part) < 4 for part in parts):
        return f" {' dot '.join(map(spelt, parts))} "
    if len(parts) == 3 and re.fullmatch(r"\d{3}\.\d{3}\.\d{4}", match[0]):
        return f" {spelt_groups(match[0])} "
    return f" {version(match[0])} "


def _telephone(match: re.Match[str]) -> str:
    plus = "plus " if match[0].lstrip().startswith("+") else ""
    groups = re.findall(r"\d+|[A-Z]+", match[0])
    said = [("eight hundred" if g == "800" and n else spelt(g)) if g.isdigit() else g for n, g in enumerate(groups)]
    return f" {plus}{', '.join(said)} "


def _times(match: re.Match[str]) -> str:
    """3 x 4 is three by four, unless it is a sum."""
    rest, before = (
        match.string[match.end() : match.end() + 40],
        match.string[max(match.start() - 30, 0) : match.start()],
    )
    sign = match["sign"]
    a_sum = re.match(rf"\s*{NUMBER}\s*(?:[-+x×*/÷]\s*{NUMBER}\s*)*=", rest) or re.search(
        r"(?i)(?:what(?:'s| is)|calculate|compute|solve|multiply|equals|=)\s+[\d\s.,+*×x-]*$", before
    )
    measured = re.match(r"[\d.,]+\s?(?:feet|foot|ft|in|inch|m|cm|mm|km|meters?|yards?|px|pixels|\"|')(?!\w)", rest)
    return " times " if a_sum or (sign == "×" and not measured and " " in match[0]) or sign == "*" else " by "


FIRST: Specs = (
    (r"(?<![\w)%°$€£-])(?<![\d%°)] )-(?=\d)", " minus "),
    (rf"(?<=\d) - (?=(?:{_COMPOUND})s?\b)", "-"),
    (rf"(?<=\d)-(?=(?:{_COMPOUND})s?\b)", " "),
    (r"\b401\s?\(?k\)?(?!\w)", "four oh one K"),
    (rf"(?<![\w-])(?=[A-Za-z]*\d)(?:(?:{_ELEMENTS})\d{{0,2}}){{2,8}}(?![\w-])", _formula),
    (r"(?<=\d/\d)-(?=\d)|(?<=\d)-(?=\d/\d\b(?!/))", " to "),
    (r"\b[vV](?=\d+\.\d)", "version "),
    (
        r"(?i)(?P<what>\b(?:ending in|pin(?: code)?(?: is)?|otp(?: is)?|passcode(?: is)?|code is|zip code(?: is)?"
        r"|extension)\s)"
        r"(?P<digits>\d{3,8})\b",
        lambda m: f"{m['what']}{spelt(m['digits'])} ",
    ),
    # Sums.
    (r"(?<=[\d)])\s*-\s*(?=[\d(][^=.?!;]{0,60}=)", " minus "),
    (rf"(?i)(?<=what is )({NUMBER})\s*-\s*(?={NUMBER}(?!\w))", r"\1 minus "),
    (rf"(?<==)(\s*{NUMBER})\s*-\s*(?=\d)", r"\1 minus "),
)
TELEPHONES: Specs = (
    (r"(?<![\d.,])\d+(?:\.\d+){2,}(?!\.?\d)", _address),
    (
        rf"(?<![\w.,/$€£¥#-])911(?![\w/-]|[.,:]\d|\s+(?:{COUNTED}|(?!calls|operators|services|is|was|has|does)[a-z]+s)\b)",
        f" {spelt('911')} ",
    ),
    (
        r"(?<![\w.,-])(?:(?:\+?\d{1,3}[- ]?)?\(\d{3}\)[ -]{0,2}\d{3}-\d{4}|\+\d{1,3}(?:[- ]\d{2,4}){2,4}"
        r"|\d{1,4}(?:[- ]\d{3,4}){2,3}(?:-\d)?|\d{3}-\d{4}"
        r"|1-8\d\d(?:-(?:[A-Z]+|\d+)){1,4}|\d{1,5}(?:-\d{1,7}){3,4}|\d{3}-\d\d-\d{4})(?![\w-]|[.,]\d)",
        _telephone,
    ),
)
FRACTIONS: Specs = (
    (
        r"(?:(?<![\w.,/])(?P<whole>\d+)\s+(?:and\s+)?)?(?<![\w.,/])(?P<part>\d+(?:\.\d+)?)\s?/\s?(?P<of>\d+(?:\.\d+)?)"
        r"(?:th|rd|nd|TH|RD|ths)?(?![\w/]|[.,]\d)(?P<marks>(?=\s+(?:stars?|points?|marks)\b))?(?P<of_it>(?=\s+of\b))?"
        rf"(?:\s(?P<unit>(?=[a-z]){UNIT})(?!\w))?",
        _say_parted,
    ),
)
PLURALS: Specs = (
    (r"\b([a-z]+[A-Z]\w*) (\d+)s\b", lambda m: f"{m[1]} {cardinal(m[2])} s "),  # iPhone 5s
    (r"(?<![\w.,'$€£¥])(\d{1,3}(?:,\d{3})+|\d+)'?s\b", lambda m: f" {plural(m[1])} "),
)
SUMS: Specs = (
    (r"(?<=\d)\s*(?P<sign>[x×*])\s*(?=\d)", _times),
    (r"(?<=\d)(\s?[a-z]{1,6})\s+[x×]\s+(?=\d)", r"\1 by "),
    (r"(?<=\d)\s?[x×](?=\s+(?:faster|slower|more|less|as|the|bigger|larger|better|a|speed|zoom)\b)", " times"),
    (r"(?<![\w-])-(?=\d)", " minus "),
    (r"(?<==)\s*-\s?(?=\d)", " minus "),
)
PLAIN: Specs = (
    (r"(?<!\d)(?P<number>\d+(?:,\d{3})*)(?:st|nd|rd|th|ST|ND|RD|TH)\b", lambda m: f" {ordinal(m['number'])} "),
    (rf"(?<=\d)\s*-\s*(?={NUMBER})", " to "),
    (r"#\s*(?=\d)", " number "),
    (r"(?<=\d)\s*/\s*(?=\d)", " over "),
    (r"~\s*(?=\d)", " about "),
    (rf"(?<![\d.,])\d{{4}}(?![\d.,]\d|\d)(?P<many>(?=(?:\s+[a-z]+)?\s+(?:{COUNTED})\b|\s+by\s+\d))?", year_or_number),
    (r"\d+(?:,\d{3})*(?:\.\d+)?", lambda m: f" {cardinal(m[0])} "),
)
