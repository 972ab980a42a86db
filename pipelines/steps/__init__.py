"""Whole-table steps: DuckDB over all parts of a half, one file a step. Their result is a part named `all`."""
