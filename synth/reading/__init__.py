"""How a written text is said: everything a reader would say is said, in words of the language."""
