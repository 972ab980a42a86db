"""One module per family of corpora, listed in `families.py`. `base.py` states what each must do."""
