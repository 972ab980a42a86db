import itertools

import pytest

from turnmill.manifests.licences import KNOWN, hub_metadata, licence_of, of_derivative, strictest
from turnmill.manifests.records import Licence


@pytest.mark.parametrize(
    ("mixed", "carried"),
    [
        (["CC0-1.0", "CC-BY-4.0"], "CC-BY-4.0"),
        (["CC-BY-4.0", "CC-BY-SA-4.0", "MIT"], "CC-BY-SA-4.0"),
        (["CC-BY-SA-4.0", "CC-BY-NC-4.0"], "CC-BY-NC-4.0"),
        (["CC-BY-NC-4.0", "CC-BY-ND-4.0"], "CC-BY-ND-4.0"),
        (["CC-BY-4.0", "LicenseRef-Mystery"], "LicenseRef-Mystery"),
    ],
)
def test_a_mix_carries_what_allows_least_and_demands_most_in_whatever_order(mixed: list[str], carried: str) -> None:
    for order in itertools.permutations(mixed):
        assert strictest([licence_of(spdx, True) for spdx in order]).spdx == carried


def test_what_may_not_be_redistributed_is_stricter_than_anything() -> None:
    assert strictest([licence_of("CC-BY-NC-ND-4.0", True), licence_of("CC0-1.0", False)]).spdx == "CC0-1.0"


def test_of_no_licence_there_is_no_strictest() -> None:
    with pytest.raises(ValueError, match="empty"):
        strictest([])


def test_a_derivative_keeps_what_each_of_its_sources_forbids_whatever_is_the_strictest() -> None:
    no_derivatives, not_sold = licence_of("CC-BY-ND-4.0", True), licence_of("CC-BY-NC-4.0", True)
    made = of_derivative(iter([no_derivatives, not_sold]))
    assert made == Licence("CC-BY-ND-4.0", redistribute=False, commercial=False, derivatives=False)
    assert of_derivative([made, licence_of("CC0-1.0", True)]) == made


def test_a_derivative_of_what_allows_it_may_be_handed_on_and_of_one_secret_may_not() -> None:
    free, named = licence_of("CC0-1.0", True), licence_of("CC-BY-4.0", True)
    assert of_derivative([free, named]) == named
    assert of_derivative([free, licence_of("MIT", False)]) == Licence("MIT", redistribute=False, commercial=True)
    with pytest.raises(ValueError, match="empty"):
        of_derivative([])


def test_the_hub_gets_its_own_identifiers() -> None:
    assert hub_metadata(["CC-BY-4.0"]) == {"license": "cc-by-4.0"}
    assert hub_metadata(["CC-BY-4.0", "Apache-2.0", "CC-BY-4.0"]) == {"license": ["apache-2.0", "cc-by-4.0"]}
    assert hub_metadata(["LicenseRef-Own-Terms"])["license"] == "other"
    assert hub_metadata(["LicenseRef-Own-Terms"])["license_name"] == "own-terms"
    assert all(licence.hub == licence.hub.lower() for licence in KNOWN.values())
