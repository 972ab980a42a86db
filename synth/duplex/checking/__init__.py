"""Whether a written dialogue is what its labels say, from its audio alone."""
