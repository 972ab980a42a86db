"""The record of everything: table schemas, the part store, queries, the dataset card and its publication.

Knows nothing of Ray, audio or models.
"""
