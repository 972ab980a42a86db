"""What is shown to people: counts, and text that a terminal would obey."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.table import Table
from rich.text import Text

from turnmill.manifests.terminal import tell, terminal
from turnmill.manifests.wording import plural, repeatable, visible

EVIL = "\x1b[2Ja\x9b31mb\x07c\rd\u202ee\x7f"


def test_one_is_singular() -> None:
    assert [plural(count, "clip") for count in (0, 1, 2, 2000)] == ["0 clips", "1 clip", "2 clips", "2,000 clips"]


def test_what_a_terminal_obeys_is_shown() -> None:
    assert visible(EVIL) == r"\u001b[2Ja\u009b31mb\u0007c\u000dd\u202ee\u007f"
    assert visible("Ünïcode 音\t\n") == "Ünïcode 音\t\n"


@given(st.text())
def test_nothing_that_a_terminal_obeys_is_left(text: str) -> None:
    assert not set(visible(text)) & {
        *map(chr, range(9)),
        *map(chr, range(11, 32)),
        *map(chr, range(127, 160)),
        "\u202e",
    }
    assert visible(visible(text)) == visible(text)


def test_the_console_shows_it_wherever_it_stands() -> None:
    file = io.StringIO()
    console = terminal(file, width=200)
    table = Table("name")
    table.add_row(Text(EVIL))
    for what in (EVIL, Text(EVIL), table):
        console.print(what, markup=False, highlight=False)
    assert file.getvalue().count(r"\u001b[2Ja") == 3  # a cell is cut to the width of its column
    assert not set(file.getvalue()) & set("\x1b\x9b\x07\r\u202e")


def test_a_told_text_shows_it(capsys: pytest.CaptureFixture[str]) -> None:
    tell(EVIL)
    tell(EVIL, error=True)
    said = capsys.readouterr()
    assert "\x1b" not in said.out + said.err
    assert said.out == said.err == visible(EVIL) + "\n"


def test_an_error_says_no_address_of_an_object() -> None:
    said = "cannot read <_io.BytesIO object at 0x7f00deadbeef> at 0x7f00deadbeef of 0x10"
    assert repeatable(said, "it") == "cannot read it at it of 0x10"
