"""Names made from table columns."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnmill.sources.adapters.template import parse

NAMES = st.text(st.characters(exclude_characters="/{}|", exclude_categories=["Cs"]), min_size=1)


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("{dir}/{id}.flac", "a/b/1-2-3.flac"),
        ("{id|split('-')|0}", "1"),
        ("{id|split('-')|-1}", "3"),
        ("{dir|split('/')|-1|upper}", "B"),
        ("{id|split('-')|0}/{id|split('-')|1}", "1/2"),
        ("LJ", "LJ"),
        ("{pipe|split('|')|1}", "y"),
    ],
)
def test_a_template_renders(text: str, result: str) -> None:
    assert parse(text).render({"dir": "a/b", "id": "1-2-3", "pipe": "x|y"}) == result


@pytest.mark.parametrize(
    "text", ["{id|nope}", "{id", "id}", "{}", "{id|split('-')|}", "{id|split(-)}", "{i d}", "{id|pad(101)}"]
)
def test_a_template_that_means_nothing_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"brace|is not a variable"):
        parse(text)


@pytest.mark.parametrize("text", ["{nobody}", "{id|split('-')|9}"])
def test_what_is_not_there_is_a_lookup_error(text: str) -> None:
    with pytest.raises(LookupError, match=r"nobody|has no piece 9 in '1, 2'"):
        parse(text).render({"id": "1-2"})


@given(st.lists(NAMES, min_size=1), NAMES)
def test_matching_undoes_rendering(folders: list[str], name: str) -> None:
    values = {"dir": "/".join(folders), "id": name}
    template = parse("{dir}/{id}.flac")
    assert template.match(template.render(values)) == values


def test_what_does_not_match_or_hides_its_variable_gives_none() -> None:
    assert parse("{dir}/{id}.flac").match("a/b.wav") == {}
    assert parse("{id|lower}.wav").match("b.wav") == {}


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("{number|pad(6)}", "000002"),
        ("{number|pad(6)|[:3]}", "000"),
        ("{words|split()|[::2]|join('')}", "ac"),
        ("{path|stem}/{path|name}/{path|up}", "c.d/c.d.wav/a/b"),
        ("{wide|nfkc}{quoted|strip('\"')}", "ABq"),
        ("{absent|or('none')}{empty|or('none')}", "nonenone"),
        ("{path|replace('a/', 'x')|removeprefix('x')}", "b/c.d.wav"),
    ],
)
def test_a_template_changes_what_it_renders(text: str, result: str) -> None:
    values = {
        "number": "2",
        "words": "a b c",
        "path": "a/b/c.d.wav",
        "wide": "\uff21\uff22",
        "quoted": '"q"',
        "empty": "",
    }
    assert parse(text).render(values) == result


def test_a_field_that_ends_with_pieces_is_several_texts() -> None:
    assert parse("{labels|split(',')}").pieces({"labels": "a,b"}) == ("a", "b")
    assert parse("{labels}").pieces({"labels": ["a", "b"]}) == ("a", "b")
    assert parse("x {labels}").pieces({"labels": ["a", "b"]}) == ("x a, b",)
