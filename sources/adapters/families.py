"""The families of corpora that there are: a new one is a module of this folder, and a line here."""

from turnmill.sources.adapters import dialogue_text, files, table

IngestKnobs = (
    table.TableIngest  # names of audio in tables
    | files.FilesIngest  # names of audio alone
    | dialogue_text.DialogueTextIngest  # written dialogues
)
"""The knobs of one of them, told apart by `family`."""
