"""Who speaks when: from a script and its measured lines to a timeline, without audio."""
