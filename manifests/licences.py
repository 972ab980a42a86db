"""Licences as the Hugging Face Hub spells them, and which of several a work made from all must carry."""

from collections.abc import Iterable
from dataclasses import dataclass

from turnmill.manifests.records import Licence


@dataclass(frozen=True)
class KnownLicence:
    """`hub` is the identifier in a dataset card's `license` (https://huggingface.co/docs/hub/repositories-licenses).

    `rank` orders what a licence demands among those that allow the same: nothing, attribution, share-alike.
    """

    hub: str
    name: str
    link: str
    commercial: bool = True
    derivatives: bool = True
    rank: int = 1


_CC = "https://creativecommons.org/licenses"

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
    "ODC-By-1.0": KnownLicence(
        "odc-by", "Open Data Commons Attribution License 1.0", "https://opendatacommons.org/licenses/by/1-0/"
    ),
}


def rank(spdx: str) -> int:
    """How much a licence demands among those that allow the same; an unknown one demands most."""
    return KNOWN[spdx].rank if spdx in KNOWN else 3


def licence_of(spdx: str, redistribute: bool) -> Licence:
    """The full licence of a table row. Of one that is not in KNOWN nothing but the row's word is assumed."""
    known = KNOWN.get(spdx)
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
    if not names or any(name not in KNOWN for name in names):
        label = "-and-".join(name.removeprefix("LicenseRef-").lower() for name in names) or "unknown"
        return {"license": "other", "license_name": label, "license_link": "#licences"}
    identifiers = sorted({KNOWN[name].hub for name in names})
    return {"license": identifiers[0] if len(identifiers) == 1 else identifiers}
