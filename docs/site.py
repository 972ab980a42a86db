"""For `make docs`: README and CONTRIBUTING are pages of the site, and links reach them as they do in the checkout."""

from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

_ROOT = Path(__file__).parents[1]
_PAGES = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md"}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    for name, page in _PAGES.items():
        files.append(File.generated(config, page, content=(_ROOT / name).read_text("utf-8")))
    return files


def on_page_markdown(markdown: str, **_: object) -> str:
    for name, page in _PAGES.items():
        markdown = markdown.replace(f"](../{name}", f"]({page}").replace(f"]({name}", f"]({page}")
    return markdown.replace("](docs/", "](")
