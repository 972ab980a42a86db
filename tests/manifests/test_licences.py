import itertools

import pytest

from manifests.licences import KNOWN, hub_metadata, licence_of, strictest


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


def test_the_hub_gets_its_own_identifiers() -> None:
    assert hub_metadata(["CC-BY-4.0"]) == {"license": "cc-by-4.0"}
    assert hub_metadata(["CC-BY-4.0", "Apache-2.0", "CC-BY-4.0"]) == {"license": ["apache-2.0", "cc-by-4.0"]}
    assert hub_metadata(["LicenseRef-Own-Terms"])["license"] == "other"
    assert hub_metadata(["LicenseRef-Own-Terms"])["license_name"] == "own-terms"
    assert all(licence.hub == licence.hub.lower() for licence in KNOWN.values())
