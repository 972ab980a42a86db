"""Corpora become clips: the catalogue of sources, the adapters that read their layouts, decoding and measuring audio.

Plain functions on dataclasses and numpy arrays, usable from a notebook; nothing here knows of Ray or of recipes.
"""
