"""The families of corpora that there are: a new one is a module of this folder, and a line here."""

from typing import Annotated

from pydantic import Field

from turnmill.sources.adapters import dialogue_text, files, table

IngestKnobs = Annotated[
    table.TableIngest  # names of audio in tables
    | files.FilesIngest  # names of audio alone
    | dialogue_text.DialogueTextIngest,  # written dialogues
    Field(discriminator="family"),
]
