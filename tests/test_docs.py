"""What users read: every link leads somewhere, what is told from declarations is told as they are, and the documents
that code names are there."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from turnmill.manifests.records import Reason
from turnmill.pipelines.keys import keys, sections
from turnmill.pipelines.references import PAGES, recipe_keys
from turnmill.pipelines.shipped import shipped

ROOT = Path(__file__).parents[1]
DOCS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
FOLDERS = ("manifests", "sources", "synth", "dashboards", "pipelines", "turnmill", "tests")
CODE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def links(path: Path) -> Iterator[str]:
    """The targets of a page's links, but for those of other hosts."""
    for target in re.findall(r"\]\(([^)\s]+)\)", CODE.sub("", path.read_text("utf-8"))):
        if not re.match(r"[a-z]+:", target):
            yield target


def anchors(path: Path) -> set[str]:
    """What the headings of a page are called in links, on GitHub and on the site."""
    headings = re.findall(r"^#+ (.*)$", CODE.sub("", path.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def told() -> Iterator[tuple[Path, str]]:
    """Code, recipes, presets and prompts, and what is in them."""
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in (".py", ".yaml", ".md") and path != Path(__file__):
                yield path, path.read_text("utf-8")


@pytest.mark.parametrize("page", DOCS, ids=lambda path: path.name)
def test_every_relative_link_and_its_heading_are_there(page: Path) -> None:
    for target in links(page):
        name, _, anchor = target.partition("#")
        there = (page.parent / name).resolve() if name else page
        assert there.is_file(), target
        assert there.is_relative_to(ROOT), target
        assert not anchor or anchor in anchors(there), target


def test_the_readme_leads_to_every_page() -> None:
    reached = {(ROOT / target.partition("#")[0]).resolve() for target in links(ROOT / "README.md")}
    assert set((ROOT / "docs").glob("*.md")) <= reached


@pytest.mark.parametrize("name", PAGES)
def test_a_page_that_is_told_from_declarations_is_current(name: str) -> None:
    written = (ROOT / "docs" / name).read_text("utf-8")
    assert written == f"{PAGES[name]()}\n", "run `make docs`, or python -m turnmill.pipelines.references docs"


def test_references_hold_every_key_that_has_a_meaning_and_every_reason() -> None:
    page = recipe_keys()
    for section in ("", *sections()):
        assert all(f"| `{key.name}` |" in page for key in keys(section) if key.meaning), section
    assert all(reason.meaning for reason in Reason)


def test_code_names_no_document_that_users_do_not_have() -> None:
    for path, text in told():
        for name in re.findall(r"\bdocs/[\w./-]+\.md", text):
            assert (ROOT / name).is_file(), f"{path}: {name}"
        assert not re.search(r"\b(?:design|duplex|models|formats|peers)\.md|\breference/\w+\.md", text), path


def test_commands_of_the_docs_run_recipes_that_are_there() -> None:
    names = {recipe.name for recipe in shipped()}
    told_recipes = [text for path, text in told() if path.parent.name == "recipes"]
    texts = [*(page.read_text("utf-8") for page in DOCS), *told_recipes]
    named = [word for text in texts for word in re.findall(r"\bturnmill (?:run|init) ([a-z_]+)(?![\w.-])", text)]
    assert len(named) > 15
    assert set(named) <= names


def test_commands_of_the_docs_do_not_write_into_one_folder() -> None:
    for name, corpora in (
        ("README.md", ["librispeech", "recordings"]),
        ("docs/recipes.md", ["librispeech", "ljspeech"]),
    ):
        page = (ROOT / name).read_text("utf-8")
        commands = re.findall(r"^turnmill run speech .*(?:\\\n.*)*--out out/(\S+)", page, re.MULTILINE)
        assert len(set(commands)) == len(commands)
        assert commands[:2] == corpora
    engines = (ROOT / "docs" / "engines.md").read_text("utf-8")
    assert re.findall(r"^voices: \{from: ([^,]+),", engines, re.MULTILINE) == ["out/librispeech"]
