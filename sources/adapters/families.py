"""The families of corpora that there are: a new one is a module of this folder, and a line here."""

from turnmill.sources.adapters import dialogue_text, files, hf_parquet, segments, table, webdataset

IngestKnobs = (
    table.TableIngest  # names of audio in tables
    | files.FilesIngest  # names of audio alone
    | webdataset.WebDatasetIngest  # tar shards of audio and JSON
    | hf_parquet.HFParquetIngest  # rows of Parquet with audio in a column
    | segments.SegmentsIngest  # stretches of recordings
    | dialogue_text.DialogueTextIngest  # written dialogues
)
"""The knobs of one of them, told apart by `family`."""
