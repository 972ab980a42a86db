"""Licences: how they are spelled, what those that many use allow, and which of several a work made from all carries."""

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

from turnmill.manifests.records import UNKNOWN_LICENCE, Licence
from turnmill.manifests.wording import plural

_ATTRIBUTION = "attribution"
_NOTHING: frozenset[str] = frozenset()
_SHARE_ALIKE = frozenset({_ATTRIBUTION, "share-alike"})


@dataclass(frozen=True)
class KnownLicence:
    """`hub` is the identifier in a dataset card's `license` (https://huggingface.co/docs/hub/repositories-licenses);
    null of one that the Hub does not list.

    `demands`: what whoever hands it on has to do.
    """

    hub: str | None
    name: str
    link: str
    commercial: bool = True
    derivatives: bool = True
    demands: frozenset[str] = frozenset({_ATTRIBUTION})


_EXAMPLES = 3  # items that an error names
_LONGEST, _SHOWN = 200, 40  # characters of an expression, and of a name that an error proposes
_CC = "https://creativecommons.org/licenses"
_CC_PAGE = re.compile(
    r"(?:https?://)?(?:www\.)?creativecommons\.org/(?:licenses|publicdomain)/([a-z+-]+)/(\d\.\d)(?:/([a-z]{2,3}))?/?"
    r"(?:(?:deed|legalcode)(?:\.[a-z-]+)?)?(?:[?#]\S*)?"
)

# Terms as the licences' own texts state them.
KNOWN: dict[str, KnownLicence] = {
    "CC0-1.0": KnownLicence(
        "cc0-1.0", "CC0 1.0 Universal", "https://creativecommons.org/publicdomain/zero/1.0/", demands=_NOTHING
    ),
    "CC-BY-3.0": KnownLicence("cc-by-3.0", "Creative Commons Attribution 3.0", f"{_CC}/by/3.0/"),
    "CC-BY-4.0": KnownLicence("cc-by-4.0", "Creative Commons Attribution 4.0", f"{_CC}/by/4.0/"),
    "CC-BY-SA-3.0": KnownLicence(
        "cc-by-sa-3.0", "Creative Commons Attribution-ShareAlike 3.0", f"{_CC}/by-sa/3.0/", demands=_SHARE_ALIKE
    ),
    "CC-BY-SA-4.0": KnownLicence(
        "cc-by-sa-4.0", "Creative Commons Attribution-ShareAlike 4.0", f"{_CC}/by-sa/4.0/", demands=_SHARE_ALIKE
    ),
    "CC-BY-NC-4.0": KnownLicence(
        "cc-by-nc-4.0", "Creative Commons Attribution-NonCommercial 4.0", f"{_CC}/by-nc/4.0/", commercial=False
    ),
    "CC-BY-NC-SA-4.0": KnownLicence(
        "cc-by-nc-sa-4.0",
        "Creative Commons Attribution-NonCommercial-ShareAlike 4.0",
        f"{_CC}/by-nc-sa/4.0/",
        commercial=False,
        demands=_SHARE_ALIKE,
    ),
    "CC-BY-ND-4.0": KnownLicence(
        "cc-by-nd-4.0", "Creative Commons Attribution-NoDerivatives 4.0", f"{_CC}/by-nd/4.0/", derivatives=False
    ),
    "CC-BY-NC-ND-4.0": KnownLicence(
        "cc-by-nc-nd-4.0",
        "Creative Commons Attribution-NonCommercial-NoDerivatives 4.0",
        f"{_CC}/by-nc-nd/4.0/",
        commercial=False,
        derivatives=False,
    ),
    "Apache-2.0": KnownLicence("apache-2.0", "Apache License 2.0", "https://www.apache.org/licenses/LICENSE-2.0"),
    "MIT": KnownLicence("mit", "MIT License", "https://opensource.org/license/mit"),
    "BSD-3-Clause": KnownLicence("bsd-3-clause", "BSD 3-Clause License", "https://opensource.org/license/bsd-3-clause"),
    # Names of our own: works in the public domain, and the licence BY of which nobody tells the version.
    "LicenseRef-public-domain": KnownLicence(
        None, "Public domain", "https://creativecommons.org/public-domain/pdm/", demands=_NOTHING
    ),
    "LicenseRef-CC-BY": KnownLicence(None, "Creative Commons Attribution", "https://creativecommons.org/licenses/"),
    "ODC-By-1.0": KnownLicence(
        "odc-by", "Open Data Commons Attribution License 1.0", "https://opendatacommons.org/licenses/by/1-0/"
    ),
}


def spelled(spdx: str) -> str:
    """An SPDX identifier or expression as SPDX writes it. Raises ValueError, naming near ones, for what is none."""
    found = _spdx(spdx)
    if found is None:
        raise ValueError(f"is no SPDX identifier (https://spdx.org/licenses){_meant(spdx[:_LONGEST])}")
    return found


def _spdx(words: str) -> str | None:
    """The same, null for what is none."""
    try:
        return canonicalize_license_expression(words) if words.isprintable() and len(words) <= _LONGEST else None
    except InvalidLicenseExpression:
        return None


def _meant(spdx: str) -> str:
    """What an error adds to a name that is no SPDX identifier."""
    plain = re.sub(r"[^A-Za-z0-9.]+", "-", spdx.removeprefix("LicenseRef-")).strip("-")
    near = difflib.get_close_matches(plain.lower(), [name.lower() for name in KNOWN], n=3, cutoff=0.7)
    meant = [name for name in KNOWN if name.lower() in near]
    own = f"write LicenseRef-{plain[:_SHOWN] or 'NAME'}"
    return f"; did you mean {' or '.join(meant)}?" if meant else f"; of a licence that has none {own}"


@lru_cache(maxsize=1024)  # the items of a corpus have a few
def of_item(said: str) -> Licence:
    """The licence of an item in the words of its corpus: an SPDX expression, the Hub's identifier, a name, or the
    address of one of Creative Commons'. What is none of these keeps its words, and allows nothing."""
    words = said.strip()
    page = _CC_PAGE.fullmatch(words.lower())  # what is said besides may forbid what it allows
    named = _of_page(*page.groups()) if page else _BY_NAME.get(_plain(words), words) if words.isascii() else words
    spdx = _spdx(named) or _spdx("-".join(named.split()))
    if spdx is None:
        spdx = f"LicenseRef-{_plain(named)[: _LONGEST // 2]}" if _plain(named) else UNKNOWN_LICENCE
    return _terms(spdx) or Licence(spdx, redistribute=False, commercial=False, derivatives=False)


def _of_page(code: str, version: str, port: str | None) -> str:
    """What a page of Creative Commons' is about, as SPDX spells it."""
    if code in ("zero", "mark"):
        return "CC0-1.0" if code == "zero" else f"CC-PDM-{version}"
    return "-".join(filter(None, ("CC", code, version, port))).upper()


def _plain(text: str) -> str:
    """A licence in letters, digits and dots, with hyphens between them."""
    return re.sub(r"[^a-z0-9.]+", "-", text.removeprefix("LicenseRef-").lower()).strip("-")


_BY_NAME = {_plain(name): spdx for spdx, known in KNOWN.items() for name in (spdx, known.hub, known.name) if name}
_BY_NAME |= dict.fromkeys(("cc0", "creative-commons-0"), "CC0-1.0")  # as Freesound has it


def contradiction(stated: Licence) -> str | None:
    """What is said of a licence and is not so, in a sentence, where it is one whose terms are known."""
    parts = all_of(stated.spdx)
    terms = [known for part in parts if (known := _terms(part)) is not None]
    for key in ("redistribute", "commercial", "derivatives"):
        says, may = getattr(stated, key), all(getattr(each, key) for each in terms)
        if terms and says != may and (says or len(terms) == len(parts)):
            return (
                f"`{key}: {str(says).lower()}` is not what {stated.spdx} says: write `{key}: {str(may).lower()}`, or "
                "name other terms by `spdx: LicenseRef-...`"
            )
    return None


def all_of(spdx: str) -> list[str]:
    """The licences of an expression that hold together: `A` and `B OR C` of `A AND (B OR C)`; else it alone."""
    if " AND " not in spdx and not spdx.startswith("("):
        return [spdx]
    parts, depth = [""], 0
    for word in spdx.split(" "):
        if word == "OR" and not depth:
            return [spdx]  # AND binds closer
        if word == "AND" and not depth:
            parts.append("")
            continue
        depth += word.count("(") - word.count(")")
        parts[-1] = f"{parts[-1]} {word}".lstrip()
    if len(parts) > 1:
        return [each for part in parts for each in all_of(part)]
    return all_of(spdx[1:-1]) if spdx.startswith("(") else parts


def _terms(spdx: str) -> Licence | None:
    """What a licence allows; of Creative Commons' that is in the name, and of several together what all allow. Null
    where nobody told us, which of alternatives holds too."""
    parts = all_of(spdx)
    if len(parts) > 1:
        terms = [allowed for part in parts if (allowed := _terms(part)) is not None]
        return _together(spdx, terms) if len(terms) == len(parts) else None
    if (known := KNOWN.get(spdx)) is not None:
        return Licence(spdx, True, known.commercial, known.derivatives)
    if spdx.startswith("CC-BY-") and " " not in spdx:
        return Licence(spdx, True, "-NC" not in spdx, "-ND" not in spdx)
    return None


def _together(spdx: str, licences: Sequence[Licence]) -> Licence:
    """What is allowed where all of these are kept."""
    return Licence(
        spdx,
        redistribute=all(one.redistribute for one in licences),
        commercial=all(one.commercial for one in licences),
        derivatives=all(one.derivatives for one in licences),
    )


def _demands(spdx: str) -> frozenset[str]:
    """What a licence asks of whoever hands it on; one whose terms nobody told us asks for itself."""
    parts = all_of(spdx)
    if len(parts) > 1:
        return frozenset().union(*map(_demands, parts))
    if spdx in KNOWN:
        return KNOWN[spdx].demands
    if _terms(spdx) is None:
        return frozenset({spdx})
    return _SHARE_ALIKE if "-SA" in spdx else frozenset({_ATTRIBUTION})


def licence_of(spdx: str, redistribute: bool) -> Licence:
    """The full licence of a table row. Of one whose terms nobody told us nothing but the row's word is assumed."""
    known = _terms(spdx)
    if known is None:
        return Licence(spdx, redistribute, commercial=False, derivatives=False)
    return Licence(spdx, redistribute, known.commercial, known.derivatives)


def forbids_derivatives(spdx: str) -> bool:
    """Whether a licence, or one of several together, is known to forbid what is made from its works."""
    return any(terms is not None and not terms.derivatives for terms in map(_terms, all_of(spdx)))


def strictest(licences: Iterable[Licence]) -> Licence:
    """What a work made from all of these must carry: the licence that allows no more than any other and demands what
    each does. Where there is none such, those of which none covers another, together: `A AND B`.

    ValueError for none.
    """
    found = tuple(set(licences))
    if not found:
        raise ValueError("of an empty list of licences there is no strictest")
    if len(found) == 1:
        return found[0]
    kept: list[Licence] = []
    for one in sorted((part for each in found for part in _parts(each)), key=lambda one: one.spdx, reverse=True):
        if not any(_covers(other, one) for other in kept):
            kept = [*(other for other in kept if not _covers(one, other)), one]
    names = sorted({one.spdx for one in kept})
    return _together(" AND ".join(f"({name})" if " " in name and len(names) > 1 else name for name in names), found)


def _parts(licence: Licence) -> list[Licence]:
    """The licences that one is of, each for itself, lest what is unknown of one of them cover what another says."""
    parts = all_of(licence.spdx)
    return [(_terms(part) if len(parts) > 1 else None) or replace(licence, spdx=part) for part in parts]


def _covers(one: Licence, other: Licence) -> bool:
    """Whether whoever keeps a licence keeps another one too."""
    allowed = ((one.redistribute, other.redistribute), (one.commercial, other.commercial))
    return all(mine <= yours for mine, yours in (*allowed, (one.derivatives, other.derivatives))) and _demands(
        one.spdx
    ) >= _demands(other.spdx)


def of_derivative(licences: Iterable[Licence]) -> Licence:
    """What may be done with a work made from all of these, itself a derivative of each: it is handed on where all may
    be and allow derivatives, and sold where all may be.

    ValueError for none.
    """
    carried = strictest(licences)
    return replace(carried, redistribute=carried.redistribute and carried.derivatives)


def told_forbidden(found: Sequence[tuple[str | None, str]], remedy: str) -> str:
    """The sentence on samples, (licence, uid) each, that may not be redistributed; `remedy`: what to do."""
    licences = ", ".join(sorted({str(licence) for licence, _ in found}))
    examples = ", ".join(uid for _, uid in found[:_EXAMPLES])
    unknown = any(UNKNOWN_LICENCE in all_of(str(licence)) for licence, _ in found)
    state = "state the licence of your own recordings and texts (`licence:` of the recipe), or " if unknown else ""
    return (
        f"{plural(len(found), 'selected sample')} may not be redistributed ({licences}), for example {examples}: "
        f"{state}{remedy}"
    )


def hub_metadata(spdx: Iterable[str]) -> dict[str, object]:
    """The `license` keys of a card's front matter for works under these licences.

    A licence that the Hub does not list makes it `other`, with a name, as the Hub asks.
    """
    names = sorted(set(spdx))
    parts = {part for name in names for part in all_of(name)}
    identifiers = sorted({hub for part in parts if part in KNOWN and (hub := KNOWN[part].hub)})
    if not names or not all(part in KNOWN and KNOWN[part].hub for part in parts):
        label = "-and-".join(_plain(name) for name in names) or "unknown"
        return {"license": "other", "license_name": label, "license_link": "#licences"}
    return {"license": identifiers[0] if len(identifiers) == 1 else identifiers}
