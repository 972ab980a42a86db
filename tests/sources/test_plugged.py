"""What a function of the user's is known by: all of its code that the recipe's name leads to, and what it binds."""

from pathlib import Path

import pytest

from turnmill.manifests.errors import UsageError
from turnmill.sources.plugged import digest

KEY = "segment.separate"

NAMED = """
from functools import lru_cache, partial, wraps
from {deep} import deep, decorated

def plain(samples, sample_rate):
    return samples

def wrapped(function):
    @wraps(function)
    def outer(*given):
        return function(*given)
    return outer

bound = partial(deep, level={level})
twice = partial(partial(deep, 1), level={level})
over = wrapped(deep)
built_in = partial(max, {level})
strange = partial(deep, level=object())
"""
DEEP = """
def deep(samples, sample_rate, level=0):
    return samples

decorated = deep
"""


def named(folder: Path, monkeypatch: pytest.MonkeyPatch, level: int = 1, deep: str = DEEP) -> str:
    """A module of its own, so that nothing is left of an earlier import; with the name of one that it imports."""
    folder.mkdir()
    (folder / f"{folder.name}_deep.py").write_text(deep)
    (folder / f"{folder.name}.py").write_text(NAMED.format(deep=f"{folder.name}_deep", level=level))
    monkeypatch.syspath_prepend(folder)
    return folder.name


@pytest.mark.parametrize("function", ["bound", "twice", "over", "decorated", "built_in"])
def test_what_wraps_a_function_is_known_by_the_function_and_by_what_it_binds(
    function: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = named(tmp_path / f"one_{function}", monkeypatch)
    before = digest(f"{one}:{function}", KEY)
    assert digest(f"{one}:{function}", KEY) == before
    deep = tmp_path / one / f"{one}_deep.py"
    deep.write_text(DEEP + "# of another version\n")
    assert (digest(f"{one}:{function}", KEY) != before) == (function != "built_in")
    deep.write_text(DEEP)
    file = tmp_path / one / f"{one}.py"
    file.write_text(file.read_text() + "# of another version\n")
    assert digest(f"{one}:{function}", KEY) != before


def test_two_partials_of_one_file_are_two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = named(tmp_path / "partials", monkeypatch)
    found = {digest(f"{one}:{function}", KEY) for function in ("bound", "twice", "built_in")}
    assert len(found) == 3


def test_a_value_that_no_other_run_can_know_again_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = named(tmp_path / "values", monkeypatch)
    with pytest.raises(UsageError, match=r"segment.separate: values:strange binds what no recipe can know again"):
        digest(f"{one}:strange", KEY)
