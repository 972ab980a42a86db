"""Plan, render, label and verify a dialogue in which both parties can speak at once.

planner (script and measured lines -> `timeline.Timeline`) -> render (-> audio) -> labels (-> the sample's JSON and
table rows)
-> verify (audio and JSON -> report). Channel 0 is the assistant, channel 1 the user; times are integer samples at
`RATE`.
"""

RATE = 24_000
"""Samples per second of everything that is planned and rendered here."""

ASSISTANT, USER = 0, 1
"""The channels."""
