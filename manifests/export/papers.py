"""What travels with an export: its licences, and a short card."""

from collections.abc import Mapping

from turnmill.manifests.index import Index
from turnmill.manifests.licences import KNOWN, all_of
from turnmill.manifests.store import Store
from turnmill.manifests.wording import plural


def write_papers(folder: Store, index: Index, licences: Mapping[str, int], told: str) -> None:
    """Write `LICENCES.md` and `README.md` of a format; `licences`: samples of each, `told`: what is said of it."""
    folder.write("LICENCES.md", _licences(licences).encode())
    folder.write("README.md", _card(index, told).encode())


def _licences(licences: Mapping[str, int]) -> str:
    lines = ["# Licences", "", "Every sample carries the strictest licence of what it was made from.", ""]
    for licence, count in sorted(licences.items()):
        links = [KNOWN[part].link for part in all_of(licence) if part in KNOWN]
        lines.append(f"- {licence}: {plural(count, 'sample')}{''.join(f' ({link})' for link in links)}")
    return "\n".join(lines) + "\n"


def _card(index: Index, told: str) -> str:
    lines = [
        f"# {index.recipe_name}, for training",
        "",
        f"Made by `turnmill export` from the output of recipe {index.recipe_name} ({index.recipe_hash}). `LICENCES.md` "
        "says under which terms.",
        "",
        "```",
        told.rstrip(),
        "```",
    ]
    return "\n".join(lines) + "\n"
