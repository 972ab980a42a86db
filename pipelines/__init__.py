"""Recipes run on Ray: the only package that knows Ray."""
