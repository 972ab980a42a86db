"""What in a text points to a person: addresses, telephone, card, account and identity numbers.

Numbers that carry a checksum count only where it is right; years, prices and short numbers are nobody's.
"""

import re
import unicodedata

_EMAIL = r"[\w.+-]+@\w[\w-]*(?:\.[\w-]+)+"
_FREE = r"8(?:00|33|44|55|66|77|88)"  # toll-free, and so nobody's own; in China 800 and 400
_MEASURES = r"\s?(?:met(?:er|re)s|km|miles|bytes|years|people|users|dollars|euros|yen|yuan|美元|[米元吨次个亿万岁])"
_TELEPHONES = (
    # E.164, with its country.
    rf"\+(?!1[ -]?\(?{_FREE})\d{{1,3}}[ -]?(?:\(\d{{1,4}}\)[ -]?)?\d(?:[ -]?\d){{6,11}}(?!\d)",
    # North America, with one kind of gap.
    rf"(?<![\d.,])(?:1[- ])?(?!\(?(?:{_FREE}|400))(?:\([2-9]\d\d\)\s*|[2-9]\d\d(?P<gap>[-. ]))"
    r"\d{3}(?(gap)(?P=gap)|[-. ])\d{4}(?![\d-])",
    r"(?<![\d.,-])0\d{2,4}[ -]\d{3,4}[ -]?\d{3,4}(?![\d-])",  # China's and Britain's fixed lines
    r"(?<![\d.,-])07\d{3}[ -]?\d{6}(?![\d-])",  # Britain's mobiles
    # China's mobiles, unlike round numbers and measures.
    rf"(?<![\d.,$€£¥-])1[3-9]\d[ -]?(?!\d{{3}}0{{5}})\d{{4}}[ -]?\d{{4}}(?![\d-]|[.,]\d|{_MEASURES})",
)
_SOCIAL_SECURITY = r"(?<![\d-])(?!000|666|9)\d{3}-(?!00)\d\d-(?!0000)\d{4}(?![\d-])"
_PLAIN = re.compile("|".join((_EMAIL, *_TELEPHONES, _SOCIAL_SECURITY)))
_CARD = re.compile(
    r"(?<![\d.,-])[2-6]\d{3}(?:[ -]?\d{4}){2}[ -]?\d{1,7}(?![\d-]|[.,]\d)|(?<!\d)3[47]\d\d[ -]\d{6}[ -]\d{5}(?!\d)"
)
_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\d\d(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![A-Za-z0-9])")
_CHINESE_IDENTITY = re.compile(
    r"(?<!\d)[1-9]\d{5}(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx](?![\dA-Za-z])"
)
_IDENTITY_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)  # GB 11643-1999
_HAS_ANY = re.compile(r"@|\d\D{0,3}\d\D{0,3}\d\D{0,3}\d\D{0,3}\d\D{0,3}\d\D{0,3}\d")


def personal_data(text: str) -> list[str]:
    """Each piece of personal data in the text, as it is written there."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)  # full-width digits and signs
    if not _HAS_ANY.search(text):
        return []
    found = [match[0] for match in _PLAIN.finditer(text)]
    for pattern, valid in ((_CARD, _luhn), (_IBAN, _mod_97), (_CHINESE_IDENTITY, _mod_11)):
        found += [match[0] for match in pattern.finditer(text) if valid(match[0])]
    return found


def _luhn(number: str) -> bool:
    """The checksum of payment cards, ISO/IEC 7812-1."""
    digits = [int(c) for c in number if c.isdigit()][::-1]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[1::2]]
    return 13 <= len(digits) <= 19 and (sum(digits[::2]) + sum(doubled)) % 10 == 0


def _mod_97(number: str) -> bool:
    """The checksum of bank accounts, ISO 13616."""
    compact = number.replace(" ", "")
    return int("".join(str(int(c, 36)) for c in compact[4:] + compact[:4])) % 97 == 1


def _mod_11(number: str) -> bool:
    """The checksum of resident identity numbers, GB 11643-1999."""
    total = sum(weight * int(c) for weight, c in zip(_IDENTITY_WEIGHTS, number[:17], strict=True))
    return "10X98765432"[total % 11] == number[17].upper()
