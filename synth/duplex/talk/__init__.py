"""How people share the time: measured, held against presets and published figures, and fitted."""
