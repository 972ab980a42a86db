"""Emotion, style and functions without a language model: a dialogue of the source is given a task, by templates.

params (which share gets which) -> given (one task or none for a dialogue) -> emotion, style, function (what each adds)
-> labels (what of it the voices perform). What is said is in `english` and `chinese`, a `wording.Wording` each.
"""
