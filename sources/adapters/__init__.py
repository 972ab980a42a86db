"""One module per corpus family (docs/corpora.md). `base.py` states what each must do."""
