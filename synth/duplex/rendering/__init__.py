"""From lines and a timeline to audio, and to the labels that describe it."""
