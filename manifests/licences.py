"""Licences: how they are spelled, what those that many use allow, and which of several a work made from all carries."""

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

from turnmill.manifests.records import UNKNOWN_LICENCE, Licence


@dataclass(frozen=True)
class KnownLicence:
    """`hub` is the identifier in a dataset card's `license` (https://huggingface.co/docs/hub/repositories-licenses);
    null of one that the Hub does not list.

    `rank` orders what a licence demands among those that allow the same: nothing, attribution, share-alike.
    """

    hub: str | None
    name: str
    link: str
    commercial: bool = True
    derivatives: bool = True
    rank: int = 1


_LONGEST, _SHOWN = 200, 40  # characters of an expression, and of a name that an error proposes
_CC = "https://creativecommons.org/licenses"
_CC_PAGE = re.compile(
    r"(?:https?://)?(?:www\.)?creativecommons\.org/(?:licenses|publicdomain)/([a-z+-]+)/(\d\.\d)(?:/([a-z]{2,3}))?/?"
    r"(?:(?:deed|legalcode)(?:\.[a-z-]+)?)?(?:[?#]\S*)?"
)

# Terms as the licences' own texts state them.
KNOWN: dict[str, KnownLicence] = {
    "CC0-1.0": KnownLicence(
        "cc0-1.0", "CC0 1.0 Universal", "https://creativecommons.org/publicdomain/zero/1.0/", rank=0
    ),
    "CC-BY-3.0": KnownLicence("cc-by-3.0", "Creative Commons Attribution 3.0", f"{_CC}/by/3.0/"),
    "CC-BY-4.0": KnownLicence("cc-by-4.0", "Creative Commons Attribution 4.0", f"{_CC}/by/4.0/"),
    "CC-BY-SA-3.0": KnownLicence(
        "cc-by-sa-3.0", "Creative Commons Attribution-ShareAlike 3.0", f"{_CC}/by-sa/3.0/", rank=2
    ),
    "CC-BY-SA-4.0": KnownLicence(
        "cc-by-sa-4.0", "Creative Commons Attribution-ShareAlike 4.0", f"{_CC}/by-sa/4.0/", rank=2
    ),
    "CC-BY-NC-4.0": KnownLicence(
        "cc-by-nc-4.0", "Creative Commons Attribution-NonCommercial 4.0", f"{_CC}/by-nc/4.0/", commercial=False
    ),
    "CC-BY-NC-SA-4.0": KnownLicence(
        "cc-by-nc-sa-4.0",
        "Creative Commons Attribution-NonCommercial-ShareAlike 4.0",
        f"{_CC}/by-nc-sa/4.0/",
        commercial=False,
        rank=2,
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
        None, "Public domain", "https://creativecommons.org/public-domain/pdm/", rank=0
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
    terms = [known for part in spdx.split(" AND ") if (known := _terms(part)) is not None]
    if len(terms) <= spdx.count(" AND "):
        return Licence(spdx, redistribute=False, commercial=False, derivatives=False)
    return Licence(spdx, True, all(each.commercial for each in terms), all(each.derivatives for each in terms))


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
    parts = [] if " OR " in stated.spdx else stated.spdx.strip("()").split(" AND ")  # of alternatives one may choose
    terms = [known for part in parts if (known := _terms(part)) is not None]
    for key in ("redistribute", "commercial", "derivatives"):
        says, may = getattr(stated, key), all(getattr(each, key) for each in terms)
        if terms and says != may and (says or len(terms) == len(parts)):
            return (
                f"`{key}: {str(says).lower()}` is not what {stated.spdx} says: write `{key}: {str(may).lower()}`, or "
                "name other terms by `spdx: LicenseRef-...`"
            )
    return None


def _terms(spdx: str) -> Licence | None:
    """What a licence allows; of Creative Commons' that is in the name. Null where nobody told us."""
    if (known := KNOWN.get(spdx)) is not None:
        return Licence(spdx, True, known.commercial, known.derivatives)
    if spdx.startswith("CC-BY-") and " " not in spdx:
        return Licence(spdx, True, "-NC" not in spdx, "-ND" not in spdx)
    return None


def rank(spdx: str) -> int:
    """How much a licence demands among those that allow the same; an unknown one demands most."""
    if spdx in KNOWN:
        return KNOWN[spdx].rank
    return (2 if "-SA" in spdx else 1) if _terms(spdx) is not None else 3


def licence_of(spdx: str, redistribute: bool) -> Licence:
    """The full licence of a table row. Of one whose terms nobody told us nothing but the row's word is assumed."""
    known = _terms(spdx)
    if known is None:
        return Licence(spdx, redistribute, commercial=False, derivatives=False)
    return Licence(spdx, redistribute, known.commercial, known.derivatives)


def strictest(licences: Iterable[Licence]) -> Licence:
    """What a work made from all of these must carry: the licence that allows least and, among equals, demands most.

    ValueError for none.
    """
    return max(licences, key=lambda one: (one.strictness, rank(one.spdx), one.spdx))


def of_derivative(licences: Iterable[Licence]) -> Licence:
    """What may be done with a work made from all of these, itself a derivative of each: it is handed on where all may
    be and allow derivatives, and sold where all may be. Its name is that of the strictest.

    ValueError for none.
    """
    found = tuple(licences)
    derivatives = all(one.derivatives for one in found)
    return Licence(
        strictest(found).spdx,
        redistribute=derivatives and all(one.redistribute for one in found),
        commercial=all(one.commercial for one in found),
        derivatives=derivatives,
    )


def hub_metadata(spdx: Iterable[str]) -> dict[str, object]:
    """The `license` keys of a card's front matter for works under these licences.

    A licence that the Hub does not list makes it `other`, with a name, as the Hub asks.
    """
    names = sorted(set(spdx))
    identifiers = sorted({hub for name in names if name in KNOWN and (hub := KNOWN[name].hub)})
    if not names or not all(name in KNOWN and KNOWN[name].hub for name in names):
        label = "-and-".join(_plain(name) for name in names) or "unknown"
        return {"license": "other", "license_name": label, "license_link": "#licences"}
    return {"license": identifiers[0] if len(identifiers) == 1 else identifiers}
