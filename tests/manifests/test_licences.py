import itertools

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from turnmill.manifests.errors import UsageError
from turnmill.manifests.licences import (
    KNOWN,
    all_of,
    hub_metadata,
    licence_of,
    of_derivative,
    of_item,
    spelled,
    strictest,
)
from turnmill.manifests.params import LicenceStatement, validated
from turnmill.manifests.records import UNKNOWN_LICENCE, Licence


@pytest.mark.parametrize(
    ("mixed", "carried"),
    [
        (["CC0-1.0", "CC-BY-4.0"], "CC-BY-4.0"),
        (["CC-BY-4.0", "CC-BY-SA-4.0", "MIT"], "CC-BY-SA-4.0"),
        (["CC-BY-SA-4.0", "CC-BY-NC-4.0"], "CC-BY-NC-4.0 AND CC-BY-SA-4.0"),
        (["CC-BY-NC-4.0", "CC-BY-ND-4.0", "CC-BY-4.0"], "CC-BY-NC-4.0 AND CC-BY-ND-4.0"),
        (["CC-BY-NC-4.0 AND CC-BY-ND-4.0", "CC-BY-ND-4.0"], "CC-BY-NC-4.0 AND CC-BY-ND-4.0"),
        (["CC-BY-NC-4.0", "CC-BY-ND-4.0", "CC-BY-NC-ND-4.0"], "CC-BY-NC-ND-4.0"),
        (["CC-BY-4.0", "LicenseRef-Mystery"], "CC-BY-4.0 AND LicenseRef-Mystery"),
        (["CC0-1.0", "LicenseRef-Mystery"], "LicenseRef-Mystery"),
        (["LicenseRef-Mystery", "LicenseRef-Other"], "LicenseRef-Mystery AND LicenseRef-Other"),
        (["MIT OR Apache-2.0", "CC-BY-NC-4.0"], "CC-BY-NC-4.0 AND (MIT OR Apache-2.0)"),
    ],
)
def test_a_mix_carries_all_that_is_forbidden_and_demanded_in_whatever_order(mixed: list[str], carried: str) -> None:
    for order in itertools.permutations(mixed):
        found = strictest([licence_of(spdx, True) for spdx in order])
        assert found.spdx == carried == spelled(carried)
        assert found.commercial == all(licence_of(spdx, True).commercial for spdx in mixed)
        assert found.derivatives == all(licence_of(spdx, True).derivatives for spdx in mixed)


def test_what_one_forbids_is_not_lost_where_another_may_not_be_handed_on() -> None:
    found = strictest([licence_of("CC-BY-NC-ND-4.0", True), licence_of("CC0-1.0", False)])
    assert found == Licence("CC-BY-NC-ND-4.0 AND CC0-1.0", redistribute=False, commercial=False, derivatives=False)


@pytest.mark.parametrize(
    "three",
    list(
        itertools.combinations(
            ("CC-BY-4.0", "CC-BY-NC-4.0", "CC-BY-ND-4.0", "CC-BY-SA-4.0", "MIT", "LicenseRef-Mine"), 3
        )
    ),
)
def test_a_mix_of_mixes_carries_what_a_mix_of_all_does(three: tuple[str, str, str]) -> None:
    """What nobody knows of one licence of a dialogue is no reason to pass over that another clip is not for sale."""
    for one, two, three_ in itertools.permutations(licence_of(spdx, True) for spdx in three):
        assert strictest([strictest([one, two]), three_]) == strictest([one, two, three_])


def test_of_no_licence_there_is_no_strictest() -> None:
    with pytest.raises(ValueError, match="empty"):
        strictest([])


@pytest.mark.parametrize(
    ("spdx", "parts", "commercial", "derivatives"),
    [
        ("CC-BY-NC-4.0 AND CC-BY-ND-4.0", ["CC-BY-NC-4.0", "CC-BY-ND-4.0"], False, False),
        ("CC-BY-3.0 AND MIT", ["CC-BY-3.0", "MIT"], True, True),
        ("(CC-BY-3.0 AND MIT) AND CC0-1.0", ["CC-BY-3.0", "MIT", "CC0-1.0"], True, True),
        ("CC-BY-3.0 AND LicenseRef-x", ["CC-BY-3.0", "LicenseRef-x"], False, False),  # nobody told us all
        ("(MIT OR CC0-1.0) AND CC-BY-3.0", ["MIT OR CC0-1.0", "CC-BY-3.0"], False, False),  # nor which is chosen
        ("MIT OR CC0-1.0 AND CC-BY-3.0", ["MIT OR CC0-1.0 AND CC-BY-3.0"], False, False),
    ],
)
def test_an_expression_allows_what_all_of_it_do(
    spdx: str, parts: list[str], commercial: bool, derivatives: bool
) -> None:
    assert all_of(spdx) == parts
    assert licence_of(spdx, True) == Licence(spdx, True, commercial, derivatives)


def test_a_derivative_keeps_what_each_of_its_sources_forbids_whatever_is_the_strictest() -> None:
    no_derivatives, not_sold = licence_of("CC-BY-ND-4.0", True), licence_of("CC-BY-NC-4.0", True)
    made = of_derivative(iter([no_derivatives, not_sold]))
    both = "CC-BY-NC-4.0 AND CC-BY-ND-4.0"
    assert made == Licence(both, redistribute=False, commercial=False, derivatives=False)
    assert of_derivative([made, licence_of("CC0-1.0", True)]) == made


def test_a_derivative_of_what_allows_it_may_be_handed_on_and_of_one_secret_may_not() -> None:
    free, named = licence_of("CC0-1.0", True), licence_of("CC-BY-4.0", True)
    assert of_derivative([free, named]) == named
    assert of_derivative([free, licence_of("MIT", False)]) == Licence("MIT", redistribute=False, commercial=True)
    assert not of_derivative([named, licence_of("CC0-1.0", False)]).redistribute
    with pytest.raises(ValueError, match="empty"):
        of_derivative([])


def test_the_hub_gets_its_own_identifiers() -> None:
    assert hub_metadata(["CC-BY-4.0"]) == {"license": "cc-by-4.0"}
    assert hub_metadata(["CC-BY-4.0", "Apache-2.0", "CC-BY-4.0"]) == {"license": ["apache-2.0", "cc-by-4.0"]}
    assert hub_metadata(["CC-BY-NC-4.0 AND CC-BY-ND-4.0"]) == {"license": ["cc-by-nc-4.0", "cc-by-nd-4.0"]}
    assert hub_metadata(["LicenseRef-Own-Terms"])["license"] == "other"
    assert hub_metadata(["LicenseRef-Own-Terms"])["license_name"] == "own-terms"
    assert all(licence.hub == licence.hub.lower() for licence in KNOWN.values() if licence.hub is not None)
    assert hub_metadata(["CC-BY-4.0", "LicenseRef-public-domain"])["license_name"] == "cc-by-4.0-and-public-domain"
    assert hub_metadata(["MIT AND (CC0-1.0 OR LicenseRef-Own)"])["license_name"] == "mit-and-cc0-1.0-or-licenseref-own"


def stated(spdx: str, *, redistribute: bool = True, commercial: bool = True, derivatives: bool = True) -> Licence:
    said = {"spdx": spdx, "redistribute": redistribute, "commercial": commercial, "derivatives": derivatives}
    return validated(LicenceStatement, said, "r.yaml: licence").licence


def test_a_licence_is_spelled_as_spdx_does() -> None:
    assert stated("cc-by-4.0").spdx == "CC-BY-4.0"
    assert stated("mit and (apache-2.0 or licenseref-Mine)").spdx == "MIT AND (Apache-2.0 OR LicenseRef-Mine)"
    assert stated("LicenseRef-own-texts", commercial=False).spdx == "LicenseRef-own-texts"


@pytest.mark.parametrize(
    ("spdx", "hint"),
    [
        ("CC BY 4.0", "; did you mean .*CC-BY-4.0"),
        ("CC-BY-NC", "; did you mean .*CC-BY-NC-4.0"),
        ("apache 2", "; did you mean Apache-2.0"),
        ("all rights reserved", "; of a licence that has none write LicenseRef-all-rights-reserved"),
        ("LicenseRef-my server", "write LicenseRef-my-server"),
        ("MIT\n# A heading", "write LicenseRef-MIT-A-heading"),
        ("MIT\n", "; did you mean MIT"),
        ("", "write LicenseRef-NAME"),
        ("(" * 5000, "write LicenseRef-NAME"),
    ],
)
def test_what_is_no_licence_is_refused_with_what_is_meant(spdx: str, hint: str) -> None:
    with pytest.raises(UsageError, match=rf"^r.yaml: licence: spdx: is no SPDX identifier.*{hint}"):
        stated(spdx)


@given(st.text(st.sampled_from("mitMIT-0.1 ()+\n") | st.characters()) | st.text())
@example("(MIT")
@example("MIT WITH")
def test_any_text_is_a_licence_of_one_line_or_refused(text: str) -> None:
    try:
        found = spelled(text)
    except ValueError:
        return
    assert found.isprintable()
    assert spelled(found) == found


@pytest.mark.parametrize(
    ("spdx", "flags", "sentence"),
    [
        ("CC-BY-NC-4.0", {}, "`commercial: true` is not what CC-BY-NC-4.0 says: write `commercial: false`"),
        ("CC-BY-NC-ND-2.0", {"commercial": False}, "`derivatives: true` is not what CC-BY-NC-ND-2.0 says"),
        ("CC0-1.0", {"redistribute": False}, "`redistribute: false` is not what CC0-1.0 says"),
        ("MIT", {"commercial": False}, "`commercial: false` is not what MIT says"),
        ("MIT AND CC-BY-NC-4.0", {}, "write `commercial: false`, or name other terms by"),
        ("LicenseRef-x AND CC-BY-ND-4.0", {}, "write `derivatives: false`"),
    ],
)
def test_what_a_known_licence_does_not_say_is_refused(spdx: str, flags: dict[str, bool], sentence: str) -> None:
    with pytest.raises(UsageError, match=f"^r.yaml: licence: .*{sentence}"):
        stated(spdx, **flags)


def test_of_alternatives_and_of_terms_that_nobody_knows_either_word_is_taken() -> None:
    for commercial in (True, False):
        assert stated("LicenseRef-x", commercial=commercial).commercial == commercial
        assert stated("CC-BY-NC-4.0 OR MIT", commercial=commercial).commercial == commercial
        assert stated("LicenseRef-x AND MIT", commercial=commercial).commercial == commercial


@pytest.mark.parametrize(
    ("said", "spdx", "terms"),  # terms: may be handed on, sold, changed
    [
        ("http://creativecommons.org/licenses/by/3.0/", "CC-BY-3.0", (True, True, True)),
        ("https://creativecommons.org/licenses/by-nc-nd/4.0", "CC-BY-NC-ND-4.0", (True, False, False)),
        ("http://creativecommons.org/licenses/by/3.0/us/", "CC-BY-3.0-US", (True, True, True)),
        ("https://creativecommons.org/publicdomain/zero/1.0/", "CC0-1.0", (True, True, True)),
        ("Creative Commons 0", "CC0-1.0", (True, True, True)),
        ("  cc-by-nc-sa-4.0 ", "CC-BY-NC-SA-4.0", (True, False, True)),
        ("CC BY-NC 3.0", "CC-BY-NC-3.0", (True, False, True)),
        ("Creative Commons Attribution 4.0", "CC-BY-4.0", (True, True, True)),
        ("apache-2.0", "Apache-2.0", (True, True, True)),
        ("CC-BY-4.0 AND CC-BY-NC-4.0", "CC-BY-4.0 AND CC-BY-NC-4.0", (True, False, True)),
    ],
)
def test_an_item_says_its_licence_in_the_words_of_its_corpus(
    said: str, spdx: str, terms: tuple[bool, bool, bool]
) -> None:
    found = of_item(said)
    assert (found.spdx, (found.redistribute, found.commercial, found.derivatives)) == (spdx, terms)


@pytest.mark.parametrize(
    ("said", "spdx"),
    [
        ("CC BY 4.0 非商业", "LicenseRef-cc-by-4.0"),
        (
            "Not under https://creativecommons.org/licenses/by/4.0/",
            "LicenseRef-not-under-https-creativecommons.org-licenses-by-4.0",
        ),
        ("http://creativecommons.org/licenses/sampling+/1.0/", "LicenseRef-cc-sampling-1.0"),
        ("https://creativecommons.org/licenses/by-nc/2.5/ca/", "LicenseRef-cc-by-nc-2.5-ca"),
        ("Attribution", "LicenseRef-attribution"),  # of which version nobody says
        ("LicenseRef-GigaSpeech", "LicenseRef-GigaSpeech"),
        ("CC-BY-4.0 OR MIT", "CC-BY-4.0 OR MIT"),
        ("CC-BY-4.0 AND GPL-3.0-only", "CC-BY-4.0 AND GPL-3.0-only"),
        ("\u8bb8\u53ef", UNKNOWN_LICENCE),
    ],
)
def test_words_that_are_no_licence_we_know_are_kept_and_allow_nothing(said: str, spdx: str) -> None:
    assert of_item(said) == Licence(spdx, redistribute=False, commercial=False, derivatives=False)


@given(st.text(min_size=1, max_size=300))
@example("x" * 300)
def test_whatever_is_said_of_an_item_is_a_name_that_spdx_allows(said: str) -> None:
    spdx = of_item(said).spdx
    assert spelled(spdx) == spdx


def test_what_is_in_the_public_domain_is_never_the_strictest() -> None:
    free = licence_of("LicenseRef-public-domain", True)
    for other in ("CC-BY-4.0", "LicenseRef-CC-BY", "CC-BY-SA-4.0", "CC-BY-NC-3.0", "LicenseRef-Own-Terms"):
        assert strictest([free, licence_of(other, True)]).spdx == other
    assert strictest([licence_of("LicenseRef-CC-BY", True), licence_of("CC-BY-SA-4.0", True)]).spdx == "CC-BY-SA-4.0"
