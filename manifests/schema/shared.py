"""Columns that several tables have."""

import pyarrow as pa

from turnmill.manifests.schema.table import BOOL, FLOAT, INT64, TEXT, field

WORD = pa.struct([("word", TEXT), ("start", FLOAT), ("end", FLOAT), ("prob", FLOAT)])

WHERE = [
    field(
        "shard",
        TEXT,
        "shard of its maker's own store; the published audio is where `clip_samples` and `dialogue_samples` say",
    ),
    field("offset", INT64, "first byte of the audio in that tar", "bytes"),
    field("size", INT64, "length of the audio file in that tar", "bytes"),
]

LICENCE = [
    field("licence", TEXT, "SPDX identifier of the strictest licence of its sources, or A AND B", source="catalogue"),
    field("licence_redistribute", BOOL, "may be given to others", source="catalogue"),
]
