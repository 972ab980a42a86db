"""The card of a repository that holds the tables alone, each a config."""

from collections.abc import Mapping
from typing import Any

from manifests.card import REPO, SCHEMA
from manifests.card_sections import markdown
from manifests.examples import plain
from manifests.front_matter import front_matter

_KEPT = ("license", "license_name", "language", "size_categories")


def tables_card(metadata: Mapping[str, Any], counts: Mapping[str, int]) -> str:
    """The card as Markdown; `metadata` is the front matter of the dataset's own card, `counts` the rows by table."""
    tables = list(counts)
    title = f"{metadata['pretty_name']}: tables"
    first = "events" if "events" in tables else tables[0]
    order = [first, *(table for table in tables if table != first)]
    matter = {
        "pretty_name": title,
        **{key: metadata[key] for key in _KEPT if key in metadata},
        "tags": ["turnmill"],
        "configs": [
            {
                "config_name": table,
                **({"default": True} if table == first else {}),
                "data_files": [{"split": "train", "path": f"manifests/{table}.parquet"}],
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

```python
import duckdb

duckdb.sql("FROM 'hf://datasets/{REPO}/manifests/{first}.parquet' LIMIT 5").show()
```
"""
