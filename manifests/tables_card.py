"""The card of a repository that holds the tables alone, each a config."""

from collections.abc import Mapping
from typing import Any

from turnmill.manifests.card import REPO, SCHEMA
from turnmill.manifests.card_sections import markdown
from turnmill.manifests.examples import plain
from turnmill.manifests.front_matter import front_matter
from turnmill.manifests.loading import query
from turnmill.manifests.published import leading_table, table_path

_KEPT = ("license", "license_name", "language", "size_categories")


def tables_card(metadata: Mapping[str, Any], counts: Mapping[str, int]) -> str:
    """The card as Markdown; `metadata` is the front matter of the dataset's own card, `counts` the rows by table."""
    tables = list(counts)
    title = f"{metadata['pretty_name']}: tables"
    first = leading_table(tables)
    assert first is not None  # a dataset with samples has tables
    order = [first, *(table for table in tables if table != first)]
    matter = {
        "pretty_name": title,
        **{key: metadata[key] for key in _KEPT if key in metadata},
        "tags": ["turnmill"],
        "configs": [
            {
                "config_name": table,
                **({"default": True} if table == first else {}),
                "data_files": [{"split": "train", "path": table_path(table)}],
            }
            for table in order
        ],
    }
    listed = markdown(("table", "rows"), [(f"`{table}`", f"{rows:,}") for table, rows in counts.items()])
    return f"""{front_matter(matter)}
# {plain(title)}

The tables behind a dataset made by Turnmill: its labels and where each comes from, without its audio. [What every
column means]({SCHEMA}).

{listed}

```python
from datasets import load_dataset

rows = load_dataset("{REPO}", "{first}", split="train")
```

{query(REPO, first)}"""
