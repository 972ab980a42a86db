"""A dialogue in which both parties can speak at once, from lines that were spoken to labels that hold.

`planning` (script and measured lines -> `timeline.Timeline`, by the preset's `timing`) -> `rendering` (-> audio, the
sample's JSON and the rows of tables) -> `checking` (audio and JSON -> report). `talk` measures how two people share
the time, holds it against presets and what is published, and fits presets to recordings. Times are integer samples at
`synth.channels.RATE`.
"""
