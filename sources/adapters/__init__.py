"""One module per corpus family (reference/sources.md, section 3). `base.py` states what each must do."""
