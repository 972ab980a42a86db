"""English numbers in words: cardinals, ordinals, years, more than one of a number, parts and marks."""

import re

from num2words import num2words

_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_PARTS = {2: "half", 4: "quarter"}  # said otherwise than the ordinal
_DENOMINATORS = frozenset({*range(2, 11), 16, 20, 32, 64, 100, 1000})  # of what is a part rather than a quotient
_FIXED = {"24/7": "twenty-four seven", "9/11": "nine eleven", "50/50": "fifty fifty", "20/20": "twenty twenty"}


def cardinal(number: str) -> str:
    """A number written with digits, thousands commas and a decimal point, in words."""
    whole, _, decimals = number.replace(",", "").partition(".")
    if len(whole) > (36 if "," in number else 15) or (len(whole) > 1 and whole[0] == "0"):
        said = spelt(whole)
    else:
        said = str(num2words(int(whole))).replace(",", "")
    return f"{said} point {spelt(decimals)}" if decimals else said


def spelt(digits: str) -> str:
    """Digit by digit."""
    return " ".join(_DIGITS[int(digit)] for digit in digits)


def ordinal(number: str) -> str:
    """21 as twenty-first."""
    return (
        str(num2words(int(number.replace(",", "")), to="ordinal")).replace(",", "")
        if len(number) < 16
        else spelt(number)
    )


def year(number: str) -> str:
    """1987 as nineteen eighty-seven; 2007 as two thousand and seven."""
    return str(num2words(int(number), to="year"))


def version(number: str) -> str:
    """2.0.11 as two point zero point eleven."""
    return " point ".join(cardinal(part) for part in number.split("."))


def plural(number: str) -> str:
    """1s as ones, 20s as twenties, 100s as hundreds, 747s as seven forty-sevens, 1800s as eighteen hundreds."""
    digits = number.replace(",", "")
    if re.fullmatch(r"1[1-9]00", digits):
        said = year(digits)
    elif re.fullmatch(r"[1-9](?!00)\d\d", digits):
        said = f"{cardinal(digits[0])} {'oh ' * (digits[1] == '0')}{cardinal(str(int(digits[1:])))}"
    else:
        said = cardinal(digits)
        said = said.removeprefix("one ") if re.fullmatch(r"10{2,}", digits) else said
    return _several(said)


def _several(said: str) -> str:
    if said.endswith("y"):
        return f"{said[:-1]}ies"
    if said.endswith("half"):
        return f"{said[:-1]}ves"
    return f"{said}es" if said.endswith("x") else f"{said}s"


def parted(part: str, of: str, marks: bool) -> str | None:
    """Two numbers with a stroke between: 1/6 as one sixth, 10/10 and 4.2/5 as so much out of so much, 9/11 as nine
    eleven; None for those that are none of it. `marks`: they are marks that were given, as stars are."""
    fixed = _FIXED.get(f"{part}/{of}")
    if fixed is not None:
        return fixed
    if "." in part + of or marks or part == of:
        return f"{cardinal(part)} out of {cardinal(of)}"
    if int(of) not in _DENOMINATORS or not 0 < int(part) < int(of):
        return None
    name = _PARTS.get(int(of)) or ordinal(of).removeprefix("one ")
    return f"{cardinal(part)} {name if part == '1' else _several(name)}"


_ROMAN = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100}


def roman(number: str) -> int:
    """XIV as 14."""
    values = [_ROMAN[letter] for letter in number]
    return sum(-one if one < after else one for one, after in zip(values, [*values[1:], 0], strict=True))


def letters(word: str) -> str:
    """A word that is read letter by letter: capitals, as acronyms are written. "a m" would be heard as "uh em"."""
    return word.upper()


def two_by_two(number: str) -> str:
    """1428 as fourteen twenty-eight, 123 as one twenty-three, 708 as seven oh eight."""
    if len(number) not in (3, 4) or number.endswith("00") or number[0] == "0":
        return cardinal(number)
    last = number[-2:]
    return f"{cardinal(number[:-2])} {'oh ' + cardinal(last[1]) if last[0] == '0' else cardinal(last)}"


def spelt_groups(number: str) -> str:
    """A telephone number as the digits of each group."""
    return ", ".join(spelt(group) for group in re.findall(r"\d+", number))
